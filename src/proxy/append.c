#include "config.h"

#include "proxy/append.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/limits.h"
#include "mail/header.h"
#include "mail/status.h"
#include "proxy/own.h"
#include "proxy/rules.h"
#include "proxy/sentlog.h"
#include "sys/log.h"

/* The tag of our LIST. */
#define LIST_TAG "WL"

/* The largest message that is sealed: it grows by up to 1.4. */
#define SEALED_MOST (LIMIT_MESSAGE / 7 * 5)

void
append_free(struct append *a)
{
	if (a == NULL)
		return;
	if (a->ask != 0 && a->s->p->sealer != NULL)
		ipc_forget(a->s->p->sealer, a->ask);
	if (a->timer != NULL)
		event_free(a->timer);
	buf_clear(&a->name);
	buf_clear(&a->cmd);
	buf_wipe(&a->first);
	memfd_free(a->text);
	blob_unref(a->message);
	blob_unref(a->put);
	share_clear(&a->share);
	free(a);
}

void
append_enter(struct append *a, enum append_state state)
{
	log_trace("append-state session=%s from=%d to=%d", a->s->s.id,
	    (int)a->state, (int)state);
	a->state = state;
}

bool
append_reads(const struct append *a)
{
	switch (a->state) {
	case APPEND_HEAD:
	case APPEND_TEXT:
	case APPEND_DROP:
		return (true);
	case APPEND_WAIT:
	case APPEND_LIST:
	case APPEND_SEAL:
	case APPEND_SEND:
		break;
	}
	return (false);
}

void
append_finish(struct append *a, const char *fmt, ...)
{
	struct imap *s = a->s;
	char text[ERR_TEXT];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	imap_tagged(s, a->tag, "%s", text);
	s->append = NULL;
	s->appending = false;
	append_free(a);
}

/* Let the client say all it has to say, then tell it this. */
static void
drop(struct append *a, const char *answer)
{
	(void)snprintf(a->answer, sizeof(a->answer), "%s", answer);
	buf_wipe(&a->first);
	memfd_free(a->text);
	a->text = NULL;
	share_clear(&a->share);
	append_enter(a, APPEND_DROP);
}

/* 4. The end of the command. */

void
append_end(struct imap *s, bool well)
{
	struct append *a = s->append;
	struct err err;

	if (!well) {
		/* The reader is at the next command already. */
		append_finish(a, "BAD %s", s->in.why);
		return;
	}
	cmd_next(&s->in);
	if (a->state == APPEND_DROP && a->put == NULL) {
		append_finish(a, "%s", a->answer);
		return;
	}
	if (a->put != NULL) {
		append_send(a);
		return;
	}
	a->message = memfd_take(a->text, &err);
	a->text = NULL;
	if (a->message == NULL) {
		log_error("append session=%s reason=%s", s->s.id,
		    log_str(str_c(err.text)));
		append_finish(a, "NO [UNAVAILABLE] out of memory");
		return;
	}
	append_seal(a);
}

/* 3. The header is there: what is it? */

/* Does it carry our status fields, so that it was sealed when it was read? */
static bool
claims(const struct append *a, struct str head)
{
	struct header h;
	struct field f;

	header_init(&h, head);
	while (header_next(&h, &f))
		if (status_claims(&f, str_c(a->s->p->install_id)))
			return (true);
	return (false);
}

/* It passes: the server is asked for its consent, then gets what is here and
 * all that follows. */
static void
pass(struct append *a)
{
	append_enter(a, APPEND_SEND);
	imap_send_append(a->s);
}

/* Collect all of it. */
static void
collect(struct append *a, bool clear_ok)
{
	uint64_t n = a->s->in.stream;
	struct err err;

	if (n > SEALED_MOST) {
		drop(a, "NO [TOOBIG] too large to be sealed");
		return;
	}
	if (share_add(&a->share, a->s->account, n + share_sealed(n)) == -1) {
		log_warn("append session=%s bytes=%" PRIu64
		         " reason=\"too much is held\"",
		    a->s->s.id, n);
		drop(a, "NO [LIMIT] too much is being stored, try again later");
		return;
	}
	a->clear_ok = clear_ok;
	if ((a->text = memfd_new(LIMIT_MESSAGE, &err)) == NULL ||
	    memfd_put(a->text, a->first.data, a->first.len, &err) == -1) {
		log_error("append session=%s reason=%s", a->s->s.id,
		    log_str(str_c(err.text)));
		drop(a, "NO [UNAVAILABLE] out of memory");
		return;
	}
	buf_wipe(&a->first);
	append_enter(a, APPEND_TEXT);
}

