#include "config.h"

#include "sys/crypt.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <openssl/rand.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NONCE 12 /* NIST SP 800-38D 8.2.2: random, 96 bits */
#define TAG   16

void
crypt_key_wipe(struct crypt_key *key)
{
	OPENSSL_cleanse(key, sizeof(*key));
}

/* A read that does not stop half way; the number of bytes until EOF. */
static ssize_t
read_all(int fd, uint8_t *p, size_t n)
{
	size_t got = 0;
	ssize_t r;

	while (got < n) {
		r = read(fd, p + got, n - got);
		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return (-1);
		if (r == 0)
			break;
		got += (size_t)r;
	}
	return ((ssize_t)got);
}

static int
write_all(int fd, const uint8_t *p, size_t n)
{
	ssize_t r;

	while (n > 0) {
		r = write(fd, p, n);
		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return (-1);
		p += r;
		n -= (size_t)r;
	}
	return (0);
}

/* A new name is on disk only after its directory is. */
static int
sync_parent(const char *path)
{
	char dir[PATH_MAX];
	const char *slash = strrchr(path, '/');
	size_t len;
	int fd, rc;

	len = slash == NULL ? 1 : slash == path ? 1 : (size_t)(slash - path);
	if (len >= sizeof(dir))
		return (-1);
	memcpy(dir, slash == NULL ? "." : path, len);
	dir[len] = '\0';
	if ((fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)
		return (-1);
	rc = fsync(fd);
	(void)close(fd);
	return (rc);
}

static int
make_key(const char *path, struct crypt_key *key, struct err *err)
{
	int fd;

	if (crypt_random(key->k, sizeof(key->k)) != 0) {
		err_set(err, ERR_CRYPTO, "no random bytes for %s", path);
		return (-1);
	}
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0) {
		err_set(err, ERR_IO, "cannot make %s: %s", path,
		    strerror(errno));
		goto fail;
	}
	if (write_all(fd, key->k, sizeof(key->k)) != 0 || fsync(fd) != 0 ||
	    sync_parent(path) != 0) {
		err_set(err, ERR_IO, "cannot write %s: %s", path,
		    strerror(errno));
		(void)close(fd);
		(void)unlink(path);
		goto fail;
	}
	(void)close(fd);
	return (0);
fail:
	crypt_key_wipe(key);
	return (-1);
}

/* Nobody else may have been able to read or replace it. */
static int
check_key_file(const struct stat *st, const char *path, struct err *err)
{
	if (!S_ISREG(st->st_mode))
		err_set(err, ERR_DENIED, "%s is no regular file", path);
	else if (st->st_uid != geteuid() && st->st_uid != 0)
		err_set(err, ERR_DENIED, "%s belongs to another user", path);
	else if ((st->st_mode & 0177) != 0)
		err_set(err, ERR_DENIED, "%s has mode %04o, not 0600", path,
		    (unsigned)(st->st_mode & 07777));
	else if (st->st_size != CRYPT_KEY)
		err_set(err, ERR_SYNTAX, "%s does not hold %d bytes", path,
		    CRYPT_KEY);
	else
		return (0);
	return (-1);
}

int
crypt_key_load(const char *path, bool make, struct crypt_key *key,
    struct err *err)
{
	struct stat st;
	int fd, rc = -1;

	/* O_NONBLOCK: a fifo there must not stop us */
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0 && errno == ENOENT && make)
		return (make_key(path, key, err));
	if (fd < 0) {
		err_set(err, errno == ENOENT ? ERR_NOTFOUND : ERR_IO,
		    "cannot open %s: %s", path, strerror(errno));
		return (-1);
	}
	if (fstat(fd, &st) != 0)
		err_set(err, ERR_IO, "%s: %s", path, strerror(errno));
	else if (check_key_file(&st, path, err) == 0) {
		if (read_all(fd, key->k, sizeof(key->k)) == CRYPT_KEY)
			rc = 0;
		else
			err_set(err, ERR_IO, "cannot read %s", path);
	}
	(void)close(fd);
	if (rc != 0)
		crypt_key_wipe(key);
	return (rc);
}

int
crypt_hkdf(struct str ikm, struct str salt, struct str info, void *out,
    size_t n)
{
	OSSL_PARAM params[5], *p = params;
	char digest[] = "SHA256";
	EVP_KDF *kdf;
	EVP_KDF_CTX *ctx = NULL;
	int rc = -1;

	if ((kdf = EVP_KDF_fetch(NULL, "HKDF", NULL)) == NULL ||
	    (ctx = EVP_KDF_CTX_new(kdf)) == NULL)
		goto out;
	/* the parameters are only read, though their type cannot say so */
	*p++ =
	    OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, 0);
	*p++ = OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY,
	    (void *)(uintptr_t)ikm.p, ikm.len);
	*p++ = OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO,
	    (void *)(uintptr_t)info.p, info.len);
	/* no salt is a salt of zeroes (RFC 5869 2.2), OpenSSL's default */
	if (salt.len > 0)
		*p++ = OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SALT,
		    (void *)(uintptr_t)salt.p, salt.len);
	*p = OSSL_PARAM_construct_end();
	if (EVP_KDF_derive(ctx, out, n, params) == 1)
		rc = 0;
out:
	EVP_KDF_CTX_free(ctx);
	EVP_KDF_free(kdf);
	return (rc);
}

int
crypt_derive(const struct crypt_key *key, const char *label, struct str context,
    struct crypt_key *out)
{
	struct buf info;
	int rc = -1;

