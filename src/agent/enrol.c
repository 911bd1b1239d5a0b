#include "config.h"

#include "agent/enrol.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/enrol_priv.h"
#include "agent/renew.h"
#include "base/clock.h"
#include "base/limits.h"
#include "sys/log.h"

#define MAP_BYTES ((size_t)1024 * 1024 * 1024)

/* --- which there are --- */

static struct enrol *
find(struct agent *a, struct str account, struct str address)
{
	struct enrol *e;

	LIST_FOREACH (e, &a->enrols, next)
		if (str_eq(enrol_str(e, "account"), account) &&
		    str_eq(enrol_str(e, "address"), address))
			return (e);
	return (NULL);
}

static void
enrol_free(struct enrol *e)
{
	enrol_drop(e);
	buf_clear(&e->keys);
	if (e->timer != NULL)
		event_free(e->timer);
	json_decref(e->rec);
	LIST_REMOVE(e, next);
	free(e);
}

/* Swallows the record. */
static struct enrol *
enrol_new(struct agent *a, json_t *rec, struct err *err)
{
	struct enrol *e;
	struct str word;
	size_t i;

	if (rec == NULL || (e = calloc(1, sizeof(*e))) == NULL) {
		json_decref(rec);
		err_set(err, ERR_MEMORY, "no memory for an enrolment");
		return (NULL);
	}
	LIST_INSERT_HEAD(&a->enrols, e, next);
	e->agent = a;
	e->rec = rec;
	buf_init(&e->keys, LIMIT_RECORD);
	word = enrol_str(e, "step");
	for (i = 0; i < STEP_MAX; i++)
		if (str_eq(word, str_c(enrol_word((enum step)i))))
			e->step = (enum step)i;
	if ((e->timer = evtimer_new(a->self->base, enrol_on_timer, e)) != NULL)
		return (e);
	enrol_free(e);
	err_set(err, ERR_MEMORY, "no memory for an enrolment");
	return (NULL);
}

/* Does the step need the mailbox? */
static bool
needs_login(enum step step)
{
	return (step == STEP_FIND || step == STEP_ANSWER || step == STEP_TIDY ||
	        step == STEP_DONE);
}

/* The conf's list of an account's addresses, or NULL. */
static const char *
listed(struct agent *a, struct str account)
{
	char section[LIMIT_ADDRESS + 16];

	(void)snprintf(section, sizeof(section), "account %.*s",
	    (int)account.len, account.p);
	return (conf_str(a->self->conf, section, "addresses"));
}

/* Is the mailbox that of another account?  Those in the conf may share one,
 * and one's own login is always one's own. */
static int
check_owner(struct agent *a, struct str account, struct str address,
    struct err *err)
{
	const char *list = listed(a, account);
	struct enrol *e;
	struct str word;
	size_t pos = 0;

	if (str_ieq(account, address))
		return (0);
	while (list != NULL && conf_word(list, &pos, &word))
		if (str_ieq(word, address))
			return (0);
	LIST_FOREACH (e, &a->enrols, next)
		if (str_ieq(enrol_str(e, "address"), address)) {
			err_set(err, ERR_DENIED,
			    "the mailbox belongs to another account");
			return (-1);
		}
	return (0);
}

/* One mailbox of an account. */
static int
begin_one(struct agent *a, struct str account, struct str address,
    enum enrol_why why, struct err *err)
{
	struct enrol *e = find(a, account, address);

	if (e == NULL) {
		if (check_owner(a, account, address, err) == -1)
			return (-1);
		e = enrol_new(a,
		    json_pack("{s:s%, s:s%}", "account", account.p, account.len,
		        "address", address.p, address.len),
		    err);
		if (e == NULL)
			return (-1);
		e->seen = e->near = true;
		enrol_next(e, STEP_ACCOUNT);
		return (0);
	}
	e->seen = e->near = true;
	if (enrol_busy(e))
		return (0);
	if (why == ENROL_AGAIN && e->step == STEP_DONE) {
		enrol_next(e, STEP_ACCOUNT);
		return (0);
	}
	if (why != ENROL_SEEN)
		e->look = (struct look){.low = 0};
	if (why != ENROL_SEEN || needs_login(e->step))
		enrol_set_num(e, "next", 0);
	enrol_sleep(e, enrol_num(e, "next"));
	return (0);
}

int
enrol_begin(struct agent *a, struct str account, struct str address,
    enum enrol_why why, struct err *err)
{
	char space[LIMIT_ADDRESS];
	const char *list;
	struct str word, low;
	size_t pos = 0;

	if (a->http == NULL) {
		err_set(err, ERR_UNSUPPORTED, "there is no [cloud] url");
		return (-1);
	}
	if (address.len > 0) {
		if (certlist_address(address, space, &low, err) == -1)
			return (-1);
		return (begin_one(a, account, low, why, err));
	}
	if ((list = listed(a, account)) == NULL) {
		if (certlist_address(account, space, &low, err) == -1)
			return (-1);
		return (begin_one(a, account, low, why, err));
	}
	while (conf_word(list, &pos, &word))
		if (certlist_address(word, space, &low, err) == -1 ||
		    begin_one(a, account, low, why, err) == -1)
			return (-1);
	return (0);
}

int
enrol_account_of(struct agent *a, struct str address, struct buf *out,
    struct err *err)
{
	const char *login, *list;
	struct enrol *e;
	struct str word;
	size_t pos = 0, at;

