#include "config.h"

#include "imap/id.h"

#include <string.h>

#include "imap/lex.h"
#include "imap/nstring.h"

/* May it stand in a quoted string (RFC 3501 section 9, TEXT-CHAR)? */
static bool
quotable(struct str s)
{
	size_t i;

	for (i = 0; i < s.len; i++)
		if (s.p[i] < ' ' || s.p[i] > '~')
			return (false);
	return (true);
}

static bool
id_has(const struct id *id, struct str field)
{
	size_t i;

	for (i = 0; i < id->n; i++)
		if (str_ieq(id->pair[i].field, field))
			return (true);
	return (false);
}

static void
id_add(struct id *id, struct str field, struct str value)
{
	if (id->n == ID_PAIRS || field.len > ID_FIELD || value.len > ID_VALUE ||
	    !quotable(field) || id_has(id, field))
		return;
	if (value.p != NULL && !quotable(value))
		value = str_of(NULL, 0);
	id->pair[id->n++] = (struct id_pair){field, value};
}

static bool
tok_nil(struct tok *t)
{
	struct str word;

	return (tok_atom(t, &word) && str_ieq(word, STR("NIL")));
}

bool
id_parse(struct str args, struct arena *arena, struct id *id)
{
	struct str field, value;
	struct tok t;

	id->n = 0;
	tok_init(&t, args);
	if (!tok_char(&t, '('))
		return (tok_nil(&t) && tok_end(&t));
	while (tok_peek(&t) != ')') {
		if (!tok_string(&t, arena, &field) || !tok_char(&t, ' '))
			return (false);
		if (!tok_string(&t, arena, &value)) {
			value = str_of(NULL, 0);
			if (!tok_nil(&t))
				return (false);
		}
		id_add(id, field, value);
		if (tok_peek(&t) != ')' && !tok_char(&t, ' '))
			return (false);
	}
	return (tok_char(&t, ')') && tok_end(&t));
}

struct str
id_value(const struct id *id, const char *field)
{
	size_t i;

	for (i = 0; i < id->n; i++)
		if (str_ieq(id->pair[i].field, str_c(field)) &&
		    id->pair[i].value.p != NULL)
			return (id->pair[i].value);
	return (STR(""));
}

void
id_print(const struct id *id, struct buf *out)
{
	const struct id_pair *p;
	struct buf one;
	size_t n = 1;

	buf_init(&one, 2 * (ID_FIELD + ID_VALUE) + 10);
	for (p = id->pair; p < id->pair + id->n; p++) {
		buf_reset(&one);
		nstring_put_quoted(&one, p->field);
		buf_putc(&one, ' ');
		if (p->value.p != NULL)
			nstring_put_quoted(&one, p->value);
		else
			buf_puts(&one, "NIL");
		/* With what stands before and behind it. */
		if (n + one.len + 1 > ID_MAX)
			continue;
		buf_putc(out, n == 1 ? '(' : ' ');
		buf_str(out, buf_text(&one));
		n += one.len + 1;
	}
	if (n > 1)
		buf_putc(out, ')');
	buf_clear(&one);
}
