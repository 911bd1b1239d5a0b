/*
 * finder_whole.c with an opener, a judge and a pull that this test plays: what
 * is asked for when, in what order it is judged, and who is called afterwards.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "proxy/finder.h"
#include "proxy/late.h"
#include "proxy/opens.h"
#include "proxy/viewcache.h"
#include "sys/log.h"
#include "turn.h"
#include "unit.h"

#define OUT_MAX 20

static struct proxy proxy;
static struct account me = {.proxy = &proxy};
static struct imap session = {.p = &proxy, .account = &me};
static struct finder f;
static struct viewcache *views;

/* What the opener was asked for and has not answered. */
struct opening {
	uint8_t digest;
	opens_text_fn *fn;
	void *arg;
};
static struct opening *out[OUT_MAX];
static unsigned asks, cancels, lates;
static uint8_t refuse; /* this one is quarantined */

/* What happened, a word each. */
static struct buf said;
static unsigned turns; /* so many does each message take */
static unsigned left;
static bool stopped;

struct opening *
opens_ask_text(struct account *a, struct blob *view,
    const uint8_t digest[CRYPT_DIGEST], bool whole, opens_text_fn *fn,
    void *arg)
{
	CHECK(a == &me && whole && blob_len(view) > 0);
	if (digest[0] == refuse || asks == OUT_MAX)
		return (NULL);
	if ((out[asks] = malloc(sizeof(*out[0]))) != NULL)
		*out[asks] = (struct opening){digest[0], fn, arg};
	return (out[asks++]);
}

void
opens_cancel(struct opening *g)
{
	unsigned i;

	if (g == NULL)
		return;
	for (i = 0; i < asks; i++)
		if (out[i] == g)
			out[i] = NULL;
	cancels++;
	free(g);
}

/* The opener has made (or not) the text of that message. */
static void
answer(uint8_t number, bool made)
{
	struct blob *text = made ? blob_copy("text", 4) : NULL;
	struct opening *g;
	unsigned i;

	for (i = 0; i < asks; i++) {
		if ((g = out[i]) == NULL || g->digest != number)
			continue;
		out[i] = NULL;
		g->fn(text, g->arg);
		free(g);
	}
	blob_unref(text);
}

void
late_text(const struct msg_name *n, const uint8_t digest[CRYPT_DIGEST],
    const struct blob *search)
{
	CHECK_UINT(n->uid, digest[0]);
	CHECK_UINT(blob_len(search), 4);
	lates++;
}

struct msg_name
finder_name(const struct finder *fi, uint32_t number)
{
	CHECK(fi == &f);
	return ((struct msg_name){&me, STR("INBOX"), 1, number});
}

bool
finder_stopped(struct finder *fi)
{
	return (fi->j.over || stopped);
}

void
finder_oom(struct finder *fi)
{
	(void)fi;
	CHECK(!"memory is out");
}

void
job_lacks(struct job *j, enum err_code code)
{
	j->lack = code;
}

void
pull_judged(struct job *j, uint32_t number)
{
	CHECK(j == &f.j);
	buf_printf(&said, "pull%u ", (unsigned)number);
}

void
judge_resume(struct finder *fi)
{
	CHECK(fi == &f);
	buf_puts(&said, "resume ");
}

bool
judge_subject_of(struct finder *fi, const struct view *view, struct subject *m)
{
	CHECK(fi == &f);
	*m = (struct subject){.size = blob_len(view->text)};
	return (true);
}

bool
judge_subject(struct finder *fi, uint32_t number, const struct subject *m)
{
	CHECK(fi == &f && m->sift != NULL && m->sift->verdicts != NULL);
	CHECK_STR(m->text, "text");
	if (left > 0 && --left > 0)
		return (false);
	left = turns;
	buf_printf(&said, "judge%u ", (unsigned)number);
	return (true);
}

void
imap_turn(struct imap *s)
{
	CHECK(s == &session);
}

static void
add(uint8_t number, size_t len, bool pulled)
{
	struct blob *blob = blob_wrap("x", len, -1, free, NULL);
	struct seen_key key = {.k = {number}};
	struct view *v = view_new(blob, NULL);
	struct viewref *ref;

	blob_unref(blob);
	ref = viewcache_put(views, STR("me"), &key, v,
	    &(struct view_more){key.k, {NULL, 0}});
	viewcache_drop(views, STR(""));
	whole_judge(&f, number, ref, pulled);
	viewref_unref(ref);
}

