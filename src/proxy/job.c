#include "config.h"

#include "proxy/job.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/limits.h"
#include "sys/log.h"

/* A client that hears nothing for so long begins to doubt. */
#define JOB_LIFE_MS 5000

void
job_init(struct job *j, struct imap *s, struct str tag,
    const struct job_ops *ops)
{
	memset(j, 0, sizeof(*j));
	j->s = s;
	j->ops = ops;
	memcpy(j->tag, tag.p, tag.len);
	TAILQ_INIT(&j->asks);
	set_init(&j->probe_rest);
	set_init(&j->probe_seqs);
	set_init(&j->parts);
	s->job = j;
}

static void
ask_free(struct ask *a)
{
	set_clear(&a->set);
	buf_wipe(&a->text);
	free(a);
}

void
job_free(struct job *j)
{
	struct ask *a;

	if (j == NULL)
		return;
	while ((a = TAILQ_FIRST(&j->asks)) != NULL) {
		TAILQ_REMOVE(&j->asks, a, next);
		ask_free(a);
	}
	set_clear(&j->probe_rest);
	set_clear(&j->probe_seqs);
	set_clear(&j->parts);
	gather_free(j->part);
	pull_free(j->pull);
	j->ops->free(j);
}

/*
 * Send on, up to the next literal that the server has to say "+" to.  Asks go
 * one after the other; those behind the literal wait.
 */
static void
job_send(struct job *j)
{
	enum lex_event ev;
	struct ask *a;
	struct str rest;
	size_t n;

	TAILQ_FOREACH (a, &j->asks, next) {
		if (a->sent == 0)
			lex_init(&j->lex);
		while (a->sent < a->text.len) {
			rest = buf_text(&a->text);
			rest = str_of(rest.p + a->sent, rest.len - a->sent);
			n = lex_step(&j->lex, rest, &ev);
			stream_write(j->s->up, rest.p, n);
			a->sent += n;
			if (ev == LEX_LITERAL && !j->lex.nonsync) {
				j->literal = a;
				return;
			}
		}
		buf_wipe(&a->text);
		a->sent = 0;
	}
}

unsigned
job_patience(const struct job *j)
{
	return (j == NULL || j->results ? IMAP_PASSED_S : LIMIT_UPSTREAM_S);
}

struct ask *
job_ask(struct job *j, struct str text)
{
	struct ask *a;

	if (j->s->state == IMAP_DEAD)
		return (NULL);
	if ((a = calloc(1, sizeof(*a))) == NULL) {
		imap_die(j->s, "out of memory", "out of memory");
		return (NULL);
	}
	set_init(&a->set);
	buf_init(&a->text, text.len + sizeof(a->tag) + 3);
	(void)snprintf(a->tag, sizeof(a->tag), "W%u", ++j->next_tag);
	log_trace("imap-ask session=%s tag=%s text=%s", j->s->s.id, a->tag,
	    log_str(text));
	buf_printf(&a->text, "%s ", a->tag);
	buf_str(&a->text, text);
	buf_puts(&a->text, "\r\n");
	if (a->text.failed) {
		imap_die(j->s, "out of memory", "out of memory");
		ask_free(a);
		return (NULL);
	}
	TAILQ_INSERT_TAIL(&j->asks, a, next);
	if (j->literal == NULL)
		job_send(j);
	imap_expect(j->s, job_patience(j));
	return (a);
}

bool
job_continue(struct job *j)
{
	if (j->literal == NULL)
		return (false);
	j->literal = NULL;
	job_send(j);
	return (true);
}

void
job_finish(struct job *j, const char *fmt, ...)
{
	char text[300];
	va_list ap;

	if (j->over)
		return;
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	j->over = true;
	imap_tagged(j->s, j->tag, "%s", text);
}

void
job_pass(struct job *j, struct str text)
{
	log_trace("imap-pass session=%s tag=%s text=%s", j->s->s.id,
	    log_str(str_c(j->tag)), log_str(text));
	j->over = true;
	stream_printf(j->s->up, "%s ", j->tag);
	stream_str(j->s->up, text);
	stream_str(j->s->up, STR("\r\n"));
	imap_pass_as(j->s, "FETCH", j->tag);
}

void
job_pass_kept(struct job *j)
{
	j->over = true;
	j->s->pass_kept = true;
}

void
job_opening(struct job *j, size_t n)
{
	if (j->open_since == 0)
		j->open_since = j->open_said = clock_now().mono;
	j->open_all += (uint32_t)n;
}

void
job_opened(struct job *j)
{
	if (j->open_done < j->open_all)
		j->open_done++;
}

void
job_again(struct job *j, size_t n)
{
	j->open_all -= n < j->open_all ? (uint32_t)n : j->open_all;
}

void
job_lacks(struct job *j, enum err_code code)
{
	/* What may do better another time is worth to be said. */
	if (j->lack == ERR_OK || code != ERR_LIMIT)
		j->lack = code;
}

