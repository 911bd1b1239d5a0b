/*
 * codec.h - base64 (RFC 2045 6.8), quoted-printable (6.7), PEM, hex.
 *
 * All are incremental: any cutting of the input gives the same output.
 * Decoders write at most as many bytes as they read, plus 3.
 */
#ifndef WAXWING_BASE_CODEC_H
#define WAXWING_BASE_CODEC_H

#include <stdint.h>

#include "base/buf.h"
#include "base/span.h"

/*
 * Base64 decoder.  Characters outside the alphabet are skipped, as RFC 2045
 * demands; decoding ends at the padding.  Whatever follows it is ignored.
 */
struct b64dec {
	uint32_t bits;
	unsigned n; /* sextets held */
	bool done;  /* met "=" */
};
void b64dec_init(struct b64dec *);
/* Returns the number of bytes written to out (>= len / 4 * 3 + 3 big). */
size_t b64dec_feed(struct b64dec *, const char *, size_t len, char *out);

/* Whole-string base64 without line breaks (SASL, keys): -1 unless s is valid
 * base64 with correct padding and nothing else, or the buffer is full. */
int b64_decode(struct str s, struct buf *out);
void b64_encode(struct str s, struct buf *out);

/* MIME base64: lines of 76 and CRLF after each, the last too. */
struct b64enc {
	unsigned char held[57];
	size_t n;
};
void b64enc_init(struct b64enc *);
void b64enc_feed(struct b64enc *, const void *, size_t, struct buf *out);
void b64enc_end(struct b64enc *, struct buf *out);

/*
 * Quoted-printable decoder.  Malformed escapes are kept as they stand;
 * trailing white space of a line is dropped (RFC 2045 6.7 rule 3).
 */
struct qpdec {
	char held[80];
	size_t n;
	bool overlong;
};
void qpdec_init(struct qpdec *);
void qpdec_feed(struct qpdec *, const char *, size_t, struct buf *out);
void qpdec_end(struct qpdec *, struct buf *out);

/* Whole text to quoted-printable with CRLF line ends kept. */
void qp_encode(struct str s, struct buf *out);

/* Append a certificate in PEM (RFC 7468 section 5), its lines with CRLF. */
void pem_cert_put(struct str der, struct buf *out);

/* What one hex digit of either case stands for, or -1. */
int hex_value(char);
/* Lower-case hex of n bytes: writes 2n characters and a NUL. */
void hex_encode(const void *, size_t n, char *out);
/* -1 unless s is exactly 2n hex digits. */
int hex_decode(struct str s, void *out, size_t n);

#endif
