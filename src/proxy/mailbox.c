#include "config.h"

#include "proxy/mailbox.h"

#include <stdlib.h>
#include <string.h>

/* Mailboxes of one account whose sets are kept. */
#define CLASSES_MAX 500

static void
classes_free(struct classes *c)
{
	set_clear(&c->known);
	set_clear(&c->sealed);
	free(c->name);
	free(c);
}

void
classes_free_all(struct classes *c)
{
	struct classes *next;

	for (; c != NULL; c = next) {
		next = c->next;
		classes_free(c);
	}
}

/* Make room: of those that nobody uses the last one in the list goes. */
static void
classes_trim(struct account *a)
{
	struct classes **at, **idle = NULL, *c;
	size_t n = 0;

	for (at = &a->classes; *at != NULL; at = &(*at)->next, n++)
		if ((*at)->refs == 0)
			idle = at;
	if (n < CLASSES_MAX || idle == NULL)
		return;
	c = *idle;
	*idle = c->next;
	classes_free(c);
}

/* Find or make; the one asked for comes to the front. */
static struct classes *
classes_get(struct account *a, struct str name, uint32_t uidvalidity)
{
	struct classes **at, *c;

	for (at = &a->classes; (c = *at) != NULL; at = &c->next)
		if (c->uidvalidity == uidvalidity &&
		    str_eq(name, str_of(c->name, c->namelen)))
			break;
	if (c != NULL) {
		*at = c->next;
	} else {
		classes_trim(a);
		if ((c = calloc(1, sizeof(*c))) == NULL)
			return (NULL);
		if ((c->name = malloc(name.len + 1)) == NULL) {
			free(c);
			return (NULL);
		}
		memcpy(c->name, name.p, name.len);
		c->namelen = name.len;
		c->uidvalidity = uidvalidity;
		set_init(&c->known);
		set_init(&c->sealed);
	}
	c->next = a->classes;
	a->classes = c;
	c->refs++;
	return (c);
}

struct mailbox *
mailbox_new(struct account *a, struct str name)
{
	struct mailbox *box;

	if (str_ieq(name, STR("INBOX")))
		name = STR("INBOX");
	if ((box = calloc(1, sizeof(*box))) == NULL)
		return (NULL);
	if ((box->name = malloc(name.len + 1)) == NULL) {
		free(box);
		return (NULL);
	}
	memcpy(box->name, name.p, name.len);
	box->namelen = name.len;
	box->account = a;
	return (box);
}

void
mailbox_free(struct mailbox *box)
{
	if (box == NULL)
		return;
	if (box->cls != NULL)
		box->cls->refs--;
	free(box->uids);
	free(box->name);
	free(box);
}

int
mailbox_bind(struct mailbox *box)
{
	box->cls = classes_get(box->account, str_of(box->name, box->namelen),
	    box->uidvalidity);
	return (box->cls != NULL ? 0 : -1);
}

int
mailbox_set_exists(struct mailbox *box, uint32_t n)
{
	if (n > MAILBOX_MAX)
		return (-1);
	box->exists = n;
	if (box->nuids > n)
		box->nuids = n;
	return (0);
}

int
mailbox_expunge(struct mailbox *box, uint32_t seq)
{
	if (seq == 0 || seq > box->exists)
		return (-1);
	box->exists--;
	if (seq <= box->nuids) {
		memmove(box->uids + seq - 1, box->uids + seq,
		    (box->nuids - seq) * sizeof(*box->uids));
		box->nuids--;
	}
	return (0);
}

/* Make place for message seq. */
static int
mailbox_grow(struct mailbox *box, uint32_t seq)
{
	size_t n = box->exists;
	uint32_t *uids;

	if (seq <= box->nuids)
		return (0);
	if ((uids = realloc(box->uids, n * sizeof(*uids))) == NULL)
		return (-1);
	memset(uids + box->nuids, 0, (n - box->nuids) * sizeof(*uids));
	box->uids = uids;
	box->nuids = n;
	return (0);
}

int
mailbox_learn(struct mailbox *box, uint32_t seq, uint32_t uid)
{
	if (seq == 0 || seq > box->exists || uid == 0 ||
	    mailbox_grow(box, seq) == -1)
		return (-1);
	if (box->uids[seq - 1] != 0 && box->uids[seq - 1] != uid)
		return (-1);
	box->uids[seq - 1] = uid;
	if (uid > box->max_uid)
		box->max_uid = uid;
	return (0);
}

uint32_t
mailbox_uid(const struct mailbox *box, uint32_t seq)
{
	return (seq > 0 && seq <= box->nuids ? box->uids[seq - 1] : 0);
}

int
mailbox_class(struct mailbox *box, uint32_t uid, bool sealed)
{
	if (set_add(&box->cls->known, uid, uid) == -1)
		return (-1);
	return (sealed ? set_add(&box->cls->sealed, uid, uid)
	               : set_remove(&box->cls->sealed, uid, uid));
}

int
mailbox_probed(struct mailbox *box, const struct set *uids, uint32_t max)
{
	uint32_t hi;
	size_t i;

	for (i = 0; i < uids->n && uids->r[i].lo <= max; i++) {
		hi = uids->r[i].hi < max ? uids->r[i].hi : max;
		if (set_add(&box->cls->known, uids->r[i].lo, hi) == -1)
			return (-1);
	}
	return (0);
}