	LIST_FOREACH (e, &a->enrols, next)
		if (str_ieq(enrol_str(e, "address"), address)) {
			buf_str(out, enrol_str(e, "account"));
			return (0);
		}
	while ((login = conf_next(a->self->conf, "account", &pos)) != NULL) {
		list = listed(a, str_c(login));
		for (at = 0; list != NULL && conf_word(list, &at, &word);)
			if (str_ieq(word, address)) {
				buf_puts(out, login);
				return (0);
			}
	}
	if (str_find(address, '@') < address.len) {
		for (at = 0; at < address.len; at++)
			buf_putc(out, ascii_lower(address.p[at]));
		return (0);
	}
	err_set(err, ERR_NOTFOUND, "no account has this address");
	return (-1);
}

static bool
has_cert(const struct enrol *e, const char *use, struct str hex)
{
	const char *fp = json_string_value(
	    json_object_get(json_object_get(e->rec, use), "fingerprint"));

	return (fp != NULL && str_ieq(str_c(fp), hex));
}

int
enrol_of_cert(struct agent *a, struct str hex, struct str account,
    struct buf *account_out, struct buf *address_out, struct err *err)
{
	struct enrol *e, *best = NULL;

	LIST_FOREACH (e, &a->enrols, next) {
		if (account.len > 0 &&
		    !str_ieq(enrol_str(e, "account"), account))
			continue;
		if (has_cert(e, "sign", hex) || has_cert(e, "encrypt", hex)) {
			best = e;
			break;
		}
		/* the sealer knows those that were replaced, too */
		if (account.len > 0 && best == NULL)
			best = e;
	}
	if (best == NULL) {
		err_set(err, ERR_NOTFOUND, "no such certificate of ours");
		return (-1);
	}
	buf_str(account_out, enrol_str(best, "account"));
	buf_str(address_out, enrol_str(best, "address"));
	return (0);
}

int
enrol_replace(struct agent *a, struct str hex, struct err *err)
{
	struct enrol *e;

	LIST_FOREACH (e, &a->enrols, next) {
		/*
		 * The key service makes a new key by itself when the current
		 * certificate is revoked.  It wants a fresh validation of the
		 * mailbox for that; the way to one leads through an order.
		 */
		if (has_cert(e, "encrypt", hex) && e->step == STEP_DONE &&
		    enrol_num(e, "validated") + RENEW_VALIDATION_S >
		        clock_now().wall) {
			enrol_next(e, STEP_KEYS);
			return (0);
		}
		if (has_cert(e, "encrypt", hex) || has_cert(e, "sign", hex))
			return (begin_one(a, enrol_str(e, "account"),
			    enrol_str(e, "address"), ENROL_AGAIN, err));
	}
	return (0);
}

void
enrol_note_releases(struct agent *a, struct str account, struct str address,
    const json_t *log)
{
	struct enrol *e;
	struct err err;

	LIST_FOREACH (e, &a->enrols, next)
		if (str_eq(enrol_str(e, "account"), account) &&
		    str_ieq(enrol_str(e, "address"), address)) {
			enrol_unset(e, "releases");
			enrol_add_releases(e, log);
			if (enrol_write(e, &err) == -1)
				log_error("enrol reason=%s",
				    log_str(str_c(err.text)));
		}
}

/* --- status --- */

json_t *
enrol_status(struct agent *a)
{
	static const char *const shown[] = {"account", "address", "step",
	    "since", "tries", "next", "error", "sign", "encrypt", "validated",
	    "releases"};
	json_t *list = json_array(), *o;
	struct enrol *e;
	size_t i;

	LIST_FOREACH (e, &a->enrols, next) {
		o = json_object();
		for (i = 0; i < sizeof(shown) / sizeof(shown[0]); i++)
			if (json_object_get(e->rec, shown[i]) != NULL)
				json_object_set(o, shown[i],
				    json_object_get(e->rec, shown[i]));
		json_array_append_new(list, o);
	}
	return (list);
}

/* --- all --- */

struct loading {
	struct agent *agent;
	struct err err;
	int rc;
};

static int
load_one(struct str key, struct str value, void *arg)
{
	struct loading *l = arg;
	struct enrol *e;
	json_t *rec;

	(void)key;
	rec = json_loadb(value.p, value.len, 0, NULL);
	if (!json_is_object(rec)) {
		json_decref(rec);
		log_error("enrol reason=\"a record cannot be read\"");
		return (0);
	}
	if ((e = enrol_new(l->agent, rec, &l->err)) == NULL) {
		l->rc = -1;
		return (1);
	}
	return (0);
}

int
enrol_open(struct agent *a, struct err *err)
{
	struct loading l = {.agent = a};
	char dir[4096];

	if ((size_t)snprintf(dir, sizeof(dir), "%s/enrol",
	        a->self->state_dir) >= sizeof(dir)) {
		err_set(err, ERR_LIMIT, "state_dir is too long");
		return (-1);
	}
	if ((a->enrol_db = db_open(dir, DB_WRITE, MAP_BYTES, err)) == NULL ||
	    db_walk(a->enrol_db, STR("e"), load_one, &l, err) == -1)
		return (-1);
	if (l.rc == -1)
		*err = l.err;
	return (l.rc);
}

void
enrol_close(struct agent *a)
{
	struct enrol *e;

	while ((e = LIST_FIRST(&a->enrols)) != NULL)
		enrol_free(e);
	db_close(a->enrol_db);
	a->enrol_db = NULL;
}

void
enrol_conf(struct agent *a)
{
	struct enrol *e;

	LIST_FOREACH (e, &a->enrols, next) {
		/* other mails may hold now */
		e->look = (struct look){.low = 0};
		if (!enrol_busy(e))
			enrol_sleep(e, 0);
	}
}
