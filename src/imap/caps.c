#include "config.h"

#include "imap/caps.h"

#include <inttypes.h>
#include <string.h>

#include "base/num.h"
#include "imap/lex.h"
#include "imap/resp.h"

/*
 * Each has its dialog test.  A name that ends with "-" stands for all that
 * begin so.  "LITERAL-" is not there: we have LITERAL+, and a server must
 * not offer both (RFC 7888 section 5).
 */
static const struct {
	const char *name;
	uint32_t ext;
} allowed[] = {
    {"IMAP4rev1", 0},
    {"IDLE", 0},
    {"ID", 0},
    {"NAMESPACE", EXT_NAMESPACE},
    {"CHILDREN", 0},
    {"UIDPLUS", 0},
    {"UNSELECT", EXT_UNSELECT},
    {"MOVE", EXT_MOVE},
    {"SPECIAL-USE", 0},
    {"CREATE-SPECIAL-USE", 0},
    {"SASL-IR", 0},
    {"LITERAL+", 0},
    {"ENABLE", EXT_ENABLE},
    {"CONDSTORE", EXT_CONDSTORE},
    {"QRESYNC", EXT_QRESYNC | EXT_CONDSTORE},
    {"LIST-EXTENDED", 0},
    {"LIST-STATUS", 0},
    {"STATUS=SIZE", 0},
    {"QUOTA", EXT_QUOTA},
    {"QUOTA=RES-", 0},
    {"QUOTASET", EXT_QUOTASET},
    {"METADATA", EXT_METADATA},
    {"METADATA-SERVER", EXT_METADATA},
    {"OBJECTID", EXT_OBJECTID},
    {"SAVEDATE", EXT_SAVEDATE},
    {"PREVIEW", EXT_PREVIEW},
    {"WITHIN", 0},
    {"ESEARCH", EXT_ESEARCH},
    {"SORT", EXT_SORT},
    {"SORT=DISPLAY", EXT_SORT},
    {"ESORT", 0},
    {"THREAD=ORDEREDSUBJECT", EXT_THREAD},
    {"THREAD=REFERENCES", EXT_THREAD},
    {"THREAD=REFS", EXT_THREAD},
    {"X-GM-EXT-1", EXT_GMAIL},
};

/* What a message grows by when it is sealed, in tenths. */
#define GROWTH_TENTHS 14

/* RFC 7889 section 2.  The word alone says that each mailbox has a limit of
 * its own, which is told to no one. */
static const struct str limit_is = {"APPENDLIMIT=", 12};

/* The next word of a list; false at the end. */
static bool
caps_next(struct str list, size_t *pos, struct str *word)
{
	while (*pos < list.len && list.p[*pos] == ' ')
		++*pos;
	*word = str_of(list.p + *pos, list.len - *pos);
	word->len = str_find(*word, ' ');
	*pos += word->len;
	return (word->len > 0);
}

/* Its row in the table. */
static bool
caps_row(struct str word, size_t *row)
{
	struct str name;

	for (*row = 0; *row < sizeof(allowed) / sizeof(allowed[0]); ++*row) {
		name = str_c(allowed[*row].name);
		if (name.p[name.len - 1] == '-' ? str_istarts(word, name)
		                                : str_ieq(word, name))
			return (true);
	}
	return (false);
}

void
caps_read(struct str list, struct caps *c)
{
	struct str word;
	size_t pos = 0, row;

	memset(c, 0, sizeof(*c));
	c->known = true;
	while (caps_next(list, &pos, &word)) {
		if (caps_row(word, &row))
			c->ext |= allowed[row].ext;
		c->starttls |= str_ieq(word, STR("STARTTLS"));
		c->logindisabled |= str_ieq(word, STR("LOGINDISABLED"));
		c->auth_plain |= str_ieq(word, STR("AUTH=PLAIN"));
		c->sasl_ir |= str_ieq(word, STR("SASL-IR"));
		c->literal_plus |= str_ieq(word, STR("LITERAL+"));
		c->literal_minus |= str_ieq(word, STR("LITERAL-"));
		c->id |= str_ieq(word, STR("ID"));
		c->idle |= str_ieq(word, STR("IDLE"));
		c->uidplus |= str_ieq(word, STR("UIDPLUS"));
		c->move |= str_ieq(word, STR("MOVE"));
		c->special_use |= str_ieq(word, STR("SPECIAL-USE"));
		c->list_extended |= str_ieq(word, STR("LIST-EXTENDED"));
		if (str_istarts(word, limit_is) &&
		    !num_parse(
		        str_of(word.p + limit_is.len, word.len - limit_is.len),
		        UINT64_MAX / 10, &c->append_limit))
			c->append_limit = 0;
	}
}

