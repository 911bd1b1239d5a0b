/*
 * recorder.h - what was delivered of mails that are not done.
 *
 * A mail may go out in several groups.  When a later one meets a temporary
 * failure the client is told 4yz and sends the whole mail again; the recorder
 * knows who has got it, so that the retry delivers only what is missing.  It
 * holds digests only, in memory; an entry goes when the mail is done, or
 * after RECORDER_KEEP_S.
 */
#ifndef WAXWING_PROXY_RECORDER_H
#define WAXWING_PROXY_RECORDER_H

#include <stdint.h>

#include "base/span.h"
#include "sys/crypt.h"

/* Clients give up after five days at most (RFC 5321 4.5.4.1). */
#define RECORDER_KEEP_S (5 * 24 * 3600)

/* Unfinished mails; beyond this the oldest is forgotten, which can only
 * bring a second copy. */
#define RECORDER_MAX 1000

struct recorder;

struct recorder *recorder_new(const struct crypt_key *);
void recorder_free(struct recorder *); /* accepts NULL */

/* Which mail: account, envelope sender and the text as the client sent it. */
struct record_id {
	uint8_t digest[CRYPT_DIGEST];
};
int recorder_id(const struct recorder *, struct str account, struct str sender,
    struct str text, struct record_id *);

/* Nothing is recorded: no need to make an id. */
bool recorder_empty(const struct recorder *);

/* Did this recipient (canonical address) get the mail? */
bool recorder_has(const struct recorder *, const struct record_id *,
    struct str address);

/* It did.  -1 when memory is out.  wall: seconds now. */
int recorder_add(struct recorder *, const struct record_id *,
    struct str address, int64_t wall);

/* The mail is done. */
void recorder_drop(struct recorder *, const struct record_id *);

#endif
