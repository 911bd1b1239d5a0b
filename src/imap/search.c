#include "config.h"

#include "imap/search.h"

#include <string.h>

#include "base/num.h"
#include "imap/lex.h"
#include "mail/date.h"

/* The longest name of a charset. */
#define CHARSET_MAX 64

/* A set longer than this is cut, so that pieces fit a line. */
#define SET_TEXT 2000

/* What follows a key. */
enum key_args {
	ARGS_NONE,
	ARGS_STRING,
	ARGS_FIELD, /* name and string */
	ARGS_DATE,
	ARGS_NUMBER,
	ARGS_ATOM,
	ARGS_ASTRING,
	ARGS_SET,
	ARGS_MODSEQ
};

static const struct search_kind {
	const char *name;
	enum key_args args;
	enum search_what what;
} kinds[] = {
    {"ALL", ARGS_NONE, SEARCH_SERVER},
    {"ANSWERED", ARGS_NONE, SEARCH_SERVER},
    {"BCC", ARGS_STRING, SEARCH_ADDRESS},
    {"BEFORE", ARGS_DATE, SEARCH_SERVER},
    {"BODY", ARGS_STRING, SEARCH_BODY},
    {"CC", ARGS_STRING, SEARCH_ADDRESS},
    {"DELETED", ARGS_NONE, SEARCH_SERVER},
    {"DRAFT", ARGS_NONE, SEARCH_SERVER},
    {"EMAILID", ARGS_ATOM, SEARCH_SERVER},
    {"FLAGGED", ARGS_NONE, SEARCH_SERVER},
    {"FROM", ARGS_STRING, SEARCH_ADDRESS},
    {"HEADER", ARGS_FIELD, SEARCH_HEADER},
    {"KEYWORD", ARGS_ATOM, SEARCH_SERVER},
    {"LARGER", ARGS_NUMBER, SEARCH_LARGER},
    {"MODSEQ", ARGS_MODSEQ, SEARCH_SERVER},
    {"NEW", ARGS_NONE, SEARCH_SERVER},
    {"OLD", ARGS_NONE, SEARCH_SERVER},
    {"OLDER", ARGS_NUMBER, SEARCH_SERVER},
    {"ON", ARGS_DATE, SEARCH_SERVER},
    {"RECENT", ARGS_NONE, SEARCH_SERVER},
    {"SAVEDATESUPPORTED", ARGS_NONE, SEARCH_SERVER},
    {"SAVEDBEFORE", ARGS_DATE, SEARCH_SERVER},
    {"SAVEDON", ARGS_DATE, SEARCH_SERVER},
    {"SAVEDSINCE", ARGS_DATE, SEARCH_SERVER},
    {"SEEN", ARGS_NONE, SEARCH_SERVER},
    {"SENTBEFORE", ARGS_DATE, SEARCH_SENTBEFORE},
    {"SENTON", ARGS_DATE, SEARCH_SENTON},
    {"SENTSINCE", ARGS_DATE, SEARCH_SENTSINCE},
    {"SINCE", ARGS_DATE, SEARCH_SERVER},
    {"SMALLER", ARGS_NUMBER, SEARCH_SMALLER},
    {"SUBJECT", ARGS_STRING, SEARCH_SUBJECT},
    {"TEXT", ARGS_STRING, SEARCH_TEXT},
    {"THREADID", ARGS_ATOM, SEARCH_SERVER},
    {"TO", ARGS_STRING, SEARCH_ADDRESS},
    {"UID", ARGS_SET, SEARCH_SERVER},
    {"UNANSWERED", ARGS_NONE, SEARCH_SERVER},
    {"UNDELETED", ARGS_NONE, SEARCH_SERVER},
    {"UNDRAFT", ARGS_NONE, SEARCH_SERVER},
    {"UNFLAGGED", ARGS_NONE, SEARCH_SERVER},
    {"UNKEYWORD", ARGS_ATOM, SEARCH_SERVER},
    {"UNSEEN", ARGS_NONE, SEARCH_SERVER},
    {"X-GM-LABELS", ARGS_ASTRING, SEARCH_SERVER},
    {"X-GM-MSGID", ARGS_NUMBER, SEARCH_SERVER},
    {"X-GM-THRID", ARGS_NUMBER, SEARCH_SERVER},
    {"YOUNGER", ARGS_NUMBER, SEARCH_SERVER},
};

