#include "config.h"

#include "proto/enrol.h"

void
account_seen_put(struct buf *b, const struct account_seen *q)
{
	rec_put_str(b, q->account);
	rec_put_bool(b, q->loopback);
}

int
account_seen_get(struct str in, struct account_seen *q, struct err *err)
{
	struct rec r;

	rec_init(&r, in);
	q->account = rec_get_str(&r);
	q->loopback = rec_get_bool(&r);
	return (rec_end(&r, err));
}

void
challenge_find_req_put(struct buf *b, const struct challenge_find_req *q)
{
	rec_put_str(b, q->account);
	rec_put_str(b, q->from);
	rec_put_str(b, q->to);
	rec_put_u32(b, q->uidvalidity);
	rec_put_u32(b, q->low);
	rec_put_u32(b, q->high);
}

int
challenge_find_req_get(struct str in, struct challenge_find_req *q,
    struct err *err)
{
	struct rec r;

	rec_init(&r, in);
	q->account = rec_get_str(&r);
	q->from = rec_get_str(&r);
	q->to = rec_get_str(&r);
	q->uidvalidity = rec_get_u32(&r);
	q->low = rec_get_u32(&r);
	q->high = rec_get_u32(&r);
	return (rec_end(&r, err));
}

void
challenge_find_ans_put(struct buf *b, const struct challenge_find_ans *q)
{
	rec_put_err(b, &q->err);
	rec_put_u32(b, q->uidvalidity);
	rec_put_u32(b, q->uid);
}

int
challenge_find_ans_get(struct str in, struct challenge_find_ans *q,
    struct err *err)
{
	struct rec r;

	rec_init(&r, in);
	rec_get_err(&r, &q->err);
	q->uidvalidity = rec_get_u32(&r);
	q->uid = rec_get_u32(&r);
	return (rec_end(&r, err));
}

void
challenge_check_req_put(struct buf *b, const struct challenge_check_req *q)
{
	rec_put_str(b, q->from);
	rec_put_str(b, q->to);
	rec_put_u64(b, (uint64_t)q->time);
	rec_put_str(b, q->keys);
}

int
challenge_check_req_get(struct str in, struct challenge_check_req *q,
    struct err *err)
{
	struct rec r;

	rec_init(&r, in);
	q->from = rec_get_str(&r);
	q->to = rec_get_str(&r);
	q->time = (int64_t)rec_get_u64(&r);
	q->keys = rec_get_str(&r);
	return (rec_end(&r, err));
}

void
challenge_check_ans_put(struct buf *b, const struct challenge_check_ans *q)
{
	rec_put_err(b, &q->err);
	rec_put_str(b, q->token1);
	rec_put_str(b, q->message_id);
	rec_put_str(b, q->reply_to);
	rec_put_str(b, q->key);
}

int
challenge_check_ans_get(struct str in, struct challenge_check_ans *q,
    struct err *err)
{
	struct rec r;

	rec_init(&r, in);
	rec_get_err(&r, &q->err);
	q->token1 = rec_get_str(&r);
	q->message_id = rec_get_str(&r);
	q->reply_to = rec_get_str(&r);
	q->key = rec_get_str(&r);
	return (rec_end(&r, err));
}

void
reply_submit_req_put(struct buf *b, const struct reply_submit_req *q)
{
	rec_put_str(b, q->account);
	rec_put_str(b, q->from);
	rec_put_str(b, q->to);
}

int
reply_submit_req_get(struct str in, struct reply_submit_req *q, struct err *err)
{
	struct rec r;

	rec_init(&r, in);
	q->account = rec_get_str(&r);
	q->from = rec_get_str(&r);
	q->to = rec_get_str(&r);
	return (rec_end(&r, err));
}

void
challenge_remove_req_put(struct buf *b, const struct challenge_remove_req *q)
{
	rec_put_str(b, q->account);
	rec_put_u32(b, q->uidvalidity);
	rec_put_u32(b, q->uid);
}

int
challenge_remove_req_get(struct str in, struct challenge_remove_req *q,
    struct err *err)
{
	struct rec r;

	rec_init(&r, in);
	q->account = rec_get_str(&r);
	q->uidvalidity = rec_get_u32(&r);
	q->uid = rec_get_u32(&r);
	return (rec_end(&r, err));
}

void
jws_req_put(struct buf *b, const struct jws_req *q)
{
	rec_put_str(b, q->account);
	rec_put_u8(b, q->kind);
	rec_put_str(b, q->url);
	rec_put_str(b, q->nonce);
	rec_put_str(b, q->kid);
	rec_put_str(b, q->address);
	rec_put_bool(b, q->create);
	rec_put_bool(b, q->rotate);
	rec_put_u64(b, q->from);
	rec_put_bytes(b, q->fingerprint, sizeof(q->fingerprint));
}

int
jws_req_get(struct str in, struct jws_req *q, struct err *err)
{
	struct rec r;

	rec_init(&r, in);
	q->account = rec_get_str(&r);
	q->kind = rec_get_enum(&r, JWS_KIND_MAX);
	q->url = rec_get_str(&r);
	q->nonce = rec_get_str(&r);
	q->kid = rec_get_str(&r);
	q->address = rec_get_str(&r);
	q->create = rec_get_bool(&r);
	q->rotate = rec_get_bool(&r);
	q->from = rec_get_u64(&r);
	rec_get_bytes(&r, q->fingerprint, sizeof(q->fingerprint));
	return (rec_end(&r, err));
}

void
jws_ans_put(struct buf *b, const struct jws_ans *q)
{
	rec_put_err(b, &q->err);
	rec_put_str(b, q->jws);
}

int
jws_ans_get(struct str in, struct jws_ans *q, struct err *err)
{
	struct rec r;

	rec_init(&r, in);
	rec_get_err(&r, &q->err);
	q->jws = rec_get_str(&r);
	return (rec_end(&r, err));
}

void
digest_req_put(struct buf *b, const struct digest_req *q)
{
	rec_put_str(b, q->account);
	rec_put_str(b, q->token1);
	rec_put_str(b, q->token2);
}

int
digest_req_get(struct str in, struct digest_req *q, struct err *err)
{
	struct rec r;

	rec_init(&r, in);
	q->account = rec_get_str(&r);
	q->token1 = rec_get_str(&r);
	q->token2 = rec_get_str(&r);
	return (rec_end(&r, err));
}

void
take_req_put(struct buf *b, const struct take_req *q)
{
	rec_put_str(b, q->account);
	rec_put_str(b, q->address);
}

int
take_req_get(struct str in, struct take_req *q, struct err *err)
{
	struct rec r;

	rec_init(&r, in);
	q->account = rec_get_str(&r);
	q->address = rec_get_str(&r);
	return (rec_end(&r, err));
}

void
enrol_req_put(struct buf *b, const struct enrol_req *q)
{
	rec_put_str(b, q->address);
	rec_put_str(b, q->text);
}

int
enrol_req_get(struct str in, struct enrol_req *q, struct err *err)
{
	struct rec r;

	rec_init(&r, in);
	q->address = rec_get_str(&r);
	q->text = rec_get_str(&r);
	return (rec_end(&r, err));
}
