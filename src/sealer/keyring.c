#include "config.h"

#include "sealer/keyring.h"

#include <stdlib.h>

#include "base/map.h"

struct keyring {
	struct keystore *store;
	struct cert_cache *certs;
	struct map *accounts; /* owned; account -> struct keydb */
	uint64_t version;     /* of the store, when they were read */
};

static void
free_keys(void *keys)
{
	keydb_free(keys);
}

struct keyring *
keyring_new(struct keystore *store, struct cert_cache *certs)
{
	struct keyring *kr;

	if ((kr = calloc(1, sizeof(*kr))) == NULL)
		return (NULL);
	kr->store = store;
	kr->certs = certs;
	kr->version = keystore_version(store);
	if ((kr->accounts = map_new(free_keys)) == NULL) {
		free(kr);
		return (NULL);
	}
	return (kr);
}

void
keyring_free(struct keyring *kr)
{
	if (kr == NULL)
		return;
	map_free(kr->accounts);
	free(kr);
}

/* Forget everybody: simpler than to know who is new, and rare. */
static int
start_over(struct keyring *kr)
{
	struct map *empty;

	if ((empty = map_new(free_keys)) == NULL)
		return (-1);
	map_free(kr->accounts);
	kr->accounts = empty;
	return (0);
}

const struct keydb *
keyring_get(struct keyring *kr, struct str account, size_t *bad,
    struct err *err)
{
	uint64_t version = keystore_version(kr->store);
	struct keydb *keys;

	*bad = 0;
	if ((version != kr->version ||
	        map_count(kr->accounts) >= KEYRING_ACCOUNTS) &&
	    start_over(kr) == -1)
		goto memory;
	kr->version = version;
	if ((keys = map_get(kr->accounts, account)) != NULL)
		return (keys);
	if ((keys = keystore_load(kr->store, account, kr->certs, bad, err)) ==
	    NULL)
		return (NULL);
	if (map_put(kr->accounts, account, keys) == 0)
		return (keys);
	keydb_free(keys);
memory:
	err_set(err, ERR_MEMORY, "no memory for keys");
	return (NULL);
}
