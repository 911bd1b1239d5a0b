/* What owners read and write: the two buffers. */

#include "config.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "sys/stream_priv.h"

/* Ranges of blobs below this are copied: a reference costs more. */
#define COPY_BELOW 1024

/* Consumed input up to this length is wiped: commands hold passwords. */
#define WIPE_BELOW 4096

struct str
stream_peek(struct stream *s, size_t max)
{
	size_t len = evbuffer_get_length(s->in);
	unsigned char *p;

	if (len == 0)
		return (str_of("", 0));
	p = evbuffer_pullup(s->in, (ev_ssize_t)(max < len ? max : len));
	if (p == NULL)
		return (stream_chunk(s)); /* max 0, or no memory */
	return (str_of((const char *)p, evbuffer_get_contiguous_space(s->in)));
}

struct str
stream_chunk(struct stream *s)
{
	struct evbuffer_iovec v;

	if (evbuffer_peek(s->in, 1, NULL, &v, 1) < 1)
		return (str_of("", 0));
	return (str_of(v.iov_base, v.iov_len));
}

void
stream_consume(struct stream *s, size_t n)
{
	size_t left = n;
	struct str c;

	while (n <= WIPE_BELOW && left > 0) {
		c = stream_chunk(s);
		if (c.len == 0)
			return;
		if (c.len > left)
			c.len = left;
		/* received here, so it may be written to */
		OPENSSL_cleanse((void *)(uintptr_t)c.p, c.len);
		(void)evbuffer_drain(s->in, c.len);
		left -= c.len;
	}
	if (left > 0)
		(void)evbuffer_drain(s->in, left);
}

size_t
stream_input_len(const struct stream *s)
{
	return (evbuffer_get_length(s->in));
}

void
stream_write(struct stream *s, const void *p, size_t n)
{
	stream_wrote(s, evbuffer_add(s->out, p, n) == 0);
}

void
stream_str(struct stream *s, struct str str)
{
	stream_wrote(s, evbuffer_add(s->out, str.p, str.len) == 0);
}

void
stream_printf(struct stream *s, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = evbuffer_add_vprintf(s->out, fmt, ap);
	va_end(ap);
	stream_wrote(s, n >= 0);
}

static void
wipe_secret(const void *p, size_t n, void *arg)
{
	(void)p;
	OPENSSL_cleanse(arg, n);
	free(arg);
}

void
stream_secret(struct stream *s, struct str secret)
{
	char *copy;

	if (secret.len == 0)
		return;
	if ((copy = malloc(secret.len)) == NULL) {
		stream_wrote(s, false);
		return;
	}
	memcpy(copy, secret.p, secret.len);
	if (evbuffer_add_reference(s->out, copy, secret.len, wipe_secret,
	        copy) != 0) {
		wipe_secret(NULL, secret.len, copy);
		stream_wrote(s, false);
		return;
	}
	stream_wrote(s, true);
}

static void
release_blob(const void *p, size_t n, void *arg)
{
	(void)p;
	(void)n;
	blob_unref(arg);
}

void
stream_blob(struct stream *s, struct blob *b, struct span range)
{
	struct str t;

	range = span_clip(span_of(0, blob_len(b)), range.off, range.len);
	t = span_str(blob_data(b), range);
	if (t.len < COPY_BELOW) {
		stream_str(s, t);
		return;
	}
	if (evbuffer_add_reference(s->out, t.p, t.len, release_blob,
	        blob_ref(b)) == 0) {
		stream_wrote(s, true);
		return;
	}
	blob_unref(b);
	stream_wrote(s, false);
}

void
stream_move(struct stream *from, struct stream *to, size_t n)
{
	stream_wrote(to, evbuffer_remove_buffer(from->in, to->out, n) >= 0);
}

size_t
stream_output_len(const struct stream *s)
{
	return (evbuffer_get_length(s->out) +
	        (s->clear != NULL ? evbuffer_get_length(s->clear) : 0));
}

void
stream_ack_now(struct stream *s)
{
#ifdef TCP_QUICKACK
	int on = 1;

	(void)setsockopt(s->fd, IPPROTO_TCP, TCP_QUICKACK, &on, sizeof(on));
#else
	(void)s;
#endif
}
