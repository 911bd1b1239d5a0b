/*
 * fetch.h - the FETCH command as a value (RFC 3501 section 6.4.5).
 *
 * Parsed once; whether it passes or becomes a job is decided by the sources
 * of its items.
 */
#ifndef WAXWING_IMAP_FETCH_H
#define WAXWING_IMAP_FETCH_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/span.h"
#include "imap/render.h"
#include "imap/section.h"

/* Items of one command: there are about 20 kinds, and sections. */
#define FETCH_ITEMS 200

struct fetch_item {
	struct str name; /* in the answer */
	enum item_source source;
	const struct item_kind *kind;  /* NULL for BODY[...] */
	const struct section *section; /* BODY[...], RFC822 and its kin */
	bool lazy;                     /* PREVIEW (LAZY): NIL will do */
};

struct fetch {
	struct str set;  /* as written */
	struct str text; /* the items as written: what a server is asked */
	struct str mods; /* the modifiers as written: "(...)", or empty */
	uint32_t ext;    /* enum caps_ext: what the server must have */
	bool changed;    /* CHANGEDSINCE ... (RFC 7162 section 3.1.4.1) */
	uint64_t since;  /* ... this; MODSEQ was added to the items */
	bool vanished;   /* VANISHED (section 3.2.6) */
	struct fetch_item *items;
	size_t nitems;
	size_t max;     /* room in items */
	bool uid;       /* UID is among them */
	bool flags;     /* FLAGS is */
	bool view;      /* some are made of the message's bytes */
	bool seen;      /* some set \Seen */
	struct str bad; /* if it was not understood: what it is about, or "" */
	bool foreign; /* some are not in any RFC (Outlook's RFC822.PEEK), so the
	               * server cannot be asked */
};

/*
 * Parse what follows "FETCH ".  Memory comes from the arena; set and text
 * point into args.  False with the reason in why: bad syntax, or an item or
 * modifier we do not offer.
 */
bool fetch_parse(struct str args, struct arena *, struct fetch *,
    const char **why);

/* Is it among the items? */
bool fetch_has(const struct fetch *, const char *name);

/* Write the items as a list for a server, without literals. */
void fetch_print_items(const struct fetch *, struct buf *);

#endif
