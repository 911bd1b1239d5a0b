#include "config.h"

#include "parent/enrol.h"

#include <string.h>

#include "base/clock.h"
#include "base/codec.h"
#include "base/limits.h"
#include "parent/child.h"
#include "parent/owner.h"
#include "proto/enrol.h"
#include "proto/keys.h"
#include "proto/op.h"

/* Beginning, and telling how it is. */
#define SOON_MS 5000

/* What needs the cloud. */
#define CLOUD_MS 60000

/* Making a key of a passphrase takes its time, for each key again. */
#define EXPORT_MS 60000

/* A PKCS#12 file (the sealer's limit). */
#define EXPORT_MAX (8UL * 1024 * 1024)

static void
ask_about(struct request *q, enum role role, uint16_t op, const char *address,
    const char *text, uint64_t ms, ipc_answer_fn *fn)
{
	struct enrol_req r = {str_c(address), str_c(text)};
	struct buf body;

	buf_init(&body, LIMIT_RECORD);
	enrol_req_put(&body, &r);
	request_ask(q, role, op, buf_text(&body), ms, fn);
	buf_clear(&body);
}

/* Commands that name one address, and perhaps the account. */
static void
ask_for_address(struct request *q, enum role role, uint16_t op, uint64_t ms,
    ipc_answer_fn *fn)
{
	struct err err = {0};

	if (owner_of_key(q, &err) == -1)
		request_done(q, &err, NULL);
	else
		ask_about(q, role, op, q->address, q->account, ms, fn);
}

void
enrol_run(struct request *q)
{
	ask_for_address(q, ROLE_AGENT, OP_ENROL, SOON_MS, request_passed);
}

void
enrol_run_renew(struct request *q)
{
	ask_for_address(q, ROLE_AGENT, OP_RENEW, SOON_MS, request_passed);
}

void
enrol_run_log(struct request *q)
{
	ask_for_address(q, ROLE_AGENT, OP_RELEASE_LOG, CLOUD_MS,
	    request_passed);
}

/* How far it is. */

static const char *
member(const json_t *e, const char *name)
{
	const char *s = json_string_value(json_object_get(e, name));

	return (s != NULL ? s : "");
}

static const char *
state_of(const json_t *e, int64_t now)
{
	bool asleep = json_integer_value(json_object_get(e, "next")) > now;

	if (strcmp(member(e, "step"), "done") == 0)
		return ("enrolled");
	return (
	    asleep && member(e, "error")[0] != '\0' ? "waiting" : "running");
}

static void
copy_time(json_t *o, const char *name, const json_t *time)
{
	if (json_integer_value(time) > 0)
		(void)json_object_set_new(o, name,
		    json_integer(json_integer_value(time)));
}

/* The last entry knows how many there are: the first is number 0. */
static void
count_releases(json_t *o, const json_t *log)
{
	const json_t *last, *n, *when;

	if (json_array_size(log) == 0)
		return;
	last = json_array_get(log, json_array_size(log) - 1);
	n = json_object_get(last, "n");
	when = json_object_get(last, "time");
	(void)json_object_set_new(o, "releases",
	    json_integer(json_integer_value(n) + 1));
	if (json_is_string(when))
		(void)json_object_set_new(o, "released_at",
		    json_string(json_string_value(when)));
}

static json_t *
translate(const json_t *e, int64_t now)
{
	const char *state = state_of(e, now);
	bool done = strcmp(state, "enrolled") == 0;
	json_t *o;

	o = json_pack("{s:s, s:s, s:s}", "account", member(e, "account"),
	    "address", member(e, "address"), "state", state);
	if (o == NULL)
		return (NULL);
	if (!done)
		(void)json_object_set_new(o, "step",
		    json_string(member(e, "step")));
	if (member(e, "error")[0] != '\0')
		(void)json_object_set_new(o, "reason",
		    json_string(member(e, "error")));
	if (strcmp(state, "waiting") == 0)
		copy_time(o, "retry_at", json_object_get(e, "next"));
	copy_time(o, "not_after",
	    json_object_get(json_object_get(e, "sign"), "not_after"));
	count_releases(o, json_object_get(e, "releases"));
	return (o);
}

json_t *
enrol_list(const json_t *agent_status)
{
	json_t *list = json_array(), *e;
	int64_t now = clock_now().wall;
	size_t i;

	json_array_foreach(json_object_get(agent_status, "enrol"), i, e)
	{
		if (json_array_append_new(list, translate(e, now)) == -1)
			break;
	}
	return (list);
}

static bool
is_about(const json_t *e, const char *key, const char *what)
{
	const char *s = json_string_value(json_object_get(e, key));

	return (
	    what[0] == '\0' || (s != NULL && str_ieq(str_c(s), str_c(what))));
}

static void
on_enrolments(struct ipc_msg *msg, const struct err *err, void *arg)
{
	struct request *q = arg;
	json_t *status = NULL, *all, *list = json_array(), *e;
	const char *address = request_arg(q, "address");
	struct err why;
	size_t i;

	request_answer(msg, err, &why, &status);
	all = enrol_list(status);
	json_array_foreach(all, i, e)
	{
		if (is_about(e, "address", address) &&
		    is_about(e, "account", q->account))
			(void)json_array_append(list, e);
	}
	json_decref(all);
	json_decref(status);
	request_done(q, why.code != ERR_OK ? &why : NULL, list);
}

