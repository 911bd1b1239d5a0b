/* waxwing-cloudd init: the keys and certificates of a new cloud. */

#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "cloud/ca.h"
#include "smime/issue.h"
#include "smime/ossl.h"
#include "smime/pkey.h"
#include "sys/sandbox.h"

#define DAY      (24L * 3600)
#define ROOT_D   (20 * 365)
#define ISSUER_D (10 * 365)
#define SERVER_D (10 * 365)

/* The clocks of those who look at a certificate at once may be behind. */
#define BACKDATE 3600

#define PATH_LEN 4096
#define CERT_MAX (16UL * 1024)

/* One certificate to make, and how. */
struct plan {
	const char *name;  /* of the files, without .pem and .key */
	const char *title; /* behind the name of the conf; NULL: a host's */
	long days;
	bool self; /* signed by itself, else by root */
	int (*make)(const struct issuer *root, EVP_PKEY *, struct str name,
	    const struct issue_terms *, struct buf *out, struct err *);
};

static int
make_root(const struct issuer *root, EVP_PKEY *pkey, struct str name,
    const struct issue_terms *t, struct buf *out, struct err *err)
{
	(void)root;
	return (issue_root(pkey, name, t, out, err));
}

/* It is pinned, nobody vouches for it. */
static int
make_kms(const struct issuer *root, EVP_PKEY *pkey, struct str name,
    const struct issue_terms *t, struct buf *out, struct err *err)
{
	(void)root;
	return (issue_self(pkey, name, CERT_SIGN, t, out, err));
}

/* For the host of [cloud] url, which a client will check. */
static int
make_tls(const struct issuer *root, EVP_PKEY *pkey, struct str name,
    const struct issue_terms *t, struct buf *out, struct err *err)
{
	return (issue_tls(root, pkey, &name, 1, t, out, err));
}

static const struct plan plans[] = {
    {"root", "Root", ROOT_D, true, make_root},
    {"issuing", "Issuing", ISSUER_D, false, issue_authority},
    {"kms", "Key Service", ROOT_D, true, make_kms},
    {"tls", NULL, SERVER_D, false, make_tls},
};

static void
path_of(const struct conf *c, const char *name, const char *suffix,
    char path[PATH_LEN])
{
	(void)snprintf(path, PATH_LEN, "%s/%s%s",
	    conf_str(c, "cloud", "state_dir"), name, suffix);
}

static bool
is_there(const struct conf *c, const char *name, const char *suffix)
{
	char path[PATH_LEN];

	path_of(c, name, suffix, path);
	return (access(path, F_OK) == 0);
}

