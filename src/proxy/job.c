#include "config.h"

#include "proxy/job.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "sys/log.h"

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
	s->job = j;
}

static void
ask_free(struct ask *a)
{
	set_clear(&a->set);
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
	j->ops->free(j);
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
	(void)snprintf(a->tag, sizeof(a->tag), "W%u", ++j->next_tag);
	TAILQ_INSERT_TAIL(&j->asks, a, next);
	log_trace("imap-ask session=%s tag=%s text=%s", j->s->s.id, a->tag,
	    log_str(text));
	stream_printf(j->s->up, "%s ", a->tag);
	stream_str(j->s->up, text);
	stream_str(j->s->up, STR("\r\n"));
	imap_expect(j->s, LIMIT_UPSTREAM_S);
	return (a);
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
}

void
job_tagged(struct job *j, const struct resp *r)
{
	struct ask *a;

	TAILQ_FOREACH (a, &j->asks, next)
		if (str_eq(r->tag, str_c(a->tag)))
			break;
	if (a == NULL) {
		imap_die(j->s, "the mail server talks nonsense",
		    "server: unknown tag %s", log_str(r->tag));
		return;
	}
	TAILQ_REMOVE(&j->asks, a, next);
	/* Before done(), which may ask again. */
	if (TAILQ_EMPTY(&j->asks))
		imap_expect(j->s, 0);
	if (r->cond != COND_OK)
		job_refused(j, r);
	else if (!j->over)
		a->done(j, a);
	ask_free(a);
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

bool
job_fetch_resp(struct job *j, struct gather *g)
{
	struct ask *a;

	TAILQ_FOREACH (a, &j->asks, next)
		if (a->fetch != NULL && a->fetch(j, a, g))
			return (true);
	return (false);
}

void
job_expunged(struct job *j, uint32_t seq)
{
	if (!j->over)
		j->ops->expunge(j, seq);
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
