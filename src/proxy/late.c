#include "config.h"

#include "proxy/late.h"

#include <sys/queue.h>

#include <stdlib.h>
#include <string.h>

#include "proxy/facts.h"
#include "proxy/opens.h"
#include "sys/log.h"

/* So long the opener is left to those who wait for a view. */
#define LATE_MS 300

/* A whole text up to this is what would be kept: nothing was cut. */
#define LATE_TEXT (2UL * 1024 * 1024)

/* More do not wait: a descriptor is held for each. */
#define LATE_MAX 16

struct late {
	TAILQ_ENTRY(late) next;
	struct lates *all;
	struct msg_name name;
	char *mailbox; /* owned; the name's */
	struct open_ans ans;
	struct viewref *view;    /* owned reference */
	struct blob *text;       /* owned reference; the view as a memfd */
	struct event *soon;      /* owned */
	struct opening *opening; /* owned; NULL: not asked yet */
};

struct lates {
	TAILQ_HEAD(late_list, late) list;
	unsigned count;
};

struct lates *
lates_new(void)
{
	struct lates *all;

	if ((all = calloc(1, sizeof(*all))) != NULL)
		TAILQ_INIT(&all->list);
	return (all);
}

static void
late_free(struct late *l)
{
	TAILQ_REMOVE(&l->all->list, l, next);
	l->all->count--;
	opens_cancel(l->opening);
	if (l->soon != NULL)
		event_free(l->soon);
	viewref_unref(l->view);
	blob_unref(l->text);
	free(l->mailbox);
	free(l);
}

void
lates_free(struct lates *all)
{
	struct late *l;

	if (all == NULL)
		return;
	while ((l = TAILQ_FIRST(&all->list)) != NULL)
		late_free(l);
	free(all);
}

static void
keep(const struct msg_name *n, const struct open_ans *ans,
    const struct viewref *view, const struct blob *search)
{
	struct str text = search != NULL ? blob_str(search) : STR("");
	struct facts_rec rec;
	struct buf hold;
	struct err err;

	buf_init(&hold, FACTS_ITEMS_MAX);
	if (facts_of_view(viewref_view(view), viewref_preview(view), ans, &rec,
	        &hold) == 0 &&
	    facts_put(n->account->proxy->facts, n, &rec, text, &err) == -1)
		log_warn("facts reason=%s", log_str(str_c(err.text)));
	buf_wipe(&hold);
}

void
late_account_gone(struct account *a)
{
	struct lates *all = a->proxy->lates;
	struct late *l, *next;

	for (l = all != NULL ? TAILQ_FIRST(&all->list) : NULL; l != NULL;
	     l = next) {
		next = TAILQ_NEXT(l, next);
		if (l->name.account != a)
			continue;
		keep(&l->name, &l->ans, l->view, NULL);
		late_free(l);
	}
}

static bool
is_of(const struct late *l, const struct msg_name *n)
{
	return (l->name.account == n->account && l->name.uid == n->uid &&
	        l->name.uidvalidity == n->uidvalidity &&
	        str_eq(l->name.mailbox, n->mailbox));
}

void
late_gone(const struct msg_name *n)
{
	struct lates *all = n->account->proxy->lates;
	struct late *l, *next;

	for (l = all != NULL ? TAILQ_FIRST(&all->list) : NULL; l != NULL;
	     l = next) {
		next = TAILQ_NEXT(l, next);
		if (is_of(l, n))
			late_free(l);
	}
}

void
late_text(const struct msg_name *n, const uint8_t digest[CRYPT_DIGEST],
    const struct blob *search)
{
	struct lates *all = n->account->proxy->lates;
	struct late *l, *next;

	if (blob_len(search) > LATE_TEXT)
		return;
	for (l = all != NULL ? TAILQ_FIRST(&all->list) : NULL; l != NULL;
	     l = next) {
		next = TAILQ_NEXT(l, next);
		if (!is_of(l, n) ||
		    !crypt_equal(l->ans.view, digest, sizeof(l->ans.view)))
			continue;
		keep(&l->name, &l->ans, l->view, search);
		late_free(l);
	}
}

/* The search text has come, or there is none. */
static void
on_text(struct blob *search, void *arg)
{
	struct late *l = arg;

	l->opening = NULL;
	keep(&l->name, &l->ans, l->view, search);
	late_free(l);
}

static void
on_soon(evutil_socket_t fd, short what, void *arg)
{
	struct late *l = arg;

	(void)fd;
	(void)what;
	l->opening = opens_ask_text(l->name.account, l->text, l->ans.view,
	    false, on_text, l);
	if (l->opening == NULL)
		on_text(NULL, l);
}

static struct late *
late_new(const struct msg_name *n, const struct open_ans *ans,
    struct viewref *view, struct blob *text)
{
	struct lates *all = n->account->proxy->lates;
	struct late *l;

	if (all == NULL || all->count == LATE_MAX ||
	    (l = calloc(1, sizeof(*l))) == NULL)
		return (NULL);
	l->all = all;
	TAILQ_INSERT_TAIL(&all->list, l, next);
	all->count++;
	l->name = *n;
	l->ans = (struct open_ans){.result = ans->result,
	    .cipher = ans->cipher,
	    .sign = ans->sign};
	memcpy(l->ans.view, ans->view, sizeof(l->ans.view));
	l->view = viewref_ref(view);
	l->text = blob_ref(text);
	l->mailbox = malloc(n->mailbox.len + 1);
	l->soon = evtimer_new(n->account->proxy->base, on_soon, l);
	if (l->mailbox == NULL || l->soon == NULL) {
		late_free(l);
		return (NULL);
	}
	memcpy(l->mailbox, n->mailbox.p, n->mailbox.len);
	l->name.mailbox.p = l->mailbox;
	return (l);
}

void
late_keep(const struct msg_name *n, const struct open_ans *ans,
    struct viewref *view, struct blob *text, const struct blob *search)
{
	static const struct timeval tv = {.tv_usec = LATE_MS * 1000L};
	struct late *l = NULL;

	/* What was not opened is told by when a key comes; that is not to be
	 * mixed up with now. */
	if (search == NULL && ans->result == OPEN_OPENED &&
	    blob_len(text) > OPEN_TEXT_LATER)
		l = late_new(n, ans, view, text);
	if (l == NULL || evtimer_add(l->soon, &tv) == -1) {
		keep(n, ans, view, search);
		if (l != NULL)
			late_free(l);
	}
}
