#include "config.h"

#include "cloud/nonce.h"

#include <stdlib.h>
#include <string.h>

#include "acme/b64url.h"
#include "sys/crypt.h"

#define COUNTER 8
#define MAC     16

struct nonces {
	struct crypt_key key;
	uint64_t next;
	uint8_t used[NONCE_WINDOW / 8]; /* one bit each, by counter */
};

struct nonces *
nonces_new(void)
{
	struct nonces *n;

	if ((n = calloc(1, sizeof(*n))) == NULL)
		return (NULL);
	if (crypt_random(n->key.k, sizeof(n->key.k)) == 0)
		return (n);
	free(n);
	return (NULL);
}

void
nonces_free(struct nonces *n)
{
	if (n == NULL)
		return;
	crypt_key_wipe(&n->key);
	free(n);
}

static int
make(const struct nonces *n, uint64_t count, uint8_t out[COUNTER + MAC])
{
	uint8_t mac[CRYPT_DIGEST];
	int i;

	for (i = COUNTER - 1; i >= 0; i--, count >>= 8)
		out[i] = (uint8_t)count;
	if (crypt_hmac(&n->key, str_of((const char *)out, COUNTER), mac) != 0)
		return (-1);
	memcpy(out + COUNTER, mac, MAC);
	return (0);
}

int
nonce_make(struct nonces *n, struct buf *out)
{
	uint8_t raw[COUNTER + MAC];
	size_t at = n->next % NONCE_WINDOW;

	if (make(n, n->next, raw) != 0)
		return (-1);
	/* the bit was that of the nonce that falls out of the window now */
	n->used[at / 8] &= (uint8_t) ~(1U << (at % 8));
	n->next++;
	b64url_encode(str_of((const char *)raw, sizeof(raw)), out);
	return (out->failed ? -1 : 0);
}

bool
nonce_use(struct nonces *n, struct str nonce)
{
	uint8_t want[COUNTER + MAC];
	uint64_t count = 0;
	struct buf raw;
	size_t at;
	bool ok;
	int i;

	buf_init(&raw, 4 * sizeof(want)); /* b64url_decode() takes room */
	ok = nonce.len <= 2 * sizeof(want) && b64url_decode(nonce, &raw) == 0 &&
	     raw.len == sizeof(want);
	for (i = 0; ok && i < COUNTER; i++)
		count = count << 8 | (uint8_t)raw.data[i];
	ok = ok && make(n, count, want) == 0 &&
	     crypt_equal(want, raw.data, sizeof(want));
	buf_clear(&raw);
	if (!ok || count >= n->next || n->next - count > NONCE_WINDOW)
		return (false);
	at = count % NONCE_WINDOW;
	if ((n->used[at / 8] >> (at % 8) & 1) != 0)
		return (false);
	n->used[at / 8] |= (uint8_t)(1U << (at % 8));
	return (true);
}
