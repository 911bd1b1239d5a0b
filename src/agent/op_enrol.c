/*
 * OP_ACCOUNT_SEEN, OP_ENROL, OP_RENEW, OP_REVOKE, OP_RELEASE_LOG: what starts
 * an enrolment, and what is asked about one.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "acme/kms.h"
#include "agent/enrol.h"
#include "agent/post.h"
#include "base/codec.h"
#include "base/limits.h"
#include "proto/op.h"
#include "sys/log.h"

#define TAKE_MS 60000

/* A page of a release log as JSON. */
#define LOG_MAX ((size_t)8 * 1024 * 1024)

/* Entries of one log in all: the parent takes 8 MiB, and they have 300 bytes.
 * Ten devices that ask daily need five years for so many. */
#define ENTRIES_MAX 20000

/* --- who may be enrolled --- */

/* An address, *@domain, or * alone. */
static bool
matches(struct str pattern, struct str account)
{
	size_t at;

	if (str_eq(pattern, STR("*")))
		return (true);
	if (!str_istarts(pattern, STR("*@")))
		return (str_ieq(pattern, account));
	at = str_find(account, '@');
	return (str_ieq(str_of(pattern.p + 1, pattern.len - 1),
	    str_of(account.p + at, account.len - at)));
}

static bool
may_enrol(const struct conf *conf, const struct account_seen *seen)
{
	const char *list;
	struct str word;
	size_t pos = 0;

	if (!conf_is_set(conf, "enrol", "accounts"))
		return (seen->loopback);
	list = conf_str(conf, "enrol", "accounts");
	while (list != NULL && conf_word(list, &pos, &word))
		if (matches(word, seen->account))
			return (true);
	return (false);
}

void
op_account_seen(struct agent *a, struct ipc *l, struct ipc_msg *msg)
{
	struct account_seen seen;
	struct err err;

	(void)l;
	if (account_seen_get(msg->body, &seen, &err) == -1) {
		log_error("account-seen reason=%s", log_str(str_c(err.text)));
		return;
	}
	if (a->http == NULL || !may_enrol(a->self->conf, &seen))
		return;
	if (enrol_begin(a, seen.account, STR(""), ENROL_SEEN, &err) == -1)
		log_warn("account-seen account=%s reason=%s",
		    log_addr(seen.account), log_str(str_c(err.text)));
}

/* --- OP_ENROL and OP_RENEW --- */

static void
begin(struct agent *a, struct ipc *l, struct ipc_msg *msg, enum enrol_why why)
{
	struct err err = {.code = ERR_OK};
	struct enrol_req q;
	struct buf account;

	buf_init(&account, LIMIT_RECORD);
	if (enrol_req_get(msg->body, &q, &err) == 0) {
		buf_str(&account, q.text);
		if (account.len > 0 ||
		    enrol_account_of(a, q.address, &account, &err) == 0)
			(void)enrol_begin(a, buf_text(&account), q.address, why,
			    &err);
	}
	role_answer_err(l, msg, &err);
	buf_clear(&account);
}

void
op_enrol(struct agent *a, struct ipc *l, struct ipc_msg *msg)
{
	begin(a, l, msg, ENROL_ASKED);
}

void
op_renew(struct agent *a, struct ipc *l, struct ipc_msg *msg)
{
	begin(a, l, msg, ENROL_AGAIN);
}

/* --- errands: one question to the cloud, and the answer --- */

struct errand {
	LIST_ENTRY(errand) next;
	struct agent *agent;
	struct ipc *link; /* the parent's: it outlives the errand */
	uint16_t op;
	uint32_t id;
	struct buf account, address;   /* owned */
	json_t *log;                   /* owned; the pages so far */
	char hex[2 * FINGERPRINT + 1]; /* the certificate to revoke */
	/* what is under way: one of them */
	struct post *post;
	struct ipc *asked;
	uint32_t asked_id;
};

