#include "config.h"

#include "proxy/viewcache.h"

#include <sys/queue.h>

#include <stdlib.h>
#include <string.h>

#include "base/map.h"

struct viewref {
	TAILQ_ENTRY(viewref) next;
	struct shelf *shelf; /* NULL: no longer listed */
	struct seen_key key;
	struct view *view; /* owned */
	uint8_t digest[CRYPT_DIGEST];
	char *preview; /* owned; NULL: unknown */
	size_t npreview;
	size_t bytes;
	unsigned refs; /* of holders; being listed is none */
};

/* The views of one account, the one used last in front. */
struct shelf {
	TAILQ_HEAD(viewref_list, viewref) refs;
	struct viewcache *vc;
	size_t bytes;
};

struct viewcache {
	struct map *shelves; /* owned: login -> struct shelf */
	struct map *by_key;  /* owned: key -> struct viewref, listed ones */
	size_t limit;
	size_t bytes;
};

static struct str
key_str(const struct seen_key *k)
{
	return (str_of((const char *)k->k, sizeof(k->k)));
}

static void
viewref_free(struct viewref *r)
{
	view_free(r->view);
	if (r->preview != NULL)
		explicit_bzero(r->preview, r->npreview);
	free(r->preview);
	free(r);
}

/* Take it off its shelf. */
static void
viewref_unlist(struct viewref *r)
{
	struct shelf *s = r->shelf;

	TAILQ_REMOVE(&s->refs, r, next);
	s->bytes -= r->bytes;
	s->vc->bytes -= r->bytes;
	map_del(s->vc->by_key, key_str(&r->key));
	r->shelf = NULL;
	if (r->refs == 0)
		viewref_free(r);
}

/* Map's callback: the shelf goes, the map of keys stays in order. */
static void
shelf_free(void *arg)
{
	struct shelf *s = arg;
	struct viewref *r;

	while ((r = TAILQ_FIRST(&s->refs)) != NULL)
		viewref_unlist(r);
	free(s);
}

struct viewcache *
viewcache_new(void)
{
	struct viewcache *vc;

	if ((vc = calloc(1, sizeof(*vc))) == NULL)
		return (NULL);
	vc->limit = SIZE_MAX;
	vc->shelves = map_new(shelf_free);
	vc->by_key = map_new(NULL);
	if (vc->shelves == NULL || vc->by_key == NULL) {
		viewcache_free(vc);
		return (NULL);
	}
	return (vc);
}

void
viewcache_free(struct viewcache *vc)
{
	if (vc == NULL)
		return;
	map_free(vc->shelves);
	map_free(vc->by_key);
	free(vc);
}

/* It may have grown while it was held. */
static void
viewref_count(struct viewref *r)
{
	size_t now = sizeof(*r) + r->npreview + view_memory(r->view),
	       was = r->bytes;

	r->bytes = now;
	r->shelf->bytes += now - was;
	r->shelf->vc->bytes += now - was;
}

static void
shelf_trim(struct shelf *s)
{
	struct viewref *last;

	while (s->bytes > s->vc->limit &&
	       (last = TAILQ_LAST(&s->refs, viewref_list)) != NULL)
		viewref_unlist(last);
}

void
viewcache_limit(struct viewcache *vc, size_t bytes)
{
	struct str key;
	void *value;
	size_t pos = 0;

	vc->limit = bytes;
	while (map_next(vc->shelves, &pos, &key, &value))
		shelf_trim(value);
}

struct viewref *
viewcache_get(struct viewcache *vc, struct str login, const struct seen_key *k)
{
	struct viewref *r;
	struct shelf *s;

	/* The key holds the login already; the shelf is looked at in case
	 * somebody made a mistake there. */
	if ((r = map_get(vc->by_key, key_str(k))) == NULL)
		return (NULL);
	s = map_get(vc->shelves, login);
	if (s != r->shelf)
		return (NULL);
	TAILQ_REMOVE(&s->refs, r, next);
	TAILQ_INSERT_HEAD(&s->refs, r, next);
	r->refs++;
	return (r);
}

static struct shelf *
shelf_get(struct viewcache *vc, struct str login)
{
	struct shelf *s;

	if ((s = map_get(vc->shelves, login)) != NULL)
		return (s);
	if ((s = calloc(1, sizeof(*s))) == NULL)
		return (NULL);
	TAILQ_INIT(&s->refs);
	s->vc = vc;
	if (map_put(vc->shelves, login, s) == -1) {
		free(s);
		return (NULL);
	}
	return (s);
}

struct viewref *
viewcache_put(struct viewcache *vc, struct str login, const struct seen_key *k,
    struct view *view, const struct view_more *more)
{
	struct viewref *r, *old;
	struct shelf *s;

	if ((old = map_get(vc->by_key, key_str(k))) != NULL)
		viewref_unlist(old);
	if ((s = shelf_get(vc, login)) == NULL ||
	    (r = calloc(1, sizeof(*r))) == NULL) {
		view_free(view);
		return (NULL);
	}
	r->key = *k;
	r->view = view;
	memcpy(r->digest, more->digest, sizeof(r->digest));
	if (more->preview.p != NULL &&
	    (r->preview = malloc(more->preview.len + 1)) != NULL) {
		memcpy(r->preview, more->preview.p, more->preview.len);
		r->npreview = more->preview.len;
	}
	r->refs = 1;
	if (map_put(vc->by_key, key_str(k), r) == -1)
		return (r);
	r->shelf = s;
	viewref_count(r);
	TAILQ_INSERT_HEAD(&s->refs, r, next);
	shelf_trim(s);
	return (r);
}

const struct view *
viewref_view(const struct viewref *r)
{
	return (r->view);
}

const uint8_t *
viewref_digest(const struct viewref *r)
{
	return (r->digest);
}

struct str
viewref_preview(const struct viewref *r)
{
	return (str_of(r->preview, r->npreview));
}

struct viewref *
viewref_ref(struct viewref *r)
{
	r->refs++;
	return (r);
}

void
viewref_unref(struct viewref *r)
{
	if (r == NULL || --r->refs > 0)
		return;
	if (r->shelf == NULL) {
		viewref_free(r);
		return;
	}
	viewref_count(r);
	shelf_trim(r->shelf);
}

void
viewcache_del(struct viewcache *vc, const struct seen_key *k)
{
	struct viewref *r;

	if ((r = map_get(vc->by_key, key_str(k))) != NULL)
		viewref_unlist(r);
}

void
viewcache_drop(struct viewcache *vc, struct str login)
{
	struct str key;
	void *value;
	size_t pos = 0;

	if (login.len > 0) {
		map_del(vc->shelves, login);
		return;
	}
	while (map_next(vc->shelves, &pos, &key, &value))
		map_del(vc->shelves, key);
}

size_t
viewcache_bytes(const struct viewcache *vc)
{
	return (vc->bytes);
}

size_t
viewcache_count(const struct viewcache *vc)
{
	return (map_count(vc->by_key));
}
