#include "config.h"

#include "ctl/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "sys/memfd.h"

/* Longer ones are not typed. */
#define SECRET_MAX 1024

/* Read up to the end of the first line; what is read is the caller's to wipe.
 * -1 with errno, EMSGSIZE if it is too long. */
static ssize_t
read_line(int fd, char line[SECRET_MAX])
{
	size_t n = 0;
	ssize_t r;

	while (n < SECRET_MAX) {
		if ((r = read(fd, line + n, 1)) == -1)
			return (-1);
		if (r == 0 || line[n] == '\n') {
			if (n > 0 && line[n - 1] == '\r')
				n--;
			return ((ssize_t)n);
		}
		n++;
	}
	errno = EMSGSIZE;
	return (-1);
}

/* A memfd whose reader starts at its beginning. */
static struct blob *
line_of(int fd, const char *name, struct err *err)
{
	char line[SECRET_MAX];
	struct blob *b = NULL;
	ssize_t n;

	if ((n = read_line(fd, line)) == -1)
		err_set(err, ERR_IO, "%s: %s", name, strerror(errno));
	else
		b = memfd_copy(line, (size_t)n, err);
	explicit_bzero(line, sizeof(line));
	if (b != NULL)
		(void)lseek(blob_fd(b), 0, SEEK_SET);
	return (b);
}

struct blob *
secret_ask(const char *prompt, struct err *err)
{
	struct termios old, quiet;
	sigset_t block, before;
	struct blob *b;
	int fd;

	if ((fd = open("/dev/tty", O_RDWR | O_CLOEXEC)) == -1 ||
	    tcgetattr(fd, &old) == -1) {
		err_set(err, ERR_IO,
		    "there is no terminal to ask for the passphrase: use "
		    "--passphrase-file");
		if (fd != -1)
			close(fd);
		return (NULL);
	}
	/* a signal must not leave the terminal without echo */
	sigemptyset(&block);
	sigaddset(&block, SIGINT);
	sigaddset(&block, SIGTERM);
	sigaddset(&block, SIGTSTP);
	(void)sigprocmask(SIG_BLOCK, &block, &before);
	quiet = old;
	quiet.c_lflag &= (tcflag_t) ~(ECHO | ECHONL);
	(void)tcsetattr(fd, TCSAFLUSH, &quiet);
	(void)!write(fd, prompt, strlen(prompt));
	b = line_of(fd, "/dev/tty", err);
	(void)tcsetattr(fd, TCSAFLUSH, &old);
	(void)!write(fd, "\n", 1);
	(void)sigprocmask(SIG_SETMASK, &before, NULL);
	close(fd);
	return (b);
}

struct blob *
secret_read(const char *path, struct err *err)
{
	struct blob *b;
	int fd;

	if ((fd = open(path, O_RDONLY | O_CLOEXEC)) == -1) {
		err_set(err, ERR_IO, "%s: %s", path, strerror(errno));
		return (NULL);
	}
	b = line_of(fd, path, err);
	close(fd);
	return (b);
}
