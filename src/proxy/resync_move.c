/*
 * Moving a batch to new UIDs.  resync_settle() looks at what is the case of
 * each message (is the old one there, is there a copy, is one in the other
 * mailbox) and takes the next step, whether things are in their usual order or
 * somebody was interrupted before.
 */
#include "config.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "imap/nstring.h"
#include "proxy/resync_own.h"
#include "sys/fault.h"
#include "sys/log.h"

static struct resync_msg *
log_end(struct resync *r)
{
	return (r->log.m + r->log.n);
}

/* A fault point said that the connection is lost. */
static bool
struck(struct resync *r, bool fault)
{
	if (fault)
		resync_failed(r, ERR_PEER, "the connection is lost");
	return (fault);
}

bool
resync_keep(struct resync *r)
{
	struct err err;

	if (resync_log_put(r, &err) == 0)
		return (true);
	resync_fail(r, &err);
	return (false);
}

static uint32_t
want_old(const struct resync_msg *m)
{
	return (m->old);
}

/* --- copying --- */

static struct resync_msg *
find_old(struct resync *r, uint32_t uid)
{
	struct resync_msg *m;

	for (m = r->log.m; m < log_end(r); m++)
		if (m->old == uid)
			return (m);
	return (NULL);
}

/*
 * What the server said of the copies: is it about these messages, all of
 * them, and about new UIDs?  Then they are taken down.
 */
static bool
take_copies(struct resync *r, const struct resp *resp)
{
	struct resync_msg *m;
	struct copyuid c;
	size_t i;

	if (!copyuid_parse(resp->code, &c) || c.n != r->log.n ||
	    c.uidvalidity != r->log.uidvalidity)
		return (false);
	for (i = 0; i < c.n; i++) {
		if ((m = find_old(r, c.from[i])) == NULL || m->copy != 0 ||
		    c.to[i] < r->log.uidnext || resync_is_ours(r, c.to[i]))
			break;
		m->copy = c.to[i];
	}
	if (i == c.n)
		return (true);
	for (m = r->log.m; m < log_end(r); m++)
		m->copy = 0;
	return (false);
}

static void
on_copied(const struct resp *resp, const struct err *err, void *arg)
{
	struct resync *r = arg;

	if (!resync_well(r, err) || struck(r, FAULT("proxy.resync.copied")))
		return;
	if (!take_copies(r, resp))
		resync_look(r);
	else if (resync_keep(r))
		resync_check(r);
}

/* The end of a command that copies to a mailbox. */
static void
copy_to(struct resync *r, resync_want_fn *want, const char *name,
    side_done_fn *done)
{
	struct buf b;

	buf_init(&b, 2 * RESYNC_NAME_MAX + 8);
	nstring_put_quoted(&b, str_c(name));
	buf_putc(&b, '\0');
	if (b.failed)
		resync_failed(r, ERR_MEMORY, "out of memory");
	else
		(void)resync_ask(r, "UID COPY", want, buf_text(&b).p, NULL,
		    done);
	buf_clear(&b);
}

/* --- removing --- */

/* There is a copy of it, here or in the other mailbox. */
static uint32_t
want_gone(const struct resync_msg *m)
{
	return (m->there && (m->copy != 0 || m->away != 0) ? m->old : 0);
}

static void
on_expunged(const struct resp *resp, const struct err *err, void *arg)
{
	struct resync *r = arg;
	struct msg_name name = {r->account, str_c(r->names[r->at]),
	    r->uidvalidity, 0};
	struct resync_msg *m;
	struct set gone;
	uint32_t uid;

	(void)resp;
	if (!resync_well(r, err) || struck(r, FAULT("proxy.resync.expunged")))
		return;
	set_init(&gone);
	for (m = r->log.m; m < log_end(r); m++) {
		if ((uid = want_gone(m)) == 0)
			continue;
		m->there = false;
		(void)set_add(&gone, uid, uid);
	}
	reading_gone(&name, &gone);
	resync_settle(r);
}

/* Never a bare EXPUNGE: it would remove what others have marked. */
static void
on_stored(const struct resp *resp, const struct err *err, void *arg)
{
	struct resync *r = arg;

	(void)resp;
	if (resync_well(r, err) && !struck(r, FAULT("proxy.resync.stored")))
		(void)resync_ask(r, "UID EXPUNGE", want_gone, "", NULL,
		    on_expunged);
}

/* False: there is nothing to be removed. */
static bool
remove_old(struct resync *r)
{
	const struct resync_msg *m;

	for (m = r->log.m; m < log_end(r) && want_gone(m) == 0; m++)
		;
	if (m == log_end(r))
		return (false);
	if (!struck(r, FAULT("proxy.resync.store")))
		(void)resync_ask(r, "UID STORE", want_gone,
		    "+FLAGS.SILENT (\\Deleted)", NULL, on_stored);
	return (true);
}

/* --- the other way, where a mailbox holds nothing twice --- */

