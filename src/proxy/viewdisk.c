#include "config.h"

#include "proxy/viewdisk.h"

#include <sys/queue.h>
#include <sys/stat.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/codec.h"
#include "base/limits.h"
#include "base/map.h"
#include "proto/rec.h"
#include "proxy/turn.h"
#include "sys/fault.h"
#include "sys/log.h"
#include "sys/memfd.h"

#define FORMAT 2

/* Plain bytes of one piece, and what is done in one go. */
#define PIECE (512UL * 1024)

/* What crypt_seal() adds: nonce and tag. */
#define SEAL_MORE 28

/* The record in front: format, length, digest. */
#define HEAD_PLAIN (4 + 8 + CRYPT_DIGEST)
#define HEAD_LEN   (HEAD_PLAIN + SEAL_MORE)

/* Views that wait to be written. */
#define QUEUE_MAX (128UL * 1024 * 1024)

/* Hex digits of a key; a file being written has a letter in front. */
#define NAME_LEN      (2 * CRYPT_DIGEST)
#define NAME_TMP      't'
#define NAME_MAX_HERE (1 + NAME_LEN + 1)

struct entry {
	TAILQ_ENTRY(entry) next;
	struct seen_key key;
	uint64_t size;
	int64_t used; /* when the directory was read */
};
TAILQ_HEAD(entry_list, entry);

/* A view on its way to (fn NULL) or from the disk. */
struct viewload {
	TAILQ_ENTRY(viewload) next;
	struct viewdisk *vd;
	struct seen_key key;
	struct crypt_key file_key;
	uint8_t digest[CRYPT_DIGEST];
	int fd; /* owned; -1: not yet open */
	uint32_t piece;
	uint64_t done; /* plain bytes */
	uint64_t size;
	struct blob *text;  /* owned; being written */
	struct memfd *body; /* owned; being read */
	viewdisk_fn *fn;
	void *arg;
};
TAILQ_HEAD(viewload_list, viewload);

struct viewdisk {
	int dir; /* owned */
	struct crypt_key key;
	struct event *step;    /* owned */
	struct map *by_key;    /* owned: key -> struct entry */
	struct entry_list all; /* the one used last in front */
	struct viewload_list gets;
	struct viewload_list puts;
	uint64_t waiting; /* bytes to be written */
	uint64_t limit;
	uint64_t bytes;
};

static struct str
key_str(const struct seen_key *k)
{
	return (str_of((const char *)k->k, sizeof(k->k)));
}

static const char *
file_name(const struct seen_key *k, bool tmp, char out[NAME_MAX_HERE])
{
	size_t at = 0;

	if (tmp)
		out[at++] = NAME_TMP;
	hex_encode(k->k, sizeof(k->k), out + at);
	return (out);
}

static void
entry_drop(struct viewdisk *vd, struct entry *e)
{
	struct seen_key key = e->key;
	char name[NAME_MAX_HERE];

	(void)unlinkat(vd->dir, file_name(&key, false, name), 0);
	TAILQ_REMOVE(&vd->all, e, next);
	vd->bytes -= e->size;
	map_del(vd->by_key, key_str(&key)); /* frees it */
}

/* Beyond the limit the oldest go. */
static void
trim(struct viewdisk *vd)
{
	struct entry *e;

	while (vd->bytes > vd->limit &&
	       (e = TAILQ_LAST(&vd->all, entry_list)) != NULL)
		entry_drop(vd, e);
}

/* A file is there. */
static struct entry *
entry_add(struct viewdisk *vd, const struct seen_key *k, uint64_t size)
{
	struct entry *e;

	if ((e = map_get(vd->by_key, key_str(k))) != NULL) {
		TAILQ_REMOVE(&vd->all, e, next);
		vd->bytes -= e->size;
	} else if ((e = calloc(1, sizeof(*e))) == NULL)
		return (NULL);
	else if (map_put(vd->by_key, key_str(k), e) == -1) {
		free(e);
		return (NULL);
	}
	e->key = *k;
	e->size = size;
	vd->bytes += size;
	TAILQ_INSERT_HEAD(&vd->all, e, next);
	return (e);
}

static void
load_free(struct viewload *l)
{
	if (l->fd != -1)
		close(l->fd);
	if (l->fn == NULL)
		l->vd->waiting -= l->size;
	blob_unref(l->text);
	memfd_free(l->body);
	crypt_key_wipe(&l->file_key);
	free(l);
}

