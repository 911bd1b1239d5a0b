/*
 * cert.h - a certificate, parsed once (RFC 5280, RFC 8550).
 *
 * Decoding a certificate and its key costs more than using the key, so they
 * live in a bounded cache keyed by the SHA-256 of the DER.  A cert is
 * immutable and counted; it may outlive the cache it came from.
 */
#ifndef WAXWING_SMIME_CERT_H
#define WAXWING_SMIME_CERT_H

#include <openssl/types.h>
#include <stdint.h>

#include "base/err.h"
#include "base/span.h"

enum cert_key { CERT_KEY_OTHER, CERT_KEY_RSA, CERT_KEY_EC };

/* What the holder's key may do, keyUsage and extended usage together. */
enum cert_use {
	CERT_SIGN = 1,    /* sign mail */
	CERT_ENCRYPT = 2, /* have content keys sent to it */
	CERT_CA = 4,      /* sign certificates */
};

struct cert_facts {
	struct str der;
	unsigned char sha256[32]; /* of der */
	struct str issuer;        /* DER of the Name */
	struct str serial;        /* contents octets of the INTEGER */
	struct str ski;           /* subject key identifier; empty if none */
	const char *subject;      /* one line, escaped, for people */
	const char *issuer_text;
	const char *serial_hex;
	const char *const *addresses; /* lower-case domains; naddresses */
	size_t naddresses;
	int64_t from, until; /* seconds since the epoch */
	unsigned use;        /* enum cert_use */
	enum cert_key key;
	int bits;      /* RSA modulus or EC field */
	int curve;     /* NID, for EC */
	bool weak;     /* refused for sending: RSA below 2048 bits, an odd
	                * curve, MD5 or SHA-1 in its signature */
	unsigned caps; /* enum algo_cap, from the RFC 4262 extension */
	bool self_issued;
};

struct cert;
struct cert_cache;

/* A cache of at most max certificates; the least recently used one goes. */
struct cert_cache *cert_cache_new(size_t max);
void cert_cache_free(struct cert_cache *); /* accepts NULL */

/*
 * The certificate with this DER, from the cache (NULL: no cache) or parsed;
 * the caller's reference.  NULL if it is malformed, longer than 64 KiB, or
 * its key is one that OpenSSL cannot read.
 */
struct cert *cert_get(struct cert_cache *, struct str der, struct err *);

/* Like cert_get, from the first CERTIFICATE of a PEM text; *text is moved
 * behind it.  NULL with ERR_NOTFOUND if there is none. */
struct cert *cert_get_pem(struct cert_cache *, struct str *text, struct err *);

struct cert *cert_ref(struct cert *);
void cert_unref(struct cert *); /* accepts NULL */

const struct cert_facts *cert_facts(const struct cert *);
X509 *cert_x509(const struct cert *);     /* borrowed */
EVP_PKEY *cert_pkey(const struct cert *); /* borrowed */

/* Is address (local part exact but for ASCII case, domain without case) one
 * of the certificate's? */
bool cert_has_address(const struct cert *, struct str address);

/* How a message names a certificate (RFC 5652 5.3, 6.2.1). */
struct rid {
	struct str issuer; /* DER; empty: named by ski */
	struct str serial;
	struct str ski;
};

/* Is it the one that is meant?  Names compare as RFC 5280 7.1 says. */
bool cert_is(const struct cert *, const struct rid *);

/* Is at within its validity? */
bool cert_valid_at(const struct cert *, int64_t at);

/* May mail be encrypted to it now?  Says why not. */
int cert_usable_for_encryption(const struct cert *, int64_t at, struct err *);

#endif