static void
on_away_status(const struct resp *resp, struct str text, void *arg)
{
	struct resync *r = arg;
	size_t i;
	uint64_t n;

	(void)resp;
	for (i = 0; i + 9 < text.len; i++)
		if (str_istarts(str_of(text.p + i, text.len - i),
		        STR("MESSAGES ")) &&
		    num_lead(str_of(text.p + i + 9, text.len - i - 9),
		        UINT32_MAX, &n) > 0)
			r->exists = (uint32_t)n;
}

static void
on_away_status_end(const struct resp *resp, const struct err *err, void *arg)
{
	struct resync *r = arg;

	(void)resp;
	if (!resync_well(r, err))
		return;
	if (r->exists < r->log.n)
		resync_failed(r, ERR_PEER,
		    "the server copies nothing; nothing was removed");
	else
		resync_settle(r);
}

/* The same check as in take_copies(), for UIDs of the other mailbox. */
static bool
take_away(struct resync *r, const struct resp *resp)
{
	struct resync_msg *m;
	struct copyuid c;
	size_t i;

	if (!copyuid_parse(resp->code, &c) || c.n != r->log.n)
		return (false);
	for (i = 0; i < c.n; i++) {
		if ((m = find_old(r, c.from[i])) == NULL || m->away != 0)
			return (false);
		m->away = c.to[i];
	}
	r->log.away_uidvalidity = c.uidvalidity;
	return (true);
}

static void
on_away(const struct resp *resp, const struct err *err, void *arg)
{
	struct resync *r = arg;
	char line[100];

	if (!resync_well(r, err) || struck(r, FAULT("proxy.resync.away")))
		return;
	if (!take_away(r, resp)) {
		resync_failed(r, ERR_PEER,
		    "the server does not tell what it copied; nothing was "
		    "removed");
		return;
	}
	if (!resync_keep(r))
		return;
	r->exists = 0;
	(void)snprintf(line, sizeof(line), "STATUS %s (MESSAGES)", r->log.away);
	side_ask(r->side, line, on_away_status, on_away_status_end, r);
}

static void
on_created(const struct resp *resp, const struct err *err, void *arg)
{
	struct resync *r = arg;

	(void)resp;
	if (resync_well(r, err))
		copy_to(r, want_old, r->log.away, on_away);
}

static void
on_there(const struct resp *resp, struct str text, void *arg)
{
	struct resync *r = arg;
	struct resync_msg *m;
	uint64_t size;
	uint32_t uid;

	if (resync_item(resp, text, &uid, &size) &&
	    (m = find_old(r, uid)) != NULL)
		m->there = true;
}

static void
create_away(struct resync *r)
{
	char line[100];
	uint32_t id;

	if (crypt_random(&id, sizeof(id)) == -1) {
		resync_failed(r, ERR_CRYPTO, "no random numbers");
		return;
	}
	(void)snprintf(r->log.away, sizeof(r->log.away),
	    "waxwing-resync-%08" PRIx32, id);
	if (!resync_keep(r))
		return;
	(void)snprintf(line, sizeof(line), "CREATE %s", r->log.away);
	side_ask(r->side, line, NULL, on_created, r);
}

static void
on_still_there(const struct resp *resp, const struct err *err, void *arg)
{
	struct resync *r = arg;
	struct resync_log *l = &r->log;
	struct resync_msg *m;
	size_t n = 0;

	(void)resp;
	if (!resync_well(r, err))
		return;
	for (m = l->m; m < log_end(r); m++)
		if (m->there)
			l->m[n++] = *m;
	r->done += (uint32_t)(l->n - n);
	l->n = n;
	if (n > 0)
		create_away(r);
	else if (resync_keep(r))
		resync_next(r);
}

/* No copy of those that are left: were they removed meanwhile? */
static void
go_away(struct resync *r)
{
	struct resync_msg *m;

	for (m = r->log.m; m < log_end(r); m++)
		m->there = false;
	(void)resync_ask(r, "UID FETCH", want_old, "(UID)", on_there,
	    on_still_there);
}

void
resync_move(struct resync *r)
{
	r->back = false;
	if (FAULT("proxy.resync.twice"))
		go_away(r); /* as if the server held nothing twice */
	else if (!struck(r, FAULT("proxy.resync.copy")))
		copy_to(r, want_old, r->names[r->at], on_copied);
}

static uint32_t
want_back(const struct resync_msg *m)
{
	return (!m->there && m->copy == 0 ? m->away : 0);
}

static void
on_home(const struct resp *resp, const struct err *err, void *arg)
{
	struct resync *r = arg;

	(void)resp;
	if (!resync_well(r, err))
		return;
	if (r->uidvalidity != r->log.uidvalidity)
		resync_failed(r, ERR_UNAVAILABLE,
		    "the mailbox has become another one, try again");
	else
		resync_look(r);
}

static void
on_back(const struct resp *resp, const struct err *err, void *arg)
{
	struct resync *r = arg;

	(void)resp;
	if (!resync_well(r, err) || struck(r, FAULT("proxy.resync.back")))
		return;
	r->back = true;
	resync_select(r, "SELECT", on_home);
}

