/*
 * t_enrol - the sealer's half of enrolment with an honest cloud.
 */
#include "config.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

#include "acme/b64url.h"
#include "acme/email.h"
#include "acme/jws.h"
#include "base/limits.h"
#include "enrolhouse.h"
#include "smime/p12.h"
#include "smime/pkey.h"
#include "sys/memfd.h"

static void
t_jws(void)
{
	static const struct {
		enum jws_kind kind;
		const char *want;
	} t[] = {
	    {JWS_NEW_ORDER, "{\"identifiers\":[{\"type\":\"email\",\"value\":"
	                    "\"anna@x.test\"}]}"},
	    {JWS_GET, ""},
	    {JWS_CHALLENGE, "{}"},
	    {JWS_DEACTIVATE, "{\"status\":\"deactivated\"}"},
	};
	EVP_PKEY *pkey, *again;
	struct jws_req q;
	struct buf out;
	size_t i;

	open_house();
	pkey = account_key();
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		unit_row(t[i].want);
		q = question(t[i].kind);
		buf_init(&out, LIMIT_RECORD);
		CHECK_INT(payload(&q, pkey, &out), ERR_OK);
		CHECK_BUF(&out, t[i].want);
		buf_clear(&out);
	}
	unit_row("the key stays");
	restart();
	again = account_key();
	CHECK(EVP_PKEY_eq(pkey, again) == 1);
	EVP_PKEY_free(again);
	EVP_PKEY_free(pkey);
	close_house();
}

static enum err_code
ask_digest(const char *account, struct buf *out)
{
	struct digest_req q = {str_c(account), STR("one"), STR("two")};
	struct jws_ans a = {.err = {.code = ERR_PEER}};
	struct buf body;
	struct reply r;
	struct err err;

	buf_init(&body, LIMIT_RECORD);
	digest_req_put(&body, &q);
	reply_ask(&r, sealer.agent, OP_DIGEST, buf_text(&body), NULL, 0);
	reply_wait(&h, &r);
	CHECK(jws_ans_get(buf_text(&r.body), &a, &err) == 0);
	buf_str(out, a.jws);
	reply_clear(&r);
	buf_clear(&body);
	return (a.err.code);
}

static void
t_digest(void)
{
	struct buf got, want, thumb;
	EVP_PKEY *pkey;

	open_house();
	buf_init(&got, LIMIT_RECORD);
	buf_init(&want, LIMIT_RECORD);
	buf_init(&thumb, LIMIT_RECORD);
	unit_row("before there is a key");
	CHECK_INT(ask_digest(ANNA, &got), ERR_NOTFOUND);
	unit_row("as RFC 8823 says");
	pkey = account_key();
	CHECK(jwk_thumbprint(pkey, &thumb, NULL) == 0);
	CHECK(acme_email_digest(STR("one"), STR("two"), buf_text(&thumb),
	          &want) == 0);
	CHECK_INT(ask_digest("Anna@X.test", &got), ERR_OK);
	CHECK_BUF_EQ(&got, buf_text(&want));
	EVP_PKEY_free(pkey);
	buf_clear(&thumb);
	buf_clear(&want);
	buf_clear(&got);
	close_house();
}

/* What JWS_REVOKE carries is this certificate. */
static enum err_code
ask_revoke(EVP_PKEY *account, const struct cert *c)
{
	struct jws_req q = question(JWS_REVOKE);
	enum err_code code;
	struct buf json, want;

	memcpy(q.fingerprint, cert_facts(c)->sha256, FINGERPRINT);
	buf_init(&json, LIMIT_RECORD);
	buf_init(&want, LIMIT_RECORD);
	if ((code = payload(&q, account, &json)) == ERR_OK) {
		buf_puts(&want, "{\"certificate\":\"");
		b64url_encode(cert_facts(c)->der, &want);
		buf_puts(&want, "\"}");
		CHECK_BUF_EQ(&json, buf_text(&want));
	}
	buf_clear(&want);
	buf_clear(&json);
	return (code);
}

