/* The table as a commented file and as a list for the manual. */

#include "config.h"

#include <string.h>

#include "sys/conf_priv.h"

#define WIDTH 78

/* The sentence at the start of *text; false at the end. */
static bool
next_sentence(const char **text, struct str *out)
{
	const char *end = strstr(*text, ". ");
	size_t len = end != NULL ? (size_t)(end - *text) + 1 : strlen(*text);

	*out = str_of(*text, len);
	*text += len + (end != NULL ? 1 : 0);
	return (len > 0);
}

/* As comment lines of at most WIDTH columns. */
static void
put_comment(struct buf *out, const char *text)
{
	size_t col = 0, len;

	while (*text != '\0') {
		len = strcspn(text, " ");
		if (col == 0 || col + 1 + len > WIDTH) {
			buf_puts(out, col == 0 ? "#" : "\n#");
			col = 1;
		}
		buf_printf(out, " %.*s", (int)len, text);
		col += 1 + len;
		text += len + strspn(text + len, " ");
	}
	buf_putc(out, '\n');
}

static bool
belongs(const struct conf_option *o, const struct conf_section *s)
{
	return (strcmp(o->section, s->kind) == 0);
}

void
conf_print_default(const struct conf_schema *t, struct buf *out)
{
	const struct conf_section *s;
	const struct conf_option *o;
	size_t i, k;

	buf_puts(out, t->intro);
	for (i = 0; i < t->nsections; i++) {
		s = &t->sections[i];
		buf_putc(out, '\n');
		put_comment(out, s->help);
		if (s->name != NULL)
			buf_printf(out, "#[%s %s]\n", s->kind, s->example);
		else
			buf_printf(out, "[%s]\n", s->kind);
		for (k = 0; k < t->noptions; k++) {
			o = &t->options[k];
			if (!belongs(o, s))
				continue;
			buf_putc(out, '\n');
			put_comment(out, o->help);
			buf_printf(out, "#%s = %s\n", o->key,
			    o->def != NULL ? o->def : o->example);
		}
	}
}

/* A sentence on a line of its own, and on more where it is long.  What roff
 * would take for its own is escaped. */
static void
put_mdoc(struct buf *out, struct str s)
{
	size_t col = 0, i, len;

	while (s.len > 0) {
		len = str_find(s, ' ');
		if (col > 0)
			buf_putc(out, col + 1 + len > WIDTH ? '\n' : ' ');
		if (col + 1 + len > WIDTH)
			col = 0;
		if (col == 0 && (s.p[0] == '.' || s.p[0] == '\''))
			buf_puts(out, "\\&");
		for (i = 0; i < len; i++) {
			if (s.p[i] == '\\')
				buf_puts(out, "\\e");
			else
				buf_putc(out, s.p[i]);
		}
		col += 1 + len;
		len += len < s.len ? 1 : 0;
		s = str_of(s.p + len, s.len - len);
	}
	buf_putc(out, '\n');
}

static void
put_sentences(struct buf *out, const char *text)
{
	struct str sentence;

	while (next_sentence(&text, &sentence))
		put_mdoc(out, sentence);
}

/* What stands on the right of the "=". */
static void
put_argument(struct buf *out, const struct conf_option *o)
{
	const char *w;

	switch (o->type) {
	case CONF_STRING:
		buf_puts(out, "Ar name");
		break;
	case CONF_PATH:
		buf_puts(out, "Ar path");
		break;
	case CONF_FILE:
	case CONF_SECRET:
		buf_puts(out, "Ar file");
		break;
	case CONF_BOOL:
		buf_puts(out, "Cm yes | no");
		break;
	case CONF_NUMBER:
		buf_puts(out, "Ar number");
		break;
	case CONF_SIZE:
		buf_puts(out, "Ar size");
		break;
	case CONF_SECONDS:
		buf_puts(out, "Ar time");
		break;
	case CONF_WORD:
		buf_puts(out, "Cm ");
		for (w = o->words; *w != '\0'; w++) {
			if (*w == '|')
				buf_puts(out, " | ");
			else
				buf_putc(out, *w);
		}
		break;
	case CONF_LIST:
	case CONF_ADDRS:
		buf_puts(out, "Ar list");
		break;
	case CONF_LISTEN:
		buf_puts(out, "Ar address : Ns Ar port ...");
		break;
	case CONF_URL:
		buf_puts(out, "Ar url");
		break;
	}
}

/* What the sentences do not say: schemes, words, bounds, default. */
static void
put_facts(struct buf *out, const struct conf_option *o)
{
	const char *w;

	if (o->words != NULL && (o->type == CONF_LIST || o->type == CONF_URL)) {
		buf_printf(out, "The %s%s\n",
		    o->type == CONF_LIST ? "word" : "scheme",
		    strchr(o->words, '|') != NULL ? "s are" : " is");
		for (w = o->words; *w != '\0';) {
			buf_printf(out, ".Cm %.*s", (int)strcspn(w, "|"), w);
			w += strcspn(w, "|");
			buf_puts(out, *w == '\0' ? " .\n" : " ,\n");
			w += *w == '|' ? 1 : 0;
		}
	} else if (o->words != NULL && o->type != CONF_WORD &&
	           o->type != CONF_ADDRS)
		buf_printf(out, "It lies within %s.\n", o->words);
	if (o->def != NULL)
		buf_printf(out, "The default is\n.Ql %s .\n", o->def);
}

void
conf_print_mdoc(const struct conf_schema *t, struct buf *out)
{
	const struct conf_section *s;
	const struct conf_option *o;
	size_t i, k;

	for (i = 0; i < t->nsections; i++) {
		s = &t->sections[i];
		if (s->name != NULL)
			buf_printf(out, ".Ss The sections \\(dq%s %s\\(dq\n",
			    s->kind, s->name);
		else
			buf_printf(out, ".Ss The section \\(dq%s\\(dq\n",
			    s->kind);
		put_sentences(out, s->help);
		buf_puts(out, ".Bl -tag -width Ds\n");
		for (k = 0; k < t->noptions; k++) {
			o = &t->options[k];
			if (!belongs(o, s))
				continue;
			buf_printf(out, ".It Ic %s No = ", o->key);
			put_argument(out, o);
			buf_putc(out, '\n');
			put_sentences(out, o->help);
			put_facts(out, o);
		}
		buf_puts(out, ".El\n");
	}
}
