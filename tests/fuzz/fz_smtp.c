/*
 * The lines of a client and the replies of a server.  An address that was
 * taken has one canonical form, which is a mailbox and its own canonical
 * form; a reply cut anywhere reads the same, and printed it reads the same.
 */
#include "config.h"

#include <string.h>

#include "base/limits.h"
#include "fuzz.h"
#include "smtp/ehlo.h"
#include "smtp/reply.h"
#include "smtp/verb.h"

static void
try_line(struct str line)
{
	struct verb_fault fault = {0, NULL};
	struct buf once, twice;
	struct verb_line v;

	if (verb_parse(line, &v, &fault) == -1) {
		assert(fault.code >= 500 && fault.code < 600);
		assert(fault.text != NULL);
		return;
	}
	if (v.path.len == 0)
		return;
	assert(v.path.p > line.p);
	assert(v.path.p + v.path.len < line.p + line.len);
	buf_init(&once, LIMIT_ADDRESS * 2);
	buf_init(&twice, LIMIT_ADDRESS * 2);
	assert(verb_canonical(v.path, &once) == 0);
	assert(verb_canonical(buf_text(&once), &twice) == 0);
	assert(str_eq(buf_text(&once), buf_text(&twice)));
	buf_clear(&once);
	buf_clear(&twice);
}

/* Feed in two pieces; *used is the sum. */
static int
feed(struct reply *r, const char *text, size_t size, size_t cut, size_t *used)
{
	size_t more = 0;
	int rc;

	*used = 0;
	if ((rc = reply_feed(r, text, cut, used)) == 0) {
		rc = reply_feed(r, text + cut, size - cut, &more);
		*used += more;
	}
	return (rc);
}

static void
same(const struct reply *a, const struct reply *b)
{
	assert(a->code == b->code);
	assert(str_eq(buf_text(&a->text), buf_text(&b->text)));
}

static void
try_reply(const char *text, size_t size, size_t cut)
{
	struct reply a, b;
	struct buf out, again;
	struct ehlo_caps caps;
	size_t used, used2;
	int rc;

	reply_init(&a);
	reply_init(&b);
	buf_init(&out, LIMIT_REPLY * 20);
	buf_init(&again, LIMIT_REPLY * 20);
	rc = feed(&a, text, size, size, &used);
	assert(feed(&b, text, size, cut, &used2) == rc);
	if (rc == 1) {
		assert(used == used2);
		same(&a, &b);
		ehlo_parse(buf_text(&a.text), &caps);
		reply_relay(&out, &a);
		reply_reset(&b);
		if (reply_feed(&b, out.data, out.len, &used) == 1) {
			assert(used == out.len);
			reply_relay(&again, &b);
			assert(str_eq(buf_text(&out), buf_text(&again)));
		}
	}
	buf_clear(&out);
	buf_clear(&again);
	reply_clear(&a);
	reply_clear(&b);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;

	if (size == 0 || size > LIMIT_SMTP_LINE)
		return (0);
	try_line(str_of(text, size));
	try_reply(text, size, data[0] % size);
	return (0);
}
