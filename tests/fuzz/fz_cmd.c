/*
 * Any cutting of a client's input gives the same commands, refusals and
 * go-aheads, and no more memory is held than the limit.
 */
#include "config.h"

#include "fuzz.h"

#include "base/limits.h"
#include "imap/cmd.h"

static void
trace(struct buf *out, struct str in, size_t cut)
{
	struct cmd_reader r;
	enum cmd_event ev = CMD_MORE;
	struct cmd c;
	const char *why;
	size_t at = 0, end, n;

	cmd_init(&r);
	while (at < in.len && ev != CMD_FATAL) {
		end = at < cut ? cut : in.len;
		n = cmd_feed(&r, str_of(in.p + at, end - at), &ev);
		assert(n > 0 && n <= end - at);
		assert(r.text.len <= LIMIT_CLIENT_LINE && !r.text.failed);
		at += n;
		switch (ev) {
		case CMD_MORE:
			break;
		case CMD_READY:
			if (cmd_parse(buf_text(&r.text), &c, &why))
				assert(c.name.len > 0 && c.tag.len > 0 &&
				       c.args.p + c.args.len + 2 ==
				           r.text.data + r.text.len);
			buf_str(out, buf_text(&r.text));
			cmd_next(&r);
			break;
		case CMD_STREAM:
			assert(r.stream <= LIMIT_MESSAGE);
			buf_printf(out, "S%zu ", (size_t)r.stream);
			if (r.stream % 2 == 1) {
				cmd_skip_stream(&r);
				break;
			}
			at += r.stream < in.len - at ? (size_t)r.stream
			                             : in.len - at;
			cmd_streamed(&r);
			break;
		case CMD_GO_AHEAD:
		case CMD_REFUSED:
		case CMD_FATAL:
			buf_printf(out, "%d%s ", (int)ev, r.tag);
			break;
		}
	}
	cmd_clear(&r);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	return (fuzz_cut(trace, data, size));
}
