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
	return (b);
}

static volatile sig_atomic_t caught;

static void catch (int sig)
{
	caught = sig;
}

/* Ask with the terminal quiet; a signal meanwhile ends the reading and is for
 * the caller to deliver: it must not leave the terminal without echo. */
static struct blob *
ask_quietly(int fd, const struct termios *old, const char *prompt,
    struct err *err)
{
	static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT,
	    SIGTSTP};
	struct sigaction sa = {.sa_handler = catch},
	                 before[sizeof(signals) / sizeof(signals[0])];
	struct termios quiet = *old;
	struct blob *b;
	size_t i;

	sigemptyset(&sa.sa_mask);
	for (i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		(void)sigaction(signals[i], &sa, &before[i]);
	quiet.c_lflag &= (tcflag_t) ~(ECHO | ECHONL);
	(void)tcsetattr(fd, TCSAFLUSH, &quiet);
	(void)!write(fd, prompt, strlen(prompt));
	b = line_of(fd, "/dev/tty", err);
	(void)tcsetattr(fd, TCSAFLUSH, old);
	(void)!write(fd, "\n", 1);
	for (i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		(void)sigaction(signals[i], &before[i], NULL);
	return (b);
}

struct blob *
secret_ask(const char *prompt, struct err *err)
{
	struct termios old;
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
	b = ask_quietly(fd, &old, prompt, err);
	close(fd);
	if (caught != 0)
		(void)raise(caught);
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
