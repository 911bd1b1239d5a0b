#include "config.h"

#include "agent/enrol.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/enrol_priv.h"
#include "agent/renew.h"
#include "base/clock.h"
#include "base/limits.h"
#include "proto/op.h"
#include "sys/fault.h"
#include "sys/log.h"

#define MAP_BYTES  ((size_t)1024 * 1024 * 1024)
#define RECORD_MAX ((size_t)1024 * 1024)

/* The wall clock may jump, so nothing sleeps longer; tests move it. */
#ifdef WAXWING_TEST_HOOKS
#define SLEEP_S 1
#else
#define SLEEP_S 60
#endif

/* How often missing links are looked for. */
#define LINKS_MS 200

/* Making keys of 3072 bits takes a second; upstreams take longer. */
#define ASK_MS 60000

static const struct {
	const char *word;
	void (*go)(struct enrol *);
} steps[STEP_MAX] = {
    [STEP_ACCOUNT] = {"account", step_account},
    [STEP_ORDER] = {"order", step_order},
    [STEP_AUTHZ] = {"authorization", step_authz},
    [STEP_FIND] = {"find", step_find},
    [STEP_ANSWER] = {"answer", step_answer},
    [STEP_RESPOND] = {"respond", step_respond},
    [STEP_VALID] = {"validation", step_valid},
    [STEP_TIDY] = {"tidy", step_tidy},
    [STEP_FINALIZE] = {"finalize", step_finalize},
    [STEP_CERT] = {"certificate", step_cert},
    [STEP_KEYS] = {"keys", step_keys},
    [STEP_DONE] = {"done", step_done},
};

/* --- the record --- */

struct str
enrol_str(const struct enrol *e, const char *name)
{
	const json_t *v = json_object_get(e->rec, name);

	if (!json_is_string(v))
		return (STR(""));
	return (str_of(json_string_value(v), json_string_length(v)));
}

int64_t
enrol_num(const struct enrol *e, const char *name)
{
	return (json_integer_value(json_object_get(e->rec, name)));
}

void
enrol_set_str(struct enrol *e, const char *name, struct str s)
{
	json_object_set_new(e->rec, name, json_stringn(s.p, s.len));
}

void
enrol_set_num(struct enrol *e, const char *name, int64_t n)
{
	json_object_set_new(e->rec, name, json_integer(n));
}

void
enrol_unset(struct enrol *e, const char *name)
{
	(void)json_object_del(e->rec, name);
}

/* "e" SHA-256 of account and address; "k" and the same of the account. */
struct enrol_key {
	char b[1 + CRYPT_DIGEST];
};

static struct str
key_make(struct enrol_key *k, char kind, struct str account, struct str address)
{
	struct buf name;

	buf_init(&name, LIMIT_RECORD);
	buf_str(&name, account);
	buf_putc(&name, '\0');
	buf_str(&name, address);
	k->b[0] = kind;
	if (crypt_sha256(buf_text(&name), (uint8_t *)k->b + 1) == -1)
		memset(k->b + 1, 0, CRYPT_DIGEST);
	buf_clear(&name);
	return (str_of(k->b, sizeof(k->b)));
}

static int
write_record(struct enrol *e, struct err *err)
{
	struct enrol_key key;
	char *text;
	int rc = -1;

	enrol_set_str(e, "step", str_c(steps[e->step].word));
	text = json_dumps(e->rec, JSON_COMPACT);
	if (text == NULL)
		err_set(err, ERR_MEMORY, "no memory for a record");
	else if (FAULT("agent.enrol.full"))
		err_set(err, ERR_IO, "fault agent.enrol.full");
	else
		rc = db_put(e->agent->enrol_db,
		    key_make(&key, 'e', enrol_str(e, "account"),
		        enrol_str(e, "address")),
		    str_c(text), err);
	free(text);
	return (rc);
}

int
enrol_kid(struct agent *a, struct str account, struct buf *out, struct err *err)
{
	struct enrol_key key;

	return (db_get(a->enrol_db, key_make(&key, 'k', account, STR("")), out,
	    err));
}

int
enrol_keep_kid(struct enrol *e, struct str kid, struct err *err)
{
	struct str account = enrol_str(e, "account");
	struct enrol_key key;

	if (kid.len == 0)
		return (db_del(e->agent->enrol_db,
		            key_make(&key, 'k', account, STR("")), err) == -1
		            ? -1
		            : 0);
	return (db_put(e->agent->enrol_db,
	    key_make(&key, 'k', account, STR("")), kid, err));
}

/* --- when --- */

