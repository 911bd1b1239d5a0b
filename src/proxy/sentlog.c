#include "config.h"

#include "proxy/sentlog.h"

#include <sys/queue.h>

#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/map.h"
#include "mail/header.h"

struct entry {
	TAILQ_ENTRY(entry) link;
	struct sent sent;
	uint8_t id[CRYPT_DIGEST];
	int64_t since;
};

struct sentlog {
	struct crypt_key key;
	struct map *by_id;                    /* owned; of struct entry */
	TAILQ_HEAD(entry_list, entry) by_age; /* the oldest first */
	size_t bytes;
};

struct sentlog *
sentlog_new(const struct crypt_key *key)
{
	struct sentlog *l;

	if ((l = calloc(1, sizeof(*l))) == NULL)
		return (NULL);
	l->key = *key;
	TAILQ_INIT(&l->by_age);
	if ((l->by_id = map_new(NULL)) == NULL) {
		sentlog_free(l);
		return (NULL);
	}
	return (l);
}

static struct str
id_str(const uint8_t id[CRYPT_DIGEST])
{
	return (str_of((const char *)id, CRYPT_DIGEST));
}

static void
drop_text(struct sentlog *l, struct entry *e)
{
	if (e->sent.text != NULL)
		l->bytes -= blob_len(e->sent.text);
	blob_unref(e->sent.text);
	e->sent.text = NULL;
}

static void
entry_free(struct sentlog *l, struct entry *e)
{
	drop_text(l, e);
	(void)map_del(l->by_id, id_str(e->id));
	TAILQ_REMOVE(&l->by_age, e, link);
	free(e);
}

void
sentlog_free(struct sentlog *l)
{
	struct entry *e;

	if (l == NULL)
		return;
	while ((e = TAILQ_FIRST(&l->by_age)) != NULL)
		entry_free(l, e);
	map_free(l->by_id);
	crypt_key_wipe(&l->key);
	free(l);
}

static void
put_value(struct buf *out, struct field f)
{
	size_t i;

	buf_putc(out, '\n');
	for (i = 0; i < f.value.len; i++)
		if (f.value.p[i] > ' ' && f.value.p[i] <= '~')
			buf_putc(out, f.value.p[i]);
}

/* The name of a mail: anybody may use a Message-ID again, so it is that with
 * the date, the author and whom it names.  -1: it has none. */
static int
make_id(const struct sentlog *l, struct str account, struct str mail,
    uint8_t id[CRYPT_DIGEST])
{
	static const char *const more[] = {"Date", "From", "To", "Cc"};
	struct field f;
	struct buf all;
	size_t i;
	int rc = -1;

	if (!header_find(mail, "Message-ID", &f))
		return (-1);
	buf_init(&all, LIMIT_RECORD);
	buf_str(&all, account);
	put_value(&all, f);
	if (all.len > account.len + 1) {
		for (i = 0; i < sizeof(more) / sizeof(more[0]); i++)
			if (header_find(mail, more[i], &f)) {
				buf_puts(&all, more[i]);
				put_value(&all, f);
			}
		if (!all.failed)
			rc = crypt_hmac(&l->key, buf_text(&all), id);
	}
	buf_clear(&all);
	return (rc);
}

static void
expire(struct sentlog *l, int64_t wall)
{
	struct entry *e;

	while ((e = TAILQ_FIRST(&l->by_age)) != NULL &&
	       (e->since < wall - SENTLOG_KEEP_S ||
	           map_count(l->by_id) > SENTLOG_MAX))
		entry_free(l, e);
}

/* Make room for so many bytes: the oldest texts go, what is known of their
 * mails stays. */
static void
shrink(struct sentlog *l, size_t more)
{
	struct entry *e;

	TAILQ_FOREACH (e, &l->by_age, link) {
		if (l->bytes + more <= SENTLOG_BYTES)
			return;
		drop_text(l, e);
	}
}

void
sentlog_put(struct sentlog *l, struct str account, struct str mail, bool sealed,
    struct blob *text, int64_t wall)
{
	uint8_t id[CRYPT_DIGEST];
	struct entry *e;

	if (make_id(l, account, mail, id) == -1)
		return;
	if ((e = map_get(l->by_id, id_str(id))) != NULL) {
		/* Sent twice: sealed if it was once. */
		sealed |= e->sent.sealed;
		entry_free(l, e);
	}
	if ((e = calloc(1, sizeof(*e))) == NULL)
		return;
	e->sent.sealed = sealed;
	e->since = wall;
	memcpy(e->id, id, sizeof(id));
	if (map_put(l->by_id, id_str(id), e) == -1) {
		free(e);
		return;
	}
	if (text != NULL && blob_len(text) <= SENTLOG_BYTES) {
		shrink(l, blob_len(text));
		e->sent.text = blob_ref(text);
		l->bytes += blob_len(text);
	}
	TAILQ_INSERT_TAIL(&l->by_age, e, link);
	expire(l, wall);
}

const struct sent *
sentlog_get(struct sentlog *l, struct str account, struct str mail,
    int64_t wall)
{
	uint8_t id[CRYPT_DIGEST];
	const struct entry *e;

	expire(l, wall);
	if (make_id(l, account, mail, id) == -1 ||
	    (e = map_get(l->by_id, id_str(id))) == NULL)
		return (NULL);
	return (&e->sent);
}

void
sentlog_done(struct sentlog *l, const struct sent *sent)
{
	struct entry *e;

	TAILQ_FOREACH (e, &l->by_age, link)
		if (&e->sent == sent) {
			entry_free(l, e);
			return;
		}
}

size_t
sentlog_bytes(const struct sentlog *l)
{
	return (l->bytes);
}
