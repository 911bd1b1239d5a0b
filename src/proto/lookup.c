#include "config.h"

#include "proto/lookup.h"

void
lookup_req_put(struct buf *b, const struct lookup_req *q)
{
	rec_put_str(b, q->address);
}

int
lookup_req_get(struct str in, struct lookup_req *q, struct err *err)
{
	struct rec r;

	rec_init(&r, in);
	q->address = rec_get_str(&r);
	return (rec_end(&r, err));
}

void
lookup_ans_put(struct buf *b, const struct lookup_ans *a)
{
	rec_put_err(b, &a->err);
	rec_put_u8(b, a->state);
	rec_put_bool(b, a->recent);
	rec_put_bytes(b, a->fingerprint, sizeof(a->fingerprint));
	rec_put_bool(b, a->gcm);
	rec_put_bool(b, a->oaep);
	rec_put_u64(b, (uint64_t)a->not_after);
	rec_put_u8(b, a->trust);
	rec_put_bool(b, a->pending);
	rec_put_bytes(b, a->waits, sizeof(a->waits));
}

int
lookup_ans_get(struct str in, struct lookup_ans *a, struct err *err)
{
	struct rec r;

	rec_init(&r, in);
	rec_get_err(&r, &a->err);
	a->state = rec_get_enum(&r, LOOKUP_ERROR);
	a->recent = rec_get_bool(&r);
	rec_get_bytes(&r, a->fingerprint, sizeof(a->fingerprint));
	a->gcm = rec_get_bool(&r);
	a->oaep = rec_get_bool(&r);
	a->not_after = (int64_t)rec_get_u64(&r);
	a->trust = rec_get_enum(&r, TRUST_HARVESTED);
	a->pending = rec_get_bool(&r);
	rec_get_bytes(&r, a->waits, sizeof(a->waits));
	return (rec_end(&r, err));
}
