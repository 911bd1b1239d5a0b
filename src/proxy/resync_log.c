#include "config.h"

#include <string.h>

#include "base/limits.h"
#include "proto/rec.h"
#include "proxy/resync_own.h"

static void
log_name(const struct resync *r, struct buf *name)
{
	rec_put_str(name, STR("resync"));
	rec_put_str(name, str_c(r->account->login));
	rec_put_str(name, str_c(r->account->up->domain));
	rec_put_str(name, str_c(r->names[r->at]));
}

static int
read_log(struct resync_log *l, struct str in, struct err *err)
{
	struct resync_msg *m;
	struct str away;
	struct rec r;
	size_t i;

	memset(l, 0, sizeof(*l));
	rec_init(&r, in);
	l->uidvalidity = rec_get_u32(&r);
	l->uidnext = rec_get_u32(&r);
	away = rec_get_str(&r);
	if (away.len < sizeof(l->away))
		memcpy(l->away, away.p, away.len);
	l->away_uidvalidity = rec_get_u32(&r);
	l->n = rec_get_enum(&r, RESYNC_BATCH);
	for (i = 0; i < l->n; i++) {
		m = &l->m[i];
		m->old = rec_get_u32(&r);
		m->copy = rec_get_u32(&r);
		m->away = rec_get_u32(&r);
		m->size = rec_get_u64(&r);
		rec_get_bytes(&r, m->wire, sizeof(m->wire));
	}
	return (rec_end(&r, err));
}

int
resync_log_get(struct resync *r, struct err *err)
{
	struct buf name, value;
	int rc;

	buf_init(&name, LIMIT_RECORD);
	buf_init(&value, LIMIT_RECORD);
	log_name(r, &name);
	rc = seen_kept(r->account->proxy->seen, buf_text(&name), &value, err);
	if (rc == 1 && read_log(&r->log, buf_text(&value), err) == -1)
		rc = -1;
	buf_clear(&value);
	buf_clear(&name);
	return (rc);
}

static void
put_log(struct buf *b, const struct resync_log *l)
{
	const struct resync_msg *m;

	rec_put_u32(b, l->uidvalidity);
	rec_put_u32(b, l->uidnext);
	rec_put_str(b, str_c(l->away));
	rec_put_u32(b, l->away_uidvalidity);
	rec_put_u8(b, (uint8_t)l->n);
	for (m = l->m; m < l->m + l->n; m++) {
		rec_put_u32(b, m->old);
		rec_put_u32(b, m->copy);
		rec_put_u32(b, m->away);
		rec_put_u64(b, m->size);
		rec_put_bytes(b, m->wire, sizeof(m->wire));
	}
}

/* Names of mailboxes that have a log, one after the other. */
static int
read_names(struct account *a, struct buf *name, struct buf *value,
    struct err *err)
{
	rec_put_str(name, STR("resyncs"));
	rec_put_str(name, str_c(a->login));
	rec_put_str(name, str_c(a->up->domain));
	return (seen_kept(a->proxy->seen, buf_text(name), value, err));
}

/* This mailbox has one, or has none any more. */
static int
note_name(struct resync *r, struct err *err)
{
	struct str mine = str_c(r->names[r->at]), one;
	struct buf name, was, now;
	bool had = false;
	struct rec in;
	int rc;

	buf_init(&name, LIMIT_RECORD);
	buf_init(&was, LIMIT_RECORD);
	buf_init(&now, LIMIT_RECORD);
	rc = read_names(r->account, &name, &was, err);
	rec_init(&in, buf_text(&was));
	while (rc != -1 && in.pos < in.in.len && !in.bad) {
		one = rec_get_str(&in);
		if (str_eq(one, mine))
			had = true;
		else
			rec_put_str(&now, one);
	}
	if (r->log.n > 0)
		rec_put_str(&now, mine);
	if (rc != -1 && had != (r->log.n > 0))
		rc = seen_keep(r->account->proxy->seen, buf_text(&name), &now,
		    err);
	buf_clear(&now);
	buf_clear(&was);
	buf_clear(&name);
	return (rc == -1 ? -1 : 0);
}

int
resync_log_names(struct account *a, resync_name_fn *fn, void *arg,
    struct err *err)
{
	struct buf name, value;
	struct rec in;
	int rc;

	buf_init(&name, LIMIT_RECORD);
	buf_init(&value, LIMIT_RECORD);
	rc = read_names(a, &name, &value, err);
	rec_init(&in, buf_text(&value));
	while (rc == 1 && in.pos < in.in.len && !in.bad)
		if (fn(rec_get_str(&in), arg) == -1) {
			err_set(err, ERR_LIMIT, "a name cannot be taken down");
			rc = -1;
		}
	buf_clear(&value);
	buf_clear(&name);
	return (rc == -1 ? -1 : 0);
}

int
resync_log_put(struct resync *r, struct err *err)
{
	struct seen *seen = r->account->proxy->seen;
	struct buf name, value;
	int rc;

	buf_init(&name, LIMIT_RECORD);
	buf_init(&value, LIMIT_RECORD);
	log_name(r, &name);
	if (r->log.n > 0)
		put_log(&value, &r->log);
	rc = seen_keep(seen, buf_text(&name), &value, err);
	if (rc == 0)
		rc = note_name(r, err);
	if (rc == 0)
		rc = reading_write(r->account->proxy, err);
	buf_clear(&value);
	buf_clear(&name);
	return (rc);
}