static void
step_soon(struct viewdisk *vd)
{
	if (!TAILQ_EMPTY(&vd->gets) || !TAILQ_EMPTY(&vd->puts))
		turn_later(vd->step);
}

/* Each view has a key of its own: no piece of another one fits, be it an
 * earlier one of the same message. */
static struct viewload *
load_new(struct viewdisk *vd, const struct seen_key *k,
    const uint8_t digest[CRYPT_DIGEST])
{
	char what[2 * CRYPT_DIGEST];
	struct viewload *l;

	if ((l = calloc(1, sizeof(*l))) == NULL)
		return (NULL);
	l->vd = vd;
	l->key = *k;
	l->fd = -1;
	memcpy(l->digest, digest, sizeof(l->digest));
	memcpy(what, k->k, CRYPT_DIGEST);
	memcpy(what + CRYPT_DIGEST, digest, CRYPT_DIGEST);
	if (crypt_derive(&vd->key, "view", str_of(what, sizeof(what)),
	        &l->file_key) == -1) {
		free(l);
		return (NULL);
	}
	return (l);
}

/* What binds a piece to its place: 0 is the head. */
static struct str
place(const struct viewload *l, uint32_t n, char out[CRYPT_DIGEST + 4])
{
	memcpy(out, l->key.k, CRYPT_DIGEST);
	out[CRYPT_DIGEST] = (char)(n >> 24);
	out[CRYPT_DIGEST + 1] = (char)(n >> 16);
	out[CRYPT_DIGEST + 2] = (char)(n >> 8);
	out[CRYPT_DIGEST + 3] = (char)n;
	return (str_of(out, CRYPT_DIGEST + 4));
}

static int
io_err(struct err *err, const char *what)
{
	err_set(err, ERR_IO, "views: %s: %s", what, strerror(errno));
	return (-1);
}

static int
write_piece(struct viewload *l, struct str plain, struct err *err)
{
	char where[CRYPT_DIGEST + 4];
	struct buf b;
	ssize_t n;
	size_t at;
	int rc;

	buf_init(&b, PIECE + SEAL_MORE);
	rc = crypt_seal(&l->file_key, place(l, l->piece++, where), plain, &b,
	    err);
	for (at = 0; rc == 0 && at < b.len; at += (size_t)n) {
		n = write(l->fd, b.data + at, b.len - at);
		if (n == -1 && errno == EINTR)
			n = 0;
		else if (n <= 0)
			rc = io_err(err, "write");
	}
	buf_clear(&b);
	return (rc);
}

/* The next piece into plain (emptied first); its length is known. */
static int
read_piece(struct viewload *l, size_t len, struct buf *plain, struct err *err)
{
	char where[CRYPT_DIGEST + 4];
	struct buf b;
	char *to;
	int rc = -1;

	len += SEAL_MORE;
	buf_init(&b, len);
	buf_reset(plain);
	if ((to = buf_room(&b, len)) == NULL)
		err_set(err, ERR_MEMORY, "out of memory");
	else if (read(l->fd, to, len) != (ssize_t)len)
		err_set(err, ERR_SYNTAX, "a view is cut off");
	else
		rc = crypt_open(&l->file_key, place(l, l->piece++, where),
		    str_of(to, len), plain, err);
	buf_clear(&b);
	return (rc);
}

