/*
 * What is known of mailboxes, kept as long as their account is, and in facts/.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "proxy/boxname.h"
#include "proxy/facts.h"
#include "proxy/mailbox.h"
#include "sys/log.h"

/* Mailboxes of one account whose sets are kept. */
#define CLASSES_MAX 500

/* Names that one had before. */
#define WAS_MAX 8

static void
classes_free(struct classes *c)
{
	set_clear(&c->known);
	set_clear(&c->sealed);
	free(c->uids);
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

static struct msg_name
classes_name(struct account *a, const struct classes *c)
{
	return ((struct msg_name){a, str_of(c->name, c->namelen),
	    c->uidvalidity, 0});
}

/* The UIDs as they are kept in memory. */
static void
classes_list(struct classes *c, const struct facts_classes *fc)
{
	uint64_t n = set_count(&fc->exist);
	uint32_t uid = 0;

	if (n == 0 || n > MAILBOX_MAX ||
	    (c->uids = malloc((size_t)n * sizeof(*c->uids))) == NULL)
		return;
	while (set_next(&fc->exist, &uid))
		c->uids[c->nuids++] = uid;
	c->uidnext = fc->uidnext;
}

static void
classes_write(struct account *a, const struct classes *c)
{
	struct msg_name name = classes_name(a, c);
	struct facts_classes fc = {.known = c->known,
	    .sealed = c->sealed,
	    .uidnext = c->uidnext};
	struct err err;
	uint32_t i;

	for (i = 0; i < c->nuids; i++)
		if (set_add(&fc.exist, c->uids[i], c->uids[i]) == -1)
			break;
	if (i < c->nuids)
		set_clear(&fc.exist);
	if (facts_classes_put(a->proxy->facts, &name, &fc, &err) == -1)
		log_warn("facts reason=%s", log_str(str_c(err.text)));
	set_clear(&fc.exist);
}

void
classes_save(struct account *a)
{
	struct classes *c;

	for (c = a->classes; c != NULL; c = c->next) {
		/* One without a name has become another mailbox, or does not
		 * last. */
		if (c->changed && c->namelen > 0 && a->proxy != NULL)
			classes_write(a, c);
		c->changed = false;
	}
}

/* What is known of n goes by another name from now on. */
static void
classes_move(struct msg_name n, const struct facts_classes *fc, struct str to)
{
	struct facts *f = n.account->proxy->facts;
	struct str name = n.mailbox;
	struct err err;

	boxname_renamed(&n, to);
	n.mailbox = to;
	if (facts_classes_put(f, &n, fc, &err) == -1)
		log_warn("facts reason=%s", log_str(str_c(err.text)));
	facts_drop_mailbox(f, n.account, name, 0);
}

/*
 * Of a mailbox that nothing is known of: was it below one that was renamed?  It
 * is the same if that had its UIDVALIDITY, and is known by the old name.
 */
static bool
classes_follow(struct account *a, const struct classes *c)
{
	struct str to = str_of(c->name, c->namelen);
	struct msg_name n = classes_name(a, c);
	struct facts_classes fc;
	struct buf name, was;
	struct err err;
	bool found = false;
	int i;

	buf_init(&name, LIMIT_RECORD);
	buf_init(&was, LIMIT_RECORD);
	buf_str(&name, to);
	for (i = 0; i < WAS_MAX && !found &&
	            boxname_was(a, buf_text(&name), &was) == 1;
	     i++) {
		buf_reset(&name);
		buf_str(&name, buf_text(&was));
		n.mailbox = buf_text(&name);
		n.uidvalidity = 0;
		found =
		    facts_classes_get(a->proxy->facts, &n, &fc, &err) == 1 &&
		    fc.uidvalidity == c->uidvalidity;
		n.uidvalidity = c->uidvalidity;
		if (found)
			classes_move(n, &fc, to);
		facts_classes_clear(&fc);
	}
	buf_clear(&was);
	buf_clear(&name);
	return (found);
}

/* What an earlier run found out. */
static void
classes_load(struct account *a, struct classes *c)
{
	struct msg_name name = classes_name(a, c);
	struct facts_classes fc = {0};
	struct err err;
	int rc;

	if (a->proxy == NULL)
		return;
	/* Of the mailbox as it was, too. */
	classes_save(a);
	rc = facts_classes_get(a->proxy->facts, &name, &fc, &err);
	if (rc == 0 && fc.uidvalidity == 0 && classes_follow(a, c))
		rc = facts_classes_get(a->proxy->facts, &name, &fc, &err);
	if (rc == -1)
		log_warn("facts reason=%s", log_str(str_c(err.text)));
	if (rc == 1) {
		classes_list(c, &fc);
		c->known = fc.known;
		c->sealed = fc.sealed;
		set_init(&fc.known);
		set_init(&fc.sealed);
	} else if (fc.uidvalidity < c->uidvalidity) {
		/* It only grows (RFC 3501 2.3.1.1): what was is over. */
		name.uidvalidity = fc.uidvalidity;
		boxname_gone(&name, &fc.sealed);
	}
	facts_classes_clear(&fc);
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
	classes_save(a);
	c = *idle;
	*idle = c->next;
	classes_free(c);
}

struct classes *
classes_get(struct account *a, struct str name, uint32_t uidvalidity,
    bool lasts)
{
	struct classes **at, *c;

	for (at = &a->classes; (c = *at) != NULL; at = &c->next)
		if (lasts && c->uidvalidity == uidvalidity &&
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
		c->namelen = lasts ? name.len : 0;
		c->uidvalidity = uidvalidity;
		set_init(&c->known);
		set_init(&c->sealed);
		if (lasts)
			classes_load(a, c);
	}
	c->next = a->classes;
	a->classes = c;
	c->refs++;
	return (c);
}

/* Is one the mailbox, or below it?  What divides names is no letter or digit,
 * and else Boxes would be below Box. */
static bool
is_below(struct str one, struct str name)
{
	char c;

	if (!str_istarts(one, name) || one.len == name.len)
		return (str_ieq(one, name));
	c = ascii_lower(one.p[name.len]);
	return ((c < 'a' || c > 'z') && (c < '0' || c > '9'));
}

/* No SELECT finds it any more. */
static void
classes_forget(struct account *a, struct str name, bool below)
{
	struct facts *f = a->proxy != NULL ? a->proxy->facts : NULL;
	struct classes **at = &a->classes, *c;

	facts_drop_mailbox(f, a, name, 0);
	while ((c = *at) != NULL) {
		if (below ? !is_below(str_of(c->name, c->namelen), name)
		          : !str_ieq(str_of(c->name, c->namelen), name)) {
			at = &c->next;
			continue;
		}
		facts_drop_mailbox(f, a, str_of(c->name, c->namelen), 0);
		if (c->refs > 0) {
			/* Whoever has it selected goes on with it. */
			c->namelen = 0;
			at = &c->next;
			continue;
		}
		*at = c->next;
		classes_free(c);
	}
}

/* What is known of a mailbox that is in memory, though nothing of it is kept:
 * facts/ may be away, or was emptied. */
static bool
classes_recall(struct msg_name *name, struct facts_classes *fc)
{
	const struct classes *c;

	for (c = name->account->classes; c != NULL; c = c->next)
		if (str_eq(name->mailbox, str_of(c->name, c->namelen)))
			break;
	memset(fc, 0, sizeof(*fc));
	if (c == NULL)
		return (false);
	if (set_copy(&fc->known, &c->known) == -1 ||
	    set_copy(&fc->sealed, &c->sealed) == -1) {
		facts_classes_clear(fc);
		return (false);
	}
	name->uidvalidity = fc->uidvalidity = c->uidvalidity;
	return (true);
}

/* What is known of a mailbox, whatever its UIDVALIDITY; that is in *name then.
 * False: nothing is. */
static bool
classes_find(struct msg_name *name, struct facts_classes *fc)
{
	struct err err;
	int rc;

	if (name->account->proxy == NULL)
		return (false);
	name->uidvalidity = 0;
	rc = facts_classes_get(name->account->proxy->facts, name, fc, &err);
	if (rc == -1)
		log_warn("facts reason=%s", log_str(str_c(err.text)));
	name->uidvalidity = fc->uidvalidity;
	if (rc == 1)
		return (true);
	facts_classes_clear(fc);
	return (classes_recall(name, fc));
}

void
mailbox_deleted(struct account *a, struct str name)
{
	struct msg_name n = {a, name, 0, 0};
	struct facts_classes fc;

	if (str_ieq(name, STR("INBOX")))
		n.mailbox = STR("INBOX");
	classes_save(a);
	if (classes_find(&n, &fc)) {
		boxname_gone(&n, &fc.sealed);
		facts_classes_clear(&fc);
	}
	classes_forget(a, n.mailbox, false);
}

static void
renamed_one(struct account *a, struct str name, struct str to)
{
	struct msg_name n = {a, name, 0, 0}, was = {a, to, 0, 0};
	struct facts_classes fc, other;

	if (!classes_find(&n, &fc))
		return;
	/* It went while nobody here was told. */
	if (classes_find(&was, &other)) {
		facts_classes_clear(&other);
		mailbox_deleted(a, to);
	}
	classes_move(n, &fc, to);
	facts_classes_clear(&fc);
}

/* Those below it go along (RFC 3501 6.3.5): at once what is in memory, for it
 * is forgotten now; others when they are selected. */
static void
renamed_below(struct account *a, struct str name, struct str to)
{
	const struct classes *c;
	struct buf names, new;
	struct str all, one;

	buf_init(&names, CLASSES_MAX * LIMIT_CLIENT_LINE);
	buf_init(&new, 2 * LIMIT_CLIENT_LINE);
	for (c = a->classes; c != NULL; c = c->next)
		if (c->namelen > name.len &&
		    c->name[name.len] == a->delimiter &&
		    memcmp(c->name, name.p, name.len) == 0) {
			buf_put(&names, c->name, c->namelen);
			buf_putc(&names, '\0');
		}
	for (all = buf_text(&names); all.len > 0 && !names.failed;
	     all = str_of(all.p + one.len + 1, all.len - one.len - 1)) {
		one = str_of(all.p, str_find(all, '\0'));
		buf_reset(&new);
		buf_str(&new, to);
		buf_put(&new, one.p + name.len, one.len - name.len);
		if (!new.failed)
			renamed_one(a, one, buf_text(&new));
	}
	boxname_moved(a, name, to);
	buf_clear(&new);
	buf_clear(&names);
}

void
mailbox_renamed(struct account *a, struct str name, struct str to)
{
	classes_save(a);
	/* INBOX stays, its messages go: perhaps under other UIDs. */
	if (str_ieq(name, STR("INBOX")))
		name = STR("INBOX");
	else {
		renamed_one(a, name, to);
		if (a->delimiter != 0)
			renamed_below(a, name, to);
	}
	classes_forget(a, name, true);
}

void
mailbox_appended(struct account *a, struct str name, uint32_t uidvalidity,
    uint32_t uid)
{
	struct classes *c;

	if (str_ieq(name, STR("INBOX")))
		name = STR("INBOX");
	for (c = a->classes; c != NULL; c = c->next)
		if (c->uidvalidity == uidvalidity &&
		    str_eq(name, str_of(c->name, c->namelen)))
			break;
	/* If only one of the two can be, it is asked for again. */
	if (c == NULL || uid == 0 || set_add(&c->sealed, uid, uid) == -1 ||
	    set_add(&c->known, uid, uid) == -1)
		return;
	c->changed = true;
}