/* The copy of a mail that was just sent.  True: that is all. */
static bool
take_copy(struct append *a, const struct sent *sent)
{
	switch (rules_sent(a->s->p->conf, str_c(a->s->account->login))) {
	case SENT_SUPPRESS:
		log_debug("append session=%s copy=suppressed", a->s->s.id);
		sentlog_done(a->s->p->sent, sent);
		drop(a, "OK the server keeps a copy of its own");
		return (true);
	case SENT_AS_SENT:
		if (sent->text == NULL)
			break;
		drop(a, "");
		a->put = blob_ref(sent->text);
		return (true);
	case SENT_SEALED:
		break;
	}
	if (sent->sealed)
		return (false);
	pass(a);
	return (true);
}

static void
decide(struct append *a)
{
	struct imap *s = a->s;
	struct str login = str_c(s->account->login);
	struct str head = buf_text(&a->first);
	const struct sent *sent = NULL;

	head.len = header_len(head);
	if (claims(a, head)) {
		collect(a, false);
		return;
	}
	if (a->kind == SPECIAL_SENT)
		sent = sentlog_get(s->p->sent, login, head, clock_now().wall);
	if (sent != NULL && take_copy(a, sent))
		return;
	if (a->kind != SPECIAL_NONE)
		collect(a, !rules_require(s->p->conf, login));
	else if (own_is(s->p, head))
		collect(a, false);
	else
		pass(a);
}

/* 2. The message comes. */

/* Is the header complete?  from: what was looked at before. */
static bool
head_ends(const struct buf *b, size_t from)
{
	const char *p = b->data, *end = p + b->len;

	if (b->len > 0 &&
	    (p[0] == '\n' || (b->len > 1 && p[1] == '\n' && p[0] == '\r')))
		return (true);
	for (p += from < 3 ? 0 : from - 3;
	     (p = memchr(p, '\n', (size_t)(end - p))) != NULL;) {
		p++;
		if (p < end && (*p == '\n' || (end - p > 1 && p[0] == '\r' &&
		                                  p[1] == '\n')))
			return (true);
	}
	return (false);
}

static void
take_head(struct append *a, struct str in)
{
	size_t from = a->first.len;

	buf_str(&a->first, in);
	if (a->first.failed)
		drop(a, "NO [UNAVAILABLE] out of memory");
	else if (a->first.len > LIMIT_HEADER || head_ends(&a->first, from))
		decide(a);
}

static void
take_text(struct append *a, struct str in)
{
	struct err err;

	if (memfd_put(a->text, in.p, in.len, &err) == 0)
		return;
	log_error("append session=%s reason=%s", a->s->s.id,
	    log_str(str_c(err.text)));
	drop(a, "NO [UNAVAILABLE] out of memory");
}

/* The last byte of the message was taken. */
static void
message_end(struct imap *s)
{
	if (s->append != NULL && s->append->state == APPEND_HEAD)
		decide(s->append);
	/* What passes, and may be gone, is looked after there. */
	if (s->append != NULL && append_reads(s->append))
		cmd_streamed(&s->in);
}

void
append_take(struct imap *s)
{
	struct append *a = s->append;
	struct str in = stream_chunk(s->client);
	size_t n;

	if (in.len > s->append_left)
		in.len = (size_t)s->append_left;
	n = in.len;
	s->append_left -= n;
	if (a->state == APPEND_HEAD)
		take_head(a, in);
	else if (a->state == APPEND_TEXT)
		take_text(a, in);
	stream_consume(s->client, n);
	if (s->append_left == 0)
		message_end(s);
}

/* 1. Which mailbox is it? */

/* The client may begin.  sure: the server was asked, or need not be; if it was
 * and did not tell, it may be the place for drafts. */
static void
begin(struct append *a, bool sure)
{
	struct imap *s = a->s;

	a->kind = special_kind(s->special, buf_text(&a->name));
	if (a->draft || (a->kind == SPECIAL_NONE && !sure))
		a->kind = SPECIAL_DRAFTS;
	if (a->kind != SPECIAL_NONE && s->caps.append_limit > 0 &&
	    s->in.stream > s->caps.append_limit) {
		append_finish(a,
		    "NO [TOOBIG] the mail server takes no more than %" PRIu64
		    " bytes",
		    s->caps.append_limit);
		cmd_skip_stream(&s->in);
		return;
	}
	append_enter(a, APPEND_HEAD);
	s->append_left = s->in.stream;
	if (!s->in.stream_nonsync)
		imap_say(s, STR("+ OK\r\n"));
	if (s->append_left == 0)
		message_end(s);
}

