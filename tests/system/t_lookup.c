/*
 * t_lookup - agent and verifier as processes, and a cloud that is down, slow
 * or lying: what comes of looking up a recipient.
 */
#include "config.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/agent.h"
#include "base/clock.h"
#include "base/limits.h"
#include "fakecloud.h"
#include "house.h"
#include "opener/opener.h"
#include "proto/keys.h"
#include "proto/op.h"

#define DAY 86400

static struct fakecloud cloud;
static struct house h;
static struct tenant agent, verifier;
static char clock_file[200];

static void
set_clock(long offset)
{
	FILE *f = fopen(clock_file, "we");

	if (f == NULL || fprintf(f, "%ld\n", offset) < 0 || fclose(f) != 0)
		abort();
}

static void
start_agent(void)
{
	CHECK(tenant_start(&h, &agent, ROLE_AGENT, agent_main, "") == 0);
	house_proxy(&h, &agent);
	house_link(&h, &agent, &verifier);
}

static void
move_in(const char *ca)
{
	char conf[800];

	fakecloud_plan(&cloud, "");
	fakecloud_forget(&cloud);
	set_clock(0);
	(void)snprintf(conf, sizeof(conf),
	    "[cloud]\nurl = %s\nca_file = %s/%s\n", cloud.url, cloud.dir, ca);
	house_open(&h, conf);
	CHECK(tenant_start(&h, &verifier, ROLE_OPENER, opener_main, "") == 0);
	start_agent();
}

static void
move_out(void)
{
	CHECK_INT(tenant_stop(&agent), 0);
	CHECK_INT(tenant_stop(&verifier), 0);
	house_close(&h);
}

static void
restart_agent(void)
{
	CHECK_INT(tenant_stop(&agent), 0);
	start_agent();
}

static struct lookup_ans
look_up(const char *address)
{
	return (house_look_up(&h, agent.proxy, address));
}

/* Until the cloud was asked so often; what is asked in the background takes its
 * time. */
static bool
wait_asked(const char *what, unsigned n)
{
	int i;

	for (i = 0; i < 400 && fakecloud_requests(&cloud, what) < n; i++)
		usleep(50000);
	return (fakecloud_requests(&cloud, what) == n);
}

/* Found once, then answered from what is known. */
static void
t_found(void)
{
	struct lookup_ans a;

	move_in("ca.crt");
	unit_row("found");
	a = look_up("Anna@x.test");
	CHECK_INT(a.err.code, ERR_OK);
	CHECK_INT(a.state, LOOKUP_USABLE);
	CHECK(a.recent);
	CHECK_INT(a.trust, TRUST_DISCOVERED);
	CHECK_UINT(fakecloud_requests(&cloud, "GET /search"), 1);
	CHECK_UINT(fakecloud_requests(&cloud, "GET /crl"), 1);
	unit_row("cached");
	CHECK_INT(look_up("anna@x.test").state, LOOKUP_USABLE);
	restart_agent();
	CHECK_INT(look_up("anna@x.test").state, LOOKUP_USABLE);
	CHECK_UINT(fakecloud_requests(&cloud, "GET "), 2);
	unit_row("stale: used, and asked in the background");
	set_clock(2 * DAY);
	CHECK_INT(look_up("anna@x.test").state, LOOKUP_USABLE);
	CHECK(wait_asked("GET /crl", 2));
	CHECK_INT(look_up("nobody@x.test").state, LOOKUP_NONE);
	CHECK_UINT(fakecloud_requests(&cloud, "GET /search?email=anna"), 2);
	CHECK_UINT(fakecloud_requests(&cloud, "GET /crl"), 2);
	unit_row("unchanged");
	CHECK_UINT(
	    fakecloud_requests(&cloud, "GET /search?email=anna%40x.test \""),
	    1);
	CHECK_INT(look_up("anna@x.test").state, LOOKUP_USABLE);
	move_out();
}