	buf_init(&info, 4096);
	buf_puts(&info, label);
	buf_putc(&info, '\0');
	buf_str(&info, context);
	if (!info.failed)
		rc = crypt_hkdf(str_of((const char *)key->k, sizeof(key->k)),
		    str_of("", 0), buf_text(&info), out->k, sizeof(out->k));
	buf_clear(&info);
	if (rc != 0)
		crypt_key_wipe(out);
	return (rc);
}

int
crypt_sha256(struct str s, uint8_t out[CRYPT_DIGEST])
{
	return (EVP_Digest(s.p, s.len, out, NULL, EVP_sha256(), NULL) == 1
	            ? 0
	            : -1);
}

/* It is an EVP_MD_CTX. */
static EVP_MD_CTX *
md_ctx(struct crypt_hash *h)
{
	return ((EVP_MD_CTX *)(void *)h);
}

struct crypt_hash *
crypt_hash_new(void)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();

	if (ctx != NULL && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) != 1) {
		EVP_MD_CTX_free(ctx);
		ctx = NULL;
	}
	return ((struct crypt_hash *)(void *)ctx);
}

void
crypt_hash_free(struct crypt_hash *h)
{
	EVP_MD_CTX_free(md_ctx(h));
}

int
crypt_hash_put(struct crypt_hash *h, const void *p, size_t n)
{
	return (EVP_DigestUpdate(md_ctx(h), p, n) == 1 ? 0 : -1);
}

int
crypt_hash_end(struct crypt_hash *h, uint8_t out[CRYPT_DIGEST])
{
	int rc = EVP_DigestFinal_ex(md_ctx(h), out, NULL) == 1 ? 0 : -1;

	crypt_hash_free(h);
	return (rc);
}

int
crypt_hmac(const struct crypt_key *key, struct str s, uint8_t out[CRYPT_DIGEST])
{
	return (HMAC(EVP_sha256(), key->k, sizeof(key->k),
	            (const unsigned char *)s.p, s.len, out, NULL) != NULL
	            ? 0
	            : -1);
}

int
crypt_random(void *out, size_t n)
{
	if (n > INT_MAX)
		return (-1);
	return (RAND_bytes(out, (int)n) == 1 ? 0 : -1);
}

bool
crypt_equal(const void *a, const void *b, size_t n)
{
	return (CRYPTO_memcmp(a, b, n) == 0);
}

/* One direction of GCM over a whole record, the tag aside. */
static int
gcm(EVP_CIPHER_CTX *ctx, struct str aad, struct str in, uint8_t *out)
{
	int n = 0;

	if (aad.len > INT_MAX || in.len > INT_MAX)
		return (-1);
	if (aad.len > 0 && EVP_CipherUpdate(ctx, NULL, &n,
	                       (const unsigned char *)aad.p, (int)aad.len) != 1)
		return (-1);
	if (in.len > 0 && EVP_CipherUpdate(ctx, out, &n,
	                      (const unsigned char *)in.p, (int)in.len) != 1)
		return (-1);
	return (0);
}

int
crypt_seal(const struct crypt_key *key, struct str aad, struct str plain,
    struct buf *out, struct err *err)
{
	EVP_CIPHER_CTX *ctx = NULL;
	uint8_t *to = NULL;
	int n = 0, rc = -1;

	if (plain.len <= INT_MAX)
		to = (uint8_t *)buf_room(out, NONCE + plain.len + TAG);
	if (to == NULL) {
		err_set(err, ERR_LIMIT, "no room to seal %zu bytes", plain.len);
		return (-1);
	}
	if ((ctx = EVP_CIPHER_CTX_new()) == NULL ||
	    crypt_random(to, NONCE) != 0 ||
	    EVP_CipherInit_ex(ctx, EVP_aes_256_gcm(), NULL, key->k, to, 1) !=
	        1 ||
	    gcm(ctx, aad, plain, to + NONCE) != 0 ||
	    EVP_CipherFinal_ex(ctx, to + NONCE + plain.len, &n) != 1 ||
	    EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, TAG,
	        to + NONCE + plain.len) != 1) {
		err_set(err, ERR_CRYPTO, "cannot seal");
		goto out;
	}
	out->len += NONCE + plain.len + TAG;
	rc = 0;
out:
	EVP_CIPHER_CTX_free(ctx);
	return (rc);
}

int
crypt_open(const struct crypt_key *key, struct str aad, struct str sealed,
    struct buf *out, struct err *err)
{
	EVP_CIPHER_CTX *ctx = NULL;
	uint8_t *to, tag[TAG];
	struct str body;
	int n = 0, rc = -1;

	if (sealed.len < NONCE + TAG || sealed.len > INT_MAX) {
		err_set(err, ERR_CRYPTO, "cannot open: wrong length");
		return (-1);
	}
	body = str_of(sealed.p + NONCE, sealed.len - NONCE - TAG);
	memcpy(tag, body.p + body.len, TAG);
	if ((to = (uint8_t *)buf_room(out, body.len)) == NULL) {
		err_set(err, ERR_LIMIT, "no room to open %zu bytes", body.len);
		return (-1);
	}
	if ((ctx = EVP_CIPHER_CTX_new()) == NULL ||
	    EVP_CipherInit_ex(ctx, EVP_aes_256_gcm(), NULL, key->k,
	        (const unsigned char *)sealed.p, 0) != 1 ||
	    gcm(ctx, aad, body, to) != 0 ||
	    EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, TAG, tag) != 1 ||
	    EVP_CipherFinal_ex(ctx, to + body.len, &n) != 1) {
		/* what was written is not authentic: it must not be seen */
		OPENSSL_cleanse(to, body.len);
		err_set(err, ERR_CRYPTO, "cannot open: the tag does not hold");
		goto out;
	}
	out->len += body.len;
	rc = 0;
out:
	EVP_CIPHER_CTX_free(ctx);
	return (rc);
}
