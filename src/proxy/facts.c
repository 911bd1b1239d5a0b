#include "config.h"

#include "proxy/facts.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/limits.h"
#include "mail/classify.h"
#include "proto/open.h"
#include "proto/rec.h"
#include "proxy/facts_own.h"
#include "sys/log.h"

#define RECORD_VERSION 2

/* What a message takes on disk besides its values. */
#define OVERHEAD 300

/* So much is put before it is written. */
#define PENDING_MAX (8UL * 1024 * 1024)

/* All strings of one message. */
#define REC_MAX (1024UL * 1024)

/* The sets of a mailbox: 8 bytes a range. */
#define CLASSES_MAX (16UL * 1024 * 1024)

void
facts_gripe(const struct err *err)
{
	log_warn("facts reason=%s", log_str(str_c(err->text)));
}

static int
account_key(const struct facts *f, const struct account *a,
    uint8_t out[FACT_ACCOUNT])
{
	uint8_t digest[CRYPT_DIGEST];
	struct buf b;
	int rc = -1;

	buf_init(&b, LIMIT_RECORD);
	rec_put_str(&b, STR("account"));
	rec_put_str(&b, str_c(a->login));
	rec_put_str(&b, str_c(a->up->domain));
	if (!b.failed && (rc = crypt_hmac(&f->key, buf_text(&b), digest)) == 0)
		memcpy(out, digest, FACT_ACCOUNT);
	buf_clear(&b);
	return (rc);
}

int
facts_box_key(const struct facts *f, const struct account *a,
    struct str mailbox, uint8_t out[FACT_BOX])
{
	uint8_t digest[CRYPT_DIGEST];
	struct buf b;
	int rc = -1;

	if (account_key(f, a, out) == -1)
		return (-1);
	buf_init(&b, LIMIT_RECORD + LIMIT_CLIENT_LINE);
	rec_put_str(&b, STR("mailbox"));
	rec_put_bytes(&b, out, FACT_ACCOUNT);
	rec_put_str(&b, mailbox);
	if (!b.failed && (rc = crypt_hmac(&f->key, buf_text(&b), digest)) == 0)
		memcpy(out + FACT_ACCOUNT, digest, FACT_BOX - FACT_ACCOUNT);
	buf_clear(&b);
	return (rc);
}

void
facts_box_forget(struct fact_box *box)
{
	free(box->name);
	box->name = NULL;
	set_clear(&box->touched);
}

/* Is this the mailbox asked about last?  If not, let it be. */
static int
box_get(struct facts *f, const struct msg_name *n)
{
	struct str login = str_c(n->account->login);
	struct str domain = str_c(n->account->up->domain);
	struct fact_box *box = &f->box;
	size_t len = login.len + domain.len + n->mailbox.len + 2;
	char *p;

	/* NUL divides: neither of the first two has one. */
	if ((p = malloc(len)) == NULL)
		return (-1);
	memcpy(p, login.p, login.len + 1);
	memcpy(p + login.len + 1, domain.p, domain.len + 1);
	if (n->mailbox.len > 0)
		memcpy(p + login.len + domain.len + 2, n->mailbox.p,
		    n->mailbox.len);
	if (box->name != NULL && box->len == len &&
	    box->uidvalidity == n->uidvalidity &&
	    memcmp(box->name, p, len) == 0) {
		free(p);
		return (0);
	}
	facts_box_forget(box);
	if (facts_box_key(f, n->account, n->mailbox, box->k) == -1) {
		free(p);
		return (-1);
	}
	box->name = p;
	box->len = len;
	box->uidvalidity = n->uidvalidity;
	return (0);
}

static int
key_make(struct facts *f, const struct msg_name *n, struct fact_key *key,
    struct err *err)
{
	if (box_get(f, n) == -1) {
		err_set(err, ERR_MEMORY, "cannot make a name");
		return (-1);
	}
	memcpy(key->k, f->box.k, FACT_BOX);
	fact_put_u32(key->k + FACT_BOX, n->uidvalidity);
	fact_put_u32(key->k + FACT_BOX + 4, n->uid);
	return (0);
}

struct facts *
facts_open(const char *state_dir, const struct crypt_key *key, struct err *err)
{
	struct facts *f;

	if ((f = calloc(1, sizeof(*f))) == NULL) {
		err_set(err, ERR_MEMORY, "out of memory");
		return (NULL);
	}
	set_init(&f->box.touched);
	f->limit = UINT64_MAX;
	if (crypt_derive(key, "facts", STR(""), &f->key) == -1)
		err_set(err, ERR_CRYPTO, "cannot derive a key");
	else
		f->db = factdb_open(state_dir, &f->key, err);
	if (f->db == NULL) {
		facts_close(f);
		return (NULL);
	}
	f->epoch = factdb_epoch(f->db) - 1;
	facts_recount(f);
	return (f);
}

void
facts_close(struct facts *f)
{
	struct fact_doom *d;

	if (f == NULL)
		return;
	factdb_close(f->db);
	while ((d = f->dooms) != NULL) {
		f->dooms = d->next;
		free(d);
	}
	facts_box_forget(&f->box);
	crypt_key_wipe(&f->key);
	free(f);
}

