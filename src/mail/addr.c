#include "config.h"

#include "mail/addr.h"

#include <string.h>

#include "mail/token.h"

struct parse {
	struct token t;
	struct buf word;    /* what is being read */
	struct buf comment; /* the last comment: may be a name */
	struct arena *arena;
	struct addr **tail;
	struct addr cur;
	bool invalid; /* cur is not what the RFC wants */
	bool failed;  /* out of memory */
	unsigned n;   /* addresses so far */
	bool clean;   /* no invalid address was met, for addr_specs() */
};

static const struct str none = {NULL, 0};

static struct str
save(struct parse *p, const struct buf *b)
{
	struct str s = arena_str(p->arena, buf_text(b));

	if (s.p == NULL || b->failed)
		p->failed = true;
	return (s);
}

static void
add(struct parse *p)
{
	struct addr *a;

	if ((a = arena_alloc(p->arena, sizeof(*a))) == NULL) {
		p->failed = true;
		return;
	}
	if (p->invalid)
		p->clean = false;
	*a = p->cur;
	p->n++;
	*p->tail = a;
	p->tail = &a->next;
	memset(&p->cur, 0, sizeof(p->cur));
	p->invalid = false;
}

/* What is missing gets the names that Dovecot gives it. */
static void
add_filled(struct parse *p)
{
	if (p->cur.mailbox.p == NULL) {
		p->cur.mailbox = STR("MISSING_MAILBOX");
		p->invalid = true;
	}
	if (p->cur.domain.p == NULL || p->cur.domain.len == 0) {
		p->cur.domain = STR("MISSING_DOMAIN");
		p->invalid = true;
	}
	add(p);
}

/* A dot-atom that may also begin or end with dots or have several in a row. */
static int
loose_dot_atom(struct token *t, struct buf *out)
{
	int rc = -1;

	do {
		while (token_peek(t) == '.') {
			buf_putc(out, '.');
			t->p++;
			if (t->p >= t->end)
				return (0);
			rc = 1;
		}
		if (token_peek(t) == '@')
			break;
		rc = token_atom(t, out);
	} while (rc > 0 && token_peek(t) == '.');
	return (rc);
}

static int
local_part(struct parse *p)
{
	int rc;

	buf_reset(&p->word);
	if (token_peek(&p->t) == '"')
		rc = token_quoted(&p->t, &p->word);
	else
		rc = loose_dot_atom(&p->t, &p->word);
	if (rc >= 0)
		p->cur.mailbox = save(p, &p->word);
	return (rc);
}

static int
domain(struct parse *p)
{
	int rc;

	buf_reset(&p->word);
	if ((rc = token_domain(&p->t, &p->word)) >= 0)
		p->cur.domain = save(p, &p->word);
	return (rc);
}

/* obs-domain-list (RFC 5322 4.4) */
static int
domain_list(struct parse *p)
{
	int rc;

	buf_reset(&p->word);
	for (;;) {
		if (p->t.p >= p->t.end)
			return (0);
		if (*p->t.p != '@')
			break;
		if (p->word.len > 0)
			buf_putc(&p->word, ',');
		buf_putc(&p->word, '@');
		if ((rc = token_domain(&p->t, &p->word)) <= 0)
			return (rc);
		while (token_cfws(&p->t) > 0 && *p->t.p == ',')
			p->t.p++;
	}
	p->cur.route = save(p, &p->word);
	return (1);
}

static int
route(struct parse *p)
{
	if (domain_list(p) > 0 && token_peek(&p->t) == ':') {
		p->t.p++;
	} else {
		p->cur.route = STR("INVALID_ROUTE");
		p->invalid = true;
		if (p->t.p >= p->t.end)
			return (-1);
	}
	return (token_cfws(&p->t) > 0 ? 1 : -1);
}

/* At "<". */
static int
angle_addr(struct parse *p)
{
	p->t.p++;
	if (token_cfws(&p->t) <= 0)
		return (-1);
	if (*p->t.p == '@' && route(p) < 0)
		return (-1);
	if (*p->t.p != '>') {
		if (local_part(p) <= 0)
			return (-1);
		if (*p->t.p == '@' && domain(p) <= 0)
			return (-1);
	}
	if (*p->t.p != '>')
		return (-1);
	p->t.p++;
	return (token_cfws(&p->t));
}

/* -1 with nothing done if it is no name-addr. */
static int
name_addr(struct parse *p)
{
	buf_reset(&p->word);
	if (token_phrase(&p->t, &p->word) <= 0 || *p->t.p != '<')
		return (-1);
	if (p->word.len > 0)
		p->cur.name = save(p, &p->word);
	if (angle_addr(p) < 0) {
		p->cur.domain = STR("SYNTAX_ERROR");
		p->invalid = true;
	}
	return (p->t.p < p->t.end ? 1 : 0);
}

