#include "config.h"

#include "cloud/keys.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "smime/ossl.h"

#define FILE_MAX (256UL * 1024)
#define PATH_LEN 4096

/* A private key that others could have read is nobody's any more. */
static int
check_mode(int fd, const char *path, const char *name, struct err *err)
{
	size_t len = strlen(name);
	struct stat st;

	if (len < 4 || strcmp(name + len - 4, ".key") != 0)
		return (0);
	if (fstat(fd, &st) == 0 && (st.st_mode & (S_IRWXG | S_IRWXO)) == 0)
		return (0);
	err_set(err, ERR_DENIED,
	    "%s: group or others may read it: chmod 600, or replace it if "
	    "somebody has",
	    path);
	return (-1);
}

/* Read state_dir/name whole. */
static int
read_file(const struct conf *c, const char *name, struct buf *out,
    struct err *err)
{
	const char *dir = conf_str(c, "cloud", "state_dir");
	char path[PATH_LEN], *to = NULL;
	ssize_t n = 0;
	int fd;

	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	if ((fd = open(path, O_RDONLY | O_CLOEXEC)) < 0) {
		err_set(err, errno == ENOENT ? ERR_NOTFOUND : ERR_IO, "%s: %s",
		    path, strerror(errno));
		return (-1);
	}
	if (check_mode(fd, path, name, err) != 0) {
		(void)close(fd);
		return (-1);
	}
	while (
	    (to = buf_room(out, 4096)) != NULL && (n = read(fd, to, 4096)) > 0)
		out->len += (size_t)n;
	(void)close(fd);
	if (to != NULL && n == 0)
		return (0);
	err_set(err, ERR_IO, "%s: cannot be read", path);
	return (-1);
}

struct cert *
cloud_keys_cert(const struct conf *c, const char *name, struct err *err)
{
	struct cert *cert = NULL;
	struct str text;
	struct buf b;

	buf_init(&b, FILE_MAX);
	if (read_file(c, name, &b, err) == 0) {
		text = buf_text(&b);
		cert = cert_get_pem(NULL, &text, err);
	}
	buf_clear(&b);
	return (cert);
}

EVP_PKEY *
cloud_keys_key(const struct conf *c, const char *name, struct err *err)
{
	EVP_PKEY *pkey = NULL;
	BIO *bio = NULL;
	struct buf b;

	buf_init(&b, FILE_MAX);
	if (read_file(c, name, &b, err) == 0) {
		err_set(err, ERR_MEMORY, "no memory for a key");
		if ((bio = BIO_new_mem_buf(b.data, (int)b.len)) != NULL &&
		    (pkey = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL)) ==
		        NULL) {
			err_openssl(err, ERR_SYNTAX, "not a private key");
			err_prefix(err, "%s", name);
		}
	}
	BIO_free(bio);
	buf_wipe(&b);
	return (pkey);
}

static struct key *
read_kms(const struct conf *c, struct err *err)
{
	EVP_PKEY *pkey = cloud_keys_key(c, "kms.key", err);
	struct key *key = NULL;
	struct cert *cert;

	if (pkey == NULL)
		return (NULL);
	if ((cert = cloud_keys_cert(c, "kms.pem", err)) != NULL)
		key = key_new(STR("kms"), CERT_SIGN, cert, NULL, 0, pkey, err);
	cert_unref(cert);
	EVP_PKEY_free(pkey);
	return (key);
}

int
cloud_keys_tls(struct cloud_keys *k, const struct conf *c, struct err *err)
{
	struct str cert = conf_file(c, "cloud", "cert");
	struct str key = conf_file(c, "cloud", "key");

	memset(k, 0, sizeof(*k));
	buf_init(&k->tls_cert, FILE_MAX);
	buf_init(&k->tls_key, FILE_MAX);
	if (cert.len > 0) {
		buf_str(&k->tls_cert, cert);
		buf_str(&k->tls_key, key);
		return (0);
	}
	if (read_file(c, "tls.pem", &k->tls_cert, err) == 0 &&
	    read_file(c, "tls.key", &k->tls_key, err) == 0)
		return (0);
	if (err->code == ERR_NOTFOUND)
		err_prefix(err, "run waxwing-cloudd init first");
	return (-1);
}

int
cloud_keys_load(struct cloud_keys *k, const struct conf *c, struct err *err)
{
	char path[PATH_LEN];

	(void)snprintf(path, sizeof(path), "%s/kek",
	    conf_str(c, "cloud", "state_dir"));
	if ((k->root = cloud_keys_cert(c, "root.pem", err)) != NULL &&
	    (k->issuing = cloud_keys_cert(c, "issuing.pem", err)) != NULL &&
	    (k->issuing_key = cloud_keys_key(c, "issuing.key", err)) != NULL &&
	    (k->mail_key = cloud_keys_key(c, "mail.key", err)) != NULL &&
	    (k->kms = read_kms(c, err)) != NULL &&
	    crypt_key_load(path, false, &k->kek, err) == 0)
		return (0);
	if (err->code == ERR_NOTFOUND)
		err_prefix(err, "run waxwing-cloudd init first");
	return (-1);
}

void
cloud_keys_clear(struct cloud_keys *k)
{
	cert_unref(k->root);
	cert_unref(k->issuing);
	EVP_PKEY_free(k->issuing_key);
	EVP_PKEY_free(k->mail_key);
	key_free(k->kms);
	buf_wipe(&k->tls_cert);
	buf_wipe(&k->tls_key);
	crypt_key_wipe(&k->kek);
	memset(k, 0, sizeof(*k));
}
