#include "config.h"

#include "proxy/mailbox.h"

#include <stdio.h>
#include <time.h>

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

/* Writes the numbers that are gone. */
static void
gone(uint32_t seq, uint32_t uid, void *arg)
{
	(void)uid;
	buf_printf(arg, "%u ", (unsigned)seq);
}

static void
t_vanished(void)
{
	static const struct {
		const char *uids; /* of 1 to 6; "-" is not known */
		const char *set;
		const char *want; /* numbers, and then the UIDs */
	} rows[] = {
	    {"123456", "2,4:5", "5 4 2 = 136"},
	    {"123456", "1:6", "6 5 4 3 2 1 = "},
	    {"123456", "9:20", "= 123456"},
	    {"1-4-68", "2,5", "4 2 = 1468"},
	    {"1-4-68", "2,3", "2 = 14-68"},
	    {"1--468", "2,3,4", "4 3 2 = 168"},
	    {"1--568", "2:4", "3 2 = 1568"},
	    {"1--568", "3", "3 = 1-568"},
	    {"123456", "5,2:3,1", "5 3 2 1 = 46"},
	    {"------", "100,102", "6 5 = ----"},
	    {"1-----", "1:1000", "6 5 4 3 2 1 = "},
	    {"", "5,7", "6 5 = ----"},
	    {"12", "2,9,11", "6 5 2 = 1--"},
	    {"12-", "1,3", "6 1 = 2---"},
	    {"-2--", "1,4:5", "6 5 1 = 2--"},
	    {"123456", "0", "!"},
	    {"123456", "5:4", "5 4 = 1236"},
	    {"123456", "5:0", "!"},
	    {"123456", "1,", "!"},
	    {"123456", "*", "!"},
	    {"123456", "", "!"},
	};
	struct account a = {0};
	struct mailbox *box;
	struct buf out;
	uint32_t k;
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		unit_row(rows[i].set);
		box = select_box(&a, "x", (uint32_t)i + 1, 6);
		for (k = 1; rows[i].uids[k - 1] != '\0'; k++)
			if (rows[i].uids[k - 1] != '-')
				CHECK_INT(
				    mailbox_learn(box, k,
				        (uint32_t)rows[i].uids[k - 1] - '0'),
				    0);
		buf_init(&out, 1000);
		if (mailbox_vanished(box, str_c(rows[i].set), false, gone,
		        &out) == -1)
			buf_puts(&out, "!");
		else {
			buf_puts(&out, "= ");
			for (k = 1; k <= box->exists; k++)
				buf_putc(&out,
				    mailbox_uid(box, k) == 0
				        ? '-'
				        : (char)('0' + mailbox_uid(box, k)));
		}
		CHECK_BUF(&out, rows[i].want);
		buf_clear(&out);
		mailbox_free(box);
	}
	unit_row("earlier ones have no number");
	box = select_box(&a, "y", 1, 3);
	buf_init(&out, 10);
	CHECK_INT(mailbox_vanished(box, STR("1:4294967295"), true, gone, &out),
	    0);
	CHECK_UINT(box->exists, 3);
	CHECK_BUF(&out, "");
	buf_clear(&out);
	mailbox_free(box);
	classes_free_all(a.classes);
}

/* A server may tell the highest UIDs first. */
static void
t_vanished_many(void)
{
	struct account a = {0};
	struct mailbox *box = select_box(&a, "x", 1, 10);
	clock_t begin = clock();
	struct buf set;
	uint32_t uid;

	buf_init(&set, 10000000);
	for (uid = 800000; uid > 1; uid -= 2)
		buf_printf(&set, "%u,", (unsigned)uid);
	buf_puts(&set, "1");
	CHECK_INT(mailbox_vanished(box, buf_text(&set), true, NULL, NULL), 0);
	CHECK(clock() - begin < 4 * CLOCKS_PER_SEC);
	buf_clear(&set);
	mailbox_free(box);
	classes_free_all(a.classes);
}

