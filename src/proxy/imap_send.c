/*
 * Commands with literals on their way to the server.
 *
 * A synchronising literal is announced and the server's "+" waited for; a
 * non-synchronising one is sent on as it is, or made synchronising where the
 * server lacks LITERAL+ (RFC 7888): the one edit a command may suffer.
 */
#include "config.h"

#include "base/num.h"
#include "proxy/append.h"
#include "proxy/imap.h"

/* The largest that LITERAL- lets a client send unasked. */
#define LITERAL_MINUS 4096

/* May the literal whose announcement the text ends with be sent as it is?
 * LITERAL- allows those up to 4096 bytes (RFC 7888 section 5). */
static bool
send_nonsync(const struct imap *s, struct str text)
{
	uint64_t n;
	size_t i;

	if (s->caps.literal_plus || !s->caps.literal_minus)
		return (s->caps.literal_plus);
	for (i = text.len; i > 0 && text.p[i - 1] != '{'; i--)
		;
	return (
	    num_lead(str_of(text.p + i, text.len - i), LITERAL_MINUS, &n) > 0);
}

/* Send from send_at to end, where a literal's announcement ends.  Returns
 * whether the server has to say "+" before the literal. */
static bool
send_announced(struct imap *s, size_t end, bool nonsync)
{
	struct str text = buf_text(&s->in.text);

	text = str_of(text.p + s->send_at, end - s->send_at);
	s->send_at = end;
	if (nonsync && !send_nonsync(s, text)) {
		stream_write(s->up, text.p, text.len - sizeof("+}\r\n") + 1);
		stream_str(s->up, STR("}\r\n"));
		return (true);
	}
	stream_str(s->up, text);
	return (!nonsync);
}

/* The head of an APPEND is out: the message comes. */
static void
send_stream(struct imap *s)
{
	if (s->append != NULL) {
		append_stream(s);
		return;
	}
	s->append_left = s->in.stream;
	cmd_streamed(&s->in);
}

void
imap_send_more(struct imap *s)
{
	const struct cmd_literal *lit;
	struct str text;

	s->literal_wait = false;
	for (; s->send_lit < s->in.nlits; s->send_lit++) {
		lit = &s->in.lits[s->send_lit];
		if (lit->at <= s->send_at)
			continue;
		if (send_announced(s, lit->at, lit->nonsync)) {
			s->literal_wait = true;
			return;
		}
	}
	text = buf_text(&s->in.text);
	if (!s->appending) {
		stream_write(s->up, text.p + s->send_at, text.len - s->send_at);
		cmd_next(&s->in);
		return;
	}
	if (s->send_at == text.len) {
		send_stream(s);
		return;
	}
	/* The client has its "+" already, or wants none. */
	s->append_ours = true;
	if (send_announced(s, text.len, s->in.stream_nonsync))
		s->literal_wait = true;
	else
		send_stream(s);
}

void
imap_send(struct imap *s)
{
	s->send_at = 0;
	s->send_lit = 0;
	s->append_ours = true;
	imap_send_more(s);
}

void
imap_append_move(struct imap *s)
{
	size_t n = stream_input_len(s->client);

	if (s->append != NULL) {
		append_take(s);
		return;
	}
	if (n > s->append_left)
		n = (size_t)s->append_left;
	stream_move(s->client, s->up, n);
	s->append_left -= n;
	imap_expect(s, IMAP_PASSED_S);
}

void
imap_append_end(struct imap *s, bool well)
{
	if (s->append != NULL) {
		append_end(s, well);
		return;
	}
	s->appending = false;
	/* A second message, or CATENATE's parts: the server is made to refuse
	 * what it has got so far, and its BAD is the client's. */
	stream_str(s->up, well ? STR("\r\n") : STR(" )\r\n"));
	cmd_next(&s->in);
}
