#include "config.h"

#include "proxy/account.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/map.h"
#include "imap/id.h"
#include "proto/enrol.h"
#include "proto/op.h"
#include "proxy/late.h"
#include "proxy/mailbox.h"
#include "proxy/opens.h"
#include "proxy/resync.h"
#include "proxy/viewcache.h"
#include "proxy/warm.h"
#include "sys/fault.h"
#include "sys/log.h"

/* Longest password we hold. */
#define PASSWORD_MAX 4096

struct accounts {
	struct map *by_login; /* owned; does not own the accounts */
};

struct accounts *
accounts_new(void)
{
	struct accounts *as;

	if ((as = calloc(1, sizeof(*as))) == NULL)
		return (NULL);
	if ((as->by_login = map_new(NULL)) == NULL) {
		free(as);
		return (NULL);
	}
	return (as);
}

static void
account_free(struct account *a)
{
	struct accounts *as = a->proxy->accounts;

	if (a->login != NULL && map_get(as->by_login, str_c(a->login)) == a)
		map_del(as->by_login, str_c(a->login));
	if (a->login != NULL)
		viewcache_drop(a->proxy->views, str_c(a->login));
	warm_free(a->warm);
	resync_free(a->resync);
	late_account_gone(a);
	opens_free(a->opens);
	classes_save(a);
	classes_free_all(a->classes);
	upstream_unref(a->up);
	if (a->hold != NULL)
		event_free(a->hold);
	buf_wipe(&a->password);
	buf_clear(&a->id);
	free(a->login);
	free(a);
}

void
accounts_free(struct accounts *as)
{
	struct str key;
	void *value;
	size_t pos = 0;

	if (as == NULL)
		return;
	while (map_next(as->by_login, &pos, &key, &value))
		account_free(value);
	map_free(as->by_login);
	free(as);
}

/* A name that may be a login; the domain is what follows the last "@". */
static bool
login_ok(struct str user, struct str *domain)
{
	size_t i, at = user.len;

	if (user.len == 0 || user.len > LOGIN_MAX)
		return (false);
	for (i = 0; i < user.len; i++) {
		if (user.p[i] <= ' ' || user.p[i] > '~' || user.p[i] == '*' ||
		    user.p[i] == '"' || user.p[i] == '\\')
			return (false);
		if (user.p[i] == '@')
			at = i;
	}
	if (at == 0 || at + 1 >= user.len)
		return (false);
	*domain = str_of(user.p + at + 1, user.len - at - 1);
	return (true);
}

int
login_parse(struct proxy *p, struct str user, struct login *out,
    struct err *err)
{
	struct upstream *up;
	struct str domain;
	size_t i;

	memset(out, 0, sizeof(*out));
	if (!login_ok(user, &domain)) {
		err_set(err, ERR_SYNTAX, "the login name must be an address");
		return (-1);
	}
	if ((up = upstream_find(p->upstreams, domain)) == NULL) {
		err_set(err, ERR_NOTFOUND, "the conf has no [upstream %.*s]",
		    (int)domain.len, domain.p);
		return (-1);
	}
	for (i = 0; i < user.len; i++)
		out->name[i] = ascii_lower(user.p[i]);
	out->up = upstream_ref(up);
	return (0);
}

void
login_clear(struct login *l)
{
	upstream_unref(l->up);
	l->up = NULL;
}

struct account *
account_find(struct proxy *p, struct str login)
{
	return (map_get(p->accounts->by_login, login));
}

static void
on_hold_over(evutil_socket_t fd, short what, void *arg)
{
	struct timeval tv = {.tv_sec = ACCOUNT_HOLD_S};
	struct account *a = arg;

	(void)fd;
	(void)what;
	/* Its user waits for it to end. */
	if (resync_runs(a->resync) && !a->proxy->stopping) {
		evtimer_add(a->hold, &tv);
		return;
	}
	log_debug("account-gone login=%s", log_addr(str_c(a->login)));
	account_free(a);
}

