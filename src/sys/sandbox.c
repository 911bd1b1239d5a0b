#include "config.h"

#include "sys/sandbox.h"

#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <unistd.h>

#include "base/limits.h"

/* A sanitizer's leak check forks, traces and maps terabytes. */
#ifdef __SANITIZE_ADDRESS__
#define SANITIZED true
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED true
#endif
#endif
#ifndef SANITIZED
#define SANITIZED false
#endif

#define KEEP RLIM_INFINITY

/* What a role may use; KEEP leaves the limit as it is. */
struct allowance {
	const char *name;
	rlim_t files; /* descriptors */
	rlim_t fsize; /* bytes of any one file or memfd */
	rlim_t data;  /* bytes of private memory */
	bool forks;   /* processes and threads */
};

/*
 * Opener: a message, what it grows to, and copies while it is parsed; the
 * longest memfd is a search text at full length (mail/match_build.h).  The
 * sealer's own database is far smaller than a message.  libcurl resolves names
 * in threads, so agent keeps them.
 */
static const struct allowance allowances[] = {
    [ROLE_PARENT] = {"parent", KEEP, KEEP, KEEP, true},
    [ROLE_PROXY] = {"proxy", KEEP, KEEP, KEEP, false},
    [ROLE_OPENER] = {"opener", 256, 4 * LIMIT_MESSAGE,
        LIMIT_OPEN_GROWTH *LIMIT_MESSAGE, false},
    [ROLE_SEALER] = {"sealer", 256, 4 * LIMIT_MESSAGE,
        LIMIT_OPEN_GROWTH *LIMIT_MESSAGE, false},
    [ROLE_AGENT] = {"agent", 1024, KEEP, KEEP, true},
};

const char *
role_name(enum role role)
{
	return (allowances[role].name);
}

static int
drop_user(const char *user, struct err *err)
{
	struct passwd *pw;

	errno = 0;
	if ((pw = getpwnam(user)) == NULL) {
		err_set(err, ERR_NOTFOUND, "no user \"%s\"", user);
		return (-1);
	}
	if (initgroups(user, pw->pw_gid) == -1 ||
	    setresgid(pw->pw_gid, pw->pw_gid, pw->pw_gid) == -1 ||
	    setresuid(pw->pw_uid, pw->pw_uid, pw->pw_uid) == -1) {
		err_set(err, ERR_IO, "cannot become \"%s\": %s", user,
		    strerror(errno));
		return (-1);
	}
	return (0);
}

/* Lower a limit for good; one that is lower already stays.  The soft
 * limit of descriptors goes up to it: it is there for select() alone, and a
 * session takes two. */
static int
limit(int what, rlim_t max, struct err *err)
{
	struct rlimit rl;

	if (max == KEEP && what != RLIMIT_NOFILE)
		return (0);
	if (getrlimit((__rlimit_resource_t)what, &rl) == -1)
		goto fail;
	if (max != KEEP && (rl.rlim_max == RLIM_INFINITY || rl.rlim_max > max))
		rl.rlim_max = max;
	rl.rlim_cur = rl.rlim_max;
	if (setrlimit((__rlimit_resource_t)what, &rl) == 0)
		return (0);
fail:
	err_set(err, ERR_IO, "cannot lower a limit: %s", strerror(errno));
	return (-1);
}

static int
lower_limits(const struct allowance *a, struct err *err)
{
	if (limit(RLIMIT_CORE, 0, err) == -1 ||
	    limit(RLIMIT_NOFILE, a->files, err) == -1 ||
	    limit(RLIMIT_FSIZE, a->fsize, err) == -1)
		return (-1);
	if (SANITIZED)
		return (0);
	if (limit(RLIMIT_DATA, a->data, err) == -1)
		return (-1);
	return (a->forks ? 0 : limit(RLIMIT_NPROC, 0, err));
}

int
sandbox_drop(const char *user, struct err *err)
{
	umask(077);
	if (user != NULL && geteuid() == 0 && drop_user(user, err) == -1)
		return (-1);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1 ||
	    (!SANITIZED && prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == -1)) {
		err_set(err, ERR_IO, "prctl: %s", strerror(errno));
		return (-1);
	}
	return (limit(RLIMIT_CORE, 0, err));
}

int
sandbox_enter(enum role role, const char *user, struct err *err)
{
	if (sandbox_drop(user, err) == -1)
		return (-1);
	return (lower_limits(&allowances[role], err));
}
