/*
 * keystore.h - key/: the private keys of all accounts at rest.
 *
 * proto/keys.h says how the records are keyed and wrapped, because openers
 * read them too.  Besides them there are two small indexes that only the
 * sealer can read, wrapped under a key of its own: which accounts there are
 * ("n" SHA-256 of the account) and whose an address is ("i" SHA-256 of the
 * address).  No key that opens mail is ever deleted: old mail wants old keys.
 */
#ifndef WAXWING_SEALER_KEYSTORE_H
#define WAXWING_SEALER_KEYSTORE_H

#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "proto/keys.h"
#include "smime/keydb.h"
#include "sys/crypt.h"

/* Keys of one account: some a year and address, for decades. */
#define KEYSTORE_KEYS 1000

struct keystore;

/* Open (make) STATE_DIR/key.  root is the "keys" subkey and is copied. */
struct keystore *keystore_open(const char *state_dir,
    const struct crypt_key *root, struct err *);
void keystore_close(struct keystore *); /* accepts NULL */

/*
 * All keys of an account; the caller's.  A record that cannot be read is left
 * out and counted in *bad, so that it does not take the others with it.
 */
struct keydb *keystore_load(struct keystore *, struct str account,
    struct cert_cache *, size_t *bad, struct err *);

/*
 * Write keys of an account and make their addresses the account's, all or
 * nothing, on disk when it returns 0.
 */
int keystore_add(struct keystore *, struct str account, struct key *const *keys,
    size_t n, struct err *);

/*
 * The same in pieces, with secrets: begin, any number of changes, commit.  What
 * is read in between is what was there before.
 */
int keystore_begin(struct keystore *, struct err *);
int keystore_commit(struct keystore *, struct err *);
void keystore_abort(struct keystore *);
int keystore_put(struct keystore *, struct str account, const struct key *,
    struct err *);
/* Forget the signing key of a certificate. */
int keystore_drop_signing(struct keystore *, struct str account,
    const uint8_t fingerprint[FINGERPRINT], struct err *);

/*
 * What an account needs besides keys of certificates: any bytes under a kind
 * (enum device_kind) and a digest that names it.  get appends to out and
 * returns 1, 0 if there is none, -1; out should have room, so that growing
 * leaves no copies behind.  del: no error if there is none.
 */
#define SECRET_MAX ((size_t)64 * 1024)

int keystore_secret_get(struct keystore *, enum device_kind, struct str account,
    const uint8_t name[CRYPT_DIGEST], struct buf *out, struct err *);
/* Call f with each secret of a kind, in no order; non-zero stops.  What cannot
 * be read is left out. */
typedef int keystore_secret_fn(struct str plain, void *arg);
int keystore_secret_walk(struct keystore *, enum device_kind,
    struct str account, keystore_secret_fn *, void *arg, struct err *);

int keystore_secret_put(struct keystore *, enum device_kind, struct str account,
    const uint8_t name[CRYPT_DIGEST], struct str plain, struct err *);
int keystore_secret_del(struct keystore *, enum device_kind, struct str account,
    const uint8_t name[CRYPT_DIGEST], struct err *);

/* The account that has a key of this address, appended to out: 1, 0 if there
 * is none, -1. */
int keystore_owner(struct keystore *, struct str address, struct buf *out,
    struct err *);

/* Call f with each account that has keys, in no order; non-zero stops. */
typedef int keystore_fn(struct str account, void *arg);
int keystore_accounts(struct keystore *, keystore_fn *, void *arg,
    struct err *);

/* Changes with every commit. */
uint64_t keystore_version(struct keystore *);

#endif
