#include "config.h"

#include "parent/request.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/codec.h"
#include "parent/child.h"
#include "parent/enrol.h"
#include "parent/owner.h"
#include "proto/keys.h"
#include "proto/op.h"
#include "proto/resync.h"
#include "sys/memfd.h"

/* A role that is asked for its status answers at once, or is stuck. */
#define STATUS_MS 2000

/* Making a key of a passphrase may take seconds by design. */
#define IMPORT_MS 60000

/* A list in JSON. */
#define LIST_MAX (8UL * 1024 * 1024)

void
request_fail(struct request *q, enum err_code code, const char *text)
{
	struct err err;

	err_set(&err, code, "%s", text);
	request_done(q, &err, NULL);
}

const char *
request_arg(const struct request *q, const char *name)
{
	const char *s = json_string_value(json_object_get(q->args, name));

	return (s != NULL ? s : "");
}

void
request_answer(struct ipc_msg *msg, const struct err *err, struct err *why,
    json_t **json)
{
	struct blob *blob;
	struct rec r;

	if (msg == NULL) {
		*why = *err;
		return;
	}
	rec_init(&r, msg->body);
	rec_get_err(&r, why);
	if (rec_end(&r, why) == -1 || why->code != ERR_OK || json == NULL ||
	    msg->nfds == 0)
		return;
	if ((blob = ipc_msg_blob(msg, 0, LIST_MAX, why)) == NULL)
		return;
	*json =
	    json_loadb(blob_data(blob), blob_len(blob), JSON_DECODE_ANY, NULL);
	blob_unref(blob);
	if (*json == NULL)
		err_set(why, ERR_PEER, "a role's answer is not JSON");
}

void
request_passed(struct ipc_msg *msg, const struct err *err, void *arg)
{
	json_t *json = NULL;
	struct err why;

	request_answer(msg, err, &why, &json);
	request_done(arg, &why, json);
}

void
request_ask(struct request *q, enum role role, uint16_t op, struct str body,
    uint64_t ms, ipc_answer_fn *fn)
{
	struct child *c = parent_child(q->parent, role);
	char text[80];

	if (c != NULL && c->state == CHILD_UP &&
	    ipc_ask_fds(c->link, op, body, q->fds, q->nfds, ms, fn, q) != 0)
		return;
	(void)snprintf(text, sizeof(text), "%s is not there, try again",
	    role_name(role));
	request_fail(q, ERR_UNAVAILABLE, text);
}

/* status: all roles at once, each adding to its object. */

struct asked {
	struct request *request;
	json_t *object; /* borrowed from the request's result */
};

/* What agent tells of enrolments is for people too, so it is told in their
 * words and beside the roles. */
static void
lift_enrolments(json_t *result)
{
	json_t *role;
	size_t i;

	json_array_foreach(json_object_get(result, "roles"), i, role)
	{
		if (json_object_get(role, "enrol") == NULL)
			continue;
		(void)json_object_set_new(result, "enrolments",
		    enrol_list(role));
		(void)json_object_del(role, "enrol");
	}
}

static void
status_arrived(struct request *q)
{
	json_t *result = q->result;

	if (--q->waiting > 0)
		return;
	lift_enrolments(result);
	q->result = NULL;
	request_done(q, NULL, result);
}

static void
on_status(struct ipc_msg *msg, const struct err *err, void *arg)
{
	struct asked *a = arg;
	json_t *json = NULL;
	struct err why;

	request_answer(msg, err, &why, &json);
	if (json_is_object(json))
		(void)json_object_update_missing(a->object, json);
	else
		(void)json_object_set_new(a->object, "error",
		    json_string(why.text));
	json_decref(json);
	status_arrived(a->request);
	free(a);
}

static void
ask_status(struct request *q, struct child *c, json_t *object)
{
	struct asked *a;

	if (c->state != CHILD_UP || (a = malloc(sizeof(*a))) == NULL)
		return;
	a->request = q;
	a->object = object;
	if (ipc_ask(c->link, OP_STATUS, STR(""), NULL, 0, STATUS_MS, on_status,
	        a) != 0)
		q->waiting++;
	else
		free(a);
}

