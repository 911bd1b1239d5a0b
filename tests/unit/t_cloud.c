/*
 * The pure corners of waxwing-cloudd.  t_cloud, or "t_cloud --print
 * default|mdoc": what conf/waxwing-cloud.conf and the reference in
 * man/waxwing-cloudd.8 must be, to be put there after a change of the table.
 */

#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cloud/authres.h"
#include "cloud/cloud.h"
#include "cloud/nonce.h"
#include "cloud/rate.h"
#include "conf_source.h"
#include "unit.h"

static void
test_nonce(void)
{
	struct nonces *n = nonces_new(), *other = nonces_new();
	struct buf b, c;
	size_t i;

	buf_init(&b, 256);
	buf_init(&c, 256);
	unit_row("once");
	CHECK_INT(nonce_make(n, &b), 0);
	CHECK(nonce_use(n, buf_text(&b)));
	CHECK(!nonce_use(n, buf_text(&b)));
	unit_row("another server's");
	CHECK_INT(nonce_make(other, &c), 0);
	CHECK(!nonce_use(n, buf_text(&c)));
	unit_row("changed");
	for (i = 0; i < c.len; i++) {
		c.data[i] = c.data[i] == 'A' ? 'B' : 'A';
		CHECK(!nonce_use(other, buf_text(&c)));
		buf_reset(&c);
		CHECK_INT(nonce_make(other, &c), 0);
	}
	unit_row("cut, and too long");
	CHECK(!nonce_use(other, str_of(c.data, c.len - 1)));
	CHECK(!nonce_use(other, str_of("", 0)));
	buf_putc(&c, 'A');
	CHECK(!nonce_use(other, buf_text(&c)));
	unit_row("too old");
	buf_reset(&b);
	CHECK_INT(nonce_make(n, &b), 0);
	for (i = 0; i < NONCE_WINDOW; i++) {
		buf_reset(&c);
		if (nonce_make(n, &c) != 0)
			break;
	}
	CHECK_UINT(i, NONCE_WINDOW);
	CHECK(!nonce_use(n, buf_text(&b)));
	CHECK(nonce_use(n, buf_text(&c)));
	buf_clear(&b);
	buf_clear(&c);
	nonces_free(n);
	nonces_free(other);
}

static void
test_rate(void)
{
	struct rate *r = rate_new(3, 60);
	char key[16];
	unsigned i;

	unit_row("a burst, then a wait");
	for (i = 0; i < 3; i++)
		CHECK_UINT(rate_take(r, STR("a"), 1000), 0);
	CHECK_UINT(rate_take(r, STR("a"), 1000), 20);
	CHECK_UINT(rate_take(r, STR("a"), 11000), 10);
	CHECK_UINT(rate_take(r, STR("a"), 21000), 0);
	CHECK_UINT(rate_take(r, STR("a"), 21000), 20);
	unit_row("another key");
	CHECK_UINT(rate_take(r, STR("b"), 21000), 0);
	unit_row("credit has an end");
	for (i = 0; i < 3; i++)
		CHECK_UINT(rate_take(r, STR("a"), 9999000), 0);
	CHECK(rate_take(r, STR("a"), 9999000) > 0);
	unit_row("many keys");
	for (i = 0; i < 70000; i++) {
		(void)snprintf(key, sizeof(key), "k%u", i);
		if (rate_take(r, str_c(key), 9999000) != 0)
			break;
	}
	CHECK_UINT(i, 70000);
	rate_free(r);
}

static void
test_rate_peer(void)
{
	static const struct {
		const char *peer, *key;
	} rows[] = {
	    {"192.0.2.1", "192.0.2.1"},
	    {"::ffff:192.0.2.1", "::ffff:192.0.2.1"},
	    {"2001:db8:1:102:3:4:5:6", "2001:db8:1:100::"},
	    {"2001:db8:1:1ff::9", "2001:db8:1:100::"},
	    {"2001:db8:1:200::9", "2001:db8:1:200::"},
	    {"", ""},
	};
	char out[RATE_PEER];
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		unit_row(rows[i].peer);
		CHECK_STR(rate_peer(rows[i].peer, out), rows[i].key);
	}
}

