/*
 * base64bio.h - base64 as a user of libcrypto writes it.
 */
#ifndef WAXWING_TESTS_BENCH_BASE64BIO_H
#define WAXWING_TESTS_BENCH_BASE64BIO_H

#include <openssl/bio.h>

/* Write bytes in lines of 64 characters. */
void base64_write(BIO *, const unsigned char *, size_t);

#endif
