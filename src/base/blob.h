/*
 * blob.h - refcounted immutable bytes.
 *
 * A mail is a blob.  Between processes a blob travels as a sealed memfd
 * (sys/memfd.h makes those); tests and pure code make them from memory.
 */
#ifndef WAXWING_BASE_BLOB_H
#define WAXWING_BASE_BLOB_H

#include "base/buf.h"
#include "base/span.h"

struct blob;

/*
 * Wrap bytes that stay put until release(arg) is called, which happens when
 * the last reference goes.  fd is the memfd behind them or -1; the blob does
 * not close it, release does.  NULL when out of memory (release not called).
 */
struct blob *blob_wrap(const void *, size_t, int fd, void (*release)(void *),
    void *arg);

/* A blob with its own copy of the bytes, or NULL. */
struct blob *blob_copy(const void *, size_t);

/* Swallow the buffer's bytes; the buffer is empty afterwards.  NULL if the
 * buffer had failed or memory is out. */
struct blob *blob_take(struct buf *);

struct blob *blob_ref(struct blob *);
void blob_unref(struct blob *); /* accepts NULL */

const char *blob_data(const struct blob *); /* never NULL */
size_t blob_len(const struct blob *);
int blob_fd(const struct blob *); /* -1 if it is plain memory */

static inline struct str
blob_str(const struct blob *b)
{
	return (str_of(blob_data(b), blob_len(b)));
}

#endif