static void
t_none(void)
{
	struct lookup_ans a;

	move_in("ca.crt");
	unit_row("nobody");
	a = look_up("nobody@x.test");
	CHECK_INT(a.state, LOOKUP_NONE);
	CHECK(!a.recent);
	unit_row("negative cache");
	CHECK_INT(look_up("nobody@x.test").state, LOOKUP_NONE);
	CHECK_UINT(fakecloud_requests(&cloud, "GET /search"), 1);
	unit_row("enrolled meanwhile");
	set_clock(100);
	fakecloud_plan(&cloud, "/search cert anna@x.test\n");
	CHECK_INT(look_up("nobody@x.test").state, LOOKUP_ERROR);
	fakecloud_plan(&cloud, "");
	set_clock(200);
	CHECK_INT(look_up("nobody@x.test").state, LOOKUP_NONE);
	unit_row("several in one answer");
	fakecloud_plan(&cloud, "/search multipart bert-old bert\n");
	a = look_up("bert@x.test");
	CHECK_INT(a.state, LOOKUP_USABLE);
	unit_row("the issuer has to be fetched");
	fakecloud_plan(&cloud, "");
	CHECK_INT(look_up("dave@x.test").state, LOOKUP_USABLE);
	CHECK_UINT(fakecloud_requests(&cloud, "GET /ca"), 1);
	CHECK_UINT(fakecloud_requests(&cloud, "GET /subcrl"), 1);
	unit_row("odd characters");
	fakecloud_plan(&cloud, "/search cert anna@x.test\n");
	CHECK_INT(look_up("a&b=c/?#%@x.test").state, LOOKUP_ERROR);
	CHECK_UINT(fakecloud_requests(&cloud,
	               "GET /search?email=a%26b%3Dc%2F%3F%23%25%40x.test"),
	    1);
	move_out();
}

/* Certificates that must not be used. */
static void
t_refused(void)
{
	static const struct {
		const char *name, *plan;
		enum lookup_state want;
	} rows[] = {
	    {"another address", "cert anna@x.test", LOOKUP_ERROR},
	    {"another authority", "cert carl-other", LOOKUP_NONE},
	    {"for signing only", "cert carl-sign", LOOKUP_NONE},
	    {"a list that is elsewhere only", "cert carl-sub", LOOKUP_ERROR},
	    {"revoked", "cert carl-revoked", LOOKUP_NONE},
	    {"no certificate", "text rubbish", LOOKUP_ERROR},
	    {"unknown type", "type text/html", LOOKUP_ERROR},
	};
	char plan[200];
	size_t i;

	move_in("ca.crt");
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		unit_row(rows[i].name);
		(void)snprintf(plan, sizeof(plan), "/search %s\n",
		    rows[i].plan);
		set_clock((long)i * 200);
		fakecloud_plan(&cloud, plan);
		CHECK_INT(look_up("carl@x.test").state, rows[i].want);
	}
	unit_row("and a good one");
	set_clock(2000);
	fakecloud_plan(&cloud, "");
	CHECK_INT(look_up("carl@x.test").state, LOOKUP_USABLE);
	unit_row("a list that is elsewhere, too");
	set_clock(2 * DAY);
	fakecloud_plan(&cloud, "/search cert carl-crl\n");
	CHECK_INT(look_up("carl@x.test").state, LOOKUP_USABLE);
	move_out();
}

/* A cloud that is not what it should be. */
static void
t_lying(void)
{
	static const struct {
		const char *name, *plan;
		enum err_code want;
	} rows[] = {
	    {"redirect", "/search redirect https://127.0.0.1:1/x\n", ERR_PEER},
	    {"status 500", "/search status 500\n", ERR_UNAVAILABLE},
	    {"status 429", "/search status 429\n", ERR_UNAVAILABLE},
	    {"truncated body", "/search truncate\n", ERR_PEER},
	    {"endless body", "/search endless\n", ERR_LIMIT},
	    {"10 MB of JSON", "/search huge\n", ERR_LIMIT},
	    {"no list of revocations", "/crl status 404\n", ERR_UNAVAILABLE},
	    {"a list that is none", "/crl text rubbish\n", ERR_UNAVAILABLE},
	    {"endless list", "/crl endless\n", ERR_UNAVAILABLE},
	};
	struct lookup_ans a;
	size_t i;

	move_in("ca.crt");
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		unit_row(rows[i].name);
		fakecloud_plan(&cloud, rows[i].plan);
		a = look_up("anna@x.test");
		CHECK_INT(a.state, LOOKUP_ERROR);
		CHECK_INT(a.err.code, rows[i].want);
	}
	unit_row("slow");
	fakecloud_plan(&cloud, "/search slow 6\n");
	a = look_up("anna@x.test");
	CHECK_INT(a.state, LOOKUP_ERROR);
	CHECK_INT(a.err.code, ERR_TIMEOUT);
	unit_row("nobody waits for it again");
	CHECK_INT(look_up("bert@x.test").err.code, ERR_UNAVAILABLE);
	move_out();

	unit_row("of another authority");
	move_in("other.crt");
	a = look_up("anna@x.test");
	CHECK_INT(a.state, LOOKUP_ERROR);
	CHECK_INT(a.err.code, ERR_UNTRUSTED);
	CHECK_UINT(fakecloud_requests(&cloud, "GET /"), 0);
	move_out();
}

