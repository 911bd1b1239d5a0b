/*
 * stream.h - one connection: a bufferevent with TLS, timeouts and an order
 * of events that sessions can rely on.
 *
 * Callbacks: ready() once the connection (and implicit TLS) stands; input()
 * when there is something to read; drained() when the output fell to zero
 * after stream_want_drained(); closed() exactly once, at EOF, error or
 * timeout, after which only stream_free() may be called.  stream_free() may
 * be called at any time but from inside input()'s caller's callee: sessions
 * mark themselves dead and free in the event entry.  (Internally freeing is
 * deferred, so a callback that frees its own stream is safe.)
 *
 * TCP_NODELAY is set; writes made in one callback are gathered.  A slow
 * reader is met with stream_pause() on the other side, which disables EV_READ
 * (a watermark would make an OpenSSL bufferevent spin).
 */
#ifndef WAXWING_SYS_STREAM_H
#define WAXWING_SYS_STREAM_H

#include <event2/event.h>
#include <openssl/ssl.h>
#include <stdint.h>

#include "base/blob.h"
#include "base/err.h"
#include "sys/resolv.h"

struct stream;

struct stream_ops {
	void (*ready)(struct stream *, void *arg);
	void (*input)(struct stream *, void *arg);
	void (*drained)(struct stream *, void *arg); /* may be NULL */
	/* code ERR_OK: the peer closed in good order. */
	void (*closed)(struct stream *, const struct err *, void *arg);
};

/* An accepted socket; implicit TLS when ctx is not NULL.  Swallows fd. */
struct stream *stream_accept(struct event_base *, int fd, SSL_CTX *,
    const struct stream_ops *, void *arg, struct err *);

/* Connect to host:port; implicit verified TLS when ctx is not NULL. */
struct stream *stream_connect(struct event_base *, struct resolv *,
    const char *host, uint16_t port, SSL_CTX *, const struct stream_ops *,
    void *arg, struct err *);

void stream_free(struct stream *); /* accepts NULL */

/* Hand the stream to another owner. */
void stream_set_ops(struct stream *, const struct stream_ops *, void *arg);

/*
 * STARTTLS: bytes received in clear are dropped first (the injection class of
 * CVE-2011-0411).  What is still in the output buffer is sent in clear before
 * the handshake.  ready() is called when it is done.
 */
int stream_starttls_server(struct stream *, SSL_CTX *, struct err *);
int stream_starttls_client(struct stream *, SSL_CTX *, const char *host,
    struct err *);
bool stream_has_tls(const struct stream *);

/* All input received and not consumed, contiguous up to at least the first
 * max bytes (the whole if less).  Valid until the next call on the stream. */
struct str stream_peek(struct stream *, size_t max);
/* Without making it contiguous: the first chunk as it lies. */
struct str stream_chunk(struct stream *);
void stream_consume(struct stream *, size_t);
size_t stream_input_len(const struct stream *);

void stream_write(struct stream *, const void *, size_t);
void stream_str(struct stream *, struct str);
void stream_printf(struct stream *, const char *, ...)
    __attribute__((format(printf, 2, 3)));
/* A range of a blob without copying; the blob is kept until it is sent. */
void stream_blob(struct stream *, struct blob *, struct span);
size_t stream_output_len(const struct stream *);
/* Call drained() when the output is empty (once). */
void stream_want_drained(struct stream *);

void stream_pause(struct stream *);  /* stop reading */
void stream_resume(struct stream *); /* and call input() if there is some */

/* Seconds without a byte read before closed() with ERR_TIMEOUT; 0: never. */
void stream_timeout(struct stream *, unsigned read_s, unsigned write_s);

/* Send what is left, then close; the owner has let go (ops are not called).
 * Bounded by a few seconds. */
void stream_finish(struct stream *);

/* "127.0.0.1:1234", for logs. */
const char *stream_peer(const struct stream *);
bool stream_peer_is_loopback(const struct stream *);

#endif
