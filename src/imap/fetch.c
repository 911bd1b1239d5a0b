#include "config.h"

#include "imap/fetch.h"

#include <string.h>

#include "imap/lex.h"

static const struct {
	const char *name;
	const char *items[6];
} macros[] = {
    {"ALL", {"FLAGS", "INTERNALDATE", "RFC822.SIZE", "ENVELOPE", NULL}},
    {"FAST", {"FLAGS", "INTERNALDATE", "RFC822.SIZE", NULL}},
    {"FULL",
        {"FLAGS", "INTERNALDATE", "RFC822.SIZE", "ENVELOPE", "BODY", NULL}},
};

/* Outlook's word for BODY.PEEK[]; the answer's name is RFC822. */
#define RFC822_PEEK "RFC822.PEEK"

static struct fetch_item *
fetch_add(struct fetch *f, const char **why)
{
	*why = "too many items";
	return (f->nitems < f->max ? &f->items[f->nitems++] : NULL);
}

/* An item that is one word. */
static bool
fetch_word(struct fetch *f, struct str word, const char **why)
{
	const struct item_kind *kind;
	struct fetch_item *it;

	f->bad = word;
	if ((kind = item_find(word)) == NULL) {
		*why = "unknown FETCH item";
		return (false);
	}
	if ((it = fetch_add(f, why)) == NULL)
		return (false);
	it->kind = kind;
	it->section = kind->section;
	it->source = kind->source;
	it->name = str_c(kind->name);
	if (str_ieq(word, STR(RFC822_PEEK))) {
		it->name = STR("RFC822");
		f->foreign = true;
	}
	f->ext |= kind->ext;
	f->uid |= str_ieq(word, STR("UID"));
	f->flags |= str_ieq(word, STR("FLAGS"));
	f->view |= kind->source == FROM_VIEW;
	f->seen |= kind->section != NULL && !kind->section->peek;
	return (true);
}

static bool
fetch_section(struct fetch *f, struct tok *t, struct arena *arena,
    const char **why)
{
	struct fetch_item *it;
	struct section *sec;
	size_t n;

	if ((it = fetch_add(f, why)) == NULL)
		return (false);
	f->bad = str_of(t->in.p + t->pos, t->in.len - t->pos);
	*why = "bad section";
	if ((sec = arena_alloc(arena, sizeof(*sec))) == NULL)
		return (false);
	n = section_parse(str_of(t->in.p + t->pos, t->in.len - t->pos), arena,
	    sec);
	if (n == 0)
		return (false);
	t->pos += n;
	it->section = sec;
	it->source = FROM_VIEW;
	it->name = sec->name;
	f->view = true;
	f->seen |= !sec->peek;
	return (true);
}

/* What may follow PREVIEW: "(LAZY)" (RFC 8970 section 3.2).  If it is the only
 * item, the list may be modifiers of FETCH. */
static bool
fetch_preview(struct fetch *f, struct tok *t, const char **why)
{
	size_t at = t->pos;
	struct str word;

	if (!tok_char(t, ' ') || !tok_char(t, '(') || !tok_atom(t, &word) ||
	    str_ieq(word, STR("CHANGEDSINCE")) ||
	    str_ieq(word, STR("VANISHED"))) {
		t->pos = at;
		return (true);
	}
	f->bad = word;
	*why = "unknown modifier of PREVIEW";
	f->items[f->nitems - 1].lazy = true;
	return (str_ieq(word, STR("LAZY")) && tok_char(t, ')'));
}

static bool
fetch_item(struct fetch *f, struct tok *t, struct arena *arena,
    const char **why)
{
	struct str rest = str_of(t->in.p + t->pos, t->in.len - t->pos), word;

	if (str_istarts(rest, STR("BODY[")) ||
	    str_istarts(rest, STR("BODY.PEEK[")))
		return (fetch_section(f, t, arena, why));
	f->bad = STR("");
	*why = "a FETCH item is missing";
	if (!tok_atom(t, &word) || !fetch_word(f, word, why))
		return (false);
	return (!str_ieq(word, STR("PREVIEW")) || fetch_preview(f, t, why));
}

/* A list in parentheses. */
static bool
fetch_list(struct fetch *f, struct tok *t, struct arena *arena,
    const char **why)
{
	do {
		if (!fetch_item(f, t, arena, why))
			return (false);
	} while (tok_char(t, ' '));
	f->bad = STR("");
	*why = "a parenthesis is missing";
	return (tok_char(t, ')'));
}

