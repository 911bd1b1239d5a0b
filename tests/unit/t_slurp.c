#include "config.h"

#include "sealer/slurp.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "unit.h"

struct got {
	unsigned calls;
	char text[64];
	size_t len;
	struct err err;
	struct event_base *base;
};

static void
on_done(const struct str *text, const struct err *err, void *arg)
{
	struct got *g = arg;

	g->calls++;
	if (text != NULL) {
		g->len = text->len;
		memcpy(g->text, text->p,
		    text->len < sizeof(g->text) ? text->len : sizeof(g->text));
	} else {
		g->err = *err;
	}
	event_base_loopbreak(g->base);
}

/* Read fd with a limit of 10 bytes and a tenth of a second. */
static void
read_it(int fd, struct got *g)
{
	struct err err;

	memset(g, 0, sizeof(*g));
	g->base = event_base_new();
	CHECK(slurp_start(g->base, fd, 10, 100, on_done, g, &err) != NULL);
	CHECK_UINT(g->calls, 0);
	event_base_dispatch(g->base);
	CHECK_UINT(g->calls, 1);
	event_base_free(g->base);
}

static int
file_of(const char *text)
{
	char path[] = "t_slurp.XXXXXX";
	int fd = mkstemp(path);

	(void)unlink(path);
	CHECK(write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	(void)lseek(fd, 0, SEEK_SET);
	return (fd);
}

static void
t_files(void)
{
	struct got g;

	unit_row("empty");
	read_it(file_of(""), &g);
	CHECK_INT(g.err.code, ERR_OK);
	CHECK_UINT(g.len, 0);
	unit_row("at the limit");
	read_it(file_of("0123456789"), &g);
	CHECK_STR(str_of(g.text, g.len), "0123456789");
	unit_row("above the limit");
	read_it(file_of("0123456789a"), &g);
	CHECK_INT(g.err.code, ERR_LIMIT);
}

static void
t_pipes(void)
{
	struct got g;
	int p[2];

	unit_row("a pipe that ends");
	CHECK(pipe(p) == 0 && write(p[1], "secret", 6) == 6);
	close(p[1]);
	read_it(p[0], &g);
	CHECK_STR(str_of(g.text, g.len), "secret");
	unit_row("a pipe that does not end");
	CHECK(pipe(p) == 0 && write(p[1], "secret", 6) == 6);
	read_it(p[0], &g);
	CHECK_INT(g.err.code, ERR_TIMEOUT);
	close(p[1]);
	unit_row("a pipe with too much");
	CHECK(pipe(p) == 0 && write(p[1], "0123456789abc", 13) == 13);
	read_it(p[0], &g);
	CHECK_INT(g.err.code, ERR_LIMIT);
	close(p[1]);
}

static void
t_cancel(void)
{
	struct event_base *base = event_base_new();
	struct got g = {.base = base};
	struct err err;

	slurp_cancel(NULL);
	CHECK(slurp_start(base, open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC),
	          10, 100, on_done, &g, &err) == NULL);
	CHECK_INT(err.code, ERR_IO);
	slurp_cancel(
	    slurp_start(base, file_of("x"), 10, 100, on_done, &g, &err));
	event_base_loop(base, EVLOOP_NONBLOCK);
	CHECK_UINT(g.calls, 0);
	event_base_free(base);
}

int
main(void)
{
	static const struct unit_test tests[] = {
	    {"files", t_files},
	    {"pipes", t_pipes},
	    {"cancel", t_cancel},
	    {NULL, NULL},
	};

	return (unit_main("slurp", tests));
}
