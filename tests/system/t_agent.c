/*
 * t_agent - the agent enrols a mailbox when it may, once, whatever lies in the
 * mailbox besides.
 */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "agenthouse.h"
#include "base/clock.h"

static void
t_enrol(void)
{
	json_t *o;

	move_in("");
	unit_row("by a login");
	log_in(ANNA, true);
	CHECK(wait_for("step", "done"));
	CHECK_UINT(fakecloud_requests(&cloud, "POST /acme/new-account MADE"),
	    1);
	CHECK_UINT(fakecloud_requests(&cloud, "POST /acme/new-order"), 1);
	CHECK_UINT(play.submits, 1);
	CHECK_UINT(play.removes, 1);
	CHECK_UINT(play.certs, 1);
	CHECK_UINT(play.bundles, 1);
	CHECK_UINT(play.rotates, 0);
	o = status();
	CHECK(json_object_get(o, "sign") != NULL);
	CHECK(json_object_get(o, "encrypt") != NULL);
	CHECK(json_object_get(o, "error") == NULL);
	CHECK_UINT(json_array_size(json_object_get(o, "releases")), 1);
	json_decref(o);
	unit_row("another login changes nothing");
	log_in(ANNA, true);
	pause_ms(300);
	CHECK_UINT(fakecloud_requests(&cloud, "POST /acme/new-order"), 1);
	unit_row("nor does a restart");
	CHECK_INT(stop_agent(), 0);
	start_agent();
	pause_ms(300);
	CHECK(has("step", "done"));
	CHECK_UINT(fakecloud_requests(&cloud, "POST /acme/new-order"), 1);
	move_out();
}

static void
t_permitted(void)
{
	static const struct {
		const char *name, *conf, *account;
		bool loopback, want;
	} rows[] = {
	    {"loopback only", "", ANNA, true, true},
	    {"a shared host", "", ANNA, false, false},
	    {"in the list", "[enrol]\naccounts = b@y.test, " ANNA "\n", ANNA,
	        false, true},
	    {"of the domain", "[enrol]\naccounts = *@x.test\n", ANNA, false,
	        true},
	    {"all", "[enrol]\naccounts = *\n", ANNA, false, true},
	    {"not in the list", "[enrol]\naccounts = b@y.test\n", ANNA, true,
	        false},
	    {"another domain", "[enrol]\naccounts = *@test\n", ANNA, true,
	        false},
	    {"nobody", "[enrol]\naccounts =\n", ANNA, true, false},
	    {"no address", "", "anna", true, false},
	};
	json_t *o;
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		unit_row(rows[i].name);
		move_in(rows[i].conf);
		log_in(rows[i].account, rows[i].loopback);
		if (rows[i].want) {
			CHECK(wait_for("step", ""));
		} else {
			pause_ms(100);
			o = status();
			CHECK(o == NULL);
			json_decref(o);
		}
		move_out();
	}
}

/* Anybody can send mails that look like a challenge: they delay nothing, and
 * stay where they are. */
static void
t_forged(void)
{
	uint64_t begin;

	unit_row("newer ones");
	move_in("");
	play.newer = 5;
	begin = clock_now().mono;
	log_in(ANNA, true);
	CHECK(wait_for("step", "done"));
	CHECK(clock_now().mono - begin < 15000);
	CHECK_UINT(play.submits, 1);
	CHECK_UINT(play.removes, 1);
	move_out();

	unit_row("and more come");
	move_in("");
	fakecloud_plan(&cloud, "/acme/new-order silent\n");
	play.older = 3;
	log_in(ANNA, true);
	CHECK(wait_for("error", "forged"));
	CHECK(wait_count(&play.checks, 3));
	pause_ms(500);
	CHECK_UINT(play.checks, 3);
	play.newer = 25;
	fakecloud_write(&cloud, "mail", "1 AAAAAAAAAAAAAAAAAAAAAAAA-1");
	CHECK(wait_for("step", "done"));
	CHECK_UINT(play.submits, 1);
	move_out();

	unit_row("each is looked at once");
	move_in("");
	fakecloud_plan(&cloud, "/acme/new-order silent\n");
	play.older = 25;
	log_in(ANNA, true);
	CHECK(wait_for("error", "forged"));
	CHECK(wait_count(&play.finds, 26));
	CHECK_UINT(play.checks, 25);
	move_out();

	unit_row("one that the verifier dies of");
	move_in("");
	play.newer = 1;
	play.deadly = NEWER;
	log_in(ANNA, true);
	CHECK(wait_for("step", "done"));
	CHECK_UINT(play.submits, 1);
	move_out();
}

