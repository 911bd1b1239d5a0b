#include "config.h"

#include "proxy/reading.h"

#include <sys/queue.h>

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/map.h"
#include "proxy/boxname.h"
#include "proxy/facts.h"
#include "proxy/harvest.h"
#include "proxy/late.h"
#include "proxy/opens.h"
#include "proxy/own.h"
#include "proxy/viewdisk.h"
#include "sys/fault.h"
#include "sys/log.h"
#include "sys/memfd.h"

struct reading {
	TAILQ_ENTRY(reading) next;
	struct course *course;
	reading_fn *fn;
	void *arg;
};
TAILQ_HEAD(reading_list, reading);

/* By what two ask for the same: the message, and its bytes. */
struct course_key {
	struct seen_key name;
	uint8_t wire[CRYPT_DIGEST];
};

/* One message on its way through the opener. */
struct course {
	struct readings *all;
	struct proxy *p;
	struct msg_name name;
	char *mailbox; /* owned; the name's */
	struct course_key key;
	struct blob *wire;       /* owned */
	struct opening *opening; /* owned; or ... */
	struct viewload *load;   /* owned; ... it comes from the disk, ... */
	uint8_t digest[CRYPT_DIGEST]; /* ... and is this */
	struct reading_list askers;
	bool over;       /* the askers are being told */
	bool other_from; /* opened once more for that */
	int64_t first_seen;
};

struct readings {
	struct map *courses; /* owned: struct course_key -> struct course */
};

struct readings *
readings_new(void)
{
	struct readings *all;

	if ((all = calloc(1, sizeof(*all))) == NULL)
		return (NULL);
	if ((all->courses = map_new(NULL)) == NULL) {
		free(all);
		return (NULL);
	}
	return (all);
}

void
readings_free(struct readings *all)
{
	if (all == NULL)
		return;
	map_free(all->courses);
	free(all);
}

static struct str
course_str(const struct course_key *key)
{
	return (str_of((const char *)key, sizeof(*key)));
}

static void
course_free(struct course *c)
{
	if (map_get(c->all->courses, course_str(&c->key)) == c)
		map_del(c->all->courses, course_str(&c->key));
	opens_cancel(c->opening);
	viewload_cancel(c->load);
	blob_unref(c->wire);
	free(c->mailbox);
	free(c);
}

/* Tell all askers; one may cancel another meanwhile. */
static void
course_end(struct course *c, struct viewref *view, const struct err *err)
{
	struct reading *r;

	c->over = true;
	map_del(c->all->courses, course_str(&c->key));
	blob_unref(c->wire);
	c->wire = NULL;
	while ((r = TAILQ_FIRST(&c->askers)) != NULL) {
		TAILQ_REMOVE(&c->askers, r, next);
		r->fn(view, err, r->arg);
		free(r);
	}
	course_free(c);
}

static void
course_fail(struct course *c, enum err_code code, const char *why)
{
	struct err err;

	err_set(&err, code, "%s", why);
	course_end(c, NULL, &err);
}

/* Was it shown unopened, and a key came since? */
static bool
is_void(const struct course *c, const struct seen_rec *rec)
{
	return (
	    open_unopened(rec->result) &&
	    rec->keys != seen_keys(c->p->seen, str_c(c->name.account->login)));
}

/*
 * What fixes the view's bytes, if that is known: 1, 0 or -1.  Clients keep for
 * ever what they were given, so the server must not change its mind; but what
 * was shown unopened before a key came may be opened now.
 */
static int
recall(struct course *c, struct seen_rec *rec, struct buf *hold,
    struct err *err)
{
	struct seen *seen = c->p->seen;
	int rc;

	if (seen == NULL)
		return (0);
	if ((rc = seen_get(seen, &c->key.name, rec, hold, err)) != 1)
		return (rc);
	if (rec->version != VIEW_VERSION || is_void(c, rec))
		return (0);
	if (crypt_equal(rec->wire, c->key.wire, sizeof(rec->wire)))
		return (1);
	facts_drop(c->p->facts, &c->name);
	viewcache_del(c->p->views, &c->key.name);
	viewdisk_drop(c->p->viewdisk, &c->key.name);
	err_set(err, ERR_PEER, "the server gives other bytes than before");
	return (-1);
}

/*
 * Remember what fixes the view's bytes; they must be those of the first time.
 * 0, or 1: this ciphertext belongs to another From, open it with that mark.
 */