static int
write_head(struct viewload *l, struct err *err)
{
	char name[NAME_MAX_HERE];
	struct buf b;
	int rc;

	l->fd = openat(l->vd->dir, file_name(&l->key, true, name),
	    O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (l->fd == -1)
		return (io_err(err, "open"));
	buf_init(&b, HEAD_PLAIN);
	rec_put_u32(&b, FORMAT);
	rec_put_u64(&b, l->size);
	rec_put_bytes(&b, l->digest, sizeof(l->digest));
	rc = write_piece(l, buf_text(&b), err);
	buf_clear(&b);
	return (rc);
}

static int
read_head(struct viewload *l, struct err *err)
{
	uint8_t digest[CRYPT_DIGEST];
	char name[NAME_MAX_HERE];
	struct buf b;
	struct rec r;
	int rc;

	l->fd = openat(l->vd->dir, file_name(&l->key, false, name),
	    O_RDONLY | O_CLOEXEC);
	if (l->fd == -1)
		return (io_err(err, "open"));
	buf_init(&b, HEAD_PLAIN);
	if ((rc = read_piece(l, HEAD_PLAIN, &b, err)) == 0) {
		rec_init(&r, buf_text(&b));
		rc = rec_get_u32(&r) == FORMAT ? 0 : -1;
		l->size = rec_get_u64(&r);
		rec_get_bytes(&r, digest, sizeof(digest));
		if (rc == -1 || rec_end(&r, NULL) == -1 ||
		    !crypt_equal(digest, l->digest, sizeof(digest)) ||
		    l->size > LIMIT_MESSAGE * LIMIT_OPEN_GROWTH) {
			err_set(err, ERR_SYNTAX, "it is another view");
			rc = -1;
		}
	}
	buf_clear(&b);
	if (rc == 0 && (l->body = memfd_new((size_t)l->size, err)) == NULL)
		rc = -1;
	return (rc);
}

static int
put_end(struct viewload *l, struct err *err)
{
	char from[NAME_MAX_HERE], to[NAME_MAX_HERE];
	struct viewdisk *vd = l->vd;

	if (renameat(vd->dir, file_name(&l->key, true, from), vd->dir,
	        file_name(&l->key, false, to)) == -1)
		return (io_err(err, "rename"));
	if (entry_add(vd, &l->key, l->size + HEAD_LEN + l->piece * SEAL_MORE) ==
	    NULL) {
		(void)unlinkat(vd->dir, to, 0);
		err_set(err, ERR_MEMORY, "out of memory");
		return (-1);
	}
	trim(vd);
	return (0);
}

/* One piece more.  1: it is whole; 0; -1. */
static int
put_step(struct viewload *l, struct err *err)
{
	size_t n = PIECE;

	if (l->fd == -1 && write_head(l, err) == -1)
		return (-1);
	if (n > l->size - l->done)
		n = (size_t)(l->size - l->done);
	if (n > 0 &&
	    write_piece(l, str_of(blob_data(l->text) + l->done, n), err) == -1)
		return (-1);
	l->done += n;
	if (l->done < l->size)
		return (0);
	return (put_end(l, err) == -1 ? -1 : 1);
}

static int
get_step(struct viewload *l, struct err *err)
{
	size_t n = PIECE;
	struct buf plain;
	int rc = 0;

	if (l->fd == -1 && read_head(l, err) == -1)
		return (-1);
	if (n > l->size - l->done)
		n = (size_t)(l->size - l->done);
	buf_init(&plain, PIECE);
	if (n > 0 && (read_piece(l, n, &plain, err) == -1 ||
	                 memfd_put(l->body, plain.data, n, err) == -1))
		rc = -1;
	buf_wipe(&plain);
	l->done += n;
	return (rc == -1 ? -1 : l->done == l->size);
}

/* Some of what waits to be written. */
static void
put_some(struct viewdisk *vd)
{
	struct viewload *l = TAILQ_FIRST(&vd->puts);
	char name[NAME_MAX_HERE];
	struct err err;
	int rc;

	if ((rc = put_step(l, &err)) == 0)
		return;
	if (rc == -1) {
		log_warn("views reason=%s", log_str(str_c(err.text)));
		(void)unlinkat(vd->dir, file_name(&l->key, true, name), 0);
	} else
		log_debug("views kept=%zu", blob_len(l->text));
	TAILQ_REMOVE(&vd->puts, l, next);
	load_free(l);
}

/* It was read, or cannot be: tell the asker. */
static void
get_end(struct viewload *l, const struct err *why)
{
	struct viewdisk *vd = l->vd;
	struct blob *text = NULL;
	struct entry *e;
	struct err err;

	TAILQ_REMOVE(&vd->gets, l, next);
	if (why == NULL) {
		text = memfd_take(l->body, &err);
		l->body = NULL;
		why = &err;
		(void)futimens(l->fd, NULL);
	}
	e = map_get(vd->by_key, key_str(&l->key));
	if (e != NULL && text != NULL) {
		TAILQ_REMOVE(&vd->all, e, next);
		TAILQ_INSERT_HEAD(&vd->all, e, next);
	} else if (e != NULL)
		entry_drop(vd, e);
	l->fn(text, text != NULL ? NULL : why, l->arg);
	blob_unref(text);
	load_free(l);
}

static void
on_step(evutil_socket_t fd, short what, void *arg)
{
	struct viewdisk *vd = arg;
	struct viewload *l;
	struct err err;
	size_t done = 0;
	int rc;

	(void)fd;
	(void)what;
	if (!TAILQ_EMPTY(&vd->gets) && FAULT("views.load")) {
		evtimer_add(vd->step, &(struct timeval){.tv_usec = 20000});
		return;
	}
	/* Those who wait come first. */
	while (done < PIECE && (l = TAILQ_FIRST(&vd->gets)) != NULL) {
		if ((rc = get_step(l, &err)) == 0)
			break;
		done += l->size < PIECE ? (size_t)l->size : PIECE;
		get_end(l, rc == -1 ? &err : NULL);
	}
	if (done == 0 && TAILQ_EMPTY(&vd->gets) && !TAILQ_EMPTY(&vd->puts))
		put_some(vd);
	step_soon(vd);
}

/* Hex digits to a key. */
static bool
key_of_name(const char *name, struct seen_key *k)
{
	return (strlen(name) == NAME_LEN &&
	        hex_decode(str_of(name, NAME_LEN), k->k, sizeof(k->k)) == 0);
}

static int
newer(const void *a, const void *b)
{
	const struct entry *x = *(struct entry *const *)a;
	const struct entry *y = *(struct entry *const *)b;

	return ((x->used < y->used) - (x->used > y->used));
}

/* The order of use is that of the files' times. */
static int
sort_entries(struct viewdisk *vd)
{
	size_t n = map_count(vd->by_key), i = 0;
	struct entry **list, *e;

	if ((list = calloc(n + 1, sizeof(struct entry *))) == NULL)
		return (-1);
	while ((e = TAILQ_FIRST(&vd->all)) != NULL) {
		TAILQ_REMOVE(&vd->all, e, next);
		list[i++] = e;
	}
	qsort(list, n, sizeof(struct entry *), newer);
	for (i = 0; i < n; i++)
		TAILQ_INSERT_TAIL(&vd->all, list[i], next);
	free(list);
	return (0);
}

/* What an earlier run left; what is not whole goes. */
static int
read_dir(struct viewdisk *vd, struct err *err)
{
	struct seen_key key;
	struct dirent *de;
	struct entry *e;
	struct stat st;
	DIR *d;
	int fd;

	if ((fd = dup(vd->dir)) == -1 || (d = fdopendir(fd)) == NULL) {
		if (fd != -1)
			close(fd);
		return (io_err(err, "read"));
	}
	while ((de = readdir(d)) != NULL) {
		if (de->d_name[0] == '.')
			continue;
		if (!key_of_name(de->d_name, &key) ||
		    fstatat(vd->dir, de->d_name, &st, AT_SYMLINK_NOFOLLOW) ==
		        -1 ||
		    !S_ISREG(st.st_mode) ||
		    (e = entry_add(vd, &key, (uint64_t)st.st_size)) == NULL)
			(void)unlinkat(vd->dir, de->d_name, 0);
		else
			e->used = st.st_mtime;
	}
	closedir(d);
	return (sort_entries(vd));
}

static int
open_dir(const char *state_dir)
{
	char path[4096];
	int n = snprintf(path, sizeof(path), "%s/views", state_dir);

	if (n < 0 || (size_t)n >= sizeof(path))
		return (-1);
	(void)mkdir(path, 0700);
	return (open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW));
}

