/* Files from the disk: the conf itself and what it names. */

#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/limits.h"
#include "sys/conf_priv.h"

/* Read fd to its end into out, whose limit is one more than allowed. */
static int
read_whole(int fd, struct buf *out, struct err *err)
{
	ssize_t n;
	char *to;

	for (;;) {
		if (out->len > LIMIT_CONF_FILE) {
			err_set(err, ERR_LIMIT, "is larger than %lu bytes",
			    LIMIT_CONF_FILE);
			return (-1);
		}
		if ((to = buf_room(out, 1)) == NULL) {
			err_set(err, ERR_MEMORY, "no memory to read it");
			return (-1);
		}
		n = read(fd, to, out->cap - out->len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			err_set(err, ERR_IO, "%s", strerror(errno));
			return (-1);
		}
		if (n == 0)
			return (0);
		out->len += (size_t)n;
	}
}

int
conf_read(const char *path, bool secret, struct buf *out, struct err *err)
{
	struct stat st;
	int fd, rc = -1;

	/* O_NONBLOCK: a fifo there must not stop us */
	if ((fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)) < 0) {
		err_set(err, errno == ENOENT ? ERR_NOTFOUND : ERR_IO, "%s",
		    strerror(errno));
		return (-1);
	}
	if (fstat(fd, &st) != 0)
		err_set(err, ERR_IO, "%s", strerror(errno));
	else if (!S_ISREG(st.st_mode))
		err_set(err, ERR_IO, "is no regular file");
	else if (secret && (st.st_mode & 077) != 0)
		err_set(err, ERR_DENIED,
		    "others can read it, its mode is %04o instead of 0600",
		    (unsigned)(st.st_mode & 07777));
	else
		rc = read_whole(fd, out, err);
	(void)close(fd);
	if (rc != 0)
		buf_wipe(out);
	return (rc);
}

/* An empty file would count as none at all, and one without certificates as
 * one with the wrong ones.  NULL if it will do. */
static const char *
wrong_content(const struct conf_entry *e, struct str text)
{
	static const char begin[] = "-----BEGIN ";

	if (text.len == 0)
		return ("is empty");
	if (e->opt->type == CONF_FILE &&
	    memmem(text.p, text.len, begin, sizeof(begin) - 1) == NULL)
		return ("holds no certificate in PEM");
	return (NULL);
}

int
conf_blame(const struct conf *c, const char *section, const char *key,
    struct err *err, const char *why)
{
	const struct conf_entry *e = NULL;

	if (section != NULL && key != NULL)
		e = conf_entry_find(c, section, key);
	return (conf_complain(c, e != NULL ? e->line : 0, section, key, err,
	    "%s", why));
}

int
conf_blame_for(const struct conf *c, const char *section, const char *key,
    struct err *err)
{
	const struct err why = *err;

	(void)conf_blame(c, section, key, err, why.text);
	err->code = why.code;
	return (-1);
}

int
conf_read_files(struct conf *c, struct err *err)
{
	const struct conf_entry *e;
	struct err why;
	struct buf text;
	const char *wrong;
	int rc;

	for (e = c->entries; e != NULL; e = e->next) {
		if (e->opt->type != CONF_FILE && e->opt->type != CONF_SECRET)
			continue;
		buf_init(&text, 2 * LIMIT_CONF_FILE);
		if (conf_read(e->value, e->opt->type == CONF_SECRET, &text,
		        &why) != 0)
			return (conf_complain(c, e->line, e->section, e->key,
			    err, "%s: %s", e->value, why.text));
		if ((wrong = wrong_content(e, buf_text(&text))) != NULL) {
			buf_wipe(&text);
			return (conf_complain(c, e->line, e->section, e->key,
			    err, "%s %s", e->value, wrong));
		}
		rc = conf_attach(c, e->section, e->key, buf_text(&text));
		buf_wipe(&text);
		if (rc != 0) {
			err_set(err, ERR_MEMORY, "no memory for %s", e->value);
			return (-1);
		}
	}
	return (0);
}