static void
run_status(struct request *q)
{
	struct parent *p = q->parent;
	json_t *roles, *o;
	struct child *c;

	q->result = json_pack("{s:s, s:b, s:s, s:o}", "version",
	    PACKAGE_VERSION, "ready", p->ready, "install_id", p->install_id,
	    "roles", roles = json_array());
	if (q->result == NULL) {
		request_fail(q, ERR_MEMORY, "out of memory");
		return;
	}
	q->waiting = 1; /* until all are asked */
	TAILQ_FOREACH (c, &p->children, next) {
		o = json_pack("{s:s, s:s, s:i}", "role", child_word(c), "state",
		    child_state_name(c->state), "pid", (int)c->pid);
		if (o == NULL || json_array_append_new(roles, o) == -1)
			continue;
		if (child_pooled(c))
			json_object_set_new(o, "account",
			    json_string(c->account));
		ask_status(q, c, o);
	}
	status_arrived(q);
}

/* account list */

/* Those with sessions that the conf does not name, and the sessions of those
 * it does. */
static void
merge_sessions(struct request *q, json_t *list, json_t *sessions)
{
	const char *login;
	json_t *s, *a, *known;
	size_t i, j;

	json_array_foreach(sessions, i, s)
	{
		login = json_string_value(json_object_get(s, "login"));
		if (login == NULL)
			continue;
		known = NULL;
		json_array_foreach(list, j,
		    a) if (strcmp(json_string_value(json_object_get(a,
		                      "login")),
		               login) == 0) known = a;
		if (known != NULL)
			(void)json_object_update_missing(known, s);
		else if (q->privileged)
			(void)json_array_append(list, s);
	}
}

static void
on_accounts(struct ipc_msg *msg, const struct err *err, void *arg)
{
	struct request *q = arg;
	json_t *sessions = NULL, *list;
	struct err why;

	request_answer(msg, err, &why, &sessions);
	list = owner_accounts(q->parent->conf, q->privileged, q->uid);
	if (list != NULL && json_is_array(sessions))
		merge_sessions(q, list, sessions);
	json_decref(sessions);
	if (why.code != ERR_OK) {
		request_done(q, &why, list);
		return;
	}
	q->result = list;
	enrol_states(q);
}

static void
run_account_list(struct request *q)
{
	request_ask(q, ROLE_PROXY, OP_ACCOUNTS, STR(""), STATUS_MS,
	    on_accounts);
}

/* key import: the sealer takes the keys, then agent their certificates. */

static void
on_certs_taken(struct ipc_msg *msg, const struct err *err, void *arg)
{
	struct request *q = arg;
	json_t *json = NULL;
	struct err why;

	request_answer(msg, err, &why, &json);
	if (why.code != ERR_OK) {
		err_prefix(&why,
		    "the key is imported, but its certificates are not");
		request_done(q, &why, NULL);
		return;
	}
	request_done(q, NULL,
	    json_pack("{s:s, s:s, s:o?}", "account", q->account, "address",
	        q->address, "certificates", json));
}

/* The certificates that came with the keys, as agent takes them.  Who is not
 * privileged brings none for addresses of others. */
static int
collect_pem(struct request *q, struct str list, struct buf *out,
    struct err *err)
{
	struct cert_rec cert;
	struct rec r;
	int rc;

	rec_init(&r, list);
	while ((rc = cert_rec_get(&r, &cert, err)) == 1)
		if (q->privileged ||
		    owner_has_all(q->parent->conf, q->account, cert.addresses))
			pem_cert_put(cert.der, out);
	if (rc == 0 && out->failed) {
		err_set(err, ERR_LIMIT, "too many certificates");
		rc = -1;
	}
	return (rc);
}

static void
pass_certs(struct request *q, struct str list)
{
	struct child *agent = parent_child(q->parent, ROLE_AGENT);
	struct blob *blob = NULL;
	char trust = TRUST_MANUAL;
	struct err err = {0};
	uint32_t id = 0;
	struct buf pem;

	buf_init(&pem, LIST_MAX);
	if (collect_pem(q, list, &pem, &err) == -1 ||
	    (blob = memfd_copy(pem.data, pem.len, &err)) == NULL) {
		buf_clear(&pem);
		request_done(q, &err, NULL);
		return;
	}
	buf_clear(&pem);
	if (agent != NULL && agent->state == CHILD_UP)
		id = ipc_ask(agent->link, OP_CERT_IMPORT, str_of(&trust, 1),
		    &blob, 1, IMPORT_MS, on_certs_taken, q);
	blob_unref(blob);
	if (id == 0)
		request_fail(q, ERR_UNAVAILABLE,
		    "the key is imported, but agent is not there to take its "
		    "certificates: import again");
}

