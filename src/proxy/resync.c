#include "config.h"

#include "proxy/resync.h"

#include <string.h>

#include "base/limits.h"
#include "base/num.h"
#include "imap/nstring.h"
#include "proxy/resync_own.h"
#include "proxy/warm.h"
#include "sys/log.h"

/* A line of ours: a set of RESYNC_BATCH UIDs, and a name. */
#define LINE_MAX_LEN 4000

/* --- what all parts use --- */

void
resync_over(struct resync *r)
{
	reading_cancel(r->reading);
	r->reading = NULL;
	side_free(r->side);
	r->side = NULL;
	set_clear(&r->todo);
	set_clear(&r->hits);
	blob_unref(r->wire);
	r->wire = NULL;
}

void
resync_fail(struct resync *r, const struct err *err)
{
	log_warn("resync login=%s result=%s moved=%u reason=%s",
	    log_addr(str_c(r->account->login)), err_word(err->code),
	    (unsigned)r->moved, log_str(str_c(err->text)));
	r->err = *err;
	r->state = RESYNC_FAILED;
	resync_over(r);
	warm_check(r->account);
}

void
resync_failed(struct resync *r, enum err_code code, const char *why)
{
	struct err err;

	err_set(&err, code, "%s", why);
	resync_fail(r, &err);
}

bool
resync_well(struct resync *r, const struct err *err)
{
	if (err != NULL)
		resync_fail(r, err);
	return (err == NULL);
}

bool
resync_has_word(struct str in, struct str word)
{
	for (; in.len >= word.len; in = str_of(in.p + 1, in.len - 1))
		if (str_istarts(in, word))
			return (true);
	return (false);
}

bool
resync_item(const struct resp *resp, struct str text, uint32_t *uid,
    uint64_t *size)
{
	struct resp_item item;
	struct arena arena;
	struct tok t;
	uint64_t n;

	*uid = 0;
	*size = 0;
	if (resp->kind != RESP_FETCH)
		return (false);
	arena_init(&arena, LIMIT_RECORD);
	tok_init(&t, text);
	if (resp_items_open(&t))
		while (resp_item_next(&t, &arena, &item) == 1) {
			if (str_ieq(item.name, STR("UID")) &&
			    num_parse(item.value, UINT32_MAX, &n))
				*uid = (uint32_t)n;
			if (str_ieq(item.name, STR("RFC822.SIZE")))
				(void)num_parse(item.value, UINT64_MAX / 2,
				    size);
		}
	arena_clear(&arena);
	return (*uid != 0);
}

/* * OK [UIDVALIDITY n] and its like, after SELECT. */
static void
on_selecting(const struct resp *resp, struct str text, void *arg)
{
	struct resync *r = arg;
	struct str rest, word;
	uint64_t n = 0;

	(void)text;
	if (resp->kind == RESP_EXISTS)
		r->exists = resp->number;
	if (resp->kind != RESP_STATUS)
		return;
	word = resp_code_word(resp->code, &rest);
	(void)num_parse(str_trim(rest), UINT32_MAX, &n);
	if (str_ieq(word, STR("UIDVALIDITY")))
		r->uidvalidity = (uint32_t)n;
	else if (str_ieq(word, STR("UIDNEXT")))
		r->uidnext = (uint32_t)n;
	else if (str_ieq(word, STR("PERMANENTFLAGS")))
		r->readonly = !resync_has_word(rest, STR("\\Deleted"));
}

void
resync_select(struct resync *r, const char *verb, side_done_fn *done)
{
	struct buf b;

	r->uidvalidity = r->uidnext = r->exists = 0;
	r->readonly = false;
	buf_init(&b, LINE_MAX_LEN);
	buf_printf(&b, "%s ", verb);
	nstring_put_quoted(&b, str_c(r->names[r->at]));
	buf_putc(&b, '\0');
	if (b.failed)
		resync_failed(r, ERR_MEMORY, "out of memory");
	else
		side_ask(r->side, buf_text(&b).p, on_selecting, done, r);
	buf_clear(&b);
}

size_t
resync_ask(struct resync *r, const char *verb, resync_want_fn *want,
    const char *tail, side_data_fn *data, side_done_fn *done)
{
	struct set set;
	struct buf b;
	uint32_t uid;
	size_t i, n = 0;
	bool ok = true;

	set_init(&set);
	for (i = 0; i < r->log.n; i++)
		if ((uid = want(&r->log.m[i])) != 0) {
			ok &= set_add(&set, uid, uid) == 0;
			n++;
		}
	buf_init(&b, LINE_MAX_LEN);
	buf_printf(&b, "%s ", verb);
	set_print(&set, &b);
	buf_printf(&b, "%s%s", tail[0] != '\0' ? " " : "", tail);
	buf_putc(&b, '\0');
	set_clear(&set);
	/* Of all or of none: one left out would be taken for done. */
	if (n > 0 && (!ok || b.failed))
		resync_failed(r, ERR_MEMORY, "out of memory");
	else if (n > 0)
		side_ask(r->side, buf_text(&b).p, data, done, r);
	buf_clear(&b);
	return (n);
}

