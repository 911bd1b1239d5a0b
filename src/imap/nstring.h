/*
 * nstring.h - strings in FETCH answers (RFC 3501 section 4.3), chosen between
 * quoted and literal as Dovecot chooses.
 *
 * A str whose p is NULL is written as NIL.  Values hold no NUL.
 */
#ifndef WAXWING_IMAP_NSTRING_H
#define WAXWING_IMAP_NSTRING_H

#include "base/buf.h"
#include "base/span.h"

void nstring_put(struct buf *, struct str);

/* The same with the line ends of folding taken out. */
void nstring_put_unfolded(struct buf *, struct str);

/* For texts that people read: white space becomes single spaces, and a
 * literal is taken for whatever needs a second thought. */
void nstring_put_text(struct buf *, struct str);

/* A quoted string; what cannot stand in one (CR, LF, 8 bit) is left out. */
void nstring_put_quoted(struct buf *, struct str);

#endif
