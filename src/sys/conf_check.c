/* Is each value what its type says? */

#include "config.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "base/num.h"
#include "sys/conf_priv.h"
#include "sys/resolv.h"

/* Take the word up to the next "|"; false at the end. */
static bool
next_word(const char **words, struct str *out)
{
	size_t len;

	if (*words == NULL || **words == '\0')
		return (false);
	len = strcspn(*words, "|");
	*out = str_of(*words, len);
	*words += len + ((*words)[len] == '|' ? 1 : 0);
	return (true);
}

static bool
is_among(const char *words, struct str value)
{
	struct str w;

	while (next_word(&words, &w))
		if (str_ieq(w, value))
			return (true);
	return (false);
}

/* "a, b or c" */
static const char *
list_words(const char *words, char *out, size_t size)
{
	size_t len = 0;
	struct str w;
	int n;

	out[0] = '\0';
	while (next_word(&words, &w) && len < size) {
		n = snprintf(out + len, size - len, "%s%.*s",
		    len == 0         ? ""
		    : *words == '\0' ? " or "
		                     : ", ",
		    (int)w.len, w.p);
		if (n > 0)
			len += (size_t)n;
	}
	return (out);
}

int
conf_yes(const char *value)
{
	if (is_among("yes|true|on|1", str_c(value)))
		return (1);
	if (is_among("no|false|off|0", str_c(value)))
		return (0);
	return (-1);
}

