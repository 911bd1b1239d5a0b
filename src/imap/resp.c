#include "config.h"

#include "imap/resp.h"

#include <string.h>

#include "base/num.h"

/* A word that takes longer than this is none. */
#define WORD_MAX 64

bool
resp_is_line(enum resp_kind kind)
{
	return (kind != RESP_FETCH && kind != RESP_DATA);
}

/* Find the end of the line; OK, MORE or BAD (too long). */
static int
resp_line(struct str in, struct str *line)
{
	const char *lf;

	lf =
	    memchr(in.p, '\n', in.len < RESP_LINE_MAX ? in.len : RESP_LINE_MAX);
	if (lf == NULL)
		return (in.len >= RESP_LINE_MAX ? -1 : 0);
	*line = str_of(in.p, (size_t)(lf - in.p) + 1);
	return (1);
}

/* The word at pos, which ends with a blank or the line. */
static int
resp_word(struct str in, size_t pos, struct str *word)
{
	size_t i;

	for (i = pos; i < in.len && i - pos <= WORD_MAX; i++)
		if (in.p[i] == ' ' || in.p[i] == '\r' || in.p[i] == '\n') {
			*word = str_of(in.p + pos, i - pos);
			return (i > pos ? 1 : -1);
		}
	return (i - pos > WORD_MAX ? -1 : 0);
}

static bool
resp_cond(struct str word, enum resp_cond *out)
{
	static const char *const words[] = {
	    [COND_OK] = "OK",
	    [COND_NO] = "NO",
	    [COND_BAD] = "BAD",
	    [COND_BYE] = "BYE",
	    [COND_PREAUTH] = "PREAUTH",
	};
	size_t i;

	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (str_ieq(word, str_c(words[i]))) {
			*out = (enum resp_cond)i;
			return (true);
		}
	return (false);
}

/* Divide what follows OK, NO, BAD: resp-text. */
static void
resp_text(struct str rest, struct resp *r)
{
	size_t end;

	rest = str_trim(rest);
	r->text = rest;
	if (rest.len == 0 || rest.p[0] != '[')
		return;
	if ((end = str_find(rest, ']')) == rest.len)
		return;
	r->code = str_of(rest.p + 1, end - 1);
	r->text = str_trim(str_of(rest.p + end + 1, rest.len - end - 1));
}

/* A word, and up to the end of its line a list. */
static int
resp_list(struct str in, size_t pos, enum resp_kind kind, struct resp *r)
{
	int rc;

	r->kind = kind;
	if ((rc = resp_line(in, &r->line)) != 1)
		return (rc);
	r->text = str_trim(str_of(in.p + pos, r->line.len - pos));
	return (1);
}

/* RFC 7162 section 7, expunged-resp. */
static int
resp_vanished(struct str in, size_t pos, struct resp *r)
{
	const struct str earlier = STR("(EARLIER) ");
	int rc;

	if ((rc = resp_list(in, pos, RESP_VANISHED, r)) == -1 &&
	    str_istarts(str_of(in.p + pos, in.len - pos), STR(" (EARLIER) "))) {
		/* Nothing moves, so it may stream through unread. */
		r->kind = RESP_DATA;
		r->line = str_of(in.p, pos);
		return (1);
	}
	if (rc != 1)
		return (rc);
	r->earlier = str_istarts(r->text, earlier);
	if (r->earlier)
		r->text =
		    str_of(r->text.p + earlier.len, r->text.len - earlier.len);
	return (1);
}

/* Behind "* ": a word. */
static int
resp_untagged(struct str in, struct str word, struct resp *r)
{
	size_t pos = 2 + word.len;
	int rc;

	if (resp_cond(word, &r->cond)) {
		r->kind = RESP_STATUS;
		if ((rc = resp_line(in, &r->line)) != 1)
			return (rc);
		resp_text(str_of(in.p + pos, r->line.len - pos), r);
		return (1);
	}
	if (str_ieq(word, STR("CAPABILITY")))
		return (resp_list(in, pos, RESP_CAPABILITY, r));
	if (str_ieq(word, STR("ENABLED")))
		return (resp_list(in, pos, RESP_ENABLED, r));
	if (str_ieq(word, STR("VANISHED")))
		return (resp_vanished(in, pos, r));
	r->kind = RESP_DATA;
	r->line = str_of(in.p, pos);
	return (1);
}

/* Behind "* n ": a word. */
static int
resp_numbered(struct str in, size_t pos, struct resp *r)
{
	struct str word;
	int rc;

	if ((rc = resp_word(in, pos, &word)) != 1)
		return (rc);
	if (str_ieq(word, STR("FETCH"))) {
		r->kind = RESP_FETCH;
		r->line = str_of(in.p, pos + word.len);
		return (r->number > 0 ? 1 : -1);
	}
	if (str_ieq(word, STR("EXISTS")))
		r->kind = RESP_EXISTS;
	else if (str_ieq(word, STR("RECENT")))
		r->kind = RESP_RECENT;
	else if (str_ieq(word, STR("EXPUNGE")) && r->number > 0)
		r->kind = RESP_EXPUNGE;
	else {
		r->kind = RESP_DATA;
		r->line = str_of(in.p, pos + word.len);
		return (1);
	}
	return (resp_line(in, &r->line));
}