struct viewdisk *
viewdisk_open(struct event_base *base, const char *state_dir,
    const struct crypt_key *key, struct err *err)
{
	struct viewdisk *vd;

	if ((vd = calloc(1, sizeof(*vd))) == NULL) {
		err_set(err, ERR_MEMORY, "out of memory");
		return (NULL);
	}
	TAILQ_INIT(&vd->all);
	TAILQ_INIT(&vd->gets);
	TAILQ_INIT(&vd->puts);
	vd->limit = UINT64_MAX;
	vd->by_key = map_new(free);
	vd->step = evtimer_new(base, on_step, vd);
	if ((vd->dir = open_dir(state_dir)) == -1)
		(void)io_err(err, "directory");
	else if (vd->by_key == NULL || vd->step == NULL ||
	         crypt_derive(key, "views", STR(""), &vd->key) == -1)
		err_set(err, ERR_MEMORY, "out of memory");
	else if (read_dir(vd, err) == 0)
		return (vd);
	viewdisk_close(vd);
	return (NULL);
}

void
viewdisk_close(struct viewdisk *vd)
{
	struct viewload *l;
	char name[NAME_MAX_HERE];

	if (vd == NULL)
		return;
	while ((l = TAILQ_FIRST(&vd->gets)) != NULL) {
		TAILQ_REMOVE(&vd->gets, l, next);
		load_free(l);
	}
	while ((l = TAILQ_FIRST(&vd->puts)) != NULL) {
		if (l->fd != -1)
			(void)unlinkat(vd->dir, file_name(&l->key, true, name),
			    0);
		TAILQ_REMOVE(&vd->puts, l, next);
		load_free(l);
	}
	if (vd->step != NULL)
		event_free(vd->step);
	map_free(vd->by_key);
	if (vd->dir != -1)
		close(vd->dir);
	crypt_key_wipe(&vd->key);
	free(vd);
}

