/*
 * num.h - checked arithmetic and the one number parser.
 */
#ifndef WAXWING_BASE_NUM_H
#define WAXWING_BASE_NUM_H

#include <stdint.h>

#include "base/span.h"

/* *out = a + b or a * b; false, and *out untouched, on overflow. */
bool num_add(size_t a, size_t b, size_t *out);
bool num_mul(size_t a, size_t b, size_t *out);

/*
 * Parse all of s as decimal digits with value <= max.  False on an empty or
 * malformed s or a larger value; leading zeros are allowed.
 */
bool num_parse(struct str s, uint64_t max, uint64_t *out);

/* Parse the digits at the start of s; returns how many were read (0: none,
 * or the value is larger than max). */
size_t num_lead(struct str s, uint64_t max, uint64_t *out);

#endif
