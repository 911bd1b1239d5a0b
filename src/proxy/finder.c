/*
 * From a program to the messages it finds.
 *
 * 1. The server says what is found by all that it knows.
 * 2. Those messages for which that does not settle it are divided into plain
 *    and sealed ones; what was not met before is probed (job_probe.c).
 * 3. If none is sealed, the client's own command passes.
 * 4. Else the server is asked for content among the plain ones, while the
 *    sealed ones are looked at here (finder_judge.c).
 * 5. Together that is the result.
 *
 * By sequence number only FETCH and SEARCH by sequence number are used, within
 * which no EXPUNGE may come (RFC 3501 7.4.1).
 */
#include "config.h"

#include "proxy/finder.h"

#include <string.h>

#include "base/limits.h"
#include "proxy/opens.h"
#include "sys/fault.h"

/* Commands that one content key may take to name the plain messages; if they
 * are more, it asks about all. */
#define PIECES_MAX 8

#define FINDER_NONSENSE "NO the mail server found messages that do not exist"

/* Searches in flight. */
#define FLIGHT_MAX 16

void
finder_oom(struct finder *f)
{
	imap_die(f->j.s, "out of memory", "out of memory");
}

/* *a = *a (op) b */
static int
fold(struct set *a, const struct set *b,
    int (*op)(struct set *, const struct set *, const struct set *))
{
	struct set out;
	int rc;

	set_init(&out);
	rc = op(&out, a, b);
	set_clear(a);
	*a = out;
	return (rc);
}

bool
finder_all_plain(const struct mailbox *box)
{
	uint32_t seq, uid;

	if (box->nuids < box->exists)
		return (false);
	for (seq = 1; seq <= box->exists; seq++) {
		uid = mailbox_uid(box, seq);
		if (uid == 0 || !set_has(&box->cls->known, uid) ||
		    set_has(&box->cls->sealed, uid))
			return (false);
	}
	return (true);
}

void
finder_expunge(struct job *j, uint32_t seq, uint32_t uid)
{
	struct finder *f = finder_of(j);

	(void)seq;
	f->ngone++;
	if (!f->uid || f->cmd.numbers)
		f->moved = true;
	else if (uid != 0 && set_add(&f->gone, uid, uid) == -1)
		finder_oom(f);
}

bool
finder_stopped(struct finder *f)
{
	if (f->j.over || f->j.s->state == IMAP_DEAD)
		return (true);
	if (!f->moved)
		return (false);
	/* RFC 5530 section 3 */
	job_finish(&f->j, "NO [EXPUNGEISSUED] messages were expunged, their "
	                  "numbers changed meanwhile");
	return (true);
}

struct msg_name
finder_name(const struct finder *f, uint32_t number)
{
	const struct imap *s = f->j.s;

	return ((struct msg_name){s->account,
	    str_of(s->box->name, s->box->namelen), s->box->uidvalidity,
	    f->uid ? number : mailbox_uid(s->box, number)});
}

void
finder_init(struct finder *f)
{
	set_init(&f->asked);
	set_init(&f->rest);
	set_init(&f->sealed);
	set_init(&f->closed);
	set_init(&f->later);
	set_init(&f->yes);
	set_init(&f->gone);
	set_init(&f->result);
	TAILQ_INIT(&f->wholes);
	buf_init(&f->hold, LIMIT_PARSE);
	buf_init(&f->text, LIMIT_SEARCH_TEXT);
}

void
finder_clear(struct finder *f)
{
	size_t i;

	for (i = 0; i < f->plan.n; i++) {
		if (f->hits != NULL)
			set_clear(&f->hits[i]);
		if (f->needles != NULL)
			buf_wipe(&f->needles[i]);
	}
	opens_wait_cancel(f->keywait);
	whole_clear(f);
	if (f->slice != NULL)
		event_free(f->slice);
	set_clear(&f->asked);
	set_clear(&f->rest);
	set_clear(&f->sealed);
	set_clear(&f->closed);
	set_clear(&f->later);
	set_clear(&f->yes);
	set_clear(&f->gone);
	set_clear(&f->result);
	buf_wipe(&f->hold);
	buf_wipe(&f->text);
	arena_clear(&f->arena);
}

