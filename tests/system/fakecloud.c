#include "config.h"

#include "fakecloud.h"

#include <sys/wait.h>

#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Making its keys takes a second; a loaded machine needs more. */
#define START_S 60

static void
run(struct fakecloud *c, int in, int out)
{
	const char *src = getenv("srcdir");
	char script[400];

	(void)snprintf(script, sizeof(script), "%s/tests/lib/fakecloud.py",
	    src != NULL ? src : ".");
	(void)dup2(in, 0);
	(void)dup2(out, 1);
	(void)execlp("python3", "python3", script, c->dir, (char *)NULL);
	_exit(127);
}

static int
wait_for_url(struct fakecloud *c)
{
	struct buf url;
	int i;

	for (i = 0; i < START_S * 20; i++) {
		fakecloud_read(c, "url", &url);
		if (url.len > 1 && url.len <= sizeof(c->url)) {
			memcpy(c->url, url.data, url.len);
			buf_clear(&url);
			return (0);
		}
		buf_clear(&url);
		usleep(50000);
	}
	return (-1);
}

int
fakecloud_start(struct fakecloud *c, const char *name)
{
	int in[2], out[2];
	char here[200];

	if (getcwd(here, sizeof(here)) == NULL || pipe(in) == -1 ||
	    pipe(out) == -1)
		return (-1);
	(void)snprintf(c->dir, sizeof(c->dir), "%s/%s", here, name);
	(void)fflush(NULL);
	if ((c->pid = fork()) == 0) {
		close(in[1]);
		close(out[0]);
		run(c, in[0], out[1]);
	}
	close(in[0]);
	close(out[1]);
	c->to = fdopen(in[1], "w");
	c->from = fdopen(out[0], "r");
	if (c->pid == -1 || c->to == NULL || c->from == NULL)
		return (-1);
	return (wait_for_url(c));
}

void
fakecloud_stop(struct fakecloud *c)
{
	int status;

	if (c->pid <= 0)
		return;
	(void)kill(c->pid, SIGKILL);
	(void)waitpid(c->pid, &status, 0);
	(void)fclose(c->to);
	(void)fclose(c->from);
	c->pid = 0;
}

void
fakecloud_remove(struct fakecloud *c)
{
	char line[400];

	fakecloud_stop(c);
	(void)snprintf(line, sizeof(line), "rm -rf '%s'", c->dir);
	if (system(line) != 0)
		(void)fprintf(stderr, "cannot remove %s\n", c->dir);
}

void
fakecloud_say(struct fakecloud *c, const char *fmt, ...)
{
	char answer[100];
	va_list ap;

	va_start(ap, fmt);
	(void)vfprintf(c->to, fmt, ap);
	va_end(ap);
	(void)fputc('\n', c->to);
	(void)fflush(c->to);
	if (fgets(answer, sizeof(answer), c->from) == NULL)
		(void)fprintf(stderr, "the cloud is gone\n");
}

void
fakecloud_write(struct fakecloud *c, const char *name, const char *text)
{
	char path[400], new[420];
	FILE *f;

	(void)snprintf(path, sizeof(path), "%s/%s", c->dir, name);
	(void)snprintf(new, sizeof(new), "%s.new", path);
	if ((f = fopen(new, "we")) == NULL || fputs(text, f) == EOF ||
	    fclose(f) != 0 || rename(new, path) == -1)
		abort();
}

void
fakecloud_plan(struct fakecloud *c, const char *lines)
{
	fakecloud_write(c, "plan", lines);
}

void
fakecloud_read(struct fakecloud *c, const char *name, struct buf *out)
{
	char path[400], part[4096];
	size_t n;
	FILE *f;

	(void)snprintf(path, sizeof(path), "%s/%s", c->dir, name);
	buf_init(out, (size_t)64 * 1024 * 1024);
	if ((f = fopen(path, "re")) != NULL) {
		while ((n = fread(part, 1, sizeof(part), f)) > 0)
			buf_put(out, part, n);
		(void)fclose(f);
	}
	buf_putc(out, '\0');
}

unsigned
fakecloud_requests(struct fakecloud *c, const char *begin)
{
	struct buf text;
	unsigned n = 0;
	const char *p;

	fakecloud_read(c, "requests", &text);
	for (p = text.data; p != NULL && *p != '\0';
	     p = strchr(p, '\n') != NULL ? strchr(p, '\n') + 1 : NULL)
		n += strncmp(p, begin, strlen(begin)) == 0;
	buf_clear(&text);
	return (n);
}

void
fakecloud_forget(struct fakecloud *c)
{
	fakecloud_write(c, "requests", "");
}
