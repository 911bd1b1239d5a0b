#include "config.h"

#include "proto/open.h"

#include <string.h>

void
open_ahead_put(struct buf *b, const struct open_ahead *a)
{
	rec_put_u32(b, a->number);
	rec_put_u64(b, a->total);
	rec_put_u64(b, a->here);
}

int
open_ahead_get(struct str in, struct open_ahead *a, struct err *err)
{
	struct rec r;

	rec_init(&r, in);
	a->number = rec_get_u32(&r);
	a->total = rec_get_u64(&r);
	a->here = rec_get_u64(&r);
	return (rec_end(&r, err));
}

void
open_req_put(struct buf *b, const struct open_req *q)
{
	rec_put_str(b, q->account);
	rec_put_u64(b, (uint64_t)q->first_seen);
	rec_put_str(b, q->status);
	rec_put_bool(b, q->other_from);
	rec_put_bool(b, q->text);
	rec_put_bool(b, q->harvest);
	rec_put_bool(b, q->closed);
}

int
open_req_get(struct str in, struct open_req *q, struct err *err)
{
	struct rec r;

	rec_init(&r, in);
	q->account = rec_get_str(&r);
	q->first_seen = (int64_t)rec_get_u64(&r);
	q->status = rec_get_str(&r);
	q->other_from = rec_get_bool(&r);
	q->text = rec_get_bool(&r);
	q->harvest = rec_get_bool(&r);
	q->closed = rec_get_bool(&r);
	return (rec_end(&r, err));
}

void
open_ans_put(struct buf *b, const struct open_ans *a)
{
	rec_put_err(b, &a->err);
	rec_put_u8(b, a->result);
	rec_put_u8(b, a->cipher);
	rec_put_u8(b, a->sign);
	rec_put_bool(b, a->own);
	rec_put_str(b, a->signer);
	rec_put_str(b, a->problem);
	rec_put_str(b, a->from);
	rec_put_str(b, a->status);
	rec_put_bytes(b, a->content, sizeof(a->content));
	rec_put_bytes(b, a->view, sizeof(a->view));
	rec_put_bool(b, a->preview.p != NULL);
	rec_put_str(b, a->preview.p != NULL ? a->preview : STR(""));
	harvest_put(b, &a->harvest);
}

int
open_ans_get(struct str in, struct open_ans *a, struct err *err)
{
	bool previewed;
	struct rec r;

	rec_init(&r, in);
	rec_get_err(&r, &a->err);
	a->result = rec_get_enum(&r, OPEN_KEY_LATER);
	a->cipher = rec_get_enum(&r, OPEN_AEAD);
	a->sign = rec_get_enum(&r, SIGN_UNTRUSTED);
	a->own = rec_get_bool(&r);
	a->signer = rec_get_str(&r);
	a->problem = rec_get_str(&r);
	a->from = rec_get_str(&r);
	a->status = rec_get_str(&r);
	rec_get_bytes(&r, a->content, sizeof(a->content));
	rec_get_bytes(&r, a->view, sizeof(a->view));
	previewed = rec_get_bool(&r);
	a->preview = rec_get_str(&r);
	/* It goes to clients as a string. */
	if (a->preview.len > OPEN_PREVIEW_MAX ||
	    str_find(a->preview, '\0') < a->preview.len ||
	    (!previewed && a->preview.len > 0))
		r.bad = true;
	if (!previewed)
		a->preview.p = NULL;
	harvest_get(&r, &a->harvest);
	return (rec_end(&r, err));
}

void
text_req_put(struct buf *b, const struct text_req *q)
{
	rec_put_bool(b, q->whole);
}

int
text_req_get(struct str in, struct text_req *q, struct err *err)
{
	struct rec r;

	rec_init(&r, in);
	q->whole = rec_get_bool(&r);
	return (rec_end(&r, err));
}
