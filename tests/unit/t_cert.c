#include "config.h"

#include <stdio.h>
#include <string.h>

#include "smime/chain.h"
#include "smime_help.h"

static const struct {
	const char *name;
	const char *address;
	unsigned use;
	enum cert_key key;
	int bits;
	bool weak;
} certs[] = {
    /* Signed by SHA-512. */
    {"alice.sign", "alice@smime.example", CERT_SIGN, CERT_KEY_RSA, 2048, false},
    {"bob.encrypt", "bob@smime.example", CERT_ENCRYPT, CERT_KEY_RSA, 2048,
        false},
    /* Ed25519 and X25519 are beyond OpenSSL 3.0's CMS. */
    {"carlos.sign", "carlos@smime.example", 0, CERT_KEY_OTHER, 256, true},
    {"dana.encrypt", "dana@smime.example", 0, CERT_KEY_OTHER, 253, true},
    {"ca.rsa", NULL, CERT_CA, CERT_KEY_RSA, 2048, false},
};

static void
t_facts(void)
{
	const struct cert_facts *f;
	struct cert *c;
	size_t i;

	for (i = 0; i < sizeof(certs) / sizeof(certs[0]); i++) {
		unit_row(certs[i].name);
		c = help_cert(certs[i].name);
		f = cert_facts(c);
		CHECK_UINT(f->naddresses, certs[i].address != NULL ? 1 : 0);
		if (certs[i].address != NULL) {
			CHECK_CSTR(f->addresses[0], certs[i].address);
			CHECK(cert_has_address(c, str_c(certs[i].address)));
			CHECK(!cert_has_address(c, STR("eve@smime.example")));
			CHECK_UINT(f->use, certs[i].use);
			CHECK(cert_usable_for_encryption(c, HELP_NOW, NULL) ==
			      ((certs[i].use & CERT_ENCRYPT) != 0 ? 0 : -1));
		} else
			CHECK((f->use & CERT_CA) != 0);
		CHECK_INT(f->key, certs[i].key);
		CHECK_INT(f->bits, certs[i].bits);
		CHECK(f->weak == certs[i].weak);
		CHECK(f->from < HELP_NOW && f->until > HELP_NOW);
		CHECK(cert_valid_at(c, HELP_NOW));
		CHECK(!cert_valid_at(c, f->from - 1));
		CHECK(cert_valid_at(c, f->until));
		CHECK(!cert_valid_at(c, f->until + 1));
		CHECK_UINT(f->ski.len, 20);
		cert_unref(c);
	}
}

static void
t_addresses(void)
{
	static const struct {
		const char *in;
		const char *ask;
		bool has;
	} rows[] = {
	    {"a@EXAMPLE.test", "a@example.test", true},
	    {"Ann@example.test", "ann@Example.TEST", true},
	    {"a@example.test", "a@example.tes", false},
	    {"a@example.test", "b@example.test", false},
	    {"a@example.test", "", false},
	};
	struct key *k;
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		unit_row(rows[i].ask);
		k = help_make_key("EC", "P-256", rows[i].in,
		    "digitalSignature");
		CHECK(cert_has_address(k->cert, str_c(rows[i].ask)) ==
		      rows[i].has);
		key_free(k);
	}
}

static void
t_malformed(void)
{
	struct cert *good = help_cert("alice.sign"), *c;
	struct str der = cert_facts(good)->der;
	static char big[70000];
	struct err err;
	struct buf copy;
	size_t i;

	unit_row("truncated");
	for (i = 0; i < der.len; i += 7)
		CHECK(cert_get(NULL, str_of(der.p, i), &err) == NULL);
	unit_row("trailing byte");
	buf_init(&copy, 65536);
	buf_str(&copy, der);
	buf_putc(&copy, 0);
	CHECK(cert_get(NULL, buf_text(&copy), &err) == NULL);
	unit_row("changed bytes");
	for (i = 0; i < der.len; i += 3) {
		copy.len = der.len;
		copy.data[i] ^= 0x41;
		c = cert_get(NULL, buf_text(&copy), &err);
		CHECK(c == NULL || cert_facts(c)->der.len == der.len);
		cert_unref(c);
		copy.data[i] ^= 0x41;
	}
	unit_row("too long");
	CHECK(cert_get(NULL, str_of(big, sizeof(big)), &err) == NULL);
	CHECK_INT(err.code, ERR_LIMIT);
	buf_clear(&copy);
	cert_unref(good);
}

static void
t_cache(void)
{
	static const char *const names[] = {"alice.sign", "bob.sign",
	    "alice.encrypt", "bob.encrypt"};
	struct cert_cache *cache = cert_cache_new(2);
	struct cert *plain[4], *first, *again;
	size_t i;

	for (i = 0; i < 4; i++)
		plain[i] = help_cert(names[i]);
	first = cert_get(cache, cert_facts(plain[0])->der, NULL);
	again = cert_get(cache, cert_facts(plain[0])->der, NULL);
	CHECK(first == again && first != plain[0]);
	cert_unref(again);
	/* Two others push it out; who holds it keeps it. */
	for (i = 1; i < 4; i++)
		cert_unref(cert_get(cache, cert_facts(plain[i])->der, NULL));
	CHECK_CSTR(cert_facts(first)->addresses[0], "alice@smime.example");
	again = cert_get(cache, cert_facts(plain[0])->der, NULL);
	CHECK(again != first);
	cert_unref(again);
	cert_cache_free(cache);
	CHECK(cert_pkey(first) != NULL);
	cert_unref(first);
	for (i = 0; i < 4; i++)
		cert_unref(plain[i]);
}

