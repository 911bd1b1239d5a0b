/*
 * Responses on their way to the client.
 *
 * The first words of each are read; what needs no more streams through in
 * large moves.  Looked at as a whole are the lines of status, and the FETCH
 * responses that a job waits for.
 */
#include "config.h"

#include "base/num.h"
#include "proxy/append.h"
#include "proxy/gather.h"
#include "proxy/imap.h"
#include "proxy/job.h"
#include "sys/log.h"

/* RFC 3501 section 9, number: 32 bits. */
#define LITERAL_MAX UINT32_MAX

static void
reply_garbage(struct imap *s, const char *what, struct str line)
{
	imap_die(s, "the mail server talks nonsense", "server: %s %s", what,
	    log_str(line));
}

/* A status line whose code or whole is not for the client as it is. */
static void
reply_edit(struct imap *s, const struct resp *r)
{
	static const char *const words[] = {"OK", "NO", "BAD", "BYE",
	    "PREAUTH"};
	struct buf b;

	buf_init(&b, RESP_LINE_MAX + 1000);
	if (r->kind == RESP_CAPABILITY) {
		buf_puts(&b, "* CAPABILITY ");
		caps_filter(r->text, &b);
	} else {
		buf_str(&b, r->kind == RESP_TAGGED ? r->tag : STR("*"));
		buf_printf(&b, " %s ", words[r->cond]);
		caps_code(r->code, &b);
		buf_str(&b, r->text);
	}
	buf_puts(&b, "\r\n");
	stream_str(s->client, buf_text(&b));
	buf_clear(&b);
}

/* A line of status: to the client, edited if it has to be. */
static void
reply_line(struct imap *s, const struct resp *r)
{
	struct str list;

	if (r->kind == RESP_CAPABILITY) {
		caps_read(r->text, &s->caps);
		reply_edit(s, r);
		return;
	}
	if (str_ieq(resp_code_word(r->code, &list), STR("CAPABILITY")))
		caps_read(list, &s->caps);
	if (caps_code_edits(r->code))
		reply_edit(s, r);
	else
		stream_str(s->client, r->line);
}

static void
reply_tagged(struct imap *s, const struct resp *r)
{
	struct inflight *f;
	bool bad_done = s->bad_done;

	log_trace("imap-tagged session=%s tag=%s", s->s.id, log_str(r->tag));
	if (append_tagged(s, r))
		return;
	if (s->job != NULL) {
		job_tagged(s->job, r);
		return;
	}
	if ((f = imap_inflight(s, r->tag)) == NULL) {
		reply_garbage(s, "unknown tag", r->line);
		return;
	}
	if (s->barrier && bad_done) {
		s->bad_done = false;
		imap_tagged(s, f->tag, "BAD expected DONE");
	} else
		reply_line(s, r);
	imap_passed(s, f, r);
}

static void
reply_continue(struct imap *s, const struct resp *r)
{
	bool last;

	if (s->job != NULL && job_continue(s->job))
		return;
	if (s->literal_wait) {
		/* Of an APPEND's message the client waits itself. */
		last = s->appending && s->send_at == s->in.text.len;
		if (last && !s->append_ours)
			stream_str(s->client, r->line);
		imap_send_more(s);
		return;
	}
	if (s->nfl == 0 || !s->barrier) {
		reply_garbage(s, "unasked", r->line);
		return;
	}
	stream_str(s->client, r->line); /* IDLE's */
}

/* Of the mailbox that is selected it cannot change (RFC 3501 2.3.1.1). */
static bool
reply_uidvalidity(struct imap *s, uint32_t n, const struct resp *r)
{
	if (s->opening != NULL) {
		s->opening->uidvalidity = n;
		return (true);
	}
	if (s->box == NULL || s->box->uidvalidity == n)
		return (true);
	reply_garbage(s, "another UIDVALIDITY", r->line);
	return (false);
}

