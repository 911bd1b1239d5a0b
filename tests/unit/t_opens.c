/*
 * opens.c with a parent and an opener that this test plays, at the other ends
 * of real links.
 */
#include "config.h"

#include "proxy/opens.h"

#include <sys/socket.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/limits.h"
#include "proto/op.h"
#include "proto/start.h"
#include "sys/log.h"
#include "sys/memfd.h"
#include "turn.h"
#include "unit.h"

static char login[] = "me@example.org";
static struct proxy proxy;
static struct account me = {.proxy = &proxy, .login = login};

/* The other side. */
static struct ipc *parent, *opener;
static unsigned openers; /* that were started */
static unsigned dies;    /* so many of them at the next OP_TEXT, ... */
static unsigned dead;    /* ... and so many are when they are handed over */
static bool silent;      /* nothing is answered */
static size_t answer_len = 5, view_len = 4;
static unsigned opened, wholes, kept; /* requests that came */

/* What the asker was told. */
static struct {
	unsigned calls;
	bool none;
	size_t len;
} told;

/* Answer with so many bytes in a memfd; body is swallowed. */
static void
answer_bytes(struct ipc *l, struct ipc_msg *msg, struct buf *body, size_t len)
{
	char *bytes = calloc(1, len);
	struct blob *blob = memfd_copy(bytes, len, NULL);

	ipc_answer(l, msg->op, msg->id, buf_text(body), &blob, 1);
	buf_clear(body);
	blob_unref(blob);
	free(bytes);
}

static void
answer_text(struct ipc *l, struct ipc_msg *msg)
{
	struct err none = {.code = ERR_OK};
	struct buf body;

	buf_init(&body, LIMIT_RECORD);
	rec_put_err(&body, &none);
	answer_bytes(l, msg, &body, answer_len);
}

static void
answer_open(struct ipc *l, struct ipc_msg *msg)
{
	struct open_ans ans = {.result = OPEN_OPENED};
	struct buf body;

	buf_init(&body, LIMIT_RECORD);
	open_ans_put(&body, &ans);
	answer_bytes(l, msg, &body, view_len);
}

static void
opener_asked(struct ipc *l, struct ipc_msg *msg, void *arg)
{
	struct text_req q;
	struct err err;

	(void)arg;
	if (msg->op == OP_TEXT && dies > 0) {
		dies--;
		ipc_free(opener);
		opener = NULL;
		return;
	}
	if (msg->op == OP_OPEN)
		opened++;
	else if (CHECK_INT(text_req_get(msg->body, &q, &err), 0)) {
		wholes += q.whole;
		kept += !q.whole;
	}
	if (silent)
		return;
	if (msg->op == OP_OPEN)
		answer_open(l, msg);
	else
		answer_text(l, msg);
}

static void
opener_dead(struct ipc *l, const struct err *err, void *arg)
{
	(void)err;
	(void)arg;
	if (l == opener)
		opener = NULL;
	ipc_free(l);
}

static void
parent_asked(struct ipc *l, struct ipc_msg *msg, void *arg)
{
	struct err none = {.code = ERR_OK};
	struct buf body;
	int sv[2];

	(void)arg;
	if (msg->op != OP_OPENER)
		return;
	CHECK_INT(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, sv),
	    0);
	ipc_free(opener);
	opener = NULL;
	if (dead > 0) {
		dead--;
		close(sv[0]);
	} else
		opener = ipc_new(proxy.base, sv[0], "proxy", op_proxy_to_opener,
		    opener_asked, opener_dead, NULL);
	openers++;
	buf_init(&body, LIMIT_RECORD);
	rec_put_err(&body, &none);
	ipc_answer_fds(l, msg->op, msg->id, buf_text(&body), &sv[1], 1);
	buf_clear(&body);
	close(sv[1]);
}

static void
link_dead(struct ipc *l, const struct err *err, void *arg)
{
	(void)l;
	(void)arg;
	CHECK_CSTR(err->text, "");
}

