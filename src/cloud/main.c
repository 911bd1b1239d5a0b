#include "config.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cloud/cloud.h"

#define DEFAULT_CONF SYSCONFDIR "/waxwing/waxwing-cloud.conf"

static int
usage(void)
{
	(void)fputs("usage: waxwing-cloudd [-nV] [-f file] [init]\n", stderr);
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

/* Load the conf, and make the keys or stop there. */
static int
prepare(const char *path, bool init)
{
	struct conf *conf;
	struct err err;
	int rc;

	if ((conf = cloud_conf(path, &err)) == NULL) {
		(void)fprintf(stderr, "waxwing-cloudd: %s\n", err.text);
		return (78);
	}
	rc = init ? cloud_init(conf, &err) : 0;
	if (rc != 0)
		(void)fprintf(stderr, "waxwing-cloudd: %s\n", err.text);
	conf_free(conf);
	return (rc == 0 ? 0 : 1);
}

int
main(int argc, char *argv[])
{
	const char *conf = DEFAULT_CONF;
	bool check = false, init;
	int c;

	while ((c = getopt(argc, argv, "f:nV")) != -1) {
		switch (c) {
		case 'f':
			conf = optarg;
			break;
		case 'n':
			check = true;
			break;
		case 'V':
			return (version());
		default:
			return (usage());
		}
	}
	init = optind + 1 == argc && strcmp(argv[optind], "init") == 0;
	if (optind < argc && !init)
		return (usage());
	if (check || init)
		return (prepare(conf, init));
	return (cloud_run(conf));
}
