#include "config.h"

#include "sealer/owner.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "sys/conf.h"
#include "unit.h"

#define CONF                                                            \
	"[upstream x.test]\nimap = imaps://127.0.0.1:993\n"             \
	"smtp = smtps://127.0.0.1:465\n"                                \
	"[account anna@x.test]\naddresses = anna@x.test, info@x.test\n" \
	"[account bert@x.test]\naddresses = bert@x.test info@x.test "   \
	"Sales@x.test\n"

static struct conf *
load(void)
{
	char path[] = "t_owner.XXXXXX";
	struct conf *conf;
	struct err err;
	FILE *f;
	int fd;

	if ((fd = mkstemp(path)) == -1 || (f = fdopen(fd, "w")) == NULL)
		abort();
	(void)fputs(CONF, f);
	(void)fclose(f);
	if ((conf = conf_load(path, &err)) == NULL)
		(void)fprintf(stderr, "%s\n", err.text);
	(void)unlink(path);
	return (conf);
}

static void
t_conf(void)
{
	static const struct {
		const char *account, *address;
		enum owner want;
	} t[] = {
	    {"anna@x.test", "anna@x.test", OWNER_US},
	    {"anna@x.test", "Anna@X.test", OWNER_US},
	    {"anna@x.test", "info@x.test", OWNER_US},
	    {"bert@x.test", "info@x.test", OWNER_US},
	    {"anna@x.test", "sales@x.test", OWNER_OTHER},
	    {"anna@x.test", "bert@x.test", OWNER_OTHER},
	    {"anna@x.test", "carl@x.test", OWNER_NONE},
	    {"carl@x.test", "carl@x.test", OWNER_US},
	    {"carl@x.test", "info@x.test", OWNER_OTHER},
	    {"sales@x.test", "sales@x.test", OWNER_OTHER},
	    {"nna@x.test", "anna@x.test", OWNER_OTHER},
	};
	struct conf *conf = load();
	size_t i;

	if (!CHECK(conf != NULL))
		return;
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		unit_row(t[i].address);
		CHECK_INT(owner_by_conf(conf, str_c(t[i].account),
		              str_c(t[i].address)),
		    t[i].want);
	}
	conf_free(conf);
}

int
main(void)
{
	static const struct unit_test tests[] = {
	    {"conf", t_conf},
	    {NULL, NULL},
	};

	return (unit_main("owner", tests));
}
