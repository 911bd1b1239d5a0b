#include "config.h"

#include "sys/memfd.h"

#include <sys/mman.h>
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ALL_SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

/* Small pieces (a line each) are gathered to this size before a write(2). */
#define STAGE (32UL * 1024)

struct memfd {
	int fd; /* owned */
	size_t len;
	size_t max;
	size_t staged;
	char stage[STAGE];
};

/* Kept bytes up to this are copied: a process may have 65530 mappings. */
#define COPY_MAX (64UL * 1024)

/* From so many bytes the descriptor is kept: to copy them takes 10 ms. */
#define KEEP_FD (16UL * 1024 * 1024)

/* What a blob's release needs. */
struct mapping {
	void *addr; /* NULL: nothing is mapped */
	size_t len;
	int fd; /* -1: none */
};

static void
mapping_release(void *arg)
{
	struct mapping *m = arg;

	if (m->addr != NULL)
		munmap(m->addr, m->len);
	if (m->fd != -1)
		close(m->fd);
	free(m);
}

/* Map a sealed memfd; swallows fd, which the blob has if it shall. */
static struct blob *
map_sealed(int fd, size_t len, bool with_fd, struct err *err)
{
	struct mapping *m;
	struct blob *b;
	void *addr = NULL;

	/* an empty file cannot be mapped */
	if (len > 0 && (addr = mmap(NULL, len, PROT_READ, MAP_PRIVATE, fd,
	                    0)) == MAP_FAILED) {
		err_set(err, ERR_IO, "cannot map a memfd: %s", strerror(errno));
		close(fd);
		return (NULL);
	}
	if ((m = malloc(sizeof(*m))) == NULL) {
		err_set(err, ERR_MEMORY, "out of memory");
		if (addr != NULL)
			munmap(addr, len);
		close(fd);
		return (NULL);
	}
	if (!with_fd) {
		close(fd);
		fd = -1;
	}
	m->addr = addr;
	m->len = len;
	m->fd = fd;
	if ((b = blob_wrap(addr, len, fd, mapping_release, m)) == NULL) {
		err_set(err, ERR_MEMORY, "out of memory");
		mapping_release(m);
	}
	return (b);
}

/* Not at the file's own position: who was shown the file shares that. */
static int
write_all(int fd, size_t at, const char *p, size_t n, struct err *err)
{
	ssize_t w;

	while (n > 0) {
		if ((w = pwrite(fd, p, n, (off_t)at)) == -1) {
			if (errno == EINTR)
				continue;
			err_set(err, ERR_IO, "cannot write a memfd: %s",
			    strerror(errno));
			return (-1);
		}
		p += w;
		at += (size_t)w;
		n -= (size_t)w;
	}
	return (0);
}

static int
flush(struct memfd *m, struct err *err)
{
	size_t n = m->staged;

	m->staged = 0;
	return (write_all(m->fd, m->len - n, m->stage, n, err));
}