void
facts_limit(struct facts *f, uint64_t bytes)
{
	if (f != NULL)
		f->limit = bytes;
}

/* How many keys came to the account so far. */
static uint32_t
keys_came(struct facts *f, const uint8_t account[FACT_ACCOUNT])
{
	struct fact_name name;
	struct buf b;
	uint32_t n = 0;

	buf_init(&b, 16);
	if (factdb_get(f->db, fact_name(&name, 'e', account, FACT_ACCOUNT), &b,
	        NULL) == 1 &&
	    b.len == 4)
		n = fact_u32(b.data);
	buf_clear(&b);
	return (n);
}

static void
put_record(struct buf *b, const struct facts_rec *rec, uint32_t keys)
{
	rec_put_u32(b, RECORD_VERSION);
	rec_put_u32(b, VIEW_VERSION);
	rec_put_u32(b, keys);
	rec_put_u64(b, rec->size);
	rec_put_u64(b, (uint64_t)rec->sent);
	rec_put_u8(b, rec->result);
	rec_put_u8(b, rec->cipher);
	rec_put_u8(b, rec->sign);
	rec_put_bool(b, rec->has_text);
	rec_put_str(b, rec->envelope);
	rec_put_str(b, rec->body);
	rec_put_str(b, rec->structure);
	rec_put_str(b, rec->preview);
	rec_put_str(b, rec->header);
}

/* False: of another version, or damaged. */
static bool
get_record(struct str s, struct facts_rec *rec, uint32_t *keys)
{
	struct rec r;

	rec_init(&r, s);
	if (rec_get_u32(&r) != RECORD_VERSION ||
	    rec_get_u32(&r) != VIEW_VERSION)
		return (false);
	*keys = rec_get_u32(&r);
	rec->size = rec_get_u64(&r);
	rec->sent = (int64_t)rec_get_u64(&r);
	rec->result = rec_get_enum(&r, OPEN_PLAIN);
	rec->cipher = rec_get_enum(&r, OPEN_AEAD);
	rec->sign = rec_get_enum(&r, SIGN_UNTRUSTED);
	rec->has_text = rec_get_bool(&r);
	rec->envelope = rec_get_str(&r);
	rec->body = rec_get_str(&r);
	rec->structure = rec_get_str(&r);
	rec->preview = rec_get_str(&r);
	rec->header = rec_get_str(&r);
	return (rec_end(&r, NULL) == 0);
}

void
facts_drop_all(struct facts *f)
{
	struct err err;

	if (f == NULL)
		return;
	if (factdb_renew(f->db, &err) == -1)
		facts_gripe(&err);
	facts_recount(f);
}

int
facts_get(struct facts *f, const struct msg_name *n, struct facts_rec *rec,
    struct buf *hold, struct err *err)
{
	struct fact_name name;
	struct fact_key key;
	uint32_t keys;
	int rc;

	if (f == NULL)
		return (0);
	if (key_make(f, n, &key, err) == -1)
		return (-1);
	buf_reset(hold);
	rc = factdb_get(f->db, fact_name_key(&name, 'r', &key), hold, err);
	if (rc != 1)
		return (rc);
	if (!get_record(buf_text(hold), rec, &keys) ||
	    (open_unopened(rec->result) && keys != keys_came(f, key.k)))
		return (0);
	facts_touch(f, &key, n->uid);
	return (1);
}

bool
facts_has(struct facts *f, const struct msg_name *n)
{
	struct fact_name name;
	struct fact_key key;

	return (f != NULL && key_make(f, n, &key, NULL) == 0 &&
	        factdb_has(f->db, fact_name_key(&name, 's', &key)));
}

int
facts_text(struct facts *f, const struct msg_name *n, struct buf *out,
    struct err *err)
{
	struct fact_name name;
	struct fact_key key;

	if (f == NULL)
		return (0);
	if (key_make(f, n, &key, err) == -1)
		return (-1);
	return (factdb_get(f->db, fact_name_key(&name, 't', &key), out, err));
}

int
facts_put(struct facts *f, const struct msg_name *n,
    const struct facts_rec *given, struct str text, struct err *err)
{
	struct facts_rec rec = *given;
	struct fact_name name;
	struct fact_key key;
	struct buf b;
	size_t size;
	int rc = -1;

	if (f == NULL)
		return (0);
	facts_recount(f);
	if (key_make(f, n, &key, err) == -1 ||
	    facts_remove(f, &key, "", err) == -1)
		return (-1);
	rec.has_text = text.len > 0 && text.len <= LIMIT_SEARCH_TEXT;
	buf_init(&b, REC_MAX + 1000);
	put_record(&b, &rec,
	    open_unopened(rec.result) ? keys_came(f, key.k) : 0);
	size = b.len + OVERHEAD + (rec.has_text ? text.len : 0);
	if (b.failed)
		err_set(err, ERR_LIMIT, "record too large");
	else if (factdb_put(f->db, fact_name_key(&name, 'r', &key),
	             buf_text(&b), err) == 0) {
		(void)fact_name_key(&name, 't', &key);
		rc =
		    rec.has_text
		        ? factdb_put(f->db, str_of(name.s, name.len), text, err)
		        : factdb_del(f->db, str_of(name.s, name.len), err);
	}
	if (rc == 0)
		rc = facts_use_put(f, &key, (uint32_t)clock_now().wall,
		    (uint32_t)size, err);
	buf_wipe(&b);
	if (rc == -1)
		return (-1);
	f->bytes += size;
	f->count++;
	return (0);
}