/*
 * A local part alone stands for a mailbox without a domain; a local part
 * followed by more words is a name.
 */
static int
lone_words(struct parse *p, bool quoted)
{
	size_t len;

	buf_putc(&p->word, ' ');
	len = p->word.len;
	(void)token_phrase(&p->t, &p->word);
	if (p->word.len != len) {
		p->cur.mailbox = none;
		p->cur.name = save(p, &p->word);
	} else if (!quoted) {
		p->cur.domain = STR("");
	}
	p->invalid = true;
	return (-1);
}

static int
addr_spec(struct parse *p)
{
	bool quoted = *p->t.p == '"', at = false;
	int rc;

	buf_reset(&p->comment);
	if ((rc = local_part(p)) <= 0)
		p->invalid = true;
	if (rc != 0 && token_peek(&p->t) == '@') {
		int drc = domain(p);

		at = true;
		if (drc <= 0)
			rc = drc;
	}
	if (p->comment.len > 0)
		p->cur.name = save(p, &p->comment);
	else if (!at)
		return (lone_words(p, quoted));
	return (rc);
}

static int
mailbox(struct parse *p)
{
	const char *start = p->t.p;
	int rc;

	if ((rc = name_addr(p)) < 0) {
		p->t.p = start;
		rc = addr_spec(p);
		if (p->invalid && p->cur.name.p == NULL &&
		    p->cur.mailbox.p != NULL && p->cur.domain.p == NULL) {
			p->cur.name = p->cur.mailbox;
			p->cur.mailbox = none;
		}
	}
	if (rc < 0)
		p->invalid = true;
	add_filled(p);
	return (rc);
}

static int
group_members(struct parse *p)
{
	for (;;) {
		(void)mailbox(p);
		if (token_peek(&p->t) != ',')
			return (1);
		if (p->n >= ADDR_MAX)
			return (-1);
		p->t.p++;
		if (token_cfws(&p->t) <= 0)
			return (-1);
	}
}

/* -1 if it is no group; from its colon on whatever follows is one. */
static int
group(struct parse *p)
{
	int rc;

	buf_reset(&p->word);
	if (token_phrase(&p->t, &p->word) <= 0 || *p->t.p != ':')
		return (-1);
	p->t.p++;
	if ((rc = token_cfws(&p->t)) <= 0)
		p->invalid = true;
	p->cur.mailbox = save(p, &p->word);
	add(p);
	if (rc > 0 && *p->t.p != ';')
		rc = group_members(p);
	if (rc >= 0) {
		if (token_peek(&p->t) == ';') {
			p->t.p++;
			rc = token_cfws(&p->t);
		} else {
			rc = -1;
		}
	}
	if (rc < 0)
		p->invalid = true;
	add(p);
	return (rc == 0 ? 0 : 1);
}

/* Returns -1 if something was left over that is no address. */
static int
address_list(struct parse *p)
{
	const char *start;
	int rc;

	for (;;) {
		start = p->t.p;
		if ((rc = group(p)) < 0) {
			p->t.p = start;
			rc = mailbox(p);
		}
		if (rc == 0)
			return (0);
		if (token_peek(&p->t) != ',' || p->n >= ADDR_MAX)
			return (-1);
		p->t.p++;
		if ((rc = token_cfws(&p->t)) < 0)
			add_filled(p);
		if (rc <= 0)
			return (rc);
	}
}

/* -1 out of memory, 0 not a clean address list, 1 fine. */
static int
parse(struct str value, struct arena *arena, struct addr **out)
{
	struct parse p = {.arena = arena, .tail = out, .clean = true};
	int rc;

	*out = NULL;
	buf_init(&p.word, value.len * 2 + 64);
	buf_init(&p.comment, value.len + 1);
	token_init(&p.t, value, &p.comment);
	if ((rc = token_cfws(&p.t)) > 0)
		rc = address_list(&p);
	if (p.word.failed || p.comment.failed)
		p.failed = true;
	buf_clear(&p.word);
	buf_clear(&p.comment);
	if (p.failed)
		return (-1);
	return (rc == 0 && p.clean ? 1 : 0);
}

int
addr_parse(struct str value, struct arena *arena, struct addr **out)
{
	return (parse(value, arena, out) < 0 ? -1 : 0);
}

