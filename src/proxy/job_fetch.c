/*
 * FETCH and UID FETCH with items that are made of a message's bytes.
 *
 * 1. "*" and all ranges become concrete: what does not exist now is not
 *    asked for, because by then it might.
 * 2. Messages not met before are probed (job_probe.c).
 * 3. If none is sealed, the client's own command passes.
 * 4. Else the server answers the plain ones and we the sealed ones.
 *
 * A FETCH by sequence number asks the server only by sequence number: within
 * a UID command it may send EXPUNGE, and the client's numbers would no longer
 * be those that it asked for (RFC 3501 7.4.1).
 */
#include "config.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "proxy/job_fetch.h"

/* Memory of one parsed command: a line has 64 KiB. */
#define FETCH_ARENA (1024UL * 1024)

/* Within a FETCH by sequence number none is allowed (RFC 3501 7.4.1), and each
 * costs us a walk over all messages. */
#define EXPUNGED_MAX 100

void
fetch_oom(struct fetch_job *f)
{
	imap_die(f->j.s, "out of memory", "out of memory");
}

void
fetch_finish(struct fetch_job *f)
{
	const char *lack = job_lacking(&f->j);

	job_finish(&f->j, "%s", lack != NULL ? lack : "OK Fetch completed.");
}

unsigned
fetch_ask_all(struct fetch_job *f, const struct set *set, struct str items,
    const struct ask *like)
{
	return (job_ask_all(&f->j, f->uid, set, items, like));
}

static void
fetch_free(struct job *j)
{
	struct fetch_job *f = fetch_job(j);

	views_free(f);
	set_clear(&f->asked);
	set_clear(&f->plain);
	set_clear(&f->exist);
	buf_clear(&f->line);
	arena_clear(&f->arena);
	free(f);
}

/* Not legal within a FETCH by sequence number, but numbers are numbers. */
static void
fetch_expunge(struct job *j, uint32_t seq, uint32_t uid)
{
	struct fetch_job *f = fetch_job(j);

	(void)uid;
	if (f->uid)
		return;
	if (++f->expunged > EXPUNGED_MAX)
		imap_die(j->s, "the mail server talks nonsense",
		    "server: EXPUNGE within FETCH");
	if (set_expunge(&f->asked, seq) == -1 ||
	    set_expunge(&f->exist, seq) == -1 ||
	    set_expunge(&f->plain, seq) == -1)
		fetch_oom(f);
	views_expunge(f, seq);
}

static const struct job_ops fetch_ops = {
    .expunge = fetch_expunge,
    .free = fetch_free,
};

/* CHANGEDSINCE as the client gave it.  VANISHED is asked for only once. */
static void
fetch_since(const struct fetch_job *f, bool vanished, struct buf *b)
{
	if (!f->cmd.changed)
		return;
	buf_printf(b, " (CHANGEDSINCE %" PRIu64 "%s)", f->cmd.since,
	    vanished && f->cmd.vanished ? " VANISHED" : "");
}

static void
plain_done(struct job *j, struct ask *a)
{
	struct fetch_job *f = fetch_job(j);

	(void)a;
	if (!TAILQ_EMPTY(&j->asks))
		return;
	if (f->nwants > 0)
		views_start(f);
	else
		fetch_finish(f);
}

/*
 * 4. The plain part is the server's, the sealed part is ours.  One after the
 * other: what streams through unread must be the plain part's, and a server
 * may send the answers to the next command before it closes this one (Dovecot
 * does).
 */
static void
fetch_parts(struct fetch_job *f)
{
	static const struct ask like = {.pass = true, .done = plain_done};
	struct buf items;
	unsigned n = 0;

	buf_init(&items, 4 * LIMIT_CLIENT_LINE);
	fetch_print_items(&f->cmd, &items);
	fetch_since(f, false, &items);
	if (items.failed)
		fetch_oom(f);
	else
		n = fetch_ask_all(f, &f->plain, buf_text(&items), &like);
	buf_clear(&items);
	if (n > 0)
		return;
	if (f->nwants > 0)
		views_start(f);
	else
		fetch_finish(f);
}