void
facts_drop(struct facts *f, const struct msg_name *n)
{
	struct fact_key key;
	struct err err;

	if (f == NULL)
		return;
	if (key_make(f, n, &key, &err) == -1 ||
	    facts_remove(f, &key, "rts", &err) == -1)
		facts_gripe(&err);
}

void
facts_drop_unopened(struct facts *f, const struct account *a)
{
	uint8_t account[FACT_ACCOUNT], v[4];
	struct fact_name name;
	struct err err;

	if (f == NULL || account_key(f, a, account) == -1)
		return;
	fact_put_u32(v, keys_came(f, account) + 1);
	if (factdb_put(f->db, fact_name(&name, 'e', account, FACT_ACCOUNT),
	        str_of((const char *)v, 4), &err) == -1)
		facts_gripe(&err);
}

static void
put_set(struct buf *b, const struct set *s)
{
	size_t i;

	rec_put_u32(b, (uint32_t)s->n);
	for (i = 0; i < s->n; i++) {
		rec_put_u32(b, s->r[i].lo);
		rec_put_u32(b, s->r[i].hi);
	}
}

/* False: no set, or memory is out. */
static bool
get_set(struct rec *r, struct set *s)
{
	uint32_t n = rec_get_u32(r), lo, hi;

	for (; n > 0 && !r->bad; n--) {
		lo = rec_get_u32(r);
		hi = rec_get_u32(r);
		if (r->bad || lo == 0 || lo > hi || set_add(s, lo, hi) == -1)
			return (false);
	}
	return (!r->bad);
}

void
facts_classes_clear(struct facts_classes *fc)
{
	set_clear(&fc->known);
	set_clear(&fc->sealed);
	set_clear(&fc->exist);
	fc->uidnext = fc->uidvalidity = 0;
}

int
facts_classes_get(struct facts *f, const struct msg_name *n,
    struct facts_classes *out, struct err *err)
{
	struct fact_name name;
	struct fact_key key;
	struct buf b;
	struct rec r;
	bool same, other;
	int rc;

	memset(out, 0, sizeof(*out));
	if (f == NULL)
		return (0);
	if (key_make(f, n, &key, err) == -1)
		return (-1);
	buf_init(&b, CLASSES_MAX);
	rc = factdb_get(f->db, fact_name(&name, 'c', key.k, FACT_BOX), &b, err);
	if (rc == 1) {
		rec_init(&r, buf_text(&b));
		same = rec_get_u32(&r) == CLASSIFIER_VERSION;
		out->uidvalidity = rec_get_u32(&r);
		out->uidnext = rec_get_u32(&r);
		other =
		    n->uidvalidity != 0 && n->uidvalidity != out->uidvalidity;
		if (other)
			facts_drop_mailbox(f, n->account, n->mailbox,
			    n->uidvalidity);
		if (!same || !get_set(&r, &out->known) ||
		    !get_set(&r, &out->sealed) || !get_set(&r, &out->exist) ||
		    rec_end(&r, NULL) == -1) {
			facts_classes_clear(out);
			rc = 0;
		} else if (other) {
			set_clear(&out->known);
			set_clear(&out->exist);
			rc = 0;
		}
	}
	buf_clear(&b);
	return (rc);
}

int
facts_classes_put(struct facts *f, const struct msg_name *n,
    const struct facts_classes *fc, struct err *err)
{
	struct fact_name name;
	struct fact_key key;
	struct buf b;
	int rc = -1;

	if (f == NULL)
		return (0);
	if (key_make(f, n, &key, err) == -1)
		return (-1);
	buf_init(&b, CLASSES_MAX);
	rec_put_u32(&b, CLASSIFIER_VERSION);
	rec_put_u32(&b, n->uidvalidity);
	rec_put_u32(&b, fc->uidnext);
	put_set(&b, &fc->known);
	put_set(&b, &fc->sealed);
	put_set(&b, &fc->exist);
	if (b.failed)
		err_set(err, ERR_LIMIT, "too many ranges");
	else
		rc = factdb_put(f->db, fact_name(&name, 'c', key.k, FACT_BOX),
		    buf_text(&b), err);
	buf_clear(&b);
	return (rc);
}

bool
facts_waiting(const struct facts *f)
{
	return (f != NULL && factdb_pending(f->db) > 0);
}

bool
facts_full(const struct facts *f)
{
	return (f != NULL && factdb_pending(f->db) > PENDING_MAX);
}

uint64_t
facts_bytes(const struct facts *f)
{
	return (f != NULL ? f->bytes : 0);
}

uint64_t
facts_count(const struct facts *f)
{
	return (f != NULL ? f->count : 0);
}