bool
caps_allowed(struct str name)
{
	size_t row;

	return (caps_row(name, &row));
}

bool
caps_enables(struct str name)
{
	return (
	    str_ieq(name, STR("CONDSTORE")) || str_ieq(name, STR("QRESYNC")));
}

/* A limit on messages, for those that are not sealed yet. */
static uint64_t
shrunk(uint64_t limit)
{
	return (limit * 10 / GROWTH_TENTHS);
}

/* "APPENDLIMIT=n" in our numbers. */
static void
put_limit(struct str word, struct buf *out)
{
	uint64_t n;

	word.p += limit_is.len;
	word.len -= limit_is.len;
	if (num_parse(word, UINT64_MAX / 10, &n))
		buf_printf(out, " APPENDLIMIT=%" PRIu64, shrunk(n));
}

void
caps_filter(struct str list, struct buf *out)
{
	struct str word;
	size_t pos = 0;

	buf_puts(out, "IMAP4rev1 LITERAL+");
	while (caps_next(list, &pos, &word)) {
		if (str_istarts(word, limit_is))
			put_limit(word, out);
		if (!caps_allowed(word) || str_ieq(word, STR("IMAP4rev1")) ||
		    str_ieq(word, STR("LITERAL+")))
			continue;
		buf_putc(out, ' ');
		buf_str(out, word);
	}
}

void
caps_greeting(bool starttls, bool login, struct buf *out)
{
	buf_puts(out, "IMAP4rev1 LITERAL+ SASL-IR ID");
	if (starttls)
		buf_puts(out, " STARTTLS");
	buf_puts(out, login ? " AUTH=PLAIN" : " LOGINDISABLED");
}

bool
caps_code_edits(struct str code)
{
	struct str rest, word = resp_code_word(code, &rest);

	return (str_ieq(word, STR("CAPABILITY")) ||
	        str_ieq(word, STR("REFERRAL")) ||
	        str_ieq(word, STR("APPENDLIMIT")));
}

void
caps_code(struct str code, struct buf *out)
{
	struct str rest, word = resp_code_word(code, &rest);
	uint64_t n;

	if (code.len == 0 || str_ieq(word, STR("REFERRAL")))
		return;
	buf_putc(out, '[');
	if (str_ieq(word, STR("CAPABILITY"))) {
		buf_puts(out, "CAPABILITY ");
		caps_filter(rest, out);
	} else if (str_ieq(word, STR("APPENDLIMIT")) &&
	           num_parse(rest, UINT64_MAX / 10, &n))
		buf_printf(out, "APPENDLIMIT %" PRIu64, shrunk(n));
	else
		buf_str(out, code);
	buf_puts(out, "] ");
}

void
caps_status(struct str line, struct buf *out)
{
	struct arena arena;
	struct str word, name, value;
	size_t done = 0;
	uint64_t n;
	struct tok t;

	arena_init(&arena, line.len + 1024);
	tok_init(&t, line);
	if (tok_char(&t, '*') && tok_char(&t, ' ') && tok_atom(&t, &word) &&
	    tok_char(&t, ' ') && tok_astring(&t, &arena, &name) &&
	    tok_char(&t, ' ') && tok_char(&t, '('))
		while (tok_atom(&t, &word) && tok_char(&t, ' ') &&
		       tok_value(&t, &value)) {
			if (str_ieq(word, STR("APPENDLIMIT")) &&
			    num_parse(value, UINT64_MAX / 10, &n)) {
				buf_put(out, line.p + done,
				    (size_t)(value.p - line.p) - done);
				buf_printf(out, "%" PRIu64, shrunk(n));
				done = t.pos;
			}
			(void)tok_char(&t, ' ');
		}
	buf_put(out, line.p + done, line.len - done);
	arena_clear(&arena);
}