/* 3. No sealed message is among them. */
static void
fetch_pass(struct fetch_job *f)
{
	bool literal = str_find(f->cmd.text, '{') != f->cmd.text.len;

	buf_reset(&f->line);
	buf_puts(&f->line, f->uid ? "UID FETCH " : "FETCH ");
	if (!f->star && !f->more && !f->cmd.changed)
		buf_str(&f->line, f->cmd.set);
	else
		set_print(&f->plain, &f->line);
	buf_putc(&f->line, ' ');
	if (literal)
		fetch_print_items(&f->cmd, &f->line);
	else
		buf_str(&f->line, f->cmd.text);
	fetch_since(f, false, &f->line);
	if (f->line.failed || (f->line.len > JOB_LINE && f->more))
		fetch_parts(f);
	else
		job_pass(&f->j, buf_text(&f->line));
}

/* Room for n wants. */
static int
wants_room(struct fetch_job *f, uint64_t n)
{
	if (n > MAILBOX_MAX)
		return (-1);
	f->wants = calloc((size_t)n + 1, sizeof(*f->wants));
	return (f->wants != NULL ? 0 : -1);
}

static void
wants_add(struct fetch_job *f, uint32_t uid, uint32_t seq)
{
	struct want *w = &f->wants[f->nwants++];

	w->f = f;
	w->uid = uid;
	w->seq = seq;
}

static int
divide_uids(struct fetch_job *f)
{
	struct classes *cls = f->j.s->box->cls;
	struct set known, sealed;
	uint32_t uid = 0;
	int rc = -1;

	set_init(&known);
	set_init(&sealed);
	if (set_and(&known, &f->asked, &cls->known) == -1 ||
	    set_and(&sealed, &known,
	        f->cmd.foreign ? &f->exist : &cls->sealed) == -1)
		goto out;
	if (!f->cmd.foreign && set_minus(&f->plain, &known, &sealed) == -1)
		goto out;
	f->more = !set_equal(&known, &f->asked);
	if (wants_room(f, set_count(&sealed)) == -1)
		goto out;
	while (set_next(&sealed, &uid))
		wants_add(f, uid, 0);
	rc = 0;
out:
	set_clear(&known);
	set_clear(&sealed);
	return (rc);
}

static int
divide_seqs(struct fetch_job *f)
{
	struct mailbox *box = f->j.s->box;
	uint32_t seq = 0, uid;

	if (wants_room(f, set_count(&f->asked)) == -1)
		return (-1);
	while (set_next(&f->asked, &seq)) {
		uid = mailbox_uid(box, seq);
		if (uid == 0 || !set_has(&box->cls->known, uid))
			f->more = true;
		else if (f->cmd.foreign || set_has(&box->cls->sealed, uid))
			wants_add(f, uid, seq);
		else if (set_add(&f->plain, seq, seq) == -1)
			return (-1);
	}
	return (0);
}

/* All that exists is known. */
static void
fetch_divide(struct job *j)
{
	struct fetch_job *f = fetch_job(j);

	if ((f->uid ? divide_uids(f) : divide_seqs(f)) == -1)
		fetch_oom(f);
	else if (f->nwants > 0)
		fetch_parts(f);
	else if (set_empty(&f->plain))
		fetch_finish(f);
	else
		fetch_pass(f);
}

/* 2. Learn about messages not met before. */
static void
fetch_learn(struct fetch_job *f)
{
	struct mailbox *box = f->j.s->box;
	struct set unknown;
	uint32_t seq = 0, uid;
	int rc = 0;

	set_init(&unknown);
	if (f->uid)
		rc = set_minus(&unknown, &f->asked, &box->cls->known);
	else
		while (rc == 0 && set_next(&f->asked, &seq)) {
			uid = mailbox_uid(box, seq);
			if (uid == 0 || !set_has(&box->cls->known, uid))
				rc = set_add(&unknown, seq, seq);
		}
	if (rc == 0 && !set_empty(&unknown))
		rc = probe_start(&f->j, f->uid, &unknown, fetch_divide);
	else if (rc == 0)
		fetch_divide(&f->j);
	if (rc == -1)
		fetch_oom(f);
	set_clear(&unknown);
}

