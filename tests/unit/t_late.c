/*
 * late_keep() with an opener that this test plays: what is kept when, and that
 * nothing is kept of what is gone.
 */
#include "config.h"

#include "proxy/late.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "proxy/facts.h"
#include "proxy/opens.h"
#include "sys/log.h"
#include "turn.h"
#include "unit.h"

#define LONG_LEN (300UL * 1024)

/* More that wait are kept without their text: see late.c. */
#define LATE_MAX 16

static char dir[] = "t_late.XXXXXX";
static char domain[] = "example.org";
static char login[] = "me@example.org";
static struct upstream up = {.domain = domain};
static struct proxy proxy;
static struct account me = {.proxy = &proxy, .login = login, .up = &up};
static struct viewcache *views;

/* What the opener was asked. */
struct opening {
	opens_text_fn *fn;
	void *arg;
};
static struct opening *asked; /* the last one; NULL: none is out */
static unsigned asks, cancels;
static bool refuse;

struct opening *
opens_ask_text(struct account *a, struct blob *view,
    const uint8_t digest[CRYPT_DIGEST], bool whole, opens_text_fn *fn,
    void *arg)
{
	CHECK(a == &me && !whole);
	CHECK_UINT(blob_len(view), LONG_LEN);
	CHECK_UINT(digest[0], 1);
	asks++;
	if (refuse || (asked = malloc(sizeof(*asked))) == NULL)
		return (NULL);
	*asked = (struct opening){fn, arg};
	return (asked);
}

void
opens_cancel(struct opening *g)
{
	if (g == NULL)
		return;
	cancels++;
	if (g == asked)
		asked = NULL;
	free(g);
}

static void
answer(const char *search)
{
	struct opening *g = asked;
	struct blob *text =
	    search != NULL ? blob_copy(search, strlen(search)) : NULL;

	asked = NULL;
	g->fn(text, g->arg);
	free(g);
	blob_unref(text);
}

static struct msg_name
name(uint32_t uid)
{
	return ((struct msg_name){&me, STR("INBOX"), 7, uid});
}

/* What is known of a message: "no", "yes" or its search text. */
static const char *
known(uint32_t uid)
{
	static char text[100];
	struct msg_name n = name(uid);
	struct facts_rec rec;
	struct buf hold;
	int rc;

	buf_init(&hold, 1000000);
	rc = facts_get(proxy.facts, &n, &rec, &hold, NULL);
	if (rc == 1)
		CHECK_STR(rec.preview, "\"words\"");
	if (rc == 1 && rec.has_text) {
		buf_reset(&hold);
		CHECK_INT(facts_text(proxy.facts, &n, &hold, NULL), 1);
		snprintf(text, sizeof(text), "%.*s", (int)hold.len, hold.data);
	}
	buf_clear(&hold);
	return (rc != 1 ? "no" : rec.has_text ? text : "yes");
}

/* A view of that many bytes was made. */
static void
make(uint32_t uid, size_t len, uint8_t result, const char *search)
{
	static char bytes[LONG_LEN] = "Subject: x\r\n\r\n";
	struct blob *blob = blob_copy(bytes, len), *text = NULL;
	struct open_ans ans = {.result = result, .view = {1}};
	struct view_more more = {ans.view, STR("words")};
	struct msg_name n = name(uid);
	struct seen_key key = {.k = {(uint8_t)uid}};
	struct viewref *view;

	memset(bytes + 14, 'x', sizeof(bytes) - 14);
	view = viewcache_put(views, str_c(login), &key, view_new(blob, NULL),
	    &more);
	if (search != NULL)
		text = blob_copy(search, strlen(search));
	if (CHECK(view != NULL))
		late_keep(&n, &ans, view, blob, text);
	viewref_unref(view);
	blob_unref(text);
	blob_unref(blob);
}

static void
begin(void)
{
	asks = cancels = 0;
	refuse = false;
	facts_drop_all(proxy.facts);
	late_account_gone(&me);
	facts_drop_all(proxy.facts);
}

/* What is short, has its text, or was not opened is kept at once. */
static void
t_at_once(void)
{
	begin();
	make(1, 100, OPEN_OPENED, "found");
	CHECK_CSTR(known(1), "found");
	make(2, 100, OPEN_OPENED, NULL);
	CHECK_CSTR(known(2), "yes");
	make(3, LONG_LEN, OPEN_OPENED, "found");
	CHECK_CSTR(known(3), "found");
	make(4, LONG_LEN, OPEN_NOT_OURS, NULL);
	CHECK_CSTR(known(4), "yes");
	turn_ms(proxy.base, 500);
	CHECK_UINT(asks, 0);
}

