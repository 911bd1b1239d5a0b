#include "config.h"

#include "sealer/pins.h"

#include <stdlib.h>
#include <string.h>

/* One, and the next one while it is being changed. */
#define KMS_KEYS 4

struct pins {
	struct anchors *anchors; /* owned */
	struct cert *kms[KMS_KEYS];
	size_t nkms;
};

void
pins_free(struct pins *p)
{
	size_t i;

	if (p == NULL)
		return;
	for (i = 0; i < p->nkms; i++)
		cert_unref(p->kms[i]);
	anchors_free(p->anchors);
	free(p);
}

static int
read_anchors(struct pins *p, const struct conf *conf, struct cert_cache *certs,
    struct err *err)
{
	static const char *const sections[] = {"cloud", "trust"};
	struct str pem;
	size_t i;

	for (i = 0; i < sizeof(sections) / sizeof(sections[0]); i++) {
		pem = conf_file(conf, sections[i], "ca_file");
		if (pem.len > 0 &&
		    anchors_add_pem(p->anchors, certs, pem, err) == -1)
			return (
			    conf_blame_for(conf, sections[i], "ca_file", err));
	}
	return (0);
}

static int
read_kms(struct pins *p, const struct conf *conf, struct cert_cache *certs,
    struct err *err)
{
	struct str pem = conf_file(conf, "cloud", "kms_key");
	struct err why = {0};
	struct cert *c;

	if (pem.len == 0)
		return (0);
	while ((c = cert_get_pem(certs, &pem, &why)) != NULL) {
		if (p->nkms == KMS_KEYS) {
			cert_unref(c);
			err_set(err, ERR_LIMIT, "more than %d certificates",
			    KMS_KEYS);
			return (conf_blame_for(conf, "cloud", "kms_key", err));
		}
		p->kms[p->nkms++] = c;
	}
	if (why.code == ERR_NOTFOUND && p->nkms > 0)
		return (0);
	*err = why;
	return (conf_blame_for(conf, "cloud", "kms_key", err));
}

struct pins *
pins_new(const struct conf *conf, struct cert_cache *certs, struct err *err)
{
	struct pins *p;

	if ((p = calloc(1, sizeof(*p))) == NULL ||
	    (p->anchors = anchors_new()) == NULL) {
		err_set(err, ERR_MEMORY, "out of memory");
		pins_free(p);
		return (NULL);
	}
	if (read_anchors(p, conf, certs, err) == 0 &&
	    read_kms(p, conf, certs, err) == 0)
		return (p);
	pins_free(p);
	return (NULL);
}

int
pins_chain(const struct pins *p, struct cert *c, struct cert *const *extra,
    size_t nextra, enum cert_use use, struct str address, int64_t at,
    struct err *err)
{
	struct chain_ask q = {.anchors = p->anchors,
	    .extra = extra,
	    .nextra = nextra,
	    .at = at,
	    .use = use,
	    .address = address};

	return (chain_verify(c, &q, err));
}

bool
pins_kms(const struct pins *p, const struct cert *c)
{
	size_t i;

	for (i = 0; i < p->nkms; i++)
		if (memcmp(cert_facts(p->kms[i])->sha256, cert_facts(c)->sha256,
		        sizeof(cert_facts(c)->sha256)) == 0)
			return (true);
	return (false);
}

bool
pins_have_kms(const struct pins *p)
{
	return (p->nkms > 0);
}