/* The factor of a unit, 0 if there is no such unit. */
static uint64_t
unit_factor(enum conf_type type, char unit)
{
	static const struct {
		enum conf_type type;
		char unit;
		uint64_t factor;
	} units[] = {
	    {CONF_SIZE, 'k', 1ULL << 10},
	    {CONF_SIZE, 'm', 1ULL << 20},
	    {CONF_SIZE, 'g', 1ULL << 30},
	    {CONF_SECONDS, 's', 1},
	    {CONF_SECONDS, 'm', 60},
	    {CONF_SECONDS, 'h', 3600},
	    {CONF_SECONDS, 'd', 86400},
	};
	size_t i;

	for (i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (units[i].type == type && units[i].unit == ascii_lower(unit))
			return (units[i].factor);
	return (0);
}

/* Digits and perhaps a unit. */
static bool
parse_number(enum conf_type type, struct str s, uint64_t *out)
{
	uint64_t factor = 1;

	if (s.len > 1 && (s.p[s.len - 1] < '0' || s.p[s.len - 1] > '9')) {
		factor = unit_factor(type, s.p[s.len - 1]);
		s.len--;
	}
	if (factor == 0 || !num_parse(s, UINT64_MAX / factor, out))
		return (false);
	*out *= factor;
	return (true);
}

bool
conf_number(const struct conf_option *o, struct str value, uint64_t *out)
{
	uint64_t least = 0, most = UINT64_MAX;
	size_t dash;
	struct str w;

	if (o->words != NULL) {
		w = str_c(o->words);
		dash = str_find(w, '-');
		(void)parse_number(o->type, str_of(w.p, dash), &least);
		(void)parse_number(o->type,
		    str_of(w.p + dash + 1, w.len - dash - 1), &most);
	}
	return (
	    parse_number(o->type, value, out) && *out >= least && *out <= most);
}

/* A host name, or an address literal without brackets. */
static bool
is_host(const char *host)
{
	return (
	    host[0] != '\0' && host[0] != '.' && host[0] != '-' &&
	    strspn(host, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	                 "0123456789-_.") == strlen(host));
}

/* HOST, HOST:PORT, [V6] or [V6]:PORT; *port stays if none is given. */
static int
host_and_port(struct str s, char host[CONF_HOST], uint16_t *port)
{
	struct in6_addr v6;
	uint64_t n;
	size_t end;
	bool literal = s.len > 0 && s.p[0] == '[';

	end = str_find(s, literal ? ']' : ':');
	if (literal) {
		if (end == s.len)
			return (-1);
		s = str_of(s.p + 1, s.len - 1);
		end--;
	}
	if (end >= CONF_HOST)
		return (-1);
	memcpy(host, s.p, end);
	host[end] = '\0';
	if (memchr(host, '\0', end) != NULL ||
	    (literal ? inet_pton(AF_INET6, host, &v6) != 1 : !is_host(host)))
		return (-1);
	end += literal ? 1 : 0;
	if (end == s.len)
		return (0);
	if (s.p[end] != ':' ||
	    !num_parse(str_of(s.p + end + 1, s.len - end - 1), 65535, &n) ||
	    n == 0)
		return (-1);
	*port = (uint16_t)n;
	return (0);
}

int
conf_hostport(struct str s, char host[CONF_HOST], uint16_t *port)
{
	*port = 0;
	return (host_and_port(s, host, port) == 0 && *port != 0 ? 0 : -1);
}

int
conf_url(struct str url, struct str *scheme, char host[CONF_HOST],
    uint16_t *port)
{
	static const struct {
		const char *scheme;
		uint16_t port;
	} ports[] = {
	    {"imaps", 993},
	    {"imap+starttls", 143},
	    {"imap", 143},
	    {"smtps", 465},
	    {"smtp+starttls", 587},
	    {"smtp", 587},
	    {"https", 443},
	};
	size_t i, colon = str_find(url, ':');

	if (url.len < colon + 3 || memcmp(url.p + colon, "://", 3) != 0)
		return (-1);
	*scheme = str_of(url.p, colon);
	*port = 0;
	for (i = 0; i < sizeof(ports) / sizeof(ports[0]); i++)
		if (str_ieq(*scheme, str_c(ports[i].scheme)))
			*port = ports[i].port;
	url = str_of(url.p + colon + 3, url.len - colon - 3);
	if (host_and_port(url, host, port) != 0)
		return (-1);
	return (*port != 0 ? 0 : -1);
}

static int
check_url(const struct conf *c, const struct conf_entry *e, struct err *err)
{
	const struct conf_option *o = e->opt;
	char host[CONF_HOST], list[80];
	struct str scheme;
	uint16_t port;

	if (conf_url(str_c(e->value), &scheme, host, &port) != 0 ||
	    !is_among(o->words, scheme))
		return (conf_complain(c, e->line, e->section, e->key, err,
		    "must be like %s, with %s", o->example,
		    list_words(o->words, list, sizeof(list))));
	/* the last scheme is the one without TLS */
	if (!is_among("imap|smtp", scheme) || resolv_is_loopback(host))
		return (0);
	return (conf_complain(c, e->line, e->section, e->key, err,
	    "without TLS only a server on this machine can be used"));
}

static int
check_listen(const struct conf *c, const struct conf_entry *e, struct err *err)
{
	char host[CONF_HOST];
	struct in6_addr v6;
	struct in_addr v4;
	struct str word;
	uint16_t port;
	size_t pos = 0;

	while (conf_word(e->value, &pos, &word))
		/* a name would have to be looked up before all else */
		if (conf_hostport(word, host, &port) != 0 ||
		    (!resolv_is_loopback(host) &&
		        inet_pton(AF_INET, host, &v4) != 1 &&
		        inet_pton(AF_INET6, host, &v6) != 1))
			return (
			    conf_complain(c, e->line, e->section, e->key, err,
			        "must be like 127.0.0.1:1143, [::1]:1143 or "
			        "localhost:1143"));
	return (0);
}

static int
check_list(const struct conf *c, const struct conf_entry *e, struct err *err)
{
	char list[120], shown[60];
	struct str word;
	size_t pos = 0;

	while (conf_word(e->value, &pos, &word))
		if (!is_among(e->opt->words, word))
			return (conf_complain(c, e->line, e->section, e->key,
			    err, "%s is none of %s",
			    err_escape(shown, sizeof(shown), word),
			    list_words(e->opt->words, list, sizeof(list))));
	return (0);
}

/* The domain of an address, or of a pattern. */
static bool
is_domain(struct str s)
{
	size_t i;

	if (s.len == 0 || s.p[0] == '.' || s.p[s.len - 1] == '.')
		return (false);
	for (i = 0; i < s.len; i++)
		if (s.p[i] <= ' ' || s.p[i] > '~' || s.p[i] == '*' ||
		    s.p[i] == '@' || (s.p[i] == '.' && s.p[i - 1] == '.'))
			return (false);
	return (true);
}

/* Of "address|*@domain|*@*.domain|*" what this is; len 0 if it is none. */
static struct str
form_of(struct str s)
{
	size_t at = s.len;
	struct str domain;

	if (str_eq(s, STR("*")))
		return (s);
	/* a quoted local part may hold another one */
	while (at > 0 && s.p[at - 1] != '@')
		at--;
	domain = str_of(s.p + at, s.len - at);
	if (at < 2 || s.len > LIMIT_ADDRESS)
		return (STR(""));
	if (!str_eq(str_of(s.p, at), STR("*@")))
		return (memchr(s.p, '*', at) == NULL && is_domain(domain)
		            ? STR("address")
		            : STR(""));
	if (!str_istarts(domain, STR("*.")))
		return (is_domain(domain) ? STR("*@domain") : STR(""));
	domain = str_of(domain.p + 2, domain.len - 2);
	return (is_domain(domain) ? STR("*@*.domain") : STR(""));
}

static int
check_addrs(const struct conf *c, const struct conf_entry *e, struct err *err)
{
	char list[80], shown[80];
	struct str word;
	size_t pos = 0;

	while (conf_word(e->value, &pos, &word))
		if (!is_among(e->opt->words, form_of(word)))
			return (conf_complain(c, e->line, e->section, e->key,
			    err, "%s is no %s",
			    err_escape(shown, sizeof(shown), word),
			    list_words(e->opt->words, list, sizeof(list))));
	return (0);
}

static int
check_number(const struct conf *c, const struct conf_entry *e, struct err *err)
{
	const char *what = "a number";
	uint64_t n;

	if (conf_number(e->opt, str_c(e->value), &n))
		return (0);
	if (e->opt->type == CONF_SIZE)
		what = "a size in bytes, or with K, M or G,";
	if (e->opt->type == CONF_SECONDS)
		what = "a time with s, m, h or d";
	return (conf_complain(c, e->line, e->section, e->key, err,
	    "must be %s within %s", what, e->opt->words));
}

static int
check_value(const struct conf *c, const struct conf_entry *e, struct err *err)
{
	const char *wrong = NULL;
	char list[80];

	if (e->value[0] == '\0' && e->opt->type != CONF_LIST &&
	    e->opt->type != CONF_ADDRS && e->opt->type != CONF_LISTEN)
		return (conf_complain(c, e->line, e->section, e->key, err,
		    "the value is missing"));
	switch (e->opt->type) {
	case CONF_STRING:
		break;
	case CONF_PATH:
	case CONF_FILE:
	case CONF_SECRET:
		if (e->value[0] != '/')
			wrong = "must be a path that begins with /";
		break;
	case CONF_BOOL:
		if (conf_yes(e->value) < 0)
			wrong = "must be yes or no";
		break;
	case CONF_NUMBER:
	case CONF_SIZE:
	case CONF_SECONDS:
		return (check_number(c, e, err));
	case CONF_WORD:
		if (!is_among(e->opt->words, str_c(e->value)))
			return (conf_complain(c, e->line, e->section, e->key,
			    err, "must be %s",
			    list_words(e->opt->words, list, sizeof(list))));
		break;
	case CONF_LIST:
		return (check_list(c, e, err));
	case CONF_ADDRS:
		return (check_addrs(c, e, err));
	case CONF_LISTEN:
		return (check_listen(c, e, err));
	case CONF_URL:
		return (check_url(c, e, err));
	}
	if (wrong != NULL)
		return (conf_complain(c, e->line, e->section, e->key, err, "%s",
		    wrong));
	return (0);
}

/* One without the other is a mistake. */
static int
check_pair(const struct conf *c, const struct conf_name *n, const char *have,
    const char *need, struct err *err)
{
	const struct conf_entry *e = conf_entry_find(c, n->section, have);

	if (e == NULL || conf_entry_find(c, n->section, need) != NULL)
		return (0);
	return (conf_complain(c, e->line, n->section, have, err,
	    "%s must be set as well", need));
}

/* A cloud that keeps keys is pinned: nothing weaker may vouch for it. */
static int
check_cloud(const struct conf *c, struct err *err)
{
	const struct conf_entry *e = conf_entry_find(c, "cloud", "challenge");

	if (e == NULL || !str_ieq(str_c(e->value), STR("dkim")) ||
	    conf_entry_find(c, "cloud", "kms_key") == NULL)
		return (0);
	return (conf_complain(c, e->line, "cloud", "challenge", err,
	    "dkim is not for a cloud with kms_key, which signs with S/MIME"));
}

/* Can anything have the name of this section? */
static int
check_name(const struct conf *c, const struct conf_name *n, struct err *err)
{
	static const struct {
		const char *kind;
		const char *forms; /* NULL: a host */
		const char *wrong;
	} kinds[] = {
	    {"upstream", NULL,
	        "that is no domain, the part of a login after its @"},
	    {"account", "address",
	        "a login is written with its domain, as in me@example.org"},
	    {"policy", "address|*@domain|*@*.domain|*",
	        "that is no address, *@domain, *@*.domain or *"},
	};
	size_t i, len = conf_kind_len(n->section);
	const char *name;

	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (!str_eq(str_c(kinds[i].kind), str_of(n->section, len)))
			continue;
		name = n->section + len + 1;
		if (kinds[i].forms != NULL
		        ? is_among(kinds[i].forms, form_of(str_c(name)))
		        : is_host(name))
			return (0);
		return (conf_complain(c, n->line, n->section, NULL, err, "%s",
		    kinds[i].wrong));
	}
	return (0);
}

int
conf_check(const struct conf *c, struct err *err)
{
	const struct conf_entry *e;
	const struct conf_name *n;

	for (e = c->entries; e != NULL; e = e->next)
		if (check_value(c, e, err) != 0)
			return (-1);
	if (check_cloud(c, err) != 0)
		return (-1);
	for (n = c->sections; n != NULL; n = n->next) {
		if (check_name(c, n, err) != 0 ||
		    check_pair(c, n, "cert", "key", err) != 0 ||
		    check_pair(c, n, "key", "cert", err) != 0)
			return (-1);
		if (strcmp(conf_section_find(c->schema, n->section)->kind,
		        "upstream") == 0 &&
		    conf_entry_find(c, n->section, "imap") == NULL &&
		    conf_entry_find(c, n->section, "smtp") == NULL)
			return (conf_complain(c, n->line, n->section, NULL, err,
			    "neither imap nor smtp is set"));
	}
	return (0);
}