const char *
job_lacking(const struct job *j)
{
	if (j->unclear)
		return ("NO [UNAVAILABLE] the mail server's answers are not "
		        "whole");
	if (j->lack == ERR_OK)
		return (NULL);
	if (j->lack == ERR_LIMIT)
		return ("NO [LIMIT] some messages are too large or have too "
		        "many parts");
	if (j->lack == ERR_NOKEY)
		return ("NO [UNAVAILABLE] the key of some messages is not here "
		        "yet, try again later");
	return (
	    "NO [UNAVAILABLE] some messages cannot be opened now, try again "
	    "later");
}

void
job_tick(struct job *j)
{
	uint64_t mono = clock_now().mono;

	if (j->over || j->open_done == j->open_all ||
	    mono - j->open_said < JOB_LIFE_MS)
		return;
	/* Within a response that streams through it would be a part of it. */
	if (j->s->mid)
		return;
	j->open_said = mono;
	stream_printf(j->s->client, "* OK %u of %u messages opened\r\n",
	    (unsigned)j->open_done, (unsigned)j->open_all);
}

/* Commands that were not sent yet are no longer needed. */
static void
job_unsent(struct job *j)
{
	struct ask *a, *next;

	for (a = TAILQ_FIRST(&j->asks); a != NULL; a = next) {
		next = TAILQ_NEXT(a, next);
		if (a->text.len > 0 && a->sent == 0) {
			TAILQ_REMOVE(&j->asks, a, next);
			ask_free(a);
		}
	}
}

/* The server's NO or BAD to one of our commands ends the client's. */
static void
job_refused(struct job *j, const struct resp *r)
{
	struct buf b;

	if (j->over)
		return;
	j->over = true;
	buf_init(&b, RESP_LINE_MAX + 1000);
	buf_printf(&b, "%s %s ", j->tag, r->cond == COND_NO ? "NO" : "BAD");
	caps_code(r->code, &b);
	buf_str(&b, r->text);
	buf_puts(&b, "\r\n");
	stream_str(j->s->client, buf_text(&b));
	buf_clear(&b);
	job_unsent(j);
}

static uint32_t
job_uid(const struct job *j, struct gather *g)
{
	uint32_t uid = gather_uid(g);

	return (uid != 0 ? uid : mailbox_uid(j->s->box, g->seq));
}

/* No more is joined to the last piece. */
static void
job_part_end(struct job *j)
{
	if (j->part != NULL && gather_bytes(j->part) &&
	    job_uid(j, j->part) == 0)
		j->unclear = true; /* of whom was it? */
	gather_free(j->part);
	j->part = NULL;
}

void
job_tagged(struct job *j, const struct resp *r)
{
	struct str rest;
	struct ask *a;

	TAILQ_FOREACH (a, &j->asks, next)
		if (str_eq(r->tag, str_c(a->tag)))
			break;
	if (a == NULL || (a->text.len > 0 && a != j->literal)) {
		imap_die(j->s, "the mail server talks nonsense",
		    "server: unknown tag %s", log_str(r->tag));
		return;
	}
	TAILQ_REMOVE(&j->asks, a, next);
	job_part_end(j);
	if (a == j->literal)
		j->literal = NULL; /* refused before its end */
	/* Before done(), which may ask again. */
	if (TAILQ_EMPTY(&j->asks))
		imap_expect(j->s, 0);
	if (r->cond != COND_OK)
		job_refused(j, r);
	else if (str_ieq(resp_code_word(r->code, &rest), STR("MESSAGELIMIT")))
		/* Not all that was asked for came (RFC 9738). */
		job_finish(j, "NO [LIMIT] the mail server takes fewer messages "
		              "at once");
	else if (!j->over)
		a->done(j, a);
	ask_free(a);
	/* What waited for a literal, and is still wanted. */
	if (j->literal == NULL && j->s->state != IMAP_DEAD)
		job_send(j);
}

bool
job_wants(const struct job *j, bool *bodies)
{
	const struct ask *a = TAILQ_FIRST(&j->asks);

	if (a == NULL || a->pass)
		return (false);
	*bodies = false;
	for (; a != NULL; a = TAILQ_NEXT(a, next))
		*bodies |= a->bodies;
	return (true);
}

/* Does an ask want it? */
static bool
job_offer(struct job *j, struct gather *g)
{
	struct ask *a;
	uint32_t uid;

	TAILQ_FOREACH (a, &j->asks, next)
		if (a->fetch != NULL && a->fetch(j, a, g)) {
			if (!a->flags)
				gather_pass_flags(g, j->s->client);
			if (set_empty(&j->parts))
				return (true);
			uid = gather_uid(g);
			if (set_remove(&j->parts, uid, uid) == -1)
				imap_die(j->s, "out of memory",
				    "out of memory");
			return (true);
		}
	return (false);
}

