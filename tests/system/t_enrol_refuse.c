/*
 * t_enrol_refuse - what the sealer must not do for an agent, nor take from a
 * cloud.
 */
#include "config.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/limits.h"
#include "enrolhouse.h"
#include "smime/pkey.h"

static void
t_jws_refuse(void)
{
	struct jws_req q;
	struct err err;

	open_house();
	unit_row("another origin");
	q = question(JWS_NEW_ORDER);
	q.url = STR("https://cloud.test:8444/acme/x");
	CHECK_INT(ask_jws(&q, NULL, &err), ERR_DENIED);
	CHECK(strstr(err.text, "another host") != NULL);
	q.url = STR("https://cloud.test@evil.test:8443/acme/x");
	CHECK_INT(ask_jws(&q, NULL, &err), ERR_DENIED);
	q.url = STR("http://cloud.test:8443/acme/x");
	CHECK_INT(ask_jws(&q, NULL, &err), ERR_DENIED);
	unit_row("an account elsewhere");
	q = question(JWS_NEW_ORDER);
	q.kid = STR("https://evil.test/acme/acct/1");
	CHECK_INT(ask_jws(&q, NULL, &err), ERR_DENIED);
	unit_row("no kid");
	q.kid = STR("");
	CHECK_INT(ask_jws(&q, NULL, &err), ERR_PEER);
	unit_row("no address");
	q = question(JWS_FINALIZE);
	q.address = STR("");
	CHECK_INT(ask_jws(&q, NULL, &err), ERR_PEER);
	unit_row("another's address");
	q.address = STR("bert@x.test");
	CHECK_INT(ask_jws(&q, NULL, &err), ERR_DENIED);
	unit_row("revoke what is not ours");
	q = question(JWS_REVOKE);
	CHECK_INT(ask_jws(&q, NULL, &err), ERR_NOTFOUND);
	close_house();
}

static void
refuse_cert(const char *row, const struct authority *a, EVP_PKEY *pkey,
    const char *address, unsigned use, int64_t age, const char *words)
{
	int64_t from = clock_now().wall - age;
	struct cert *c;
	struct err err;

	unit_row(row);
	c = fake_cert(a, pkey, address, use, from, from + 30 * DAY);
	CHECK_INT(give_cert(c, &err), ERR_UNTRUSTED);
	if (!CHECK(strstr(err.text, words) != NULL))
		(void)fprintf(stderr, "%s: %s\n", row, err.text);
	CHECK_UINT(count_keys("sign"), 0);
	cert_unref(c);
}

static void
t_cert_refuse(void)
{
	EVP_PKEY *account, *pkey, *other, *again;
	struct cert *c;
	struct err err;
	size_t n;

	open_house();
	account = account_key();
	other = pkey_new(NULL);
	unit_row("nothing was asked for");
	c = good_cert(other);
	CHECK_INT(give_cert(c, &err), ERR_NOTFOUND);
	cert_unref(c);
	pkey = csr_key(account, ANNA);
	refuse_cert("another key", &fake_ca, other, ANNA, CERT_SIGN, 60,
	    "for another key");
	refuse_cert("another address", &fake_ca, pkey, "bert@x.test", CERT_SIGN,
	    60, "is bert@x.test's, not anna@x.test's");
	refuse_cert("another authority", &fake_evil, pkey, ANNA, CERT_SIGN, 60,
	    "");
	refuse_cert("another use", &fake_ca, pkey, ANNA, CERT_ENCRYPT, 60,
	    "not for signing");
	refuse_cert("expired", &fake_ca, pkey, ANNA, CERT_SIGN, 31 * DAY,
	    "expired");
	refuse_cert("of next week", &fake_ca, pkey, ANNA, CERT_SIGN, -7 * DAY,
	    "not yet valid");
	unit_row("no certificate");
	CHECK(give(OP_CERT_TAKE, ANNA, STR("rubbish"), &n, NULL) != ERR_OK);
	unit_row("another's mailbox");
	CHECK_INT(give(OP_CERT_TAKE, "bert@x.test", STR("x"), &n, NULL),
	    ERR_DENIED);
	unit_row("the key still waits");
	restart();
	again = csr_key(account, ANNA);
	CHECK(EVP_PKEY_eq(pkey, again) == 1);
	EVP_PKEY_free(again);
	EVP_PKEY_free(pkey);
	EVP_PKEY_free(other);
	EVP_PKEY_free(account);
	close_house();
}

