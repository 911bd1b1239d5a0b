/*
 * cloudside.h - the cloud's side of enrolment, without a network: two
 * authorities and two key services, of which one each is evil.
 */
#ifndef WAXWING_TESTS_SYSTEM_CLOUDSIDE_H
#define WAXWING_TESTS_SYSTEM_CLOUDSIDE_H

#include "acme/kms.h"
#include "smime/cert.h"
#include "unit.h"

struct authority {
	EVP_PKEY *pkey;
	struct cert *cert;
};

/* A hosted key and its certificate. */
struct hosted {
	EVP_PKEY *pkey;
	struct cert *cert;
};

extern struct authority fake_ca, fake_evil, fake_kms, fake_evilkms;

/* Make them all; ca.crt and kms.crt are written to the directory. */
void fake_open(const char *dir);
void fake_close(void);

/* A certificate for one mailbox. */
struct cert *fake_cert(const struct authority *, EVP_PKEY *,
    const char *address, unsigned use, int64_t from, int64_t until);
/* As PEM, appended. */
void fake_pem(const struct cert *, struct buf *);

struct hosted fake_hosted(const struct authority *, const char *address);
void hosted_clear(struct hosted *);

/* What a bundle says, honest or not. */
struct fake_bundle {
	const struct authority *signer; /* NULL: it is not signed */
	struct kms_ask ask;             /* the question it answers */
	struct str transport;           /* in its text */
	struct cert *to;                /* what the keys are sealed to */
	const char *const *log;         /* all entries */
	size_t nlog;
	bool more;                    /* it says that the log goes on */
	const struct hosted *keys[4]; /* NULL ends them */
	EVP_PKEY *other;              /* goes in place of the first key's */
	bool enveloped;               /* EnvelopedData: no AEAD */
};
void fake_bundle_put(const struct fake_bundle *, struct buf *out);

#endif
