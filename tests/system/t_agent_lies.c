/*
 * t_agent_lies - a cloud that is down, slow or lying, and answers that the
 * others refuse.
 */
#include "config.h"

#include "agenthouse.h"

/* A cloud that lies: nothing is taken, the status says why, and when it stops
 * lying all is well. */
static void
t_lying(void)
{
	static const struct {
		const char *name, *plan, *error;
	} rows[] = {
	    {"wrong nonce", "/acme/ stale-nonce\n", "badNonce"},
	    {"wrong identifier", "/acme/new-order identifier eve@x.test\n",
	        "another address"},
	    {"wrong identifier later", "/acme/authz identifier eve@x.test\n",
	        "another address"},
	    {"URL of another origin", "/acme/directory origin\n",
	        "another origin"},
	    {"order of another origin", "/acme/new-order origin\n",
	        "another origin"},
	    {"redirect", "/acme/ redirect https://127.0.0.1:1/\n", "redirect"},
	    {"truncated body", "/acme/new-order truncate\n", "cloud"},
	    {"endless body", "/acme/directory endless\n", "larger"},
	    {"10 MB of JSON", "/acme/new-order huge\n", "cloud"},
	    {"deep JSON", "/acme/new-order deep\n", "deeper"},
	    {"no JSON", "/acme/new-order text rubbish\n", "JSON"},
	    {"unknown status", "/acme/authz authz-status odd\n", "status"},
	    {"authorization invalid", "/acme/authz authz-status invalid\n",
	        "invalid"},
	    {"order invalid", "/acme/order order-status invalid\n", "invalid"},
	    {"server error", "/acme/new-account status 503\n", "503"},
	};
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		unit_row(rows[i].name);
		move_in("");
		fakecloud_plan(&cloud, rows[i].plan);
		log_in(ANNA, true);
		CHECK(wait_for("error", rows[i].error));
		CHECK_UINT(play.certs, 0);
		fakecloud_plan(&cloud, "");
		CHECK(goes_on());
		CHECK_UINT(
		    fakecloud_requests(&cloud, "POST /acme/new-account MADE"),
		    1);
		CHECK_UINT(play.certs, 1);
		move_out();
	}
}

/* What the verifier, the sealer or the mail server refuse is not gone on with,
 * until they take it. */
static void
t_refused(void)
{
	static const struct {
		const char *name;
		enum err_code *what;
		const char *error;
		unsigned before, after; /* challenges answered */
	} rows[] = {
	    {"challenge mail forged", &play.check, "forged", 0, 1},
	    {"certificate that does not hold", &play.verify, "as it was told",
	        1, 2},
	    {"certificate for another key", &play.cert_take, "as it was told",
	        1, 2},
	    {"bundle refused", &play.bundle_take, "keys", 1, 1},
	};
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		unit_row(rows[i].name);
		move_in("");
		*rows[i].what = ERR_UNTRUSTED;
		log_in(ANNA, true);
		CHECK(wait_for("error", rows[i].error));
		CHECK_UINT(play.submits, rows[i].before);
		CHECK_UINT(play.bundles, 0);
		*rows[i].what = ERR_OK;
		CHECK(goes_on());
		CHECK_UINT(play.submits, rows[i].after);
		CHECK_UINT(play.certs, 1);
		CHECK_UINT(play.bundles, 1);
		move_out();
	}

	unit_row("certificate for another address");
	move_in("");
	play.verify_address = "eve@x.test";
	log_in(ANNA, true);
	CHECK(wait_for("error", "another address"));
	CHECK_UINT(play.certs, 0);
	play.verify_address = NULL;
	CHECK(goes_on());
	CHECK_UINT(play.certs, 1);
	move_out();

	unit_row("reply refused by the mail server");
	move_in("");
	play.submit = ERR_DENIED;
	log_in(ANNA, true);
	CHECK(wait_for("error", "refused"));
	CHECK_UINT(play.submits, 1);
	play.submit = ERR_OK;
	set_clock(200);
	CHECK(wait_for("step", "done"));
	CHECK_UINT(play.submits, 2);
	move_out();
}

static void
t_down(void)
{
	move_in("");
	unit_row("slow");
	fakecloud_plan(&cloud, "/acme/ slow 0.2\n");
	log_in(ANNA, true);
	CHECK(wait_for("step", "done"));
	move_out();
	/* and for good */
	unit_row("down");
	move_in("");
	fakecloud_stop(&cloud);
	log_in(ANNA, true);
	CHECK(wait_for("error", "connect"));
	move_out();
}

int
main(void)
{
	static const struct unit_test tests[] = {
	    {"lying", t_lying},
	    {"refused", t_refused},
	    {"down", t_down}, /* the cloud is gone afterwards */
	    {NULL, NULL},
	};

	return (agenthouse_main("t_agent_lies", tests));
}
