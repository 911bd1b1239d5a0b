#include "config.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <string.h>

#include "sys/tls.h"
#include "unit.h"

static void
make(struct buf *cert, struct buf *key)
{
	struct err err;

	buf_init(cert, 10000);
	buf_init(key, 10000);
	CHECK(tls_make_local("waxwing.test", cert, key, &err) == 0);
}

/* The names of a subjectAltName, in their order. */
static void
print_san(X509 *x, struct buf *out)
{
	GENERAL_NAMES *names;
	const ASN1_STRING *s;
	int i, type;

	names = X509_get_ext_d2i(x, NID_subject_alt_name, NULL, NULL);
	for (i = 0; i < sk_GENERAL_NAME_num(names); i++) {
		s = GENERAL_NAME_get0_value(sk_GENERAL_NAME_value(names, i),
		    &type);
		if (type == GEN_DNS)
			buf_printf(out, "DNS:%.*s ", ASN1_STRING_length(s),
			    (const char *)ASN1_STRING_get0_data(s));
		else
			buf_printf(out, "IP/%d ", ASN1_STRING_length(s));
	}
	GENERAL_NAMES_free(names);
}

static void
test_local(void)
{
	struct buf cert, key, san;
	BIO *in;
	X509 *x;

	make(&cert, &key);
	buf_init(&san, 1000);
	in = BIO_new_mem_buf(cert.data, (int)cert.len);
	x = PEM_read_bio_X509(in, NULL, NULL, NULL);
	BIO_free(in);
	if (CHECK(x != NULL)) {
		print_san(x, &san);
		CHECK_BUF(&san, "DNS:localhost DNS:waxwing.test IP/4 IP/16 ");
		CHECK(X509_check_host(x, "localhost", 0, 0, NULL) == 1);
		CHECK(X509_check_ip_asc(x, "127.0.0.1", 0) == 1);
		CHECK(X509_check_ip_asc(x, "::1", 0) == 1);
		CHECK(X509_check_host(x, "example.org", 0, 0, NULL) == 0);
		CHECK(X509_check_ca(x) == 0);
		CHECK_UINT(X509_get_extended_key_usage(x), XKU_SSL_SERVER);
		CHECK(X509_verify(x, X509_get0_pubkey(x)) == 1);
		CHECK_INT(EVP_PKEY_get_bits(X509_get0_pubkey(x)), 256);
		X509_free(x);
	}
	buf_clear(&san);
	buf_clear(&cert);
	buf_wipe(&key);

	unit_row("no usable host name");
	buf_init(&san, 1000);
	buf_init(&cert, 10000);
	buf_init(&key, 10000);
	CHECK(tls_make_local("not a name", &cert, &key, NULL) == 0);
	in = BIO_new_mem_buf(cert.data, (int)cert.len);
	x = PEM_read_bio_X509(in, NULL, NULL, NULL);
	BIO_free(in);
	print_san(x, &san);
	CHECK_BUF(&san, "DNS:localhost IP/4 IP/16 ");
	X509_free(x);
	buf_clear(&san);
	buf_clear(&cert);
	buf_wipe(&key);
}

static void
test_server(void)
{
	struct buf cert, key, cert2, key2, both;
	STACK_OF(X509) *chain = NULL;
	struct err err;
	SSL_CTX *ctx;

	make(&cert, &key);
	make(&cert2, &key2);
	buf_init(&both, 100000);
	buf_str(&both, buf_text(&cert));
	buf_str(&both, buf_text(&cert2));

	unit_row("good");
	ctx = tls_server(buf_text(&both), buf_text(&key), &err);
	if (CHECK(ctx != NULL)) {
		CHECK_INT(SSL_CTX_get_min_proto_version(ctx), TLS1_2_VERSION);
		CHECK(SSL_CTX_get0_chain_certs(ctx, &chain) == 1);
		CHECK_INT(sk_X509_num(chain), 1);
		SSL_CTX_free(ctx);
	}
	unit_row("key of another");
	CHECK(tls_server(buf_text(&cert), buf_text(&key2), &err) == NULL);
	CHECK_INT(err.code, ERR_SYNTAX);
	unit_row("no certificate");
	CHECK(tls_server(STR("rubbish"), buf_text(&key), &err) == NULL);
	CHECK(strncmp(err.text, "no usable certificate", 21) == 0);
	unit_row("no key");
	CHECK(tls_server(buf_text(&cert), buf_text(&cert), &err) == NULL);
	CHECK(strncmp(err.text, "no usable private key", 21) == 0);
	CHECK_UINT(ERR_peek_error(), 0);
	buf_clear(&both);
	buf_clear(&cert);
	buf_clear(&cert2);
	buf_wipe(&key);
	buf_wipe(&key2);
}

/* A passphrase is not asked for, least of all on the terminal. */
static void
test_encrypted_key(void)
{
	struct buf cert, key;
	struct err err;
	EVP_PKEY *pkey;
	BIO *in, *out;
	char *p;
	long n;

	make(&cert, &key);
	in = BIO_new_mem_buf(key.data, (int)key.len);
	pkey = PEM_read_bio_PrivateKey(in, NULL, NULL, NULL);
	out = BIO_new(BIO_s_mem());
	CHECK(PEM_write_bio_PrivateKey(out, pkey, EVP_aes_128_cbc(),
	          (const unsigned char *)"pw", 2, NULL, NULL) == 1);
	n = BIO_get_mem_data(out, &p);
	CHECK(tls_server(buf_text(&cert), str_of(p, (size_t)n), &err) == NULL);
	CHECK_INT(err.code, ERR_SYNTAX);
	BIO_free(in);
	BIO_free(out);
	EVP_PKEY_free(pkey);
	buf_clear(&cert);
	buf_wipe(&key);
}

static void
test_client(void)
{
	struct buf cert, key;
	struct err err;
	SSL_CTX *ctx;

	make(&cert, &key);
	unit_row("own anchors");
	ctx = tls_client(buf_text(&cert), &err);
	if (CHECK(ctx != NULL)) {
		CHECK_INT(SSL_CTX_get_verify_mode(ctx), SSL_VERIFY_PEER);
		SSL_CTX_free(ctx);
	}
	unit_row("the system's");
	ctx = tls_client(str_of("", 0), &err);
	if (CHECK(ctx != NULL)) {
		CHECK_INT(SSL_CTX_get_verify_mode(ctx), SSL_VERIFY_PEER);
		CHECK_INT(SSL_CTX_get_min_proto_version(ctx), TLS1_2_VERSION);
		SSL_CTX_free(ctx);
	}
	unit_row("none in the file");
	CHECK(tls_client(buf_text(&key), &err) == NULL);
	CHECK_INT(err.code, ERR_SYNTAX);
	buf_clear(&cert);
	buf_wipe(&key);
}

static const struct unit_test tests[] = {
    {"local", test_local},
    {"server", test_server},
    {"encrypted key", test_encrypted_key},
    {"client", test_client},
    {NULL, NULL},
};

int
main(void)
{
	return (unit_main("tls", tests));
}