/* Who signed it, for whom, and what it says of the release log. */
static void
refuse_heads(const struct fake_bundle *good)
{
	struct fake_bundle f = *good;

	f.signer = NULL;
	refuse_bundle("unsigned", &f, "the key service's answer");
	f.signer = &fake_evilkms;
	refuse_bundle("signed by another", &f, "not signed by [cloud] kms_key");
	f = *good;
	f.nlog = 1;
	refuse_bundle("rolled-back head", &f, "release log");
	f.nlog = 3;
	f.log = OTHER_LOG;
	refuse_bundle("rewritten log", &f, "release log");
	f.log = LOG;
	f.ask.from = 1;
	refuse_bundle("log from elsewhere", &f, "release log");
	f = *good;
	f.ask.mailbox = STR("info@x.test");
	refuse_bundle("another mailbox", &f, "another mailbox");
}

/* What it is sealed to, and how. */
static void
refuse_transport(const struct fake_bundle *good)
{
	struct fake_bundle f = *good;
	EVP_PKEY *pkey = pkey_new(NULL);
	struct cert *cert = fake_cert(&fake_ca, pkey, ANNA, CERT_ENCRYPT,
	    clock_now().wall - 60, clock_now().wall + DAY);

	f.transport =
	    str_of((const char *)cert_facts(fake_ca.cert)->sha256, FINGERPRINT);
	refuse_bundle("names another transport key", &f,
	    "another transport key");
	f = *good;
	f.transport = STR("");
	f.keys[0] = NULL;
	refuse_bundle("names none", &f, "nonce is not the one");
	f = *good;
	f.to = cert;
	refuse_bundle("sealed to another transport key", &f, "not encrypted");
	f = *good;
	f.enveloped = true;
	refuse_bundle("no AEAD", &f, "AuthEnvelopedData");
	cert_unref(cert);
	EVP_PKEY_free(pkey);
}

/* The keys in it, and their certificates. */
static void
refuse_keys(const struct fake_bundle *good)
{
	struct hosted bert = fake_hosted(&fake_ca, "bert@x.test");
	struct hosted evil = fake_hosted(&fake_evil, ANNA);
	struct fake_bundle f = *good;

	f.other = bert.pkey;
	refuse_bundle("key of another certificate", &f,
	    "not that of its certificate");
	f = *good;
	f.keys[1] = &bert;
	refuse_bundle("certificate of another address", &f,
	    "is bert@x.test's, not anna@x.test's");
	f.keys[1] = &evil;
	refuse_bundle("certificate of another authority", &f, "");
	hosted_clear(&bert);
	hosted_clear(&evil);
}

static void
t_bundle_refuse(void)
{
	struct anna a;
	struct fake_bundle good, f;
	struct err err;
	size_t n;

	open_anna(&a);
	good = asked(JWS_KMS_KEYS, a.account, &a.arena);
	good.keys[0] = &a.one;
	CHECK_INT(give_bundle(&good, &n, &err), ERR_OK);
	cert_unref(good.to);
	f = good; /* until the next question */
	good = asked(JWS_KMS_KEYS, a.account, &a.arena);
	good.nlog = 3;
	good.keys[0] = &a.two;
	good.keys[1] = &a.one;
	f.to = good.to;
	f.log = LOG;
	f.nlog = 3;
	f.keys[0] = &a.two;
	refuse_bundle("replayed nonce", &f, "nonce is not the one");
	refuse_heads(&good);
	refuse_transport(&good);
	refuse_keys(&good);

	unit_row("and the honest one still counts");
	CHECK_INT(give_bundle(&good, &n, &err), ERR_OK);
	CHECK_UINT(n, 2);
	CHECK_UINT(count_keys("encrypt"), 2);
	cert_unref(good.to);
	close_anna(&a);
}

int
main(void)
{
	static const struct unit_test tests[] = {
	    {"jws", t_jws_refuse},
	    {"cert", t_cert_refuse},
	    {"bundle", t_bundle_refuse},
	    {NULL, NULL},
	};

	return (enrolhouse_main("enrol_refuse", tests));
}