/* A long one when its text has come, or when there is none. */
static void
t_long(void)
{
	begin();
	make(1, LONG_LEN, OPEN_OPENED, NULL);
	CHECK_CSTR(known(1), "no");
	CHECK_UINT(asks, 0);
	if (!CHECK(turn_until(proxy.base, &asks, 1)))
		return;
	CHECK_CSTR(known(1), "no");
	answer("found");
	CHECK_CSTR(known(1), "found");

	unit_row("no text");
	make(2, LONG_LEN, OPEN_OPENED, NULL);
	if (!CHECK(turn_until(proxy.base, &asks, 2)))
		return;
	answer(NULL);
	CHECK_CSTR(known(2), "yes");

	unit_row("no opener");
	refuse = true;
	make(3, LONG_LEN, OPEN_OPENED, NULL);
	CHECK(turn_until(proxy.base, &asks, 3));
	CHECK_CSTR(known(3), "yes");
	CHECK_UINT(cancels, 0);
}

/* A search had its text made meanwhile. */
static void
t_given(void)
{
	static const uint8_t digest[CRYPT_DIGEST] = {1}, other[CRYPT_DIGEST];
	static char bytes[2 * 1024 * 1024 + 1];
	struct blob *text = blob_copy("found", 5);
	struct blob *cut = blob_copy(bytes, sizeof(bytes));
	struct msg_name n = name(1), neighbour = name(2);

	begin();
	make(1, LONG_LEN, OPEN_OPENED, NULL);
	late_text(&neighbour, digest, text);
	late_text(&n, other, text);
	late_text(&n, digest, cut);
	CHECK_CSTR(known(1), "no");
	late_text(&n, digest, text);
	CHECK_CSTR(known(1), "found");
	turn_ms(proxy.base, 500);
	CHECK_UINT(asks, 0);

	unit_row("while the opener makes it");
	begin();
	make(1, LONG_LEN, OPEN_OPENED, NULL);
	CHECK(turn_until(proxy.base, &asks, 1));
	late_text(&n, digest, text);
	CHECK_CSTR(known(1), "found");
	CHECK_UINT(cancels, 1);
	blob_unref(cut);
	blob_unref(text);
}

/* Nothing is kept of a message that is gone, nor is anybody asked. */
static void
t_gone(void)
{
	struct msg_name n = name(1);

	begin();
	make(1, LONG_LEN, OPEN_OPENED, NULL);
	make(2, LONG_LEN, OPEN_OPENED, NULL);
	late_gone(&n);
	if (!CHECK(turn_until(proxy.base, &asks, 1)))
		return;
	turn_ms(proxy.base, 100);
	CHECK_UINT(asks, 1);
	n = name(2);
	late_gone(&n);
	CHECK_UINT(cancels, 1);
	CHECK_CSTR(known(1), "no");
	CHECK_CSTR(known(2), "no");
}

/* An account that goes leaves what is known, without the texts. */
static void
t_account(void)
{
	begin();
	make(1, LONG_LEN, OPEN_OPENED, NULL);
	CHECK(turn_until(proxy.base, &asks, 1));
	make(2, LONG_LEN, OPEN_OPENED, NULL);
	late_account_gone(&me);
	CHECK_UINT(cancels, 1);
	CHECK_CSTR(known(1), "yes");
	CHECK_CSTR(known(2), "yes");
	turn_ms(proxy.base, 500);
	CHECK_UINT(asks, 1);
}

/* No more wait than so many: each has a descriptor. */
static void
t_many(void)
{
	uint32_t uid;

	begin();
	for (uid = 1; uid <= LATE_MAX + 1; uid++)
		make(uid, LONG_LEN, OPEN_OPENED, NULL);
	CHECK_CSTR(known(LATE_MAX), "no");
	CHECK_CSTR(known(LATE_MAX + 1), "yes");
	late_account_gone(&me);
}

static void
clear(void)
{
	static const char *const files[] = {"data.mdb", "lock.mdb", "boot", ""};
	char path[100];
	size_t i;

	for (i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		snprintf(path, sizeof(path), "%s/facts/%s", dir, files[i]);
		if (unlink(path) == -1)
			rmdir(path);
	}
	rmdir(dir);
}

int
main(void)
{
	static const struct unit_test tests[] = {
	    {"at once", t_at_once},
	    {"long", t_long},
	    {"given", t_given},
	    {"gone", t_gone},
	    {"account", t_account},
	    {"many", t_many},
	    {NULL, NULL},
	};
	struct crypt_key key = {{1}};
	struct err err;
	int rc;

	log_init("test", LOG_LEVEL_ERROR);
	if (mkdtemp(dir) == NULL || (proxy.base = event_base_new()) == NULL ||
	    (proxy.facts = facts_open(dir, &key, &err)) == NULL ||
	    (proxy.lates = lates_new()) == NULL ||
	    (views = viewcache_new()) == NULL)
		return (1);
	rc = unit_main("t_late", tests);
	lates_free(proxy.lates);
	viewcache_free(views);
	facts_close(proxy.facts);
	event_base_free(proxy.base);
	clear();
	return (rc);
}
