/* waxwing-cloudd rekey: another key for the hosted keys. */

#include "config.h"

#include "cloud/rekey.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/codec.h"
#include "cloud/hosted.h"
#include "sys/fault.h"
#include "sys/sandbox.h"

#define PATH_LEN 4096

/* The digest of a key, as hex. */
#define KEK_ID (2 * CRYPT_DIGEST + 1)

/* All certificates of one mailbox. */
#define MAILBOX_ARENA (8UL * 1024 * 1024)

static void
path_of(const struct conf *c, const char *name, char path[PATH_LEN])
{
	(void)snprintf(path, PATH_LEN, "%s/%s",
	    conf_str(c, "cloud", "state_dir"), name);
}

int
rekey_lock(const struct conf *c, struct err *err)
{
	char path[PATH_LEN];
	int fd;

	path_of(c, "lock", path);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0)
		return (fd);
	if (fd >= 0 && errno == EWOULDBLOCK)
		err_set(err, ERR_DENIED, "another waxwing-cloudd uses %s",
		    conf_str(c, "cloud", "state_dir"));
	else
		err_set(err, ERR_IO, "%s: %s", path, strerror(errno));
	if (fd >= 0)
		(void)close(fd);
	return (-1);
}

/* What the store remembers of a key, and nobody gets back from it. */
static int
id_of(const struct crypt_key *kek, char id[KEK_ID], struct err *err)
{
	uint8_t digest[CRYPT_DIGEST];

	if (crypt_hmac(kek, STR("waxwing key-encryption key"), digest) != 0) {
		err_set(err, ERR_CRYPTO, "cannot compute a digest");
		return (-1);
	}
	hex_encode(digest, sizeof(digest), id);
	return (0);
}

/* The file of the new key takes the place of the old one's. */
static int
put_in_place(const struct conf *c, struct err *err)
{
	char from[PATH_LEN], to[PATH_LEN];
	int fd, rc = -1;

	path_of(c, "kek.new", from);
	path_of(c, "kek", to);
	fd = open(conf_str(c, "cloud", "state_dir"), O_RDONLY | O_CLOEXEC);
	if (fd >= 0 && rename(from, to) == 0 && fsync(fd) == 0)
		rc = 0;
	else
		err_set(err, ERR_IO, "cannot rename %s: %s", from,
		    strerror(errno));
	if (fd >= 0)
		(void)close(fd);
	return (rc);
}

/* Is it the key of the store?  1 (also if the store knows of none), 0, -1. */
static int
is_of_store(struct cloud *c, const struct crypt_key *kek, struct err *err)
{
	char id[KEK_ID];
	struct buf b;
	int rc;

	if (id_of(kek, id, err) != 0)
		return (-1);
	buf_init(&b, KEK_ID);
	if ((rc = store_get(c->store, "meta", STR("kek"), &b, err)) == 0)
		rc = 1;
	else if (rc == 1)
		rc = str_eq(buf_text(&b), str_c(id)) ? 1 : 0;
	buf_clear(&b);
	return (rc);
}

int
rekey_settle(struct cloud *c, struct err *err)
{
	struct crypt_key other;
	char path[PATH_LEN];
	int rc;

	if ((rc = is_of_store(c, &c->keys.kek, err)) != 0)
		return (rc > 0 ? 0 : -1);
	path_of(c->conf, "kek.new", path);
	if (crypt_key_load(path, false, &other, err) == 0) {
		rc = is_of_store(c, &other, err);
		if (rc == 1 && (rc = put_in_place(c->conf, err)) == 0) {
			c->keys.kek = other;
			crypt_key_wipe(&other);
			return (0);
		}
		crypt_key_wipe(&other);
		if (rc < 0)
			return (-1);
	} else if (err->code != ERR_NOTFOUND)
		return (-1);
	err_set(err, ERR_CRYPTO,
	    "the file kek is not the key of this store: it was replaced");
	return (-1);
}

/* --- replacing --- */

/* All mailboxes with hosted keys; nothing may be written while walking. */
struct names {
	struct str *names; /* owned, each too */
	size_t n, cap;
};

