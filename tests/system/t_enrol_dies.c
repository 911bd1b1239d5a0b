/*
 * t_enrol_dies - the sealer dies at every step of an enrolment.
 */
#include "config.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "enrolhouse.h"

#ifdef WAXWING_TEST_HOOKS

static unsigned revived;

static void
revive(bool dead)
{
	revived++;
	house_faults(&h, "");
	if (!dead)
		return;
	(void)tenant_stop(&sealer);
	start_sealer();
}

/* Until it works, which is the second time at the latest. */
static void
insist_jws(enum jws_kind kind, bool dead)
{
	struct jws_req q = question(kind);
	struct err err;

	if (ask_jws(&q, NULL, &err) == ERR_OK)
		return;
	revive(dead);
	CHECK_INT(ask_jws(&q, NULL, &err), ERR_OK);
}

static void
insist_cert(EVP_PKEY *account, bool dead)
{
	EVP_PKEY *pkey = csr_key(account, ANNA);
	struct cert *c = good_cert(pkey);
	struct err err;

	if (give_cert(c, &err) != ERR_OK) {
		revive(dead);
		CHECK_INT(give_cert(c, &err), ERR_OK);
	}
	cert_unref(c);
	EVP_PKEY_free(pkey);
}

static void
insist_bundle(EVP_PKEY *account, const struct hosted *k, bool dead)
{
	struct fake_bundle f;
	struct arena arena;
	struct err err;
	size_t n;

	arena_init(&arena, 1024 * 1024);
	f = asked(JWS_KMS_KEYS, account, &arena);
	f.keys[0] = k;
	if (give_bundle(&f, &n, &err) != ERR_OK) {
		revive(dead);
		CHECK_INT(give_bundle(&f, &n, &err), ERR_OK);
	}
	CHECK_UINT(n, 1);
	cert_unref(f.to);
	arena_clear(&arena);
}

/* Whatever happens at one point, afterwards there is one key of each kind. */
static void
fail_at(const char *point, const char *action, const struct hosted *k)
{
	bool dead = strcmp(action, "exit") == 0;
	EVP_PKEY *account, *again;
	char line[100];

	unit_row(point);
	open_house();
	revived = 0;
	(void)snprintf(line, sizeof(line), "%s %s\n", point, action);
	house_faults(&h, line);
	insist_jws(JWS_NEW_ACCOUNT, dead);
	account = account_key();
	insist_jws(JWS_FINALIZE, dead);
	insist_cert(account, dead);
	insist_jws(JWS_KMS_KEYS, dead);
	insist_bundle(account, k, dead);
	CHECK_UINT(revived, 1);
	CHECK_UINT(count_keys("sign"), 1);
	CHECK_UINT(count_keys("encrypt"), 1);
	restart();
	again = account_key();
	CHECK(EVP_PKEY_eq(account, again) == 1);
	EVP_PKEY_free(again);
	EVP_PKEY_free(account);
	close_house();
}

static void
t_dies(void)
{
	static const char *const points[] = {"sealer.device.made",
	    "sealer.device.stored", "sealer.pending.made",
	    "sealer.pending.stored", "sealer.nonce.made", "sealer.nonce.stored",
	    "sealer.cert.take", "sealer.cert.stored", "sealer.bundle.take",
	    "sealer.bundle.stored"};
	struct hosted k = fake_hosted(&fake_ca, ANNA);
	size_t i;

	for (i = 0; i < sizeof(points) / sizeof(points[0]); i++) {
		fail_at(points[i], "exit", &k);
		if (strstr(points[i], "stored") == NULL)
			fail_at(points[i], "error", &k);
	}
	hosted_clear(&k);
}

#endif

int
main(void)
{
	static const struct unit_test tests[] = {
#ifdef WAXWING_TEST_HOOKS
	    {"sealer dies", t_dies},
#endif
	    {NULL, NULL},
	};

	return (enrolhouse_main("enrol_dies", tests));
}
