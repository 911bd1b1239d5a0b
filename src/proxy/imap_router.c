/*
 * The router: each command passes byte for byte, or becomes a job, or is
 * refused because it belongs to an extension that is not offered.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/limits.h"
#include "proxy/append.h"
#include "proxy/imap.h"
#include "proxy/job.h"
#include "sys/crypt.h"
#include "sys/log.h"

struct verb {
	const char *name;
	bool plain;   /* may come alone ... */
	bool uid;     /* ... and behind UID */
	bool barrier; /* changes what others mean: goes alone */
	uint32_t ext; /* enum caps_ext: the server must have one of them */
	enum route (*route)(struct imap *, const struct cmd *);
	/* Its tagged response came. */
	void (*passed)(struct imap *, const struct resp *);
};

enum route
route_refuse_it(struct imap *s, const struct cmd *c, const char *why,
    struct str it)
{
	char tag[CMD_TAG_MAX + 1], named[NAMED_MAX];

	memcpy(tag, c->tag.p, c->tag.len);
	tag[c->tag.len] = '\0';
	if (it.len > 0)
		imap_tagged(s, tag, "BAD %s: %s", why,
		    err_escape(named, sizeof(named), it));
	else
		imap_tagged(s, tag, "BAD %s", why);
	return (ROUTE_DONE);
}

enum route
route_refuse(struct imap *s, const struct cmd *c, const char *why)
{
	return (route_refuse_it(s, c, why, STR("")));
}

static enum route
route_logged_in(struct imap *s, const struct cmd *c)
{
	return (route_refuse(s, c, "already logged in"));
}

/* The value of QRESYNC: a list of two to four (RFC 7162 section 3.2.5). */
static bool
select_qresync(struct tok *t)
{
	struct str list, word;
	struct tok in;
	uint64_t n;

	if (!tok_char(t, ' ') || tok_peek(t) != '(' || !tok_value(t, &list))
		return (false);
	tok_init(&in, str_of(list.p + 1, list.len - 2));
	if (!tok_number(&in, UINT32_MAX, &n) || !tok_char(&in, ' ') ||
	    !tok_number(&in, INT64_MAX, &n))
		return (false);
	if (tok_char(&in, ' ') && tok_peek(&in) != '(') {
		if (!tok_atom(&in, &word))
			return (false);
		if (tok_end(&in))
			return (true);
		if (!tok_char(&in, ' '))
			return (false);
	}
	return (tok_end(&in) || (tok_peek(&in) == '(' &&
	                            tok_value(&in, &word) && tok_end(&in)));
}

/* Parameters of SELECT (RFC 4466 section 2.1): why they are BAD, or NULL. */
static const char *
select_params(const struct imap *s, struct tok *t, bool *resync, struct str *it)
{
	const char *bad = "unknown SELECT parameter";
	struct str word;

	*it = STR("");
	if (tok_end(t))
		return (NULL);
	if (!tok_char(t, ' ') || !tok_char(t, '('))
		return ("a mailbox, and parameters in parentheses");
	do {
		if (!tok_atom(t, &word))
			return ("a SELECT parameter is missing");
		*it = word;
		if (str_ieq(word, STR("CONDSTORE"))) {
			if ((s->caps.ext & EXT_CONDSTORE) == 0)
				return (bad);
		} else if (str_ieq(word, STR("QRESYNC"))) {
			if ((s->caps.ext & EXT_QRESYNC) == 0)
				return (bad);
			if (!select_qresync(t))
				return ("bad value of QRESYNC");
			*resync = true;
		} else
			return (bad);
		*it = STR("");
	} while (tok_char(t, ' '));
	return (
	    tok_char(t, ')') && tok_end(t) ? NULL : "a parenthesis is missing");
}

/* SELECT and EXAMINE. */
static enum route
route_select(struct imap *s, const struct cmd *c)
{
	const char *why = "SELECT needs a mailbox";
	struct arena arena;
	struct str name, it = STR("");
	bool resync = false;
	struct tok t;

	arena_init(&arena, LIMIT_CLIENT_LINE);
	tok_init(&t, c->args);
	if (tok_astring(&t, &arena, &name) &&
	    (why = select_params(s, &t, &resync, &it)) == NULL) {
		mailbox_free(s->opening);
		s->opening = mailbox_new(s->account, name);
		if (s->opening == NULL)
			why = "out of memory";
		else {
			s->opening->readonly = str_ieq(c->name, STR("EXAMINE"));
			s->opening->resync = resync;
		}
	}
	arena_clear(&arena);
	return (why == NULL ? ROUTE_PASS : route_refuse_it(s, c, why, it));
}

/*
 * ENABLE (RFC 5161): a server is asked only for what is understood here.
 * What it does not know it leaves out, and so do we.
 */
