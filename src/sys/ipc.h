/*
 * ipc.h - typed records between roles.
 *
 * A link is one end of a SOCK_SEQPACKET pair.  A record is {op, id, answer?}
 * + body (<= LIMIT_RECORD) + at most LIMIT_RECORD_FDS descriptors; the words
 * (op numbers, put/get pairs) are in src/proto.  Each link has a list of the
 * ops that the peer may ask; anything else, a malformed record or MSG_CTRUNC
 * kills the link.
 *
 * Waiting is always the same: ipc_ask() remembers {id -> callback}; an answer
 * for a forgotten id finds nothing.  A link that dies answers all that it
 * owes with ERR_UNAVAILABLE.
 *
 * Callbacks come from the event loop, except that ipc_free() fails what is
 * owed before it returns; each of them may free the link.  Nobody is stopped
 * by a slow peer: records queue up, and at LIMIT_LINK_ASKED questions
 * ipc_ask() says no.
 */
#ifndef WAXWING_SYS_IPC_H
#define WAXWING_SYS_IPC_H

#include <event2/event.h>
#include <stdint.h>

#include "base/blob.h"
#include "base/err.h"
#include "base/limits.h"
#include "base/span.h"

struct ipc;

/* A record as received.  The callback takes descriptors, others are closed. */
struct ipc_msg {
	uint16_t op;
	uint32_t id;
	struct str body;
	int fds[LIMIT_RECORD_FDS];
	size_t nfds;
};

/* Take descriptor i as a blob of at most max bytes (memfd_receive). */
struct blob *ipc_msg_blob(struct ipc_msg *, size_t i, size_t max, struct err *);
/* Take descriptor i (the caller closes it), or -1. */
int ipc_msg_fd(struct ipc_msg *, size_t i);

/* A request came in: answer it, now or later, with ipc_answer(link, op, id).
 * Something told has id 0 and gets no answer. */
typedef void ipc_request_fn(struct ipc *, struct ipc_msg *, void *arg);

/* The answer, or msg NULL and the reason (link died, deadline passed). */
typedef void ipc_answer_fn(struct ipc_msg *, const struct err *, void *arg);

/* The link is dead: the peer went away or broke the rules (err says).  The
 * owner calls ipc_free() from here or later. */
typedef void ipc_dead_fn(struct ipc *, const struct err *, void *arg);

/*
 * allow lists the ops the peer may ask, ended by 0; NULL: none.  Swallows fd.
 * name is for logs ("sealer").  Returns NULL when out of memory.
 */
struct ipc *ipc_new(struct event_base *, int fd, const char *name,
    const uint16_t *allow, ipc_request_fn *, ipc_dead_fn *, void *arg);
void ipc_free(struct ipc *); /* accepts NULL; owed answers fail */

const char *ipc_name(const struct ipc *);

/*
 * Ask the peer.  blobs (may hold plain memory: then copied to a memfd) travel
 * as descriptors 0..n-1.  deadline_ms 0: wait as long as the link lives.
 * Returns an id for ipc_forget(), or 0 when the link is dead or has too much
 * to do, or the record is too large (the callback is not called then).
 */
uint32_t ipc_ask(struct ipc *, uint16_t op, struct str body,
    struct blob *const *blobs, size_t nblobs, uint64_t deadline_ms,
    ipc_answer_fn *, void *arg);

/* The asker is gone: its callback will not be called.  Id 0, and ids that
 * were answered, are no error. */
void ipc_forget(struct ipc *, uint32_t id);

/* Answer a request.  A dead link is no error: nobody waits. */
void ipc_answer(struct ipc *, uint16_t op, uint32_t id, struct str body,
    struct blob *const *blobs, size_t nblobs);

/* Say something that needs no answer.  -1 if it cannot be sent. */
int ipc_tell(struct ipc *, uint16_t op, struct str body);

/* The same three with raw descriptors, which stay the caller's to close. */
uint32_t ipc_ask_fds(struct ipc *, uint16_t op, struct str body, const int *fds,
    size_t nfds, uint64_t deadline_ms, ipc_answer_fn *, void *arg);
void ipc_answer_fds(struct ipc *, uint16_t op, uint32_t id, struct str body,
    const int *fds, size_t nfds);
int ipc_tell_fds(struct ipc *, uint16_t op, struct str body, const int *fds,
    size_t nfds);

/* Requests asked and not yet answered. */
size_t ipc_owed(const struct ipc *);

/* For how many ms the peer has sent nothing though it owes an answer (also one
 * that nobody waits for any more); 0 if it owes none. */
uint64_t ipc_silence(const struct ipc *);

#endif
