#include "config.h"

#include "sys/tls.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <string.h>

/* Ten years: nobody renews a certificate that clients were told to trust, and
 * whoever can read its key reads the password at the same place. */
#define LOCAL_DAYS 3650L

/* Where OpenSSL keeps what a TLS read takes in at once: four full records. */
#define READ_AHEAD (64UL * 1024)

void
tls_err(struct err *err, enum err_code code, const char *what)
{
	const char *reason = NULL;
	unsigned long e, last = 0;

	/* the last entry says why, those before it where */
	while ((e = ERR_get_error()) != 0)
		last = e;
	if (last != 0)
		reason = ERR_reason_error_string(last);
	if (reason != NULL)
		err_set(err, code, "%s: %s", what, reason);
	else if (last != 0)
		err_set(err, code, "%s: error %lx", what, last);
	else
		err_set(err, code, "%s", what);
}

/* A secret that wants a passphrase is no use to a daemon: never ask. */
static int
no_passphrase(char *buf, int size, int writing, void *arg)
{
	(void)buf;
	(void)size;
	(void)writing;
	(void)arg;
	return (-1);
}

/* A BIO to read from s, or NULL. */
static BIO *
bio_of(struct str s)
{
	if (s.len > 1024UL * 1024)
		return (NULL);
	return (BIO_new_mem_buf(s.p, (int)s.len));
}

/* What both sides have in common. */
static SSL_CTX *
new_ctx(const SSL_METHOD *method, struct err *err)
{
	SSL_CTX *ctx;

	ERR_clear_error();
	if ((ctx = SSL_CTX_new(method)) == NULL ||
	    SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) != 1) {
		tls_err(err, ERR_MEMORY, "cannot make a TLS context");
		SSL_CTX_free(ctx);
		return (NULL);
	}
	(void)SSL_CTX_set_options(ctx,
	    SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET |
	        SSL_OP_CLEANSE_PLAINTEXT);
	/*
	 * An idle session holds no buffers; a busy one reads several records
	 * with one system call.  stream tries again what did not fit, with the
	 * same bytes at another place.
	 */
	(void)SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS |
	                                SSL_MODE_ENABLE_PARTIAL_WRITE |
	                                SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_set_read_ahead(ctx, 1);
	SSL_CTX_set_default_read_buffer_len(ctx, READ_AHEAD);
	(void)SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	return (ctx);
}

/* Leaf first, then whatever chain the file holds. */
static int
use_chain(SSL_CTX *ctx, struct str pem, struct err *err)
{
	X509 *x = NULL;
	BIO *in = NULL;
	int rc = -1;

	if ((in = bio_of(pem)) == NULL) {
		tls_err(err, ERR_LIMIT, "cannot read the certificate");
		goto out;
	}
	x = PEM_read_bio_X509_AUX(in, NULL, no_passphrase, NULL);
	if (x == NULL || SSL_CTX_use_certificate(ctx, x) != 1) {
		tls_err(err, ERR_SYNTAX, "no usable certificate");
		goto out;
	}
	X509_free(x);
	while ((x = PEM_read_bio_X509(in, NULL, no_passphrase, NULL)) != NULL) {
		/* the context takes the certificate over if this works */
		if (SSL_CTX_add0_chain_cert(ctx, x) != 1) {
			tls_err(err, ERR_SYNTAX, "bad certificate chain");
			goto out;
		}
	}
	ERR_clear_error(); /* "no start line" is the end of the file */
	rc = 0;
out:
	X509_free(x);
	BIO_free(in);
	return (rc);
}

static int
use_key(SSL_CTX *ctx, struct str pem, struct err *err)
{
	EVP_PKEY *key = NULL;
	BIO *in = NULL;
	int rc = -1;

	if ((in = bio_of(pem)) == NULL ||
	    (key = PEM_read_bio_PrivateKey(in, NULL, no_passphrase, NULL)) ==
	        NULL) {
		tls_err(err, ERR_SYNTAX, "no usable private key");
		goto out;
	}
	if (SSL_CTX_use_PrivateKey(ctx, key) != 1 ||
	    SSL_CTX_check_private_key(ctx) != 1) {
		tls_err(err, ERR_SYNTAX,
		    "the key does not belong to the certificate");
		goto out;
	}
	rc = 0;
out:
	EVP_PKEY_free(key);
	BIO_free(in);
	return (rc);
}