/* One of those that exist, or have changed. */
static bool
exist_fetch(struct job *j, struct ask *a, struct gather *g)
{
	struct fetch_job *f = fetch_job(j);
	uint32_t uid = gather_uid(g), n = f->uid ? uid : g->seq, top;
	struct resp_item item;

	(void)a;
	/* All that were asked about may be expunged meanwhile. */
	if (set_empty(&f->asked))
		return (false);
	top = f->asked.r[f->asked.n - 1].hi;
	if (uid == 0 || (!set_has(&f->asked, n) && n <= top) ||
	    (f->cmd.changed && !gather_find(g, STR("MODSEQ"), false, &item)))
		return (false);
	if (job_learn(j, g, uid) && n <= top && set_add(&f->exist, n, n) == -1)
		fetch_oom(f);
	return (true);
}

static void
exist_done(struct job *j, struct ask *a)
{
	struct fetch_job *f = fetch_job(j);

	(void)a;
	if (!TAILQ_EMPTY(&j->asks))
		return;
	if (f->cmd.changed) {
		set_clear(&f->asked);
		if (set_copy(&f->asked, &f->exist) == -1)
			fetch_oom(f);
	}
	fetch_learn(f);
}

/*
 * Which of the messages exist?  For items that no server knows.  And which
 * have changed (RFC 7162 section 3.1.4.1)?  Only these are looked at; one
 * that changes from now on is reported by the server anyhow.
 */
static void
fetch_known(struct fetch_job *f)
{
	static const struct ask like = {.fetch = exist_fetch,
	    .done = exist_done};
	struct buf items;
	struct set set;

	if (set_empty(&f->asked) ||
	    !((f->uid && f->cmd.foreign) || f->cmd.changed)) {
		fetch_learn(f);
		return;
	}
	/* The last ones may have vanished: then "*" is all above, too. */
	set_init(&set);
	if (set_copy(&set, &f->asked) == -1 ||
	    (f->star && f->cmd.vanished &&
	        set_add(&set, set.r[set.n - 1].hi, UINT32_MAX) == -1))
		fetch_oom(f);
	buf_init(&items, JOB_LINE);
	buf_puts(&items, "(UID)");
	fetch_since(f, true, &items);
	if (items.failed)
		fetch_oom(f);
	else
		(void)fetch_ask_all(f, &set, buf_text(&items), &like);
	buf_clear(&items);
	set_clear(&set);
}

/* 1. The numbers, "*" being the highest that exists now. */
static void
fetch_resolve(struct fetch_job *f, uint32_t star)
{
	struct set *set = &f->asked;
	char named[NAMED_MAX];

	if (set_parse(set, f->cmd.set, star, NULL) == -1) {
		job_finish(&f->j, "BAD bad set of messages: %s",
		    err_escape(named, sizeof(named), f->cmd.set));
		return;
	}
	/* RFC 3501 section 9, seq-number: such a number is an error. */
	if (!f->uid &&
	    (set_empty(set) || set->r[set->n - 1].hi > f->j.s->box->exists)) {
		job_finish(&f->j, "BAD no such message: %s of %u",
		    err_escape(named, sizeof(named), f->cmd.set),
		    (unsigned)f->j.s->box->exists);
		return;
	}
	fetch_known(f);
}

static bool
star_fetch(struct job *j, struct ask *a, struct gather *g)
{
	uint32_t uid = gather_uid(g);

	(void)a;
	if (uid == 0 || g->seq != a->n)
		return (false);
	(void)job_learn(j, g, uid);
	return (true);
}

static void
star_done(struct job *j, struct ask *a)
{
	/* Mail may have come meanwhile: it was not asked for. */
	fetch_resolve(fetch_job(j), mailbox_uid(j->s->box, a->n));
}

static void
fetch_begin(struct fetch_job *f)
{
	struct mailbox *box = f->j.s->box;
	uint32_t star = box->exists;
	struct ask *a;

	f->star = str_find(f->cmd.set, '*') != f->cmd.set.len;
	if (!f->uid) {
		fetch_resolve(f, star);
		return;
	}
	if (!f->star || star == 0 || mailbox_uid(box, star) != 0) {
		fetch_resolve(f, star == 0 ? 0 : mailbox_uid(box, star));
		return;
	}
	buf_reset(&f->line);
	buf_printf(&f->line, "FETCH %u (UID)", (unsigned)star);
	if ((a = job_ask(&f->j, buf_text(&f->line))) != NULL) {
		a->fetch = star_fetch;
		a->done = star_done;
		a->n = star;
	}
}