static void
begin(void)
{
	memset(&f, 0, sizeof(f));
	f.j.s = &session;
	f.plan.n = 3;
	TAILQ_INIT(&f.wholes);
	buf_init(&said, 10000);
	asks = cancels = lates = turns = left = 0;
	refuse = 0;
	stopped = false;
}

/* The job dies: nobody is called after that. */
static void
end(void)
{
	unsigned i, n = 0;

	for (i = 0; i < asks; i++)
		n += out[i] != NULL;
	buf_reset(&said);
	cancels = 0;
	whole_clear(&f);
	CHECK_UINT(cancels, n);
	turn_ms(proxy.base, 30);
	CHECK_BUF(&said, "");
	buf_clear(&said);
}

/* Two at a time, judged in their order. */
static void
t_order(void)
{
	begin();
	add(1, 100, true);
	add(2, 100, false);
	add(3, 100, true);
	CHECK_UINT(asks, 2);
	answer(2, true);
	turn_ms(proxy.base, 30);
	CHECK_BUF(&said, "");
	CHECK_UINT(asks, 2);
	answer(1, true);
	CHECK_BUF(&said, "");
	turn_ms(proxy.base, 30);
	CHECK_BUF(&said, "judge1 pull1 judge2 resume ");
	CHECK_UINT(asks, 3);
	CHECK_UINT(lates, 2);
	answer(3, true);
	turn_ms(proxy.base, 30);
	CHECK_BUF(&said, "judge1 pull1 judge2 resume judge3 pull3 ");
	CHECK_UINT(f.nwholes, 0);
	CHECK_INT(f.j.lack, ERR_OK);
	end();
}

/* A large one goes alone. */
static void
t_large(void)
{
	begin();
	add(1, 100, true);
	add(2, 100UL << 20, true);
	add(3, 100, true);
	CHECK_UINT(asks, 1);
	answer(1, true);
	turn_ms(proxy.base, 30);
	CHECK_UINT(asks, 2);
	turn_ms(proxy.base, 30);
	CHECK_UINT(asks, 2);
	answer(2, true);
	turn_ms(proxy.base, 30);
	CHECK_UINT(asks, 3);
	end();
}

/* One that takes longer than a turn is gone on with in the next. */
static void
t_slices(void)
{
	begin();
	turns = left = 4;
	add(1, 100, true);
	answer(1, true);
	turn_ms(proxy.base, 30);
	CHECK_BUF(&said, "judge1 pull1 ");
	end();
}

/* Where no text can be made a NO is due, and the rest is not worth it. */
static void
t_none(void)
{
	begin();
	add(1, 100, true);
	add(2, 100, true);
	add(3, 100, false);
	answer(1, false);
	turn_ms(proxy.base, 30);
	CHECK_INT(f.j.lack, ERR_UNAVAILABLE);
	CHECK_BUF(&said, "pull1 ");
	answer(2, true);
	turn_ms(proxy.base, 30);
	CHECK_BUF(&said, "pull1 judge2 pull2 resume ");
	CHECK_UINT(asks, 2);
	CHECK_UINT(lates, 1);
	end();

	unit_row("it cannot even begin");
	begin();
	refuse = 1;
	add(1, 100, true);
	CHECK_BUF(&said, ""); /* not from within */
	turn_ms(proxy.base, 30);
	CHECK_BUF(&said, "pull1 ");
	CHECK_INT(f.j.lack, ERR_UNAVAILABLE);
	end();
}

/* More do not wait than may. */
static void
t_full(void)
{
	uint8_t n;

	begin();
	for (n = 1; !whole_full(&f) && n < 100; n++)
		add(n, 100, false);
	CHECK(n > 2 && n < 20);
	CHECK_UINT(asks, 2);
	answer(1, true);
	turn_ms(proxy.base, 30);
	CHECK(!whole_full(&f));
	end();
}

/* The command was answered meanwhile, or its session died. */
static void
t_stopped(void)
{
	begin();
	add(1, 100, true);
	add(2, 100, true);
	stopped = true;
	answer(1, true);
	turn_ms(proxy.base, 30);
	CHECK_BUF(&said, "");
	end();
}

int
main(void)
{
	static const struct unit_test tests[] = {
	    {"order", t_order},
	    {"large", t_large},
	    {"slices", t_slices},
	    {"none", t_none},
	    {"full", t_full},
	    {"stopped", t_stopped},
	    {NULL, NULL},
	};
	int rc;

	log_init("test", LOG_LEVEL_ERROR);
	if ((proxy.base = event_base_new()) == NULL ||
	    (views = viewcache_new()) == NULL)
		return (1);
	rc = unit_main("t_whole", tests);
	viewcache_free(views);
	event_base_free(proxy.base);
	return (rc);
}
