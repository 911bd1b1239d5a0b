/* waxwing-cloudd init: the keys and certificates of a new cloud. */

#include "config.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/conf.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "cloud/cloud.h"
#include "smime/ossl.h"
#include "sys/sandbox.h"

#define DAY      (24L * 3600)
#define ROOT_D   (20 * 365)
#define ISSUER_D (10 * 365)
#define SERVER_D (10 * 365)

/* The clocks of those who look at a certificate at once may be behind. */
#define BACKDATE 3600

#define PATH_LEN 4096

struct extension {
	int nid;
	const char *value; /* as openssl's x509v3_config has it */
};

/* One certificate to make. */
struct plan {
	const char *name; /* of the files, without .pem and .key */
	const char *title;
	long days;
	bool self; /* signed by itself, else by root */
	const struct extension *extensions;
};

static const struct extension root_ext[] = {
    {NID_basic_constraints, "critical,CA:TRUE"},
    {NID_key_usage, "critical,keyCertSign,cRLSign"},
    {NID_subject_key_identifier, "hash"},
    {0, NULL},
};

/* Limited to mail: it must not vouch for any server. */
static const struct extension issuing_ext[] = {
    {NID_basic_constraints, "critical,CA:TRUE,pathlen:0"},
    {NID_key_usage, "critical,keyCertSign,cRLSign"},
    {NID_ext_key_usage, "emailProtection"},
    {NID_subject_key_identifier, "hash"},
    {NID_authority_key_identifier, "keyid"},
    {NID_certificate_policies, "2.5.29.32.0"},
    {0, NULL},
};

/* It is pinned, nobody vouches for it. */
static const struct extension kms_ext[] = {
    {NID_basic_constraints, "critical,CA:FALSE"},
    {NID_key_usage, "critical,digitalSignature"},
    {NID_ext_key_usage, "emailProtection"},
    {NID_subject_key_identifier, "hash"},
    {0, NULL},
};

static const struct extension tls_ext[] = {
    {NID_basic_constraints, "critical,CA:FALSE"},
    {NID_key_usage, "critical,digitalSignature"},
    {NID_ext_key_usage, "serverAuth"},
    {NID_subject_key_identifier, "hash"},
    {NID_authority_key_identifier, "keyid"},
    {0, NULL},
};

static const struct plan plans[] = {
    {"root", "Root", ROOT_D, true, root_ext},
    {"issuing", "Issuing", ISSUER_D, false, issuing_ext},
    {"kms", "Key Service", ROOT_D, true, kms_ext},
    {"tls", NULL, SERVER_D, false, tls_ext},
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
write_cert(const struct conf *c, const char *name, X509 *x, struct err *err)
{
	BIO *bio = BIO_new(BIO_s_mem());
	int rc = -1;

	if (bio == NULL || PEM_write_bio_X509(bio, x) != 1)
		err_openssl(err, ERR_CRYPTO, "cannot write a certificate");
	else
		rc = write_file(c, name, ".pem", bio, err);
	BIO_free(bio);
	return (rc);
}

static int
add_extension(X509 *x, X509 *issuer, int nid, const char *value)
{
	CONF *none = NCONF_new(NULL); /* policies want one, even empty */
	X509_EXTENSION *ext = NULL;
	X509V3_CTX ctx;
	int rc = -1;

	X509V3_set_ctx(&ctx, issuer, x, NULL, NULL, 0);
	if (none != NULL) {
		X509V3_set_nconf(&ctx, none);
		ext = X509V3_EXT_nconf_nid(none, &ctx, nid, value);
	}
	if (ext != NULL && X509_add_ext(x, ext, -1) == 1)
		rc = 0;
	X509_EXTENSION_free(ext);
	NCONF_free(none);
	return (rc);
}

/* The host of [cloud] url, which a client will check. */
static int
add_host(const struct conf *c, X509 *x)
{
	char host[CONF_HOST], value[CONF_HOST + 8], raw[16];
	struct str scheme;
	uint16_t port;
	bool literal;

	if (conf_url(str_c(conf_str(c, "cloud", "url")), &scheme, host,
	        &port) != 0)
		return (-1);
	literal = inet_pton(AF_INET, host, raw) == 1 ||
	          inet_pton(AF_INET6, host, raw) == 1;
	(void)snprintf(value, sizeof(value), "%s:%s", literal ? "IP" : "DNS",
	    host);
	return (add_extension(x, NULL, NID_subject_alt_name, value));
}

static int
set_head(const struct conf *c, X509 *x, const struct plan *plan)
{
	char name[64], host[CONF_HOST];
	unsigned char serial[16];
	int64_t now = clock_now().wall;
	struct str scheme;
	uint16_t port;
	BIGNUM *bn;
	int rc;

	if (plan->title != NULL)
		(void)snprintf(name, sizeof(name), "%.40s %s",
		    conf_str(c, "ca", "name"), plan->title);
	else if (conf_url(str_c(conf_str(c, "cloud", "url")), &scheme, host,
	             &port) == 0)
		(void)snprintf(name, sizeof(name), "%.63s", host);
	else
		return (-1);
	if (RAND_bytes(serial, sizeof(serial)) != 1)
		return (-1);
	serial[0] = (unsigned char)((serial[0] & 0x7f) | 0x40);
	bn = BN_bin2bn(serial, sizeof(serial), NULL);
	rc =
	    bn != NULL && X509_set_version(x, X509_VERSION_3) == 1 &&
	            BN_to_ASN1_INTEGER(bn, X509_get_serialNumber(x)) != NULL &&
	            X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN",
	                MBSTRING_UTF8, (unsigned char *)name, -1, -1, 0) == 1 &&
	            ASN1_TIME_set(X509_getm_notBefore(x),
	                (time_t)(now - BACKDATE)) != NULL &&
	            ASN1_TIME_set(X509_getm_notAfter(x),
	                (time_t)(now + plan->days * DAY)) != NULL
	        ? 0
	        : -1;
	BN_free(bn);
	return (rc);
}

