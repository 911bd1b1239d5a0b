#include "config.h"

#include "proxy/boxname.h"

#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "proto/rec.h"
#include "proxy/facts.h"
#include "proxy/reading.h"
#include "proxy/turn.h"
#include "sys/log.h"

/* A mailbox's name that is looked at, and how many above it. */
#define NAME_MAX_HERE 1000
#define ABOVE_MAX     16

/* Messages that are dropped before others have their turn. */
#define SLICE 200

/* Messages of a mailbox of which nothing shall be kept. */
struct gone {
	struct gone *next;
	struct upstream *up;    /* a reference, owned */
	struct buf login, name; /* owned */
	uint32_t uidvalidity;
	/* The mailbox's own name, where facts have to be dropped for each:
	 * else that was done. */
	struct buf box;  /* owned */
	struct set uids; /* those that are left */
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
	upstream_unref(g->up);
	buf_clear(&g->login);
	buf_clear(&g->name);
	buf_clear(&g->box);
	set_clear(&g->uids);
	free(g);
}

/* The last one: it leaves the set without moving others. */
static void
drop_one(struct proxy *p, struct gone *g)
{
	uint32_t uid = g->uids.r[g->uids.n - 1].hi;
	struct account a = {.proxy = p,
	    .login = g->login.data,
	    .up = g->up}; /* as it was */
	struct msg_name n = {&a, buf_text(&g->box), g->uidvalidity, uid};
	struct seen_name name = {.login = str_c(a.login),
	    .domain = str_c(a.up->domain),
	    .mailbox = buf_text(&g->name),
	    .uidvalidity = g->uidvalidity,
	    .uid = uid};
	struct seen_key key;

	(void)set_remove(&g->uids, uid, uid);
	if (g->box.len > 0)
		facts_drop(p->facts, &n);
	if (seen_key_make(&p->seen_key, &name, &key) == 0)
		reading_forget(p, &key);
}

static void
on_slice(evutil_socket_t fd, short what, void *arg)
{
	struct boxnames *bn = arg;
	struct gone *g;
	int n;

	(void)fd;
	(void)what;
	for (n = 0; n < SLICE && (g = bn->gone) != NULL; n++) {
		if (!set_empty(&g->uids)) {
			drop_one(bn->p, g);
			continue;
		}
		bn->gone = g->next;
		gone_free(g);
	}
	if (bn->gone != NULL)
		turn_later(bn->slice);
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
		while (g->box.len > 0 && !set_empty(&g->uids))
			drop_one(bn->p, g);
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

static void
moved_name(const struct account *a, struct str mailbox, struct buf *out)
{
	rec_put_str(out, STR("moved"));
	rec_put_str(out, str_c(a->login));
	rec_put_str(out, str_c(a->up->domain));
	rec_put_str(out, mailbox);
}

void
boxname_moved(const struct account *a, struct str name, struct str to)
{
	struct buf key, value;
	struct err err;

	if (a->proxy->seen == NULL || name.len > NAME_MAX_HERE ||
	    to.len > NAME_MAX_HERE)
		return;
	buf_init(&key, LIMIT_RECORD);
	buf_init(&value, LIMIT_RECORD);
	moved_name(a, to, &key);
	buf_str(&value, name);
	buf_putc(&value, a->delimiter);
	if (seen_keep(a->proxy->seen, buf_text(&key), &value, &err) == -1)
		log_warn("renamed reason=%s", log_str(str_c(err.text)));
	buf_clear(&value);
	buf_clear(&key);
}

int
boxname_was(const struct account *a, struct str name, struct buf *was)
{
	struct buf key;
	struct err err;
	size_t at = name.len;
	int rc = 0, n = 0;

	if (a->proxy->seen == NULL || a->delimiter == 0 ||
	    name.len > NAME_MAX_HERE)
		return (0);
	buf_init(&key, LIMIT_RECORD);
	while (rc == 0 && at > 1 && n < ABOVE_MAX) {
		if (name.p[--at] != a->delimiter)
			continue;
		n++;
		buf_reset(&key);
		buf_reset(was);
		moved_name(a, str_of(name.p, at), &key);
		rc = seen_kept(a->proxy->seen, buf_text(&key), was, &err);
		if (rc == 1 &&
		    (was->len == 0 || was->data[was->len - 1] != a->delimiter))
			rc = 0;
	}
	if (rc == -1)
		log_warn("seen reason=%s", log_str(str_c(err.text)));
	if (rc == 1) /* its delimiter is there */
		buf_put(was, name.p + at + 1, name.len - at - 1);
	buf_clear(&key);
	return (rc == 1 && was->failed ? -1 : rc);
}

/* NULL: memory is out. */
static struct gone *
gone_new(const struct msg_name *n, struct str box)
{
	struct gone *g;

	if ((g = calloc(1, sizeof(*g))) == NULL)
		return (NULL);
	buf_init(&g->login, LIMIT_RECORD);
	buf_init(&g->name, LIMIT_CLIENT_LINE);
	buf_init(&g->box, LIMIT_CLIENT_LINE);
	buf_puts(&g->login, n->account->login);
	buf_putc(&g->login, '\0');
	buf_str(&g->name, boxname_first(n));
	buf_str(&g->box, box);
	g->up = upstream_ref(n->account->up);
	g->uidvalidity = n->uidvalidity;
	if (!g->login.failed && !g->name.failed && !g->box.failed)
		return (g);
	gone_free(g);
	return (NULL);
}

/* It begins soon. */
static void
gone_start(struct boxnames *bn, struct gone *g)
{
	g->next = bn->gone;
	bn->gone = g;
	turn_later(bn->slice);
}

void
boxname_gone(const struct msg_name *n, struct set *uids)
{
	struct boxnames *bn = n->account->proxy->boxnames;
	struct gone *g;

	if (bn == NULL || set_empty(uids) ||
	    (g = gone_new(n, str_of(NULL, 0))) == NULL) {
		set_clear(uids);
		return;
	}
	g->uids = *uids;
	set_init(uids);
	if (bn->p->seen != NULL)
		remember(n, n->mailbox, n->mailbox);
	gone_start(bn, g);
}

/* More of the mailbox in hand? */
static bool
gone_same(const struct gone *g, const struct msg_name *n)
{
	return (g != NULL && g->up == n->account->up &&
	        g->uidvalidity == n->uidvalidity &&
	        str_eq(buf_text(&g->box), n->mailbox) &&
	        strcmp(g->login.data, n->account->login) == 0);
}

void
boxname_expunged(const struct msg_name *n, struct set *uids)
{
	struct boxnames *bn = n->account->proxy->boxnames;
	struct gone *g;
	size_t i;

	if (bn == NULL || set_empty(uids)) {
		set_clear(uids);
		return;
	}
	if (!gone_same(bn->gone, n)) {
		if ((g = gone_new(n, n->mailbox)) == NULL) {
			set_clear(uids);
			return;
		}
		gone_start(bn, g);
	}
	for (i = 0; i < uids->n; i++)
		(void)set_add(&bn->gone->uids, uids->r[i].lo, uids->r[i].hi);
	set_clear(uids);
}
