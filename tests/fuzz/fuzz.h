/*
 * fuzz.h - what a fuzz target includes.
 *
 * A target states a property with assert() and returns 0.  It must not depend
 * on anything but its input.
 */
#ifndef WAXWING_TESTS_FUZZ_FUZZ_H
#define WAXWING_TESTS_FUZZ_FUZZ_H

/* The asserts are the point. */
#undef NDEBUG
#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Input in two pieces, cut anywhere, leaves the same trace as in one (cut 0).
 */
static inline int
fuzz_cut(void (*trace)(struct buf *, struct str, size_t cut),
    const uint8_t *data, size_t size)
{
	struct str in = str_of((const char *)data, size);
	struct buf whole, split;

	if (size == 0)
		return (0);
	buf_init(&whole, (size_t)1 << 24);
	buf_init(&split, (size_t)1 << 24);
	trace(&whole, in, 0);
	trace(&split, in, data[size - 1] % size);
	assert(!whole.failed && str_eq(buf_text(&whole), buf_text(&split)));
	buf_clear(&split);
	buf_clear(&whole);
	return (0);
}

#endif
