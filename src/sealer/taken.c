#include "config.h"

#include "sealer/taken.h"

#include <string.h>

#include "base/limits.h"
#include "proto/keys.h"
#include "proto/op.h"
#include "smime/algo.h"
#include "smime/der.h"
#include "sys/memfd.h"

/* IssuerAndSerialNumber (RFC 5652 10.2.4). */
static void
put_issuer_serial(struct buf *out, const struct cert_facts *f)
{
	size_t mark = der_begin(out, DER_SEQUENCE);

	buf_str(out, f->issuer);
	der_put(out, DER_INTEGER, f->serial);
	der_finish(out, mark);
}

void
taken_tell(struct self *self, struct str account, struct key *const *keys,
    size_t n)
{
	struct ipc *proxy = role_link(self, ROLE_PROXY);
	const struct cert_facts *f;
	struct key_arrived told;
	struct buf name, body;
	size_t i;

	if (proxy == NULL)
		return; /* when it comes it asks the opener anyway */
	for (i = 0; i < n; i++) {
		if ((keys[i]->use & CERT_ENCRYPT) == 0)
			continue;
		f = cert_facts(keys[i]->cert);
		buf_init(&name, LIMIT_RECORD);
		buf_init(&body, LIMIT_RECORD);
		put_issuer_serial(&name, f);
		told = (struct key_arrived){account, buf_text(&name), f->ski};
		key_arrived_put(&body, &told);
		(void)ipc_tell(proxy, OP_KEY_ARRIVED, buf_text(&body));
		buf_clear(&name);
		buf_clear(&body);
	}
}

static void
put_cert(struct buf *out, const struct key *k)
{
	const struct cert_facts *f = cert_facts(k->cert);
	struct cert_rec c = {.der = f->der, .subject = str_c(f->subject)};
	struct buf addresses;
	size_t i;

	buf_init(&addresses, LIMIT_RECORD);
	for (i = 0; i < f->naddresses; i++) {
		if (i > 0)
			buf_putc(&addresses, ' ');
		buf_puts(&addresses, f->addresses[i]);
	}
	c.addresses = buf_text(&addresses);
	memcpy(c.fingerprint, f->sha256, sizeof(c.fingerprint));
	c.usage = (uint8_t)(((k->use & CERT_ENCRYPT) != 0 ? USAGE_ENCRYPT : 0) |
	                    ((k->use & CERT_SIGN) != 0 ? USAGE_SIGN : 0));
	c.gcm = (f->caps & CAP_AES256_GCM) != 0;
	c.oaep = (f->caps & CAP_OAEP) != 0;
	c.not_before = f->from;
	c.not_after = f->until;
	cert_rec_put(out, &c);
	buf_clear(&addresses);
}

static struct blob *
make_blob(struct buf *list, struct err *err)
{
	struct blob *blob = NULL;

	if (list->failed)
		err_set(err, ERR_LIMIT, "the certificates are too large");
	else
		blob = memfd_copy(list->data, list->len, err);
	buf_clear(list);
	return (blob);
}

struct blob *
taken_one(const struct key *key, struct err *err)
{
	struct buf list;

	buf_init(&list, LIMIT_CERT_LIST);
	put_cert(&list, key);
	return (make_blob(&list, err));
}

struct blob *
taken_list(struct key *const *keys, size_t n, struct err *err)
{
	struct buf list;
	size_t i;

	buf_init(&list, LIMIT_CERT_LIST);
	for (i = 0; i < n; i++)
		put_cert(&list, keys[i]);
	return (make_blob(&list, err));
}
