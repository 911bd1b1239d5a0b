#include "config.h"

#include "parent/owner.h"

#include <pwd.h>
#include <stdio.h>
#include <string.h>

/* RFC 5321 4.5.3.1.3: a path of 256 octets with its "<" and ">". */
#define ADDRESS_MAX 254

/* The name of an account's section. */
struct section {
	char name[300];
};

static struct section
section_of(const char *account)
{
	struct section s;

	(void)snprintf(s.name, sizeof(s.name), "account %s", account);
	return (s);
}

/* The conf's spelling of an account's name, or NULL. */
static const char *
find_account(const struct conf *conf, const char *login)
{
	const char *name;
	size_t pos = 0;

	while ((name = conf_next(conf, "account", &pos)) != NULL)
		if (str_ieq(str_c(name), str_c(login)))
			return (name);
	return (NULL);
}

/* Does the conf list this address for the account, or is it its login? */
static bool
has_address(const struct conf *conf, const char *account, struct str address)
{
	struct section s;
	const char *list, *name;
	struct str word;
	size_t pos = 0;

	if (str_ieq(str_c(account), address))
		return (true);
	if ((name = find_account(conf, account)) == NULL)
		return (false);
	s = section_of(name);
	if ((list = conf_str(conf, s.name, "addresses")) == NULL)
		return (false);
	while (conf_word(list, &pos, &word))
		if (str_ieq(word, address))
			return (true);
	return (false);
}

/* Is the account a Unix user's? */
static bool
is_theirs(const struct conf *conf, const char *account, uid_t uid)
{
	const char *name = find_account(conf, account), *user;
	struct passwd *pw;
	struct section s;

	if (name == NULL)
		return (false);
	s = section_of(name);
	return ((user = conf_str(conf, s.name, "unix_user")) != NULL &&
	        (pw = getpwnam(user)) != NULL && pw->pw_uid == uid);
}

/* The account that lists an address; else the one with that login, be it in
 * the conf or not. */
static const char *
account_for(const struct conf *conf, const char *address)
{
	const char *name;
	size_t pos = 0;

	while ((name = conf_next(conf, "account", &pos)) != NULL)
		if (has_address(conf, name, str_c(address)))
			return (name);
	return (address);
}

/* A lower-case copy of a login or an address; NULL if it cannot be one. */
static char *
canonical(const char *s)
{
	size_t i, n = strlen(s);
	char *out;

	if (n == 0 || n > ADDRESS_MAX)
		return (NULL);
	for (i = 0; i < n; i++)
		if (s[i] <= 0x20 || s[i] > 0x7e || s[i] == '*')
			return (NULL);
	if ((out = strdup(s)) == NULL)
		return (NULL);
	for (i = 0; i < n; i++)
		out[i] = ascii_lower(out[i]);
	return (out);
}

static const char *
string_arg(const struct request *q, const char *name)
{
	return (json_string_value(json_object_get(q->args, name)));
}

json_t *
owner_accounts(const struct conf *conf, bool all, uid_t uid)
{
	json_t *list = json_array(), *o, *addresses;
	const char *name, *value;
	struct section s;
	struct str word;
	size_t pos = 0, wpos;

	while ((name = conf_next(conf, "account", &pos)) != NULL) {
		if (!all && !is_theirs(conf, name, uid))
			continue;
		s = section_of(name);
		addresses = json_array();
		value = conf_str(conf, s.name, "addresses");
		for (wpos = 0; value != NULL && conf_word(value, &wpos, &word);)
			(void)json_array_append_new(addresses,
			    json_stringn(word.p, word.len));
		o = json_pack("{s:s, s:o, s:s?}", "login", name, "addresses",
		    addresses, "unix_user",
		    conf_str(conf, s.name, "unix_user"));
		if (o != NULL)
			(void)json_array_append_new(list, o);
	}
	return (list);
}

int
owner_address(struct request *q, struct err *err)
{
	const char *address = string_arg(q, "address");

	if (address != NULL && strchr(address, '@') != NULL &&
	    (q->address = canonical(address)) != NULL)
		return (0);
	err_set(err, ERR_SYNTAX, "that is no mail address");
	return (-1);
}

int
owner_of_key(struct request *q, struct err *err)
{
	const struct conf *conf = q->parent->conf;
	const char *account = string_arg(q, "account");

	if (owner_address(q, err) == -1)
		return (-1);
	if (account == NULL)
		account = account_for(conf, q->address);
	if ((q->account = canonical(account)) == NULL) {
		err_set(err, ERR_SYNTAX, "that is no login name");
		return (-1);
	}
	if (q->privileged)
		return (0);
	if (is_theirs(conf, q->account, q->uid) &&
	    has_address(conf, q->account, str_c(q->address)))
		return (0);
	err_set(err, ERR_DENIED, "%s is not an address of an account of yours",
	    q->address);
	return (-1);
}

const char *
owner_own(struct request *q, const char *named, struct err *err)
{
	const struct conf *conf = q->parent->conf;
	const char *name, *found = NULL;
	size_t pos = 0, n = 0;

	if (named[0] != '\0') {
		if (is_theirs(conf, named, q->uid) &&
		    (q->account = canonical(named)) != NULL)
			return (q->account);
		err_set(err, ERR_DENIED, "that account is not yours");
		return (NULL);
	}
	while ((name = conf_next(conf, "account", &pos)) != NULL) {
		if (is_theirs(conf, name, q->uid)) {
			found = name;
			n++;
		}
	}
	if (n == 1 && (q->account = canonical(found)) != NULL)
		return (q->account);
	if (n == 0)
		err_set(err, ERR_DENIED, "no account here is yours");
	else
		err_set(err, ERR_SYNTAX, "say which account");
	return (NULL);
}

bool
owner_has_all(const struct conf *conf, const char *account,
    struct str addresses)
{
	size_t n;
	bool any = false;

	while (addresses.len > 0) {
		n = str_find(addresses, ' ');
		if (!has_address(conf, account, str_of(addresses.p, n)))
			return (false);
		any = true;
		n += n < addresses.len;
		addresses = str_of(addresses.p + n, addresses.len - n);
	}
	return (any);
}
