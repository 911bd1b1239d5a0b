/*
 * Where are the copies?  Told by the server they are checked; else they are
 * found by their bytes.
 */
#include "config.h"

#include <stdio.h>

#include "proxy/resync_own.h"

/* Messages that may be a copy by their size alone: each is fetched. */
#define HITS_MAX 10000

static struct resync_msg *
log_end(struct resync *r)
{
	return (r->log.m + r->log.n);
}

static uint32_t
want_copy(const struct resync_msg *m)
{
	return (m->copy);
}

/* --- looking for copies: by their bytes, if nobody told --- */

bool
resync_is_ours(struct resync *r, uint32_t uid)
{
	const struct resync_msg *m;

	for (m = r->log.m; m < log_end(r); m++)
		if (m->copy == uid || (m->there && m->old == uid))
			return (true);
	return (false);
}

static void
on_hit(const struct resp *resp, struct str text, void *arg)
{
	struct resync *r = arg;
	const struct resync_msg *m;
	uint64_t size;
	uint32_t uid;

	/* "n:*" is the last message if there is none behind n. */
	if (!resync_item(resp, text, &uid, &size) || uid < r->log.uidnext ||
	    resync_is_ours(r, uid))
		return;
	for (m = r->log.m; m < log_end(r); m++)
		if (m->copy == 0 && m->size == size)
			break;
	if (m == log_end(r))
		return;
	if (set_count(&r->hits) >= HITS_MAX)
		resync_failed(r, ERR_LIMIT,
		    "too many messages may be the copies");
	else if (set_add(&r->hits, uid, uid) == -1)
		resync_failed(r, ERR_MEMORY, "out of memory");
}

static void look_on(struct resync *);

static void
on_hit_body(const struct resp *resp, const struct err *err, void *arg)
{
	struct resync *r = arg;
	struct resync_msg *m;
	bool came = r->wire != NULL;

	(void)resp;
	if (!resync_well(r, err))
		return;
	blob_unref(r->wire);
	r->wire = NULL;
	for (m = r->log.m; came && m < log_end(r); m++)
		if (m->copy == 0 &&
		    crypt_equal(m->wire, r->digest, sizeof(m->wire))) {
			m->copy = r->uid;
			break;
		}
	look_on(r);
}

static void
look_on(struct resync *r)
{
	char line[64];

	r->uid = 0;
	if (!set_next(&r->hits, &r->uid)) {
		if (resync_keep(r))
			resync_settle(r);
		return;
	}
	(void)set_remove(&r->hits, r->uid, r->uid);
	(void)snprintf(line, sizeof(line), "UID FETCH %u (UID BODY.PEEK[])",
	    (unsigned)r->uid);
	side_fetch(r->side, line, resync_body, NULL, on_hit_body, r);
}

static void
on_hits_end(const struct resp *resp, const struct err *err, void *arg)
{
	struct resync *r = arg;

	(void)resp;
	if (resync_well(r, err))
		look_on(r);
}

void
resync_look(struct resync *r)
{
	char line[64];

	set_clear(&r->hits);
	(void)snprintf(line, sizeof(line), "UID FETCH %u:* (UID RFC822.SIZE)",
	    (unsigned)r->log.uidnext);
	side_ask(r->side, line, on_hit, on_hits_end, r);
}

/* --- checking copies that were told --- */

static void
on_check(const struct resp *resp, struct str text, void *arg)
{
	struct resync *r = arg;
	struct resync_msg *m;
	uint64_t size;
	uint32_t uid;

	if (!resync_item(resp, text, &uid, &size))
		return;
	for (m = r->log.m; m < log_end(r); m++)
		if (m->copy == uid && m->size == size)
			m->checked = true;
}

static void
on_check_end(const struct resp *resp, const struct err *err, void *arg)
{
	struct resync *r = arg;
	struct resync_msg *m;
	bool all = true;

	(void)resp;
	if (!resync_well(r, err))
		return;
	for (m = r->log.m; m < log_end(r); m++) {
		if (m->copy != 0 && !m->checked) {
			if (!r->found) {
				resync_failed(r, ERR_PEER,
				    "the server's copies are not what it "
				    "copied; nothing was removed");
				return;
			}
			m->copy = 0;
		}
		all = all && m->copy != 0;
	}
	if (all)
		resync_settle(r);
	else
		resync_look(r);
}

void
resync_check(struct resync *r)
{
	struct resync_msg *m;

	for (m = r->log.m; m < log_end(r); m++)
		m->checked = false;
	if (resync_ask(r, "UID FETCH", want_copy, "(UID RFC822.SIZE)", on_check,
	        on_check_end) == 0)
		resync_look(r);
}
