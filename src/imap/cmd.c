#include "config.h"

#include "imap/cmd.h"

#include <string.h>

#include "base/limits.h"

/* Memory that an idle session may keep. */
#define KEEP 1024

void
cmd_init(struct cmd_reader *r)
{
	memset(r, 0, sizeof(*r));
	lex_init(&r->lex);
	buf_init(&r->text, LIMIT_CLIENT_LINE);
}

void
cmd_clear(struct cmd_reader *r)
{
	buf_wipe(&r->text);
}

void
cmd_next(struct cmd_reader *r)
{
	if (r->text.cap > KEEP)
		buf_wipe(&r->text);
	else
		buf_reset(&r->text);
	r->nlits = 0;
	r->seg = 0;
	r->quiet = false;
	r->state = CMD_IN_COMMAND;
	r->lex.plain = false;
}

void
cmd_expect_line(struct cmd_reader *r)
{
	cmd_next(r);
	r->state = CMD_IN_LINE;
	r->lex.plain = true;
}

void
cmd_streamed(struct cmd_reader *r)
{
	cmd_next(r);
	r->lex.left = 0;
	r->state = CMD_IN_TAIL;
}

/* Read the tag of what is in text, as far as it goes, for a refusal. */
static void
cmd_keep_tag(struct cmd_reader *r)
{
	struct tok t;
	struct str tag;

	tok_init(&t, buf_text(&r->text));
	if (!tok_atom(&t, &tag) || tag.len > CMD_TAG_MAX ||
	    tok_peek(&t) != ' ' || memchr(tag.p, '+', tag.len) != NULL)
		tag = STR("*");
	memcpy(r->tag, tag.p, tag.len);
	r->tag[tag.len] = '\0';
}

void
cmd_skip_stream(struct cmd_reader *r)
{
	cmd_keep_tag(r);
	cmd_next(r);
	if (!r->stream_nonsync) {
		r->lex.left = 0;
		return;
	}
	r->lex.left = r->stream;
	r->state = CMD_IN_SKIP;
	r->quiet = true;
}

/*
 * Refuse the command.  at says what was just read.  The client of a
 * synchronising literal waits for "+" and takes a BAD instead; the bytes of
 * a non-synchronising one are skipped, if they are not too many.
 */
static enum cmd_event
cmd_refuse(struct cmd_reader *r, enum lex_event at, uint64_t most,
    const char *why)
{
	if (r->state != CMD_IN_SKIP)
		cmd_keep_tag(r);
	r->why = why;
	r->too_big = false;
	if (at == LEX_LITERAL && r->lex.nonsync) {
		if (r->lex.left > most)
			return (CMD_FATAL);
	} else if (at == LEX_LITERAL || at == LEX_LINE) {
		r->lex.left = 0;
		cmd_next(r);
		return (CMD_REFUSED);
	}
	buf_reset(&r->text);
	r->state = CMD_IN_SKIP;
	return (CMD_MORE);
}

/*
 * The text ends with the announcement of a literal.  If the command is an
 * APPEND: is it the mailbox name (0), the message (1), or is there something
 * an APPEND of one message does not have (-1)?
 */
static int
append_literal(const struct cmd_reader *r)
{
	struct tok t;
	struct str word;
	size_t nth, end;

	tok_init(&t, buf_text(&r->text));
	end = t.in.len;
	if (!tok_atom(&t, &word) || !tok_char(&t, ' ') ||
	    !tok_atom(&t, &word) || !str_ieq(word, STR("APPEND")) ||
	    !tok_char(&t, ' '))
		return (0);
	t.away = &end;
	t.naway = 1;
	if (tok_literal(&t, &word, &nth)) {
		if (nth == 0)
			return (0);
	} else if (!tok_value(&t, &word))
		return (-1);
	if (!tok_char(&t, ' '))
		return (-1);
	if (tok_peek(&t) == '(' && !(tok_value(&t, &word) && tok_char(&t, ' ')))
		return (-1);
	if (tok_peek(&t) == '"' && !(tok_value(&t, &word) && tok_char(&t, ' ')))
		return (-1);
	return (tok_literal(&t, &word, &nth) && nth == 0 ? 1 : -1);
}

/* Does the announcement at the end of the text begin a word?  Else a server
 * may take it for a part of one, and the literal for commands. */
static bool
at_word(struct str text)
{
	while (text.len > 0 && text.p[text.len - 1] != '{')
		text.len--;
	if (text.len > 1 && text.p[text.len - 2] == '~')
		text.len--;
	return (text.len > 1 &&
	        (text.p[text.len - 2] == ' ' || text.p[text.len - 2] == '('));
}

