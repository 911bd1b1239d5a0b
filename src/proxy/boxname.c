#include "config.h"

#include "proxy/boxname.h"

#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "proto/rec.h"
#include "proxy/reading.h"
#include "sys/log.h"

/* Messages that are dropped before others have their turn. */
#define SLICE 200

/* Messages of a mailbox of which nothing shall be kept. */
struct gone {
	struct gone *next;
	struct buf login, domain, name; /* owned */
	uint32_t uidvalidity;
	struct set uids; /* those that are left */
	uint32_t at;
};

struct boxnames {
	struct proxy *p;
	struct gone *gone;   /* owned */
	struct event *slice; /* owned */
	/* The one asked about last, as the record that names it, and what it
	 * is kept under. */
	struct buf asked;
	struct buf first;
};

static void
gone_free(struct gone *g)
{
	buf_clear(&g->login);
	buf_clear(&g->domain);
	buf_clear(&g->name);
	set_clear(&g->uids);
	free(g);
}

static void
drop_one(struct proxy *p, const struct gone *g)
{
	struct seen_key key;

	if (seen_key_make(&p->seen_key, buf_text(&g->login),
	        buf_text(&g->domain), buf_text(&g->name), g->uidvalidity, g->at,
	        &key) == 0)
		reading_forget(p, &key);
}

static void
on_slice(evutil_socket_t fd, short what, void *arg)
{
	static const struct timeval at_once = {0, 0};
	struct boxnames *bn = arg;
	struct gone *g;
	int n;

	(void)fd;
	(void)what;
	for (n = 0; n < SLICE && (g = bn->gone) != NULL; n++) {
		if (set_next(&g->uids, &g->at)) {
			drop_one(bn->p, g);
			continue;
		}
		bn->gone = g->next;
		gone_free(g);
	}
	if (bn->gone != NULL)
		evtimer_add(bn->slice, &at_once);
}

struct boxnames *
boxnames_new(struct proxy *p)
{
	struct boxnames *bn;

	if ((bn = calloc(1, sizeof(*bn))) == NULL)
		return (NULL);
	bn->p = p;
	buf_init(&bn->asked, LIMIT_RECORD + LIMIT_CLIENT_LINE);
	buf_init(&bn->first, LIMIT_RECORD);
	if ((bn->slice = evtimer_new(p->base, on_slice, bn)) == NULL) {
		free(bn);
		return (NULL);
	}
	return (bn);
}

void
boxnames_free(struct boxnames *bn)
{
	struct gone *g;

	if (bn == NULL)
		return;
	while ((g = bn->gone) != NULL) {
		bn->gone = g->next;
		gone_free(g);
	}
	event_free(bn->slice);
	buf_clear(&bn->asked);
	buf_clear(&bn->first);
	free(bn);
}

static void
record_name(const struct msg_name *n, struct str mailbox, struct buf *out)
{
	rec_put_str(out, STR("renamed"));
	rec_put_str(out, str_c(n->account->login));
	rec_put_str(out, str_c(n->account->up->domain));
	rec_put_str(out, mailbox);
	rec_put_u32(out, n->uidvalidity);
}

struct str
boxname_first(const struct msg_name *n)
{
	struct proxy *p = n->account->proxy;
	struct boxnames *bn = p->boxnames;
	struct err err;
	struct buf name;
	int rc = 0;

	if (bn == NULL || p->seen == NULL)
		return (n->mailbox);
	buf_init(&name, LIMIT_RECORD + LIMIT_CLIENT_LINE);
	record_name(n, n->mailbox, &name);
	if (!str_eq(buf_text(&name), buf_text(&bn->asked))) {
		buf_reset(&bn->first);
		rc = seen_kept(p->seen, buf_text(&name), &bn->first, &err);
		if (rc == -1)
			log_warn("seen reason=%s", log_str(str_c(err.text)));
		buf_reset(&bn->asked);
		if (rc != -1)
			buf_str(&bn->asked, buf_text(&name));
	}
	buf_clear(&name);
	return (
	    rc != -1 && bn->first.len > 0 ? buf_text(&bn->first) : n->mailbox);
}

/* It is kept under that name from now on. */
static void
remember(const struct msg_name *n, struct str mailbox, struct str first)
{
	struct proxy *p = n->account->proxy;
	struct buf name, value;
	struct err err;

	buf_init(&name, LIMIT_RECORD + LIMIT_CLIENT_LINE);
	buf_init(&value, LIMIT_RECORD);
	record_name(n, mailbox, &name);
	if (!str_eq(first, mailbox))
		buf_str(&value, first);
	if (seen_keep(p->seen, buf_text(&name), &value, &err) == -1)
		log_warn("renamed reason=%s", log_str(str_c(err.text)));
	buf_clear(&value);
	buf_clear(&name);
	buf_reset(&p->boxnames->asked);
}

void
boxname_renamed(const struct msg_name *n, struct str to)
{
	struct str first = boxname_first(n);
	struct buf copy;

	if (n->account->proxy->boxnames == NULL ||
	    n->account->proxy->seen == NULL)
		return;
	buf_init(&copy, LIMIT_RECORD);
	buf_str(&copy, first);
	if (!copy.failed)
		remember(n, to, buf_text(&copy));
	buf_clear(&copy);
}

void
boxname_gone(const struct msg_name *n, struct set *uids)
{
	static const struct timeval at_once = {0, 0};
	struct boxnames *bn = n->account->proxy->boxnames;
	struct gone *g;

	if (bn == NULL || set_empty(uids) ||
	    (g = calloc(1, sizeof(*g))) == NULL) {
		set_clear(uids);
		return;
	}
	buf_init(&g->login, LIMIT_RECORD);
	buf_init(&g->domain, LIMIT_RECORD);
	buf_init(&g->name, LIMIT_CLIENT_LINE);
	buf_str(&g->login, str_c(n->account->login));
	buf_str(&g->domain, str_c(n->account->up->domain));
	buf_str(&g->name, boxname_first(n));
	g->uidvalidity = n->uidvalidity;
	g->uids = *uids;
	set_init(uids);
	if (g->login.failed || g->domain.failed || g->name.failed) {
		gone_free(g);
		return;
	}
	if (bn->p->seen != NULL)
		remember(n, n->mailbox, n->mailbox);
	g->next = bn->gone;
	bn->gone = g;
	evtimer_add(bn->slice, &at_once);
}
