/*
 * stream_priv.h - what the files of stream share.
 *
 * stream_dial.c finds and connects an address, stream_io.c moves bytes
 * between the socket (or its TLS) and the two buffers, stream_data.c is the
 * owner's access to the buffers, stream.c decides when and tells the owner.
 */
#ifndef WAXWING_SYS_STREAM_PRIV_H
#define WAXWING_SYS_STREAM_PRIV_H

#include <event2/buffer.h>
#include <event2/event_struct.h>
#include <sys/queue.h>
#include <sys/socket.h>

#include "sys/stream.h"

enum stream_state {
	STREAM_RESOLVING,
	STREAM_CONNECTING,
	STREAM_STARTING, /* what is left in clear goes out, then handshake */
	STREAM_OPEN,
	STREAM_FINISHING, /* the owner has let go */
	STREAM_DEAD       /* err says why; the owner is told once */
};

/* What stopped an attempt to move bytes. */
enum io {
	IO_DONE, /* nothing: all was moved, or the budget is spent */
	IO_READ, /* the socket must become readable */
	IO_WRITE,
	IO_EOF,
	IO_ERR /* err is filled */
};

struct dial; /* a connection being made (stream_dial.c) */

struct stream {
	struct event_base *base;
	const struct stream_ops *ops;
	void *arg;
	enum stream_state state;
	int fd;
	SSL *ssl;                 /* owned; NULL in clear */
	struct evbuffer *in;      /* owned; received, not consumed */
	struct evbuffer *out;     /* owned; to be sent */
	struct evbuffer *clear;   /* owned; to be sent before the handshake */
	struct dial *dial;        /* owned; NULL when connected */
	struct event ev_read;     /* on fd, with the read timeout */
	struct event ev_write;    /* on fd, with the write timeout */
	struct event ev_soon;     /* made active by hand: work in the loop */
	struct event ev_deadline; /* for setting up and for finishing */
	struct err err;
	unsigned read_s;
	unsigned write_s;
	size_t read_size; /* how much the next read asks for */
	enum io hs_wait;  /* what the handshake waits for */

	/* what events there are */
	bool has_read;
	bool has_write;
	bool soon;
	bool retime; /* timeouts changed */

	/* what the transport is like */
	bool tls;        /* the handshake is done */
	bool tls_broken; /* after a fatal error SSL_shutdown is forbidden */
	bool more;       /* a read stopped at its budget */
	bool read_wants_write;
	bool write_blocked;
	bool write_wants_read;
	bool eof;
	bool cut;  /* the EOF came without close_notify */
	bool shut; /* finishing: our side is closed */

	/* what the owner wants or is owed */
	bool paused;
	bool owe_ready;
	bool owe_input;
	bool want_drained;
	bool told;  /* closed() was called */
	bool busy;  /* inside an event */
	bool freed; /* while busy: to be freed when the event is done */

	LIST_ENTRY(stream) link; /* of those that finish */
	bool listed;

	char peer[64];
	bool peer_loopback;
};

/* Note a failure; the owner is told from the event loop. */
void stream_fail(struct stream *, enum err_code, const char *, ...)
    __attribute__((format(printf, 3, 4)));
/* Come back from the event loop. */
void stream_soon(struct stream *);

/* After a change of out; ok false: memory ran out. */
void stream_wrote(struct stream *, bool ok);

/* Prepare a socket: non-blocking, TCP_NODELAY, keep-alive. */
int stream_socket_options(int fd);
/* Give the stream its socket, and close it. */
void stream_bind(struct stream *, int fd);
void stream_unbind(struct stream *);
void stream_set_peer(struct stream *, const struct sockaddr *);

/* stream_dial.c */
struct dial *dial_new(struct stream *, struct resolv *, const char *host,
    uint16_t port, struct err *);
void dial_free(struct dial *); /* accepts NULL */
/* The addresses are known (or known to be none): connect to the next one.
 * Leaves the stream connecting, starting or dead. */
void dial_next(struct stream *);
/* The socket is writable, or (timed out) did not become so. */
void dial_connected(struct stream *, bool timed_out);
bool dial_ready(const struct dial *);

/* stream_io.c */
int io_tls(struct stream *, SSL_CTX *, bool server, const char *host,
    struct err *);
enum io io_handshake(struct stream *);
/* Read into in until the socket is empty or budget is spent. */
enum io io_read(struct stream *, size_t budget);
/* Write from the buffer until it is empty or the socket is full. */
enum io io_write(struct stream *, struct evbuffer *);
/* Tell the peer that no more comes. */
void io_shut(struct stream *);

#endif
