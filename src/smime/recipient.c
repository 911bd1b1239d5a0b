#include "config.h"

#include "smime/recipient.h"

#include <string.h>

#include "smime/oid.h"

void
recipient_walk(struct recipient_walk *w, struct str infos)
{
	memset(w, 0, sizeof(*w));
	w->infos = der_of(infos);
}

/* IssuerAndSerialNumber, or a subject key identifier under [0]. */
static bool
read_rid(struct der *d, struct rid *rid)
{
	struct der_item it;
	struct der in;

	memset(rid, 0, sizeof(*rid));
	if (der_take(d, DER_CTX0, &it)) {
		rid->ski = it.in;
		return (it.in.len > 0);
	}
	if (!der_enter(d, DER_SEQUENCE, &in) ||
	    !der_take(&in, DER_SEQUENCE, &it))
		return (false);
	rid->issuer = it.all;
	if (!der_take(&in, DER_INTEGER, &it))
		return (false);
	rid->serial = it.in;
	return (true);
}

/* KeyAgreeRecipientIdentifier: there [0] is a RecipientKeyIdentifier. */
static bool
read_agree_rid(struct der *d, struct rid *rid)
{
	struct der_item it;
	struct der in;

	if (!der_enter(d, DER_CTX0_CONS, &in))
		return (read_rid(d, rid));
	memset(rid, 0, sizeof(*rid));
	if (!der_take(&in, DER_OCTETS, &it) || it.in.len == 0)
		return (false);
	rid->ski = it.in;
	return (true);
}

static bool
read_key_trans(struct der in, struct recipient *r)
{
	struct der_item it;
	uint64_t version;

	memset(r, 0, sizeof(*r));
	if (!der_uint(&in, 2, &version) || !read_rid(&in, &r->rid) ||
	    !der_algorithm(&in, &r->oid, &r->params) ||
	    !der_take(&in, DER_OCTETS, &it))
		return (false);
	r->encrypted_key = it.in;
	return (true);
}

/* OriginatorIdentifierOrKey; only a key can be ephemeral. */
static bool
read_originator(struct der *d, struct recipient *r)
{
	struct der outer, key;
	struct der_item it;
	struct str oid;

	if (!der_enter(d, DER_CTX0_CONS, &outer))
		return (false);
	if (!der_enter(&outer, DER_CTX0_CONS + 1, &key))
		return (true); /* r->point stays empty: unsupported */
	if (!der_algorithm(&key, &oid, &it) || !der_take(&key, DER_BITS, &it) ||
	    it.in.len < 2 || it.in.p[0] != 0)
		return (false);
	if (str_eq(oid, OID_EC_KEY))
		r->point = str_of(it.in.p + 1, it.in.len - 1);
	return (true);
}

static bool
read_key_agree(struct der in, struct recipient_walk *w)
{
	struct recipient *r = &w->agree;
	struct der ukm;
	struct der_item it;
	uint64_t version;

	memset(r, 0, sizeof(*r));
	r->agree = true;
	if (!der_uint(&in, 3, &version) || !read_originator(&in, r))
		return (false);
	if (der_enter(&in, DER_CTX0_CONS + 1, &ukm)) {
		if (!der_take(&ukm, DER_OCTETS, &it))
			return (false);
		r->ukm = it.in;
	}
	return (der_algorithm(&in, &r->oid, &r->params) &&
	        der_enter(&in, DER_SEQUENCE, &w->keys));
}

static bool
read_agree_key(struct recipient_walk *w, struct recipient *r)
{
	struct der_item it;
	struct der in;

	*r = w->agree;
	if (!der_enter(&w->keys, DER_SEQUENCE, &in) ||
	    !read_agree_rid(&in, &r->rid) || !der_take(&in, DER_OCTETS, &it))
		return (false);
	r->encrypted_key = it.in;
	return (true);
}

int
recipient_next(struct recipient_walk *w, struct recipient *r)
{
	struct der_item it;
	int rc;

	for (;;) {
		if (!der_end(&w->keys))
			return (read_agree_key(w, r) ? 1 : -1);
		if ((rc = der_next(&w->infos, &it)) != 1)
			return (rc);
		if (it.tag == DER_SEQUENCE)
			return (read_key_trans(der_of(it.in), r) ? 1 : -1);
		if (it.tag == DER_CTX0_CONS + 1 &&
		    !read_key_agree(der_of(it.in), w))
			return (-1);
		/* Others are for passwords and shared keys: not mail. */
	}
}