void
resync_body(struct gather *g, void *arg)
{
	struct resync *r = arg;
	struct resp_item item;
	struct err err;

	if (r->wire != NULL || gather_uid(g) != r->uid ||
	    !gather_find(g, STR("BODY[]"), false, &item) || item.data.p == NULL)
		return;
	r->wire = gather_blob(g, &item, r->digest, &err);
}

/* --- a batch: which of the messages open now --- */

static struct msg_name
name_of(const struct resync *r, uint32_t uid)
{
	return ((struct msg_name){r->account, str_c(r->names[r->at]),
	    r->uidvalidity, uid});
}

/* What is known of a message: was it shown unopened, does it open now? */
static bool
was_unopened(const struct resync *r, uint32_t uid, bool *opens,
    uint8_t wire[CRYPT_DIGEST])
{
	struct seen *seen = r->account->proxy->seen;
	struct msg_name name = name_of(r, uid);
	struct seen_rec rec;
	struct seen_key key;
	struct buf hold;
	struct err err;
	bool was = false;

	*opens = false;
	buf_init(&hold, 2 * LIMIT_RECORD);
	if (msg_key(&name, &key) == 0 &&
	    seen_get(seen, &key, &rec, &hold, &err) == 1) {
		was = rec.unopened || open_unopened(rec.result);
		/* What did not open with the keys of now will not. */
		if (open_unopened(rec.result) && rec.keys == r->keys)
			was = false;
		*opens = was && !open_unopened(rec.result);
		memcpy(wire, rec.wire, CRYPT_DIGEST);
	}
	buf_clear(&hold);
	return (was);
}

static void weigh(struct resync *);

/* The message at hand stays as it is. */
static void
weigh_drop(struct resync *r)
{
	r->log.m[r->i].old = 0;
	r->i++;
	weigh(r);
}

static void
on_read(struct viewref *view, const struct err *err, void *arg)
{
	struct resync *r = arg;
	struct resync_msg *m = &r->log.m[r->i];
	bool opens = false;

	r->reading = NULL;
	if (view != NULL)
		(void)was_unopened(r, m->old, &opens, m->wire);
	else
		log_debug("resync uid=%u result=%s reason=%s", (unsigned)m->old,
		    err_word(err->code), log_str(str_c(err->text)));
	if (!opens) {
		weigh_drop(r);
		return;
	}
	r->i++;
	weigh(r);
}

static void
on_body_end(const struct resp *resp, const struct err *err, void *arg)
{
	struct resync *r = arg;
	struct msg_name name = name_of(r, r->uid);
	struct err why;

	(void)resp;
	if (!resync_well(r, err))
		return;
	if (r->wire != NULL)
		r->reading =
		    reading_start(&name, r->wire, r->digest, on_read, r, &why);
	blob_unref(r->wire);
	r->wire = NULL;
	if (r->reading == NULL)
		weigh_drop(r);
}

/* Those that do not open, or are not there, leave the batch. */
static void
batch_ready(struct resync *r)
{
	struct resync_log *l = &r->log;
	struct err err;
	size_t i, n = 0;

	for (i = 0; i < l->n; i++)
		if (l->m[i].old != 0 && l->m[i].there)
			l->m[n++] = l->m[i];
	r->done += (uint32_t)(l->n - n);
	l->n = n;
	if (n == 0)
		resync_next(r);
	else if (resync_log_put(r, &err) == -1)
		resync_fail(r, &err);
	else
		resync_move(r);
}

static void
weigh(struct resync *r)
{
	struct resync_log *l = &r->log;
	struct resync_msg *m;
	char line[64];
	bool opens;

	for (; r->i < l->n; r->i++) {
		m = &l->m[r->i];
		if (!m->there)
			continue;
		if (!was_unopened(r, m->old, &opens, m->wire)) {
			m->old = 0;
			continue;
		}
		if (opens)
			continue;
		r->uid = m->old;
		(void)snprintf(line, sizeof(line),
		    "UID FETCH %u (UID BODY.PEEK[])", (unsigned)m->old);
		side_fetch(r->side, line, resync_body, NULL, on_body_end, r);
		return;
	}
	batch_ready(r);
}

static void
on_sized(const struct resp *resp, struct str text, void *arg)
{
	struct resync *r = arg;
	struct resync_log *l = &r->log;
	uint64_t size;
	uint32_t uid;
	size_t i;

	/* What its user has marked to be deleted stays as it is. */
	if (!resync_item(resp, text, &uid, &size) ||
	    resync_has_word(text, STR("\\Deleted")))
		return;
	for (i = 0; i < l->n; i++)
		if (l->m[i].old == uid) {
			l->m[i].there = true;
			l->m[i].size = size;
		}
}

