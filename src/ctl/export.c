#include "config.h"

#include "ctl/export.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/codec.h"

/* What the daemon sends at most. */
#define FILE_MAX (8UL * 1024 * 1024)

int
export_create(const char *path, struct err *err)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd == -1)
		err_set(err, ERR_IO, "%s: %s", path, strerror(errno));
	return (fd);
}

static int
write_all(int fd, struct str s)
{
	ssize_t n;

	while (s.len > 0) {
		if ((n = write(fd, s.p, s.len)) == -1)
			return (-1);
		s = str_of(s.p + n, s.len - (size_t)n);
	}
	return (fsync(fd));
}

void
export_abandon(int fd, const char *path)
{
	close(fd);
	(void)unlink(path);
}

int
export_finish(int fd, const char *path, struct str base64, struct err *err)
{
	struct buf bytes;
	int rc = -1;

	buf_init(&bytes, FILE_MAX);
	if (b64_decode(base64, &bytes) == -1)
		err_set(err, ERR_PEER, "the daemon sent no file");
	else if ((rc = write_all(fd, buf_text(&bytes))) == -1)
		err_set(err, ERR_IO, "%s: %s", path, strerror(errno));
	buf_clear(&bytes);
	if (rc == -1)
		export_abandon(fd, path);
	else
		close(fd);
	return (rc);
}