void
enrol_run_status(struct request *q)
{
	const char *account = request_arg(q, "account");
	struct err err = {0};

	if (request_arg(q, "address")[0] != '\0')
		(void)owner_of_key(q, &err);
	else if (q->privileged)
		q->account = strdup(account);
	else
		(void)owner_own(q, account, &err);
	if (q->account == NULL || err.code != ERR_OK)
		request_done(q, &err, NULL);
	else
		request_ask(q, ROLE_AGENT, OP_STATUS, STR(""), SOON_MS,
		    on_enrolments);
}

/* An account's state is that of the mailbox of its own name, if there are
 * several. */
static void
set_state(json_t *account, const json_t *enrolments)
{
	const char *login = member(account, "login");
	json_t *e, *best = NULL;
	size_t i;

	json_array_foreach(enrolments, i, e)
	{
		if (login[0] != '\0' && is_about(e, "account", login) &&
		    (best == NULL || is_about(e, "address", login)))
			best = e;
	}
	if (best != NULL)
		(void)json_object_set(account, "enrolment",
		    json_object_get(best, "state"));
}

static void
on_states(struct ipc_msg *msg, const struct err *err, void *arg)
{
	struct request *q = arg;
	json_t *status = NULL, *all, *list = q->result, *a;
	struct err why;
	size_t i;

	q->result = NULL;
	request_answer(msg, err, &why, &status);
	all = enrol_list(status);
	json_array_foreach(list, i, a) set_state(a, all);
	json_decref(all);
	json_decref(status);
	request_done(q, NULL, list); /* without the agent there is none */
}

void
enrol_states(struct request *q)
{
	struct child *agent = parent_child(q->parent, ROLE_AGENT);
	json_t *list;

	if (agent != NULL && agent->state == CHILD_UP &&
	    ipc_ask(agent->link, OP_STATUS, STR(""), NULL, 0, SOON_MS,
	        on_states, q) != 0)
		return;
	list = q->result;
	q->result = NULL;
	request_done(q, NULL, list);
}

/* revoke: find whose certificate it is, then ask the agent. */

static void
on_found(struct ipc_msg *msg, const struct err *err, void *arg)
{
	struct request *q = arg;
	const char *print = request_arg(q, "fingerprint"), *account = NULL;
	json_t *keys = NULL, *k;
	struct err why;
	size_t i;

	request_answer(msg, err, &why, &keys);
	json_array_foreach(keys, i, k)
	{
		if (is_about(k, "fingerprint", print) &&
		    is_about(k, "account", q->account))
			account =
			    json_string_value(json_object_get(k, "account"));
	}
	if (why.code != ERR_OK)
		request_done(q, &why, NULL);
	else if (account == NULL)
		request_fail(q, ERR_NOTFOUND,
		    "there is no key with such a certificate");
	else
		ask_about(q, ROLE_AGENT, OP_REVOKE, account, print, CLOUD_MS,
		    request_passed);
	json_decref(keys);
}

void
enrol_run_revoke(struct request *q)
{
	const char *print = request_arg(q, "fingerprint");
	uint8_t raw[FINGERPRINT];
	struct buf body;
	struct err err;

	if (hex_decode(str_c(print), raw, sizeof(raw)) == -1) {
		request_fail(q, ERR_SYNTAX,
		    "a fingerprint is 64 hexadecimal digits");
		return;
	}
	if (q->privileged)
		q->account = strdup("");
	else
		(void)owner_own(q, request_arg(q, "account"), &err);
	if (q->account == NULL) {
		request_done(q, &err, NULL);
		return;
	}
	buf_init(&body, LIMIT_RECORD);
	list_req_put(&body, str_c(q->account));
	request_ask(q, ROLE_SEALER, OP_KEY_LIST, buf_text(&body), SOON_MS,
	    on_found);
	buf_clear(&body);
}

/* key export: the file comes back in the answer, as it is encrypted anyway,
 * and no role of ours writes to a descriptor of somebody else. */

static void
on_exported(struct ipc_msg *msg, const struct err *err, void *arg)
{
	struct request *q = arg;
	struct blob *file = NULL;
	struct buf text;
	struct err why;
	json_t *o = NULL;

	request_answer(msg, err, &why, NULL);
	if (why.code == ERR_OK)
		file = ipc_msg_blob(msg, 0, EXPORT_MAX, &why);
	if (file != NULL) {
		buf_init(&text, 2 * EXPORT_MAX);
		b64_encode(blob_str(file), &text);
		if (!text.failed)
			o = json_pack("{s:s, s:s%}", "address", q->address,
			    "p12", text.data, text.len);
		buf_clear(&text);
		blob_unref(file);
	}
	request_done(q, why.code != ERR_OK ? &why : NULL, o);
}

void
enrol_run_export(struct request *q)
{
	ask_for_address(q, ROLE_SEALER, OP_KEY_EXPORT, EXPORT_MS, on_exported);
}