static void
on_text(struct blob *text, void *arg)
{
	CHECK(arg == &told);
	told.calls++;
	told.none = text == NULL;
	told.len = text != NULL ? blob_len(text) : 0;
}

static void
on_view(const struct open_ans *ans, struct blob *view, struct blob *text,
    const struct err *err, void *arg)
{
	unsigned *views = arg;

	(void)text;
	(void)err;
	if (CHECK(ans != NULL && view != NULL))
		CHECK_UINT(blob_len(view), view_len);
	(*views)++;
}

static struct opening *
ask(uint8_t digest, bool whole)
{
	uint8_t d[CRYPT_DIGEST] = {digest};
	/* Plain memory, as a view that is kept may be. */
	struct blob *view = blob_copy("a view", 6);
	struct opening *g = opens_ask_text(&me, view, d, whole, on_text, &told);

	blob_unref(view);
	return (g);
}

static void
begin(void)
{
	opens_free(me.opens);
	me.opens = NULL;
	openers = dies = dead = opened = wholes = kept = 0;
	silent = false;
	answer_len = 5;
	view_len = 4;
	memset(&told, 0, sizeof(told));
}

static void
t_text(void)
{
	begin();
	CHECK(ask(1, true) != NULL);
	CHECK_UINT(told.calls, 0);
	CHECK(turn_until(proxy.base, &told.calls, 1));
	CHECK(!told.none);
	CHECK_UINT(told.len, 5);
	CHECK_UINT(wholes, 1);
	CHECK_UINT(openers, 1);
	CHECK(ask(1, false) != NULL);
	CHECK(turn_until(proxy.base, &told.calls, 2));
	CHECK_UINT(kept, 1);
	CHECK_UINT(openers, 1);
}

/* More than was asked for is nothing. */
static void
t_limit(void)
{
	begin();
	answer_len = LIMIT_SEARCH_TEXT + 1;
	CHECK(ask(1, false) != NULL);
	CHECK(turn_until(proxy.base, &told.calls, 1));
	CHECK(told.none);
	CHECK(ask(1, true) != NULL);
	CHECK(turn_until(proxy.base, &told.calls, 2));
	CHECK_UINT(told.len, answer_len);
	unit_row("more than a view of six bytes can give");
	answer_len = 2 * LIMIT_SEARCH_TEXT + 20 * 6 + 1;
	CHECK(ask(1, true) != NULL);
	CHECK(turn_until(proxy.base, &told.calls, 3));
	CHECK(told.none);
}

/* All that may be inside of a message is LF: each becomes two bytes. */
static void
t_grows(void)
{
	static const uint8_t digest[CRYPT_DIGEST] = {2};
	static const char bytes[64 * 1024];
	struct open_req req = {.account = str_c(login)};
	struct blob *wire = memfd_copy(bytes, sizeof(bytes), NULL);
	unsigned views = 0;
	struct err err;

	begin();
	view_len = 2 * sizeof(bytes) * LIMIT_OPEN_GROWTH;
	CHECK(
	    opens_ask(&me, wire, digest, &req, on_view, &views, &err) != NULL);
	CHECK(turn_until(proxy.base, &views, 1));
	blob_unref(wire);
}

/* Another opener tries once more; who was with the first is served, too. */
static void
t_dies_once(void)
{
	static const uint8_t digest[CRYPT_DIGEST] = {2};
	struct open_req req = {.account = str_c(login)};
	struct blob *wire = memfd_copy("wire", 4, NULL);
	unsigned views = 0;
	struct err err;

	begin();
	dies = 1;
	CHECK(ask(1, true) != NULL);
	CHECK(
	    opens_ask(&me, wire, digest, &req, on_view, &views, &err) != NULL);
	CHECK(turn_until(proxy.base, &told.calls, 1));
	CHECK(!told.none);
	CHECK(turn_until(proxy.base, &views, 1));
	CHECK_UINT(openers, 2);
	blob_unref(wire);
}