static enum route
route_enable(struct imap *s, const struct cmd *c)
{
	char tag[CMD_TAG_MAX + 1];
	struct str word;
	struct buf b;
	struct tok t;
	size_t asked = 0, left = 0;

	buf_init(&b, LIMIT_CLIENT_LINE);
	tok_init(&t, c->args);
	do {
		if (!tok_atom(&t, &word)) {
			buf_clear(&b);
			return (route_refuse(s, c, "ENABLE what?"));
		}
		asked++;
		if (!caps_enables(word))
			continue;
		left++;
		buf_putc(&b, ' ');
		buf_str(&b, word);
	} while (tok_char(&t, ' '));
	memcpy(tag, c->tag.p, c->tag.len);
	tag[c->tag.len] = '\0';
	if (!tok_end(&t))
		route_refuse(s, c, "ENABLE what?");
	else if (left == asked) {
		buf_clear(&b);
		return (ROUTE_PASS);
	} else if (left == 0) {
		imap_say(s, STR("* ENABLED\r\n"));
		imap_tagged(s, tag, "OK Enabled.");
	} else {
		stream_printf(s->up, "%s ENABLE", tag);
		stream_str(s->up, buf_text(&b));
		stream_str(s->up, STR("\r\n"));
		imap_pass_as(s, "ENABLE", tag);
	}
	buf_clear(&b);
	return (ROUTE_DONE);
}

/* What mailboxes are for may change: the server is asked again. */
static enum route
route_changes(struct imap *s, const struct cmd *c)
{
	(void)c;
	s->special_asked = false;
	return (ROUTE_PASS);
}

/* DELETE and RENAME: which mailboxes, for when it is done. */
static enum route
route_rename(struct imap *s, const struct cmd *c)
{
	struct arena arena;
	struct str name;
	struct tok t;

	arena_init(&arena, LIMIT_CLIENT_LINE);
	tok_init(&t, c->args);
	buf_reset(&s->renames);
	do {
		if (!tok_astring(&t, &arena, &name))
			break;
		buf_str(&s->renames, name);
		buf_putc(&s->renames, '\0');
	} while (tok_char(&t, ' '));
	arena_clear(&arena);
	return (route_changes(s, c));
}

/* What is known of a mailbox goes by its name.  A session that has it selected
 * goes on. */
static void
passed_rename(struct imap *s, const struct resp *r)
{
	struct str all = buf_text(&s->renames), name, to;

	name = str_of(all.p, str_find(all, '\0'));
	if (r->cond != COND_OK || s->renames.failed || name.len == 0)
		return;
	to = str_of(name.p + name.len + 1, all.len - name.len - 1);
	if (to.len == 0)
		mailbox_deleted(s->account, name);
	else
		mailbox_renamed(s->account, name,
		    str_of(to.p, str_find(to, '\0')));
}

/* RFC 3501 6.3.1: a SELECT that fails leaves no mailbox selected.  A BAD one
 * was not carried out at all. */
static void
passed_select(struct imap *s, const struct resp *r)
{
	struct mailbox *box = s->opening;
	struct str rest;

	s->opening = NULL;
	if (r->cond == COND_BAD || box == NULL) {
		/* Then what it said was about the one that is selected. */
		if (s->box != NULL && box != NULL && box->exists > 0)
			(void)mailbox_set_exists(s->box, box->exists);
		mailbox_free(box);
		return;
	}
	mailbox_free(s->box);
	s->box = NULL;
	if (r->cond == COND_NO) {
		mailbox_free(box);
		return;
	}
	if (str_ieq(resp_code_word(r->code, &rest), STR("READ-ONLY")))
		box->readonly = true;
	/* Without UIDVALIDITY the UIDs say nothing beyond this session (RFC
	 * 3501 6.3.1): nothing that is kept may match them. */
	box->passing = box->uidvalidity == 0;
	if ((box->passing && crypt_random(&box->uidvalidity,
	                         sizeof(box->uidvalidity)) == -1) ||
	    mailbox_bind(box) == -1) {
		mailbox_free(box);
		imap_die(s, "out of memory", "out of memory");
		return;
	}
	s->box = box;
	log_debug("imap-select session=%s uidvalidity=%u exists=%u", s->s.id,
	    (unsigned)box->uidvalidity, (unsigned)box->exists);
}

static void
passed_close(struct imap *s, const struct resp *r)
{
	if (r->cond != COND_OK)
		return;
	mailbox_free(s->box);
	s->box = NULL;
}

static void
passed_logout(struct imap *s, const struct resp *r)
{
	if (r->cond == COND_OK)
		imap_die(s, NULL, "logout");
	else
		imap_enter(s, IMAP_OPEN);
}

static enum route
route_logout(struct imap *s, const struct cmd *c)
{
	(void)c;
	imap_enter(s, IMAP_LEAVING);
	return (ROUTE_PASS);
}