static void
errand_free(struct errand *e)
{
	post_cancel(e->post);
	if (e->asked_id != 0)
		ipc_forget(e->asked, e->asked_id);
	buf_clear(&e->account);
	buf_clear(&e->address);
	json_decref(e->log);
	LIST_REMOVE(e, next);
	free(e);
}

void
errands_abandon(struct agent *a)
{
	struct errand *e;

	while ((e = LIST_FIRST(&a->errands)) != NULL)
		errand_free(e);
}

/* Swallows json. */
static void
finish(struct errand *e, const struct err *err, json_t *json)
{
	role_answer_json(e->link, e->op, e->id, err, json);
	errand_free(e);
}

/* account empty: whoever has the address. */
static struct errand *
errand_new(struct agent *a, struct ipc *l, struct ipc_msg *msg,
    struct str account, struct str address, struct err *err)
{
	struct errand *e;

	if ((e = calloc(1, sizeof(*e))) == NULL) {
		err_set(err, ERR_MEMORY, "no memory for a question");
		return (NULL);
	}
	LIST_INSERT_HEAD(&a->errands, e, next);
	e->agent = a;
	e->link = l;
	e->op = msg->op;
	e->id = msg->id;
	buf_init(&e->account, LIMIT_RECORD);
	buf_init(&e->address, LIMIT_RECORD);
	buf_str(&e->account, account);
	buf_str(&e->address, address);
	if (account.len > 0 ||
	    enrol_account_of(a, address, &e->account, err) == 0)
		return (e);
	errand_free(e);
	return (NULL);
}

static int
errand_post(struct errand *e, struct post_ask *ask, post_fn *done,
    struct err *err)
{
	struct buf kid;
	int rc;

	buf_init(&kid, LIMIT_RECORD);
	ask->q.account = buf_text(&e->account);
	ask->q.address = buf_text(&e->address);
	rc = enrol_kid(e->agent, ask->q.account, &kid, err);
	ask->q.kid = buf_text(&kid);
	if (rc == 0)
		err_set(err, ERR_NOTFOUND, "it is not enrolled");
	if (rc == 1)
		e->post = post_start(e->agent, ask, done, e, err);
	buf_clear(&kid);
	return (e->post != NULL ? 0 : -1);
}

/* --- OP_REVOKE (RFC 8555 7.6) --- */

static void
on_revoked(const struct posted *p, const struct err *why, void *arg)
{
	struct errand *e = arg;
	struct err err = {.code = ERR_OK};

	e->post = NULL;
	if (p->a == NULL && !str_eq(p->problem, STR("alreadyRevoked"))) {
		finish(e, why, NULL);
		return;
	}
	if (enrol_replace(e->agent, str_c(e->hex), &err) == -1)
		log_warn("revoke reason=%s", log_str(str_c(err.text)));
	finish(e, NULL, NULL);
}

void
op_revoke(struct agent *a, struct ipc *l, struct ipc_msg *msg)
{
	struct post_ask ask = {.to = POST_REVOKE,
	    .q = {.kind = JWS_REVOKE},
	    .max = ACME_JSON_MAX};
	struct enrol_req q;
	struct errand *e = NULL;
	struct buf account, address;
	struct err err;

	buf_init(&account, LIMIT_RECORD);
	buf_init(&address, LIMIT_RECORD);
	if (enrol_req_get(msg->body, &q, &err) == 0) {
		if (hex_decode(q.text, ask.q.fingerprint, FINGERPRINT) == -1)
			err_set(&err, ERR_SYNTAX, "not a fingerprint");
		else if (enrol_of_cert(a, q.text, q.address, &account, &address,
		             &err) == 0)
			e = errand_new(a, l, msg, buf_text(&account),
			    buf_text(&address), &err);
	}
	if (e != NULL)
		hex_encode(ask.q.fingerprint, FINGERPRINT, e->hex);
	if (e != NULL && errand_post(e, &ask, on_revoked, &err) == -1) {
		errand_free(e);
		e = NULL;
	}
	if (e == NULL)
		role_answer_err(l, msg, &err);
	buf_clear(&account);
	buf_clear(&address);
}

