/*
 * memfd.h - blobs that can cross to another process.
 *
 * A memfd is written, then sealed with all four seals (F_SEAL_SEAL, SHRINK,
 * GROW, WRITE), then mapped MAP_PRIVATE and read-only.  A receiver checks
 * seals and size before it maps, so the sender cannot change or cut the bytes
 * under its feet.  Plaintext in a memfd never touches a disk (no swap: the
 * roles lock what the rlimit allows; the documentation tells the rest).
 */
#ifndef WAXWING_SYS_MEMFD_H
#define WAXWING_SYS_MEMFD_H

#include "base/blob.h"
#include "base/err.h"

struct memfd;

/* A memfd to append to, at most max bytes.  NULL with the reason in err. */
struct memfd *memfd_new(size_t max, struct err *);
void memfd_free(struct memfd *); /* accepts NULL */

/* Append; -1 with ERR_LIMIT at the limit. */
int memfd_put(struct memfd *, const void *, size_t, struct err *);
size_t memfd_len(const struct memfd *);

/* Its descriptor, for one who reads along, and how much is there for him.  He
 * could write, too: what is there has to be his own business. */
int memfd_fd(const struct memfd *);
size_t memfd_written(const struct memfd *);

/* Seal and map.  Swallows the memfd whether it works or not; ERR_PEER: one who
 * reads along has made it shorter or longer. */
struct blob *memfd_take(struct memfd *, struct err *);

/* A sealed copy of bytes in memory. */
struct blob *memfd_copy(const void *, size_t, struct err *);

/* Is it a memfd with all four seals?  Reading one never blocks. */
bool memfd_is_sealed(int fd);

/* Map what another process sent; swallows fd.  Refused: missing seals, more
 * than max bytes. */
struct blob *memfd_receive(int fd, size_t max, struct err *);

/* The same blob if it has a memfd already, else a copy that has.  Swallows
 * a reference, returns one. */
struct blob *memfd_ensure(struct blob *, struct err *);

/* The same bytes to be kept, by the thousand perhaps: without a descriptor
 * unless they are so many that a copy for another process would take long,
 * and, if they are few, without a mapping.  Wiped when they go.  Swallows a
 * reference, returns one. */
struct blob *memfd_keep(struct blob *, struct err *);

#endif
