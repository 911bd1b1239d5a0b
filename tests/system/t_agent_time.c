/*
 * t_agent_time - years in seconds, and an agent that dies at every step.
 */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agenthouse.h"
#include "base/clock.h"

#ifdef WAXWING_TEST_HOOKS

/* How many certificates the cloud has issued. */
static unsigned
issued(void)
{
	unsigned n = 0;
	struct buf text;
	const char *p;

	fakecloud_read(&cloud, "requests", &text);
	for (p = text.data; (p = strstr(p, " ISSUED")) != NULL; p++)
		n++;
	buf_clear(&text);
	return (n);
}

/* It asks for patience. */
static void
t_retry_after(void)
{
	json_t *o;

	move_in("");
	fakecloud_plan(&cloud,
	    "/acme/new-order retry 500\n/acme/new-order status 503\n");
	log_in(ANNA, true);
	CHECK(wait_for("error", "503"));
	o = status();
	CHECK(json_integer_value(json_object_get(o, "next")) >
	      clock_now().wall + 400);
	json_decref(o);
	fakecloud_plan(&cloud, "");
	set_clock(600);
	CHECK(wait_for("step", "done"));
	move_out();

	unit_row("a year of it");
	move_in("");
	fakecloud_plan(&cloud,
	    "/acme/new-order retry 31536000\n/acme/new-order status 503\n");
	log_in(ANNA, true);
	CHECK(wait_for("error", "503"));
	fakecloud_plan(&cloud, "");
	set_clock(DAY + 600);
	CHECK(wait_for("step", "done"));
	move_out();
}

/* Years in seconds. */
static void
t_renew(void)
{
	unsigned i;

	move_in("");
	log_in(ANNA, true);
	CHECK(wait_for("step", "done"));
	unit_row("not yet");
	set_clock(50 * DAY);
	pause_ms(1300);
	CHECK_UINT(play.certs, 1);
	unit_row("due, but nobody is there");
	set_clock(70 * DAY);
	CHECK(wait_for("error", "waits for a login"));
	CHECK_UINT(play.certs, 1);
	for (i = 1; i <= 3; i++) {
		unit_row("at a login");
		set_clock((long)i * 70 * DAY);
		pause_ms(1300);
		log_in(ANNA, true);
		CHECK(wait_count(&play.certs, 1 + i));
		CHECK(wait_for("step", "done"));
		CHECK_UINT(play.certs, 1 + i);
		CHECK_UINT(play.rotates, i);
	}
	unit_row("without the user");
	fakecloud_plan(&cloud, "/acme/new-order reuse\n");
	play.life = 20 * DAY;
	CHECK_INT(ask(OP_RENEW, ANNA, ""), ERR_OK);
	CHECK(wait_count(&play.certs, 5));
	CHECK(wait_for("step", "done"));
	CHECK_UINT(play.certs, 5);
	play.logged_out = true;
	set_clock(226 * DAY);
	CHECK(wait_count(&play.certs, 6));
	CHECK(wait_for("step", "done"));
	CHECK_UINT(play.certs, 6);
	CHECK_UINT(fakecloud_requests(&cloud, "POST /acme/new-account MADE"),
	    1);
	move_out();
}

/* Another device of the same user made a new key. */
static void
t_news(void)
{
	unsigned i;

	move_in("");
	log_in(ANNA, true);
	CHECK(wait_for("step", "done"));
	CHECK_UINT(play.bundles, 1);
	for (i = 1; i <= 2; i++) {
		unit_row(i == 1 ? "just a release" : "a new key");
		play.news = i == 1 ? "release" : "rotate";
		set_clock((long)i * 100);
		log_in(ANNA, true);
		CHECK(wait_count(&play.bundles, i == 1 ? 2 : 4));
		CHECK(wait_for("step", "done"));
		CHECK_UINT(play.bundles, i == 1 ? 2 : 4);
		CHECK_UINT(play.certs, 1);
	}
	unit_row("a new key, long after the mailbox was validated");
	play.news = "rotate";
	set_clock(40 * DAY);
	log_in(ANNA, true);
	CHECK(wait_count(&play.bundles, 6));
	CHECK(wait_for("step", "done"));
	CHECK_UINT(play.bundles, 6);
	CHECK_UINT(play.certs, 2);
	CHECK_UINT(play.rotates, 0);
	move_out();
}