/* The next session knows what the last one knew, if nothing has changed. */
static void
t_recall(void)
{
	static const struct {
		uint32_t exists;
		uint32_t uidnext;
		uint32_t uid; /* of message 2 then */
	} rows[] = {{2, 31, 30}, {2, 32, 0}, {3, 31, 0}, {1, 31, 0}, {2, 0, 0}};
	struct account a = {0};
	struct mailbox *box = select_box(&a, "x", 1, 2);
	size_t i;

	box->uidnext = 25;
	CHECK_INT(mailbox_learn(box, 1, 10), 0);
	mailbox_free(box);
	box = select_box(&a, "x", 1, 2);
	unit_row("not all were known");
	CHECK_UINT(mailbox_uid(box, 1), 0);
	box->uidnext = 25;
	CHECK_INT(mailbox_learn(box, 1, 10), 0);
	CHECK_INT(mailbox_learn(box, 2, 30), 0);
	mailbox_free(box);
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		box = mailbox_new(&a, STR("x"));
		box->uidvalidity = 1;
		box->uidnext = rows[i].uidnext;
		CHECK_INT(mailbox_set_exists(box, rows[i].exists), 0);
		CHECK_INT(mailbox_bind(box), 0);
		unit_row("the same, or not");
		CHECK_UINT(mailbox_uid(box, 2), rows[i].uid);
		box->uidnext = 0;
		mailbox_free(box);
	}
	unit_row("another mailbox of that name");
	mailbox_renamed(&a, STR("X"), STR("y"));
	CHECK(a.classes == NULL);
}

/* What was expunged while nobody here was told is found by its absence. */
static void
t_missing(void)
{
	struct account a = {0};
	struct mailbox *box = select_box(&a, "x", 1, 3);
	uint32_t uid;

	for (uid = 10; uid <= 40; uid += 10)
		CHECK_INT(mailbox_class(box, uid, true), 0);
	mailbox_free(box);
	box = select_box(&a, "x", 1, 2);
	CHECK_INT(mailbox_learn(box, 1, 10), 0);
	box->uidnext = 31;
	mailbox_free(box);
	unit_row("not all are known");
	CHECK(set_has(&a.classes->sealed, 20));
	box = select_box(&a, "x", 1, 2);
	CHECK_INT(mailbox_learn(box, 1, 10), 0);
	CHECK_INT(mailbox_learn(box, 2, 30), 0);
	box->uidnext = 31;
	mailbox_free(box);
	unit_row("one is missing");
	CHECK(!set_has(&a.classes->sealed, 20));
	CHECK(!set_has(&a.classes->known, 20));
	unit_row("others are there, or are too new for that session");
	CHECK(set_has(&a.classes->sealed, 10));
	CHECK(set_has(&a.classes->sealed, 30));
	CHECK(set_has(&a.classes->sealed, 40));
	classes_free_all(a.classes);
}