/* Write a file whole or not at all. */
static int
write_file(const struct conf *c, const char *name, const char *suffix,
    BIO *from, struct err *err)
{
	char path[PATH_LEN], tmp[PATH_LEN + 8];
	char *data;
	long len = BIO_get_mem_data(from, &data);
	int fd;
	bool ok;

	path_of(c, name, suffix, path);
	(void)snprintf(tmp, sizeof(tmp), "%s.new", path);
	(void)unlink(tmp);
	fd = open(tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	ok = fd >= 0 && write(fd, data, (size_t)len) == len && fsync(fd) == 0;
	/* clients get copies of certificates, which others have to read */
	if (ok && strcmp(suffix, ".pem") == 0)
		ok = fchmod(fd, 0644) == 0;
	if (fd >= 0)
		(void)close(fd);
	if (ok && rename(tmp, path) == 0)
		return (0);
	err_set(err, ERR_IO, "cannot write %s: %s", path, strerror(errno));
	(void)unlink(tmp);
	return (-1);
}

static int
write_key(const struct conf *c, const char *name, EVP_PKEY *pkey,
    struct err *err)
{
	BIO *bio = BIO_new(BIO_s_secmem());
	int rc = -1;

	if (bio == NULL ||
	    PEM_write_bio_PrivateKey(bio, pkey, NULL, NULL, 0, NULL, NULL) != 1)
		err_openssl(err, ERR_CRYPTO, "cannot write a key");
	else
		rc = write_file(c, name, ".key", bio, err);
	BIO_free(bio);
	return (rc);
}

static int
write_cert(const struct conf *c, const char *name, struct str der,
    struct err *err)
{
	BIO *bio = BIO_new(BIO_s_mem());
	int rc = -1;

	if (bio == NULL || ca_put_pem(der, bio) != 0)
		err_openssl(err, ERR_CRYPTO, "cannot write a certificate");
	else
		rc = write_file(c, name, ".pem", bio, err);
	BIO_free(bio);
	return (rc);
}

/* The subject's name. */
static int
name_of(const struct conf *c, const struct plan *plan, char name[CONF_HOST],
    struct err *err)
{
	struct str scheme;
	uint16_t port;

	if (plan->title != NULL) {
		(void)snprintf(name, CONF_HOST, "%.40s %s",
		    conf_str(c, "ca", "name"), plan->title);
		return (0);
	}
	if (conf_url(str_c(conf_str(c, "cloud", "url")), &scheme, name,
	        &port) == 0)
		return (0);
	err_set(err, ERR_SYNTAX, "[cloud] url has no host");
	return (-1);
}

static int
make_cert(const struct conf *c, const struct plan *plan,
    const struct issuer *root, EVP_PKEY *pkey, struct buf *der, struct err *err)
{
	int64_t now = clock_now().wall;
	struct issue_terms t = {.from = now - BACKDATE,
	    .until = now + plan->days * DAY};
	uint8_t serial[CA_SERIAL];
	char name[CONF_HOST];

	if (name_of(c, plan, name, err) != 0 || ca_serial(serial, err) != 0)
		return (-1);
	t.serial = str_of((const char *)serial, sizeof(serial));
	return (plan->make(root, pkey, str_c(name), &t, der, err));
}

/* The root that is there already; clear the rest in any case. */
static int
read_root(const struct conf *c, struct cert **cert, EVP_PKEY **pkey,
    struct err *err)
{
	if ((*cert = cloud_keys_cert(c, "root.pem", err)) != NULL &&
	    (*pkey = cloud_keys_key(c, "root.key", err)) != NULL)
		return (0);
	err_prefix(err, "root.pem and root.key are needed to make what is "
	                "missing");
	return (-1);
}

/* A key and its certificate, unless they are there: the certificate is
 * written last. */
static int
carry_out(const struct conf *c, const struct plan *plan, struct err *err)
{
	EVP_PKEY *pkey = NULL, *root_key = NULL;
	struct cert *root = NULL;
	struct issuer by;
	struct buf der;
	int rc = -1;

	if (is_there(c, plan->name, ".pem"))
		return (0);
	buf_init(&der, CERT_MAX);
	if (!plan->self && read_root(c, &root, &root_key, err) != 0)
		goto out;
	by.cert = root;
	by.pkey = root_key;
	if ((pkey = pkey_new(err)) != NULL &&
	    make_cert(c, plan, &by, pkey, &der, err) == 0 &&
	    write_key(c, plan->name, pkey, err) == 0 &&
	    write_cert(c, plan->name, buf_text(&der), err) == 0)
		rc = 0;
out:
	buf_clear(&der);
	cert_unref(root);
	EVP_PKEY_free(pkey);
	EVP_PKEY_free(root_key);
	return (rc);
}

static int
make_rest(const struct conf *c, struct err *err)
{
	struct crypt_key kek;
	char path[PATH_LEN];
	EVP_PKEY *pkey;
	int rc;

	if (!is_there(c, "mail", ".key")) {
		if ((pkey = pkey_new(err)) == NULL)
			return (-1);
		rc = write_key(c, "mail", pkey, err);
		EVP_PKEY_free(pkey);
		if (rc != 0)
			return (-1);
	}
	path_of(c, "kek", "", path);
	rc = crypt_key_load(path, true, &kek, err);
	crypt_key_wipe(&kek);
	return (rc);
}

/* The directory, for the user that will serve from it; systemd may have made
 * it for root. */
static int
make_dir(const struct conf *c, struct err *err)
{
	const char *dir = conf_str(c, "cloud", "state_dir");
	const struct passwd *pw;
	struct stat st;

	if (mkdir(dir, 0700) != 0 && errno != EEXIST) {
		err_set(err, ERR_IO, "cannot make %s: %s", dir,
		    strerror(errno));
		return (-1);
	}
	if (geteuid() != 0 || stat(dir, &st) != 0 || st.st_uid != 0)
		return (0);
	if ((pw = getpwnam(conf_str(c, "cloud", "user"))) != NULL &&
	    chown(dir, pw->pw_uid, pw->pw_gid) == 0)
		return (0);
	err_set(err, ERR_IO, "cannot give %s to %s", dir,
	    conf_str(c, "cloud", "user"));
	return (-1);
}

int
cloud_init(const struct conf *c, struct err *err)
{
	const char *dir = conf_str(c, "cloud", "state_dir");
	size_t i;

	if (make_dir(c, err) != 0 ||
	    sandbox_drop(conf_str(c, "cloud", "user"), err) != 0)
		return (-1);
	for (i = 0; i < sizeof(plans) / sizeof(plans[0]); i++)
		if (carry_out(c, &plans[i], err) != 0)
			return (-1);
	if (make_rest(c, err) != 0)
		return (-1);
	(void)printf("# For waxwing.conf of each client.\n"
	             "[cloud]\n"
	             "url = %s\n"
	             "ca_file = %s/root.pem\n"
	             "kms_key = %s/kms.pem\n",
	    conf_str(c, "cloud", "url"), dir, dir);
	return (fflush(stdout) == 0 ? 0 : -1);
}
