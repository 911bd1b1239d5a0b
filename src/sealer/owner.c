#include "config.h"

#include "sealer/owner.h"

#include <stdio.h>

#include "base/limits.h"

static bool
listed(const struct conf *conf, const char *login, struct str address)
{
	const char *list;
	char section[LIMIT_ADDRESS + 16];
	struct str word;
	size_t pos = 0;

	(void)snprintf(section, sizeof(section), "account %s", login);
	if ((list = conf_str(conf, section, "addresses")) == NULL)
		return (false);
	while (conf_word(list, &pos, &word))
		if (str_ieq(word, address))
			return (true);
	return (false);
}

enum owner
owner_by_conf(const struct conf *conf, struct str account, struct str address)
{
	enum owner who = OWNER_NONE;
	const char *login;
	size_t pos = 0;

	while ((login = conf_next(conf, "account", &pos)) != NULL) {
		if (!str_ieq(str_c(login), address) &&
		    !listed(conf, login, address))
			continue;
		/* shared addresses are listed for each who may use them */
		if (str_ieq(str_c(login), account))
			return (OWNER_US);
		who = OWNER_OTHER;
	}
	if (who == OWNER_NONE && str_ieq(account, address))
		who = OWNER_US;
	return (who);
}

int
owner_of(const struct conf *conf, struct keystore *ks, struct str account,
    struct str address, enum owner *who, struct err *err)
{
	struct buf name;
	int found;

	if ((*who = owner_by_conf(conf, account, address)) != OWNER_NONE)
		return (0);
	buf_init(&name, LIMIT_RECORD);
	found = keystore_owner(ks, address, &name, err);
	if (found == 1)
		*who =
		    str_eq(buf_text(&name), account) ? OWNER_US : OWNER_OTHER;
	buf_clear(&name);
	return (found == -1 ? -1 : 0);
}

int
owner_name(char out[LIMIT_ADDRESS + 1], struct str s, struct err *err)
{
	size_t i;

	if (s.len == 0 || s.len > LIMIT_ADDRESS || str_find(s, '@') == s.len)
		goto bad;
	for (i = 0; i < s.len; i++) {
		if ((unsigned char)s.p[i] <= ' ' || s.p[i] == 0x7f)
			goto bad;
		out[i] = ascii_lower(s.p[i]);
	}
	out[s.len] = '\0';
	return (0);
bad:
	err_set(err, ERR_SYNTAX, "not an address");
	return (-1);
}