/* What passes is believed as long as it fits. */
static void
t_heard(void)
{
	struct account a = {0};
	struct mailbox *box = select_box(&a, "x", 1, 4);

	mailbox_heard(box, 1, 10);
	mailbox_heard(box, 3, 30);
	CHECK_UINT(mailbox_uid(box, 1), 10);
	CHECK_UINT(mailbox_uid(box, 3), 30);
	mailbox_heard(box, 2, 31);
	unit_row("UIDs ascend");
	CHECK_UINT(mailbox_uid(box, 1), 0);
	CHECK_UINT(mailbox_uid(box, 3), 0);
	mailbox_heard(box, 5, 50);
	CHECK_UINT(mailbox_uid(box, 5), 0);
	unit_row("fewer than before, and nobody said which are gone");
	mailbox_heard(box, 1, 10);
	CHECK_INT(mailbox_set_exists(box, 3), 0);
	CHECK_UINT(mailbox_uid(box, 1), 0);
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
	unit_row("found out twice: sealed is sealed");
	CHECK_INT(mailbox_class(same, 5, false), 0);
	CHECK(set_has(&box->cls->sealed, 5));
	CHECK_INT(mailbox_class(box, 6, true), 0);
	CHECK(set_has(&same->cls->sealed, 6));
	CHECK_INT(mailbox_class(same, 7, false), 0);
	CHECK(set_has(&box->cls->known, 7) && !set_has(&box->cls->sealed, 7));
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

/* What the map does in the simplest way. */
struct model {
	uint32_t uids[400];
	uint32_t n;
};

static void
model_drop(struct model *m, uint32_t seq)
{
	memmove(m->uids + seq - 1, m->uids + seq,
	    (m->n - seq) * sizeof(*m->uids));
	m->n--;
}

static bool
model_is(const struct model *m, const struct mailbox *box)
{
	uint32_t k;

	for (k = 1; k <= m->n; k++)
		if (mailbox_uid(box, k) != m->uids[k - 1])
			return (false);
	return (box->exists == m->n && mailbox_uid(box, m->n + 1) == 0);
}

static void
model_gone(uint32_t seq, uint32_t uid, void *arg)
{
	struct model *m = arg;

	CHECK_UINT(m->uids[seq - 1], uid);
	model_drop(m, seq);
}

/* One step: mail comes, is told of, or goes, one by one or by its UID. */
static void
model_step(struct model *m, struct mailbox *box, uint32_t dice, uint32_t at)
{
	uint32_t seq = m->n > 0 ? at % m->n + 1 : 0;
	static uint32_t next = 1000;
	char uid[12];

	if (dice < 3 && m->n < 400) {
		CHECK_INT(mailbox_set_exists(box, m->n + 1), 0);
		m->uids[m->n++] = 0;
	} else if (m->n == 0)
		return;
	else if (dice < 5) {
		if (m->uids[m->n - 1] == 0)
			m->uids[m->n - 1] = next++;
		CHECK_INT(mailbox_learn(box, m->n, m->uids[m->n - 1]), 0);
	} else if (dice < 9) {
		/* neighbours, up and down, and then another place */
		seq = dice < 6 ? seq : (at % 64 < m->n ? at % 64 + 1 : 1);
		CHECK_INT(mailbox_expunge(box, seq), 0);
		model_drop(m, seq);
	} else if (m->uids[seq - 1] != 0) {
		(void)snprintf(uid, sizeof(uid), "%u",
		    (unsigned)m->uids[seq - 1]);
		CHECK_INT(
		    mailbox_vanished(box, str_c(uid), false, model_gone, m), 0);
	}
}

static void
t_map(void)
{
	static struct model m;
	struct account a = {0};
	struct mailbox *box = select_box(&a, "x", 1, 0);
	uint32_t i, r = 12345;

	for (i = 0; i < 300; i++) {
		model_step(&m, box, 0, 0);
		CHECK_INT(mailbox_learn(box, m.n, i + 1), 0);
		m.uids[m.n - 1] = i + 1;
	}
	for (i = 0; i < 20000; i++) {
		r = r * 1103515245 + 12345;
		if (i % 1000 < 30)
			model_step(&m, box, i % 2000 < 30 ? 7 : 6, 10 + i % 7);
		else
			model_step(&m, box, (r >> 16) % 10, r >> 20);
		if (!CHECK(model_is(&m, box)))
			break;
	}
	mailbox_free(box);
	classes_free_all(a.classes);
}

int
main(void)
{
	static const struct unit_test tests[] = {
	    {"sequence numbers", t_numbers},
	    {"the map, against a simple one", t_map},
	    {"classes", t_classes},
	    {"holes", t_probed},
	    {"many mailboxes", t_many},
	    {"VANISHED", t_vanished},
	    {"many of them", t_vanished_many},
	    {"the map outlives a session", t_recall},
	    {"missing", t_missing},
	    {"what passes is heard", t_heard},
	    {NULL, NULL},
	};

	return (unit_main("t_mailbox", tests));
}