static void
test_authres(void)
{
	static const struct {
		const char *name;
		const char *mail;
		bool passes;
	} rows[] = {
	    {"none", "From: a@e.test\r\n\r\n", false},
	    {"pass",
	        "Authentication-Results: mx.test; dkim=pass header.d=e.test\r\n"
	        "\r\n",
	        true},
	    {"folded, with comments and others",
	        "Authentication-Results: (a;b) mx.test 1;\r\n spf=pass "
	        "smtp.mailfrom=e.test;\r\n\tdkim=pass (2048-bit key; \\) "
	        "x)\r\n "
	        "header.i=@e.test header.d=E.test header.s=s\r\n\r\n",
	        true},
	    {"another domain",
	        "Authentication-Results: mx.test; dkim=pass header.d=f.test\r\n"
	        "\r\n",
	        false},
	    {"another domain that ends alike",
	        "Authentication-Results: mx.test; dkim=pass "
	        "header.d=ae.test\r\n\r\n",
	        false},
	    {"fail",
	        "Authentication-Results: mx.test; dkim=fail header.d=e.test\r\n"
	        "\r\n",
	        false},
	    {"another server",
	        "Authentication-Results: mx.evil; dkim=pass header.d=e.test\r\n"
	        "\r\n",
	        false},
	    {"only the topmost of ours",
	        "Authentication-Results: other; dkim=pass header.d=e.test\r\n"
	        "Authentication-Results: mx.test; dkim=none\r\n"
	        "Authentication-Results: mx.test; dkim=pass "
	        "header.d=e.test\r\n\r\n",
	        false},
	    {"in a comment",
	        "Authentication-Results: mx.test; dkim=fail (; dkim=pass "
	        "header.d=e.test)\r\n\r\n",
	        false},
	    {"in quotes",
	        "Authentication-Results: mx.test; dkim=fail reason=\"; "
	        "dkim=pass header.d=e.test\r\n\r\n",
	        false},
	    {"in closed quotes, as a sender's local part",
	        "Authentication-Results: mx.test; spf=pass smtp.mailfrom=\"a; "
	        "dkim=pass header.d=e.test ;\"@f.test; dkim=pass "
	        "header.d=f.test\r\n\r\n",
	        false},
	    {"a word in quotes",
	        "Authentication-Results: mx.test; dkim=pass header.i=\"a "
	        "header.d=e.test \"@f.test header.d=f.test\r\n\r\n",
	        false},
	    {"the domain in quotes",
	        "Authentication-Results: mx.test; dkim=pass reason=\"a; "
	        "\\\"b\" "
	        "header.d=\"e.test\"\r\n\r\n",
	        true},
	    {"two domains",
	        "Authentication-Results: mx.test; dkim=pass header.d=e.test "
	        "header.d=f.test\r\n\r\n",
	        false},
	    {"below one that cannot be read",
	        "Authentication-Results: mx.test; spf=none smtp.mailfrom=(a\r\n"
	        "Authentication-Results: mx.test; dkim=pass "
	        "header.d=e.test\r\n\r\n",
	        false},
	    {"in the body",
	        "A: b\r\n\r\nAuthentication-Results: mx.test; dkim=pass "
	        "header.d=e.test\r\n",
	        false},
	};
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		unit_row(rows[i].name);
		CHECK_INT(authres_passes(str_c(rows[i].mail), STR("mx.test"),
		              STR("e.test")),
		    rows[i].passes);
	}
}

static void
test_query(void)
{
	static const struct {
		const char *query;
		int rc;
		const char *value;
	} rows[] = {
	    {"email=a%40b.test", 1, "a@b.test"},
	    {"email=a+c@b.test", 1, "a+c@b.test"},
	    {"x=1&email=a", 1, "a"},
	    {"email=", 1, ""},
	    {"", 0, ""},
	    {"emai=a", 0, ""},
	    {"email", -1, ""},
	    {"email=%", -1, ""},
	    {"email=%4", -1, ""},
	    {"email=%00", -1, ""},
	    {"email=%+4", -1, ""},
	    {"email=a&email=b", -1, ""},
	};
	struct arena a;
	struct str value;
	size_t i;
	int rc;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		unit_row(rows[i].query);
		arena_init(&a, 4096);
		rc = http_query(str_c(rows[i].query), "email", &a, &value);
		CHECK_INT(rc, rows[i].rc);
		if (rc == 1)
			CHECK_STR(value, rows[i].value);
		arena_clear(&a);
	}
}

static void
test_default_file(void)
{
	conf_source_default(&conf_cloud, "conf/waxwing-cloud.conf");
}

static void
test_manual(void)
{
	conf_source_manual(&conf_cloud, "man/waxwing-cloudd.8");
}

/* What the conf of a cloud must not be. */
static void
test_conf(void)
{
	static const struct {
		const char *name;
		const char *text;
		const char *wrong; /* NULL: nothing */
	} rows[] = {
	    {"good", "[cloud]\nurl = https://c.test\n[mail]\nfrom = a@c.test\n",
	        NULL},
	    {"no url", "[mail]\nfrom = a@c.test\n", "[cloud] url"},
	    {"no from", "[cloud]\nurl = https://c.test\n", "[mail] from"},
	    {"a from with a plus sign",
	        "[cloud]\nurl = https://c.test\n[mail]\nfrom = a+b@c.test\n",
	        "[mail] from"},
	    {"results believed in public",
	        "[cloud]\nurl = https://c.test\n[mail]\nfrom = a@c.test\n"
	        "[reply]\nlisten = 192.0.2.1:25\nauthserv_id = mx\n",
	        "authserv_id"},
	    {"results believed in private",
	        "[cloud]\nurl = https://c.test\n[mail]\nfrom = a@c.test\n"
	        "[reply]\nlisten = 10.0.0.1:25\nauthserv_id = mx\n",
	        NULL},
	    {"waxwingd's section", "[upstream c.test]\n", "unknown section"},
	};
	char path[] = "t_cloud.XXXXXX";
	struct conf *c;
	struct err err;
	size_t i;
	int fd;

	fd = mkstemp(path);
	if (!CHECK(fd >= 0))
		return;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		unit_row(rows[i].name);
		CHECK_INT(ftruncate(fd, 0), 0);
		CHECK(pwrite(fd, rows[i].text, strlen(rows[i].text), 0) > 0);
		c = cloud_conf(path, &err);
		CHECK_INT(c != NULL, rows[i].wrong == NULL);
		if (c == NULL && rows[i].wrong != NULL)
			CHECK(strstr(err.text, rows[i].wrong) != NULL);
		conf_free(c);
	}
	(void)close(fd);
	(void)unlink(path);
}

static const struct unit_test tests[] = {
    {"nonces", test_nonce},
    {"rates", test_rate},
    {"who is limited", test_rate_peer},
    {"authentication results", test_authres},
    {"query", test_query},
    {"conf", test_conf},
    {"default file", test_default_file},
    {"manual", test_manual},
    {NULL, NULL},
};

int
main(int argc, char **argv)
{
	if (conf_source_print(&conf_cloud, argc, argv))
		return (0);
	return (unit_main("cloud", tests));
}