static enum route
route_idle(struct imap *s, const struct cmd *c)
{
	if (c->args.len > 0)
		return (route_refuse(s, c, "IDLE takes no arguments"));
	s->idling = true;
	s->bad_done = false;
	return (ROUTE_PASS);
}

static void
passed_idle(struct imap *s, const struct resp *r)
{
	(void)r;
	s->idling = false;
	cmd_next(&s->in);
}

void
imap_done_line(struct imap *s)
{
	s->bad_done = !str_ieq(buf_text(&s->in.text), STR("DONE\r\n"));
	stream_str(s->up, STR("DONE\r\n"));
	s->idling = false; /* the barrier still stands */
	imap_expect(s, IMAP_PASSED_S);
	cmd_next(&s->in);
}

/* With its message it takes another way: imap_route_append(). */
static enum route
route_append(struct imap *s, const struct cmd *c)
{
	return (route_refuse(s, c, "APPEND needs a message"));
}

static enum route
route_fetch(struct imap *s, const struct cmd *c)
{
	bool wait = false;

	if (!job_fetch_start(s, c, &wait))
		return (wait ? ROUTE_WAIT : ROUTE_PASS);
	return (ROUTE_DONE);
}

/* Whether it is one is the server's to say. */
static enum route
route_id(struct imap *s, const struct cmd *c)
{
	(void)imap_heard_id(s, c->args);
	return (ROUTE_PASS);
}

/* Does the client ask for APPENDLIMIT (RFC 7889 section 3)?  Then what STATUS
 * says about it has to be ours. */
static enum route
route_limits(struct imap *s, const struct cmd *c)
{
	const struct str word = STR("APPENDLIMIT");
	size_t i;

	for (i = 0; i + word.len <= c->args.len && !s->limits; i++)
		s->limits = str_ieq(str_of(c->args.p + i, word.len), word);
	return (ROUTE_PASS);
}

static const struct verb verbs[] = {
    {"APPEND", true, false, false, 0, route_append, NULL},
    {"AUTHENTICATE", true, false, false, 0, route_logged_in, NULL},
    {"CAPABILITY", true, false, false, 0, NULL, NULL},
    {"CHECK", true, false, false, 0, NULL, NULL},
    {"CLOSE", true, false, true, 0, NULL, passed_close},
    {"COPY", true, true, false, 0, NULL, NULL},
    {"CREATE", true, false, false, 0, route_changes, NULL},
    {"DELETE", true, false, true, 0, route_rename, passed_rename},
    {"ENABLE", true, false, false, EXT_ENABLE, route_enable, NULL},
    {"EXAMINE", true, false, true, 0, route_select, passed_select},
    {"EXPUNGE", true, true, false, 0, NULL, NULL},
    {"FETCH", true, true, false, 0, route_fetch, NULL},
    {"GETMETADATA", true, false, false, EXT_METADATA, NULL, NULL},
    {"GETQUOTA", true, false, false, EXT_QUOTA, NULL, NULL},
    {"GETQUOTAROOT", true, false, false, EXT_QUOTA, NULL, NULL},
    {"ID", true, false, false, 0, route_id, NULL},
    {"IDLE", true, false, true, 0, route_idle, passed_idle},
    {"LIST", true, false, false, 0, route_limits, NULL},
    {"LOGIN", true, false, false, 0, route_logged_in, NULL},
    {"LOGOUT", true, false, true, 0, route_logout, passed_logout},
    {"LSUB", true, false, false, 0, NULL, NULL},
    {"MOVE", true, true, false, EXT_MOVE, NULL, NULL},
    {"NAMESPACE", true, false, false, EXT_NAMESPACE, NULL, NULL},
    {"NOOP", true, false, false, 0, NULL, NULL},
    {"RENAME", true, false, true, 0, route_rename, passed_rename},
    {"SEARCH", true, true, false, 0, job_search_route, NULL},
    {"SELECT", true, false, true, 0, route_select, passed_select},
    {"SETMETADATA", true, false, false, EXT_METADATA, route_changes, NULL},
    {"SETQUOTA", true, false, false, EXT_QUOTA, NULL, NULL},
    {"SORT", true, true, false, EXT_SORT, job_sort_route, NULL},
    {"STARTTLS", true, false, false, 0, route_logged_in, NULL},
    {"STATUS", true, false, false, 0, route_limits, NULL},
    {"STORE", true, true, false, 0, NULL, NULL},
    {"SUBSCRIBE", true, false, false, 0, NULL, NULL},
    {"THREAD", true, true, false, EXT_THREAD, job_thread_route, NULL},
    {"UNSELECT", true, false, true, EXT_UNSELECT, NULL, passed_close},
    {"UNSUBSCRIBE", true, false, false, 0, NULL, NULL},
};