static void
sleep_until(struct enrol *e, int64_t next)
{
	struct timeval tv = {next - clock_now().wall, 0};

	if (tv.tv_sec > SLEEP_S)
		tv.tv_sec = SLEEP_S;
	if (tv.tv_sec <= 0)
		event_active(e->timer, EV_TIMEOUT, 0);
	else if (event_add(e->timer, &tv) == -1)
		log_error("enrol reason=\"no timer\"");
}

static uint32_t
random32(void)
{
	uint32_t r = 0;

	(void)crypt_random(&r, sizeof(r));
	return (r);
}

static void
drop_work(struct enrol *e)
{
	post_cancel(e->post);
	verify_cancel(e->verify);
	txt_cancel(e->txt);
	if (e->id != 0)
		ipc_forget(e->asked, e->id);
	blob_unref(e->held);
	e->post = NULL;
	e->verify = NULL;
	e->txt = NULL;
	e->id = 0;
	e->held = NULL;
}

static bool
is_busy(const struct enrol *e)
{
	return (e->post != NULL || e->verify != NULL || e->txt != NULL ||
	        e->id != 0);
}

void
enrol_retry(struct enrol *e, const struct err *err, int64_t after)
{
	int64_t tries = enrol_num(e, "tries") + 1, wait;
	struct err bad;

	drop_work(e);
	if (err->code == ERR_TIMEOUT) {
		/* what nobody else would notice for long */
		verify_check(e->agent->self);
		role_check(e->agent->self, ROLE_SEALER, LIMIT_SEAL_MS);
	}
	wait = renew_backoff(tries < 100 ? (unsigned)tries : 100, random32());
	if (after > wait)
		wait = after;
	log_warn("enrol address=%s step=%s tries=%lld wait=%lld code=%s "
	         "reason=\"%s\"",
	    log_addr(enrol_str(e, "address")), steps[e->step].word,
	    (long long)tries, (long long)wait, err_word(err->code), err->text);
	enrol_set_num(e, "tries", tries);
	enrol_set_num(e, "next", clock_now().wall + wait);
	enrol_set_str(e, "error", str_c(err->text));
	/* the disk may be what failed */
	if (write_record(e, &bad) == -1)
		log_error("enrol reason=\"%s\"", bad.text);
	sleep_until(e, enrol_num(e, "next"));
}

void
enrol_poll(struct enrol *e, int64_t after)
{
	int64_t wait = renew_poll(e->polls++);

	drop_work(e);
	if (after > wait)
		wait = after;
	enrol_set_num(e, "next", clock_now().wall + wait);
	sleep_until(e, enrol_num(e, "next"));
}

int
enrol_save(struct enrol *e)
{
	struct err err;

	if (write_record(e, &err) == 0)
		return (0);
	enrol_retry(e, &err, -1);
	return (-1);
}

static void
enter(struct enrol *e, enum step step)
{
	log_debug("enrol address=%s step=%s", log_addr(enrol_str(e, "address")),
	    steps[step].word);
	drop_work(e);
	/* between these two the order stays the same */
	if (step != STEP_FIND && step != STEP_AUTHZ)
		e->look = (struct look){.low = 0};
	e->step = step;
	e->polls = 0;
	enrol_set_num(e, "since", clock_now().wall);
}

/* Where a test may end us: before and after each record is written. */
static void
fault_point(struct enrol *e, const char *when)
{
	char point[80];

	(void)snprintf(point, sizeof(point), "agent.enrol.%s.%s",
	    steps[e->step].word, when);
	(void)FAULT(point);
}

void
enrol_next(struct enrol *e, enum step step)
{
	enter(e, step);
	enrol_set_num(e, "tries", 0);
	enrol_set_num(e, "next", 0);
	enrol_unset(e, "error");
	fault_point(e, "before");
	if (enrol_save(e) == -1)
		return;
	fault_point(e, "after");
	sleep_until(e, 0);
}

void
enrol_restart(struct enrol *e, const struct err *err)
{
	static const char *const lost[] = {"order", "authorization", "finalize",
	    "challenge", "token2", "from", "token1", "message_id", "reply_to",
	    "answered", "unsure", "certificate"};
	size_t i;

	for (i = 0; i < sizeof(lost) / sizeof(lost[0]); i++)
		enrol_unset(e, lost[i]);
	enter(e, STEP_ORDER);
	enrol_retry(e, err, -1);
}