struct parser {
	struct tok *t;
	struct arena *arena;
	struct search *s;
	const char *why;
};

static void *
fail(struct parser *p, const char *why)
{
	p->s->bad = STR("");
	p->why = why;
	return (NULL);
}

/* The same with what it is about. */
static void *
fail_at(struct parser *p, const char *why, struct str it)
{
	p->why = why;
	p->s->bad = it;
	return (NULL);
}

static struct search_node *
node_new(struct parser *p, enum search_op op)
{
	struct search_node *n = arena_alloc(p->arena, sizeof(*n));

	if (n == NULL)
		return (fail(p, "search too large"));
	n->op = op;
	n->unit = SIZE_MAX;
	return (n);
}

/* Add a child behind *end; children of the same kind are melted in. */
static struct search_node **
node_add(struct search_node *n, struct search_node **end, struct search_node *c)
{
	n->content |= c->content;
	*end = c->op == n->op && n->op != SEARCH_NOT ? c->child : c;
	while (*end != NULL)
		end = &(*end)->next;
	return (end);
}

/* 1-Feb-1994 to days since 1970-01-01. */
static bool
parse_day(struct str s, int64_t *out)
{
	uint64_t d, y;
	size_t n;

	if (s.len > 0 && s.p[0] == ' ')
		s = str_of(s.p + 1, s.len - 1); /* date-day-fixed */
	if ((n = num_lead(s, 31, &d)) == 0 || n > 2 || s.len != n + 9 ||
	    s.p[n] != '-' || s.p[n + 4] != '-' ||
	    !num_parse(str_of(s.p + n + 5, 4), 9999, &y))
		return (false);
	return (date_days((int64_t)y, date_month(str_of(s.p + n + 1, 3)),
	    (int64_t)d, out));
}

/* The text of a set, checked. */
static bool
read_set(struct parser *p, struct str *out)
{
	struct tok *t = p->t;
	size_t from = t->pos;
	struct set set;
	int c, rc;

	while ((c = tok_peek(t)) == '*' || c == ':' || c == ',' ||
	       (c >= '0' && c <= '9'))
		t->pos++;
	*out = str_of(t->in.p + from, t->pos - from);
	if (tok_peek(t) == '$')
		return (fail(p, "saved results are not offered") != NULL);
	set_init(&set);
	rc = set_parse(&set, *out, UINT32_MAX, NULL);
	set_clear(&set);
	if (rc == -1)
		return (fail_at(p, "bad set of messages", *out) != NULL);
	return (true);
}

/* A leaf with a set; a long one becomes several. */
static struct search_node *
set_node(struct parser *p, struct str word)
{
	struct search_node *n, *leaf, **end;
	struct str text;
	size_t len;

	if (!read_set(p, &text) || (n = node_new(p, SEARCH_OR)) == NULL)
		return (NULL);
	for (end = &n->child; text.len > 0;) {
		for (len = text.len; len > SET_TEXT;)
			for (len = SET_TEXT; text.p[len] != ',';)
				len--;
		if ((leaf = node_new(p, SEARCH_KEY)) == NULL)
			return (NULL);
		leaf->word = word;
		leaf->args = str_of(text.p, len);
		end = node_add(n, end, leaf);
		len += len < text.len;
		text = str_of(text.p + len, text.len - len);
	}
	return (n->child->next == NULL ? n->child : n);
}

/* [<entry-name> <entry-type-req>] number (RFC 7162 3.1.5) */
static bool
skip_modseq(struct parser *p)
{
	struct tok *t = p->t;
	struct str word;
	uint64_t v;

	p->s->modseq = true;
	if (tok_peek(t) == '"' &&
	    !(tok_string(t, p->arena, &word) && tok_char(t, ' ') &&
	        tok_atom(t, &word) && tok_char(t, ' ')))
		return (false);
	return (tok_number(t, INT64_MAX, &v));
}

static bool
read_date(struct parser *p, int64_t *day)
{
	struct str s;

	return (tok_peek(p->t) != '{' && tok_astring(p->t, p->arena, &s) &&
	        parse_day(s, day));
}

