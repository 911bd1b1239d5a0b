#include "config.h"

#include "parent/install.h"

#include <sys/file.h>
#include <sys/stat.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/codec.h"
#include "sys/tls.h"

#define CERT_FILE   "tls.cert.pem"
#define KEY_FILE    "tls.key.pem"
#define ID_FILE     "install_id"
#define MASTER_FILE "master.key"
#define KEY_STORE   "key/data.mdb"
#define ID_BYTES    8

/* Larger than any certificate we make. */
#define FILE_MAX (64UL * 1024)

static int
fail(struct err *err, const char *path)
{
	int saved = errno;
	struct stat st;

	if (saved == EACCES && lstat(path, &st) == 0 && st.st_uid != geteuid())
		err_set(err, ERR_IO, "%s belongs to uid %lu instead of %lu",
		    path, (unsigned long)st.st_uid, (unsigned long)geteuid());
	else
		err_set(err, ERR_IO, "%s: %s", path, strerror(saved));
	return (-1);
}

int
install_chown(const char *path, const char *user, struct err *err)
{
	struct passwd *pw;

	if (user == NULL || geteuid() != 0)
		return (0);
	if ((pw = getpwnam(user)) == NULL) {
		err_set(err, ERR_NOTFOUND, "[daemon] user: no user \"%s\"",
		    user);
		return (-1);
	}
	if (lchown(path, pw->pw_uid, pw->pw_gid) == -1)
		return (fail(err, path));
	return (0);
}

static int
path_of(const struct parent *p, const char *name, char *out, size_t size,
    struct err *err)
{
	int n = snprintf(out, size, "%s/%s", p->state_dir, name);

	if (n > 0 && (size_t)n < size)
		return (0);
	err_set(err, ERR_LIMIT, "[daemon] state_dir: the name is too long");
	return (-1);
}

/* Read a small file: 1, or 0 if there is none. */
static int
read_file(const char *path, struct buf *out, struct err *err)
{
	ssize_t n;
	char *to;
	int fd;

	if ((fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)) == -1)
		return (errno == ENOENT ? 0 : fail(err, path));
	do {
		if ((to = buf_room(out, 4096)) == NULL) {
			err_set(err, ERR_LIMIT, "%s: too large", path);
			close(fd);
			return (-1);
		}
		if ((n = read(fd, to, 4096)) > 0)
			out->len += (size_t)n;
	} while (n > 0);
	close(fd);
	return (n == 0 ? 1 : fail(err, path));
}

/* Write a new file as a whole or not at all, 0600. */
static int
write_file(const char *path, struct str text, struct err *err)
{
	char temp[4200];
	int fd;

	(void)snprintf(temp, sizeof(temp), "%s.new", path);
	(void)unlink(temp);
	fd = open(temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd == -1)
		return (fail(err, temp));
	if (write(fd, text.p, text.len) != (ssize_t)text.len ||
	    fsync(fd) == -1) {
		(void)fail(err, temp);
		close(fd);
		return (-1);
	}
	close(fd);
	if (rename(temp, path) == -1)
		return (fail(err, path));
	return (0);
}

static bool
is_ours(const char *name)
{
	static const char *const ours[] = {".", "..", "key", "pub", "enrol",
	    "seen", "facts", "views", "lost+found"};
	size_t i;

	for (i = 0; i < sizeof(ours) / sizeof(ours[0]); i++)
		if (strcmp(name, ours[i]) == 0)
			return (true);
	return (false);
}

/* A directory of root's becomes the user's, and shut to all others.  One with
 * other directories in it, as "state_dir = /etc" would name, is not meant. */
static int
check_ours(const char *path, struct err *err)
{
	const struct dirent *e;
	struct stat st;
	int rc = 0;
	DIR *dir;

	if ((dir = opendir(path)) == NULL)
		return (fail(err, path));
	while (rc == 0 && (e = readdir(dir)) != NULL) {
		if (is_ours(e->d_name) ||
		    fstatat(dirfd(dir), e->d_name, &st, 0) == -1 ||
		    !S_ISDIR(st.st_mode))
			continue;
		err_set(err, ERR_SYNTAX,
		    "%s belongs to root and holds \"%.40s\", which is not "
		    "ours: name a directory for this alone",
		    path, e->d_name);
		rc = -1;
	}
	closedir(dir);
	return (rc);
}

static int
open_state_dir(struct parent *p, const char *user, struct err *err)
{
	const char *dir = p->state_dir;
	struct stat st;

	if (mkdir(dir, 0700) == -1 && errno != EEXIST)
		return (fail(err, dir));
	p->lock = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (p->lock == -1 || fstat(p->lock, &st) == -1)
		return (fail(err, dir));
	/* made just now, or by root before */
	if (st.st_uid == 0 && user != NULL &&
	    (check_ours(dir, err) == -1 || install_chown(dir, user, err) == -1))
		return (-1);
	if ((st.st_mode & 077) != 0 && fchmod(p->lock, 0700) == -1)
		return (fail(err, dir));
	if (flock(p->lock, LOCK_EX | LOCK_NB) == -1) {
		if (errno != EWOULDBLOCK)
			return (fail(err, dir));
		err_set(err, ERR_UNAVAILABLE, "%s: another waxwingd works here",
		    dir);
		return (-1);
	}
	return (0);
}

