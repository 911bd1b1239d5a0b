#include "config.h"

#include "proto/seal.h"

#include <string.h>

void
sender_req_put(struct buf *b, const struct sender_req *q)
{
	rec_put_str(b, q->account);
	rec_put_str(b, q->address);
}

int
sender_req_get(struct str in, struct sender_req *q, struct err *err)
{
	struct rec r;

	rec_init(&r, in);
	q->account = rec_get_str(&r);
	q->address = rec_get_str(&r);
	return (rec_end(&r, err));
}

void
sender_ans_put(struct buf *b, const struct sender_ans *a)
{
	rec_put_err(b, &a->err);
	rec_put_bool(b, a->owned);
	rec_put_bool(b, a->sign);
	rec_put_bool(b, a->encrypt);
	rec_put_bool(b, a->lapsed);
	rec_put_bool(b, a->gcm);
	rec_put_bool(b, a->oaep);
}

int
sender_ans_get(struct str in, struct sender_ans *a, struct err *err)
{
	struct rec r;

	rec_init(&r, in);
	rec_get_err(&r, &a->err);
	a->owned = rec_get_bool(&r);
	a->sign = rec_get_bool(&r);
	a->encrypt = rec_get_bool(&r);
	a->lapsed = rec_get_bool(&r);
	a->gcm = rec_get_bool(&r);
	a->oaep = rec_get_bool(&r);
	return (rec_end(&r, err));
}

void
seal_req_put(struct buf *b, const struct seal_req *q)
{
	size_t i;

	rec_put_str(b, q->account);
	rec_put_str(b, q->address);
	rec_put_bool(b, q->sign);
	rec_put_bool(b, q->encrypt);
	rec_put_u8(b, q->cipher);
	rec_put_bool(b, q->oaep);
	rec_put_u64(b, (uint64_t)q->time);
	rec_put_u32(b, (uint32_t)(q->nrecipients * FINGERPRINT));
	for (i = 0; i < q->nrecipients; i++)
		rec_put_bytes(b, q->recipients[i], FINGERPRINT);
}

int
seal_req_get(struct str in, struct seal_req *q, struct err *err)
{
	struct str list;
	struct rec r;

	rec_init(&r, in);
	q->account = rec_get_str(&r);
	q->address = rec_get_str(&r);
	q->sign = rec_get_bool(&r);
	q->encrypt = rec_get_bool(&r);
	q->cipher = rec_get_enum(&r, SEAL_GCM);
	q->oaep = rec_get_bool(&r);
	q->time = (int64_t)rec_get_u64(&r);
	list = rec_get_str(&r);
	if (list.len % FINGERPRINT != 0)
		r.bad = true;
	/* a cast from const char * to a const array would drop its const */
	memcpy(&q->recipients, &list.p, sizeof(list.p));
	q->nrecipients = r.bad ? 0 : list.len / FINGERPRINT;
	return (rec_end(&r, err));
}

void
seal_ans_put(struct buf *b, const struct seal_ans *a)
{
	rec_put_err(b, &a->err);
}

int
seal_ans_get(struct str in, struct seal_ans *a, struct err *err)
{
	struct rec r;

	rec_init(&r, in);
	rec_get_err(&r, &a->err);
	return (rec_end(&r, err));
}

void
self_req_put(struct buf *b, const struct self_req *q)
{
	rec_put_str(b, q->account);
	rec_put_u8(b, q->cipher);
}

int
self_req_get(struct str in, struct self_req *q, struct err *err)
{
	struct rec r;

	rec_init(&r, in);
	q->account = rec_get_str(&r);
	q->cipher = rec_get_enum(&r, SEAL_GCM);
	return (rec_end(&r, err));
}
