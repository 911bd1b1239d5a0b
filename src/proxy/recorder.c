#include "config.h"

#include "proxy/recorder.h"

#include <sys/queue.h>

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/limits.h"
#include "base/map.h"

/* Recipients of one mail are kept as HMACs of their addresses. */
struct record {
	TAILQ_ENTRY(record) link;
	struct record_id id;
	int64_t since;
	uint8_t (*got)[CRYPT_DIGEST]; /* owned */
	size_t n;
};

struct recorder {
	struct crypt_key key;
	struct map *by_id;                      /* owned; of struct record */
	TAILQ_HEAD(record_list, record) by_age; /* the oldest first */
};

struct recorder *
recorder_new(const struct crypt_key *key)
{
	struct recorder *r;

	if ((r = calloc(1, sizeof(*r))) == NULL)
		return (NULL);
	r->key = *key;
	TAILQ_INIT(&r->by_age);
	if ((r->by_id = map_new(NULL)) == NULL) {
		recorder_free(r);
		return (NULL);
	}
	return (r);
}

static struct str
id_str(const struct record_id *id)
{
	return (str_of((const char *)id->digest, sizeof(id->digest)));
}

static void
record_free(struct recorder *r, struct record *rec)
{
	(void)map_del(r->by_id, id_str(&rec->id));
	TAILQ_REMOVE(&r->by_age, rec, link);
	free(rec->got);
	free(rec);
}

void
recorder_free(struct recorder *r)
{
	struct record *rec;

	if (r == NULL)
		return;
	while ((rec = TAILQ_FIRST(&r->by_age)) != NULL)
		record_free(r, rec);
	map_free(r->by_id);
	crypt_key_wipe(&r->key);
	free(r);
}

int
recorder_id(const struct recorder *r, struct str account, struct str sender,
    struct str text, struct record_id *id)
{
	uint8_t digest[CRYPT_DIGEST];
	struct buf all;
	int rc;

	if (crypt_sha256(text, digest) == -1)
		return (-1);
	buf_init(&all, LIMIT_SMTP_LINE);
	buf_str(&all, account);
	buf_putc(&all, '\0');
	buf_str(&all, sender);
	buf_putc(&all, '\0');
	buf_put(&all, digest, sizeof(digest));
	rc = all.failed ? -1 : crypt_hmac(&r->key, buf_text(&all), id->digest);
	buf_clear(&all);
	return (rc);
}

bool
recorder_empty(const struct recorder *r)
{
	return (TAILQ_EMPTY(&r->by_age));
}

static bool
record_has(const struct record *rec, const uint8_t digest[CRYPT_DIGEST])
{
	size_t i;

	for (i = 0; i < rec->n; i++)
		if (memcmp(rec->got[i], digest, CRYPT_DIGEST) == 0)
			return (true);
	return (false);
}

bool
recorder_has(const struct recorder *r, const struct record_id *id,
    struct str address)
{
	const struct record *rec = map_get(r->by_id, id_str(id));
	uint8_t digest[CRYPT_DIGEST];

	return (rec != NULL && crypt_hmac(&r->key, address, digest) == 0 &&
	        record_has(rec, digest));
}

/* Make room: what is too old, and the oldest if there are too many. */
static void
expire(struct recorder *r, int64_t wall)
{
	struct record *rec;

	while ((rec = TAILQ_FIRST(&r->by_age)) != NULL &&
	       (rec->since < wall - RECORDER_KEEP_S ||
	           map_count(r->by_id) >= RECORDER_MAX))
		record_free(r, rec);
}

static struct record *
record_for(struct recorder *r, const struct record_id *id, int64_t wall)
{
	struct record *rec;

	if ((rec = map_get(r->by_id, id_str(id))) != NULL)
		return (rec);
	expire(r, wall);
	if ((rec = calloc(1, sizeof(*rec))) == NULL)
		return (NULL);
	rec->id = *id;
	rec->since = wall;
	if (map_put(r->by_id, id_str(id), rec) == -1) {
		free(rec);
		return (NULL);
	}
	TAILQ_INSERT_TAIL(&r->by_age, rec, link);
	return (rec);
}

int
recorder_add(struct recorder *r, const struct record_id *id, struct str address,
    int64_t wall)
{
	uint8_t digest[CRYPT_DIGEST], (*got)[CRYPT_DIGEST];
	struct record *rec;

	if (crypt_hmac(&r->key, address, digest) == -1 ||
	    (rec = record_for(r, id, wall)) == NULL)
		return (-1);
	if (record_has(rec, digest))
		return (0);
	if (rec->n >= LIMIT_RCPTS ||
	    (got = reallocarray(rec->got, rec->n + 1, sizeof(*got))) == NULL)
		return (-1);
	rec->got = got;
	memcpy(got[rec->n++], digest, CRYPT_DIGEST);
	return (0);
}

void
recorder_drop(struct recorder *r, const struct record_id *id)
{
	struct record *rec = map_get(r->by_id, id_str(id));

	if (rec != NULL)
		record_free(r, rec);
}
