/* OP_KEY_LIST: what keys there are, as JSON without any secret. */
#include "config.h"

#include <string.h>

#include "base/codec.h"
#include "proto/keys.h"
#include "sealer/state.h"
#include "sys/log.h"

/* Identifiers longer than this are cut in the list. */
#define HEX_BYTES 64

static json_t *
json_hex(struct str s)
{
	char hex[2 * HEX_BYTES + 1];

	hex_encode(s.p, s.len < HEX_BYTES ? s.len : HEX_BYTES, hex);
	return (json_string(hex));
}

static const char *
usage_word(unsigned use)
{
	if ((use & CERT_SIGN) == 0)
		return ("encrypt");
	return ((use & CERT_ENCRYPT) != 0 ? "both" : "sign");
}

static json_t *
json_cert(struct str account, const char *address, const char *usage,
    const struct cert *c)
{
	const struct cert_facts *f = cert_facts(c);

	return (json_pack("{s:s%, s:s, s:s, s:s, s:s, s:s, s:o, s:I, s:I, s:o}",
	    "account", account.p, account.len, "address", address, "usage",
	    usage, "subject", f->subject, "issuer", f->issuer_text, "serial",
	    f->serial_hex, "ski", json_hex(f->ski), "not_before",
	    (json_int_t)f->from, "not_after", (json_int_t)f->until,
	    "fingerprint",
	    json_hex(str_of((const char *)f->sha256, sizeof(f->sha256)))));
}

struct listing {
	struct sealer *sealer;
	json_t *list;
	struct str address; /* only this one; empty: all */
	struct str account; /* being listed */
	struct err *err;
	int rc;
};

/* The certificate of a signing key that was replaced: it may yet have to be
 * revoked. */
static int
list_old(struct str der, void *arg)
{
	struct listing *l = arg;
	struct cert *c = cert_get(l->sealer->certs, der, NULL);
	const char *address;

	if (c == NULL)
		return (0);
	address =
	    cert_facts(c)->naddresses > 0 ? cert_facts(c)->addresses[0] : "";
	if (l->address.len == 0 || str_ieq(l->account, l->address) ||
	    str_ieq(str_c(address), l->address))
		json_array_append_new(l->list,
		    json_cert(l->account, address, "retired", c));
	cert_unref(c);
	return (0);
}

static int
list_retired(struct listing *l, struct str account)
{
	l->account = account;
	if (keystore_secret_walk(l->sealer->store, DEVICE_RETIRED, account,
	        list_old, l, l->err) == 0)
		return (0);
	l->rc = -1;
	return (1);
}

static int
list_account(struct str account, void *arg)
{
	struct listing *l = arg;
	const struct keydb *keys;
	const struct key *k;
	size_t i, bad;

	keys = keyring_get(l->sealer->ring, account, &bad, l->err);
	if (keys == NULL) {
		l->rc = -1;
		return (1);
	}
	if (bad > 0)
		log_error("keys-unreadable account=%s n=%zu", log_addr(account),
		    bad);
	for (i = 0; i < keydb_count(keys); i++) {
		k = keydb_at(keys, i);
		if (l->address.len > 0 && !str_ieq(account, l->address) &&
		    !str_ieq(str_c(k->address), l->address))
			continue;
		json_array_append_new(l->list,
		    json_cert(account, k->address, usage_word(k->use),
		        k->cert));
	}
	return (list_retired(l, account));
}

void
op_key_list(struct sealer *s, struct ipc *l, struct ipc_msg *msg)
{
	struct listing ls = {.sealer = s, .list = json_array()};
	struct err err = {0};

	ls.err = &err;
	if (list_req_get(msg->body, &ls.address, &err) == -1 ||
	    keystore_accounts(s->store, list_account, &ls, &err) == -1 ||
	    ls.rc == -1) {
		json_decref(ls.list);
		role_answer_err(l, msg, &err);
		return;
	}
	role_answer_json(l, msg->op, msg->id, NULL, ls.list);
}