struct memfd *
memfd_new(size_t max, struct err *err)
{
	struct memfd *m;

	if ((m = malloc(sizeof(*m))) == NULL) {
		err_set(err, ERR_MEMORY, "out of memory");
		return (NULL);
	}
	m->fd = memfd_create("waxwing", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (m->fd == -1) {
		err_set(err, ERR_IO, "cannot make a memfd: %s",
		    strerror(errno));
		free(m);
		return (NULL);
	}
	m->len = 0;
	m->max = max;
	m->staged = 0;
	return (m);
}

void
memfd_free(struct memfd *m)
{
	if (m == NULL)
		return;
	close(m->fd);
	explicit_bzero(m, sizeof(*m)); /* plain text was staged here */
	free(m);
}

int
memfd_put(struct memfd *m, const void *p, size_t n, struct err *err)
{
	if (n > m->max - m->len) {
		err_set(err, ERR_LIMIT, "larger than %zu bytes", m->max);
		return (-1);
	}
	if (n > STAGE - m->staged && flush(m, err) == -1)
		return (-1);
	if (n >= STAGE) {
		if (write_all(m->fd, m->len, p, n, err) == -1)
			return (-1);
	} else if (n > 0) {
		memcpy(m->stage + m->staged, p, n);
		m->staged += n;
	}
	m->len += n;
	return (0);
}

size_t
memfd_len(const struct memfd *m)
{
	return (m->len);
}

int
memfd_fd(const struct memfd *m)
{
	return (m->fd);
}

size_t
memfd_written(const struct memfd *m)
{
	return (m->len - m->staged);
}

/* Sealed, is it as long as what was written?  A page of a mapping that is not
 * there kills whoever reads it. */
static bool
is_whole(const struct memfd *m)
{
	struct stat st;

	return (fstat(m->fd, &st) == 0 && st.st_size >= 0 &&
	        (uintmax_t)st.st_size == m->len);
}

struct blob *
memfd_take(struct memfd *m, struct err *err)
{
	struct blob *b;

	if (flush(m, err) == -1) {
		memfd_free(m);
		return (NULL);
	}
	if (fcntl(m->fd, F_ADD_SEALS, ALL_SEALS) == -1) {
		err_set(err, ERR_IO, "cannot seal a memfd: %s",
		    strerror(errno));
		memfd_free(m);
		return (NULL);
	}
	if (!is_whole(m)) {
		err_set(err, ERR_PEER, "a memfd was tampered with");
		memfd_free(m);
		return (NULL);
	}
	b = map_sealed(m->fd, m->len, true, err);
	explicit_bzero(m, sizeof(*m));
	free(m);
	return (b);
}

struct blob *
memfd_copy(const void *p, size_t n, struct err *err)
{
	struct memfd *m;

	if ((m = memfd_new(n, err)) == NULL)
		return (NULL);
	if (memfd_put(m, p, n, err) == -1) {
		memfd_free(m);
		return (NULL);
	}
	return (memfd_take(m, err));
}

bool
memfd_is_sealed(int fd)
{
	int seals;

	/* only memfds (and shm files) have seals: anything else is EINVAL */
	return ((seals = fcntl(fd, F_GET_SEALS)) != -1 &&
	        (seals & ALL_SEALS) == ALL_SEALS);
}

struct blob *
memfd_receive(int fd, size_t max, struct err *err)
{
	struct stat st;

	if (!memfd_is_sealed(fd)) {
		err_set(err, ERR_PEER, "a descriptor is not a sealed memfd");
		close(fd);
		return (NULL);
	}
	if (fstat(fd, &st) == -1 || !S_ISREG(st.st_mode) || st.st_size < 0) {
		err_set(err, ERR_PEER, "a descriptor is not a memfd");
		close(fd);
		return (NULL);
	}
	if ((uintmax_t)st.st_size > max) {
		err_set(err, ERR_LIMIT, "a blob of %ju bytes, at most %zu",
		    (uintmax_t)st.st_size, max);
		close(fd);
		return (NULL);
	}
	return (map_sealed(fd, (size_t)st.st_size, true, err));
}

struct blob *
memfd_ensure(struct blob *b, struct err *err)
{
	struct blob *copy;

	if (blob_fd(b) != -1)
		return (b);
	copy = memfd_copy(blob_data(b), blob_len(b), err);
	blob_unref(b);
	return (copy);
}

/* A copy in memory, with its length before it. */
struct copy {
	size_t len;
	char bytes[];
};

static void
copy_release(void *arg)
{
	struct copy *c = arg;

	explicit_bzero(c->bytes, c->len);
	free(c);
}

static struct blob *
copy_of(const struct blob *b, struct err *err)
{
	struct copy *c;
	struct blob *copy;

	if ((c = malloc(sizeof(*c) + blob_len(b))) == NULL) {
		err_set(err, ERR_MEMORY, "out of memory");
		return (NULL);
	}
	c->len = blob_len(b);
	memcpy(c->bytes, blob_data(b), c->len);
	copy = blob_wrap(c->bytes, c->len, -1, copy_release, c);
	if (copy == NULL) {
		err_set(err, ERR_MEMORY, "out of memory");
		copy_release(c);
	}
	return (copy);
}

struct blob *
memfd_keep(struct blob *b, struct err *err)
{
	struct blob *kept = NULL;
	int fd;

	if (blob_fd(b) == -1 || blob_len(b) >= KEEP_FD)
		return (b);
	if (blob_len(b) <= COPY_MAX)
		kept = copy_of(b, err);
	else if ((fd = fcntl(blob_fd(b), F_DUPFD_CLOEXEC, 0)) == -1)
		err_set(err, ERR_IO, "cannot keep a memfd: %s",
		    strerror(errno));
	else
		kept = map_sealed(fd, blob_len(b), false, err);
	blob_unref(b);
	return (kept);
}
