#include "config.h"

#include "imap/fetch.h"

#include <inttypes.h>
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
		if (f.ext != 0)
			buf_printf(out, " ext=%u", (unsigned)f.ext);
		if (f.changed)
			buf_printf(out, " since=%" PRIu64, f.since);
		buf_puts(out, f.vanished ? " vanished" : "");
		buf_puts(out, f.items[0].lazy ? " lazy" : "");
	} else {
		buf_printf(out, "! %s", why);
		if (f.bad.len > 0)
			buf_puts(out, ": ");
		buf_str(out, f.bad);
	}
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
	    {"1 (FAST)", "! unknown FETCH item: FAST"},
	    {"1 full",
	        "1 s:FLAGS s:INTERNALDATE v:RFC822.SIZE v:ENVELOPE v:BODY "
	        "view"},
	    {"1 all x", "! bad FETCH modifiers"},
	    {"1 BODY[]", "1 v:BODY[] view seen"},
	    {"1 body.peek[1.2.mime]<0.5>", "1 v:BODY[1.2.MIME]<0> view"},
	    {"1 (BODY.PEEK[HEADER.FIELDS (Date)] UID)",
	        "1 v:BODY[HEADER.FIELDS (DATE)] s:UID uid view"},
	    {"39 (UID RFC822.SIZE RFC822.peek)",
	        "39 s:UID v:RFC822.SIZE v:RFC822 uid view foreign"},
	    {"1 RFC822.HEADER", "1 v:RFC822.HEADER view"},
	    {"1 RFC822.TEXT", "1 v:RFC822.TEXT view seen"},
	    {"1 (FLAGS MODSEQ)", "1 s:FLAGS s:MODSEQ ext=2"},
	    {"1 FLAGS (CHANGEDSINCE 5)", "1 s:FLAGS s:MODSEQ ext=2 since=5"},
	    {"1 fast (CHANGEDSINCE 5)",
	        "1 s:FLAGS s:INTERNALDATE v:RFC822.SIZE s:MODSEQ view ext=2 "
	        "since=5"},
	    {"1:* (MODSEQ) (VANISHED CHANGEDSINCE 9223372036854775807)",
	        "1:* s:MODSEQ ext=6 since=9223372036854775807 vanished"},
	    {"1 (FLAGS) (CHANGEDSINCE 9223372036854775808)",
	        "! CHANGEDSINCE needs a number"},
	    {"1 (FLAGS) (CHANGEDSINCE)", "! CHANGEDSINCE needs a number"},
	    {"1 (FLAGS) (CHANGEDSINCE 5 CHANGEDSINCE 6)",
	        "! unknown FETCH modifier: CHANGEDSINCE"},
	    {"1 (FLAGS) (VANISHED)", "! VANISHED needs CHANGEDSINCE"},
	    {"1 (FLAGS) (PARTIAL 1:5)", "! unknown FETCH modifier: PARTIAL"},
	    {"1 (FLAGS) ()", "! unknown FETCH modifier"},
	    {"1 (FLAGS) (CHANGEDSINCE 5) x", "! bad FETCH modifiers"},
	    {"1 (FLAGS) ", "! bad FETCH modifiers"},
	    {"1 (FLAGS)x", "! a blank is missing"},
	    {"1 PREVIEW", "1 v:PREVIEW view ext=32768"},
	    {"1 PREVIEW (LAZY)", "1 v:PREVIEW view ext=32768 lazy"},
	    {"1 (PREVIEW (lazy) FLAGS) (CHANGEDSINCE 1)",
	        "1 v:PREVIEW s:FLAGS s:MODSEQ view ext=32770 since=1 lazy"},
	    {"1 PREVIEW (CHANGEDSINCE 1)",
	        "1 v:PREVIEW s:MODSEQ view ext=32770 since=1"},
	    {"1 (PREVIEW (FUZZY))", "! unknown modifier of PREVIEW: FUZZY"},
	    {"1 (PREVIEW (LAZY LAZY))", "! unknown modifier of PREVIEW: LAZY"},
	    {"1 (PREVIEW ())", "! a FETCH item is missing"},
	    {"1 (EMAILID THREADID SAVEDATE X-GM-LABELS)",
	        "1 s:EMAILID s:THREADID s:SAVEDATE s:X-GM-LABELS ext=448"},
	    {"1 BINARY[1]", "! unknown FETCH item: BINARY[1]"},
	    {"1 BODY[", "! bad section: BODY["},
	    {"1 BODY[BOGUS]", "! bad section: BODY[BOGUS]"},
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