static struct account *
account_new(struct proxy *p, const struct login *l, struct err *err)
{
	struct account *a;

	if ((a = calloc(1, sizeof(*a))) == NULL)
		goto no;
	a->proxy = p;
	a->up = upstream_ref(l->up);
	a->since = clock_now().wall;
	buf_init(&a->password, PASSWORD_MAX);
	buf_init(&a->id, ID_MAX);
	a->login = strdup(l->name);
	a->hold = evtimer_new(p->base, on_hold_over, a);
	if (a->login == NULL || a->hold == NULL ||
	    map_put(p->accounts->by_login, str_c(a->login), a) == -1) {
		account_free(a);
		goto no;
	}
	return (a);
no:
	err_set(err, ERR_MEMORY, "out of memory");
	return (NULL);
}

static void
account_tell(const struct account *a)
{
	const struct account_seen seen = {.account = str_c(a->login),
	    .loopback = conf_loopback_only(a->proxy->conf)};
	struct buf b;

	if (a->proxy->agent == NULL)
		return;
	buf_init(&b, LIMIT_RECORD);
	account_seen_put(&b, &seen);
	if (ipc_tell(a->proxy->agent, OP_ACCOUNT_SEEN, buf_text(&b)) == -1)
		log_debug("account-seen login=%s told=no",
		    log_addr(str_c(a->login)));
	buf_clear(&b);
}

void
accounts_tell(struct proxy *p)
{
	struct str key;
	void *value;
	size_t pos = 0;

	while (map_next(p->accounts->by_login, &pos, &key, &value))
		account_tell(value);
}

struct account *
account_enter(struct proxy *p, const struct login *l, struct str password,
    struct err *err)
{
	struct account *a = account_find(p, str_c(l->name));

	/* After a reload the domain may have another server; who is logged in
	 * at the old one stays there, but under this name it is gone. */
	if (a != NULL && a->up != l->up) {
		map_del(p->accounts->by_login, str_c(l->name));
		if (a->sessions == 0)
			account_free(a);
		a = NULL;
	}
	if (a == NULL && (a = account_new(p, l, err)) == NULL)
		return (NULL);
	if (a->sessions >= LIMIT_ACCOUNT_SESSIONS) {
		err_set(err, ERR_LIMIT, "too many sessions: %u are open",
		    a->sessions);
		return (NULL);
	}
	a->sessions++;
	evtimer_del(a->hold);
	if (!str_eq(buf_text(&a->password), password)) {
		buf_wipe(&a->password);
		buf_str(&a->password, password);
	}
	if (a->sessions == 1)
		account_tell(a);
	resync_resume(a);
	warm_check(a);
	return (a);
}

void
account_leave(struct account *a)
{
	struct timeval tv = {.tv_sec = ACCOUNT_HOLD_S};

	if (a == NULL)
		return;
	if (--a->sessions > 0) {
		warm_check(a);
		return;
	}
	/* Never at once: the caller may be called by its opener. */
	if (a->proxy->stopping ||
	    account_find(a->proxy, str_c(a->login)) != a || FAULT("proxy.hold"))
		tv.tv_sec = 0;
	evtimer_add(a->hold, &tv);
}

void
accounts_json(struct proxy *p, struct buf *out)
{
	json_t *list = json_array();
	const struct account *a;
	struct str key;
	void *value;
	uint64_t read, waiting;
	size_t pos = 0;
	bool up;
	char *text;

	while (map_next(p->accounts->by_login, &pos, &key, &value)) {
		a = value;
		warm_tell(a->warm, &up, &read, &waiting);
		json_array_append_new(list,
		    json_pack("{s:s, s:s, s:i, s:I, s:b, s:b, s:I, s:I}",
		        "login", a->login, "upstream", a->up->domain,
		        "sessions", (int)a->sessions, "since",
		        (json_int_t)a->since, "opener", a->opens != NULL,
		        "watched", up, "read_ahead", (json_int_t)read,
		        "to_read", (json_int_t)waiting));
	}
	if ((text = json_dumps(list, JSON_COMPACT)) != NULL)
		buf_puts(out, text);
	free(text);
	json_decref(list);
}

void
accounts_save(struct proxy *p)
{
	struct str key;
	void *value;
	size_t pos = 0;

	while (map_next(p->accounts->by_login, &pos, &key, &value))
		classes_save(value);
}
