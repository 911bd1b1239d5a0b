#include "config.h"

#include "proto/harvest.h"

void
harvest_put(struct buf *b, const struct harvest *h)
{
	rec_put_str(b, h->address);
	rec_put_bytes(b, h->fingerprint, sizeof(h->fingerprint));
	rec_put_bool(b, h->caps);
	rec_put_bool(b, h->gcm);
	rec_put_bool(b, h->oaep);
	rec_put_str(b, h->certs);
}

void
harvest_get(struct rec *r, struct harvest *h)
{
	h->address = rec_get_str(r);
	rec_get_bytes(r, h->fingerprint, sizeof(h->fingerprint));
	h->caps = rec_get_bool(r);
	h->gcm = rec_get_bool(r);
	h->oaep = rec_get_bool(r);
	h->certs = rec_get_str(r);
}