static int
resp_tagged(struct str in, struct resp *r)
{
	struct str word;
	size_t pos;
	int rc;

	if ((rc = resp_word(in, 0, &r->tag)) != 1)
		return (rc);
	pos = r->tag.len + 1;
	if (in.p[r->tag.len] != ' ')
		return (-1);
	if ((rc = resp_word(in, pos, &word)) != 1)
		return (rc);
	if (!resp_cond(word, &r->cond) || r->cond > COND_BAD)
		return (-1);
	r->kind = RESP_TAGGED;
	if ((rc = resp_line(in, &r->line)) != 1)
		return (rc);
	pos += word.len;
	resp_text(str_of(in.p + pos, r->line.len - pos), r);
	return (1);
}

size_t
resp_is_fetch(struct str in, uint32_t *seq)
{
	uint32_t n = 0;
	size_t i = 2;

	if (in.len < 12 || in.p[0] != '*' || in.p[1] != ' ' || in.p[2] == '0')
		return (0);
	while (i < 11 && in.p[i] >= '0' && in.p[i] <= '9')
		n = n * 10 + (uint32_t)(in.p[i++] - '0');
	if (i == 2 || i == 11 || in.len - i <= 8 ||
	    memcmp(in.p + i, " FETCH (", 8) != 0)
		return (0);
	*seq = n;
	return (i + 7);
}

int
resp_head(struct str in, struct resp *r)
{
	struct str word;
	uint64_t n;
	int rc;

	memset(r, 0, sizeof(*r));
	if (in.len == 0)
		return (0);
	if (in.p[0] == '+') {
		r->kind = RESP_CONTINUE;
		return (resp_line(in, &r->line));
	}
	if (in.p[0] != '*')
		return (resp_tagged(in, r));
	if (in.len < 2)
		return (0);
	if (in.p[1] != ' ')
		return (-1);
	if ((rc = resp_word(in, 2, &word)) != 1)
		return (rc);
	if (!num_parse(word, UINT32_MAX, &n))
		return (resp_untagged(in, word, r));
	if (in.p[2 + word.len] != ' ')
		return (-1);
	r->number = (uint32_t)n;
	return (resp_numbered(in, 3 + word.len, r));
}

struct str
resp_code_word(struct str code, struct str *rest)
{
	size_t n = str_find(code, ' ');

	*rest = str_trim(str_of(code.p + n, code.len - n));
	return (str_of(code.p, n));
}

bool
resp_items_open(struct tok *t)
{
	struct str word;
	uint64_t n;

	return (tok_char(t, '*') && tok_char(t, ' ') &&
	        tok_number(t, UINT32_MAX, &n) && tok_char(t, ' ') &&
	        tok_atom(t, &word) && str_ieq(word, STR("FETCH")) &&
	        tok_char(t, ' ') && tok_char(t, '('));
}

/*
 * The name of an item: an atom, and a section in brackets, in which there may
 * be a list of field names, quoted or literal.
 */
static bool
resp_item_name(struct tok *t, struct str *out)
{
	size_t from = t->pos;
	struct str part;
	int c;

	while ((c = tok_peek(t)) > ' ' && strchr("[(){%*\"\\", c) == NULL)
		t->pos++;
	if (t->pos == from)
		return (false);
	if (tok_char(t, '[')) {
		while ((c = tok_peek(t)) != ']') {
			if (c == ' ') {
				t->pos++;
				continue;
			}
			if (c == '(' || c == '"' || c == '{') {
				if (!tok_value(t, &part))
					return (false);
				continue;
			}
			if (c < ' ')
				return (false);
			t->pos++;
		}
		t->pos++;
		if (tok_peek(t) == '<')
			while (tok_peek(t) > ' ')
				t->pos++;
	}
	*out = str_of(t->in.p + from, t->pos - from);
	return (true);
}

int
resp_item_next(struct tok *t, struct arena *arena, struct resp_item *item)
{
	size_t from;
	struct str all;
	int c;

	memset(item, 0, sizeof(*item));
	item->away = SIZE_MAX;
	while (tok_char(t, ' '))
		;
	if (tok_char(t, ')'))
		return (tok_char(t, '\r') && tok_char(t, '\n') && tok_end(t)
		            ? 0
		            : -1);
	if (!resp_item_name(t, &item->name) || !tok_char(t, ' '))
		return (-1);
	from = t->pos;
	c = tok_peek(t);
	if (c == '{' || c == '~') {
		if (!tok_literal(t, &item->data, &item->away))
			return (-1);
	} else if (c == '"') {
		if (!tok_string(t, arena, &item->data))
			return (-1);
	} else if (!tok_value(t, &all))
		return (-1);
	item->value = str_of(t->in.p + from, t->pos - from);
	return (1);
}