/* A string to look for; NUL is in no message (section 9, CHAR8). */
static bool
read_string(struct parser *p, struct str *out)
{
	return (tok_astring(p->t, p->arena, out) &&
	        memchr(out->p, '\0', out->len) == NULL);
}

/* What follows a key's word and a blank. */
static bool
read_args(struct parser *p, struct search_node *n, enum key_args args)
{
	struct tok *t = p->t;
	size_t from = t->pos;
	struct str s;
	bool ok = true;

	switch (args) {
	case ARGS_NONE:
	case ARGS_SET:
		return (true);
	case ARGS_FIELD:
		if (!read_string(p, &n->field) || !tok_char(t, ' '))
			return (false);
		return (read_string(p, &n->value));
	case ARGS_STRING:
		n->field = n->word;
		return (read_string(p, &n->value));
	case ARGS_DATE:
		ok = read_date(p, &n->day);
		break;
	case ARGS_NUMBER:
		ok = tok_number(t, UINT64_MAX, &n->number);
		break;
	case ARGS_ATOM:
		ok = tok_atom(t, &s);
		break;
	case ARGS_ASTRING:
		ok = tok_peek(t) != '{' && tok_astring(t, p->arena, &s);
		break;
	case ARGS_MODSEQ:
		ok = skip_modseq(p);
		break;
	}
	n->args = str_of(t->in.p + from, t->pos - from);
	return (ok);
}

static struct search_node *
parse_word(struct parser *p, struct str word)
{
	const struct search_kind *k = NULL;
	struct search_node *n;
	size_t i;

	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (str_ieq(word, str_c(kinds[i].name)))
			k = &kinds[i];
	if (str_ieq(word, STR("X-GM-RAW")))
		return (fail(p, "X-GM-RAW cannot look into sealed mail"));
	if (word.len > 0 && word.p[0] == '$')
		return (fail(p, "saved results are not offered"));
	if (k == NULL)
		return (fail_at(p, "unknown SEARCH key", word));
	if (k->args != ARGS_NONE && !tok_char(p->t, ' '))
		return (fail_at(p, "a SEARCH key lacks its argument", word));
	if (k->args == ARGS_SET)
		return (set_node(p, str_c(k->name)));
	if ((n = node_new(p, SEARCH_KEY)) == NULL)
		return (NULL);
	n->what = k->what;
	n->content = k->what != SEARCH_SERVER;
	n->word = str_c(k->name);
	if (!read_args(p, n, k->args))
		return (fail_at(p, "a SEARCH key has a bad argument", word));
	return (n);
}

static struct search_node *parse_key(struct parser *, unsigned depth);

/* Keys with blanks between, at least one. */
static struct search_node *
parse_keys(struct parser *p, unsigned depth)
{
	struct search_node *n, *c, **end;

	if ((n = node_new(p, SEARCH_AND)) == NULL)
		return (NULL);
	end = &n->child;
	do {
		if ((c = parse_key(p, depth)) == NULL)
			return (NULL);
		end = node_add(n, end, c);
	} while (tok_char(p->t, ' '));
	return (n);
}

/* Is the next word OR?  Then it is read. */
static bool
skip_or(struct parser *p)
{
	size_t from = p->t->pos;
	struct str word;

	if (tok_atom(p->t, &word) && str_ieq(word, STR("OR")))
		return (true);
	p->t->pos = from;
	return (false);
}

/*
 * Behind OR.  "OR a OR b c" is how clients say "any of three": a chain of
 * these is not nesting.
 */
static struct search_node *
parse_or(struct parser *p, unsigned depth)
{
	struct search_node *n, *c, **end;
	bool more;

	if ((n = node_new(p, SEARCH_OR)) == NULL)
		return (NULL);
	end = &n->child;
	do {
		if (!tok_char(p->t, ' '))
			return (fail(p, "OR takes two keys"));
		if ((c = parse_key(p, depth + 1)) == NULL)
			return (NULL);
		end = node_add(n, end, c);
		if (!tok_char(p->t, ' '))
			return (fail(p, "OR takes two keys"));
		more = skip_or(p);
	} while (more);
	if ((c = parse_key(p, depth + 1)) == NULL)
		return (NULL);
	node_add(n, end, c);
	return (n);
}