SSL_CTX *
tls_server(struct str cert_pem, struct str key_pem, struct err *err)
{
	SSL_CTX *ctx;

	if ((ctx = new_ctx(TLS_server_method(), err)) == NULL)
		return (NULL);
	(void)SSL_CTX_set_options(ctx, SSL_OP_CIPHER_SERVER_PREFERENCE);
	(void)SSL_CTX_set_num_tickets(ctx, 0);
	if (use_chain(ctx, cert_pem, err) != 0 ||
	    use_key(ctx, key_pem, err) != 0) {
		SSL_CTX_free(ctx);
		return (NULL);
	}
	return (ctx);
}

/* Every certificate in the text becomes an anchor; there must be one. */
static int
add_anchors(SSL_CTX *ctx, struct str pem, struct err *err)
{
	X509_STORE *store = SSL_CTX_get_cert_store(ctx);
	size_t n = 0;
	BIO *in;
	X509 *x;
	int ok = 1;

	if ((in = bio_of(pem)) == NULL) {
		tls_err(err, ERR_LIMIT, "cannot read the trust anchors");
		return (-1);
	}
	while (ok == 1 && (x = PEM_read_bio_X509_AUX(in, NULL, no_passphrase,
	                       NULL)) != NULL) {
		ok = X509_STORE_add_cert(store, x);
		X509_free(x);
		n++;
	}
	BIO_free(in);
	if (ok != 1 || n == 0) {
		tls_err(err, ERR_SYNTAX, "no usable trust anchor");
		return (-1);
	}
	ERR_clear_error();
	return (0);
}

SSL_CTX *
tls_client(struct str ca_pem, struct err *err)
{
	SSL_CTX *ctx;

	if ((ctx = new_ctx(TLS_client_method(), err)) == NULL)
		return (NULL);
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
	if (ca_pem.len == 0) {
		if (SSL_CTX_set_default_verify_paths(ctx) == 1)
			return (ctx);
		tls_err(err, ERR_IO, "cannot read the system's trust anchors");
	} else if (add_anchors(ctx, ca_pem, err) == 0)
		return (ctx);
	SSL_CTX_free(ctx);
	return (NULL);
}

static int
add_name(GENERAL_NAMES *names, int type, const void *bytes, size_t len)
{
	GENERAL_NAME *gn = NULL;
	ASN1_STRING *s = NULL;

	s = type == GEN_DNS ? ASN1_IA5STRING_new() : ASN1_OCTET_STRING_new();
	if (s == NULL || ASN1_STRING_set(s, bytes, (int)len) != 1 ||
	    (gn = GENERAL_NAME_new()) == NULL) {
		ASN1_STRING_free(s);
		return (-1);
	}
	GENERAL_NAME_set0_value(gn, type, s);
	if (sk_GENERAL_NAME_push(names, gn) == 0) {
		GENERAL_NAME_free(gn);
		return (-1);
	}
	return (0);
}

/* Can it stand in a dNSName?  Letters, digits, hyphens, dots. */
static bool
is_hostname(const char *name)
{
	size_t len = strlen(name);

	return (
	    len > 0 && len < 254 && name[0] != '.' && name[0] != '-' &&
	    strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	                 "0123456789-.") == len);
}

/* DNS:localhost, the host's name, 127.0.0.1, ::1. */
static int
add_san(X509 *x, const char *hostname)
{
	static const uint8_t v4[4] = {127, 0, 0, 1}, v6[16] = {[15] = 1};
	GENERAL_NAMES *names;
	int rc = -1;

	if ((names = sk_GENERAL_NAME_new_null()) == NULL ||
	    add_name(names, GEN_DNS, "localhost", 9) != 0)
		goto out;
	if (hostname != NULL && is_hostname(hostname) &&
	    strcmp(hostname, "localhost") != 0 &&
	    add_name(names, GEN_DNS, hostname, strlen(hostname)) != 0)
		goto out;
	if (add_name(names, GEN_IPADD, v4, sizeof(v4)) == 0 &&
	    add_name(names, GEN_IPADD, v6, sizeof(v6)) == 0 &&
	    X509_add1_ext_i2d(x, NID_subject_alt_name, names, 0, 0) == 1)
		rc = 0;
out:
	sk_GENERAL_NAME_pop_free(names, GENERAL_NAME_free);
	return (rc);
}

