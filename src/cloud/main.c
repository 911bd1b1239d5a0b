#include "config.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cloud/cloud.h"

#define DEFAULT_CONF SYSCONFDIR "/waxwing/waxwing-cloud.conf"

static int
usage(void)
{
	(void)fputs("usage: waxwing-cloudd [-nV] [-f file] [init | rekey]\n",
	    stderr);
	return (64);
}

static int
version(void)
{
#ifdef WAXWING_TEST_HOOKS
	(void)puts("waxwing-cloudd " PACKAGE_VERSION " (with test hooks)");
#else
	(void)puts("waxwing-cloudd " PACKAGE_VERSION);
#endif
	return (0);
}

enum errand { SERVE, CHECK, INIT, REKEY };

/* Load the conf, and do what is to be done offline. */
static int
run_errand(const char *path, enum errand what)
{
	struct conf *conf;
	struct err err;
	int rc = 0;

	if ((conf = cloud_conf(path, &err)) == NULL) {
		(void)fprintf(stderr, "waxwing-cloudd: %s\n", err.text);
		return (78);
	}
	if (what == INIT)
		rc = cloud_init(conf, &err);
	else if (what == REKEY)
		rc = cloud_rekey(conf, &err);
	if (rc != 0)
		(void)fprintf(stderr, "waxwing-cloudd: %s\n", err.text);
	conf_free(conf);
	return (rc == 0 ? 0 : 1);
}

int
main(int argc, char *argv[])
{
	const char *conf = DEFAULT_CONF;
	enum errand what = SERVE;
	int c;

	while ((c = getopt(argc, argv, "f:nV")) != -1) {
		switch (c) {
		case 'f':
			conf = optarg;
			break;
		case 'n':
			what = CHECK;
			break;
		case 'V':
			return (version());
		default:
			return (usage());
		}
	}
	if (optind + 1 == argc && strcmp(argv[optind], "init") == 0)
		what = INIT;
	else if (optind + 1 == argc && strcmp(argv[optind], "rekey") == 0)
		what = REKEY;
	else if (optind < argc)
		return (usage());
	return (what == SERVE ? cloud_run(conf) : run_errand(conf, what));
}