static void
on_key_imported(struct ipc_msg *msg, const struct err *err, void *arg)
{
	struct request *q = arg;
	struct blob *blob;
	struct err why;

	request_answer(msg, err, &why, NULL);
	if (why.code != ERR_OK) {
		request_done(q, &why, NULL);
		return;
	}
	if ((blob = ipc_msg_blob(msg, 0, LIST_MAX, &why)) == NULL) {
		request_done(q, &why, NULL);
		return;
	}
	pass_certs(q, blob_str(blob));
	blob_unref(blob);
}

static void
run_key_import(struct request *q)
{
	struct key_import_req r;
	struct err err = {0};
	struct buf body;

	if (owner_of_key(q, &err) == -1) {
		request_done(q, &err, NULL);
		return;
	}
	r.account = str_c(q->account);
	r.address = str_c(q->address);
	buf_init(&body, LIMIT_RECORD);
	key_import_req_put(&body, &r);
	request_ask(q, ROLE_SEALER, OP_KEY_IMPORT, buf_text(&body), IMPORT_MS,
	    on_key_imported);
	buf_clear(&body);
}

/* The rest: one question, one answer. */

static void
ask_list(struct request *q, enum role role, uint16_t op, const char *whose)
{
	struct buf body;

	buf_init(&body, LIMIT_RECORD);
	list_req_put(&body, str_c(whose));
	request_ask(q, role, op, buf_text(&body), STATUS_MS, request_passed);
	buf_clear(&body);
}

static void
run_key_list(struct request *q)
{
	const char *whose = request_arg(q, "account");
	struct err err;

	if (!q->privileged && (whose = owner_own(q, whose, &err)) == NULL)
		request_done(q, &err, NULL);
	else
		ask_list(q, ROLE_SEALER, OP_KEY_LIST, whose);
}

static void
run_cert_import(struct request *q)
{
	char trust = TRUST_MANUAL;

	request_ask(q, ROLE_AGENT, OP_CERT_IMPORT, str_of(&trust, 1), IMPORT_MS,
	    request_passed);
}

static void
run_cert_list(struct request *q)
{
	ask_list(q, ROLE_AGENT, OP_CERT_LIST, request_arg(q, "address"));
}

static void
run_cert_approve(struct request *q)
{
	const char *print = request_arg(q, "fingerprint");
	struct approve_req r = {.named = print[0] != '\0'};
	struct err err;
	struct buf body;

	if (owner_address(q, &err) == -1) {
		request_done(q, &err, NULL);
		return;
	}
	if (r.named &&
	    hex_decode(str_c(print), r.fingerprint, FINGERPRINT) == -1) {
		request_fail(q, ERR_SYNTAX,
		    "a fingerprint is 64 hexadecimal digits");
		return;
	}
	r.address = str_c(q->address);
	buf_init(&body, LIMIT_RECORD);
	approve_req_put(&body, &r);
	request_ask(q, ROLE_AGENT, OP_CERT_APPROVE, buf_text(&body), STATUS_MS,
	    request_passed);
	buf_clear(&body);
}

/* What waits for a person, and why. */
static void
put_waiting(const struct lookup_ans *a, json_t *o)
{
	char hex[FINGERPRINT * 2 + 1];

	if (!a->pending)
		return;
	hex_encode(a->waits, sizeof(a->waits), hex);
	json_object_set_new(o, "pending", json_string(hex));
	json_object_set_new(o, "pending_because",
	    json_string("it came with signed mail while another certificate "
	                "was in use"));
}

static void
on_looked_up(struct ipc_msg *msg, const struct err *err, void *arg)
{
	static const char *const states[] = {"usable", "none", "error"};
	static const char *const trusts[] = {"manual", "verified", "discovered",
	    "harvested"};
	char hex[FINGERPRINT * 2 + 1];
	struct request *q = arg;
	struct lookup_ans a;
	struct err why;
	json_t *o;

	if (msg == NULL) {
		request_done(q, err, NULL);
		return;
	}
	if (lookup_ans_get(msg->body, &a, &why) == -1 || a.err.code != ERR_OK) {
		request_done(q, a.err.code != ERR_OK ? &a.err : &why, NULL);
		return;
	}
	o = json_pack("{s:s, s:b}", "state", states[a.state], "recent",
	    a.recent);
	if (o != NULL && a.state == LOOKUP_USABLE) {
		hex_encode(a.fingerprint, sizeof(a.fingerprint), hex);
		json_object_set_new(o, "fingerprint", json_string(hex));
		json_object_set_new(o, "gcm", json_boolean(a.gcm));
		json_object_set_new(o, "oaep", json_boolean(a.oaep));
		json_object_set_new(o, "not_after", json_integer(a.not_after));
		json_object_set_new(o, "trust", json_string(trusts[a.trust]));
	}
	if (o != NULL)
		put_waiting(&a, o);
	request_done(q, NULL, o);
}

