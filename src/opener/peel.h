/*
 * peel.h - take the layers of CMS off a message (RFC 8551 3.7).
 *
 * Only the root entity is looked at, again and again to LIMIT_CMS_DEPTH: a
 * CMS part deeper down stays an attachment.  What comes out is one entity
 * and what the layers said about it.
 */
#ifndef WAXWING_OPENER_PEEL_H
#define WAXWING_OPENER_PEEL_H

#include <stdint.h>

#include "base/limits.h"
#include "proto/open.h"
#include "smime/entity.h"

struct peel_layer {
	struct buf text; /* what this layer held, or its DER */
	struct cms_signed sig;
	bool is_signed;
};

struct peeled {
	enum open_result result;
	enum open_cipher cipher; /* of the innermost encryption */
	const char *cipher_name; /* "AES-256-CBC", or NULL */
	struct str entity;       /* in the wire text or in a layer */
	struct peel_layer layers[LIMIT_CMS_DEPTH];
	size_t nlayers;
	size_t first_sig;    /* layers before this one lie outside the innermost
	                      * encryption: their signatures say nothing */
	uint8_t content[32]; /* by what the outermost CMS is known again: its
	                      * key as it is encrypted to us; SHA-256 */
	bool own;            /* the account sealed it to itself: entity is the
	                      * whole message (smime/ownmail.h) */
	bool kept;           /* a signature stayed on, as was asked */
	const char *problem; /* why the last layer stayed on, or NULL */
};

/* The base64 of a message, decoded before it was whole. */
struct peel_early {
	size_t from; /* where in the wire text it begins; it goes to the end */
	struct buf der;
};

struct peel_ask {
	struct str wire;
	const struct keydb *keys;
	struct cert_cache *cache;
	bool keep_signature; /* leave signatures inside the encryption */
	bool own;            /* look for what the account sealed to itself */
	bool outside;        /* check a multipart/signed root, too */
	struct peel_early *early; /* its buffer may be taken; may be NULL */
};

/*
 * Peel wire.  0 with the result in *p, whose problem tells of messages that
 * could not be opened; -1 only when memory is out.  peeled_clear() wipes.
 */
int peel(const struct peel_ask *, struct peeled *, struct err *);
void peeled_clear(struct peeled *);

#endif
