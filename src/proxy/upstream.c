#include "config.h"

#include "proxy/upstream.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "sys/tls.h"

static const struct {
	const char *scheme;
	enum upstream_proto proto;
	enum upstream_tls tls;
	uint16_t port;
} schemes[] = {
    {"imaps", UPSTREAM_IMAP, UPSTREAM_IMPLICIT, 993},
    {"imap+starttls", UPSTREAM_IMAP, UPSTREAM_STARTTLS, 143},
    {"imap", UPSTREAM_IMAP, UPSTREAM_CLEAR, 143},
    {"smtps", UPSTREAM_SMTP, UPSTREAM_IMPLICIT, 465},
    {"submissions", UPSTREAM_SMTP, UPSTREAM_IMPLICIT, 465},
    {"smtp+starttls", UPSTREAM_SMTP, UPSTREAM_STARTTLS, 587},
    {"submission+starttls", UPSTREAM_SMTP, UPSTREAM_STARTTLS, 587},
    {"smtp", UPSTREAM_SMTP, UPSTREAM_CLEAR, 587},
    {"submission", UPSTREAM_SMTP, UPSTREAM_CLEAR, 587},
};

static const char *const keys[UPSTREAM_NPROTO] = {"imap", "smtp"};

void
endpoint_clear(struct endpoint *e)
{
	free(e->host);
	memset(e, 0, sizeof(*e));
}

/* HOST, HOST:PORT, [V6], [V6]:PORT; the port is left alone if there is none. */
static int
endpoint_authority(struct str s, struct endpoint *e, struct err *err)
{
	size_t end, from = 0;
	uint64_t port;

	if (s.len > 0 && s.p[0] == '[') {
		from = 1;
		end = str_find(s, ']');
	} else
		end = str_find(s, ':');
	if (end == from || (from == 1 && end == s.len)) {
		err_set(err, ERR_SYNTAX, "the host is missing");
		return (-1);
	}
	if ((e->host = strndup(s.p + from, end - from)) == NULL) {
		err_set(err, ERR_MEMORY, "out of memory");
		return (-1);
	}
	end += from;
	if (end == s.len)
		return (0);
	if (s.p[end] != ':' ||
	    !num_parse(str_of(s.p + end + 1, s.len - end - 1), UINT16_MAX,
	        &port) ||
	    port == 0) {
		err_set(err, ERR_SYNTAX, "bad port");
		return (-1);
	}
	e->port = (uint16_t)port;
	return (0);
}

int
endpoint_parse(struct str url, enum upstream_proto proto, struct endpoint *e,
    struct err *err)
{
	size_t colon = str_find(url, ':'), i;
	struct str scheme = str_of(url.p, colon), rest;

	memset(e, 0, sizeof(*e));
	for (i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++)
		if (schemes[i].proto == proto &&
		    str_ieq(scheme, str_c(schemes[i].scheme)))
			break;
	rest = str_of(url.p + colon, url.len - colon);
	if (i == sizeof(schemes) / sizeof(schemes[0]) ||
	    !str_istarts(rest, STR("://"))) {
		err_set(err, ERR_SYNTAX, "no URL of %s", keys[proto]);
		return (-1);
	}
	rest = str_of(rest.p + 3, rest.len - 3);
	if (rest.len > 0 && rest.p[rest.len - 1] == '/')
		rest.len--;
	e->tls = schemes[i].tls;
	e->port = schemes[i].port;
	if (endpoint_authority(rest, e, err) == -1) {
		endpoint_clear(e);
		return (-1);
	}
	if (e->tls == UPSTREAM_CLEAR && !resolv_is_loopback(e->host)) {
		err_set(err, ERR_DENIED,
		    "without TLS only loopback is allowed");
		endpoint_clear(e);
		return (-1);
	}
	return (0);
}

struct upstream *
upstream_ref(struct upstream *u)
{
	u->refs++;
	return (u);
}

void
upstream_unref(struct upstream *u)
{
	if (u == NULL || --u->refs > 0)
		return;
	endpoint_clear(&u->at[UPSTREAM_IMAP]);
	endpoint_clear(&u->at[UPSTREAM_SMTP]);
	SSL_CTX_free(u->tls);
	free(u->domain);
	free(u);
}

void
upstream_list_free(struct upstream *list)
{
	struct upstream *next;

	for (; list != NULL; list = next) {
		next = list->next;
		list->next = NULL;
		upstream_unref(list);
	}
}