#ifdef WAXWING_TEST_HOOKS
/* Find the opposite, so that tests can show that they would notice. */
static int
find_wrong(struct finder *f)
{
	struct set right;
	int rc;

	set_init(&right);
	rc = set_copy(&right, &f->result);
	if (rc == 0)
		rc = set_minus(&f->result, &f->hits[0], &right);
	set_clear(&right);
	return (rc);
}
#else
#define find_wrong(f) (0)
#endif

/* All that exists: 1, 0 if that is not known, or -1. */
static int
all_numbers(const struct finder *f, struct set *all)
{
	const struct mailbox *box = f->j.s->box;
	uint32_t n, uid;

	if (!f->uid)
		return (set_add(all, 1, box->exists) == -1 ? -1 : 1);
	if (box->nuids < box->exists)
		return (0);
	for (n = 1; n <= box->exists; n++) {
		if ((uid = mailbox_uid(box, n)) == 0)
			return (0);
		if (set_add(all, uid, uid) == -1)
			return (-1);
	}
	return (1);
}

/* Those that were expunged meanwhile are not found; where only their numbers
 * were told, those that are left are. */
static int
drop_gone(struct finder *f)
{
	struct set all;
	int rc;

	if (fold(&f->result, &f->gone, set_minus) == -1)
		return (-1);
	if (f->ngone == 0)
		return (0);
	set_init(&all);
	if ((rc = all_numbers(f, &all)) == 1)
		rc = fold(&f->result, &all, set_and);
	set_clear(&all);
	return (rc);
}

/* 5. What was found among the plain ones is the server's word, for sealed
 * ones it is ours. */
static void
find_result(struct finder *f)
{
	if (f->asks > 0 || f->judging || finder_stopped(f))
		return;
	if (job_lacking(&f->j) != NULL)
		job_finish(&f->j, "%s", job_lacking(&f->j));
	else if (search_eval(&f->plan, f->hits, &f->result) == -1 ||
	         fold(&f->result, &f->sealed, set_minus) == -1 ||
	         fold(&f->result, &f->yes, set_or) == -1 ||
	         drop_gone(f) == -1 ||
	         (FAULT("proxy.search") && find_wrong(f) == -1))
		finder_oom(f);
	else
		f->found(f);
}

static void find_more(struct finder *);

/* A result is this ask's if it has its tag; one without is that of the only
 * ask in flight. */
static bool
unit_found(struct job *j, struct ask *a, struct str line)
{
	struct finder *f = finder_of(j);
	struct search_answer ans;
	struct arena arena;
	bool mine = false;
	int rc;

	arena_init(&arena, LIMIT_CLIENT_LINE);
	rc = search_read(line, &arena, &ans);
	if (rc == 1) {
		mine = (f->j.s->caps.ext & EXT_ESEARCH) != 0
		           ? str_eq(ans.tag, str_c(a->tag))
		           : ans.tag.len == 0;
		if (mine && fold(&f->hits[a->n], &ans.set, set_or) == -1)
			finder_oom(f);
		a->answered |= mine;
		set_clear(&ans.set);
		/* What is gone since may have been found. */
		if (f->hits[a->n].n >
		    2 * ((size_t)j->s->box->exists + f->ngone) + 1000)
			job_finish(j, FINDER_NONSENSE);
	}
	arena_clear(&arena);
	return (mine);
}

static void
unit_done(struct job *j, struct ask *a)
{
	struct finder *f = finder_of(j);

	/* RFC 4731 section 3.1: there is one, also when nothing is found. */
	if ((j->s->caps.ext & EXT_ESEARCH) != 0 && !a->answered) {
		job_finish(j, "NO the mail server did not say what it found");
		return;
	}
	f->asks--;
	find_more(f);
}

/* Ask for one unit, among these messages (NULL: all). */
static int
unit_ask(struct finder *f, size_t unit, const struct set *among)
{
	struct ask *a;
	struct buf b;

	buf_init(&b, LIMIT_CLIENT_LINE * 8);
	buf_puts(&b, f->uid ? "UID SEARCH " : "SEARCH ");
	if ((f->j.s->caps.ext & EXT_ESEARCH) != 0)
		buf_puts(&b, "RETURN (ALL) ");
	buf_str(&b, f->plan.units[unit].text);
	if (among != NULL) {
		buf_puts(&b, f->uid ? " UID " : " ");
		set_print(among, &b);
	}
	a = b.failed ? NULL : job_ask(&f->j, buf_text(&b));
	buf_clear(&b);
	if (a == NULL)
		return (-1);
	a->n = (uint32_t)unit;
	a->found = unit_found;
	a->done = unit_done;
	f->asks++;
	return (0);
}

