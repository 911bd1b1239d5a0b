/*
 * member.h - taking members out of JSON objects, for the parsers of this room.
 *
 * All copy into the arena and fill err with ERR_SYNTAX and the member's name,
 * or ERR_LIMIT or ERR_MEMORY.
 */
#ifndef WAXWING_ACME_MEMBER_H
#define WAXWING_ACME_MEMBER_H

#include <jansson.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

enum need { OPTIONAL, REQUIRED };

/* A string of at most max bytes; empty if it is optional and missing. */
int member_str(const json_t *, const char *name, enum need, size_t max,
    struct arena *, struct str *out, struct err *);

/* A string of base64url, decoded to at most max bytes. */
int member_b64url(const json_t *, const char *name, enum need, size_t max,
    struct arena *, struct str *out, struct err *);

/* The same of a value that is no member, for the elements of arrays. */
int member_value_str(const json_t *, const char *what, size_t max,
    struct arena *, struct str *out, struct err *);
int member_value_b64url(const json_t *, const char *what, size_t max,
    struct arena *, struct str *out, struct err *);

/* A whole number >= 0; 0 if it is optional and missing. */
int member_uint(const json_t *, const char *name, enum need, uint64_t *out,
    struct err *);

/* true or false; false if it is missing. */
int member_flag(const json_t *, const char *name, bool *out, struct err *);

/* An array of at most max elements, borrowed; NULL if it is missing. */
int member_list(const json_t *, const char *name, enum need, size_t max,
    const json_t **out, struct err *);

/* A URL: printable ASCII without blanks, no more is asked. */
int member_value_url(const json_t *, const char *what, struct arena *,
    struct str *out, struct err *);
int member_url(const json_t *, const char *name, enum need, struct arena *,
    struct str *out, struct err *);

/* Setting members; they count failures in *bad, so that the writer checks
 * once. */
void member_set_str(json_t *, const char *name, struct str, bool *bad);
void member_set_b64url(json_t *, const char *name, struct str, bool *bad);
void member_set_uint(json_t *, const char *name, uint64_t, bool *bad);
void member_add_b64url(json_t *array, struct str, bool *bad);

#endif
