/*
 * cms.h - Cryptographic Message Syntax (RFC 5652, 5083, 5084, 3560, 5753).
 *
 * Bytes in, bytes out: the input is the DER or BER of a ContentInfo, not its
 * base64 (entity.h does MIME).  The structure is walked by our own code and
 * the content goes through EVP directly, so nothing is decoded twice and
 * memory is the input and the output.
 */
#ifndef WAXWING_SMIME_CMS_H
#define WAXWING_SMIME_CMS_H

#include "base/buf.h"
#include "smime/algo.h"
#include "smime/cert.h"
#include "smime/keydb.h"

enum cms_kind {
	CMS_IS_NONE, /* not CMS at all */
	CMS_IS_SIGNED,
	CMS_IS_CERTS_ONLY, /* SignedData without content and signers */
	CMS_IS_ENVELOPED,
	CMS_IS_AUTH_ENVELOPED,
	CMS_IS_COMPRESSED,
	CMS_IS_OTHER, /* CMS of a kind that S/MIME does not use */
};

/* What it is, by its outermost structure only. */
enum cms_kind cms_kind(struct str der);

/* --- opening --- */

struct cms_opened {
	const struct algo_cipher *cipher;
	const struct key *key; /* the keydb's; which one opened it */
	/* SHA-256 of the content key as it is encrypted to that key (when there
	 * is none, of all recipientInfos): nobody who does not know the content
	 * key can change that and have the content open. */
	uint8_t wrapped[32];
};

/*
 * Decrypt EnvelopedData or AuthEnvelopedData into out (empty on failure; the
 * caller wipes it).  ERR_NOKEY: no RecipientInfo names a key held here.
 * ERR_UNSUPPORTED, ERR_SYNTAX, ERR_LIMIT: as they say, and found before any
 * private key was used.  Once a key was used, everything that fails is
 * ERR_CRYPTO with one text.
 *
 * A wrong RSA key or a mangled key block is not an error by itself: it
 * yields a random content key (RFC 3218 2.3.2), so that with CBC garbage may
 * come out.  The caller must find a MIME entity in it before it believes it.
 */
int cms_open(struct str der, const struct keydb *, struct buf *out,
    struct cms_opened *, struct err *);

/*
 * The same over the message itself, which saves the memory of a second one:
 * the DER in the buffer becomes the plaintext, or nothing on failure.
 */
int cms_open_inside(struct buf *, const struct keydb *, struct cms_opened *,
    struct err *);

/*
 * The recipients a message names, without any key: f is called for each, and
 * its rid lives as long as the call.  Returns how many there are, or -1.
 */
int cms_recipients(struct str der, void (*f)(void *, const struct rid *),
    void *arg, struct err *);

/* --- verifying --- */

enum signer_state {
	SIGNER_OK,      /* the signature is the certificate's key's */
	SIGNER_BAD,     /* it is not: changed content, or forged */
	SIGNER_NO_CERT, /* the message does not carry the certificate */
	SIGNER_UNKNOWN, /* an algorithm that we do not do */
	SIGNER_WEAK,    /* holds, but by MD5 or a toy key: counts as nothing */
};

/* One SignerInfo and what it says. */
struct cms_signer {
	enum signer_state state;
	struct cert *cert;                /* a reference, or NULL */
	const struct algo_digest *digest; /* NULL if unknown */
	const char *signature;            /* "RSA", "RSA-PSS", "ECDSA" */
	int64_t signing_time;             /* claimed; -1 if it says none */
	unsigned caps;                    /* enum algo_cap */
	struct cert *encrypt_cert; /* the one it wants mail encrypted to; a
	                            * reference, or NULL */
};

struct cms_signed {
	struct cms_signer *signers; /* owned */
	size_t nsigners;
	struct cert **certs; /* owned; all certificates carried */
	size_t ncerts;
	bool detached;     /* the message does not hold the content */
	struct str inside; /* the content of an opaque signature: a piece of
	                    * der or of held */
	struct buf held;   /* used when BER came in pieces */
};

/*
 * Check the signatures of SignedData.  content is the detached content, each
 * byte as signed; NULL demands that it is inside.  0 says that it could be
 * read: whether anything holds is in the signers.  Whether a certificate
 * holds is chain.h's question.  certs-only gives no signers.
 */
int cms_verify(struct str der, const struct str *content, struct cert_cache *,
    struct cms_signed *, struct err *);
void cms_signed_clear(struct cms_signed *);

/*
 * The certificates in a file somebody was given: PEM (any number), DER, or
 * certs-only CMS in either.  The array and the references are the caller's
 * (certs_free).  -1 if there is none or one of them is malformed.
 */
int certs_read(struct str file, struct cert_cache *, struct cert ***certs,
    size_t *n, struct err *);
void certs_free(struct cert **, size_t);

/* --- writing --- */

struct cms_sign {
	const struct key *key;      /* signs; its chain goes along */
	const struct cert *encrypt; /* sent along as our preference; or NULL */
	int64_t time;               /* signingTime */
};

/* SignedData over content without it (for multipart/signed), or with it. */
int cms_sign_detached(struct str content, const struct cms_sign *,
    struct buf *out, struct err *);
int cms_sign_opaque(struct str content, const struct cms_sign *,
    struct buf *out, struct err *);

/* The micalg that a signature with this key will have. */
const char *cms_sign_micalg(const struct key *);

struct cms_recipient {
	const struct cert *cert;
	enum algo_transport how;
};

struct cms_seal {
	const struct cms_recipient *to;
	size_t nto; /* at least 1, at most LIMIT_RCPTS + 1 */
	const struct algo_cipher *cipher;
};

/*
 * A sealing in progress: the head is written at start, content goes in
 * pieces of any size whose length must add up to total, the end closes it.
 * Everything is appended to a buffer of the caller's, who may empty it
 * between the calls.
 */
struct cms_sealing;

struct cms_sealing *cms_seal_start(const struct cms_seal *, size_t total,
    struct buf *out, struct err *);
int cms_seal_feed(struct cms_sealing *, struct str, struct buf *out,
    struct err *);
int cms_seal_end(struct cms_sealing *, struct buf *out, struct err *);
void cms_seal_free(struct cms_sealing *); /* accepts NULL */

/* All of that at once. */
int cms_seal(struct str content, const struct cms_seal *, struct buf *out,
    struct err *);

#endif