/* After a start the links to the others come one by one. */
static bool
is_complete(struct self *self)
{
	return (role_link(self, ROLE_SEALER) != NULL &&
	        role_link(self, ROLE_PROXY) != NULL &&
	        role_link(self, ROLE_OPENER) != NULL);
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	const struct timeval soon = {0, LINKS_MS * 1000};
	struct enrol *e = arg;

	(void)fd;
	(void)what;
	if (is_busy(e) || e->agent->http == NULL)
		return;
	if (!is_complete(e->agent->self)) {
		(void)event_add(e->timer, &soon);
		return;
	}
	if (clock_now().wall < enrol_num(e, "next"))
		sleep_until(e, enrol_num(e, "next"));
	else
		steps[e->step].go(e);
}

/* --- asking --- */

void
enrol_post_ask(struct enrol *e, struct post_ask *ask, post_fn *done)
{
	struct err err = {.code = ERR_OK};
	struct buf kid;

	buf_init(&kid, LIMIT_RECORD);
	ask->q.account = enrol_str(e, "account");
	ask->q.address = enrol_str(e, "address");
	if (ask->max == 0)
		ask->max = ACME_JSON_MAX;
	if (ask->q.kind != JWS_NEW_ACCOUNT &&
	    enrol_kid(e->agent, ask->q.account, &kid, &err) == 0)
		err_set(&err, ERR_NOTFOUND, "no account at the cloud");
	ask->q.kid = buf_text(&kid);
	if (err.code == ERR_OK)
		e->post = post_start(e->agent, ask, done, e, &err);
	buf_clear(&kid);
	if (e->post != NULL)
		return;
	if (err.code == ERR_NOTFOUND)
		enter(e, STEP_ACCOUNT);
	enrol_retry(e, &err, -1);
}

void
enrol_post(struct enrol *e, enum post_to to, enum jws_kind kind, struct str url,
    post_fn *done)
{
	struct post_ask ask = {.to = to, .q = {.kind = (uint8_t)kind}};

	ask.q.url = url;
	enrol_post_ask(e, &ask, done);
}

void
enrol_ask(struct enrol *e, enum role role, uint16_t op, const struct buf *body,
    struct blob *const *blobs, size_t nblobs, ipc_answer_fn *done)
{
	struct err err;

	e->asked = role_link(e->agent->self, role);
	if (e->asked != NULL && !body->failed)
		e->id = ipc_ask(e->asked, op, buf_text(body), blobs, nblobs,
		    ASK_MS, done, e);
	if (e->id != 0)
		return;
	err_set(&err, ERR_UNAVAILABLE, "the %s is not there",
	    role == ROLE_OPENER ? "verifier" : role_name(role));
	enrol_retry(e, &err, -1);
}

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
	drop_work(e);
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
		if (str_eq(word, str_c(steps[i].word)))
			e->step = (enum step)i;
	if ((e->timer = evtimer_new(a->self->base, on_timer, e)) != NULL)
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

/* One mailbox of an account. */
static int
begin_one(struct agent *a, struct str account, struct str address,
    enum enrol_why why, struct err *err)
{
	struct enrol *e = find(a, account, address);

	if (e == NULL) {
		e = enrol_new(a,
		    json_pack("{s:s%, s:s%}", "account", account.p, account.len,
		        "address", address.p, address.len),
		    err);
		if (e == NULL)
			return (-1);
		e->seen = true;
		enrol_next(e, STEP_ACCOUNT);
		return (0);
	}
	e->seen = true;
	if (is_busy(e))
		return (0);
	if (why == ENROL_AGAIN && e->step == STEP_DONE) {
		enrol_next(e, STEP_ACCOUNT);
		return (0);
	}
	if (why != ENROL_SEEN)
		e->look = (struct look){.low = 0};
	if (why != ENROL_SEEN || needs_login(e->step))
		enrol_set_num(e, "next", 0);
	sleep_until(e, enrol_num(e, "next"));
	return (0);
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
enrol_of_cert(struct agent *a, struct str hex, struct str name,
    struct buf *account_out, struct buf *address_out, struct err *err)
{
	struct enrol *e;

	LIST_FOREACH (e, &a->enrols, next)
		if ((name.len > 0 &&
		        (str_ieq(enrol_str(e, "address"), name) ||
		            str_ieq(enrol_str(e, "account"), name))) ||
		    has_cert(e, "sign", hex) || has_cert(e, "encrypt", hex)) {
			buf_str(account_out, enrol_str(e, "account"));
			buf_str(address_out, enrol_str(e, "address"));
			return (0);
		}
	err_set(err, ERR_NOTFOUND, "no such certificate of ours");
	return (-1);
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
			if (write_record(e, &err) == -1)
				log_error("enrol reason=\"%s\"", err.text);
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
		if (!is_busy(e))
			sleep_until(e, 0);
	}
}