static void
t_cert(void)
{
	EVP_PKEY *account, *first, *second;
	struct cert *c, *d;
	struct err err;

	open_house();
	account = account_key();
	unit_row("first");
	first = csr_key(account, ANNA);
	c = good_cert(first);
	CHECK_INT(give_cert(c, &err), ERR_OK);
	CHECK_UINT(count_keys("sign"), 1);
	unit_row("again");
	CHECK_INT(give_cert(c, &err), ERR_OK);
	restart();
	CHECK_INT(give_cert(c, &err), ERR_OK);
	CHECK_UINT(count_keys("sign"), 1);
	unit_row("renewal");
	second = csr_key(account, ANNA);
	CHECK(EVP_PKEY_eq(first, second) == 0);
	d = good_cert(second);
	CHECK_INT(give_cert(d, &err), ERR_OK);
	CHECK_UINT(count_keys("sign"), 1);
	CHECK_UINT(count_keys("retired"), 1);
	unit_row("the one before is gone");
	CHECK_INT(give_cert(c, &err), ERR_NOTFOUND);
	unit_row("both can be revoked");
	CHECK_INT(ask_revoke(account, c), ERR_OK);
	CHECK_INT(ask_revoke(account, d), ERR_OK);
	unit_row("what is not ours cannot");
	CHECK_INT(ask_revoke(account, fake_evil.cert), ERR_NOTFOUND);
	cert_unref(d);
	cert_unref(c);
	EVP_PKEY_free(second);
	EVP_PKEY_free(first);
	EVP_PKEY_free(account);
	close_house();
}

static void
t_bundle(void)
{
	struct anna a;
	struct fake_bundle f, news;
	struct err err;
	size_t n;

	open_anna(&a);
	unit_row("first");
	f = asked(JWS_KMS_KEYS, a.account, &a.arena);
	CHECK_UINT(f.ask.from, 0);
	f.keys[0] = &a.one;
	CHECK_INT(give_bundle(&f, &n, &err), ERR_OK);
	CHECK_UINT(n, 1);
	CHECK_UINT(sealer.told, 1);
	CHECK_UINT(count_keys("encrypt"), 1);
	unit_row("again, also after a restart");
	CHECK_INT(give_bundle(&f, &n, &err), ERR_OK);
	restart();
	CHECK_INT(give_bundle(&f, &n, &err), ERR_OK);
	CHECK_UINT(n, 1);
	CHECK_UINT(sealer.told, 0);
	cert_unref(f.to);
	unit_row("rotation keeps the old");
	f = asked(JWS_KMS_KEYS, a.account, &a.arena);
	CHECK_UINT(f.ask.from, 2);
	f.nlog = 3;
	f.keys[0] = &a.two;
	f.keys[1] = &a.one;
	CHECK_INT(give_bundle(&f, &n, &err), ERR_OK);
	CHECK_UINT(n, 2);
	CHECK_UINT(sealer.told, 1);
	CHECK_UINT(count_keys("encrypt"), 2);
	unit_row("news of the log alone");
	news = asked(JWS_KMS_LOG, a.account, &a.arena);
	CHECK_UINT(news.ask.from, 0);
	news.nlog = 4;
	CHECK_INT(give_bundle(&news, &n, &err), ERR_OK);
	CHECK_UINT(n, 0);
	refuse_bundle("older than the news", &f, "rolled back");
	cert_unref(f.to);
	close_anna(&a);
}

/* A page of the log, from entry number from to the end of the first nlog. */
static enum err_code
give_page(struct anna *a, uint64_t from, const struct fake_bundle *page,
    struct err *err)
{
	struct jws_req q = question(JWS_KMS_LOG);
	struct fake_bundle f = *page;
	enum err_code code;
	struct buf json;
	size_t n;

	q.from = from;
	buf_init(&json, LIMIT_RECORD);
	if ((code = payload(&q, a->account, &json)) == ERR_OK) {
		CHECK(
		    kms_ask_get(buf_text(&json), &a->arena, &f.ask, err) == 0);
		CHECK_UINT(f.ask.from, from);
		code = give_bundle(&f, &n, err);
	}
	buf_clear(&json);
	return (code);
}

