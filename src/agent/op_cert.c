/*
 * OP_CERT_IMPORT, OP_CERT_LIST and OP_CERT_APPROVE.
 *
 * What is imported may be any bytes: the verifier reads them and says what
 * they are; the agent only keeps what it accepted.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "agent/state.h"
#include "agent/verify.h"
#include "base/clock.h"
#include "base/codec.h"
#include "base/limits.h"
#include "sys/fault.h"
#include "sys/log.h"

/* A bundle of some hundred certificates. */
#define FILE_MAX ((size_t)4 * 1024 * 1024)

/* Entries of a list: more is no list for people. */
#define LISTED_MAX 10000

struct cert_import {
	LIST_ENTRY(cert_import) next;
	struct agent *agent;
	struct ipc *link; /* the parent's: it outlives the import */
	uint16_t op;
	uint32_t id;
	enum trust trust;
	struct verify *verify; /* the question under way */
};

static void
import_free(struct cert_import *im)
{
	LIST_REMOVE(im, next);
	im->agent->nimports--;
	verify_cancel(im->verify);
	free(im);
}

void
cert_imports_abandon(struct agent *a)
{
	struct cert_import *im;

	while ((im = LIST_FIRST(&a->imports)) != NULL)
		import_free(im);
}

/* --- JSON --- */

static json_t *
json_text(struct str s)
{
	/* jansson takes UTF-8 only, and a name may be anything */
	json_t *j = json_stringn(s.p, s.len);
	char safe[ERR_TEXT];

	if (j == NULL)
		j = json_string(err_escape(safe, sizeof(safe), s));
	return (j);
}

static const char *
usage_word(uint8_t usage)
{
	switch (usage & (USAGE_ENCRYPT | USAGE_SIGN)) {
	case USAGE_ENCRYPT:
		return ("encrypt");
	case USAGE_SIGN:
		return ("sign");
	case 0:
		return ("none");
	default:
		return ("both");
	}
}

static json_t *
json_cert(const struct cert_rec *c)
{
	char hex[2 * FINGERPRINT + 1];

	hex_encode(c->fingerprint, FINGERPRINT, hex);
	return (json_pack("{s:s, s:o, s:o, s:s, s:I, s:I, s:b, s:b}",
	    "fingerprint", hex, "subject", json_text(c->subject), "addresses",
	    json_text(c->addresses), "usage", usage_word(c->usage),
	    "not_before", (json_int_t)c->not_before, "not_after",
	    (json_int_t)c->not_after, "gcm", c->gcm, "oaep", c->oaep));
}

/* --- import, in the order of time --- */

/* Keep one, and say so in one of the lists. */
static int
take_one(struct cert_import *im, const struct cert_rec *c, json_t *taken,
    json_t *refused)
{
	struct err err = {0};
	json_t *j;

	if ((j = json_cert(c)) == NULL)
		return (-1);
	if (FAULT("agent.cert.store"))
		err_set(&err, ERR_UNAVAILABLE, "fault agent.cert.store");
	else if (store_put(im->agent->store, c, im->trust, clock_now().wall,
	             &err) == 0)
		return (json_array_append_new(taken, j));
	json_object_set_new(j, "reason", json_string(err.text));
	return (json_array_append_new(refused, j));
}

/* 2. The verdicts are here. */
static void
got_verdicts(const struct str *list, struct str crl, const struct err *why,
    void *arg)
{
	struct cert_import *im = arg;
	json_t *taken = json_array(), *refused = json_array();
	struct err err = {0};
	struct cert_rec c;
	struct rec in;
	int got = -1;

	(void)crl;
	im->verify = NULL; /* it goes by itself */
	if (list == NULL) {
		err = *why;
	} else {
		rec_init(&in, *list);
		while ((got = cert_rec_get(&in, &c, &err)) == 1)
			if (take_one(im, &c, taken, refused) == -1) {
				err_set(&err, ERR_MEMORY, "out of memory");
				break;
			}
	}
	log_info("cert-import taken=%zu refused=%zu code=%s",
	    json_array_size(taken), json_array_size(refused),
	    err_word(err.code));
	role_answer_json(im->link, im->op, im->id, &err,
	    json_pack("{s:o, s:o}", "taken", taken, "refused", refused));
	import_free(im);
}

static int
ask_verifier(struct cert_import *im, struct ipc_msg *msg, struct err *err)
{
	struct verify_req q = {.time = clock_now().wall};
	struct blob *certs;
	struct rec r;

	rec_init(&r, msg->body);
	im->trust = (enum trust)rec_get_enum(&r, TRUST_HARVESTED);
	if (rec_end(&r, err) == -1 ||
	    (certs = ipc_msg_blob(msg, 0, FILE_MAX, err)) == NULL)
		return (-1);
	q.address = str_of("", 0);
	q.manual = im->trust == TRUST_MANUAL;
	im->verify =
	    verify_start(im->agent->self, &q, certs, NULL, got_verdicts, im);
	blob_unref(certs);
	if (im->verify != NULL)
		return (0);
	err_set(err, ERR_MEMORY, "no memory for an import");
	return (-1);
}