static int
remember(struct course *c, const struct open_ans *ans, struct err *err)
{
	static const uint8_t none[CRYPT_DIGEST];
	struct seen *seen = c->p->seen;
	struct seen_rec rec;
	struct buf hold;
	bool unopened;
	int rc;

	if (seen == NULL)
		return (0);
	buf_init(&hold, 2 * LIMIT_RECORD);
	memset(&rec, 0, sizeof(rec));
	rc = recall(c, &rec, &hold, err);
	/* Of an older record only that is left. */
	unopened = rec.unopened || open_unopened(rec.result) ||
	           open_unopened(ans->result);
	if (rc == 1) {
		rc = 0;
		if (!crypt_equal(rec.view, ans->view, sizeof(rec.view))) {
			err_set(err, ERR_CRYPTO, "the view would change");
			rc = -1;
		}
		goto out;
	}
	if (rc == -1)
		goto out;
	if (!c->other_from && memcmp(ans->content, none, sizeof(none)) != 0) {
		rc = seen_other_from(seen, str_c(c->name.account->login),
		    ans->content, ans->from, err);
		if (rc != 0)
			goto out;
	}
	rec.first_seen = c->first_seen;
	rec.version = VIEW_VERSION;
	memcpy(rec.wire, c->key.wire, sizeof(rec.wire));
	memcpy(rec.view, ans->view, sizeof(rec.view));
	rec.other_from = c->other_from;
	rec.result = ans->result;
	rec.unopened = unopened;
	rec.keys = seen_keys(seen, str_c(c->name.account->login));
	rec.from = ans->from;
	rec.status = ans->status;
	rc = seen_put(seen, &c->key.name, &rec, err);
out:
	buf_clear(&hold);
	return (rc);
}

/* Parse and keep it. */
static struct viewref *
keep_view(const struct msg_name *n, const struct seen_key *key,
    struct blob *text, const struct view_more *more, struct err *err)
{
	struct viewref *ref;
	struct view *v;

	if (FAULT("proxy.view-limit")) {
		err_set(err, ERR_LIMIT, "fault proxy.view-limit");
		return (NULL);
	}
	if ((text = memfd_keep(blob_ref(text), err)) == NULL)
		return (NULL);
	v = view_new(text, err);
	blob_unref(text);
	if (v == NULL)
		return (NULL);
	ref = viewcache_put(n->account->proxy->views, str_c(n->account->login),
	    key, v, more);
	if (ref == NULL)
		err_set(err, ERR_MEMORY, "out of memory");
	return (ref);
}

static int course_open(struct course *, struct err *);

/* The opener's answer. */
static void
on_opened(const struct open_ans *ans, struct blob *text, struct blob *search,
    const struct err *err, void *arg)
{
	struct course *c = arg;
	struct view_more more;
	struct viewref *view;
	struct err why;
	int rc;

	c->opening = NULL;
	if (ans == NULL) {
		course_end(c, NULL, err);
		return;
	}
	c->p->opened++;
	harvest_tell(c->p, &ans->harvest);
	if (ans->result == OPEN_KEY_LATER) {
		course_fail(c, ERR_NOKEY, "the key is not here yet");
		return;
	}
	if ((rc = remember(c, ans, &why)) == 1) {
		c->other_from = true;
		rc = course_open(c, &why);
		if (rc == 0)
			return;
	}
	if (rc == 0 && ans->own)
		rc = own_note(c->p, blob_str(text), &why);
	more = (struct view_more){ans->view, ans->preview};
	view = rc == 0 ? keep_view(&c->name, &c->key.name, text, &more, &why)
	               : NULL;
	if (view != NULL) {
		late_keep(&c->name, ans, view, text, search);
		viewdisk_put(c->p->viewdisk, &c->key.name, ans->view,
		    viewref_view(view)->text);
	}
	log_debug("read uid=%u result=%u cipher=%u sign=%u problem=%s",
	    (unsigned)c->name.uid, (unsigned)ans->result, (unsigned)ans->cipher,
	    (unsigned)ans->sign, log_str(ans->problem));
	course_end(c, view, view != NULL ? NULL : &why);
	viewref_unref(view);
}

/* Hand the wire text to the opener. */
static int
course_open(struct course *c, struct err *err)
{
	struct account *a = c->name.account;
	struct open_req req = {.text = true};
	struct seen_rec rec;
	struct buf hold;
	int rc;

	req.account = str_c(a->login);
	req.first_seen = clock_now().wall;
	req.other_from = c->other_from;
	buf_init(&hold, 2 * LIMIT_RECORD);
	if ((rc = recall(c, &rec, &hold, err)) == 1) {
		req.first_seen = rec.first_seen;
		req.status = rec.status;
		req.other_from = c->other_from = rec.other_from;
	}
	c->first_seen = req.first_seen;
	if (rc != -1)
		c->opening =
		    opens_ask(a, c->wire, c->key.wire, &req, on_opened, c, err);
	buf_clear(&hold);
	return (c->opening != NULL ? 0 : -1);
}