/* The client's, too: what it is told and we are not it acts upon. */
bool
append_wants_lists(const struct imap *s, struct str head)
{
	return (s->state == IMAP_OPEN && str_ieq(head, STR("* LIST")));
}

bool
append_list(struct imap *s, struct str line)
{
	bool ours = s->append != NULL && s->append->state == APPEND_LIST;

	if (special_mentioned(line)) {
		if (s->special == NULL)
			s->special = special_new();
		if (s->special == NULL)
			imap_die(s, "out of memory", "out of memory");
		else
			special_read(s->special, line);
	}
	return (ours);
}

bool
append_tagged(struct imap *s, const struct resp *r)
{
	if (s->append == NULL || s->append->state != APPEND_LIST ||
	    !str_eq(r->tag, STR(LIST_TAG)))
		return (false);
	imap_expect(s, 0);
	s->special_asked = r->cond == COND_OK;
	begin(s->append, s->special_asked);
	return (true);
}

static void
ask_list(struct append *a)
{
	struct imap *s = a->s;

	append_enter(a, APPEND_LIST);
	stream_printf(s->up, LIST_TAG " LIST %s\"\" \"*\"\r\n",
	    s->caps.list_extended ? "(SPECIAL-USE) " : "");
	imap_expect(s, LIMIT_UPSTREAM_S);
}

void
append_resume(struct imap *s)
{
	if (s->append != NULL && s->append->state == APPEND_WAIT && s->nfl == 0)
		ask_list(s->append);
}

/* Is one of the flags \Draft? */
static bool
flags_draft(struct tok *t)
{
	struct str flag;
	bool draft = false;

	if (!tok_char(t, '('))
		return (false);
	while (tok_flag(t, &flag)) {
		draft |= str_ieq(flag, STR("\\Draft"));
		(void)tok_char(t, ' ');
	}
	return (draft);
}

/* The mailbox's name, and whether it is a draft wherever it goes. */
static bool
read_name(struct append *a)
{
	struct arena arena;
	struct str word;
	struct tok t;
	bool ok;

	arena_init(&arena, LIMIT_CLIENT_LINE);
	tok_init(&t, buf_text(&a->cmd));
	ok = tok_atom(&t, &word) && tok_char(&t, ' ') && tok_atom(&t, &word) &&
	     tok_char(&t, ' ') && tok_astring(&t, &arena, &word);
	if (ok) {
		buf_str(&a->name, word);
		a->draft = tok_char(&t, ' ') && flags_draft(&t);
	}
	arena_clear(&arena);
	return (ok && !a->name.failed);
}

static struct append *
append_new(struct imap *s, struct str tag)
{
	struct append *a;

	if ((a = calloc(1, sizeof(*a))) == NULL)
		return (NULL);
	a->s = s;
	memcpy(a->tag, tag.p, tag.len);
	buf_init(&a->name, LIMIT_CLIENT_LINE);
	buf_init(&a->cmd, LIMIT_CLIENT_LINE + 32);
	buf_init(&a->first, LIMIT_MESSAGE);
	buf_str(&a->cmd, buf_text(&s->in.text));
	memcpy(a->lits, s->in.lits, sizeof(a->lits));
	a->nlits = s->in.nlits;
	if (!a->cmd.failed && read_name(a))
		return (a);
	append_free(a);
	return (NULL);
}

void
append_start(struct imap *s, struct str tag)
{
	struct append *a;

	if ((a = append_new(s, tag)) == NULL) {
		imap_die(s, "out of memory", "out of memory");
		return;
	}
	s->append = a;
	s->appending = true;
	/* Nobody sends to INBOX, and a name that tells needs no question. */
	if (a->draft || s->special_asked || !s->caps.special_use ||
	    str_ieq(buf_text(&a->name), STR("INBOX")) ||
	    special_kind(NULL, buf_text(&a->name)) != SPECIAL_NONE) {
		begin(a, true);
		return;
	}
	append_enter(a, APPEND_WAIT);
	append_resume(s);
}