static void
reply_status(struct imap *s, const struct resp *r)
{
	struct str rest, word = resp_code_word(r->code, &rest);
	uint64_t n;

	if (r->cond == COND_PREAUTH) {
		reply_garbage(s, "unexpected", r->line);
		return;
	}
	if (str_ieq(word, STR("UIDVALIDITY")) &&
	    num_parse(rest, UINT32_MAX, &n) &&
	    !reply_uidvalidity(s, (uint32_t)n, r))
		return;
	if (s->opening != NULL && str_ieq(word, STR("CLOSED"))) {
		mailbox_free(s->box);
		s->box = NULL;
	}
	if (s->opening != NULL && str_ieq(word, STR("UIDNEXT")) &&
	    num_parse(rest, UINT32_MAX, &n))
		s->opening->uidnext = (uint32_t)n;
	reply_line(s, r);
	if (r->cond == COND_BYE && s->state != IMAP_LEAVING)
		imap_die(s, NULL, "server: %s", log_str(r->text));
}

static void
reply_exists(struct imap *s, const struct resp *r)
{
	struct mailbox *box = s->opening != NULL ? s->opening : s->box;

	if (box != NULL && mailbox_set_exists(box, r->number) == -1)
		reply_garbage(s, "too many messages", r->line);
}

static void
reply_expunge(struct imap *s, const struct resp *r)
{
	uint32_t uid;

	if (s->box == NULL)
		return;
	uid = mailbox_uid(s->box, r->number);
	if (mailbox_expunge(s->box, r->number) == -1) {
		reply_garbage(s, "no such message", r->line);
		return;
	}
	if (s->job != NULL)
		job_expunged(s->job, r->number, uid);
}

static void
reply_gone(uint32_t seq, uint32_t uid, void *arg)
{
	struct imap *s = arg;

	if (s->job != NULL)
		job_expunged(s->job, seq, uid);
}

static void
reply_vanished(struct imap *s, const struct resp *r)
{
	struct mailbox *box = s->opening != NULL ? s->opening : s->box;

	/* While SELECT is in flight the old mailbox may lose some, too. */
	if (!r->earlier)
		box = s->box;
	if (box != NULL && mailbox_vanished(box, r->text, r->earlier,
	                       s->job != NULL ? reply_gone : NULL, s) == -1)
		reply_garbage(s, "bad VANISHED", r->line);
}

static struct str
str_after(struct str s, size_t n)
{
	return (n < s.len ? str_of(s.p + n, s.len - n) : str_of("", 0));
}

/*
 * The UID of a FETCH response that passes, if it comes first: so the map from
 * sequence numbers fills by itself.  at is behind "* n FETCH ".
 */
static void
reply_heard(struct imap *s, uint32_t seq, struct str at)
{
	struct mailbox *box = s->box;
	uint64_t uid;
	size_t n;

	/* While SELECT is in flight, of which mailbox is it?  Servers with
	 * QRESYNC say when the old one is closed (RFC 7162 3.2.11). */
	if (s->opening != NULL)
		box = s->box == NULL && s->opening->resync ? s->opening : NULL;
	if (box == NULL || !str_istarts(at, STR("(UID ")))
		return;
	at = str_of(at.p + 5, at.len - 5);
	n = num_lead(at, UINT32_MAX, &uid);
	/* Not if it may go on in the next piece. */
	if (n > 0 && n < at.len)
		mailbox_heard(box, seq, (uint32_t)uid);
}

/*
 * A LIST response, or its beginning: what divides the names of mailboxes
 * (RFC 3501 7.2.2)?  Where each namespace has its own (RFC 2342) that is not
 * known.
 */
static void
reply_delimiter(struct imap *s, struct str line)
{
	struct account *a = s->account;
	struct str word;
	struct tok t;

	if (a->delimiters || !str_istarts(line, STR("* LIST (")))
		return;
	tok_init(&t, line);
	t.pos = sizeof("* LIST ") - 1;
	if (!tok_value(&t, &word) || !tok_char(&t, ' ') ||
	    tok_peek(&t) != '"' || !tok_value(&t, &word) || word.len < 3)
		return;
	/* "\"" has its own sign in front. */
	a->delimiters =
	    a->delimiter != 0 && a->delimiter != word.p[word.len - 2];
	a->delimiter = a->delimiters ? '\0' : word.p[word.len - 2];
}

