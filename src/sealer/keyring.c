#include "config.h"

#include "sealer/keyring.h"

#include <stdlib.h>

#include "base/map.h"

struct keyring {
	struct keystore *store;
	struct cert_cache *certs;
	struct map *accounts; /* owned; account -> struct held */
	uint64_t version;     /* of the store, when they were read */
};

struct held {
	struct keydb *keys; /* owned */
	size_t bad;         /* records that could not be read */
};

static void
free_held(void *arg)
{
	struct held *held = arg;

	if (held != NULL)
		keydb_free(held->keys);
	free(held);
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
	if ((kr->accounts = map_new(free_held)) == NULL) {
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

	if ((empty = map_new(free_held)) == NULL)
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
	struct held *held;

	*bad = 0;
	if ((version != kr->version ||
	        map_count(kr->accounts) >= KEYRING_ACCOUNTS) &&
	    start_over(kr) == -1)
		goto memory;
	kr->version = version;
	if ((held = map_get(kr->accounts, account)) != NULL)
		return (held->keys);
	if ((held = calloc(1, sizeof(*held))) == NULL)
		goto memory;
	held->keys =
	    keystore_load(kr->store, account, kr->certs, &held->bad, err);
	if (held->keys == NULL) {
		free_held(held);
		return (NULL);
	}
	*bad = held->bad;
	if (map_put(kr->accounts, account, held) == 0)
		return (held->keys);
	free_held(held);
memory:
	err_set(err, ERR_MEMORY, "no memory for keys");
	return (NULL);
}

bool
keyring_lacks(const struct keyring *kr, struct str account)
{
	const struct held *held = map_get(kr->accounts, account);

	return (held != NULL && held->bad > 0);
}