bool
job_wants_results(const struct job *j, struct str head)
{
	return (j->results && (str_ieq(head, STR("* SEARCH")) ||
	                          str_ieq(head, STR("* ESEARCH")) ||
	                          str_ieq(head, STR("* SORT")) ||
	                          str_ieq(head, STR("* THREAD"))));
}

/* No ask wants it as it is.  Perhaps it is a piece of what one does want. */
static void
job_part(struct job *j, struct gather *g)
{
	uint32_t uid = job_uid(j, g);
	struct gather *all;

	if (!gather_bytes(g))
		gather_pass(g, j->s->client);
	if (uid != 0 && set_add(&j->parts, uid, uid) == -1)
		imap_die(j->s, "out of memory", "out of memory");
	if (j->parts.n > MAILBOX_MAX ||
	    j->parts.n > j->s->box->exists + j->gone)
		imap_die(j->s, "the mail server talks nonsense",
		    "server: pieces of more messages than there are");
	if (j->part != NULL && j->part->seq == g->seq &&
	    (all = gather_join(j->part, g)) != NULL) {
		gather_free(j->part);
		gather_free(g);
		g = all;
	} else
		job_part_end(j);
	j->part = g;
	if (g->joined > 0 && job_offer(j, g)) {
		gather_free(g);
		j->part = NULL;
	}
}

void
job_fetch_take(struct job *j, struct gather *g)
{
	if (job_offer(j, g))
		gather_free(g);
	else
		job_part(j, g);
}

void
job_results(struct job *j, struct str line)
{
	struct ask *a;

	TAILQ_FOREACH (a, &j->asks, next)
		if (a->found != NULL && a->found(j, a, line))
			return;
}

void
job_expunged(struct job *j, uint32_t seq, uint32_t uid)
{
	if (j->gone < MAILBOX_MAX)
		j->gone++;
	if (!j->over && j->s->state != IMAP_DEAD)
		j->ops->expunge(j, seq, uid);
}

bool
job_learn(struct job *j, const struct gather *g, uint32_t uid)
{
	if (mailbox_learn(j->s->box, g->seq, uid) == 0)
		return (true);
	imap_die(j->s, "the mail server talks nonsense",
	    "server: message %u cannot have UID %u", (unsigned)g->seq,
	    (unsigned)uid);
	return (false);
}

int
job_cut(struct set *rest, struct set *part, uint64_t most, size_t room)
{
	char text[32];
	struct set kept;
	struct range r;
	uint64_t n;
	size_t i;
	int len;

	set_clear(part);
	for (i = 0; i < rest->n && most > 0; i++) {
		r = rest->r[i];
		len = snprintf(text, sizeof(text), "%u:%u,", (unsigned)r.lo,
		    (unsigned)r.hi);
		if ((size_t)len > room)
			break;
		room -= (size_t)len;
		n = (uint64_t)r.hi - r.lo + 1;
		if (n > most) {
			/* Not the whole range: the rest of it stays. */
			r.hi = (uint32_t)(r.lo + most - 1);
			n = most;
		}
		if (set_add(part, r.lo, r.hi) == -1)
			return (-1);
		most -= n;
	}
	set_init(&kept);
	if (set_minus(&kept, rest, part) == -1)
		return (-1);
	set_clear(rest);
	*rest = kept;
	return (0);
}

unsigned
job_ask_all(struct job *j, bool uid, const struct set *set, struct str items,
    const struct ask *like)
{
	size_t len = items.len + sizeof("W1234567890 UID FETCH  ");
	struct set rest, part;
	struct buf line;
	struct ask *a;
	unsigned n = 0;
	int rc;

	set_init(&rest);
	set_init(&part);
	buf_init(&line, 2 * JOB_LINE + len);
	rc = set_copy(&rest, set);
	while (rc == 0 && !set_empty(&rest)) {
		rc = job_cut(&rest, &part, UINT64_MAX,
		    len + 100 < JOB_LINE ? JOB_LINE - len : 100);
		if (rc == -1)
			break;
		buf_reset(&line);
		buf_puts(&line, uid ? "UID FETCH " : "FETCH ");
		set_print(&part, &line);
		buf_putc(&line, ' ');
		buf_str(&line, items);
		if (line.failed) {
			rc = -1;
			break;
		}
		if ((a = job_ask(j, buf_text(&line))) == NULL)
			break;
		a->pass = like->pass;
		a->bodies = like->bodies;
		a->flags = like->flags;
		a->fetch = like->fetch;
		a->done = like->done;
		a->n = like->n;
		rc = set_copy(&a->set, &part);
		n++;
	}
	if (rc == -1)
		imap_die(j->s, "out of memory", "out of memory");
	buf_clear(&line);
	set_clear(&part);
	set_clear(&rest);
	return (n);
}