static X509 *
make_cert(const struct conf *c, const struct plan *plan, EVP_PKEY *pkey,
    X509 *issuer, EVP_PKEY *issuer_key)
{
	const struct extension *e;
	X509 *x;

	if ((x = X509_new()) == NULL)
		return (NULL);
	if (plan->self) {
		issuer = x;
		issuer_key = pkey;
	}
	if (set_head(c, x, plan) != 0 || X509_set_pubkey(x, pkey) != 1 ||
	    X509_set_issuer_name(x, X509_get_subject_name(issuer)) != 1)
		goto fail;
	for (e = plan->extensions; e->value != NULL; e++)
		if (add_extension(x, issuer, e->nid, e->value) != 0)
			goto fail;
	if (plan->title == NULL && add_host(c, x) != 0)
		goto fail;
	if (X509_sign(x, issuer_key, EVP_sha256()) > 0)
		return (x);
fail:
	X509_free(x);
	return (NULL);
}

/* The root that is there already. */
static int
read_root(const struct conf *c, X509 **x, EVP_PKEY **pkey, struct err *err)
{
	char path[PATH_LEN];
	FILE *f;

	path_of(c, "root", ".pem", path);
	if ((f = fopen(path, "re")) != NULL) {
		*x = PEM_read_X509(f, NULL, NULL, NULL);
		(void)fclose(f);
	}
	path_of(c, "root", ".key", path);
	if ((f = fopen(path, "re")) != NULL) {
		*pkey = PEM_read_PrivateKey(f, NULL, NULL, NULL);
		(void)fclose(f);
	}
	if (*x != NULL && *pkey != NULL)
		return (0);
	err_openssl(err, ERR_NOTFOUND,
	    "root.pem and root.key are needed to make what is missing");
	return (-1);
}

/* A key and its certificate, unless they are there: the certificate is
 * written last. */
static int
carry_out(const struct conf *c, const struct plan *plan, struct err *err)
{
	EVP_PKEY *pkey = NULL, *root_key = NULL;
	X509 *x = NULL, *root = NULL;
	int rc = -1;

	if (is_there(c, plan->name, ".pem"))
		return (0);
	if (!plan->self && read_root(c, &root, &root_key, err) != 0)
		goto out;
	if ((pkey = EVP_EC_gen("P-256")) == NULL ||
	    (x = make_cert(c, plan, pkey, root, root_key)) == NULL) {
		err_openssl(err, ERR_CRYPTO, "cannot make a certificate");
		goto out;
	}
	if (write_key(c, plan->name, pkey, err) == 0 &&
	    write_cert(c, plan->name, x, err) == 0)
		rc = 0;
out:
	X509_free(x);
	X509_free(root);
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
		if ((pkey = EVP_EC_gen("P-256")) == NULL) {
			err_openssl(err, ERR_CRYPTO, "cannot make a key");
			return (-1);
		}
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
