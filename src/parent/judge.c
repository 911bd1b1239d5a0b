#include "config.h"

#include "parent/judge.h"

#include <pwd.h>
#include <stdio.h>
#include <unistd.h>

#include "sys/tls.h"

/* Blame a key that names a user who is not there; true if it does. */
static bool
is_unknown(const struct conf *conf, const char *section, const char *key,
    struct err *err)
{
	const char *user = conf_str(conf, section, key);
	char why[120];

	if (user == NULL || getpwnam(user) != NULL)
		return (false);
	(void)snprintf(why, sizeof(why), "no user \"%.80s\"", user);
	(void)conf_blame(conf, section, key, err, why);
	return (true);
}

/* Do a section's certificate and key go together? */
static int
judge_cert(const struct conf *conf, const char *section, struct err *err)
{
	SSL_CTX *ctx;

	if (!conf_is_set(conf, section, "cert"))
		return (0);
	ctx = tls_server(conf_file(conf, section, "cert"),
	    conf_file(conf, section, "key"), err);
	if (ctx == NULL)
		return (conf_blame_for(conf, section, "cert", err));
	SSL_CTX_free(ctx);
	return (0);
}

static int
judge_upstream(const struct conf *conf, const char *domain, struct err *err)
{
	char section[300];
	SSL_CTX *ctx;

	(void)snprintf(section, sizeof(section), "upstream %s", domain);
	if (!conf_is_set(conf, section, "ca_file"))
		return (0);
	ctx = tls_client(conf_file(conf, section, "ca_file"), err);
	if (ctx == NULL)
		return (conf_blame_for(conf, section, "ca_file", err));
	SSL_CTX_free(ctx);
	return (0);
}

int
judge_files(const struct conf *conf, struct err *err)
{
	const char *domain;
	size_t pos = 0;

	if (judge_cert(conf, "imap", err) == -1 ||
	    judge_cert(conf, "smtp", err) == -1)
		return (-1);
	while ((domain = conf_next(conf, "upstream", &pos)) != NULL)
		if (judge_upstream(conf, domain, err) == -1)
			return (-1);
	return (0);
}

int
judge_conf(const struct conf *conf, struct err *err)
{
	size_t pos = 0;

	if (geteuid() == 0 && is_unknown(conf, "daemon", "user", err))
		return (-1);
	if (conf_next(conf, "upstream", &pos) != NULL)
		return (0);
	return (conf_blame(conf, NULL, NULL, err,
	    "there is no section [upstream DOMAIN], which names the real "
	    "servers"));
}

bool
judge_users(const struct conf *conf, size_t *pos, struct err *err)
{
	char section[300];
	const char *name;

	while ((name = conf_next(conf, "account", pos)) != NULL) {
		(void)snprintf(section, sizeof(section), "account %s", name);
		if (is_unknown(conf, section, "unix_user", err))
			return (true);
	}
	return (false);
}