/* --- OP_RELEASE_LOG --- */

static int ask_page(struct errand *, uint64_t from, struct err *);

/* A page is kept until the last one has come. */
static int
keep_page(struct errand *e, struct ipc_msg *msg, uint64_t *next,
    struct err *err)
{
	struct blob *blob;
	json_t *log;
	struct rec r;
	int rc = -1;

	rec_init(&r, msg->body);
	rec_get_err(&r, err);
	*next = rec_get_u64(&r);
	if (err->code != ERR_OK ||
	    (blob = ipc_msg_blob(msg, 1, LOG_MAX, err)) == NULL)
		return (-1);
	log = json_loadb(blob_data(blob), blob_len(blob), 0, NULL);
	blob_unref(blob);
	if (e->log == NULL)
		e->log = json_array();
	if (json_array_size(log) + json_array_size(e->log) > ENTRIES_MAX)
		err_set(err, ERR_LIMIT,
		    "the release log has more than %d entries", ENTRIES_MAX);
	else if ((rc = json_array_extend(e->log, log)) == -1)
		err_set(err, ERR_PEER, "malformed answer of the sealer");
	json_decref(log);
	return (rc);
}

/* 3. The sealer has checked it, as far as a page can be. */
static void
on_log_taken(struct ipc_msg *msg, const struct err *why, void *arg)
{
	struct errand *e = arg;
	struct err err = {.code = ERR_OK};
	uint64_t next;

	e->asked_id = 0;
	if (msg == NULL) {
		finish(e, why, NULL);
		return;
	}
	if (keep_page(e, msg, &next, &err) == -1 ||
	    (next != 0 && ask_page(e, next, &err) == -1)) {
		finish(e, &err, NULL);
		return;
	}
	if (next != 0)
		return;
	enrol_note_releases(e->agent, buf_text(&e->account),
	    buf_text(&e->address), e->log);
	finish(e, &err, json_incref(e->log));
}

/* 2. The key service has answered. */
static void
on_log(const struct posted *p, const struct err *why, void *arg)
{
	struct errand *e = arg;
	struct take_req q = {buf_text(&e->account), buf_text(&e->address)};
	struct blob *blob;
	struct err err;
	struct buf body;

	e->post = NULL;
	if (p->a == NULL) {
		finish(e, why, NULL);
		return;
	}
	buf_init(&body, LIMIT_RECORD);
	take_req_put(&body, &q);
	blob = blob_copy(p->a->body.p, p->a->body.len);
	e->asked = role_link(e->agent->self, ROLE_SEALER);
	if (e->asked != NULL && blob != NULL)
		e->asked_id = ipc_ask(e->asked, OP_BUNDLE_TAKE, buf_text(&body),
		    &blob, 1, TAKE_MS, on_log_taken, e);
	blob_unref(blob);
	buf_clear(&body);
	if (e->asked_id != 0)
		return;
	err_set(&err, ERR_UNAVAILABLE, "the sealer is not there");
	finish(e, &err, NULL);
}

/* 1. All of it, from the beginning, page by page. */
static int
ask_page(struct errand *e, uint64_t from, struct err *err)
{
	struct post_ask ask = {.to = POST_LOG,
	    .q = {.kind = JWS_KMS_LOG, .from = from},
	    .accept = "application/pkcs7-mime",
	    .max = KMS_BUNDLE_MAX};

	return (errand_post(e, &ask, on_log, err));
}

void
op_release_log(struct agent *a, struct ipc *l, struct ipc_msg *msg)
{
	struct enrol_req q;
	struct errand *e = NULL;
	struct err err;

	if (enrol_req_get(msg->body, &q, &err) == 0)
		e = errand_new(a, l, msg, q.text, q.address, &err);
	if (e != NULL && ask_page(e, 0, &err) == -1) {
		errand_free(e);
		e = NULL;
	}
	if (e == NULL)
		role_answer_err(l, msg, &err);
}
