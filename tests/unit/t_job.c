#include "config.h"

#include "proxy/job.h"

#include "unit.h"

static void
t_cut(void)
{
	static const struct {
		const char *set;
		uint64_t most;
		size_t room;
		const char *part;
		const char *rest;
	} rows[] = {
	    {"1:5", 100, 100, "1:5", ""},
	    {"1:5,9", 3, 100, "1:3", "4:5,9"},
	    {"1:5,9,11:20", 8, 100, "1:5,9,11:12", "13:20"},
	    {"1:5,9,11:20", 100, 9, "1:5,9", "11:20"},
	    {"4:4294967295", 2, 100, "4:5", "6:4294967295"},
	    {"4:4294967295", 1ULL << 40, 100, "4:4294967295", ""},
	    {"", 5, 100, "", ""},
	};
	struct set rest, part;
	struct buf a, b;
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		unit_row(rows[i].set);
		set_init(&rest);
		set_init(&part);
		buf_init(&a, 1000);
		buf_init(&b, 1000);
		if (rows[i].set[0] != '\0')
			CHECK_INT(set_parse(&rest, str_c(rows[i].set), 0, NULL),
			    0);
		CHECK_INT(job_cut(&rest, &part, rows[i].most, rows[i].room), 0);
		set_print(&part, &a);
		set_print(&rest, &b);
		CHECK_BUF(&a, rows[i].part);
		CHECK_BUF(&b, rows[i].rest);
		set_clear(&rest);
		set_clear(&part);
		buf_clear(&a);
		buf_clear(&b);
	}
}

int
main(void)
{
	static const struct unit_test tests[] = {
	    {"a set over several lines", t_cut},
	    {NULL, NULL},
	};

	return (unit_main("t_job", tests));
}
