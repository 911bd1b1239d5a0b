/*
 * Any cutting of the input gives the same lines and literals, and every byte
 * belongs to exactly one of them.
 */
#include "config.h"

#include "fuzz.h"

#include <stdlib.h>

#include "base/buf.h"
#include "imap/lex.h"

/* Write down the events, neighbouring pieces of one kind joined. */
static void
trace(struct buf *out, struct str in, size_t cut)
{
	struct lex l;
	enum lex_event ev, last = LEX_LINE;
	size_t at = 0, end, n, sum = 0;

	lex_init(&l);
	while (at < in.len) {
		end = at < cut ? cut : in.len;
		n = lex_step(&l, str_of(in.p + at, end - at), &ev);
		assert(n > 0 && n <= end - at);
		at += n;
		if ((ev == LEX_DATA) != (last == LEX_DATA) && sum > 0) {
			buf_printf(out, "%d:%zu ", (int)last, sum);
			sum = 0;
		}
		sum += n;
		last = ev;
		if (ev == LEX_LINE || ev == LEX_LITERAL) {
			buf_printf(out, "%d:%zu ", (int)ev, sum);
			sum = 0;
		}
	}
	buf_printf(out, "%d:%zu", (int)last, sum);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	return (fuzz_cut(trace, data, size));
}