static void
on_away_uidvalidity(const struct resp *resp, struct str text, void *arg)
{
	struct resync *r = arg;
	struct str rest;
	uint64_t n;

	(void)text;
	if (resp->kind == RESP_STATUS &&
	    str_ieq(resp_code_word(resp->code, &rest), STR("UIDVALIDITY")) &&
	    num_parse(str_trim(rest), UINT32_MAX, &n))
		r->uidvalidity = (uint32_t)n;
}

static void
lost_away(struct resync *r)
{
	struct err err;

	err_set(&err, ERR_PEER, "some messages are in the mailbox %s",
	    r->log.away);
	resync_fail(r, &err);
}

static void
on_away_selected(const struct resp *resp, const struct err *err, void *arg)
{
	struct resync *r = arg;

	(void)resp;
	if (!resync_well(r, err))
		return;
	if (r->uidvalidity != r->log.away_uidvalidity) {
		lost_away(r);
		return;
	}
	copy_to(r, want_back, r->names[r->at], on_back);
}

static void
come_back(struct resync *r)
{
	char line[100];

	if (r->back) {
		lost_away(r);
		return;
	}
	r->uidvalidity = 0;
	(void)snprintf(line, sizeof(line), "SELECT %s", r->log.away);
	side_ask(r->side, line, on_away_uidvalidity, on_away_selected, r);
}

/* --- what is next? --- */

static void
on_deleted(const struct resp *resp, const struct err *err, void *arg)
{
	struct resync *r = arg;

	(void)resp;
	/* It may be gone already. */
	if (err != NULL && err->code != ERR_DENIED)
		resync_fail(r, err);
	else if (resync_keep(r))
		resync_next(r);
}

/* Those of the batch that are where they shall be, or that nobody can help,
 * leave it. */
static void
drop_finished(struct resync *r)
{
	struct resync_log *l = &r->log;
	struct resync_msg *m;
	size_t n = 0;

	for (m = l->m; m < log_end(r); m++) {
		if (m->copy > r->top)
			r->top = m->copy;
		if (!m->there && m->copy != 0)
			r->moved++;
		else if (m->there ? !r->found : m->away != 0) {
			l->m[n++] = *m;
			continue;
		}
		/* One of before is counted when it is listed again. */
		if (!r->found)
			r->done++;
	}
	l->n = n;
}

/* Marked, but with no copy: it was interrupted in between, and stays. */
static uint32_t
want_unmarked(const struct resync_msg *m)
{
	return (m->there && m->copy == 0 ? m->old : 0);
}

static void
on_unmarked(const struct resp *resp, const struct err *err, void *arg)
{
	struct resync *r = arg;

	(void)resp;
	if (!resync_well(r, err))
		return;
	r->unmarked = true;
	resync_settle(r);
}

void
resync_settle(struct resync *r)
{
	const struct resync_msg *m;
	char line[100];

	if (remove_old(r))
		return;
	if (r->found && !r->unmarked &&
	    resync_ask(r, "UID STORE", want_unmarked,
	        "-FLAGS.SILENT (\\Deleted)", NULL, on_unmarked) > 0)
		return;
	drop_finished(r);
	for (m = r->log.m; m < log_end(r) && m->there; m++)
		;
	if (m < log_end(r)) {
		come_back(r);
	} else if (r->log.n > 0) {
		if (r->log.away[0] == '\0')
			go_away(r);
		else
			resync_failed(r, ERR_PEER, "the server copies nothing");
	} else if (r->log.away[0] != '\0') {
		if (struck(r, FAULT("proxy.resync.delete")))
			return;
		(void)snprintf(line, sizeof(line), "DELETE %s", r->log.away);
		side_ask(r->side, line, NULL, on_deleted, r);
	} else if (resync_keep(r))
		resync_next(r);
}

/* --- after an interruption --- */

static void
on_there_end(const struct resp *resp, const struct err *err, void *arg)
{
	struct resync *r = arg;
	struct resync_msg *m;

	(void)resp;
	if (!resync_well(r, err))
		return;
	/* What is still here needs no copy elsewhere. */
	for (m = r->log.m; m < log_end(r); m++)
		if (m->there)
			m->away = 0;
	resync_check(r);
}

void
resync_recover(struct resync *r)
{
	struct resync_log *l = &r->log;
	struct resync_msg *m;

	r->back = r->unmarked = false;
	log_info("resync login=%s found=%zu",
	    log_addr(str_c(r->account->login)), l->n);
	if (l->uidvalidity == r->uidvalidity) {
		(void)resync_ask(r, "UID FETCH", want_old, "(UID)", on_there,
		    on_there_end);
		return;
	}
	/* All have other UIDs: only what is elsewhere has to come back. */
	l->uidvalidity = r->uidvalidity;
	l->uidnext = 1;
	for (m = l->m; m < log_end(r); m++)
		m->copy = 0;
	resync_look(r);
}