#ifdef WAXWING_TEST_HOOKS
/* Who could be sealed to is not written to in clear text because the cloud
 * says no, or nothing, until 180 days are over. */
static void
t_recent(void)
{
	struct lookup_ans a;

	move_in("ca.crt");
	unit_row("sealed to");
	CHECK_INT(look_up("anna@x.test").state, LOOKUP_USABLE);
	unit_row("down: what is known is used for a while");
	set_clock(DAY * 3);
	fakecloud_plan(&cloud, "/ status 500\n");
	CHECK_INT(look_up("anna@x.test").state, LOOKUP_USABLE);
	unit_row("down for long");
	set_clock(DAY * 12);
	a = look_up("anna@x.test");
	CHECK_INT(a.state, LOOKUP_ERROR);
	CHECK(a.recent);
	unit_row("404");
	fakecloud_plan(&cloud, "/search status 404\n");
	a = look_up("anna@x.test");
	CHECK_INT(a.state, LOOKUP_NONE);
	CHECK(a.recent);
	restart_agent();
	a = look_up("anna@x.test");
	CHECK_INT(a.state, LOOKUP_NONE);
	CHECK(a.recent);
	unit_row("404 for 179 days");
	set_clock(DAY * (12 + 179));
	CHECK(look_up("anna@x.test").recent);
	unit_row("404 for 181 days");
	set_clock(DAY * (12 + 181));
	a = look_up("anna@x.test");
	CHECK_INT(a.state, LOOKUP_NONE);
	CHECK(!a.recent);
	move_out();
}
#endif

#ifdef WAXWING_TEST_HOOKS
/* The certificate that was in use is revoked. */
static void
t_revoked(void)
{
	int i;

	move_in("ca.crt");
	fakecloud_say(&cloud, "issue dora@x.test dora@x.test");
	unit_row("usable");
	CHECK_INT(look_up("dora@x.test").state, LOOKUP_USABLE);
	fakecloud_say(&cloud, "revoke dora@x.test");
	unit_row("revoked");
	set_clock(2 * DAY);
	for (i = 0; i < 400; i++) {
		if (look_up("dora@x.test").state == LOOKUP_NONE)
			break;
		usleep(50000);
	}
	CHECK_INT(look_up("dora@x.test").state, LOOKUP_NONE);
	CHECK(look_up("dora@x.test").recent);
	move_out();
}

/* The agent dies between two writes. */
static void
t_dies(void)
{
	struct lookup_req q = {STR("anna@x.test")};
	struct buf body;
	struct reply r;

	move_in("ca.crt");
	unit_row("before it remembers");
	house_faults(&h, "agent.looked exit 1");
	buf_init(&body, LIMIT_RECORD);
	lookup_req_put(&body, &q);
	reply_ask(&r, agent.proxy, OP_LOOKUP, buf_text(&body), NULL, 0);
	reply_wait(&h, &r);
	CHECK_INT(r.err.code, ERR_UNAVAILABLE);
	reply_clear(&r);
	buf_clear(&body);
	(void)tenant_stop(&agent);
	house_faults(&h, "");
	start_agent();
	CHECK_INT(look_up("anna@x.test").state, LOOKUP_USABLE);
	unit_row("the disk is full");
	house_faults(&h, "agent.looked error");
	CHECK_INT(look_up("bert@x.test").state, LOOKUP_ERROR);
	house_faults(&h, "");
	CHECK_INT(look_up("bert@x.test").state, LOOKUP_USABLE);
	move_out();
}
#endif