/* A literal was announced. */
static enum cmd_event
cmd_literal(struct cmd_reader *r)
{
	struct lex *l = &r->lex;
	enum cmd_event ev;
	int append;

	if (!at_word(buf_text(&r->text)))
		return (cmd_refuse(r, LEX_LITERAL, LIMIT_CLIENT_LINE,
		    "a literal within a word"));
	if (l->binary)
		return (cmd_refuse(r, LEX_LITERAL, LIMIT_MESSAGE,
		    "binary literals are not offered"));
	if ((append = append_literal(r)) != 0) {
		if (append == -1)
			return (cmd_refuse(r, LEX_LITERAL, LIMIT_MESSAGE,
			    "APPEND takes flags, a date and one message"));
		if (l->left > LIMIT_MESSAGE) {
			ev = cmd_refuse(r, LEX_LITERAL, 0, "message too large");
			r->too_big = true;
			return (ev);
		}
		r->stream = l->left;
		r->stream_nonsync = l->nonsync;
		return (CMD_STREAM);
	}
	if (l->left > LIMIT_CLIENT_LINE - r->text.len)
		return (cmd_refuse(r, LEX_LITERAL, 0, "literal too large"));
	if (r->nlits == CMD_LITERALS)
		return (cmd_refuse(r, LEX_LITERAL, LIMIT_CLIENT_LINE,
		    "too many literals"));
	r->lits[r->nlits].at = r->text.len;
	r->lits[r->nlits++].nonsync = l->nonsync;
	r->seg = r->text.len + (size_t)l->left;
	return (l->nonsync ? CMD_MORE : CMD_GO_AHEAD);
}

/* A whole line, or what ends with a literal's announcement, is in text. */
static enum cmd_event
cmd_line(struct cmd_reader *r, enum lex_event at)
{
	struct str text = buf_text(&r->text);
	const char *why;

	if (!lex_line_ok(str_of(text.p + r->seg, text.len - r->seg), &why))
		return (cmd_refuse(r, at, LIMIT_CLIENT_LINE, why));
	if (r->state == CMD_IN_TAIL) {
		if (text.len != 2)
			return (cmd_refuse(r, at, LIMIT_MESSAGE,
			    "APPEND takes one message"));
		return (CMD_READY);
	}
	return (at == LEX_LITERAL ? cmd_literal(r) : CMD_READY);
}

/* One step while a refused command is skipped. */
static enum cmd_event
cmd_skip(struct cmd_reader *r, enum lex_event at)
{
	bool quiet = r->quiet;

	switch (at) {
	case LEX_TEXT:
	case LEX_DATA:
		return (CMD_MORE);
	case LEX_LINE:
		cmd_next(r);
		return (quiet ? CMD_MORE : CMD_REFUSED);
	case LEX_LITERAL:
		return (cmd_refuse(r, at, LIMIT_CLIENT_LINE,
		    quiet ? "APPEND takes one message" : r->why));
	}
	return (CMD_MORE);
}

size_t
cmd_feed(struct cmd_reader *r, struct str in, enum cmd_event *ev)
{
	enum lex_event at;
	size_t used = 0, n, room;

	*ev = CMD_MORE;
	while (used < in.len && *ev == CMD_MORE) {
		n = lex_step(&r->lex, str_of(in.p + used, in.len - used), &at);
		if (r->state == CMD_IN_SKIP) {
			used += n;
			*ev = cmd_skip(r, at);
			continue;
		}
		room = r->text.max - r->text.len;
		buf_put(&r->text, in.p + used, n < room ? n : room);
		used += n;
		if (n > room || r->text.failed) {
			r->text.failed = false;
			*ev = cmd_refuse(r, at, LIMIT_CLIENT_LINE,
			    "command too long");
		} else if (at == LEX_LINE || at == LEX_LITERAL)
			*ev = cmd_line(r, at);
	}
	return (used);
}

bool
cmd_parse(struct str text, struct cmd *c, const char **why)
{
	struct tok t;

	memset(c, 0, sizeof(*c));
	tok_init(&t, str_of(text.p, text.len < 2 ? 0 : text.len - 2));
	*why = "a tag is missing";
	if (!tok_atom(&t, &c->tag) || memchr(c->tag.p, '+', c->tag.len) ||
	    c->tag.len > CMD_TAG_MAX || !tok_char(&t, ' ')) {
		c->tag = STR("*");
		return (false);
	}
	*why = "a command is missing";
	if (!tok_atom(&t, &c->name))
		return (false);
	if (str_ieq(c->name, STR("UID"))) {
		c->uid = true;
		*why = "UID of what?";
		if (!tok_char(&t, ' ') || !tok_atom(&t, &c->name))
			return (false);
	}
	*why = "a blank is missing behind the command";
	if (!tok_char(&t, ' ') && !tok_end(&t))
		return (false);
	c->args = str_of(t.in.p + t.pos, t.in.len - t.pos);
	return (true);
}