/* One section of the conf. */
static struct upstream *
upstream_load_one(const struct conf *conf, const char *domain, struct err *err)
{
	struct upstream *u;
	char section[512];
	const char *url;
	int i;

	snprintf(section, sizeof(section), "upstream %s", domain);
	if ((u = calloc(1, sizeof(*u))) == NULL ||
	    (u->domain = strdup(domain)) == NULL) {
		free(u);
		err_set(err, ERR_MEMORY, "out of memory");
		return (NULL);
	}
	u->refs = 1;
	for (i = 0; u->domain[i] != '\0'; i++)
		u->domain[i] = ascii_lower(u->domain[i]);
	for (i = 0; i < UPSTREAM_NPROTO; i++) {
		if ((url = conf_str(conf, section, keys[i])) == NULL)
			continue;
		if (endpoint_parse(str_c(url), (enum upstream_proto)i,
		        &u->at[i], err) == -1) {
			(void)conf_blame_for(conf, section, keys[i], err);
			upstream_unref(u);
			return (NULL);
		}
	}
	u->tls = tls_client(conf_file(conf, section, "ca_file"), err);
	if (u->tls == NULL) {
		(void)conf_blame_for(conf, section, "ca_file", err);
		upstream_unref(u);
		return (NULL);
	}
	return (u);
}

struct upstream *
upstream_load(const struct conf *conf, struct err *err)
{
	struct upstream *list = NULL, **end = &list;
	const char *domain;
	size_t pos = 0;

	while ((domain = conf_next(conf, "upstream", &pos)) != NULL) {
		if ((*end = upstream_load_one(conf, domain, err)) == NULL) {
			upstream_list_free(list);
			return (NULL);
		}
		end = &(*end)->next;
	}
	if (list == NULL)
		err_set(err, ERR_NOTFOUND, "no [upstream DOMAIN] in the conf");
	return (list);
}

static bool
endpoint_same(const struct endpoint *a, const struct endpoint *b)
{
	if (a->host == NULL || b->host == NULL)
		return (a->host == b->host);
	return (strcmp(a->host, b->host) == 0 && a->port == b->port &&
	        a->tls == b->tls);
}

struct upstream *
upstream_find(struct upstream *list, struct str domain)
{
	for (; list != NULL; list = list->next)
		if (str_ieq(domain, str_c(list->domain)))
			return (list);
	return (NULL);
}

/* Take u out of a list, with the list's reference. */
static void
upstream_unlink(struct upstream **list, struct upstream *u)
{
	while (*list != NULL && *list != u)
		list = &(*list)->next;
	if (*list == u)
		*list = u->next;
	u->next = NULL;
}

struct upstream *
upstream_adopt(struct upstream *list, struct upstream *old)
{
	struct upstream **at, *was, *now;
	SSL_CTX *tls;

	for (at = &list; (now = *at) != NULL; at = &(*at)->next) {
		was = upstream_find(old, str_c(now->domain));
		if (was == NULL ||
		    !endpoint_same(&was->at[UPSTREAM_IMAP],
		        &now->at[UPSTREAM_IMAP]) ||
		    !endpoint_same(&was->at[UPSTREAM_SMTP],
		        &now->at[UPSTREAM_SMTP]))
			continue;
		tls = was->tls;
		was->tls = now->tls;
		now->tls = tls;
		upstream_unlink(&old, was);
		was->next = now->next;
		*at = was;
		now->next = NULL;
		upstream_unref(now);
	}
	upstream_list_free(old);
	return (list);
}

struct stream *
upstream_connect(struct proxy *p, const struct upstream *u,
    enum upstream_proto proto, const struct stream_ops *ops, void *arg,
    struct err *err)
{
	const struct endpoint *e = &u->at[proto];

	if (e->host == NULL) {
		err_set(err, ERR_UNSUPPORTED, "no %s server for %s",
		    keys[proto], u->domain);
		return (NULL);
	}
	return (stream_connect(p->base, p->resolv, e->host, e->port,
	    e->tls == UPSTREAM_IMPLICIT ? u->tls : NULL, ops, arg, err));
}

int
upstream_starttls(struct stream *s, const struct upstream *u,
    enum upstream_proto proto, struct err *err)
{
	return (stream_starttls_client(s, u->tls, u->at[proto].host, err));
}