/* A verifier that hangs has to be replaced: nobody could be sealed to. */
static void
t_hung(void)
{
	move_in("ca.crt");
	unit_row("it hangs");
	CHECK_INT(kill(verifier.pid, SIGSTOP), 0);
	CHECK_INT(look_up("anna@x.test").err.code, ERR_TIMEOUT);
	CHECK_UINT(agent.accused[ROLE_OPENER], 1);
	unit_row("and is replaced");
	CHECK_INT(kill(verifier.pid, SIGKILL), 0);
	(void)tenant_stop(&verifier);
	CHECK(tenant_start(&h, &verifier, ROLE_OPENER, opener_main, "") == 0);
	house_link(&h, &agent, &verifier);
	CHECK_INT(look_up("anna@x.test").state, LOOKUP_USABLE);
	CHECK_UINT(agent.accused[ROLE_OPENER], 1);
	move_out();
}

/* The same is not asked twice; the cloud goes away for good. */
static void
t_many(void)
{
	struct lookup_req q = {STR("bert@x.test")};
	struct reply r[20];
	struct lookup_ans a;
	struct err err;
	struct buf body;
	size_t i;

	move_in("ca.crt");
	unit_row("at once");
	fakecloud_plan(&cloud, "/search slow 0.3\n");
	buf_init(&body, LIMIT_RECORD);
	lookup_req_put(&body, &q);
	for (i = 0; i < 20; i++)
		reply_ask(&r[i], agent.proxy, OP_LOOKUP, buf_text(&body), NULL,
		    0);
	for (i = 0; i < 20; i++) {
		reply_wait(&h, &r[i]);
		CHECK(lookup_ans_get(buf_text(&r[i].body), &a, &err) == 0);
		CHECK_INT(a.state, LOOKUP_USABLE);
		reply_clear(&r[i]);
	}
	buf_clear(&body);
	CHECK_UINT(fakecloud_requests(&cloud, "GET /search"), 1);
	unit_row("down");
	fakecloud_stop(&cloud);
	a = look_up("anna@x.test");
	CHECK_INT(a.state, LOOKUP_ERROR);
	CHECK_INT(a.err.code, ERR_UNAVAILABLE);
	CHECK_INT(look_up("bert@x.test").state, LOOKUP_USABLE);
	move_out();
}

int
main(void)
{
	static const struct unit_test tests[] = {
	    {"found", t_found},
	    {"none", t_none},
	    {"refused", t_refused},
	    {"lying", t_lying},
#ifdef WAXWING_TEST_HOOKS
	    {"recent", t_recent},
	    {"revoked", t_revoked},
	    {"dies", t_dies},
#endif
	    {"hung", t_hung},
	    {"many", t_many}, /* the cloud is gone afterwards */
	    {NULL, NULL},
	};
	char here[150];
	int rc = 1;

	(void)signal(SIGPIPE, SIG_IGN);
	if (getcwd(here, sizeof(here)) == NULL)
		return (1);
	(void)snprintf(clock_file, sizeof(clock_file), "%s/t_lookup.clock",
	    here);
	(void)setenv("WAXWING_CLOCK", clock_file, 1);
	if (fakecloud_start(&cloud, "t_lookup.cloud") == 0) {
		fakecloud_say(&cloud, "issue anna@x.test anna@x.test");
		fakecloud_say(&cloud, "issue bert-old bert@x.test");
		fakecloud_say(&cloud, "issue bert bert@x.test");
		fakecloud_say(&cloud, "issue bert@x.test bert@x.test");
		fakecloud_say(&cloud, "issue carl@x.test carl@x.test");
		fakecloud_say(&cloud,
		    "issue carl-other carl@x.test encrypt other");
		fakecloud_say(&cloud, "issue carl-sign carl@x.test sign");
		fakecloud_say(&cloud, "issue carl-crl carl@x.test encrypt ca "
		                      "https://127.0.0.2:1/crl");
		fakecloud_say(&cloud,
		    "issue dave@x.test dave@x.test aia sub %s/subcrl",
		    cloud.url);
		fakecloud_say(&cloud, "issue carl-sub carl@x.test aia sub "
		                      "http://127.0.0.2:1/subcrl");
		fakecloud_say(&cloud, "issue carl-revoked carl@x.test");
		fakecloud_say(&cloud, "revoke carl-revoked");
		rc = unit_main("lookup", tests);
	} else
		(void)fprintf(stderr, "the cloud does not start\n");
	fakecloud_remove(&cloud);
	(void)unlink(clock_file);
	return (rc);
}
