/*
 * t_roles_die - sealer, agent and verifier die at inconvenient moments.
 */
#include "config.h"

#include <sys/wait.h>

#include <stdlib.h>
#include <unistd.h>

#include "base/limits.h"
#include "proto/op.h"
#include "proto/start.h"
#include "rolehouse.h"

#ifdef WAXWING_TEST_HOOKS

/* What a sealer's death leaves behind. */
static void
t_sealer_dies(void)
{
	static const struct {
		const char *name, *faults;
		size_t keys; /* there afterwards */
	} t[] = {
	    {"before the keys are stored", "sealer.import exit 1", 0},
	    {"after the keys are stored", "sealer.import.stored abort 1", 1},
	};
	struct seal_req q = request(true, true, NULL, 0);
	size_t i;

	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		unit_row(t[i].name);
		house_open(&h, CONF);
		start_sealer();
		house_faults(&h, t[i].faults);
		CHECK_INT(import_key("", "anna@x.test", "anna.sign.p12",
		              "secret", NULL),
		    ERR_UNAVAILABLE);
		(void)tenant_stop(&sealer);
		house_faults(&h, "");
		start_sealer();
		CHECK_UINT(count_keys("anna@x.test"), t[i].keys);
		stop_all();
	}
	move_in();
	unit_row("while sealing");
	house_faults(&h, "sealer.seal exit 1");
	CHECK_INT(seal(&q, MAIL, NULL), ERR_UNAVAILABLE);
	(void)tenant_stop(&sealer);
	start_sealer();
	house_faults(&h, "sealer.seal.answer abort 1");
	CHECK_INT(seal(&q, MAIL, NULL), ERR_UNAVAILABLE);
	(void)tenant_stop(&sealer);
	house_faults(&h, "sealer.seal.answer error 1");
	start_sealer();
	CHECK_INT(seal(&q, MAIL, NULL), ERR_UNAVAILABLE);
	unit_row("and lives again");
	CHECK_INT(seal(&q, MAIL, NULL), ERR_OK);
	openssl_reads("anna.encrypt");
	stop_all();
}

/* Somebody who takes the agent's question and dies of it. */
static int
dying_main(int fd)
{
	char c[4096];

	/* START, CONF and PEER are answered by nobody: never started so */
	while (read(fd, c, sizeof(c)) == -1)
		usleep(10000);
	return (1);
}

static void
die_once(void)
{
	struct peer_req q = {.role = ROLE_OPENER};
	struct buf body;
	struct reply r;
	int fds[2];

	q.account = str_of("", 0);
	if (proc_pair(fds, NULL) == -1)
		abort();
	if (fork() == 0) {
		close(fds[0]);
		_exit(dying_main(fds[1]));
	}
	close(fds[1]);
	buf_init(&body, LIMIT_RECORD);
	peer_req_put(&body, &q);
	reply_ask(&r, agent.parent, OP_PEER, buf_text(&body), &fds[0], 1);
	reply_wait(&h, &r);
	close(fds[0]);
	reply_clear(&r);
	buf_clear(&body);
}

/* The verifier restarts in the middle; then it dies twice. */
static void
t_verifier_dies(void)
{
	char trust = TRUST_MANUAL;
	struct blob *blob;
	struct err why;
	struct reply r;
	int fd, status;

	house_open(&h, CONF);
	start_sealer();
	start_agent();
	unit_row("died once");
	blob = cert_file("bert.crt");
	fd = blob_fd(blob);
	die_once();
	reply_ask(&r, agent.parent, OP_CERT_IMPORT, str_of(&trust, 1), &fd, 1);
	CHECK(waitpid(-1, &status, 0) > 0);
	start_verifier();
	reply_wait(&h, &r);
	CHECK_INT(r.err.code, ERR_OK);
	reply_clear(&r);
	CHECK_INT(look_up("bert@x.test").state, LOOKUP_USABLE);

	unit_row("died twice");
	CHECK_INT(tenant_stop(&verifier), 0);
	verifier.pid = 0;
	die_once();
	reply_ask(&r, agent.parent, OP_CERT_IMPORT, str_of(&trust, 1), &fd, 1);
	CHECK(waitpid(-1, &status, 0) > 0);
	die_once();
	CHECK(waitpid(-1, &status, 0) > 0);
	reply_wait(&h, &r);
	CHECK_INT(r.err.code, ERR_UNAVAILABLE);
	reply_clear(&r);
	blob_unref(blob);

	unit_row("agent dies before it stores");
	start_verifier();
	house_faults(&h, "agent.cert.store exit 1");
	CHECK_INT(import_cert("anna.sign.crt", &why), -1);
	CHECK_INT(why.code, ERR_UNAVAILABLE);
	(void)tenant_stop(&agent);
	house_faults(&h, "");
	start_agent();
	CHECK_INT(look_up("bert@x.test").state, LOOKUP_USABLE);
	house_faults(&h, "agent.lookup error");
	CHECK_INT(look_up("bert@x.test").state, LOOKUP_ERROR);
	stop_all();
}

#endif

int
main(void)
{
	static const struct unit_test tests[] = {
#ifdef WAXWING_TEST_HOOKS
	    {"sealer dies", t_sealer_dies},
	    {"verifier dies", t_verifier_dies},
#endif
	    {NULL, NULL},
	};

	return (rolehouse_main("t_roles_die", tests));
}
