/*
 * enrol.h - certificates for the mailboxes of this installation's accounts
 * (RFC 8555, RFC 8823), got and renewed without anybody noticing.
 *
 * For each mailbox of an account there is one record, which the steps fill in
 * their order; it is on disk before the next step begins, so that whatever
 * dies goes on from there.  A step that fails is tried again later, and the
 * status says why.
 */
#ifndef WAXWING_AGENT_ENROL_H
#define WAXWING_AGENT_ENROL_H

#include "agent/state.h"

/* Open STATE_DIR/enrol; what was not finished goes on. */
int enrol_open(struct agent *, struct err *);
void enrol_close(struct agent *);

/* The conf is new: another cloud, perhaps, or other accounts. */
void enrol_conf(struct agent *);

/* What "waxwingctl status" shows. */
json_t *enrol_status(struct agent *);

enum enrol_why {
	ENROL_SEEN,  /* it logged in: what waits for that goes on */
	ENROL_ASKED, /* somebody wants it now */
	ENROL_AGAIN, /* and new certificates though there are some */
};

/* Begin, or go on: all mailboxes of an account, or (address not empty) the
 * one.  -1 with err. */
int enrol_begin(struct agent *, struct str account, struct str address,
    enum enrol_why, struct err *);

/* The account that an address belongs to, by the conf or by name; appended to
 * out.  -1 with ERR_NOTFOUND. */
int enrol_account_of(struct agent *, struct str address, struct buf *out,
    struct err *);

/* Whose certificate is this (fingerprint in hex)?  Account and address are
 * appended.  One that is used no more is known only if its account is named.
 * -1 with ERR_NOTFOUND. */
int enrol_of_cert(struct agent *, struct str hex, struct str account,
    struct buf *account_out, struct buf *address_out, struct err *);

/* This certificate was revoked: get a new one if it was in use. */
int enrol_replace(struct agent *, struct str hex, struct err *);

/* All of a mailbox's release log: the status shows its end. */
void enrol_note_releases(struct agent *, struct str account, struct str address,
    const json_t *log);

/* The cloud's name of the account; 1, 0 if it has none yet, -1. */
int enrol_kid(struct agent *, struct str account, struct buf *out,
    struct err *);

#endif