/* Somebody else has ordered a certificate for the same mailbox: his challenge
 * is as genuine as ours. */
static void
t_stranger(void)
{
	json_t *o;

	unit_row("answered, too");
	move_in("");
	play.stranger = GENUINE + 500;
	log_in(ANNA, true);
	CHECK(wait_for("step", "done"));
	/* each was answered once */
	CHECK_UINT(play.submits, 2);
	CHECK_UINT(play.removes, 2);
	CHECK_UINT(fakecloud_requests(&cloud, "POST /acme/new-order"), 1);
	o = status();
	CHECK(json_object_get(o, "error") == NULL);
	json_decref(o);
	move_out();

	unit_row("not answered: it stays");
	move_in("");
	play.stranger = GENUINE - 100;
	log_in(ANNA, true);
	CHECK(wait_for("step", "done"));
	CHECK_UINT(play.submits, 1);
	CHECK_UINT(play.removes, 1);
	CHECK(play.stranger != 0);
	move_out();

	unit_row("no stranger's: an order of ours came to nothing");
	move_in("");
	play.check = ERR_UNAVAILABLE;
	log_in(ANNA, true);
	CHECK(wait_for("step", "find"));
	fakecloud_plan(&cloud, "/acme/authz authz-status invalid\n");
	play.check = ERR_OK;
	CHECK_INT(ask(OP_ENROL, ANNA, ""), ERR_OK);
	CHECK(wait_for("error", "invalid"));
	fakecloud_plan(&cloud, "");
	play.stranger = GENUINE + 1;
	CHECK(goes_on());
	CHECK_UINT(play.stranger, 0);
	move_out();

	unit_row("nobody was logged in when it was time");
	move_in("");
	play.log_out_after = true;
	log_in(ANNA, true);
	CHECK(wait_for("step", "done"));
	CHECK_UINT(play.removes, 0);
	play.log_out_after = play.logged_out = false;
	log_in(ANNA, true);
	CHECK(wait_count(&play.removes, 1));
	CHECK(wait_for("step", "done"));
	CHECK_UINT(play.removes, 1);
	CHECK_UINT(play.certs, 1);
	move_out();
}

/* The verifier has no network: what it needs of the DNS is asked here. */
static void
t_dkim(void)
{
	static const struct {
		const char *name, *record;
		unsigned rcode;
		bool spoofed;
		const char *error; /* NULL: it works */
		unsigned least;    /* questions */
	} rows[] = {
	    {"signed by DKIM", "v=DKIM1; p=abc", 0, false, NULL, 1},
	    {"somebody else answers first", "v=DKIM1; p=abc", 0, true, NULL, 1},
	    {"no record", NULL, 0, false, "forged", 1},
	    {"no such name", NULL, 3, false, "forged", 1},
	    {"a server that fails", NULL, 2, false, "no answer", 4},
	    {"a server that says nothing", NULL, 99, false, "no answer", 4},
	};
	char conf[200];
	size_t i;

	(void)snprintf(conf, sizeof(conf),
	    "challenge = dkim\nnameservers = %s\n", nameserver);
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		unit_row(rows[i].name);
		move_in(conf);
		play.dkim = true;
		play.record = rows[i].record;
		play.rcode = rows[i].rcode;
		play.spoofed = rows[i].spoofed;
		log_in(ANNA, true);
		if (rows[i].error != NULL) {
			CHECK(wait_for("error", rows[i].error));
			CHECK_UINT(play.submits, 0);
			play.record = "v=DKIM1; p=abc";
			play.rcode = 0;
			CHECK(goes_on());
		} else
			CHECK(wait_for("step", "done"));
		CHECK(play.questions >= rows[i].least);
		CHECK_UINT(play.submits, 1);
		move_out();
	}
}

/* A challenge is answered with an order pending, once. */
static void
t_once(void)
{
	move_in("");
	unit_row("no order pending");
	fakecloud_write(&cloud, "mail", "9 AAAAAAAAAAAAAAAAAAAAAAAA-9");
	pause_ms(500);
	CHECK_UINT(play.submits, 0);
	fakecloud_write(&cloud, "mail", "");
	unit_row("two logins at once");
	log_in(ANNA, true);
	log_in(ANNA, true);
	CHECK_INT(ask(OP_ENROL, ANNA, ""), ERR_OK);
	CHECK(wait_for("step", "done"));
	CHECK_UINT(fakecloud_requests(&cloud, "POST /acme/new-order"), 1);
	CHECK_UINT(play.submits, 1);
	unit_row("replayed afterwards");
	fakecloud_write(&cloud, "mail", "1 AAAAAAAAAAAAAAAAAAAAAAAA-1");
	log_in(ANNA, true);
	pause_ms(500);
	CHECK_UINT(play.submits, 1);
	move_out();
}