static int
on_mailbox(struct str id, struct str value, void *arg)
{
	struct names *v = arg;
	struct str *more;
	char *copy;

	(void)value;
	if (v->n == v->cap) {
		more = realloc(v->names, (2 * v->cap + 64) * sizeof(more[0]));
		if (more == NULL)
			return (1);
		v->names = more;
		v->cap = 2 * v->cap + 64;
	}
	if ((copy = malloc(id.len)) == NULL)
		return (1);
	memcpy(copy, id.p, id.len);
	v->names[v->n++] = str_of(copy, id.len);
	return (0);
}

static void
names_clear(struct names *v)
{
	while (v->n > 0)
		free((char *)(uintptr_t)v->names[--v->n].p);
	free(v->names);
}

static int
on_count(struct str id, struct str value, void *arg)
{
	size_t *n = arg;

	(void)id;
	(void)value;
	(*n)++;
	return (0);
}

/* Walk twice: what memory cut off must not look like the end. */
static int
list_mailboxes(struct cloud *c, struct names *v, struct err *err)
{
	size_t n = 0;

	if (store_walk(c->store, HOSTED_TABLE, STR(""), on_mailbox, v, err) !=
	        0 ||
	    store_walk(c->store, HOSTED_TABLE, STR(""), on_count, &n, err) != 0)
		return (-1);
	if (n == v->n)
		return (0);
	err_set(err, ERR_MEMORY, "no memory for so many mailboxes");
	return (-1);
}

static int
reseal_mailbox(struct cloud *c, struct str mailbox, const struct crypt_key *to,
    struct err *err)
{
	struct arena arena;
	struct hosted h;
	int rc;

	arena_init(&arena, MAILBOX_ARENA);
	if ((rc = hosted_load(c, mailbox, &arena, &h, err)) == 0)
		rc = hosted_reseal(c, &h, to, err);
	arena_clear(&arena);
	return (rc);
}

static int
reseal_all(struct cloud *c, const struct crypt_key *to, struct err *err)
{
	struct names v = {NULL, 0, 0};
	char id[KEK_ID];
	size_t i = 0;
	int rc = -1;

	if (list_mailboxes(c, &v, err) == 0 && id_of(to, id, err) == 0 &&
	    store_begin(c->store, err) == 0) {
		while (i < v.n && reseal_mailbox(c, v.names[i], to, err) == 0)
			i++;
		if (i == v.n && store_put(c->store, "meta", STR("kek"),
		                    str_c(id), err) == 0)
			rc = store_commit(c->store, err);
		store_abort(c->store);
	}
	if (rc == 0)
		(void)printf("%zu mailboxes\n", v.n);
	names_clear(&v);
	return (rc);
}

static int
replace(struct cloud *c, struct err *err)
{
	struct crypt_key to;
	char path[PATH_LEN];
	int rc;

	path_of(c->conf, "kek.new", path);
	if (crypt_key_load(path, true, &to, err) != 0)
		return (-1);
	(void)FAULT("cloud.rekey.made");
	if ((rc = reseal_all(c, &to, err)) == 0) {
		(void)FAULT("cloud.rekey.stored");
		rc = put_in_place(c->conf, err);
	}
	crypt_key_wipe(&to);
	return (rc);
}

int
cloud_rekey(struct conf *conf, struct err *err)
{
	struct cloud c;
	int rc = -1;

	memset(&c, 0, sizeof(c));
	c.conf = conf;
	c.lock = -1;
	if (sandbox_drop(conf_str(conf, "cloud", "user"), err) == 0 &&
	    (c.lock = rekey_lock(conf, err)) >= 0 &&
	    cloud_keys_load(&c.keys, conf, err) == 0 &&
	    (c.store = cloud_store(conf, err)) != NULL &&
	    rekey_settle(&c, err) == 0)
		rc = replace(&c, err);
	store_close(c.store);
	cloud_keys_clear(&c.keys);
	if (c.lock >= 0)
		(void)close(c.lock);
	return (rc);
}
