#include "config.h"

#include <openssl/obj_mac.h>

#include "smime/algo.h"
#include "smime/oid.h"
#include "unit.h"

static void
t_ciphers(void)
{
	static const struct {
		int nid;
		unsigned flags;
		const char *type;
	} rows[] = {
	    {NID_aes_256_cbc, 0, "enveloped-data"},
	    {NID_aes_128_cbc, 0, "enveloped-data"},
	    {NID_aes_256_gcm, ALGO_AEAD, "authEnveloped-data"},
	    {NID_des_ede3_cbc, ALGO_OPEN_ONLY, "enveloped-data"},
	    {NID_rc2_cbc, ALGO_OPEN_ONLY | ALGO_LEGACY, "enveloped-data"},
	};
	const struct algo_cipher *c;
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		c = algo_cipher_nid(rows[i].nid);
		if (!CHECK(c != NULL))
			continue;
		unit_row(c->name);
		CHECK_UINT(c->flags, rows[i].flags);
		CHECK_CSTR(c->smime, rows[i].type);
		CHECK(algo_cipher_oid(algo_cipher_id(c)) == c);
	}
	unit_row("unknown");
	CHECK(algo_cipher_nid(NID_aes_256_ctr) == NULL);
	CHECK(algo_cipher_oid(OID_RSA) == NULL);
	CHECK(algo_digest_nid(NID_sha256) != NULL);
	CHECK(algo_digest_oid(OID_RSA) == NULL);
}

#define AES256 "\x30\x0b\x06\x09" P_NIST "\x01\x2a"
#define GCM256 "\x30\x0b\x06\x09" P_NIST "\x01\x2e"
#define DES3   "\x30\x0a\x06\x08" P_PKCS "\x03\x07"
/* RC2 with 128 bits as Outlook Express wrote it */
#define RC2 "\x30\x0e\x06\x08" P_PKCS "\x03\x02\x02\x02\x00\x80"

static const struct {
	const char *name;
	struct str der;
	unsigned caps;
} caps[] = {
    {"nothing", {"", 0}, 0},
    {"not a sequence", {"\x04\x00", 2}, 0},
    {"empty", {"\x30\x00", 2}, CAP_KNOWN},
    {"one", {"\x30\x0d" AES256, 15}, CAP_KNOWN | CAP_AES256_CBC},
    {"several", {"\x30\x36" AES256 DES3 RC2 GCM256, 2 + 13 + 12 + 16 + 13},
        CAP_KNOWN | CAP_AES256_CBC | CAP_AES256_GCM | CAP_3DES | CAP_RC2},
    {"unknown ones are skipped", {"\x30\x12\x30\x03\x06\x01\x2a" AES256, 20},
        CAP_KNOWN | CAP_AES256_CBC},
    {"cut in the middle", {"\x30\x0f" AES256 "\x30\x05", 17},
        CAP_KNOWN | CAP_AES256_CBC},
};

static void
t_caps(void)
{
	struct buf out;
	size_t i;

	for (i = 0; i < sizeof(caps) / sizeof(caps[0]); i++) {
		unit_row(caps[i].name);
		CHECK_UINT(algo_caps_parse(caps[i].der), caps[i].caps);
	}
	unit_row("our own");
	buf_init(&out, 4096);
	algo_caps_build(&out);
	CHECK_UINT(algo_caps_parse(buf_text(&out)),
	    CAP_KNOWN | CAP_AES128_CBC | CAP_AES256_CBC | CAP_AES128_GCM |
	        CAP_AES256_GCM | CAP_OAEP | CAP_ECDH_SHA256);
	buf_clear(&out);
	/* The parameters of RFC 4055 4.1 with their tags. */
	unit_row("oaep");
	buf_init(&out, 4096);
	algo_put_oaep_sha256(&out);
	CHECK_BUF_EQ(&out,
	    STR("\x30\x3c\x06\x09" P_PKCS1 "\x07\x30\x2f"
	        "\xa0\x0f\x30\x0d\x06\x09" P_NIST "\x02\x01\x05\x00"
	        "\xa1\x1c\x30\x1a\x06\x09" P_PKCS1 "\x08"
	        "\x30\x0d\x06\x09" P_NIST "\x02\x01\x05\x00"));
	buf_clear(&out);
}

static void
t_choose(void)
{
	const unsigned modern = CAP_KNOWN | CAP_AES256_GCM | CAP_OAEP;
	static const struct {
		const char *name;
		unsigned caps[3];
		size_t n;
		int nid;
	} rows[] = {
	    {"nobody", {0}, 0, NID_aes_256_cbc},
	    {"unknown", {0}, 1, NID_aes_256_cbc},
	    {"modern", {CAP_KNOWN | CAP_AES256_GCM | CAP_OAEP}, 1,
	        NID_aes_256_gcm},
	    {"gcm without oaep", {CAP_KNOWN | CAP_AES256_GCM}, 1,
	        NID_aes_256_cbc},
	    {"one of three",
	        {CAP_KNOWN | CAP_AES256_GCM | CAP_OAEP, CAP_KNOWN,
	            CAP_KNOWN | CAP_AES256_GCM | CAP_OAEP},
	        3, NID_aes_256_cbc},
	};
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		unit_row(rows[i].name);
		CHECK_INT(algo_choose(rows[i].caps, rows[i].n)->nid,
		    rows[i].nid);
	}
	unit_row("transport");
	CHECK_INT(algo_transport_for(modern, algo_cipher_nid(NID_aes_256_gcm)),
	    TRANSPORT_OAEP);
	CHECK_INT(algo_transport_for(modern, algo_cipher_nid(NID_aes_256_cbc)),
	    TRANSPORT_AUTO);
	CHECK_INT(algo_transport_for(0, algo_cipher_nid(NID_aes_256_gcm)),
	    TRANSPORT_AUTO);
}

static const struct unit_test tests[] = {
    {"ciphers", t_ciphers},
    {"caps", t_caps},
    {"choose", t_choose},
    {NULL, NULL},
};

int
main(void)
{
	return (unit_main("algo", tests));
}