void
viewdisk_limit(struct viewdisk *vd, uint64_t bytes)
{
	if (vd == NULL)
		return;
	vd->limit = bytes;
	trim(vd);
}

bool
viewdisk_has(const struct viewdisk *vd, const struct seen_key *k)
{
	return (vd != NULL && map_get(vd->by_key, key_str(k)) != NULL);
}

void
viewdisk_put(struct viewdisk *vd, const struct seen_key *k,
    const uint8_t digest[CRYPT_DIGEST], struct blob *text)
{
	struct viewload *l;

	if (vd == NULL || blob_len(text) > vd->limit ||
	    (vd->waiting > 0 && vd->waiting + blob_len(text) > QUEUE_MAX) ||
	    (l = load_new(vd, k, digest)) == NULL)
		return;
	l->text = blob_ref(text);
	l->size = blob_len(text);
	vd->waiting += l->size;
	TAILQ_INSERT_TAIL(&vd->puts, l, next);
	step_soon(vd);
}

struct viewload *
viewdisk_get(struct viewdisk *vd, const struct seen_key *k,
    const uint8_t digest[CRYPT_DIGEST], viewdisk_fn *fn, void *arg)
{
	struct viewload *l;

	if (vd == NULL || (l = load_new(vd, k, digest)) == NULL)
		return (NULL);
	l->fn = fn;
	l->arg = arg;
	TAILQ_INSERT_TAIL(&vd->gets, l, next);
	step_soon(vd);
	return (l);
}

void
viewload_cancel(struct viewload *l)
{
	if (l == NULL)
		return;
	TAILQ_REMOVE(&l->vd->gets, l, next);
	load_free(l);
}

void
viewdisk_drop(struct viewdisk *vd, const struct seen_key *k)
{
	char name[NAME_MAX_HERE];
	struct viewload *l, *next;
	struct entry *e;

	if (vd == NULL)
		return;
	if ((e = map_get(vd->by_key, key_str(k))) != NULL)
		entry_drop(vd, e);
	for (l = TAILQ_FIRST(&vd->puts); l != NULL; l = next) {
		next = TAILQ_NEXT(l, next);
		if (memcmp(&l->key, k, sizeof(*k)) != 0)
			continue;
		(void)unlinkat(vd->dir, file_name(k, true, name), 0);
		TAILQ_REMOVE(&vd->puts, l, next);
		load_free(l);
	}
}

void
viewdisk_drop_all(struct viewdisk *vd)
{
	struct viewload *l;
	struct entry *e;

	if (vd == NULL)
		return;
	while ((l = TAILQ_FIRST(&vd->puts)) != NULL)
		viewdisk_drop(vd, &l->key);
	while ((e = TAILQ_FIRST(&vd->all)) != NULL)
		entry_drop(vd, e);
}

void
viewdisk_remove(const char *state_dir)
{
	char path[4096];
	struct dirent *de;
	int n = snprintf(path, sizeof(path), "%s/views", state_dir);
	DIR *d;

	if (n < 0 || (size_t)n >= sizeof(path) || (d = opendir(path)) == NULL)
		return;
	while ((de = readdir(d)) != NULL)
		if (de->d_name[0] != '.')
			(void)unlinkat(dirfd(d), de->d_name, 0);
	closedir(d);
	(void)rmdir(path);
}

uint64_t
viewdisk_bytes(const struct viewdisk *vd)
{
	return (vd != NULL ? vd->bytes : 0);
}

uint64_t
viewdisk_count(const struct viewdisk *vd)
{
	return (vd != NULL ? map_count(vd->by_key) : 0);
}
