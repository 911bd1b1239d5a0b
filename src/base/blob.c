#include "config.h"

#include "base/blob.h"

#include <stdlib.h>
#include <string.h>

/* Processes have one thread, so the count needs no atomics. */
struct blob {
	size_t refs;
	const char *data; /* not ours: release(arg) gives it back */
	size_t len;
	int fd;
	void (*release)(void *);
	void *arg;
};

struct blob *
blob_wrap(const void *data, size_t len, int fd, void (*release)(void *),
    void *arg)
{
	struct blob *b;

	if ((b = malloc(sizeof(*b))) == NULL)
		return (NULL);
	b->refs = 1;
	b->data = data != NULL ? data : "";
	b->len = len;
	b->fd = fd;
	b->release = release;
	b->arg = arg;
	return (b);
}

struct blob *
blob_copy(const void *data, size_t len)
{
	struct blob *b;
	char *own;

	if (len == 0)
		return (blob_wrap("", 0, -1, NULL, NULL));
	if ((own = malloc(len)) == NULL)
		return (NULL);
	memcpy(own, data, len);
	if ((b = blob_wrap(own, len, -1, free, own)) == NULL)
		free(own);
	return (b);
}

struct blob *
blob_take(struct buf *buf)
{
	struct blob *b;

	if (buf->failed)
		return (NULL);
	if ((b = blob_wrap(buf->data, buf->len, -1, free, buf->data)) == NULL)
		return (NULL);
	buf_init(buf, buf->max);
	return (b);
}

struct blob *
blob_ref(struct blob *b)
{
	b->refs++;
	return (b);
}

void
blob_unref(struct blob *b)
{
	if (b == NULL || --b->refs > 0)
		return;
	if (b->release != NULL)
		b->release(b->arg);
	free(b);
}

const char *
blob_data(const struct blob *b)
{
	return (b->data);
}

size_t
blob_len(const struct blob *b)
{
	return (b->len);
}

int
blob_fd(const struct blob *b)
{
	return (b->fd);
}
