#include "config.h"

#include "proto/keys.h"

void
key_import_req_put(struct buf *b, const struct key_import_req *q)
{
	rec_put_str(b, q->account);
	rec_put_str(b, q->address);
}

int
key_import_req_get(struct str in, struct key_import_req *q, struct err *err)
{
	struct rec r;

	rec_init(&r, in);
	q->account = rec_get_str(&r);
	q->address = rec_get_str(&r);
	return (rec_end(&r, err));
}

void
key_arrived_put(struct buf *b, const struct key_arrived *q)
{
	rec_put_str(b, q->account);
	rec_put_str(b, q->issuer_serial);
	rec_put_str(b, q->ski);
}

int
key_arrived_get(struct str in, struct key_arrived *q, struct err *err)
{
	struct rec r;

	rec_init(&r, in);
	q->account = rec_get_str(&r);
	q->issuer_serial = rec_get_str(&r);
	q->ski = rec_get_str(&r);
	return (rec_end(&r, err));
}

void
verify_req_put(struct buf *b, const struct verify_req *q)
{
	rec_put_u8(b, q->usage);
	rec_put_str(b, q->address);
	rec_put_u64(b, (uint64_t)q->time);
	rec_put_bool(b, q->manual);
}

int
verify_req_get(struct str in, struct verify_req *q, struct err *err)
{
	struct rec r;

	rec_init(&r, in);
	q->usage = rec_get_enum(&r, USAGE_ENCRYPT | USAGE_SIGN);
	q->address = rec_get_str(&r);
	q->time = (int64_t)rec_get_u64(&r);
	q->manual = rec_get_bool(&r);
	return (rec_end(&r, err));
}

void
cert_rec_put(struct buf *b, const struct cert_rec *c)
{
	rec_put_err(b, &c->verdict);
	rec_put_str(b, c->der);
	rec_put_str(b, c->addresses);
	rec_put_str(b, c->subject);
	rec_put_bytes(b, c->fingerprint, sizeof(c->fingerprint));
	rec_put_u8(b, c->usage);
	rec_put_bool(b, c->gcm);
	rec_put_bool(b, c->oaep);
	rec_put_u64(b, (uint64_t)c->not_before);
	rec_put_u64(b, (uint64_t)c->not_after);
}

int
cert_rec_get(struct rec *r, struct cert_rec *c, struct err *err)
{
	if (!r->bad && r->pos == r->in.len)
		return (0);
	rec_get_err(r, &c->verdict);
	c->der = rec_get_str(r);
	c->addresses = rec_get_str(r);
	c->subject = rec_get_str(r);
	rec_get_bytes(r, c->fingerprint, sizeof(c->fingerprint));
	c->usage = rec_get_enum(r, USAGE_ENCRYPT | USAGE_SIGN);
	c->gcm = rec_get_bool(r);
	c->oaep = rec_get_bool(r);
	c->not_before = (int64_t)rec_get_u64(r);
	c->not_after = (int64_t)rec_get_u64(r);
	if (!r->bad)
		return (1);
	err_set(err, ERR_SYNTAX, "malformed certificate record");
	return (-1);
}
