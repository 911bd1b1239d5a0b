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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
