#include "config.h"

#include "imap/copyuid.h"

#include <stdio.h>

#include "unit.h"

/* "validity from>to from>to ...", or "no". */
static void
show(struct str code, char *out, size_t size)
{
	struct copyuid c;
	size_t i, n;

	if (!copyuid_parse(code, &c)) {
		(void)snprintf(out, size, "no");
		return;
	}
	n = (size_t)snprintf(out, size, "%u", (unsigned)c.uidvalidity);
	for (i = 0; i < c.n; i++)
		n += (size_t)snprintf(out + n, size - n, " %u>%u",
		    (unsigned)c.from[i], (unsigned)c.to[i]);
}

static void
t_parse(void)
{
	static const struct {
		const char *in;
		const char *want;
	} rows[] = {
	    {"COPYUID 38505 304,319:320 3956:3958",
	        "38505 304>3956 319>3957 320>3958"},
	    {"copyuid 1 5 7", "1 5>7"},
	    /* as it is written, and ranges upwards */
	    {"COPYUID 1 3,1 7:8", "1 3>7 1>8"},
	    {"COPYUID 1 3:2 8:7", "1 2>7 3>8"},
	    {"COPYUID 1 4294967295 4294967294", "1 4294967295>4294967294"},
	    {"COPYUID 1 4294967294:4294967295 1:2",
	        "1 4294967294>1 4294967295>2"},
	    {"COPYUID 1 1:2 7", "no"},
	    {"COPYUID 1 1 7:8", "no"},
	    {"COPYUID 0 1 7", "no"},
	    {"COPYUID 1 0 7", "no"},
	    {"COPYUID 1 1 0:1", "no"},
	    {"COPYUID 1 1", "no"},
	    {"COPYUID 1 1 7 8", "no"},
	    {"COPYUID 1 * 7", "no"},
	    {"COPYUID 1 1:* 7", "no"},
	    {"COPYUID 1 1, 7,", "1 1>7"},
	    {"COPYUID 1 ,1 7", "no"},
	    {"COPYUID 1 1:4294967295 1:4294967295", "no"},
	    {"COPYUID 1 1:201 1:201", "no"},
	    {"APPENDUID 1 7", "no"},
	    {"COPYUID", "no"},
	    {"", "no"},
	};
	char got[200];
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		unit_row(rows[i].in);
		show(str_c(rows[i].in), got, sizeof(got));
		CHECK_CSTR(got, rows[i].want);
	}
}

int
main(void)
{
	static const struct unit_test tests[] = {
	    {"response code", t_parse},
	    {NULL, NULL},
	};

	return (unit_main("t_copyuid", tests));
}