/* The second half: does it hold? */
static const struct {
	const char *name;
	const char *cert;
	const char *anchor;
	const char *extra;
	const char *address;
	enum cert_use use;
	int64_t at;
	bool holds;
} chains[] = {
    {"plain", "alice.sign", "ca.rsa", NULL, "alice@smime.example", CERT_SIGN,
        HELP_NOW, true},
    {"no address asked", "alice.sign", "ca.rsa", NULL, "", CERT_SIGN, HELP_NOW,
        true},
    {"another address", "alice.sign", "ca.rsa", NULL, "bob@smime.example",
        CERT_SIGN, HELP_NOW, false},
    {"another use", "alice.sign", "ca.rsa", NULL, "", CERT_ENCRYPT, HELP_NOW,
        false},
    {"encrypt", "bob.encrypt", "ca.rsa", NULL, "bob@smime.example",
        CERT_ENCRYPT, HELP_NOW, true},
    {"another anchor", "alice.sign", "ca.25519", NULL, "", CERT_SIGN, HELP_NOW,
        false},
    {"by a cross certificate", "alice.sign", "ca.25519", "ca.rsa.cross", "",
        CERT_SIGN, HELP_NOW, true},
    {"too early", "alice.sign", "ca.rsa", NULL, "", CERT_SIGN, 1000000000,
        false},
    {"too late", "alice.sign", "ca.rsa", NULL, "", CERT_SIGN, 4000000000,
        false},
    {"itself as anchor", "alice.sign", "alice.sign", NULL, "", CERT_SIGN,
        HELP_NOW, true},
};

static void
t_chain(void)
{
	size_t i;

	for (i = 0; i < sizeof(chains) / sizeof(chains[0]); i++) {
		struct cert *c = help_cert(chains[i].cert);
		struct cert *anchor = help_cert(chains[i].anchor);
		struct cert *extra =
		    chains[i].extra != NULL ? help_cert(chains[i].extra) : NULL;
		struct anchors *a = anchors_new();
		const struct chain_ask ask = {a, &extra, extra != NULL ? 1 : 0,
		    chains[i].at, chains[i].use, str_c(chains[i].address),
		    false, {"", 0}};
		struct err err = {.code = ERR_OK};

		unit_row(chains[i].name);
		CHECK_INT(anchors_add(a, anchor), 0);
		CHECK_INT(chain_verify(c, &ask, &err),
		    chains[i].holds ? 0 : -1);
		CHECK_INT(err.code, chains[i].holds ? ERR_OK : ERR_UNTRUSTED);
		anchors_free(a);
		cert_unref(extra);
		cert_unref(anchor);
		cert_unref(c);
	}
}

static void
t_chain_ec(void)
{
	struct key *k =
	    help_make_key("EC", "P-256", "ec@example.test", "keyAgreement");
	struct anchors *a = anchors_new();
	const struct chain_ask ask = {a, NULL, 0, HELP_NOW, CERT_ENCRYPT,
	    STR("ec@example.test"), false, {"", 0}};
	struct err err;

	unit_row("not trusted by itself");
	CHECK_INT(chain_verify(k->cert, &ask, &err), -1);
	unit_row("pinned");
	CHECK_INT(anchors_add(a, k->cert), 0);
	CHECK_INT(chain_verify(k->cert, &ask, &err), 0);
	anchors_free(a);
	key_free(k);
}

/* Somebody with an ordinary certificate plays certificate authority. */
static void
t_chain_no_ca(void)
{
	struct key *alice = help_key("alice.sign");
	struct key *k = help_issue("victim@example.test", alice);
	struct cert *root = help_cert("ca.rsa");
	struct anchors *a = anchors_new();
	struct chain_ask ask = {a, &alice->cert, 1, HELP_NOW, CERT_SIGN,
	    STR("victim@example.test"), false, {"", 0}};
	struct err err;

	unit_row("issued by a mere user");
	CHECK_INT(anchors_add(a, root), 0);
	CHECK_INT(chain_verify(k->cert, &ask, &err), -1);
	CHECK_INT(err.code, ERR_UNTRUSTED);
	anchors_free(a);
	cert_unref(root);
	key_free(k);
	key_free(alice);
}

static void
t_anchors_pem(void)
{
	struct anchors *a = anchors_new();
	struct buf one, two;
	struct err err;

	help_data("smime/rfc9216/ca.rsa.crt", &one);
	help_data("smime/rfc9216/ca.25519.crt", &two);
	buf_str(&one, buf_text(&two));
	CHECK_INT(anchors_add_pem(a, NULL, buf_text(&one), &err), 2);
	CHECK_INT(anchors_add_pem(a, NULL, STR("nothing"), &err), 0);
	CHECK_INT(anchors_add_pem(a, NULL,
	              STR("-----BEGIN CERTIFICATE-----\nAAAA\n"
	                  "-----END CERTIFICATE-----\n"),
	              &err),
	    -1);
	buf_clear(&one);
	buf_clear(&two);
	anchors_free(a);
}

static const struct unit_test tests[] = {
    {"facts", t_facts},
    {"addresses", t_addresses},
    {"malformed", t_malformed},
    {"cache", t_cache},
    {"chain", t_chain},
    {"chain-ec", t_chain_ec},
    {"chain-no-ca", t_chain_no_ca},
    {"anchors-pem", t_anchors_pem},
    {NULL, NULL},
};

int
main(void)
{
	return (unit_main("cert", tests));
}