/* A log that was seen up to its third entry is read again, page by page. */
static void
t_log_pages(void)
{
	struct anna a;
	struct fake_bundle f,
	    page = {.signer = &fake_kms, .log = LOG, .nlog = 1, .more = true};
	struct err err;
	size_t n;

	open_anna(&a);
	f = asked(JWS_KMS_KEYS, a.account, &a.arena);
	f.nlog = 3;
	f.keys[0] = &a.one;
	CHECK_INT(give_bundle(&f, &n, &err), ERR_OK);
	cert_unref(f.to);

	unit_row("all of it");
	CHECK_INT(give_page(&a, 0, &page, &err), ERR_OK);
	restart();
	page.nlog = 2;
	CHECK_INT(give_page(&a, 1, &page, &err), ERR_OK);
	page.nlog = 4;
	page.more = false;
	CHECK_INT(give_page(&a, 2, &page, &err), ERR_OK);
	unit_row("from the middle");
	CHECK_INT(give_page(&a, 2, &page, &err), ERR_NOTFOUND);

	unit_row("ends before what was seen");
	page.nlog = 2;
	CHECK_INT(give_page(&a, 0, &page, &err), ERR_UNTRUSTED);
	page.more = true;
	CHECK_INT(give_page(&a, 0, &page, &err), ERR_OK);
	page.more = false;
	CHECK_INT(give_page(&a, 2, &page, &err), ERR_UNTRUSTED);
	unit_row("an empty page");
	page.more = true;
	CHECK_INT(give_page(&a, 2, &page, &err), ERR_UNTRUSTED);
	unit_row("another log from the first page on");
	page.log = OTHER_LOG;
	CHECK_INT(give_page(&a, 0, &page, &err), ERR_OK);
	page.nlog = 4;
	CHECK_INT(give_page(&a, 2, &page, &err), ERR_UNTRUSTED);
	unit_row("another log on the second page");
	page.log = LOG;
	page.nlog = 1;
	CHECK_INT(give_page(&a, 0, &page, &err), ERR_OK);
	page.log = OTHER_LOG;
	page.nlog = 4;
	CHECK_INT(give_page(&a, 1, &page, &err), ERR_UNTRUSTED);
	unit_row("what was seen is still what counts");
	page.log = LOG;
	page.more = false;
	page.nlog = 3;
	CHECK_INT(give_page(&a, 0, &page, &err), ERR_UNTRUSTED);
	page.nlog = 4;
	CHECK_INT(give_page(&a, 0, &page, &err), ERR_OK);
	close_anna(&a);
}

static enum err_code
export_keys(const char *address, const char *pass, struct err *why)
{
	struct enrol_req q = {str_c(address), STR(ANNA)};
	enum err_code code;
	struct blob *blob;
	struct buf body;
	struct reply r;
	int fd;

	blob = memfd_copy(pass, strlen(pass), NULL);
	fd = blob_fd(blob);
	buf_init(&body, LIMIT_RECORD);
	enrol_req_put(&body, &q);
	reply_ask(&r, sealer.parent, OP_KEY_EXPORT, buf_text(&body), &fd, 1);
	reply_wait(&h, &r);
	code = r.err.code;
	CHECK((r.blob != NULL) == (code == ERR_OK));
	if (r.blob != NULL)
		house_write(&h, "out.p12", blob_str(r.blob));
	if (why != NULL)
		*why = r.err;
	reply_clear(&r);
	buf_clear(&body);
	blob_unref(blob);
	return (code);
}

