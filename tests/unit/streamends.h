/*
 * streamends.h - both ends of a real loopback connection in one event loop.
 */
#ifndef WAXWING_TESTS_STREAMENDS_H
#define WAXWING_TESTS_STREAMENDS_H

#include <event2/event.h>
#include <openssl/ssl.h>
#include <stdint.h>

#include "sys/stream.h"
#include "unit.h"

/* One end: what it saw, and what it shall do when it sees something. */
struct end {
	struct stream *s;
	struct buf got;
	int ready;
	int inputs;
	int drained;
	int closed;
	enum err_code code;
	char text[240];
	bool keep; /* leave input where it is */
	void (*on_ready)(struct end *);
	void (*on_input)(struct end *);
	void (*on_drained)(struct end *);
	void (*on_closed)(struct end *);
	bool freed;
};

/* All of it, made anew for each row by setup() or pair(). */
extern struct world {
	struct event_base *base;
	struct event *guard;
	struct event *listener;
	struct resolv *resolv;
	int lfd;
	uint16_t port;
	SSL_CTX *server; /* certificate for localhost and 127.0.0.1 */
	SSL_CTX *client; /* trusts it */
	SSL_CTX *accept_ctx;
	SSL_CTX *other; /* trusts another */
	struct end c;
	struct end d; /* the accepted end */
	bool late;
} w;

extern const struct stream_ops
    ends_ops; /* they note what happens to a struct end */

/* The listener's callback: the first that comes is the other end. */
void ends_accept(evutil_socket_t, short what, void *);

void setup(void);
void teardown(void);

/* Connect the one end, to a name or address. */
void dial(const char *host, SSL_CTX *);

/* Both ends ready, in clear or under TLS. */
bool pair(bool tls);

/* Run the loop until *what reaches n; false after 5 s. */
bool wait_for(const int *what, int n);

/* The same until a buffer has n bytes; false after 10 s. */
bool wait_len(const struct buf *, size_t n);

/* Let the loop run for a while, whatever happens; how many turns it made. */
int run_ms(int ms);

#endif
