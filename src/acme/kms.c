#include "config.h"

#include "acme/kms.h"

#include <openssl/evp.h>
#include <string.h>

#include "acme/member.h"
#include "acme/object.h"
#include "base/codec.h"
#include "base/limits.h"

#define NONCE_MIN 16
#define NONCE_MAX 32

/* A chain up to the root. */
#define CHAIN_MAX 8
/* AuthEnvelopedData of an RSA key of 8192 bits has about 6 KiB. */
#define KEY_MAX ((size_t)64 * 1024)
/* An entry has about 300 bytes. */
#define ENTRY_MAX 2048

static int
no_memory(struct err *err)
{
	err_set(err, ERR_MEMORY, "no memory for the key service's answer");
	return (-1);
}

static bool
nonce_fits(struct str nonce)
{
	return (nonce.len >= NONCE_MIN && nonce.len <= NONCE_MAX);
}

/* --- requests --- */

int
kms_ask_put(const struct kms_ask *q, struct buf *out)
{
	json_t *o = json_object();
	bool bad = o == NULL;

	member_set_str(o, "mailbox", q->mailbox, &bad);
	member_set_b64url(o, "nonce", q->nonce, &bad);
	member_set_uint(o, "from", q->from, &bad);
	if (q->transport.len > 0)
		member_set_b64url(o, "transport", q->transport, &bad);
	if (q->create && json_object_set_new(o, "create", json_true()) == -1)
		bad = true;
	if (q->rotate && json_object_set_new(o, "rotate", json_true()) == -1)
		bad = true;
	if (!bad && acme_json_put(o, out) == -1)
		bad = true;
	json_decref(o);
	return (bad ? -1 : 0);
}

static int
read_ask(const json_t *o, struct arena *arena, struct kms_ask *q,
    struct err *err)
{
	if (member_str(o, "mailbox", REQUIRED, LIMIT_ADDRESS, arena,
	        &q->mailbox, err) == -1 ||
	    member_b64url(o, "transport", OPTIONAL, LIMIT_CERT, arena,
	        &q->transport, err) == -1 ||
	    member_b64url(o, "nonce", REQUIRED, NONCE_MAX, arena, &q->nonce,
	        err) == -1 ||
	    member_uint(o, "from", OPTIONAL, &q->from, err) == -1 ||
	    member_flag(o, "create", &q->create, err) == -1 ||
	    member_flag(o, "rotate", &q->rotate, err) == -1)
		return (-1);
	if (nonce_fits(q->nonce) && q->mailbox.len > 0 &&
	    !(q->create && q->rotate))
		return (0);
	err_set(err, ERR_SYNTAX,
	    "no mailbox, a nonce of odd length, or both create and rotate");
	return (-1);
}

int
kms_ask_get(struct str json, struct arena *arena, struct kms_ask *q,
    struct err *err)
{
	json_t *o;
	int rc;

	memset(q, 0, sizeof(*q));
	if ((o = acme_json(json, ACME_JSON_MAX, err)) == NULL)
		return (-1);
	rc = read_ask(o, arena, q, err);
	json_decref(o);
	return (rc);
}

/* --- writing bundles --- */

/* Put an array into o and return it, borrowed. */
static json_t *
set_array(json_t *o, const char *name, bool *bad)
{
	json_t *a = json_array();

	if (json_object_set_new(o, name, a) == 0)
		return (a);
	*bad = true;
	return (NULL);
}

static void
set_head(json_t *o, const struct kms_head *head, bool *bad)
{
	char hex[2 * KMS_HASH + 1];
	json_t *h = json_object();

	hex_encode(head->hash, KMS_HASH, hex);
	member_set_uint(h, "size", head->size, bad);
	member_set_str(h, "hash", str_c(hex), bad);
	if (json_object_set_new(o, "head", h) == -1)
		*bad = true;
}

static void
add_key(json_t *keys, const struct kms_key *key, bool *bad)
{
	json_t *o = json_object(), *chain;
	size_t i;

	member_set_b64url(o, "certificate", key->cert, bad);
	member_set_b64url(o, "key", key->key, bad);
	chain = set_array(o, "chain", bad);
	for (i = 0; i < key->nchain; i++)
		member_add_b64url(chain, key->chain[i], bad);
	if (json_array_append_new(keys, o) == -1)
		*bad = true;
}

int
kms_bundle_put(const struct kms_bundle *b, struct buf *out)
{
	json_t *o = json_object(), *list;
	bool bad = o == NULL;
	size_t i;

	member_set_str(o, "mailbox", b->mailbox, &bad);
	member_set_b64url(o, "nonce", b->nonce, &bad);
	set_head(o, &b->head, &bad);
	if (b->more && json_object_set_new(o, "more", json_true()) == -1)
		bad = true;
	list = set_array(o, "log", &bad);
	for (i = 0; i < b->nlog; i++)
		if (json_array_append_new(list,
		        json_stringn(b->log[i].p, b->log[i].len)) == -1)
			bad = true;
	if (b->transport.len > 0) {
		member_set_b64url(o, "transport", b->transport, &bad);
		list = set_array(o, "keys", &bad);
		for (i = 0; i < b->nkeys; i++)
			add_key(list, &b->keys[i], &bad);
	}
	if (!bad && acme_json_put(o, out) == -1)
		bad = true;
	json_decref(o);
	return (bad ? -1 : 0);
}

/* --- reading bundles --- */

static int
read_head(const json_t *o, struct arena *arena, struct kms_head *head,
    struct err *err)
{
	const json_t *h = json_object_get(o, "head");
	struct str hex;