static void
run_lookup(struct request *q)
{
	struct lookup_req r;
	struct err err;
	struct buf body;

	if (owner_address(q, &err) == -1 ||
	    (!q->privileged && owner_own(q, "", &err) == NULL &&
	        err.code == ERR_DENIED)) {
		request_done(q, &err, NULL);
		return;
	}
	r.address = str_c(q->address);
	buf_init(&body, LIMIT_RECORD);
	lookup_req_put(&body, &r);
	request_ask(q, ROLE_AGENT, OP_LOOKUP, buf_text(&body),
	    2 * LIMIT_LOOKUP_MS, on_looked_up);
	buf_clear(&body);
}

static void
run_cache_drop(struct request *q)
{
	request_ask(q, ROLE_PROXY, OP_CACHE_DROP, STR(""), STATUS_MS,
	    request_passed);
}

static void
ask_resync(struct request *q, bool begin)
{
	struct resync_req r = {.begin = begin};
	struct err err = {0};
	struct buf body;

	if (owner_of_key(q, &err) == -1) {
		request_done(q, &err, NULL);
		return;
	}
	r.account = str_c(q->account);
	r.mailbox = str_c(request_arg(q, "mailbox"));
	buf_init(&body, LIMIT_RECORD);
	resync_req_put(&body, &r);
	request_ask(q, ROLE_PROXY, OP_RESYNC, buf_text(&body), STATUS_MS,
	    request_passed);
	buf_clear(&body);
}

static void
run_resync(struct request *q)
{
	ask_resync(q, true);
}

static void
run_resync_status(struct request *q)
{
	ask_resync(q, false);
}

static void
run_log_level(struct request *q)
{
	enum log_level level;
	struct child *c;
	char byte;

	if (log_level_parse(request_arg(q, "level"), &level) == -1) {
		request_fail(q, ERR_SYNTAX,
		    "level must be error, warn, info, debug or trace");
		return;
	}
	byte = (char)level;
	log_set_level(level);
	TAILQ_FOREACH (c, &q->parent->children, next)
		if (c->state == CHILD_UP)
			(void)ipc_tell(c->link, OP_LOG_LEVEL, str_of(&byte, 1));
	request_done(q, NULL, NULL);
}

static const struct {
	const char *name;
	size_t nfds;
	bool privileged; /* not for the owners of accounts */
	void (*run)(struct request *);
} commands[] = {
    {"status", 0, true, run_status},
    {"account-list", 0, false, run_account_list},
    {"key-import", 2, false, run_key_import},
    {"key-list", 0, false, run_key_list},
    {"cert-import", 1, true, run_cert_import},
    {"cert-list", 0, true, run_cert_list},
    {"cert-approve", 0, true, run_cert_approve},
    {"lookup", 0, false, run_lookup},
    {"enrol", 0, false, enrol_run},
    {"renew", 0, false, enrol_run_renew},
    {"enrol-status", 0, false, enrol_run_status},
    {"release-log", 0, false, enrol_run_log},
    {"revoke", 0, false, enrol_run_revoke},
    {"key-export", 1, false, enrol_run_export},
    {"resync", 0, false, run_resync},
    {"resync-status", 0, false, run_resync_status},
    {"cache-drop", 0, true, run_cache_drop},
    {"log-level", 0, true, run_log_level},
};

/* A file of a stranger could make a role wait for ever, or change while it is
 * read. */
static bool
all_sealed(const struct request *q)
{
	size_t i;

	for (i = 0; i < q->nfds; i++)
		if (!memfd_is_sealed(q->fds[i]))
			return (false);
	return (true);
}

void
request_run(struct request *q)
{
	const char *name = request_arg(q, "command");
	size_t i;

	for (i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (strcmp(commands[i].name, name) == 0)
			break;
	if (i == sizeof(commands) / sizeof(commands[0]))
		request_fail(q, ERR_UNSUPPORTED, "no such command");
	else if (commands[i].privileged && !q->privileged)
		request_fail(q, ERR_DENIED,
		    "only root and the daemon's user may do that");
	else if (q->nfds != commands[i].nfds)
		request_fail(q, ERR_SYNTAX, "wrong number of files");
	else if (!all_sealed(q))
		request_fail(q, ERR_SYNTAX, "files must be sealed memfds");
	else
		commands[i].run(q);
}