/* Are all these messages known, and none of them sealed?  A sequence number
 * means something only while nothing is in flight. */
static bool
fetch_all_plain(const struct imap *s, bool uid, struct str text)
{
	const struct classes *cls = s->box->cls;
	struct set asked, some;
	uint32_t n = 0;
	bool star, plain;

	set_init(&asked);
	set_init(&some);
	plain = set_parse(&asked, text, 0, &star) == 0 && !star;
	if (!uid)
		while (plain && set_next(&asked, &n)) {
			uint32_t u = mailbox_uid(s->box, n);

			plain = u != 0 && set_has(&cls->known, u) &&
			        !set_has(&cls->sealed, u);
		}
	else if (plain)
		plain = set_minus(&some, &asked, &cls->known) == 0 &&
		        set_empty(&some) &&
		        set_and(&some, &asked, &cls->sealed) == 0 &&
		        set_empty(&some);
	set_clear(&asked);
	set_clear(&some);
	return (plain);
}

/* The command outlives the line that it came in. */
static int
fetch_start(struct imap *s, const struct cmd *c)
{
	struct fetch_job *f;
	const char *why;
	struct str args;

	if ((f = calloc(1, sizeof(*f))) == NULL)
		return (-1);
	arena_init(&f->arena, FETCH_ARENA);
	args = arena_str(&f->arena, c->args);
	if (args.p == NULL || !fetch_parse(args, &f->arena, &f->cmd, &why)) {
		arena_clear(&f->arena);
		free(f);
		return (-1);
	}
	set_init(&f->asked);
	set_init(&f->plain);
	set_init(&f->exist);
	buf_init(&f->line, 4 * LIMIT_CLIENT_LINE);
	f->uid = c->uid;
	job_init(&f->j, s, c->tag, &fetch_ops);
	fetch_begin(f);
	return (0);
}

static bool
fetch_bad(struct imap *s, const struct cmd *c, const char *why, struct str it)
{
	(void)route_refuse_it(s, c, why, it);
	return (true);
}

/* The first of what the server lacks. */
static struct str
fetch_lacks(const struct fetch *cmd, uint32_t lacks)
{
	size_t i;

	/* CHANGEDSINCE has added MODSEQ. */
	if (cmd->changed && (lacks & (EXT_CONDSTORE | EXT_QRESYNC)) != 0)
		return (cmd->mods);
	for (i = 0; i < cmd->nitems; i++)
		if (cmd->items[i].kind != NULL &&
		    (cmd->items[i].kind->ext & lacks) != 0)
			return (cmd->items[i].name);
	return (STR(""));
}

bool
job_fetch_start(struct imap *s, const struct cmd *c, bool *wait)
{
	struct arena arena;
	struct fetch cmd;
	const char *why;
	bool taken = false;

	arena_init(&arena, FETCH_ARENA);
	if (!fetch_parse(c->args, &arena, &cmd, &why))
		taken = fetch_bad(s, c, why, cmd.bad);
	else if ((cmd.ext & ~s->caps.ext) != 0)
		taken = fetch_bad(s, c, "not offered",
		    fetch_lacks(&cmd, cmd.ext & ~s->caps.ext));
	else if (cmd.vanished && !c->uid)
		taken = fetch_bad(s, c, "VANISHED is for UID FETCH", STR(""));
	else if (!cmd.view)
		;
	else if (s->box == NULL)
		taken = fetch_bad(s, c, "no mailbox is selected", STR(""));
	else if (!cmd.foreign && (c->uid || s->nfl == 0) &&
	         fetch_all_plain(s, c->uid, cmd.set))
		;
	else if (s->nfl > 0)
		*wait = true;
	else {
		taken = true;
		if (fetch_start(s, c) == -1)
			imap_die(s, "out of memory", "out of memory");
	}
	arena_clear(&arena);
	return (taken);
}
