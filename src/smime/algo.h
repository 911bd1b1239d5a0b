/*
 * algo.h - the algorithms of S/MIME 4.0 (RFC 8551 2) and what we do with them.
 *
 * Tables, no state.  What is only good enough to read old mail carries
 * ALGO_OPEN_ONLY and is refused by everything that writes.
 */
#ifndef WAXWING_SMIME_ALGO_H
#define WAXWING_SMIME_ALGO_H

#include <openssl/types.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/span.h"

enum algo_flag {
	ALGO_OPEN_ONLY = 1, /* 3DES, RC2, SHA-1, MD5: never written */
	ALGO_AEAD = 2,      /* integrity comes with the encryption */
	ALGO_LEGACY = 4,    /* lives in OpenSSL's legacy provider */
	ALGO_BROKEN = 8,    /* a signature over it proves nothing (MD5) */
};

/* How content is encrypted. */
struct algo_cipher {
	const char *name; /* for people: "AES-256-CBC" */
	const char *ossl; /* for EVP_CIPHER_fetch */
	int nid;
	unsigned flags; /* enum algo_flag */
	size_t key_len;
	size_t iv_len;
	size_t block;      /* 1 for AEAD */
	const char *smime; /* smime-type value of what it makes */
};

struct algo_digest {
	const char *name;   /* for people: "SHA-256" */
	const char *micalg; /* RFC 8551 3.5.3.2 */
	const char *ossl;
	int nid;
	unsigned flags;
	size_t len;
};

/* How the content key gets to a recipient. */
enum algo_transport {
	TRANSPORT_AUTO,  /* by the key: RSA PKCS#1 v1.5, or ECDH */
	TRANSPORT_PKCS1, /* RSAES-PKCS1-v1_5 (RFC 3370 4.2.1) */
	TRANSPORT_OAEP,  /* RSAES-OAEP with SHA-256 (RFC 3560) */
	TRANSPORT_ECDH,  /* dhSinglePass-stdDH-sha256kdf (RFC 5753) */
};

/* What a peer said that it can do; a set of bits. */
enum algo_cap {
	CAP_KNOWN = 1, /* it said anything at all */
	CAP_AES128_CBC = 2,
	CAP_AES256_CBC = 4,
	CAP_AES128_GCM = 8,
	CAP_AES256_GCM = 16,
	CAP_OAEP = 32,
	CAP_3DES = 64,
	CAP_RC2 = 128,
	CAP_ECDH_SHA256 = 256,
};

/* NULL if the OID (the contents octets of its DER) is none of ours. */
const struct algo_cipher *algo_cipher_oid(struct str oid);
const struct algo_cipher *algo_cipher_nid(int nid);
const struct algo_digest *algo_digest_oid(struct str oid);
const struct algo_digest *algo_digest_nid(int nid);

/* The OIDs of the tables' rows. */
struct str algo_cipher_id(const struct algo_cipher *);
struct str algo_digest_id(const struct algo_digest *);

/* AlgorithmIdentifier of RSAES-OAEP with SHA-256 for both hashes. */
void algo_put_oaep_sha256(struct buf *out);

/* Take hashAlgorithm [0] or, with mgf, the hash of maskGenAlgorithm [1] of
 * the parameters of OAEP and PSS (RFC 4055): SHA-1 where it is missing, false
 * for what we do not know. */
struct der;
bool algo_hash_param(struct der *, bool mgf, const struct algo_digest **);

/*
 * sMIMECapabilities (RFC 8551 2.5.2): der is the SEQUENCE OF, from a signed
 * attribute or a certificate (RFC 4262).  Unknown and malformed entries are
 * skipped; the answer has CAP_KNOWN unless der is no SEQUENCE.
 */
unsigned algo_caps_parse(struct str der);

/* What we can read, best first, as the DER of sMIMECapabilities. */
void algo_caps_build(struct buf *out);

/* The content cipher for recipients with these capabilities: AES-256-GCM if
 * every one said that it reads GCM and OAEP, else AES-256-CBC. */
const struct algo_cipher *algo_choose(const unsigned *caps, size_t n);

/* The transport to somebody with such capabilities under such a cipher. */
enum algo_transport algo_transport_for(unsigned caps,
    const struct algo_cipher *);

#endif
