/*
 * mailbox.h - what is known of the messages of a selected mailbox.
 *
 * Two sets by UID: the messages whose class was found out (known), and those
 * of them that are sealed.  They belong to (account, mailbox name,
 * UIDVALIDITY) and are shared by the account's sessions (struct classes).
 * Each session has its own view of the sequence numbers: how many there are,
 * and which UID stands behind each, filled by what FETCH answers tell and
 * shifted by EXPUNGE (RFC 3501 2.3.1.2).
 */
#ifndef WAXWING_PROXY_MAILBOX_H
#define WAXWING_PROXY_MAILBOX_H

#include <stdint.h>

#include "base/set.h"
#include "base/span.h"
#include "proxy/account.h"

/* Messages in one mailbox: Gmail's largest have some hundred thousand; the
 * map from sequence numbers takes 4 bytes for each. */
#define MAILBOX_MAX 4000000U

struct classes {
	struct classes *next;
	unsigned refs;
	char *name; /* owned */
	size_t namelen;
	uint32_t uidvalidity;
	struct set known;
	struct set sealed;
	/* The UIDs of a session that knew all of them, ... */
	uint32_t *uids; /* owned, or NULL */
	uint32_t nuids;
	uint32_t uidnext; /* ... none of which was this or more */
	bool changed;     /* since they were written to facts/ */
};

/*
 * Find or make; the one asked for comes to the front, and is referenced.  One
 * that does not last is the asker's alone: nothing that is kept belongs to it,
 * nor is it kept.  NULL: out of memory.
 */
struct classes *classes_get(struct account *, struct str name,
    uint32_t uidvalidity, bool lasts);

/* Write what changed to facts/. */
void classes_save(struct account *);
void classes_free_all(struct classes *);

struct mailbox {
	char *name; /* owned; INBOX in capitals */
	size_t namelen;
	uint32_t uidvalidity;
	bool passing; /* that is ours for this selection: the server has none */
	uint32_t exists;
	uint32_t old; /* those of them that were there at mailbox_bind() */
	bool readonly;
	bool resync;    /* selected with QRESYNC: messages are told at once */
	uint32_t *uids; /* owned; of sequence number i + 1, 0: not known */
	size_t nuids;   /* those beyond are not known */
	size_t room;    /* for so many */
	/* EXPUNGE comes for one message after the other, mostly neighbours:
	 * so many places are free from here on, instead of at the end. */
	size_t gap_at;
	size_t gap;
	uint32_t uidnext; /* as SELECT said; 0: it did not */
	struct set gone;  /* what vanished, told before mailbox_bind() */
	/* Highest UID that this session has seen: below it a hole stays one.
	 * (Another session may know of later mail that this one's server has
	 * not shown it yet, and there the holes may be filled.) */
	uint32_t max_uid;
	struct account *account;
	struct classes *cls; /* referenced; NULL until mailbox_bind() */
};

struct mailbox *mailbox_new(struct account *, struct str name);
void mailbox_free(struct mailbox *); /* accepts NULL */

/*
 * It is selected, its UIDVALIDITY known: find the shared sets.  If an earlier
 * session knew the UIDs of all messages, and now there are as many and UIDNEXT
 * says that none is new, then they are the same (RFC 3501 2.3.1.1).
 */
int mailbox_bind(struct mailbox *);

/* The server has deleted that mailbox, or given it, and those below it, another
 * name. */
void mailbox_deleted(struct account *, struct str name);
void mailbox_renamed(struct account *, struct str name, struct str to);

/* -1 when the server tells nonsense. */
int mailbox_set_exists(struct mailbox *, uint32_t n);
int mailbox_expunge(struct mailbox *, uint32_t seq);

/*
 * VANISHED (RFC 7162 section 3.2.10): parse the set and drop its messages.
 * Those that are not EARLIER had sequence numbers: expunged (or NULL) is called
 * for each, from the highest down, with its UID, or 0 if that is not known. -1:
 * nonsense, or out of memory.
 */
int mailbox_vanished(struct mailbox *, struct str set, bool earlier,
    void (*expunged)(uint32_t seq, uint32_t uid, void *), void *);

/* Message seq has this UID.  -1: nonsense, or out of memory. */
int mailbox_learn(struct mailbox *, uint32_t seq, uint32_t uid);

/* The same in passing: what cannot be is not believed, and nothing is that
 * was told before. */
void mailbox_heard(struct mailbox *, uint32_t seq, uint32_t uid);
uint32_t mailbox_uid(const struct mailbox *, uint32_t seq); /* 0: unknown */

/* The class of a message was found out.  Its bytes never change (RFC 3501
 * 2.3.1.1): if two who asked were told differently it is sealed, for what is
 * opened is checked and what passes is not. */
int mailbox_class(struct mailbox *, uint32_t uid, bool sealed);

/* A sealed message was put into a mailbox that sessions may have selected. */
void mailbox_appended(struct account *, struct str name, uint32_t uidvalidity,
    uint32_t uid);

/* These UIDs were asked for and all answers came: what did not come, up to a
 * UID that existed then, does not exist and never will. */
int mailbox_probed(struct mailbox *, const struct set *uids, uint32_t max);

#endif