/* Is it, by its first words, an answer to a question of ours, or read by us on
 * its way? */
static bool
reply_wanted(const struct imap *s, struct str head)
{
	return ((s->job != NULL && job_wants_results(s->job, head)) ||
	        append_wants_lists(s, head) ||
	        (s->limits && str_ieq(head, STR("* STATUS"))));
}

/* A response that was collected as a whole. */
static void
reply_results(struct imap *s, struct str line)
{
	struct buf b;

	if (str_istarts(line, STR("* STATUS "))) {
		buf_init(&b, line.len + 1024);
		caps_status(line, &b);
		stream_str(s->client, buf_text(&b));
		buf_clear(&b);
	} else if (str_istarts(line, STR("* LIST "))) {
		reply_delimiter(s, line);
		if (!append_list(s, line))
			stream_str(s->client, line);
	} else if (s->job != NULL)
		job_results(s->job, line);
}

/*
 * Handle a response that is not passed unread.  Lines are consumed; of others
 * the state says what becomes of their bytes.
 */
static void
reply_take(struct imap *s, const struct resp *r)
{
	bool bodies;

	if (s->state == IMAP_LOGIN) {
		s->eat = !resp_is_line(r->kind);
		uplogin_resp(s->uplogin, r);
		return;
	}
	switch (r->kind) {
	case RESP_TAGGED:
		reply_tagged(s, r);
		return;
	case RESP_CONTINUE:
		reply_continue(s, r);
		return;
	case RESP_STATUS:
		reply_status(s, r);
		return;
	case RESP_CAPABILITY:
		reply_line(s, r);
		return;
	case RESP_EXPUNGE:
		/* First the client's line: a job may answer at once. */
		stream_str(s->client, r->line);
		reply_expunge(s, r);
		return;
	case RESP_EXISTS:
		reply_exists(s, r);
		stream_str(s->client, r->line);
		return;
	case RESP_RECENT:
		stream_str(s->client, r->line);
		return;
	case RESP_FETCH:
		if (s->job != NULL && job_wants(s->job, &bodies)) {
			s->gather = gather_new(r->number, bodies, s->account);
			if (s->gather == NULL)
				imap_die(s, "out of memory", "out of memory");
			return;
		}
		s->mid = true;
		return;
	case RESP_VANISHED:
		stream_str(s->client, r->line);
		reply_vanished(s, r);
		return;
	case RESP_ENABLED:
		stream_str(s->client, r->line);
		return;
	case RESP_DATA:
		if (reply_wanted(s, r->line)) {
			if ((s->gather = gather_new_results()) == NULL)
				imap_die(s, "out of memory", "out of memory");
			return;
		}
		s->mid = true;
		return;
	}
}

/* May it be passed together with its neighbours, after a glance? */
static bool
reply_glance(struct imap *s, const struct resp *r)
{
	bool bodies;

	if (s->state != IMAP_OPEN)
		return (false);
	switch (r->kind) {
	case RESP_EXISTS:
		reply_exists(s, r);
		return (s->state != IMAP_DEAD);
	case RESP_EXPUNGE:
		reply_expunge(s, r);
		return (s->state != IMAP_DEAD);
	case RESP_FETCH:
		return (s->job == NULL || !job_wants(s->job, &bodies));
	case RESP_VANISHED:
		reply_vanished(s, r);
		return (s->state != IMAP_DEAD);
	case RESP_DATA:
		return (!reply_wanted(s, r->line));
	case RESP_RECENT:
	case RESP_ENABLED:
		return (true);
	case RESP_TAGGED:
	case RESP_STATUS:
	case RESP_CONTINUE:
	case RESP_CAPABILITY:
		return (false);
	}
	return (false);
}

/*
 * How many bytes of in pass to the client as they are.  Stops before a
 * response that has to be handled, or whose first words are incomplete.
 */
