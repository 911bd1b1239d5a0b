/*
 * pins.h - what the conf says is to be believed: authorities of S/MIME
 * certificates ([cloud] and [trust] ca_file), and the keys of the key service
 * ([cloud] kms_key).
 */
#ifndef WAXWING_SEALER_PINS_H
#define WAXWING_SEALER_PINS_H

#include "smime/chain.h"
#include "sys/conf.h"

struct pins;

struct pins *pins_new(const struct conf *, struct cert_cache *, struct err *);
void pins_free(struct pins *); /* accepts NULL */

/* Does the chain of a certificate lead to an authority? */
int pins_chain(const struct pins *, struct cert *, struct cert *const *extra,
    size_t nextra, enum cert_use, struct str address, int64_t at, struct err *);

/* Is it the key service's? */
bool pins_kms(const struct pins *, const struct cert *);

/* Is there any key of a key service? */
bool pins_have_kms(const struct pins *);

#endif