/* How much of a line a unit takes; literals are not counted. */
static size_t
unit_len(const struct search_unit *u)
{
	size_t len = u->text.len, i, nth;
	struct str lit;
	struct tok t;

	for (i = 0; i < u->nlits; i++) {
		tok_init(&t, u->text);
		for (t.pos = u->lits[i]; t.pos > 0 && tok_peek(&t) != '{';)
			t.pos--;
		if (tok_literal(&t, &lit, &nth))
			len -= lit.len;
	}
	return (len + sizeof("W1234567890 UID SEARCH RETURN (ALL)  UID "));
}

/* The messages that the next unit is asked about. */
static int
unit_next(struct finder *f)
{
	const struct search_plan *p = &f->plan;
	struct buf b;
	size_t room;

	while (f->unit < p->n && p->units[f->unit].content != f->content)
		f->unit++;
	if (f->unit == p->n)
		return (0);
	f->room = 0;
	if (!f->content)
		return (1);
	if (set_copy(&f->rest, &f->asked) == -1)
		return (-1);
	if (set_empty(&f->rest)) {
		f->unit++;
		return (unit_next(f));
	}
	buf_init(&b, LIMIT_RESULTS);
	set_print(&f->asked, &b);
	room = unit_len(&p->units[f->unit]);
	room = room + 100 < JOB_LINE ? JOB_LINE - room : 0;
	if (!b.failed && room > 0 && b.len / room < PIECES_MAX)
		f->room = room;
	buf_clear(&b);
	return (1);
}

/* Ask for a unit, or a piece of one.  1 when that was the last of it. */
static int
unit_piece(struct finder *f)
{
	struct set part;
	int rc;

	if (f->room == 0)
		return (unit_ask(f, f->unit, NULL) == -1 ? -1 : 1);
	set_init(&part);
	if ((rc = job_cut(&f->rest, &part, UINT64_MAX, f->room)) == 0)
		rc = unit_ask(f, f->unit, &part);
	set_clear(&part);
	return (rc == -1 ? -1 : set_empty(&f->rest));
}

static void find_candidates(struct finder *);

/*
 * Ask on.  Results without a tag cannot be told apart, and a server may carry
 * out two searches at once (RFC 3501 5.5): without ESEARCH one goes at a time.
 */
static void
find_more(struct finder *f)
{
	unsigned most = (f->j.s->caps.ext & EXT_ESEARCH) != 0 ? FLIGHT_MAX : 1;
	int rc = 1;

	while (rc == 1 && f->asks < most) {
		if (!f->within && (rc = unit_next(f)) != 1)
			break;
		if ((rc = unit_piece(f)) == -1)
			break;
		f->within = rc == 0;
		f->unit += (size_t)rc;
		rc = 1;
	}
	if (rc == -1)
		finder_oom(f);
	if (f->asks > 0 || f->j.s->state == IMAP_DEAD)
		return;
	if (f->content)
		find_result(f);
	else
		find_candidates(f);
}

/* 4. */
static void
find_parts(struct finder *f)
{
	if (fold(&f->asked, &f->sealed, set_minus) == -1) {
		finder_oom(f);
		return;
	}
	f->content = true;
	f->unit = 0;
	f->judging = true;
	find_more(f);
	if (!finder_stopped(f))
		judge_start(f, find_result);
}

/* Those of the candidates of which nothing is known. */
static int
unknown_of(const struct finder *f, struct set *out)
{
	const struct mailbox *box = f->j.s->box;
	uint32_t n = 0, uid;

	if (f->uid)
		return (set_minus(out, &f->asked, &box->cls->known));
	while (set_next(&f->asked, &n)) {
		uid = mailbox_uid(box, n);
		if ((uid == 0 || !set_has(&box->cls->known, uid)) &&
		    set_add(out, n, n) == -1)
			return (-1);
	}
	return (0);
}

