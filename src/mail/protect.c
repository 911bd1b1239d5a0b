#include "config.h"

#include "mail/protect.h"

#include "mail/ctype.h"
#include "mail/splice.h"

/* A Content-Type with all its parameters. */
#define CTYPE_MAX ((size_t)64 * 1024)

/* The parameter of the value; p is NULL if there is none. */
static struct str
hp_of(struct str value, struct arena *arena)
{
	struct ctype ct;

	if (ctype_parse(value, arena, &ct) == -1)
		return (str_of(NULL, 0));
	return (ctype_param(&ct, "hp"));
}

enum protect
protect_kind(struct str payload, struct arena *arena)
{
	struct field f;
	struct str hp;

	if (header_count(payload, "Content-Type") != 1 ||
	    !header_find(payload, "Content-Type", &f) ||
	    (hp = hp_of(f.value, arena)).p == NULL)
		return (PROTECT_NONE);
	if (str_ieq(hp, STR("clear")))
		return (PROTECT_CLEAR);
	return (str_ieq(hp, STR("cipher")) ? PROTECT_CIPHER : PROTECT_NONE);
}

bool
protect_find(struct str payload, const char *name, struct arena *arena,
    struct field *f)
{
	return (protect_kind(payload, arena) != PROTECT_NONE &&
	        header_count(payload, name) == 1 &&
	        header_find(payload, name, f));
}

/* The Content-Type, on a line more for hp; false if it has one. */
static bool
put_type(struct buf *out, const struct field *f)
{
	struct str s = str_trim(f->value);
	struct arena arena;
	bool free;

	arena_init(&arena, 4 * CTYPE_MAX);
	free = s.len <= CTYPE_MAX && hp_of(s, &arena).p == NULL;
	arena_clear(&arena);
	if (!free)
		return (false);
	while (s.len > 0 && s.p[s.len - 1] == ';')
		s = str_trim(str_of(s.p, s.len - 1));
	buf_puts(out, "Content-Type: ");
	buf_str(out, s);
	buf_puts(out, ";\r\n hp=\"clear\"\r\n");
	return (true);
}

int
protect_clear(struct str mail, struct buf *outer, struct buf *payload)
{
	size_t end = header_len(mail);
	bool typed = false;
	struct header h;
	struct field f;

	header_init(&h, mail);
	while (header_next(&h, &f)) {
		if (field_is(&f, "HP-Outer"))
			continue;
		if (field_is(&f, "Content-Type")) {
			if (typed || !put_type(payload, &f))
				return (-1);
			typed = true;
			continue;
		}
		field_put(&f, payload);
		if (!splice_is_entity(f.name))
			field_put(&f, outer);
	}
	if (!typed)
		buf_puts(payload,
		    "Content-Type: text/plain; charset=us-ascii;\r\n"
		    " hp=\"clear\"\r\n");
	buf_puts(payload, "\r\n");
	buf_put(payload, mail.p + end, mail.len - end);
	return (outer->failed || payload->failed ? -1 : 0);
}