/* The macros stand alone (RFC 3501 6.4.5).  Is this one? */
static bool
fetch_macro(struct fetch *f, struct str word, const char **why)
{
	size_t i, k;

	for (i = 0; i < sizeof(macros) / sizeof(macros[0]); i++) {
		if (!str_ieq(word, str_c(macros[i].name)))
			continue;
		for (k = 0; macros[i].items[k] != NULL; k++)
			if (!fetch_word(f, str_c(macros[i].items[k]), why))
				return (false);
		return (true);
	}
	return (false);
}

bool
fetch_has(const struct fetch *f, const char *name)
{
	size_t i;

	for (i = 0; i < f->nitems; i++)
		if (str_ieq(f->items[i].name, str_c(name)))
			return (true);
	return (false);
}

/* One of "(CHANGEDSINCE n VANISHED)" (RFC 4466 2.2, RFC 7162). */
static bool
fetch_modifier(struct fetch *f, struct tok *t, const char **why)
{
	struct str word;

	*why = "unknown FETCH modifier";
	if (!tok_atom(t, &word))
		return (false);
	f->bad = word;
	if (str_ieq(word, STR("VANISHED")) && !f->vanished) {
		f->vanished = true;
		f->ext |= EXT_QRESYNC;
		return (true);
	}
	if (!str_ieq(word, STR("CHANGEDSINCE")) || f->changed)
		return (false);
	f->bad = STR("");
	*why = "CHANGEDSINCE needs a number";
	f->changed = true;
	f->ext |= EXT_CONDSTORE;
	return (tok_char(t, ' ') && tok_number(t, INT64_MAX, &f->since));
}

/* All of them; CHANGEDSINCE asks for MODSEQ too. */
static bool
fetch_modifiers(struct fetch *f, struct tok *t, const char **why)
{
	size_t from = t->pos;

	*why = "bad FETCH modifiers";
	if (!tok_char(t, '('))
		return (false);
	do {
		if (!fetch_modifier(f, t, why))
			return (false);
	} while (tok_char(t, ' '));
	f->bad = STR("");
	*why = "bad FETCH modifiers";
	if (!tok_char(t, ')') || !tok_end(t))
		return (false);
	f->mods = str_of(t->in.p + from, t->pos - from);
	*why = "VANISHED needs CHANGEDSINCE";
	if (f->vanished && !f->changed)
		return (false);
	return (!f->changed || fetch_has(f, "MODSEQ") ||
	        fetch_word(f, STR("MODSEQ"), why));
}

bool
fetch_parse(struct str args, struct arena *arena, struct fetch *f,
    const char **why)
{
	struct str word;
	struct tok t;
	size_t set, from;
	bool ok;

	memset(f, 0, sizeof(*f));
	*why = "out of memory";
	/* Each item but a macro's has a blank before it. */
	f->max = 5;
	for (set = 0; set < args.len && f->max < FETCH_ITEMS; set++)
		f->max += args.p[set] == ' ';
	f->items = arena_array(arena, f->max, sizeof(*f->items));
	if (f->items == NULL)
		return (false);
	*why = "FETCH needs a set and items";
	set = str_find(args, ' ');
	if (set == 0 || set == args.len)
		return (false);
	f->set = str_of(args.p, set);
	tok_init(&t, args);
	from = t.pos = set + 1;
	if (tok_char(&t, '('))
		ok = fetch_list(f, &t, arena, why);
	else if (tok_atom(&t, &word) && fetch_macro(f, word, why))
		ok = true;
	else {
		t.pos = from;
		ok = fetch_item(f, &t, arena, why);
	}
	if (!ok)
		return (false);
	f->bad = STR("");
	f->text = str_of(args.p + from, t.pos - from);
	*why = "a blank is missing";
	return (
	    tok_end(&t) || (tok_char(&t, ' ') && fetch_modifiers(f, &t, why)));
}

void
fetch_print_items(const struct fetch *f, struct buf *out)
{
	size_t i;

	buf_putc(out, '(');
	for (i = 0; i < f->nitems; i++) {
		if (i > 0)
			buf_putc(out, ' ');
		if (f->items[i].kind != NULL)
			buf_printf(out, "%s%s", f->items[i].kind->name,
			    f->items[i].lazy ? " (LAZY)" : "");
		else
			section_print(f->items[i].section, out);
	}
	buf_putc(out, ')');
}