static void
t_export(void)
{
	struct anna a;
	EVP_PKEY *pkey;
	struct fake_bundle f;
	struct cert *cert;
	struct buf file;
	struct p12 p12;
	struct err err;
	size_t n;

	open_anna(&a);
	unit_row("nothing to export");
	CHECK_INT(export_keys(ANNA, "secret", &err), ERR_NOTFOUND);
	f = asked(JWS_KMS_KEYS, a.account, &a.arena);
	f.keys[0] = &a.one;
	f.keys[1] = &a.two;
	CHECK_INT(give_bundle(&f, &n, &err), ERR_OK);
	pkey = csr_key(a.account, ANNA);
	cert = good_cert(pkey);
	CHECK_INT(give_cert(cert, &err), ERR_OK);
	unit_row("encryption keys only");
	CHECK_INT(export_keys(ANNA, "gr\xc3\xbcn secret", &err), ERR_OK);
	house_read(&h, "out.p12", &file);
	if (CHECK(p12_read(&p12, buf_text(&file), STR("gr\xc3\xbcn secret"),
	              NULL, &err) == 0)) {
		CHECK_UINT(p12.nkeys, 2);
		p12_clear(&p12);
	}
	buf_clear(&file);
	unit_row("others can read it");
	CHECK_INT(house_run(&h, "printf 'gr\\303\\274n secret' >pass && "
	                        "openssl pkcs12 -in out.p12 -passin file:pass "
	                        "-nodes -out all.pem && "
	                        "test $(grep -c 'BEGIN PRIVATE' all.pem) = 2 "
	                        "&& openssl pkcs12 -in out.p12 -passin "
	                        "file:pass -info -noout 2>&1 | "
	                        "grep -q AES-256-CBC"),
	    0);
	unit_row("no passphrase");
	CHECK_INT(export_keys(ANNA, "", &err), ERR_SYNTAX);
	unit_row("an address without keys");
	CHECK_INT(export_keys("info@x.test", "secret", &err), ERR_NOTFOUND);
	unit_row("all of the account");
	CHECK_INT(export_keys("", "secret", &err), ERR_OK);
	cert_unref(cert);
	cert_unref(f.to);
	EVP_PKEY_free(pkey);
	close_anna(&a);
}

/* PKCS#8 of any P-256 key begins so (RFC 5958, RFC 5480). */
static const uint8_t P256_KEY[] = {0x30, 0x81, 0x87, 0x02, 0x01, 0x00, 0x30,
    0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01};

static void
t_at_rest(void)
{
	struct anna a;
	EVP_PKEY *pkey, *made = pkey_new(NULL);
	struct fake_bundle f;
	struct buf state, der;
	struct err err;
	size_t n;

	open_anna(&a);
	pkey = csr_key(a.account, ANNA);
	f = asked(JWS_KMS_KEYS, a.account, &a.arena);
	f.keys[0] = &a.one;
	CHECK_INT(give_bundle(&f, &n, &err), ERR_OK);
	CHECK_INT(tenant_stop(&sealer), 0);
	house_read(&h, "state/key/data.mdb", &state);
	CHECK(state.len > 4096);
	unit_row("device keys");
	CHECK(
	    memmem(state.data, state.len, P256_KEY, sizeof(P256_KEY)) == NULL);
	CHECK(memmem(state.data, state.len, ANNA, strlen(ANNA)) == NULL);
	unit_row("hosted keys");
	buf_init(&der, LIMIT_RECORD);
	CHECK(pkey_put(a.one.pkey, &der, &err) == 0);
	CHECK(memmem(state.data, state.len, der.data + 600, 64) == NULL);
	buf_wipe(&der);
	unit_row("the search finds what is there");
	buf_init(&der, LIMIT_RECORD);
	CHECK(pkey_put(made, &der, &err) == 0);
	CHECK(memmem(der.data, der.len, P256_KEY, sizeof(P256_KEY)) != NULL);
	buf_wipe(&der);
	buf_clear(&state);
	start_sealer();
	cert_unref(f.to);
	EVP_PKEY_free(made);
	EVP_PKEY_free(pkey);
	close_anna(&a);
}

int
main(void)
{
	static const struct unit_test tests[] = {
	    {"jws", t_jws},
	    {"digest", t_digest},
	    {"cert", t_cert},
	    {"bundle", t_bundle},
	    {"log pages", t_log_pages},
	    {"export", t_export},
	    {"at rest", t_at_rest},
	    {NULL, NULL},
	};

	return (enrolhouse_main("enrol", tests));
}
