#include "config.h"

#include "sys/proc.h"

#include <sys/socket.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

/* Out of the way of 0 to PROC_LINK, which the child moves about. */
#define FIRST_FREE 10

static int self = -1; /* this program */

/* The names of the environment variables a role keeps. */
static const char *const kept[] = {
#ifdef WAXWING_TEST_HOOKS
    "WAXWING_FAULTS",
    "WAXWING_CLOCK",
    "ASAN_OPTIONS",
    "LSAN_OPTIONS",
    "UBSAN_OPTIONS",
#endif
    NULL,
};

#define MAX_KEPT (sizeof(kept) / sizeof(kept[0]))

/* The strings of the environment that a role keeps, into env[MAX_KEPT]. */
static void
keep_env(char **env)
{
	extern char **environ;
	size_t i, n = 0, len;
	char **e;

	for (i = 0; kept[i] != NULL; i++) {
		len = strlen(kept[i]);
		for (e = environ; e != NULL && *e != NULL; e++)
			if (strncmp(*e, kept[i], len) == 0 && (*e)[len] == '=')
				env[n++] = *e;
	}
	env[n] = NULL;
}

/* Nothing above PROC_LINK survives the exec. */
static void
close_rest(void)
{
	long fd, max;

#ifdef HAVE_CLOSE_RANGE
	if (close_range(PROC_LINK + 1, ~0U, CLOSE_RANGE_CLOEXEC) == 0)
		return;
#endif
	if ((max = sysconf(_SC_OPEN_MAX)) == -1 || max > 65536)
		max = 65536;
	for (fd = PROC_LINK + 1; fd < max; fd++)
		(void)fcntl((int)fd, F_SETFD, FD_CLOEXEC);
}

static void
default_signals(void)
{
	sigset_t none;
	int s;

	for (s = 1; s < NSIG; s++)
		(void)signal(s, SIG_DFL);
	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
}

/* In the child: never returns. */
static void
become(enum role role, int link)
{
	char program[] = "waxwingd", dash_x[] = "-x";
	char name[16], *argv[] = {program, dash_x, name, NULL};
	char *env[MAX_KEPT];
	int null;

	strncpy(name, role_name(role), sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	keep_env(env);
	default_signals();
	if ((null = open("/dev/null", O_RDWR)) == -1 || dup2(null, 0) == -1 ||
	    dup2(null, 1) == -1)
		_exit(127);
	if (null > 2)
		close(null);
	/* dup2() onto itself would leave close-on-exec set */
	if (link == PROC_LINK) {
		if (fcntl(link, F_SETFD, 0) == -1)
			_exit(127);
	} else if (dup2(link, PROC_LINK) == -1)
		_exit(127);
	close_rest();
	fexecve(self, argv, env);
	_exit(127);
}

int
proc_init(struct err *err)
{
	int fd;

	if ((fd = open("/proc/self/exe", O_PATH | O_CLOEXEC)) != -1) {
		self = fcntl(fd, F_DUPFD_CLOEXEC, FIRST_FREE);
		close(fd);
	}
	if (self != -1)
		return (0);
	err_set(err, ERR_IO, "cannot open /proc/self/exe: %s", strerror(errno));
	return (-1);
}

int
proc_pair(int fds[2], struct err *err)
{
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK,
	        0, fds) == 0)
		return (0);
	err_set(err, ERR_IO, "cannot make a link: %s", strerror(errno));
	return (-1);
}

pid_t
proc_start(enum role role, int *link, struct err *err)
{
	int fds[2];
	pid_t pid;

	if (proc_pair(fds, err) == -1)
		return (-1);
	switch (pid = fork()) {
	case -1:
		err_set(err, ERR_IO, "cannot start %s: %s", role_name(role),
		    strerror(errno));
		close(fds[0]);
		close(fds[1]);
		return (-1);
	case 0:
		become(role, fds[1]);
		break;
	}
	close(fds[1]);
	*link = fds[0];
	return (pid);
}

int
role_parse(const char *word, enum role *role)
{
	static const enum role all[] = {ROLE_PROXY, ROLE_OPENER, ROLE_SEALER,
	    ROLE_AGENT};
	size_t i;

	for (i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		if (strcmp(word, role_name(all[i])) == 0) {
			*role = all[i];
			return (0);
		}
	}
	return (-1);
}