/* And a newer certificate of ours is in the directory than in our hands. */
static void
t_elsewhere(void)
{
	uint8_t fp[FINGERPRINT];
	struct lookup_ans a;

	fakecloud_say(&cloud, "issue " ANNA " " ANNA);
	move_in("");
	unit_row("nothing known yet");
	fakecloud_plan(&cloud, "/search status 404\n");
	CHECK_INT(look_up(ANNA).state, LOOKUP_NONE);
	unit_row("enrolled: at once");
	log_in(ANNA, true);
	CHECK(wait_for("step", "done"));
	a = look_up(ANNA);
	CHECK_INT(a.state, LOOKUP_USABLE);
	CHECK_INT(a.trust, TRUST_VERIFIED);
	memcpy(fp, a.fingerprint, FINGERPRINT);
	unit_row("the directory still says no");
	set_clock(DAY);
	CHECK_INT(look_up(ANNA).state, LOOKUP_USABLE);
	pause_ms(300);
	unit_row("the directory has a newer one");
	fakecloud_plan(&cloud, "");
	set_clock(3 * DAY);
	a = look_up(ANNA);
	CHECK(memcmp(a.fingerprint, fp, FINGERPRINT) == 0);
	pause_ms(500);
	a = look_up(ANNA);
	CHECK_INT(a.state, LOOKUP_USABLE);
	CHECK(memcmp(a.fingerprint, fp, FINGERPRINT) != 0);
	unit_row("asked once");
	CHECK_INT(look_up(ANNA).state, LOOKUP_USABLE);
	pause_ms(200);
	CHECK_UINT(fakecloud_requests(&cloud, "GET /search"), 3);
	unit_row("the cloud is down for long");
	fakecloud_plan(&cloud, "/search status 500\n");
	set_clock(30 * DAY);
	CHECK_INT(look_up(ANNA).state, LOOKUP_USABLE);
	move_out();
}

static void
t_full(void)
{
	move_in("");
	house_faults(&h, "agent.enrol.full error");
	log_in(ANNA, true);
	CHECK(wait_for("error", "full"));
	CHECK_UINT(fakecloud_requests(&cloud, "POST"), 0);
	house_faults(&h, "");
	CHECK(wait_for("step", "done"));
	CHECK_UINT(play.certs, 1);
	move_out();
}

/* It dies at every step, before and after its record is on disk. */
static void
t_dies(void)
{
	static const char *const points[] = {"order", "authorization", "find",
	    "answer", "respond", "validation", "tidy", "finalize",
	    "certificate", "keys", "done"};
	char name[80], fault[120];
	size_t i;
	int after;

	for (i = 0; i < 2 * sizeof(points) / sizeof(points[0]) + 1; i++) {
		after = (int)i % 2;
		(void)snprintf(name, sizeof(name), "agent.enrol.%s.%s",
		    points[i / 2 % 11], after ? "after" : "before");
		if (i == 22)
			(void)snprintf(name, sizeof(name),
			    "agent.enrol.submit");
		unit_row(name);
		move_in("");
		(void)snprintf(fault, sizeof(fault), "%s exit 1", name);
		house_faults(&h, fault);
		log_in(ANNA, true);
		CHECK(!wait_for("step", "done"));
		(void)stop_agent();
		house_faults(&h, "");
		start_agent();
		CHECK(goes_on());
		CHECK_UINT(
		    fakecloud_requests(&cloud, "POST /acme/new-account MADE"),
		    1);
		CHECK(play.submits <= 2);
		CHECK_UINT(play.rotates, 0);
		/* the same certificate may be taken again */
		CHECK_UINT(issued(), 1);
		move_out();
	}
	(void)printf("%zu fault points\n", i);
}

#endif

int
main(void)
{
	static const struct unit_test tests[] = {
#ifdef WAXWING_TEST_HOOKS
	    {"retry after", t_retry_after},
	    {"renew", t_renew},
	    {"news", t_news},
	    {"elsewhere", t_elsewhere},
	    {"full", t_full},
	    {"dies", t_dies},
#endif
	    {NULL, NULL},
	};

	return (agenthouse_main("t_agent_time", tests));
}