/* A word that is no atom (or dot-atom) is quoted. */
static void
write_word(struct buf *out, struct str s, bool dots)
{
	size_t i;

	for (i = 0; i < s.len; i++)
		if (!token_is_atext((unsigned char)s.p[i]) &&
		    !(dots && s.p[i] == '.'))
			break;
	if (i == s.len && i > 0) {
		buf_str(out, s);
		return;
	}
	buf_putc(out, '"');
	for (i = 0; i < s.len; i++) {
		if (s.p[i] == '"' || s.p[i] == '\\' || s.p[i] == '\'')
			buf_putc(out, '\\');
		buf_putc(out, s.p[i]);
	}
	buf_putc(out, '"');
}

/* RFC 2047 forbids quotes around encoded words. */
static void
write_name(struct buf *out, struct str s)
{
	if (s.len >= 2 && memmem(s.p, s.len, "=?", 2) != NULL)
		buf_str(out, s);
	else
		write_word(out, s, false);
}

static void
write_mailbox(struct buf *out, const struct addr *a)
{
	if (a->name.len > 0) {
		write_name(out, a->name);
		buf_putc(out, ' ');
	}
	buf_putc(out, '<');
	if (a->route.p != NULL) {
		buf_str(out, a->route);
		buf_putc(out, ':');
	}
	write_word(out, a->mailbox, true);
	buf_putc(out, '@');
	buf_str(out, a->domain);
	buf_putc(out, '>');
}

void
addr_write(struct buf *out, const struct addr *a)
{
	bool first = true, group = false;

	for (; a != NULL; a = a->next) {
		if (a->domain.p == NULL && group) {
			buf_putc(out, ';');
			first = group = false;
			continue;
		}
		if (!first)
			buf_puts(out, ", ");
		first = false;
		if (a->domain.p != NULL) {
			write_mailbox(out, a);
			continue;
		}
		write_name(out, a->mailbox);
		buf_puts(out,
		    a->next != NULL && a->next->domain.p == NULL ? ":" : ": ");
		group = first = true;
	}
}

/* Must a local part be quoted (RFC 5321 4.1.2: Dot-string)? */
static bool
needs_quotes(struct str local)
{
	size_t i;
	char prev = '.';

	for (i = 0; i < local.len; i++) {
		if (local.p[i] == '.') {
			if (prev == '.')
				return (true);
		} else if (!token_is_atext((unsigned char)local.p[i])) {
			return (true);
		}
		prev = local.p[i];
	}
	return (prev == '.');
}

static struct str
spec_of(const struct addr *a, struct arena *arena)
{
	size_t n = 0, i;
	bool quote = needs_quotes(a->mailbox);
	char *p;

	p = arena_alloc(arena, a->mailbox.len * 2 + a->domain.len + 3);
	if (p == NULL)
		return (none);
	if (quote)
		p[n++] = '"';
	for (i = 0; i < a->mailbox.len; i++) {
		if (a->mailbox.p[i] == '"' || a->mailbox.p[i] == '\\')
			p[n++] = '\\';
		p[n++] = a->mailbox.p[i];
	}
	if (quote)
		p[n++] = '"';
	p[n++] = '@';
	for (i = 0; i < a->domain.len; i++)
		p[n++] = a->domain.p[i];
	return (str_of(p, n));
}

/* No control characters, and no "@" but in quotes (a domain-literal may hold
 * one, RFC 5322 3.4.1): nothing to be misread. */
static bool
is_clean(const struct addr *a)
{
	size_t i;

	for (i = 0; i < a->mailbox.len; i++)
		if ((unsigned char)a->mailbox.p[i] < 0x20 ||
		    a->mailbox.p[i] == 0x7f)
			return (false);
	for (i = 0; i < a->domain.len; i++)
		if ((unsigned char)a->domain.p[i] <= 0x20 ||
		    a->domain.p[i] == 0x7f || a->domain.p[i] == '@')
			return (false);
	return (true);
}

int
addr_specs(struct str value, struct arena *arena, struct str **out, size_t *n)
{
	struct addr *list, *a;
	size_t count = 0;

	*out = NULL;
	*n = 0;
	if (parse(value, arena, &list) <= 0)
		return (-1);
	for (a = list; a != NULL; a = a->next)
		count++;
	if ((*out = arena_array(arena, count + 1, sizeof(**out))) == NULL)
		return (-1);
	for (a = list; a != NULL; a = a->next) {
		if (a->domain.p == NULL)
			continue; /* begin or end of a group */
		if (!is_clean(a))
			return (-1);
		(*out)[*n] = spec_of(a, arena);
		if ((*out)[*n].p == NULL)
			return (-1);
		(*n)++;
	}
	return (0);
}

bool
addr_same(struct str a, struct str b)
{
	return (str_ieq(a, b));
}

struct str
addr_domain(struct str spec)
{
	size_t i = spec.len;

	while (i > 0)
		if (spec.p[--i] == '@')
			return (str_of(spec.p + i + 1, spec.len - i - 1));
	return (str_of(spec.p, 0));
}
