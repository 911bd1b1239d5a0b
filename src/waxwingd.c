#include "config.h"

#include <stdio.h>
#include <unistd.h>

#include "agent/agent.h"
#include "opener/opener.h"
#include "parent/parent.h"
#include "proxy/proxy.h"
#include "sealer/sealer.h"
#include "sys/proc.h"
#include "sys/sandbox.h"

#define DEFAULT_CONF SYSCONFDIR "/waxwing/waxwing.conf"

static role_fn *const mains[] = {
    [ROLE_PROXY] = proxy_main,
    [ROLE_OPENER] = opener_main,
    [ROLE_SEALER] = sealer_main,
    [ROLE_AGENT] = agent_main,
};

static int
usage(void)
{
	(void)fputs("usage: waxwingd [-dnV] [-f file]\n", stderr);
	return (64);
}

static int
version(void)
{
#ifdef WAXWING_TEST_HOOKS
	(void)puts("waxwingd " PACKAGE_VERSION " (with test hooks)");
#else
	(void)puts("waxwingd " PACKAGE_VERSION);
#endif
	return (0);
}

int
main(int argc, char *argv[])
{
	const char *conf = DEFAULT_CONF;
	bool foreground = false, check = false;
	enum role role;
	int c;

	while ((c = getopt(argc, argv, "df:nVx:")) != -1) {
		switch (c) {
		case 'd':
			foreground = true;
			break;
		case 'f':
			conf = optarg;
			break;
		case 'n':
			check = true;
			break;
		case 'V':
			return (version());
		case 'x': /* a role, started by the parent */
			if (role_parse(optarg, &role) == -1)
				return (usage());
			return (mains[role](PROC_LINK));
		default:
			return (usage());
		}
	}
	if (optind < argc)
		return (usage());
	if (check)
		return (parent_check(conf));
	return (parent_run(conf, foreground));
}