static const struct verb *
verb_find(const struct cmd *c)
{
	size_t i;

	for (i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (str_ieq(c->name, str_c(verbs[i].name)))
			return ((c->uid ? verbs[i].uid : verbs[i].plain)
			            ? &verbs[i]
			            : NULL);
	return (NULL);
}

struct inflight *
imap_inflight(struct imap *s, struct str tag)
{
	size_t i;

	for (i = 0; i < s->nfl; i++)
		if (str_eq(tag, str_c(s->fl[i].tag)))
			return (&s->fl[i]);
	return (NULL);
}

/* A command goes out as it is. */
static void
route_pass(struct imap *s, const struct verb *v, const struct cmd *c)
{
	struct inflight *f = &s->fl[s->nfl++];

	*f = (struct inflight){.verb = v};
	memcpy(f->tag, c->tag.p, c->tag.len);
	f->tag[c->tag.len] = '\0';
	s->barrier = v->barrier;
	imap_expect(s, s->idling ? 0 : IMAP_PASSED_S);
	imap_send(s);
	if (s->idling)
		cmd_expect_line(&s->in);
}

void
imap_pass_as(struct imap *s, const char *verb, const char *tag)
{
	struct inflight *f = &s->fl[s->nfl++];
	struct cmd c = {.name = str_c(verb)};

	*f = (struct inflight){.verb = verb_find(&c)};
	(void)strncpy(f->tag, tag, CMD_TAG_MAX);
	f->tag[CMD_TAG_MAX] = '\0';
	imap_expect(s, IMAP_PASSED_S);
}

void
imap_route(struct imap *s)
{
	const struct verb *v;
	const char *why;
	struct cmd c;

	if (!cmd_parse(buf_text(&s->in.text), &c, &why)) {
		route_refuse(s, &c, why);
		cmd_next(&s->in);
		return;
	}
	log_trace("imap-command session=%s tag=%s verb=%s%s", s->s.id,
	    log_str(c.tag), c.uid ? "UID " : "", log_str(c.name));
	if ((v = verb_find(&c)) == NULL ||
	    (v->ext != 0 && (v->ext & s->caps.ext) == 0)) {
		route_refuse_it(s, &c, "not offered", c.name);
		cmd_next(&s->in);
		return;
	}
	/* Two commands with one tag in flight could not be told apart. */
	if (imap_inflight(s, c.tag) != NULL || (v->barrier && s->nfl > 0)) {
		s->held = true;
		return;
	}
	if (s->pass_kept) {
		s->pass_kept = false;
		route_pass(s, v, &c);
		return;
	}
	switch (v->route == NULL ? ROUTE_PASS : v->route(s, &c)) {
	case ROUTE_PASS:
		route_pass(s, v, &c);
		return;
	case ROUTE_WAIT:
		s->held = true;
		return;
	case ROUTE_KEEP:
		s->kept = true;
		return;
	case ROUTE_DONE:
		cmd_next(&s->in);
		return;
	}
}

/* The head of an APPEND is in s->in; its message follows. */
void
imap_route_append(struct imap *s)
{
	const char *why;
	struct cmd c;

	if (!cmd_parse(buf_text(&s->in.text), &c, &why) ||
	    imap_inflight(s, c.tag) != NULL) {
		route_refuse(s, &c, "the tag is in use");
		cmd_skip_stream(&s->in);
		return;
	}
	append_start(s, c.tag);
}

void
imap_send_append(struct imap *s)
{
	const char *why;
	struct cmd c;

	if (!cmd_parse(buf_text(&s->in.text), &c, &why)) {
		imap_die(s, "out of order", "append: %s", why);
		return;
	}
	route_pass(s, verb_find(&c), &c);
}

void
imap_passed(struct imap *s, const struct inflight *f, const struct resp *r)
{
	const struct verb *v = f->verb;
	bool last = f == &s->fl[s->nfl - 1];

	/* It was refused in the middle: the rest is not sent. */
	if (s->literal_wait && last) {
		s->literal_wait = false;
		if (s->append != NULL)
			append_cut(s);
		else if (s->appending) {
			s->appending = false;
			cmd_skip_stream(&s->in);
		} else
			cmd_next(&s->in);
	}
	if (f->sealed != NULL)
		append_passed(s, f, r);
	free(f->sealed);
	/* The server has taken it, or does not want it. */
	share_clear(&s->fl[f - s->fl].share);
	memmove(&s->fl[f - s->fl], &s->fl[f - s->fl + 1],
	    (size_t)(&s->fl[s->nfl] - f - 1) * sizeof(*f));
	if (--s->nfl == 0) {
		s->barrier = false;
		imap_expect(s, 0);
	}
	if (v->passed != NULL)
		v->passed(s, r);
}
