#include "config.h"

#include "imap/fetch.h"

#include <string.h>

#include "unit.h"

/* Names of the items, "v" before those made of the view, and the marks. */
static void
show(struct buf *out, const char *in)
{
	struct arena arena;
	struct fetch f;
	const char *why;
	size_t i;

	arena_init(&arena, 100000);
	if (fetch_parse(str_c(in), &arena, &f, &why)) {
		buf_str(out, f.set);
		for (i = 0; i < f.nitems; i++) {
			buf_puts(out,
			    f.items[i].source == FROM_VIEW ? " v:" : " s:");
			buf_str(out, f.items[i].name);
		}
		buf_puts(out, f.uid ? " uid" : "");
		buf_puts(out, f.view ? " view" : "");
		buf_puts(out, f.seen ? " seen" : "");
		buf_puts(out, f.foreign ? " foreign" : "");
	} else
		buf_printf(out, "! %s", why);
	arena_clear(&arena);
}

static void
t_parse(void)
{
	static const struct {
		const char *in;
		const char *want;
	} rows[] = {
	    {"1 FLAGS", "1 s:FLAGS"},
	    {"1:* (UID FLAGS)", "1:* s:UID s:FLAGS uid"},
	    {"1 fast", "1 s:FLAGS s:INTERNALDATE v:RFC822.SIZE view"},
	    {"1 (FAST)", "! unknown FETCH item"},
	    {"1 full",
	        "1 s:FLAGS s:INTERNALDATE v:RFC822.SIZE v:ENVELOPE v:BODY "
	        "view"},
	    {"1 all x", "! unknown FETCH item"},
	    {"1 BODY[]", "1 v:BODY[] view seen"},
	    {"1 body.peek[1.2.mime]<0.5>", "1 v:BODY[1.2.MIME]<0> view"},
	    {"1 (BODY.PEEK[HEADER.FIELDS (Date)] UID)",
	        "1 v:BODY[HEADER.FIELDS (DATE)] s:UID uid view"},
	    {"39 (UID RFC822.SIZE RFC822.peek)",
	        "39 s:UID v:RFC822.SIZE v:RFC822 uid view foreign"},
	    {"1 RFC822.HEADER", "1 v:RFC822.HEADER view"},
	    {"1 RFC822.TEXT", "1 v:RFC822.TEXT view seen"},
	    {"1 (FLAGS MODSEQ)", "! unknown FETCH item"},
	    {"1 (FLAGS) (CHANGEDSINCE 5)", "! FETCH modifiers are not offered"},
	    {"1 BINARY[1]", "! unknown FETCH item"},
	    {"1 BODY[", "! bad section"},
	    {"1 BODY[BOGUS]", "! bad section"},
	    {"1 (FLAGS", "! a parenthesis is missing"},
	    {"1 (FLAGS )", "! a FETCH item is missing"},
	    {"1 ()", "! a FETCH item is missing"},
	    {"1 ", "! a FETCH item is missing"},
	    {"1", "! FETCH needs a set and items"},
	    {"", "! FETCH needs a set and items"},
	};
	struct buf out;
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		unit_row(rows[i].in);
		buf_init(&out, 4096);
		show(&out, rows[i].in);
		CHECK_BUF(&out, rows[i].want);
		buf_clear(&out);
	}
}

int
main(void)
{
	static const struct unit_test tests[] = {
	    {"a command as a value", t_parse},
	    {NULL, NULL},
	};

	return (unit_main("t_fetch", tests));
}
