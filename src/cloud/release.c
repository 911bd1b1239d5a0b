#include "config.h"

#include "cloud/release.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "acme/object.h"
#include "base/limits.h"
#include "base/num.h"
#include "sys/crypt.h"
#include "sys/fault.h"

/*
 * In the store:
 *	released/MAILBOX	how many entries there are, in decimal
 *	release/MAILBOX/N	entry N, ten digits: its 32 bytes of hash, and
 *				the string that was hashed
 */
#define SIZE_TABLE  "released"
#define ENTRY_TABLE "release"

/* Ten digits hold more than a device can ask for. */
#define RELEASES_MAX UINT64_C(9999999999)
#define NAME_MAX_LEN (LIMIT_ADDRESS + 16)
#define ENTRY_MAX    2048

static int
entry_name(struct str mailbox, uint64_t n, char name[NAME_MAX_LEN],
    struct err *err)
{
	if (mailbox.len <= LIMIT_ADDRESS && n <= RELEASES_MAX) {
		(void)snprintf(name, NAME_MAX_LEN, "%.*s/%010" PRIu64,
		    (int)mailbox.len, mailbox.p, n);
		return (0);
	}
	err_set(err, ERR_LIMIT, "no place in the release log");
	return (-1);
}

static int
damaged(struct err *err)
{
	err_set(err, ERR_CRYPTO, "a release log in the store was changed");
	return (-1);
}

/* Entry n as it is kept, and its hash. */
static int
load(struct store *s, struct str mailbox, uint64_t n, struct buf *out,
    uint8_t hash[KMS_HASH], struct err *err)
{
	char name[NAME_MAX_LEN];
	int rc;

	buf_reset(out);
	if (entry_name(mailbox, n, name, err) != 0 ||
	    (rc = store_get(s, ENTRY_TABLE, str_c(name), out, err)) < 0)
		return (-1);
	if (rc == 0 || out->failed || out->len <= KMS_HASH)
		return (damaged(err));
	memcpy(hash, out->data, KMS_HASH);
	buf_drop(out, KMS_HASH);
	return (0);
}

static int
load_size(struct store *s, struct str mailbox, uint64_t *size, struct err *err)
{
	struct buf text;
	int rc;

	*size = 0;
	buf_init(&text, 32);
	if ((rc = store_get(s, SIZE_TABLE, mailbox, &text, err)) == 1)
		rc = num_parse(buf_text(&text), RELEASES_MAX, size)
		         ? 0
		         : damaged(err);
	buf_clear(&text);
	return (rc);
}

/* The head behind the first n entries. */
static int
head_at(struct store *s, struct str mailbox, uint64_t n, struct kms_head *head,
    struct err *err)
{
	struct buf entry;
	int rc = 0;

	memset(head, 0, sizeof(*head));
	head->size = n;
	if (n == 0)
		return (0);
	buf_init(&entry, KMS_HASH + ENTRY_MAX);
	rc = load(s, mailbox, n - 1, &entry, head->hash, err);
	buf_clear(&entry);
	return (rc);
}

int
release_head(struct store *s, struct str mailbox, struct kms_head *head,
    struct err *err)
{
	uint64_t size;

	if (load_size(s, mailbox, &size, err) != 0)
		return (-1);
	return (head_at(s, mailbox, size, head, err));
}

static int
write_entry(uint64_t n, const struct release *r, struct buf *out,
    struct err *err)
{
	json_t *o;
	int rc = -1;

	o = json_pack("{s:I, s:s, s:s, s:s%, s:s, s:I}", "n", (json_int_t)n,
	    "time", r->time, "what", r->what, "account", r->account.p,
	    r->account.len, "transport", r->transport, "keys",
	    (json_int_t)r->keys);
	if (o != NULL)
		rc = acme_json_put(o, out);
	json_decref(o);
	if (rc == 0 && !out->failed)
		return (0);
	err_set(err, ERR_MEMORY, "no memory for a release log");
	return (-1);
}

int
release_add(struct store *s, struct str mailbox, const struct release *r,
    struct err *err)
{
	char name[NAME_MAX_LEN], size[24];
	struct buf entry, record;
	struct kms_head head;
	int rc = -1;

	buf_init(&entry, ENTRY_MAX);
	buf_init(&record, KMS_HASH + ENTRY_MAX);
	if (release_head(s, mailbox, &head, err) != 0 ||
	    entry_name(mailbox, head.size, name, err) != 0 ||
	    write_entry(head.size, r, &entry, err) != 0)
		goto out;
	if (FAULT("cloud.kms.log") ||
	    kms_log_step(&head, buf_text(&entry)) != 0) {
		err_set(err, ERR_CRYPTO, "cannot hash the release log");
		goto out;
	}
	buf_put(&record, head.hash, KMS_HASH);
	buf_str(&record, buf_text(&entry));
	(void)snprintf(size, sizeof(size), "%" PRIu64, head.size);
	if (store_put(s, ENTRY_TABLE, str_c(name), buf_text(&record), err) ==
	        0 &&
	    store_put(s, SIZE_TABLE, mailbox, str_c(size), err) == 0)
		rc = 0;
out:
	buf_clear(&entry);
	buf_clear(&record);
	return (rc);
}

/* Entry number head->size into the arena, and the head one further. */
static int
read_one(struct store *s, struct str mailbox, struct arena *arena,
    struct kms_head *head, struct str *out, struct err *err)
{
	uint8_t hash[KMS_HASH];
	struct buf entry;
	int rc;

	buf_init(&entry, KMS_HASH + ENTRY_MAX);
	rc = load(s, mailbox, head->size, &entry, hash, err);
	if (rc == 0 && (kms_log_step(head, buf_text(&entry)) != 0 ||
	                   !crypt_equal(hash, head->hash, KMS_HASH)))
		rc = damaged(err);
	if (rc == 0) {
		*out = arena_str(arena, buf_text(&entry));
		if (out->p == NULL) {
			err_set(err, ERR_MEMORY, "the release log is too long");
			rc = -1;
		}
	}
	buf_clear(&entry);
	return (rc);
}

int
release_read(struct store *s, struct str mailbox, uint64_t from, size_t max,
    struct arena *arena, struct str **log, size_t *n, struct kms_head *head,
    struct err *err)
{
	uint64_t size;
	size_t i;

	if (load_size(s, mailbox, &size, err) != 0)
		return (-1);
	if (from > size)
		from = size;
	*n = size - from < max ? (size_t)(size - from) : max;
	*log = arena_array(arena, *n, sizeof(**log));
	if (*log == NULL && *n > 0) {
		err_set(err, ERR_MEMORY, "the release log is too long");
		return (-1);
	}
	if (head_at(s, mailbox, from, head, err) != 0)
		return (-1);
	for (i = 0; i < *n; i++)
		if (read_one(s, mailbox, arena, head, &(*log)[i], err) != 0)
			return (-1);
	return (0);
}
