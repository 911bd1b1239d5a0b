/*
 * stream.h - one connection: socket, TLS, timeouts, and an order of events
 * that sessions can rely on.
 *
 * Callbacks come from the event loop, never from inside a call on the stream:
 * ready() once the connection (and TLS) stands; input() when bytes came;
 * drained() when the output fell to zero after stream_want_drained();
 * closed() exactly once, at EOF, error or timeout, after all input was given,
 * after which only stream_free() may be called (or, at ERR_OK, when the peer
 * may still be listening, stream_finish()).  stream_free() may be called from
 * anywhere; inside one of the stream's own callbacks it takes effect when
 * that returns.
 *
 * TCP_NODELAY is set; writes made in one callback are gathered.  A slow
 * reader is met with stream_pause() on the other side: then nothing more is
 * read, EOF is not seen, and the read timeout rests.  Input that the owner
 * does not consume stays; input() comes again only with new bytes, so the
 * owner bounds what it lets grow.
 *
 * Built on events and evbuffers, not on bufferevents: those of libevent 2.1
 * read 4 KiB a turn, and over OpenSSL they leave bytes in its buffers.  The
 * process must ignore SIGPIPE.
 */
#ifndef WAXWING_SYS_STREAM_H
#define WAXWING_SYS_STREAM_H

#include <event2/event.h>
#include <openssl/ssl.h>
#include <stdint.h>

#include "base/blob.h"
#include "base/err.h"
#include "base/span.h"
#include "sys/resolv.h"

struct stream;

struct stream_ops {
	void (*ready)(struct stream *, void *arg);
	void (*input)(struct stream *, void *arg);
	void (*drained)(struct stream *, void *arg); /* may be NULL */
	/* ERR_OK: the peer closed.  A TLS peer that forgot to say so counts
	 * as closed if no input is left unconsumed; the owner knows whether
	 * it is in the middle of a literal. */
	void (*closed)(struct stream *, const struct err *, void *arg);
};

/* An accepted socket; implicit TLS when ctx is not NULL.  Swallows fd. */
struct stream *stream_accept(struct event_base *, int fd, SSL_CTX *,
    const struct stream_ops *, void *arg, struct err *);

/*
 * Connect to host:port; implicit TLS verified for host when ctx is not NULL.
 * Each address is tried in turn.  Literals and "localhost" need no DNS, and
 * then the resolver may be NULL.
 */
struct stream *stream_connect(struct event_base *, struct resolv *,
    const char *host, uint16_t port, SSL_CTX *, const struct stream_ops *,
    void *arg, struct err *);

void stream_free(struct stream *); /* accepts NULL */

/*
 * STARTTLS: bytes received in clear are dropped first (the injection class of
 * CVE-2011-0411).  What is still in the output buffer is sent in clear before
 * the handshake, what is written later goes inside.  ready() is called when
 * it is done.
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
/* Bytes that are wiped once they are sent (credentials). */
void stream_secret(struct stream *, struct str);
/* Move the first n bytes of one stream's input to another's output, without
 * copying where it can. */
void stream_move(struct stream *from, struct stream *to, size_t n);
/* A range of a blob without copying; the blob is kept until it is sent. */
void stream_blob(struct stream *, struct blob *, struct span);
size_t stream_output_len(const struct stream *);
/* Call drained() when the output is empty (once). */
void stream_want_drained(struct stream *);

/* The peer waits for no answer but has more to say: a client without
 * TCP_NODELAY holds its next write back until the last one is acknowledged,
 * which the kernel delays by 40 ms unless it is told so. */
void stream_ack_now(struct stream *);

void stream_pause(struct stream *);  /* stop reading */
void stream_resume(struct stream *); /* and call input() if there is some */

/* Seconds without a byte read, or with output that does not move, before
 * closed() with ERR_TIMEOUT; 0: never.  Connecting and handshakes have
 * LIMIT_CONNECT_S of their own. */
void stream_timeout(struct stream *, unsigned read_s, unsigned write_s);

/* Send what is left and the end of TLS, then close; the owner has let go (ops
 * are not called).  Bounded by LIMIT_FINISH_S.  A stream that is not open is
 * freed. */
void stream_finish(struct stream *);

/* Before a role ends: have all that finish sent what they had to say?  Then
 * they need not wait for their peers to hear it. */
bool streams_finished(void);
void streams_abandon(void);

/* "127.0.0.1:1234", for logs. */
const char *stream_peer(const struct stream *);
bool stream_peer_is_loopback(const struct stream *);

#endif