static void
on_sized_end(const struct resp *resp, const struct err *err, void *arg)
{
	struct resync *r = arg;

	(void)resp;
	if (!resync_well(r, err))
		return;
	r->i = 0;
	weigh(r);
}

static uint32_t
want_old(const struct resync_msg *m)
{
	return (m->old);
}

/* --- from mailbox to mailbox --- */

static void on_listed_end(const struct resp *, const struct err *, void *);

static void
on_uid(const struct resp *resp, struct str text, void *arg)
{
	struct resync *r = arg;
	uint8_t wire[CRYPT_DIGEST];
	uint64_t size;
	uint32_t uid;
	bool opens;

	if (!resync_item(resp, text, &uid, &size))
		return;
	if (uid > r->top)
		r->top = uid;
	if (was_unopened(r, uid, &opens, wire) &&
	    set_add(&r->todo, uid, uid) == -1)
		log_warn("resync reason=\"out of memory\"");
}

/* The mailbox at hand may be changed now. */
static void
on_selected(const struct resp *resp, const struct err *err, void *arg)
{
	struct resync *r = arg;
	uint32_t was = r->log.uidvalidity;

	if (err != NULL && err->code == ERR_DENIED && r->alone) {
		/* It may be there again another time. */
		r->found = false;
		resync_next(r);
		return;
	}
	if (!resync_well(r, err))
		return;
	if (r->readonly || str_ieq(str_trim(resp->code), STR("READ-ONLY"))) {
		resync_failed(r, ERR_DENIED,
		    "nothing can be removed from this mailbox");
		return;
	}
	if (r->uidvalidity == 0) {
		resync_failed(r, ERR_PEER, "the server tells no UIDVALIDITY");
		return;
	}
	if (r->found) {
		resync_recover(r);
		return;
	}
	if (r->uidvalidity != was) {
		resync_failed(r, ERR_UNAVAILABLE,
		    "the mailbox has become another one, try again");
		return;
	}
	resync_next(r);
}

static void
on_examined(const struct resp *resp, const struct err *err, void *arg)
{
	struct resync *r = arg;

	(void)resp;
	if (err != NULL && err->code == ERR_DENIED && r->nnames > 1) {
		/* One that is listed and cannot be opened. */
		resync_next(r);
		return;
	}
	if (!resync_well(r, err))
		return;
	r->log.uidvalidity = r->uidvalidity;
	if (r->uidvalidity != 0 && r->exists > 0)
		side_ask(r->side, "UID FETCH 1:* (UID)", on_uid, on_listed_end,
		    r);
	else
		on_listed_end(resp, NULL, r);
}

static void
on_listed_end(const struct resp *resp, const struct err *err, void *arg)
{
	struct resync *r = arg;

	(void)resp;
	if (!resync_well(r, err))
		return;
	r->total += (uint32_t)set_count(&r->todo);
	if (!set_empty(&r->todo)) {
		resync_select(r, "SELECT", on_selected);
		return;
	}
	resync_next(r);
}

/* Nothing of the mailbox at hand is known. */
static void
mailbox_begin(struct resync *r)
{
	struct err err;
	int rc;

	r->top = 0;
	if ((rc = resync_log_get(r, &err)) == -1) {
		resync_fail(r, &err);
		return;
	}
	r->found = rc == 1;
	if (r->alone && !r->found) {
		resync_next(r);
		return;
	}
	resync_select(r, r->found ? "SELECT" : "EXAMINE",
	    r->found ? on_selected : on_examined);
}

/* The next messages of the mailbox at hand. */
static void
batch_begin(struct resync *r)
{
	struct resync_log *l = &r->log;
	uint32_t uid = 0;

	memset(l, 0, sizeof(*l));
	l->uidvalidity = r->uidvalidity;
	l->uidnext = r->uidnext > r->top ? r->uidnext : r->top + 1;
	while (l->n < RESYNC_BATCH && set_next(&r->todo, &uid))
		l->m[l->n++].old = uid;
	(void)set_remove(&r->todo, 1, uid);
	(void)resync_ask(r, "UID FETCH", want_old, "(UID RFC822.SIZE FLAGS)",
	    on_sized, on_sized_end);
}

void
resync_next(struct resync *r)
{
	r->log.n = 0;
	if (r->found) {
		/* It is settled: now what else there is. */
		r->found = false;
		if (!r->alone) {
			resync_select(r, "EXAMINE", on_examined);
			return;
		}
	}
	if (!set_empty(&r->todo)) {
		batch_begin(r);
		return;
	}
	if (r->begun)
		r->at++;
	r->begun = r->at < r->nnames;
	if (r->begun) {
		mailbox_begin(r);
		return;
	}
	if (r->next != NULL) {
		resync_go_on(r);
		return;
	}
	log_info("resync login=%s result=ok moved=%u",
	    log_addr(str_c(r->account->login)), (unsigned)r->moved);
	r->state = RESYNC_DONE;
	resync_over(r);
	warm_check(r->account);
}
