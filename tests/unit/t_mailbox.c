#include "config.h"

#include "proxy/mailbox.h"

#include <stdio.h>

#include "unit.h"

static struct mailbox *
select_box(struct account *a, const char *name, uint32_t validity, uint32_t n)
{
	struct mailbox *box = mailbox_new(a, str_c(name));

	box->uidvalidity = validity;
	CHECK_INT(mailbox_set_exists(box, n), 0);
	CHECK_INT(mailbox_bind(box), 0);
	return (box);
}

static void
t_numbers(void)
{
	struct account a = {0};
	struct mailbox *box = select_box(&a, "x", 1, 4);

	CHECK_UINT(mailbox_uid(box, 1), 0);
	CHECK_INT(mailbox_learn(box, 3, 30), 0);
	CHECK_INT(mailbox_learn(box, 1, 10), 0);
	CHECK_INT(mailbox_learn(box, 4, 40), 0);
	CHECK_UINT(mailbox_uid(box, 3), 30);
	CHECK_UINT(mailbox_uid(box, 2), 0);
	unit_row("EXPUNGE shifts");
	CHECK_INT(mailbox_expunge(box, 2), 0);
	CHECK_UINT(mailbox_uid(box, 2), 30);
	CHECK_UINT(mailbox_uid(box, 3), 40);
	CHECK_UINT(mailbox_uid(box, 4), 0);
	CHECK_INT(mailbox_expunge(box, 3), 0);
	CHECK_UINT(box->exists, 2);
	unit_row("new mail");
	CHECK_INT(mailbox_set_exists(box, 3), 0);
	CHECK_UINT(mailbox_uid(box, 3), 0);
	CHECK_INT(mailbox_learn(box, 3, 50), 0);
	CHECK_UINT(mailbox_uid(box, 3), 50);
	CHECK_UINT(box->max_uid, 50);
	unit_row("nonsense");
	CHECK_INT(mailbox_learn(box, 3, 51), -1);
	CHECK_INT(mailbox_learn(box, 4, 60), -1);
	CHECK_INT(mailbox_learn(box, 0, 60), -1);
	CHECK_INT(mailbox_learn(box, 2, 0), -1);
	CHECK_INT(mailbox_expunge(box, 4), -1);
	CHECK_INT(mailbox_expunge(box, 0), -1);
	CHECK_INT(mailbox_set_exists(box, MAILBOX_MAX + 1), -1);
	mailbox_free(box);
	classes_free_all(a.classes);
}

/* Sessions of one account share what is known, if it is the same mailbox. */
static void
t_classes(void)
{
	struct account a = {0};
	struct mailbox *box = select_box(&a, "inbox", 7, 3);
	struct mailbox *same = select_box(&a, "INBOX", 7, 3);
	struct mailbox *other = select_box(&a, "Inbox2", 7, 3);
	struct mailbox *newer = select_box(&a, "INBOX", 8, 3);

	CHECK_INT(mailbox_class(box, 5, true), 0);
	CHECK_INT(mailbox_class(box, 6, false), 0);
	CHECK(set_has(&same->cls->known, 5) && set_has(&same->cls->known, 6));
	CHECK(set_has(&same->cls->sealed, 5));
	CHECK(!set_has(&same->cls->sealed, 6));
	CHECK(set_empty(&other->cls->known) && set_empty(&newer->cls->known));
	unit_row("a class may be found anew");
	CHECK_INT(mailbox_class(same, 5, false), 0);
	CHECK(set_empty(&box->cls->sealed));
	mailbox_free(box);
	mailbox_free(same);
	mailbox_free(other);
	mailbox_free(newer);
	unit_row("kept when nobody is there");
	box = select_box(&a, "INBOX", 7, 3);
	CHECK(set_has(&box->cls->known, 6));
	mailbox_free(box);
	mailbox_free(NULL);
	classes_free_all(a.classes);
}

/* A hole is known only where later UIDs exist: it can never be filled. */
static void
t_probed(void)
{
	struct account a = {0};
	struct mailbox *box = select_box(&a, "x", 1, 2);
	struct mailbox *stale = select_box(&a, "x", 1, 1);
	struct set asked;

	set_init(&asked);
	CHECK_INT(set_parse(&asked, STR("1:9,15,20:30"), 0, NULL), 0);
	CHECK_INT(mailbox_probed(box, &asked, box->max_uid), 0);
	CHECK(set_empty(&box->cls->known));
	CHECK_INT(mailbox_learn(box, 2, 22), 0);
	CHECK_INT(mailbox_probed(box, &asked, box->max_uid), 0);
	CHECK(set_has(&box->cls->known, 9) && set_has(&box->cls->known, 15));
	CHECK(set_has(&box->cls->known, 22));
	CHECK(!set_has(&box->cls->known, 23));
	CHECK(!set_has(&box->cls->known, 10));
	unit_row("a session that sees less");
	CHECK_INT(set_parse(&asked, STR("12:22"), 0, NULL), 0);
	CHECK_INT(mailbox_probed(stale, &asked, stale->max_uid), 0);
	CHECK(!set_has(&box->cls->known, 12));
	set_clear(&asked);
	mailbox_free(stale);
	mailbox_free(box);
	classes_free_all(a.classes);
}

static void
t_many(void)
{
	struct account a = {0};
	struct mailbox *box, *held;
	char name[32];
	size_t n = 0;
	struct classes *c;
	int i;

	held = select_box(&a, "held", 1, 1);
	CHECK_INT(mailbox_class(held, 5, true), 0);
	for (i = 0; i < 1200; i++) {
		snprintf(name, sizeof(name), "b%d", i);
		box = select_box(&a, name, 1, 1);
		mailbox_free(box);
	}
	for (c = a.classes; c != NULL; c = c->next)
		n++;
	CHECK(n <= 500);
	CHECK(set_has(&held->cls->sealed, 5));
	mailbox_free(held);
	classes_free_all(a.classes);
}

int
main(void)
{
	static const struct unit_test tests[] = {
	    {"sequence numbers", t_numbers},
	    {"classes", t_classes},
	    {"holes", t_probed},
	    {"many mailboxes", t_many},
	    {NULL, NULL},
	};

	return (unit_main("t_mailbox", tests));
}
