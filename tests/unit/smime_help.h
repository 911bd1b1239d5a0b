/*
 * smime_help.h - keys and messages for the tests of src/smime.
 */
#ifndef WAXWING_TESTS_UNIT_SMIME_HELP_H
#define WAXWING_TESTS_UNIT_SMIME_HELP_H

#include "smime/entity.h"
#include "unit.h"

/* Within the validity of everything used here: 2026-01-01. */
#define HELP_NOW INT64_C(1767225600)

/* tests/data/smime/rfc9216/NAME.crt, .key: "alice.sign", "bob.encrypt". */
struct cert *help_cert(const char *name);
struct key *help_key(const char *name);

/* A fresh key with a self-signed certificate: type "EC" with a curve's name
 * or "RSA" with the number of bits; key_usage in OpenSSL's words. */
struct key *help_make_key(const char *type, const char *param,
    const char *address, const char *key_usage);

/* A fresh P-256 signing key whose certificate another key has signed. */
struct key *help_issue(const char *address, const struct key *issuer);

/* Read tests/data/NAME into a fresh buffer. */
void help_data(const char *name, struct buf *);

/* A key set with one key, which it swallows. */
struct keydb *help_keydb(struct key *);

/* n bytes that begin like a MIME entity and are not all the same. */
void help_text(struct buf *, size_t n);

/* The same value in BER with indefinite lengths throughout, its primitive
 * octet strings in pieces of at most so many bytes. */
void help_ber(struct str der, size_t piece, struct buf *out);

#endif