/* 1. Ask the verifier what it is. */
void
op_cert_import(struct agent *a, struct ipc *l, struct ipc_msg *msg)
{
	struct cert_import *im;
	struct err err;

	if (a->nimports >= AGENT_IMPORTS ||
	    (im = calloc(1, sizeof(*im))) == NULL) {
		err_set(&err, ERR_UNAVAILABLE, "too many imports at once");
		role_answer_err(l, msg, &err);
		return;
	}
	LIST_INSERT_HEAD(&a->imports, im, next);
	a->nimports++;
	im->agent = a;
	im->link = l;
	im->op = msg->op;
	im->id = msg->id;
	if (ask_verifier(im, msg, &err) == -1) {
		log_warn("cert-import reason=%s", log_str(str_c(err.text)));
		role_answer_err(l, msg, &err);
		import_free(im);
	}
}

/* --- list --- */

struct listing {
	struct agent *agent;
	struct str address; /* only its; empty: all */
	json_t *list;
};

/* How far it is trusted for that address, and where it came from. */
static void
add_trust(struct agent *a, const struct cert_rec *c, struct str address,
    json_t *o)
{
	static const char *const trusts[] = {"manual", "verified", "discovered",
	    "harvested", "pending"};
	static const char *const origins[] = {"import", "enrolment",
	    "directory", "signed mail", "signed mail"};
	char space[LIMIT_ADDRESS];
	struct str low;
	uint8_t trust;

	if (certlist_address(address, space, &low, NULL) == -1 ||
	    store_trust(a->store, c->fingerprint, low, &trust, NULL) != 1)
		return;
	json_object_set_new(o, "trust", json_string(trusts[trust]));
	json_object_set_new(o, "origin", json_string(origins[trust]));
}

static int
list_one(const struct cert_rec *c, void *arg)
{
	struct listing *ls = arg;
	struct str first = str_of(c->addresses.p, str_find(c->addresses, ' '));
	json_t *o;

	if (ls->address.len > 0 && !certlist_names(c, ls->address))
		return (0);
	if ((o = json_cert(c)) != NULL)
		add_trust(ls->agent, c,
		    ls->address.len > 0 ? ls->address : first, o);
	json_array_append_new(ls->list, o);
	return (json_array_size(ls->list) >= LISTED_MAX);
}

void
op_cert_list(struct agent *a, struct ipc *l, struct ipc_msg *msg)
{
	struct listing ls = {.agent = a, .list = json_array()};
	struct err err = {0};

	if (list_req_get(msg->body, &ls.address, &err) == -1 ||
	    store_walk(a->store, list_one, &ls, &err) == -1) {
		json_decref(ls.list);
		role_answer_err(l, msg, &err);
		return;
	}
	role_answer_json(l, msg->op, msg->id, NULL, ls.list);
}

/* --- approve --- */

/* The one that is meant, of those that wait.  NULL with the reason. */
static const struct certlist_item *
find_waiting(const struct approve_req *q, const struct certlist_item *items,
    size_t n, struct err *err)
{
	const struct certlist_item *it, *found = NULL;

	for (it = items; it < items + n; it++) {
		if (it->trust != TRUST_PENDING ||
		    (q->named && memcmp(it->c.fingerprint, q->fingerprint,
		                     FINGERPRINT) != 0))
			continue;
		if (found != NULL) {
			err_set(err, ERR_SYNTAX,
			    "several are pending, name one by its fingerprint");
			return (NULL);
		}
		found = it;
	}
	if (found == NULL)
		err_set(err, ERR_NOTFOUND,
		    "no such certificate of that address is pending");
	return (found);
}

void
op_cert_approve(struct agent *a, struct ipc *l, struct ipc_msg *msg)
{
	struct certlist_item items[CERTLIST_MAX];
	const struct certlist_item *it = NULL;
	char space[LIMIT_ADDRESS];
	json_t *json = NULL;
	struct approve_req q;
	struct err err = {0};
	struct str low;
	struct buf text;
	size_t n;

	buf_init(&text, SIZE_MAX);
	if (approve_req_get(msg->body, &q, &err) == 0 &&
	    certlist_address(q.address, space, &low, &err) == 0 &&
	    store_find(a->store, low, &text, items, &n, &err) == 0)
		it = find_waiting(&q, items, n, &err);
	if (it != NULL &&
	    store_approve(a->store, it->c.fingerprint, low, clock_now().wall,
	        &err) == 0 &&
	    (json = json_cert(&it->c)) != NULL)
		add_trust(a, &it->c, low, json);
	if (err.code == ERR_OK)
		log_info("cert-approve address=%s", log_addr(low));
	role_answer_json(l, msg->op, msg->id, &err, json);
	buf_clear(&text);
}