static int
make_id(struct parent *p, const char *path, struct err *err)
{
	char line[ID_BYTES * 2 + 2];
	uint8_t id[ID_BYTES];

	if (crypt_random(id, sizeof(id)) == -1) {
		err_set(err, ERR_CRYPTO, "no random numbers");
		return (-1);
	}
	hex_encode(id, sizeof(id), p->install_id);
	(void)snprintf(line, sizeof(line), "%s\n", p->install_id);
	return (write_file(path, str_of(line, sizeof(line) - 1), err));
}

static int
load_id(struct parent *p, struct err *err)
{
	uint8_t id[ID_BYTES];
	char path[4096];
	struct buf b;
	struct str text;
	int rc;

	if (path_of(p, ID_FILE, path, sizeof(path), err) == -1)
		return (-1);
	buf_init(&b, FILE_MAX);
	if ((rc = read_file(path, &b, err)) == 1) {
		text = str_trim(buf_text(&b));
		if (hex_decode(text, id, sizeof(id)) == -1) {
			err_set(err, ERR_SYNTAX, "%s: not 16 hex digits", path);
			rc = -1;
		} else
			hex_encode(id, sizeof(id), p->install_id);
	} else if (rc == 0)
		rc = make_id(p, path, err);
	buf_clear(&b);
	return (rc == -1 ? -1 : 0);
}

/* Are there keys already, which a new master key would not open? */
static bool
has_keys(const struct parent *p)
{
	char path[4096];
	struct err err;

	return (path_of(p, KEY_STORE, path, sizeof(path), &err) == 0 &&
	        access(path, F_OK) == 0);
}

/* The file that the conf names, or the one in state_dir. */
static int
load_master_key(struct parent *p, struct err *err)
{
	const char *key = conf_str(p->conf, "daemon", "master_key");
	bool make = !has_keys(p);
	char path[4096];

	if (key == NULL) {
		if (path_of(p, MASTER_FILE, path, sizeof(path), err) == -1)
			return (-1);
		key = path;
	}
	if (crypt_key_load(key, make, &p->master, err) == 0)
		return (0);
	if (!make && err->code == ERR_NOTFOUND)
		err_set(err, ERR_NOTFOUND,
		    "%s is missing, and %s/key is encrypted under it: put it "
		    "back, or begin with another state_dir",
		    key, p->state_dir);
	return (-1);
}

int
install_open(struct parent *p, const char *user, struct err *err)
{
	const char *dir = conf_str(p->conf, "daemon", "state_dir");

	if ((p->state_dir = strdup(dir != NULL ? dir : "")) == NULL) {
		err_set(err, ERR_MEMORY, "out of memory");
		return (-1);
	}
	if (open_state_dir(p, user, err) == -1)
		return (conf_blame_for(p->conf, "daemon", "state_dir", err));
	/* root may not write where the user may, and the other way round */
	p->have_master = load_master_key(p, &p->no_master) == 0;
	return (0);
}

void
install_close(struct parent *p)
{
	crypt_key_wipe(&p->master);
	if (p->lock != -1)
		close(p->lock);
	free(p->state_dir);
}

/* Load the installation's certificate, or make it. */
static int
load_tls(const struct parent *p, struct buf *cert, struct buf *key,
    struct err *err)
{
	char cert_path[4096], key_path[4096], host[256];
	int have_cert, have_key;

	if (path_of(p, CERT_FILE, cert_path, sizeof(cert_path), err) == -1 ||
	    path_of(p, KEY_FILE, key_path, sizeof(key_path), err) == -1)
		return (-1);
	have_cert = read_file(cert_path, cert, err);
	have_key = read_file(key_path, key, err);
	if (have_cert == -1 || have_key == -1)
		return (-1);
	if (have_cert == 1 && have_key == 1)
		return (0);
	buf_reset(cert);
	buf_reset(key);
	if (gethostname(host, sizeof(host)) == -1)
		return (fail(err, "gethostname"));
	host[sizeof(host) - 1] = '\0';
	if (tls_make_local(host, cert, key, err) == -1 ||
	    write_file(key_path, buf_text(key), err) == -1)
		return (-1);
	return (write_file(cert_path, buf_text(cert), err));
}

static int
attach(struct conf *conf, const char *section, struct str cert, struct str key,
    struct err *err)
{
	if (conf_attach(conf, section, "cert", cert) == 0 &&
	    conf_attach(conf, section, "key", key) == 0)
		return (0);
	err_set(err, ERR_MEMORY, "out of memory");
	return (-1);
}

int
install_tls(struct parent *p, struct conf *conf, struct err *err)
{
	struct buf cert, key;
	int rc = 0;

	if (conf_str(conf, "imap", "cert") == NULL) {
		buf_init(&cert, FILE_MAX);
		buf_init(&key, FILE_MAX);
		if (load_tls(p, &cert, &key, err) == -1 ||
		    attach(conf, "imap", buf_text(&cert), buf_text(&key),
		        err) == -1)
			rc = -1;
		buf_clear(&cert);
		buf_wipe(&key);
	}
	if (rc == 0 && conf_str(conf, "smtp", "cert") == NULL)
		rc = attach(conf, "smtp", conf_file(conf, "imap", "cert"),
		    conf_file(conf, "imap", "key"), err);
	return (rc);
}

int
install_load(struct parent *p, struct err *err)
{
	if (!p->have_master && load_master_key(p, err) == -1) {
		/* what root met says more than that the user may not */
		(void)conf_blame(p->conf, "daemon", "master_key", err,
		    p->no_master.text);
		if (p->no_master.code == ERR_IO)
			err->code = ERR_IO; /* another start may do */
		return (-1);
	}
	p->have_master = true;
	if (load_id(p, err) == -1)
		return (-1);
	return (install_tls(p, p->conf, err));
}