	if (member_uint(h, "size", REQUIRED, &head->size, err) == -1 ||
	    member_str(h, "hash", REQUIRED, (size_t)2 * KMS_HASH, arena, &hex,
	        err) == -1)
		return (-1);
	if (hex_decode(hex, head->hash, KMS_HASH) == 0)
		return (0);
	err_set(err, ERR_SYNTAX, "the log head's hash is no SHA-256");
	return (-1);
}

static int
read_log(const json_t *o, struct arena *arena, struct kms_bundle *b,
    struct err *err)
{
	const json_t *list;
	size_t i;

	if (member_list(o, "log", REQUIRED, KMS_LOG_MAX, &list, err) == -1)
		return (-1);
	b->nlog = json_array_size(list);
	b->log = arena_array(arena, b->nlog, sizeof(b->log[0]));
	if (b->log == NULL && b->nlog > 0)
		return (no_memory(err));
	for (i = 0; i < b->nlog; i++)
		if (member_value_str(json_array_get(list, i), "log", ENTRY_MAX,
		        arena, &b->log[i], err) == -1)
			return (-1);
	return (0);
}

static int
read_key(const json_t *o, struct arena *arena, struct kms_key *key,
    struct err *err)
{
	const json_t *list;
	size_t i;

	if (member_b64url(o, "certificate", REQUIRED, LIMIT_CERT, arena,
	        &key->cert, err) == -1 ||
	    member_b64url(o, "key", REQUIRED, KEY_MAX, arena, &key->key, err) ==
	        -1 ||
	    member_list(o, "chain", REQUIRED, CHAIN_MAX, &list, err) == -1)
		return (-1);
	key->nchain = json_array_size(list);
	key->chain = arena_array(arena, key->nchain, sizeof(key->chain[0]));
	if (key->chain == NULL && key->nchain > 0)
		return (no_memory(err));
	for (i = 0; i < key->nchain; i++)
		if (member_value_b64url(json_array_get(list, i), "chain",
		        LIMIT_CERT, arena, &key->chain[i], err) == -1)
			return (-1);
	return (0);
}

static int
read_keys(const json_t *o, struct arena *arena, struct kms_bundle *b,
    struct err *err)
{
	const json_t *list;
	size_t i;

	if (member_list(o, "keys", OPTIONAL, KMS_KEYS_MAX, &list, err) == -1)
		return (-1);
	b->nkeys = json_array_size(list);
	b->keys = arena_array(arena, b->nkeys, sizeof(b->keys[0]));
	if (b->keys == NULL && b->nkeys > 0)
		return (no_memory(err));
	for (i = 0; i < b->nkeys; i++)
		if (read_key(json_array_get(list, i), arena, &b->keys[i],
		        err) == -1)
			return (-1);
	return (0);
}

static int
read_bundle(const json_t *o, struct arena *arena, struct kms_bundle *b,
    struct err *err)
{
	if (member_str(o, "mailbox", REQUIRED, LIMIT_ADDRESS, arena,
	        &b->mailbox, err) == -1 ||
	    member_b64url(o, "nonce", REQUIRED, NONCE_MAX, arena, &b->nonce,
	        err) == -1 ||
	    member_b64url(o, "transport", OPTIONAL, KMS_HASH, arena,
	        &b->transport, err) == -1 ||
	    read_head(o, arena, &b->head, err) == -1 ||
	    member_flag(o, "more", &b->more, err) == -1 ||
	    read_log(o, arena, b, err) == -1 ||
	    read_keys(o, arena, b, err) == -1)
		return (-1);
	if (b->transport.len == KMS_HASH ||
	    (b->transport.len == 0 && b->nkeys == 0))
		return (0);
	err_set(err, ERR_SYNTAX, "keys that name no transport key");
	return (-1);
}

int
kms_bundle_get(struct str json, struct arena *arena, struct kms_bundle *b,
    struct err *err)
{
	json_t *o;
	int rc;

	memset(b, 0, sizeof(*b));
	if ((o = acme_json(json, KMS_BUNDLE_MAX, err)) == NULL)
		return (-1);
	rc = read_bundle(o, arena, b, err);
	json_decref(o);
	return (rc);
}

/* --- the release log --- */

int
kms_log_step(struct kms_head *head, struct str entry)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	uint8_t hash[KMS_HASH];
	int rc = -1;

	if (ctx != NULL && head->size < INT64_MAX &&
	    EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) == 1 &&
	    EVP_DigestUpdate(ctx, head->hash, KMS_HASH) == 1 &&
	    EVP_DigestUpdate(ctx, entry.p, entry.len) == 1 &&
	    EVP_DigestFinal_ex(ctx, hash, NULL) == 1) {
		memcpy(head->hash, hash, KMS_HASH);
		head->size++;
		rc = 0;
	}
	EVP_MD_CTX_free(ctx);
	return (rc);
}

int
kms_log_extends(const struct kms_head *seen, const struct str *log, size_t nlog,
    const struct kms_head *told, struct err *err)
{
	struct kms_head head = *seen;
	size_t i;

	for (i = 0; i < nlog; i++)
		if (kms_log_step(&head, log[i]) == -1) {
			err_set(err, ERR_CRYPTO, "cannot hash the release log");
			return (-1);
		}
	if (head.size == told->size &&
	    memcmp(head.hash, told->hash, KMS_HASH) == 0)
		return (0);
	err_set(err, ERR_UNTRUSTED,
	    "the release log does not continue what was seen before");
	return (-1);
}