/* Is the view that was fixed the first time still to be shown?  Its digest. */
static bool
course_fixed(const struct course *c, uint8_t digest[CRYPT_DIGEST])
{
	struct seen_rec rec;
	struct buf hold;
	struct err err;
	bool ok;

	buf_init(&hold, 2 * LIMIT_RECORD);
	ok = c->p->seen != NULL &&
	     seen_get(c->p->seen, &c->key.name, &rec, &hold, &err) == 1 &&
	     rec.version == VIEW_VERSION && !is_void(c, &rec);
	if (ok)
		memcpy(digest, rec.view, sizeof(rec.view));
	buf_clear(&hold);
	return (ok);
}

/* It was read from the disk; meanwhile a key may have come, or the message
 * gone. */
static void
on_loaded(struct blob *text, const struct err *err, void *arg)
{
	struct course *c = arg;
	uint8_t now[CRYPT_DIGEST];
	struct view_more more = {c->digest, {NULL, 0}};
	struct viewref *view = NULL;
	struct err why;

	c->load = NULL;
	if (text == NULL)
		log_debug("view-disk uid=%u reason=%s", (unsigned)c->name.uid,
		    log_str(str_c(err->text)));
	else if (course_fixed(c, now) &&
	         crypt_equal(now, c->digest, sizeof(now)))
		view = keep_view(&c->name, &c->key.name, text, &more, &why);
	if (view == NULL)
		course_fail(c, ERR_NOTFOUND, "it is not on the disk");
	else
		course_end(c, view, NULL);
	viewref_unref(view);
}

/* Begin to read the view that was fixed the first time. */
static int
course_load(struct course *c)
{
	if (course_fixed(c, c->digest))
		c->load = viewdisk_get(c->p->viewdisk, &c->key.name, c->digest,
		    on_loaded, c);
	return (c->load != NULL ? 0 : -1);
}

/* wire NULL: from the disk. */
static struct course *
course_new(const struct msg_name *n, const struct course_key *key,
    struct blob *wire, struct err *err)
{
	struct readings *all = n->account->proxy->readings;
	struct course *c;

	if ((c = calloc(1, sizeof(*c))) == NULL ||
	    (c->mailbox = malloc(n->mailbox.len + 1)) == NULL) {
		free(c);
		err_set(err, ERR_MEMORY, "out of memory");
		return (NULL);
	}
	TAILQ_INIT(&c->askers);
	c->all = all;
	c->p = n->account->proxy;
	c->key = *key;
	c->name = *n;
	memcpy(c->mailbox, n->mailbox.p, n->mailbox.len);
	c->name.mailbox.p = c->mailbox;
	c->wire = wire != NULL ? blob_ref(wire) : NULL;
	if ((wire != NULL ? course_open(c, err) : course_load(c)) == 0 &&
	    map_put(all->courses, course_str(&c->key), c) == 0)
		return (c);
	if (c->opening != NULL)
		err_set(err, ERR_MEMORY, "out of memory");
	course_free(c);
	return (NULL);
}

/* One who asks; wire NULL: from the disk. */
static struct reading *
reading_new(const struct msg_name *n, const struct course_key *key,
    struct blob *wire, reading_fn *fn, void *arg, struct err *err)
{
	struct reading *r;

	if ((r = calloc(1, sizeof(*r))) == NULL) {
		err_set(err, ERR_MEMORY, "out of memory");
		return (NULL);
	}
	r->fn = fn;
	r->arg = arg;
	r->course =
	    map_get(n->account->proxy->readings->courses, course_str(key));
	if (r->course == NULL &&
	    (r->course = course_new(n, key, wire, err)) == NULL) {
		free(r);
		return (NULL);
	}
	TAILQ_INSERT_TAIL(&r->course->askers, r, next);
	return (r);
}

struct reading *
reading_start(const struct msg_name *n, struct blob *wire,
    const uint8_t digest[CRYPT_DIGEST], reading_fn *fn, void *arg,
    struct err *err)
{
	struct course_key key;

	if (msg_key(n, &key.name) == -1) {
		err_set(err, ERR_CRYPTO, "cannot digest");
		return (NULL);
	}
	memcpy(key.wire, digest, sizeof(key.wire));
	return (reading_new(n, &key, wire, fn, arg, err));
}

