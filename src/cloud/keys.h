/*
 * keys.h - the cloud's own keys and certificates, as init made them.
 *
 * Files in [cloud] state_dir: root.pem (its key is root.key, which is needed
 * only for a new issuing authority and should be taken away), issuing.pem and
 * .key, kms.pem and .key (signs what the key service says), mail.key (signs
 * challenge mails, under a certificate for each), tls.pem and .key, and
 * kek (the key-encryption key of the key service, 32 bytes).  A private key
 * that group or others may read is refused.
 */
#ifndef WAXWING_CLOUD_KEYS_H
#define WAXWING_CLOUD_KEYS_H

#include "smime/keydb.h"
#include "sys/conf.h"
#include "sys/crypt.h"

struct cloud_keys {
	struct cert *root;
	struct cert *issuing;
	EVP_PKEY *issuing_key;
	struct key *kms; /* CERT_SIGN; its chain is empty: it is pinned */
	EVP_PKEY *mail_key;
	struct buf tls_cert, tls_key; /* PEM */
	struct crypt_key kek;
};

/* The TLS ones first, which needs root if the conf names them; then the
 * others, as the user that they belong to.  Clear them in any case. */
int cloud_keys_tls(struct cloud_keys *, const struct conf *, struct err *);
int cloud_keys_load(struct cloud_keys *, const struct conf *, struct err *);
void cloud_keys_clear(struct cloud_keys *);

/* One file of state_dir, PEM. */
struct cert *cloud_keys_cert(const struct conf *, const char *name,
    struct err *);
EVP_PKEY *cloud_keys_key(const struct conf *, const char *name, struct err *);

#endif