static struct search_node *
parse_not(struct parser *p, unsigned depth)
{
	struct search_node *n, *c;

	if (!tok_char(p->t, ' '))
		return (fail(p, "NOT takes a key"));
	if ((n = node_new(p, SEARCH_NOT)) == NULL ||
	    (c = parse_key(p, depth + 1)) == NULL)
		return (NULL);
	node_add(n, &n->child, c);
	return (n);
}

static struct search_node *
parse_key(struct parser *p, unsigned depth)
{
	struct search_node *n;
	struct str word;
	int c = tok_peek(p->t);

	if (depth > SEARCH_DEPTH)
		return (fail(p, "SEARCH keys nested too deeply"));
	if (tok_char(p->t, '(')) {
		if ((n = parse_keys(p, depth + 1)) == NULL)
			return (NULL);
		if (!tok_char(p->t, ')'))
			return (fail(p, "a parenthesis is missing"));
		return (n->child->next == NULL ? n->child : n);
	}
	if (c == '*' || (c >= '0' && c <= '9')) {
		p->s->numbers = true;
		return (set_node(p, STR("")));
	}
	if (!tok_atom(p->t, &word))
		return (fail(p, "a SEARCH key is missing"));
	if (str_ieq(word, STR("NOT")))
		return (parse_not(p, depth));
	if (str_ieq(word, STR("OR")))
		return (parse_or(p, depth));
	return (parse_word(p, word));
}

bool
search_parse_keys(struct tok *t, struct arena *arena, struct search *s,
    const char **why)
{
	struct parser p = {t, arena, s, NULL};

	s->root = parse_keys(&p, 0);
	if (s->root != NULL && !tok_end(t))
		s->root = fail(&p, "garbage behind the SEARCH keys");
	*why = p.why;
	return (s->root != NULL);
}

/* The next word is this one: read it and the blank behind it. */
static bool
skip_word(struct tok *t, struct str want)
{
	size_t from = t->pos;
	struct str word;

	if (tok_atom(t, &word) && str_ieq(word, want) && tok_char(t, ' '))
		return (true);
	t->pos = from;
	return (false);
}

bool
search_parse_return(struct tok *t, struct search *s, const char **why)
{
	static const struct {
		const char *name;
		enum search_return bit;
	} options[] = {{"MIN", SEARCH_MIN}, {"MAX", SEARCH_MAX},
	    {"ALL", SEARCH_ALL}, {"COUNT", SEARCH_COUNT}};
	struct str word;
	unsigned bit;
	size_t i;

	s->returns = SEARCH_ALL;
	if (!skip_word(t, STR("RETURN")))
		return (true);
	s->esearch = true;
	s->returns = 0;
	*why = "bad list of RETURN options";
	if (!tok_char(t, '('))
		return (false);
	while (tok_peek(t) != ')') {
		if (!tok_atom(t, &word))
			return (false);
		for (bit = 0, i = 0; i < 4; i++)
			if (str_ieq(word, str_c(options[i].name)))
				bit = options[i].bit;
		if (bit == 0) {
			s->bad = word;
			*why = "unknown RETURN option";
			return (false);
		}
		s->returns |= bit;
		if (!tok_char(t, ' ') && tok_peek(t) != ')')
			return (false);
	}
	if (s->returns == 0)
		s->returns = SEARCH_ALL;
	return (tok_char(t, ')') && tok_char(t, ' '));
}

bool
search_parse_charset(struct tok *t, struct arena *arena, struct search *s)
{
	return (tok_astring(t, arena, &s->charset) &&
	        s->charset.len <= CHARSET_MAX && tok_char(t, ' '));
}

bool
search_parse(struct str args, struct arena *arena, struct search *s,
    const char **why)
{
	struct tok t;

	memset(s, 0, sizeof(*s));
	s->charset = STR("");
	tok_init(&t, args);
	if (!search_parse_return(&t, s, why))
		return (false);
	if (skip_word(&t, STR("CHARSET"))) {
		*why = "bad CHARSET";
		if (!search_parse_charset(&t, arena, s))
			return (false);
	}
	return (search_parse_keys(&t, arena, s, why));
}