/* What is still not known was expunged elsewhere (the server said NIL): it
 * must not be taken for plain.  1 if there was any, 0, or -1. */
static int
drop_unknown(struct finder *f)
{
	struct set unknown;
	int rc;

	set_init(&unknown);
	if ((rc = unknown_of(f, &unknown)) == 0 && !set_empty(&unknown))
		rc = fold(&f->asked, &unknown, set_minus) == 0 &&
		             fold(&f->gone, &unknown, set_or) == 0
		         ? 1
		         : -1;
	set_clear(&unknown);
	return (rc);
}

/* Which of the candidates are sealed? */
static int
find_sealed(struct finder *f)
{
	const struct mailbox *box = f->j.s->box;
	uint32_t n = 0, uid;
	int rc = 0;

	if (f->uid)
		return (set_and(&f->sealed, &f->asked, &box->cls->sealed));
	while (rc == 0 && set_next(&f->asked, &n))
		if ((uid = mailbox_uid(box, n)) != 0 &&
		    set_has(&box->cls->sealed, uid))
			rc = set_add(&f->sealed, n, n);
	return (rc);
}

/* 3. */
static void
find_divide(struct job *j)
{
	struct finder *f = finder_of(j);
	int dropped;

	if (finder_stopped(f))
		return;
	if ((dropped = drop_unknown(f)) == -1 || find_sealed(f) == -1)
		finder_oom(f);
	else if (j->unclear)
		job_finish(j,
		    "NO [UNAVAILABLE] the mail server does not say what some "
		    "messages are");
	else if (set_empty(&f->sealed) && dropped == 0)
		job_pass_kept(j);
	else if (judge_prepare(f) == 0)
		find_parts(f);
}

/* 2. What is not known of the candidates is asked for. */
static void
find_probe(struct finder *f)
{
	struct set unknown;
	int rc;

	set_init(&unknown);
	rc = unknown_of(f, &unknown);
	if (rc == 0 && set_empty(&unknown))
		find_divide(&f->j);
	else if (rc == 0)
		rc = probe_start(&f->j, f->uid, &unknown, find_divide);
	if (rc == -1)
		finder_oom(f);
	set_clear(&unknown);
}

/* A server can find only what exists. */
static int
clamp_hits(struct finder *f)
{
	struct set all;
	size_t i;
	int rc;

	set_init(&all);
	if ((rc = all_numbers(f, &all)) == 1)
		rc = fold(&f->hits[0], &all, set_and);
	for (i = 1; i < f->plan.n && rc != -1; i++)
		rc = fold(&f->hits[i], &f->hits[0], set_and);
	set_clear(&all);
	return (rc);
}

/* 1. The server has said what it knows. */
static void
find_candidates(struct finder *f)
{
	uint32_t n = 0;
	int rc;

	if (finder_stopped(f))
		return;
	/* What goes meanwhile may have been found before. */
	if ((rc = clamp_hits(f)) != -1 &&
	    set_count(&f->hits[0]) > (uint64_t)f->j.s->box->exists + f->ngone) {
		job_finish(&f->j, FINDER_NONSENSE);
		return;
	}
	while (rc != -1 && set_next(&f->hits[0], &n))
		if (f->all || judge_known(f, n) == -1)
			rc = set_add(&f->asked, n, n);
	if (rc == -1)
		finder_oom(f);
	else
		find_probe(f);
}

void
finder_start(struct finder *f)
{
	struct err err;
	int rc = 0;

	if (search_divide(&f->cmd, f->j.s->caps.literal_plus, &f->arena,
	        &f->plan, &err) == -1) {
		job_finish(&f->j, "NO [LIMIT] %s", err.text);
		return;
	}
	f->hits = arena_array(&f->arena, f->plan.n, sizeof(*f->hits));
	if (f->hits == NULL) {
		finder_oom(f);
		return;
	}
	if (str_eq(f->plan.units[0].text, STR("ALL"))) {
		/* Nobody has to be asked for that, if it is known. */
		rc = all_numbers(f, &f->hits[0]);
		if (rc == 1)
			f->unit = 1;
		else
			set_clear(&f->hits[0]);
	}
	if (rc == -1)
		finder_oom(f);
	else
		find_more(f);
}
