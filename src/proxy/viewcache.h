/*
 * viewcache.h - views in memory: for each account the ones used last, up to
 * so many bytes ([cache] view_bytes).
 *
 * A view that somebody holds a reference to stays until it is let go, whether
 * the cache still lists it or not.
 */
#ifndef WAXWING_PROXY_VIEWCACHE_H
#define WAXWING_PROXY_VIEWCACHE_H

#include "mail/view.h"
#include "proxy/seen.h"

struct viewcache;
struct viewref;

struct viewcache *viewcache_new(void);
void viewcache_free(struct viewcache *); /* accepts NULL */
void viewcache_limit(struct viewcache *, size_t bytes);

/* A reference, or NULL if it is not there. */
struct viewref *viewcache_get(struct viewcache *, struct str login,
    const struct seen_key *);

/* What the view does not tell itself. */
struct view_more {
	const uint8_t *digest; /* SHA-256 of its text */
	struct str preview;    /* its first words; p NULL: unknown */
};

/* Swallows the view, copies the rest; a reference.  NULL (and the view freed)
 * when memory is out. */
struct viewref *viewcache_put(struct viewcache *, struct str login,
    const struct seen_key *, struct view *, const struct view_more *);

const struct view *viewref_view(const struct viewref *);
struct str viewref_preview(const struct viewref *);
const uint8_t *viewref_digest(const struct viewref *);
struct viewref *viewref_ref(struct viewref *); /* one reference more */
void viewref_unref(struct viewref *);          /* accepts NULL */

/* Forget one. */
void viewcache_del(struct viewcache *, const struct seen_key *);

/* Forget an account's views, or all (empty login). */
void viewcache_drop(struct viewcache *, struct str login);

/* What is listed, for status. */
size_t viewcache_bytes(const struct viewcache *);
size_t viewcache_count(const struct viewcache *);

#endif
