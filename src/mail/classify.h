/*
 * classify.h - is a message ours to open?
 *
 * Decided from the few fields that a probe asks for (Content-Type,
 * Content-Disposition, Authentication-Results, Waxwing-Status).
 */
#ifndef WAXWING_MAIL_CLASSIFY_H
#define WAXWING_MAIL_CLASSIFY_H

#include "base/span.h"

/* Goes up whenever the same fields may get another answer; stored classes
 * of another version are asked for again. */
#define CLASSIFIER_VERSION 1

/* Those fields, as HEADER.FIELDS (RFC 3501 6.4.5) lists them. */
#define CLASSIFY_FIELDS                                            \
	"CONTENT-TYPE CONTENT-DISPOSITION AUTHENTICATION-RESULTS " \
	"WAXWING-STATUS"

enum mail_class {
	CLASS_PLAIN,  /* passes byte for byte */
	CLASS_SEALED, /* is answered from a view */
};

/* header is a header block (RFC 5322); authserv is our authserv-id. */
enum mail_class classify(struct str header, struct str authserv);

/* A plain one with a multipart/signed root (RFC 1847), worth a look for the
 * certificates in it. */
bool classify_signed(struct str header);

#endif
