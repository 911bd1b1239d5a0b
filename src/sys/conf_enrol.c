#include "config.h"

#include "sys/conf.h"
#include "sys/resolv.h"

/* An address, *@domain, or *: names of logins are lower-case. */
static bool
names(struct str pattern, struct str login)
{
	struct str domain;
	size_t at = str_find(login, '@');

	if (str_eq(pattern, STR("*")))
		return (true);
	if (!str_istarts(pattern, STR("*@")))
		return (str_ieq(pattern, login));
	if (at == login.len)
		return (false);
	domain = str_of(login.p + at, login.len - at);
	return (str_ieq(str_of(pattern.p + 1, pattern.len - 1), domain));
}

bool
conf_loopback_only(const struct conf *conf)
{
	static const char *const at[][2] = {{"imap", "listen"},
	    {"imap", "listen_tls"}, {"smtp", "listen"}, {"smtp", "listen_tls"}};
	char host[CONF_HOST];
	const char *list;
	struct str word;
	size_t i, pos;
	uint16_t port;

	for (i = 0; i < sizeof(at) / sizeof(at[0]); i++) {
		list = conf_str(conf, at[i][0], at[i][1]);
		pos = 0;
		while (list != NULL && conf_word(list, &pos, &word))
			if (conf_hostport(word, host, &port) == -1 ||
			    !resolv_is_loopback(host))
				return (false);
	}
	return (true);
}

bool
conf_enrols(const struct conf *conf, struct str login)
{
	const char *list;
	struct str word;
	size_t pos = 0;

	if (conf_str(conf, "cloud", "url") == NULL)
		return (false);
	if ((list = conf_str(conf, "enrol", "accounts")) == NULL)
		return (conf_loopback_only(conf));
	while (conf_word(list, &pos, &word))
		if (names(word, login))
			return (true);
	return (false);
}