/* What two died of is not asked for any more, neither as a whole; all else is.
 */
static void
t_dies_twice(void)
{
	begin();
	dies = 2;
	CHECK(ask(1, true) != NULL);
	CHECK(turn_until(proxy.base, &told.calls, 1));
	CHECK(told.none);
	CHECK(ask(1, true) == NULL);
	CHECK(ask(1, false) == NULL);
	CHECK(ask(2, true) != NULL);
	CHECK(turn_until(proxy.base, &told.calls, 2));
	CHECK(!told.none);
	CHECK_UINT(openers, 3);
}

/* None died of what it was never given.  It is not tried for ever, but another
 * time. */
static void
t_dead(void)
{
	begin();
	dead = 2;
	CHECK(ask(1, true) != NULL);
	CHECK(turn_until(proxy.base, &told.calls, 1));
	CHECK(!told.none);
	CHECK_UINT(openers, 3);
	ipc_free(opener);
	opener = NULL;
	dead = 10;
	CHECK(ask(1, true) != NULL);
	CHECK(turn_until(proxy.base, &told.calls, 2));
	CHECK(told.none);
	dead = 0;
	CHECK(ask(1, true) != NULL);
	CHECK(turn_until(proxy.base, &told.calls, 3));
	CHECK(!told.none);
}

/* Who has cancelled is not called, whatever comes. */
static void
t_cancel(void)
{
	struct opening *g;

	begin();
	unit_row("before it is asked");
	opens_cancel(ask(1, true));
	turn_ms(proxy.base, 50);
	CHECK_UINT(wholes, 0);
	unit_row("while it is made");
	silent = true;
	g = ask(1, true);
	CHECK(turn_until(proxy.base, &wholes, 1));
	opens_cancel(g);
	silent = false;
	CHECK(ask(2, false) != NULL);
	CHECK(turn_until(proxy.base, &kept, 1));
	CHECK(turn_until(proxy.base, &told.calls, 1));
	turn_ms(proxy.base, 50);
	CHECK_UINT(told.calls, 1);
	unit_row("with the account");
	silent = true;
	CHECK(ask(3, true) != NULL);
	CHECK(turn_until(proxy.base, &wholes, 2));
	CHECK(ask(4, true) != NULL);
	opens_free(me.opens);
	me.opens = NULL;
	turn_ms(proxy.base, 50);
	CHECK_UINT(told.calls, 1);
}

/* No more are with the opener at once than may be. */
static void
t_flight(void)
{
	unsigned i;

	begin();
	silent = true;
	for (i = 0; i < LIMIT_ACCOUNT_OPENS + 3; i++)
		CHECK(ask((uint8_t)i, true) != NULL);
	CHECK(turn_until(proxy.base, &wholes, LIMIT_ACCOUNT_OPENS));
	turn_ms(proxy.base, 50);
	CHECK_UINT(wholes, LIMIT_ACCOUNT_OPENS);
}

int
main(void)
{
	static const struct unit_test tests[] = {
	    {"text", t_text},
	    {"limit", t_limit},
	    {"grows", t_grows},
	    {"dies once", t_dies_once},
	    {"dies twice", t_dies_twice},
	    {"dead", t_dead},
	    {"cancel", t_cancel},
	    {"flight", t_flight},
	    {NULL, NULL},
	};
	int sv[2], rc;

	log_init("test", LOG_LEVEL_ERROR);
	if ((proxy.base = event_base_new()) == NULL ||
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, sv) == -1)
		return (1);
	parent = ipc_new(proxy.base, sv[0], "proxy", op_proxy_to_parent,
	    parent_asked, link_dead, NULL);
	proxy.parent =
	    ipc_new(proxy.base, sv[1], "parent", NULL, NULL, link_dead, NULL);
	rc = unit_main("t_opens", tests);
	opens_free(me.opens);
	ipc_free(opener);
	ipc_free(proxy.parent);
	ipc_free(parent);
	event_base_free(proxy.base);
	return (rc);
}
