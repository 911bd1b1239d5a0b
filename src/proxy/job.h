/*
 * job.h - a client's command that we carry out.
 *
 * A job asks the server in commands of its own (struct ask), answers the
 * client, and closes with a line under the client's tag.  It starts when no
 * passed command is in flight, and no command is read while it runs.
 *
 * Of the FETCH responses that come meanwhile each is offered to the asks in
 * their order; one that holds all that an ask wants is consumed, others pass
 * to the client, unless they hold bytes of a message.  A job that carries out
 * a SEARCH (its results flag) is also offered the results of searches; what no
 * ask takes is dropped, because the client would take it for the answer to its
 * own command.  All other responses pass.
 */
#ifndef WAXWING_PROXY_JOB_H
#define WAXWING_PROXY_JOB_H

#include <sys/queue.h>

#include "base/set.h"
#include "proxy/gather.h"
#include "proxy/imap.h"

/* Longest command line that we send (RFC 7162 section 4 speaks of 8192). */
#define JOB_LINE 8000

/* Messages that are fetched at once to be opened; their bytes are bounded by
 * LIMIT_FETCH_AHEAD. */
#define JOB_WINDOW 256

/* How much more than it announced a server may send of those: the RFC822.SIZE
 * of some is an estimate. */
#define JOB_WINDOW_EXTRA (LIMIT_MESSAGE + LIMIT_FETCH_AHEAD)

struct pull;
struct viewref;

struct ask {
	TAILQ_ENTRY(ask) next;
	char tag[16];
	bool pass;   /* its FETCH responses are the client's, unread */
	bool bodies; /* BODY[] may be large: keep it apart */
	bool flags;  /* fetch() sees to flags that were not asked for */
	/* True if it was what this ask wants.  NULL: none is. */
	bool (*fetch)(struct job *, struct ask *, struct gather *);
	/* The same for a whole SEARCH or ESEARCH response. */
	bool (*found)(struct job *, struct ask *, struct str line);
	/* The tagged OK.  NO and BAD end the job. */
	void (*done)(struct job *, struct ask *);
	bool answered;  /* the job's own: something came; ... */
	struct set set; /* ... what was asked about, ... */
	uint32_t n;     /* ... and a number */
	/* What has to wait for the server's "+" to a literal, of this ask or of
	 * one before it; empty when all is sent. */
	struct buf text;
	size_t sent;
};
TAILQ_HEAD(ask_list, ask);

struct job_ops {
	/* Message seq is gone (the mailbox knows already); uid is 0 if it was
	 * not known.  Nothing may be said to anybody now. */
	void (*expunge)(struct job *, uint32_t seq, uint32_t uid);
	void (*free)(struct job *);
};

struct job {
	struct imap *s;
	const struct job_ops *ops;
	char tag[CMD_TAG_MAX + 1]; /* the client's */
	struct ask_list asks;
	struct ask *literal; /* the server has to say "+" to its literal */
	struct lex lex;      /* where in that ask's text we are */
	unsigned next_tag;
	bool results; /* those of searches are this job's */
	bool over;    /* the closing line is said: asks only run out */

	struct pull *pull; /* owned; job_pull.c */

	/* Messages that have to be opened: what the client is told. */
	uint64_t open_since; /* mono; 0: none so far */
	uint64_t open_said;
	uint32_t open_all;
	uint32_t open_done;
	enum err_code lack; /* job_lacks() */

	/* Servers may divide what they say of a message: the last piece that
	 * no ask wanted, joined with those before it (owned), and the UIDs of
	 * all messages of which there were such. */
	struct gather *part;
	struct set parts;
	bool unclear;  /* of some the rest never came: there has to be a NO */
	uint32_t gone; /* messages that were expunged since the job began */

	/* job_probe.c: what is being learnt */
	struct set probe_rest;
	struct set probe_seqs; /* by sequence number: all that were asked */
	bool probe_uid;
	unsigned probe_out; /* asks in flight */
	void (*probe_next)(struct job *);
};

/* Begin: s->job is set, which the session frees when it is over. */
void job_init(struct job *, struct imap *, struct str tag,
    const struct job_ops *);
