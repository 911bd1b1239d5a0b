/*
 * viewdisk.h - views on disk ([cache] views = disk): a file for each, in
 * state_dir/views, encrypted.
 *
 * A file's name is the view's key (seen.h), itself an HMAC.  It is sealed in
 * pieces with AES-256-GCM under a key of its own, each bound to its place; it
 * appears by a rename when it is whole, and is deleted when it does not open.
 * Files are written and read a piece at a time from the event loop, so that a
 * large one holds nobody up.  Beyond the limit those go that were used longest
 * ago.
 */
#ifndef WAXWING_PROXY_VIEWDISK_H
#define WAXWING_PROXY_VIEWDISK_H

#include <event2/event.h>

#include "base/blob.h"
#include "proxy/seen.h"

struct viewdisk;
struct viewload;

/* The key is the proxy's "seen" subkey; this has one derived from it. */
struct viewdisk *viewdisk_open(struct event_base *, const char *state_dir,
    const struct crypt_key *, struct err *);
void viewdisk_close(struct viewdisk *); /* accepts NULL; nobody is called */
void viewdisk_limit(struct viewdisk *, uint64_t bytes);

/* All functions accept a NULL viewdisk: then nothing is there. */
bool viewdisk_has(const struct viewdisk *, const struct seen_key *);

/* Keep a view whose text has that SHA-256; takes a reference.  Silently not,
 * when the disk or the queue is full. */
void viewdisk_put(struct viewdisk *, const struct seen_key *,
    const uint8_t digest[CRYPT_DIGEST], struct blob *text);

/*
 * Read the view with that SHA-256.  The text is borrowed, a memfd's; NULL with
 * the reason when it is not there (any more) or not that one.  Called from the
 * event loop, never from within.  NULL: memory is out.
 */
typedef void viewdisk_fn(struct blob *text, const struct err *, void *arg);
struct viewload *viewdisk_get(struct viewdisk *, const struct seen_key *,
    const uint8_t digest[CRYPT_DIGEST], viewdisk_fn *, void *arg);
void viewload_cancel(struct viewload *); /* accepts NULL */

void viewdisk_drop(struct viewdisk *, const struct seen_key *);
void viewdisk_drop_all(struct viewdisk *);
/* The same for a directory that is not in use. */
void viewdisk_remove(const char *state_dir);

uint64_t viewdisk_bytes(const struct viewdisk *);
uint64_t viewdisk_count(const struct viewdisk *);

#endif
