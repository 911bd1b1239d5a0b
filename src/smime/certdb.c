#include "config.h"

#include "smime/certdb.h"

#include <stdlib.h>
#include <string.h>

#include "base/map.h"

/* More certificates of one address than this are noise. */
#define CERTS_MAX 16

struct entry {
	struct known_cert certs[CERTS_MAX];
	size_t n;
};

struct certdb {
	struct map *by_address; /* struct entry; keys in lower case */
};

static void
known_clear(struct known_cert *k)
{
	cert_unref(k->cert);
	free(k->address);
}

static void
entry_free(void *arg)
{
	struct entry *e = arg;

	while (e->n > 0)
		known_clear(&e->certs[--e->n]);
	free(e);
}

struct certdb *
certdb_new(void)
{
	struct certdb *db;

	if ((db = calloc(1, sizeof(*db))) == NULL)
		return (NULL);
	if ((db->by_address = map_new(entry_free)) == NULL) {
		free(db);
		return (NULL);
	}
	return (db);
}

void
certdb_free(struct certdb *db)
{
	if (db == NULL)
		return;
	map_free(db->by_address);
	free(db);
}

static char *
lower(struct str s)
{
	char *out;
	size_t i;

	if ((out = malloc(s.len + 1)) == NULL)
		return (NULL);
	for (i = 0; i < s.len; i++)
		out[i] = ascii_lower(s.p[i]);
	out[s.len] = '\0';
	return (out);
}

static struct entry *
entry_for(struct certdb *db, const char *address)
{
	struct entry *e = map_get(db->by_address, str_c(address));

	if (e != NULL || (e = calloc(1, sizeof(*e))) == NULL)
		return (e);
	if (map_put(db->by_address, str_c(address), e) == -1) {
		free(e);
		return (NULL);
	}
	return (e);
}

/* Where the certificate is, or a place for it; a full entry gives up its
 * weakest, oldest one. */
static struct known_cert *
place_for(struct entry *e, const struct cert *c, enum cert_trust trust)
{
	struct known_cert *k, *worst = NULL;
	size_t i;

	for (i = 0; i < e->n; i++) {
		k = &e->certs[i];
		if (str_eq(cert_facts(k->cert)->der, cert_facts(c)->der))
			return (k);
		if (worst == NULL || k->trust < worst->trust ||
		    (k->trust == worst->trust &&
		        cert_facts(k->cert)->from <
		            cert_facts(worst->cert)->from))
			worst = k;
	}
	if (e->n < CERTS_MAX)
		return (&e->certs[e->n]);
	if (worst == NULL || worst->trust > trust)
		return (NULL);
	known_clear(worst);
	memset(worst, 0, sizeof(*worst));
	return (worst);
}

int
certdb_add(struct certdb *db, struct str address, struct cert *cert,
    enum cert_trust trust, unsigned caps)
{
	struct known_cert *k;
	struct entry *e;
	char *name;

	if ((name = lower(address)) == NULL)
		return (-1);
	if ((e = entry_for(db, name)) == NULL) {
		free(name);
		return (-1);
	}
	if ((k = place_for(e, cert, trust)) == NULL) {
		free(name); /* weaker than all that are known: not needed */
		return (0);
	}
	if (k->cert != NULL) {
		free(name);
		k->caps |= caps;
		if (trust > k->trust)
			k->trust = trust;
		return (0);
	}
	if (k == &e->certs[e->n])
		e->n++;
	k->address = name;
	k->cert = cert_ref(cert);
	k->trust = trust;
	k->caps = caps | cert_facts(cert)->caps;
	return (0);
}

const struct known_cert *
certdb_find(const struct certdb *db, struct str address, int64_t at)
{
	const struct known_cert *best = NULL, *k;
	const struct entry *e;
	char *name;
	size_t i;

	if ((name = lower(address)) == NULL)
		return (NULL);
	e = map_get(db->by_address, str_c(name));
	free(name);
	for (i = 0; e != NULL && i < e->n; i++) {
		k = &e->certs[i];
		if (cert_usable_for_encryption(k->cert, at, NULL) == -1)
			continue;
		if (best == NULL || k->trust > best->trust ||
		    (k->trust == best->trust &&
		        cert_facts(k->cert)->from >
		            cert_facts(best->cert)->from))
			best = k;
	}
	return (best);
}