bool
reading_on_disk(const struct msg_name *n)
{
	struct viewdisk *vd = n->account->proxy->viewdisk;
	struct seen_key key;

	return (vd != NULL && msg_key(n, &key) == 0 && viewdisk_has(vd, &key));
}

struct reading *
reading_start_disk(const struct msg_name *n, reading_fn *fn, void *arg)
{
	struct course_key key;
	struct err err;

	/* No text has a digest of zeroes. */
	memset(&key, 0, sizeof(key));
	if (!reading_on_disk(n) || msg_key(n, &key.name) == -1)
		return (NULL);
	return (reading_new(n, &key, NULL, fn, arg, &err));
}

void
reading_cancel(struct reading *r)
{
	struct course *c;

	if (r == NULL)
		return;
	c = r->course;
	TAILQ_REMOVE(&c->askers, r, next);
	free(r);
	if (TAILQ_EMPTY(&c->askers) && !c->over)
		course_free(c);
}

struct viewref *
reading_plain(const struct msg_name *n, struct blob *text,
    const uint8_t came[CRYPT_DIGEST], struct err *err)
{
	uint8_t digest[CRYPT_DIGEST];
	struct view_more more = {digest, {NULL, 0}};
	struct seen_key key;

	if (msg_key(n, &key) == -1 ||
	    crypt_sha256(blob_str(text), digest) == -1) {
		err_set(err, ERR_CRYPTO, "cannot digest");
		return (NULL);
	}
	/* The opener may have been shown it while it came (ahead.h). */
	if (!crypt_equal(came, digest, sizeof(digest))) {
		err_set(err, ERR_PEER, "it was changed on its way");
		return (NULL);
	}
	return (keep_view(n, &key, text, &more, err));
}

int
reading_write(struct proxy *p, struct err *err)
{
	if (p->seen == NULL || seen_commit(p->seen, err) == 0)
		return (0);
	/* What fills the disk may be views, which can be made again. */
	if (viewdisk_bytes(p->viewdisk) == 0)
		return (-1);
	log_warn("views result=dropped reason=%s", log_str(str_c(err->text)));
	viewdisk_drop_all(p->viewdisk);
	return (seen_commit(p->seen, err));
}

int
reading_commit(struct proxy *p)
{
	struct err err;

	if (reading_write(p, &err) == -1) {
		log_error("seen reason=%s", log_str(str_c(err.text)));
		return (-1);
	}
	/* Nobody waits for these. */
	if (facts_full(p->facts))
		facts_commit(p->facts);
	return (0);
}

bool
reading_fixed(const struct msg_name *n)
{
	const struct seen *seen = n->account->proxy->seen;
	struct seen_key key;

	return (seen == NULL ||
	        (msg_key(n, &key) == 0 && seen_written(seen, &key)));
}

void
reading_tick(struct proxy *p)
{
	if (reading_commit(p) == 0)
		facts_commit(p->facts);
}

void
reading_forget(struct proxy *p, const struct seen_key *key)
{
	struct err err;

	viewcache_del(p->views, key);
	viewdisk_drop(p->viewdisk, key);
	if (p->seen != NULL && seen_drop(p->seen, key, &err) == -1)
		log_warn("seen reason=%s", log_str(str_c(err.text)));
}

void
reading_gone(const struct msg_name *n, struct set *uids)
{
	struct msg_name one = *n;

	one.uid = 0;
	while (set_next(uids, &one.uid))
		late_gone(&one);
	boxname_expunged(n, uids);
}

/* Records speak of the account as it is named, whether it is here or not. */
static void
forget_unopened(const struct account *a)
{
	struct proxy *p = a->proxy;
	struct err err;

	if (p->seen != NULL &&
	    seen_key_came(p->seen, str_c(a->login), &err) == -1)
		log_warn("seen reason=%s", log_str(str_c(err.text)));
	facts_drop_unopened(p->facts, a);
}

void
reading_key_came(struct account *a)
{
	forget_unopened(a);
	viewcache_drop(a->proxy->views, str_c(a->login));
	opens_key_arrived(a);
}

void
reading_key_came_away(struct proxy *p, struct str name)
{
	struct account a = {.proxy = p};
	struct login login;
	struct err err;

	if (login_parse(p, name, &login, &err) == -1)
		return;
	a.login = login.name;
	a.up = login.up;
	forget_unopened(&a);
	login_clear(&login);
}
