#include "config.h"

#include "mail/date.h"

#include "unit.h"

/* What is a date and what not is as Dovecot sees it. */
static void
t_parse(void)
{
	static const struct {
		const char *in;
		bool ok;
		int64_t utc;
		int zone;
	} rows[] = {
	    {"Mon, 1 Jan 2024 10:00:00 +0100", true, 1704099600, 60},
	    {"1 Jan 2024 10:00:00 +0000", true, 1704103200, 0},
	    {"1 Jan 2024 10:00", true, 1704103200, 0},
	    {"  Mon (day) , 01 January 2024 10 : 00.00 GMT (x)", true,
	        1704103200, 0},
	    {"29 Feb 2024 00:00:00 -0000", true, 1709164800, 0},
	    {"29 Feb 2023 00:00:00 -0000", false, 0, 0},
	    {"31 Apr 2023 00:00:00 -0000", false, 0, 0},
	    {"0 Apr 2023 00:00:00", false, 0, 0},
	    {"31 Dec 1999 23:59:60 +0000", true, 946684799, 0},
	    {"31 Dec 1999 23:59:61 +0000", false, 0, 0},
	    {"31 Dec 1999 24:00:00 +0000", false, 0, 0},
	    {"1 Jan 70 00:00:00 +0000", true, 0, 0},
	    {"1 Jan 69 00:00:00 +0000", true, 3124224000, 0},
	    {"31 Dec 1969 23:59:59", false, 0, 0},
	    {"1 Jan 1960 10:00:00 +0000", true, -315583200, 0},
	    {"1 Jan 1899 10:00:00 +0000", false, 0, 0},
	    {"1 Jan 124 10:00:00 +0000", false, 0, 0},
	    {"1 Jan 2024 10:00:00 EST", true, 1704121200, -300},
	    {"1 Jan 2024 10:00:00 PDT", true, 1704128400, -420},
	    {"1 Jan 2024 10:00:00 est", true, 1704103200, 0},
	    {"1 Jan 2024 10:00:00 A", true, 1704099600, 60},
	    {"1 Jan 2024 10:00:00 J", true, 1704103200, 0},
	    {"1 Jan 2024 10:00:00 M", true, 1704060000, 720},
	    {"1 Jan 2024 10:00:00 N", true, 1704106800, -60},
	    {"1 Jan 2024 10:00:00 Z", true, 1704103200, 0},
	    {"1 Jan 2024 10:00:00 \xc3", true, 1704103200, 0},
	    {"1 Jan 2024 10:00:00 +9999", true, 1703740860, 6039},
	    {"1 Jan 2024 10:00:00 +01", true, 1704103200, 0},
	    {"1 Jan 2024 1000", false, 0, 0},
	    {"1-Jan-2024 10:00:00", false, 0, 0},
	    {"Monday, 1 Jan 2024 10:00:00", false, 0, 0},
	    {"Mon 1 Jan 2024 10:00:00", false, 0, 0},
	    {"1 Foo 2024 10:00:00", false, 0, 0},
	    {"", false, 0, 0},
	    {"(", false, 0, 0},
	    {"now", false, 0, 0},
	};
	int64_t utc;
	size_t i;
	int zone;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		unit_row(rows[i].in);
		if (date_parse(str_c(rows[i].in), &utc, &zone)) {
			CHECK(rows[i].ok);
			CHECK_INT(utc, rows[i].utc);
			CHECK_INT(zone, rows[i].zone);
		} else
			CHECK(!rows[i].ok);
	}
}

/* The days that SENTON of Dovecot found these under. */
static void
t_sent(void)
{
	static const struct {
		const char *header;
		int64_t day;
		uint32_t utc;
	} rows[] = {
	    {"Date: Mon, 1 Jan 2024 23:30:00 -0800\r\n\r\n", 19723, 1704180600},
	    {"date: 1 Jan 2024\r\n 10:00:00 +0000\r\n\r\n", 19723, 1704103200},
	    {"Date: nonsense\r\n\r\n", 0, 0},
	    {"Date: 15 Dec 2010 59:10 -0500\r\n\r\n", 0, 0},
	    {"Date: 31 Nov 2010 10:10 -0500\r\n\r\n", 0, 0},
	    {"Subject: x\r\n\r\n", 0, 0},
	    {"Date: nonsense\r\nDate: 1 Jan 2024 10:00:00 +0000\r\n\r\n", 0, 0},
	    {"Date: 31 Dec 1969 12:00:00 +0000\r\n\r\n", 49709, 4294924096},
	    {"Date: 1 Jan 2200 00:00:00 +0000\r\n\r\n", 34295, 2963151104},
	    {"Date: 1 Jan 1970 00:00:00 -0100\r\n\r\n", 0, 3600},
	    {"Date: 31 Dec 1969 23:00:00 -0200\r\n\r\n", -1, 3600},
	};
	uint32_t utc;
	size_t i;
	int zone;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		unit_row(rows[i].header);
		date_sent(str_c(rows[i].header), &utc, &zone);
		CHECK_UINT(utc, rows[i].utc);
		CHECK_INT(date_day(utc, zone), rows[i].day);
	}
}

int
main(void)
{
	static const struct unit_test tests[] = {
	    {"parse", t_parse},
	    {"sent", t_sent},
	    {NULL, NULL},
	};

	return (unit_main("date", tests));
}