static size_t
reply_run(struct imap *s, struct str in)
{
	enum lex_event ev;
	struct resp r;
	struct str rest;
	size_t at = 0, start = 0, n;
	uint32_t seq;
	bool begun = s->mid; /* and its first bytes are with the client */

	while (at < in.len && s->state != IMAP_DEAD) {
		rest = str_of(in.p + at, in.len - at);
		if (!s->mid) {
			start = at;
			n = 0;
			begun = false;
			if (s->job == NULL && s->state == IMAP_OPEN &&
			    (n = resp_is_fetch(rest, &seq)) > 0) {
				r.kind = RESP_FETCH;
				reply_heard(s, seq, str_after(rest, n));
			} else if (resp_head(rest, &r) != 1 ||
			           !reply_glance(s, &r))
				break;
			if (resp_is_line(r.kind)) {
				at += r.line.len;
				continue;
			}
			if (r.kind == RESP_DATA)
				reply_delimiter(s, rest);
			if (r.kind == RESP_FETCH && n == 0)
				reply_heard(s, r.number,
				    str_after(rest, r.line.len + 1));
			s->mid = true;
			lex_init(&s->up_lex);
		}
		at += lex_step(&s->up_lex, rest, &ev);
		if (ev == LEX_LINE) {
			s->mid = false;
			if (s->said.len > 0)
				break;
		} else if (ev == LEX_LITERAL && s->up_lex.left > LITERAL_MAX) {
			s->mid = begun;
			reply_garbage(s, "absurd literal", rest);
			return (start);
		}
	}
	return (at);
}

/* The next bytes belong to a response that is collected, or to nobody. */
static void
reply_swallow(struct imap *s, struct str in)
{
	struct gather *g = s->gather;
	enum lex_event ev;
	struct err err;
	size_t n;

	n = lex_step(&s->up_lex, in, &ev);
	if (g != NULL &&
	    gather_put(g, ev, str_of(in.p, n), s->up_lex.left, &err) == -1) {
		imap_die(s, "the mail server says too much", "server: %s",
		    err.text);
		return;
	}
	stream_consume(s->up, n);
	if (ev != LEX_LINE)
		return;
	s->eat = false;
	if (g == NULL)
		return;
	s->gather = NULL;
	if (g->results) {
		reply_results(s, buf_text(&g->text));
		gather_free(g);
		return;
	}
	if (gather_ok(g) && s->job != NULL) {
		job_fetch_take(s->job, g);
		return;
	}
	if (gather_ok(g))
		gather_pass(g, s->client);
	else
		reply_garbage(s, "bad FETCH", buf_text(&g->text));
	gather_free(g);
}

/* One response at the start of the input.  False: it is not whole yet. */
static bool
reply_one(struct imap *s, struct str in)
{
	struct resp r;
	size_t len;
	int rc;

	if ((rc = resp_head(in, &r)) == 0 && stream_input_len(s->up) > in.len) {
		in = stream_peek(s->up, RESP_LINE_MAX);
		rc = resp_head(in, &r);
	}
	if (rc == -1) {
		if (s->state == IMAP_LOGIN) {
			struct err err;

			err_set(&err, ERR_PEER, "the server talks nonsense");
			uplogin_lost(s->uplogin, &err);
		} else
			reply_garbage(s, "no IMAP",
			    str_of(in.p, in.len < 80 ? in.len : 80));
		return (false);
	}
	if (rc == 0)
		return (false);
	lex_init(&s->up_lex);
	len = resp_is_line(r.kind) ? r.line.len : 0;
	reply_take(s, &r);
	if (s->up != NULL && s->state != IMAP_DEAD && len > 0)
		stream_consume(s->up, len);
	return (true);
}

void
imap_reply(struct imap *s)
{
	struct str in;
	size_t n;

	/* imap_turn() sees to it that we are called again. */
	while (s->up != NULL && s->state != IMAP_DEAD &&
	       stream_output_len(s->client) < IMAP_MOST) {
		if ((in = stream_chunk(s->up)).len == 0)
			return;
		if (s->gather != NULL || s->eat) {
			reply_swallow(s, in);
			continue;
		}
		if (s->mid || s->state == IMAP_OPEN) {
			n = reply_run(s, in);
			if (n > 0) {
				stream_move(s->up, s->client, n);
				imap_said(s);
				continue;
			}
		}
		if (s->state != IMAP_DEAD && !reply_one(s, in))
			return;
	}
}
