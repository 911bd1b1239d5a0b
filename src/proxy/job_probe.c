/*
 * What are these messages?  Their Content-Type and the fields that might
 * claim to be ours are asked for, and the answers fill the mailbox's sets.
 * The classes hold for ever, because a UID's message never changes.
 */
#include "config.h"

#include "mail/classify.h"
#include "proxy/job.h"
#include "sys/log.h"

#define PROBE_ITEMS " (UID BODY.PEEK[HEADER.FIELDS (" CLASSIFY_FIELDS ")])"

/* Messages asked about in one command, and commands in flight. */
#define PROBE_WINDOW 1000
#define PROBE_FLIGHT 2

static bool
probe_fetch(struct job *j, struct ask *a, struct gather *g)
{
	struct imap *s = j->s;
	struct resp_item item;
	uint32_t uid = gather_uid(g);
	struct str fields;
	bool sealed;

	if (uid == 0 || (j->probe_uid && !set_has(&a->set, uid)) ||
	    !gather_find(g, STR("BODY[HEADER.FIELDS ("), true, &item))
		return (false);
	if (uid > a->n)
		a->n = uid;
	/* NIL: it was expunged elsewhere, or cannot be read just now. */
	if (item.data.p == NULL) {
		if (set_remove(&a->set, uid, uid) == -1)
			imap_die(s, "out of memory", "out of memory");
		return (true);
	}
	fields = gather_str(g, &item);
	s->p->probed++;
	sealed = classify(fields, str_c(s->p->install_id)) == CLASS_SEALED;
	if (job_learn(j, g, uid) && mailbox_class(s->box, uid, sealed) == -1)
		imap_die(s, "out of memory", "out of memory");
	return (true);
}

/* Of some there were pieces, and never all that was asked for: they exist,
 * and remain unknown. */
static int
probe_parts(struct job *j, struct ask *a)
{
	uint32_t uid = 0;

	while (set_next(&j->parts, &uid)) {
		if (set_has(&j->s->box->cls->known, uid) ||
		    (j->probe_uid && !set_has(&a->set, uid)))
			continue;
		log_warn("imap-probe session=%s uid=%u result=incomplete",
		    j->s->s.id, (unsigned)uid);
		j->unclear = true;
		if (set_remove(&a->set, uid, uid) == -1)
			return (-1);
	}
	return (0);
}

static int probe_more(struct job *);

static void
probe_done(struct job *j, struct ask *a)
{
	j->probe_out--;
	if (probe_parts(j, a) == -1) {
		imap_die(j->s, "out of memory", "out of memory");
		return;
	}
	if (j->probe_uid && mailbox_probed(j->s->box, &a->set, a->n) == -1) {
		imap_die(j->s, "out of memory", "out of memory");
		return;
	}
	if (probe_more(j) == -1)
		imap_die(j->s, "out of memory", "out of memory");
	else if (j->probe_out == 0)
		j->probe_next(j);
}

/* Ask about the next ones. */
static int
probe_more(struct job *j)
{
	struct set part;
	struct buf b;
	struct ask *a;
	uint64_t most = PROBE_WINDOW;
	int rc = 0;

	/* UIDs may lie far apart: then their number says nothing. */
	if (set_count(&j->probe_rest) / 4 > j->s->box->exists)
		most = UINT64_MAX;
	set_init(&part);
	buf_init(&b, JOB_LINE + 1000);
	while (rc == 0 && j->probe_out < PROBE_FLIGHT &&
	       !set_empty(&j->probe_rest)) {
		if ((rc = job_cut(&j->probe_rest, &part, most,
		         JOB_LINE - sizeof(PROBE_ITEMS))) == -1)
			break;
		buf_reset(&b);
		buf_puts(&b, j->probe_uid ? "UID FETCH " : "FETCH ");
		set_print(&part, &b);
		buf_puts(&b, PROBE_ITEMS);
		if ((a = job_ask(j, buf_text(&b))) == NULL)
			break;
		/* What existed already when it was sent. */
		a->n = j->s->box->max_uid;
		a->fetch = probe_fetch;
		a->done = probe_done;
		rc = set_copy(&a->set, &part);
		j->probe_out++;
	}
	buf_clear(&b);
	set_clear(&part);
	return (rc);
}

/* The UIDs of these are known now: what remains is to be probed. */
static int
probe_named(struct job *j)
{
	struct mailbox *box = j->s->box;
	uint32_t seq = 0, uid;

	set_clear(&j->probe_rest);
	while (set_next(&j->probe_seqs, &seq)) {
		uid = mailbox_uid(box, seq);
		if ((uid == 0 || !set_has(&box->cls->known, uid)) &&
		    set_add(&j->probe_rest, seq, seq) == -1)
			return (-1);
	}
	if (!set_empty(&j->probe_rest))
		return (probe_more(j));
	j->probe_next(j);
	return (0);
}

static bool
name_fetch(struct job *j, struct ask *a, struct gather *g)
{
	uint32_t uid = gather_uid(g);

	if (uid == 0 || !set_has(&a->set, g->seq))
		return (false);
	(void)job_learn(j, g, uid);
	return (true);
}

static void
name_done(struct job *j, struct ask *a)
{
	(void)a;
	if (--j->probe_out == 0 && probe_named(j) == -1)
		imap_die(j->s, "out of memory", "out of memory");
}

/*
 * By sequence number: another session has probed some messages of this
 * mailbox, so the old ones may be known, if only their UIDs were.  That is a
 * cheap question.
 */
static int
probe_names(struct job *j)
{
	static const struct ask like = {.fetch = name_fetch, .done = name_done};
	struct mailbox *box = j->s->box;
	struct set unnamed;
	uint32_t seq = 0;
	int rc = 0;

	set_init(&unnamed);
	while (rc == 0 && set_next(&j->probe_seqs, &seq))
		if (seq <= box->old && mailbox_uid(box, seq) == 0)
			rc = set_add(&unnamed, seq, seq);
	if (rc == 0)
		j->probe_out =
		    job_ask_all(j, false, &unnamed, STR("(UID)"), &like);
	set_clear(&unnamed);
	return (rc == 0 && j->probe_out == 0 ? probe_named(j) : rc);
}

int
probe_start(struct job *j, bool uid, const struct set *set,
    void (*next)(struct job *))
{
	struct set *to = uid ? &j->probe_rest : &j->probe_seqs;

	j->probe_uid = uid;
	j->probe_out = 0;
	j->probe_next = next;
	set_clear(to);
	if (set_copy(to, set) == -1)
		return (-1);
	if (uid)
		return (probe_more(j));
	return (set_empty(&j->s->box->cls->known) ? probe_named(j)
	                                          : probe_names(j));
}