void job_free(struct job *); /* accepts NULL */

/* Send "TAG " + text (without CRLF), which may hold literals.  NULL: the
 * session died. */
struct ask *job_ask(struct job *, struct str text);

/* Seconds that the server may be silent; NULL: with what passes.  A search
 * takes it as long among the plain messages as if it passed. */
unsigned job_patience(const struct job *);

/* "TAG text" to the client; the job is over. */
void job_finish(struct job *, const char *, ...)
    __attribute__((format(printf, 2, 3)));

/* Hand the command to the server as the client's own, with this text behind
 * its tag; the job is over. */
void job_pass(struct job *, struct str text);

/* The command is still in s->in (ROUTE_KEEP): let it pass as it is. */
void job_pass_kept(struct job *);

/*
 * So many messages are going to be opened for this command; one of them was,
 * or will not be.  While that takes longer than some seconds the client is
 * told how far it is (job_tick).  One that waits for a key is not told as
 * opened; before job_opening() counts those once more, job_again().
 */
void job_opening(struct job *, size_t n);
void job_opened(struct job *);
void job_again(struct job *, size_t n);

/*
 * Something is missing that cannot be answered now (ERR_UNAVAILABLE and others)
 * or never, because of a limit (ERR_LIMIT).  What to say of it in the end, or
 * NULL.
 */
void job_lacks(struct job *, enum err_code);
const char *job_lacking(const struct job *);

/* From imap_session.c, every few seconds (struct session). */
void job_tick(struct job *);

/* From imap_reply.c. */
void job_tagged(struct job *, const struct resp *);
bool job_continue(struct job *); /* "+": true if it was waited for */
bool job_wants_results(const struct job *, struct str head);
void job_results(struct job *, struct str line);
bool job_wants(const struct job *, bool *bodies);   /* FETCH responses? */
void job_fetch_take(struct job *, struct gather *); /* frees it */
void job_expunged(struct job *, uint32_t seq, uint32_t uid);

/* The server said which UID the message of a response has.  False: it cannot
 * have that one, and the session died. */
bool job_learn(struct job *, const struct gather *, uint32_t uid);

/*
 * Divide a set over several command lines: move from rest to part (emptied
 * first) at most so many numbers, printed in at most so many bytes.  -1: out
 * of memory.
 */
int job_cut(struct set *rest, struct set *part, uint64_t most, size_t room);

/*
 * Ask "[UID ]FETCH SET items" for a set, cut to lines, with the callbacks, n
 * and flags of like; a->set is each line's part.  Returns how many they are.
 */
unsigned job_ask_all(struct job *, bool uid, const struct set *,
    struct str items, const struct ask *like);

/* job_probe.c: learn the classes of messages, then call next (-1: it could
 * not be).  By UID or by sequence number. */
int probe_start(struct job *, bool uid, const struct set *,
    void (*next)(struct job *));

/*
 * job_pull.c: fetch sealed messages and open them.  each is called once for
 * every number in the set: with its view (borrowed), or NULL and the reason,
 * or both NULL when it is no longer there; then done, maybe at once.  -1: out
 * of memory.
 *
 * Who needs a view for longer says pull_hold() within each, and pull_judged()
 * when that is over: not within each, nor when the job is.  Until then no
 * more messages are fetched than are in flight, and it is not done.
 */
typedef void pull_fn(struct job *, uint32_t number, struct viewref *,
    const struct err *);
int pull_start(struct job *, bool uid, const struct set *, pull_fn *each,
    void (*done)(struct job *));
void pull_hold(struct job *, uint32_t number);
void pull_judged(struct job *, uint32_t number);
void pull_free(struct pull *); /* accepts NULL */

/* job_search.c and job_sort.c */
enum route job_search_route(struct imap *, const struct cmd *);
enum route job_sort_route(struct imap *, const struct cmd *);
enum route job_thread_route(struct imap *, const struct cmd *);

/* job_fetch.c: the FETCH in s->in.  True: it was taken care of; false: it
 * shall pass as it is.  *wait: not before all others are answered. */
bool job_fetch_start(struct imap *, const struct cmd *, bool *wait);

#endif