static int
add_ext(X509 *x, int nid, const char *value)
{
	X509_EXTENSION *ext;
	X509V3_CTX ctx;
	int rc;

	X509V3_set_ctx_nodb(&ctx);
	X509V3_set_ctx(&ctx, x, x, NULL, NULL, 0);
	if ((ext = X509V3_EXT_conf_nid(NULL, &ctx, nid, value)) == NULL)
		return (-1);
	rc = X509_add_ext(x, ext, -1) == 1 ? 0 : -1;
	X509_EXTENSION_free(ext);
	return (rc);
}

/* 127 random bits, positive and not zero (RFC 5280 4.1.2.2). */
static int
set_serial(X509 *x)
{
	uint8_t r[16];
	BIGNUM *bn;
	int rc = -1;

	if (RAND_bytes(r, sizeof(r)) != 1)
		return (-1);
	r[0] = (uint8_t)((r[0] & 0x7f) | 0x40);
	if ((bn = BN_bin2bn(r, sizeof(r), NULL)) != NULL &&
	    BN_to_ASN1_INTEGER(bn, X509_get_serialNumber(x)) != NULL)
		rc = 0;
	BN_free(bn);
	return (rc);
}

/* The certificate for key; NULL with OpenSSL's reason queued. */
static X509 *
self_signed(EVP_PKEY *key, const char *hostname)
{
	X509_NAME *name;
	X509 *x;

	if ((x = X509_new()) == NULL)
		return (NULL);
	name = X509_get_subject_name(x);
	if (X509_set_version(x, X509_VERSION_3) != 1 || set_serial(x) != 0 ||
	    /* a day back: the client's clock may be behind ours */
	    X509_gmtime_adj(X509_getm_notBefore(x), -86400L) == NULL ||
	    X509_time_adj_ex(X509_getm_notAfter(x), (int)LOCAL_DAYS, 0, NULL) ==
	        NULL ||
	    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
	        (const unsigned char *)"localhost", -1, -1, 0) != 1 ||
	    X509_NAME_add_entry_by_txt(name, "O", MBSTRING_ASC,
	        (const unsigned char *)"Waxwing on this machine", -1, -1,
	        0) != 1 ||
	    X509_set_issuer_name(x, name) != 1 ||
	    X509_set_pubkey(x, key) != 1 || add_san(x, hostname) != 0 ||
	    add_ext(x, NID_basic_constraints, "critical,CA:FALSE") != 0 ||
	    add_ext(x, NID_key_usage, "critical,digitalSignature") != 0 ||
	    add_ext(x, NID_ext_key_usage, "serverAuth") != 0 ||
	    add_ext(x, NID_subject_key_identifier, "hash") != 0 ||
	    X509_sign(x, key, EVP_sha256()) == 0) {
		X509_free(x);
		return (NULL);
	}
	return (x);
}

/* Append what was written to a memory BIO. */
static void
put_bio(struct buf *out, BIO *bio)
{
	char *p = NULL;
	long n;

	if ((n = BIO_get_mem_data(bio, &p)) > 0)
		buf_put(out, p, (size_t)n);
}

int
tls_make_local(const char *hostname, struct buf *cert, struct buf *key,
    struct err *err)
{
	BIO *cbio = NULL, *kbio = NULL;
	EVP_PKEY *pkey = NULL;
	X509 *x = NULL;
	int rc = -1;

	ERR_clear_error();
	if ((pkey = EVP_EC_gen("P-256")) == NULL ||
	    (x = self_signed(pkey, hostname)) == NULL ||
	    (cbio = BIO_new(BIO_s_mem())) == NULL ||
	    (kbio = BIO_new(BIO_s_secmem())) == NULL ||
	    PEM_write_bio_X509(cbio, x) != 1 ||
	    PEM_write_bio_PrivateKey(kbio, pkey, NULL, NULL, 0, NULL, NULL) !=
	        1) {
		tls_err(err, ERR_CRYPTO, "cannot make a certificate");
		goto out;
	}
	put_bio(cert, cbio);
	put_bio(key, kbio);
	if (cert->failed || key->failed) {
		err_set(err, ERR_MEMORY, "cannot make a certificate");
		goto out;
	}
	rc = 0;
out:
	BIO_free(kbio); /* scrubs */
	BIO_free(cbio);
	X509_free(x);
	EVP_PKEY_free(pkey);
	return (rc);
}
