/*
 * rec.h - how records between roles are spelt: fixed-width big-endian numbers
 * and length-prefixed strings, written with rec_put_* into a buf and read
 * with the rec_get_* of the same name.
 *
 * A reader has a sticky "bad": a short or malformed record yields zeros and
 * empty strings and is caught once, by rec_end().
 */
#ifndef WAXWING_PROTO_REC_H
#define WAXWING_PROTO_REC_H

#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/span.h"

void rec_put_u8(struct buf *, uint8_t);
void rec_put_u32(struct buf *, uint32_t);
void rec_put_u64(struct buf *, uint64_t);
void rec_put_bool(struct buf *, bool);
void rec_put_str(struct buf *, struct str);
void rec_put_bytes(struct buf *, const void *, size_t); /* fixed length */
void rec_put_err(struct buf *, const struct err *);

struct rec {
	struct str in;
	size_t pos;
	bool bad;
};

void rec_init(struct rec *, struct str);
uint8_t rec_get_u8(struct rec *);
uint32_t rec_get_u32(struct rec *);
uint64_t rec_get_u64(struct rec *);
bool rec_get_bool(struct rec *);
struct str rec_get_str(struct rec *); /* borrowed from the record */
void rec_get_bytes(struct rec *, void *, size_t);
void rec_get_err(struct rec *, struct err *);
/* A u8 that must be <= max. */
uint8_t rec_get_enum(struct rec *, uint8_t max);

/* 0 if all was well and all was read; else -1 with ERR_SYNTAX. */
int rec_end(const struct rec *, struct err *);

#endif