static void
t_login(void)
{
	move_in("");
	unit_row("nobody is logged in");
	play.logged_out = true;
	CHECK_INT(ask(OP_ENROL, ANNA, ""), ERR_OK);
	CHECK(wait_for("error", "nobody is logged in"));
	CHECK(has("step", "find"));
	unit_row("somebody is");
	play.logged_out = false;
	log_in(ANNA, true);
	CHECK(wait_for("step", "done"));
	unit_row("no such account");
	CHECK_INT(ask(OP_ENROL, "nobody", ""), ERR_NOTFOUND);
	CHECK_INT(ask(OP_RELEASE_LOG, "eve@x.test", ""), ERR_NOTFOUND);
	CHECK_INT(ask(OP_REVOKE, "", "zz"), ERR_SYNTAX);
	unit_row("another account's mailbox");
	CHECK_INT(ask(OP_ENROL, ANNA, "eve@x.test"), ERR_DENIED);
	CHECK_INT(ask(OP_RENEW, ANNA, "eve@x.test"), ERR_DENIED);
	unit_row("release log");
	CHECK_INT(ask(OP_RELEASE_LOG, ANNA, ""), ERR_OK);
	CHECK_UINT(play.from, 0);
	unit_row("release log of three pages");
	play.pages = 2;
	play.bundles = 0;
	CHECK_INT(ask(OP_RELEASE_LOG, ANNA, ""), ERR_OK);
	CHECK_UINT(play.bundles, 3);
	CHECK_UINT(play.from, 1);
	unit_row("release log without an end");
	play.pages = 1000;
	CHECK_INT(ask(OP_RELEASE_LOG, ANNA, ""), ERR_LIMIT);
	play.pages = 0;
	move_out();
	unit_row("no cloud");
	house_open(&h, "");
	start_agent();
	CHECK_INT(ask(OP_ENROL, ANNA, ""), ERR_UNSUPPORTED);
	move_out();
}

/* The fingerprint of a certificate in use, in a static place. */
static const char *
in_use(const char *use)
{
	static char hex[2 * FINGERPRINT + 1];
	json_t *o = status();

	(void)snprintf(hex, sizeof(hex), "%s",
	    json_string_value(
	        json_object_get(json_object_get(o, use), "fingerprint")));
	json_decref(o);
	return (hex);
}

/* Revoke, and wait until all that follows is done. */
static void
revoked(const char *who, const char *hex, unsigned certs, unsigned bundles)
{
	play.certs = play.bundles = play.rotates = 0;
	CHECK_INT(ask(OP_REVOKE, who, hex), ERR_OK);
	pause_ms(200);
	CHECK(wait_for("step", "done"));
	CHECK_UINT(play.certs, certs);
	CHECK_UINT(play.bundles, bundles);
	CHECK_UINT(play.rotates, 0);
}

/* What is revoked is replaced, and nothing else (RFC 8555 7.6). */
static void
t_revoke(void)
{
	char old[2 * FINGERPRINT + 1];

	move_in("");
	log_in(ANNA, true);
	CHECK(wait_for("step", "done"));
	(void)snprintf(old, sizeof(old), "%s", in_use("sign"));
	unit_row("the signing certificate");
	revoked("", old, 1, 1);
	CHECK(strcmp(in_use("sign"), old) != 0);
	unit_row("one that was used before");
	CHECK_INT(ask(OP_REVOKE, "", old), ERR_NOTFOUND);
	revoked(ANNA, old, 0, 0);
	unit_row("the encryption certificate");
	revoked("", in_use("encrypt"), 0, 1);
	move_out();
}

int
main(void)
{
	static const struct unit_test tests[] = {
	    {"enrol", t_enrol},
	    {"permitted", t_permitted},
	    {"forged", t_forged},
	    {"stranger", t_stranger},
	    {"DKIM", t_dkim},
	    {"once", t_once},
	    {"login", t_login},
	    {"revoke", t_revoke},
	    {NULL, NULL},
	};

	return (agenthouse_main("t_agent", tests));
}
