#include "config.h"

#include "proto/keys.h"

#include <string.h>

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
list_req_put(struct buf *b, struct str whose)
{
	rec_put_str(b, whose);
}

int
list_req_get(struct str in, struct str *whose, struct err *err)
{
	struct rec r;

	rec_init(&r, in);
	*whose = rec_get_str(&r);
	return (rec_end(&r, err));
}

void
approve_req_put(struct buf *b, const struct approve_req *q)
{
	rec_put_str(b, q->address);
	rec_put_bool(b, q->named);
	rec_put_bytes(b, q->fingerprint, sizeof(q->fingerprint));
}

int
approve_req_get(struct str in, struct approve_req *q, struct err *err)
{
	struct rec r;

	rec_init(&r, in);
	q->address = rec_get_str(&r);
	q->named = rec_get_bool(&r);
	rec_get_bytes(&r, q->fingerprint, sizeof(q->fingerprint));
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
	rec_put_bool(b, q->revocation);
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
	q->revocation = rec_get_bool(&r);
	return (rec_end(&r, err));
}

void
verify_ans_put(struct buf *b, const struct verify_ans *q)
{
	rec_put_err(b, &q->err);
	rec_put_str(b, q->crl);
}

int
verify_ans_get(struct str in, struct verify_ans *q, struct err *err)
{
	struct rec r;

	rec_init(&r, in);
	rec_get_err(&r, &q->err);
	q->crl = rec_get_str(&r);
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

struct str
key_id_prefix(struct key_id *id, enum key_purpose purpose,
    const uint8_t account[32])
{
	id->b[0] = (char)purpose;
	memcpy(id->b + 1, account, 32);
	return (str_of(id->b, sizeof(id->b) - FINGERPRINT));
}

struct str
key_id_make(struct key_id *id, enum key_purpose purpose,
    const uint8_t account[32], const uint8_t fingerprint[FINGERPRINT])
{
	struct str prefix = key_id_prefix(id, purpose, account);

	memcpy(id->b + prefix.len, fingerprint, FINGERPRINT);
	return (str_of(id->b, sizeof(id->b)));
}

bool
key_id_fingerprint(struct str id, uint8_t fingerprint[FINGERPRINT])
{
	if (id.len != sizeof(struct key_id) ||
	    (id.p[0] != KEY_OPENS && id.p[0] != KEY_SIGNS))
		return (false);
	memcpy(fingerprint, id.p + id.len - FINGERPRINT, FINGERPRINT);
	return (true);
}

void
key_id_aad(struct buf *b, enum key_purpose purpose, struct str account,
    const uint8_t fingerprint[FINGERPRINT])
{
	rec_put_u8(b, (uint8_t)purpose);
	rec_put_str(b, account);
	rec_put_bytes(b, fingerprint, FINGERPRINT);
}
