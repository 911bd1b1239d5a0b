/*
 * A message that is decoded while it comes.
 */
#include "config.h"

#include "opener/early.h"

#include <sys/mman.h>

#include <openssl/objects.h>
#include <string.h>
#include <unistd.h>

#include "base/limits.h"
#include "open_help.h"

static int
new_fd(struct str text)
{
	int fd = memfd_create("t_early", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	CHECK(pwrite(fd, text.p, text.len, 0) == (ssize_t)text.len);
	return (fd);
}

/* Tell of it in steps of so many bytes, and take it. */
static bool
follow(int fd, size_t total, size_t step, struct peel_early *early)
{
	struct open_ahead what = {7, total, 0};
	struct early *e = early_new(dup(fd), &what);
	bool taken;

	for (; e != NULL && what.here + step < total;) {
		what.here += step;
		early_more(e, &what);
	}
	taken = early_take(e, fd, total, early);
	early_free(e);
	return (taken);
}

/* What entity_cms() makes of it when it is there. */
static void
at_once(struct str wire, struct buf *der)
{
	struct entity e;

	buf_init(der, LIMIT_MESSAGE);
	CHECK_INT(entity_read(wire, &e, NULL), 0);
	CHECK_INT(entity_cms(wire, &e, der, NULL), 0);
}

static void
t_steps(void)
{
	static const size_t steps[] = {1, 3, 7, 100, 4096, 1000000};
	struct peel_early early;
	struct buf wire, der;
	size_t i;
	int fd;

	seal(&wire, outer_alice, str_c(text_entity), true, NID_aes_256_cbc);
	at_once(buf_text(&wire), &der);
	fd = new_fd(buf_text(&wire));
	for (i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		unit_row(i == 0 ? "byte by byte" : "in larger steps");
		CHECK(follow(fd, wire.len, steps[i], &early));
		CHECK_BUF_EQ(&early.der, buf_text(&der));
		buf_clear(&early.der);
	}
	close(fd);
	buf_clear(&der);
	buf_clear(&wire);
}

static void
t_useless(void)
{
	static const char plain[] = "Content-Type: text/plain\r\n\r\nHello\r\n",
	                  headless[] = "Subject: no end";
	const struct open_ahead huge = {1, LIMIT_MESSAGE + 1, 0};
	struct peel_early early;
	struct buf wire;
	int fd, pipes[2];

	unit_row("plain");
	fd = new_fd(str_c(plain));
	CHECK(!follow(fd, strlen(plain), 10, &early));
	CHECK(early.der.data == NULL);
	close(fd);
	unit_row("a header without end");
	fd = new_fd(str_c(headless));
	CHECK(!follow(fd, strlen(headless), 4, &early));
	close(fd);
	unit_row("less than was told");
	seal(&wire, outer_alice, str_c(text_entity), true, NID_aes_256_cbc);
	fd = new_fd(str_of(wire.data, wire.len - 10));
	CHECK(!follow(fd, wire.len, 100, &early));
	close(fd);
	buf_clear(&wire);
	unit_row("too large");
	CHECK(early_new(new_fd(str_c(plain)), &huge) == NULL);
	unit_row("no memfd");
	CHECK_INT(pipe(pipes), 0);
	CHECK(early_new(pipes[0], &(struct open_ahead){1, 10, 0}) == NULL);
	close(pipes[1]);
	CHECK(!early_take(NULL, -1, 0, &early));
	early_free(NULL);
}

/* Another message than the one that was told of. */
static void
t_other(void)
{
	struct open_ahead what = {7, 0, 0}, other;
	struct peel_early early;
	struct early *e;
	struct buf wire;
	int fd, twin;

	seal(&wire, outer_alice, str_c(text_entity), true, NID_aes_256_cbc);
	fd = new_fd(buf_text(&wire));
	twin = new_fd(buf_text(&wire));
	what.total = wire.len;
	e = early_new(dup(fd), &what);
	/* Another's number, and more than there is: ignored. */
	other = what;
	other.number = 8;
	other.here = 1;
	early_more(e, &other);
	what.here = wire.len + 1;
	early_more(e, &what);
	unit_row("by its file");
	CHECK(!early_take(e, twin, wire.len, &early));
	unit_row("by its length");
	CHECK(!early_take(e, fd, wire.len - 1, &early));
	unit_row("it is still there, once");
	CHECK(early_take(e, fd, wire.len, &early));
	CHECK(early.der.len > 0);
	buf_clear(&early.der);
	CHECK(!early_take(e, fd, wire.len, &early));
	early_free(e);
	close(twin);
	close(fd);
	buf_clear(&wire);
}

/* The view is the same; what was decoded from elsewhere is not used. */
static void
t_view(void)
{
	struct open_ctx ctx = ctx_bob();
	struct err err = {.code = ERR_OK};
	struct open_out first, second;
	struct peel_early early;
	struct open_in in;
	struct buf wire;
	int i, fd;

	seal(&wire, outer_alice, str_c(text_entity), true, NID_aes_256_cbc);
	fd = new_fd(buf_text(&wire));
	open_it(&ctx, &wire, str_of("", 0), &first);
	for (i = 0; i < 2; i++) {
		unit_row(i == 0 ? "used" : "from elsewhere");
		CHECK(follow(fd, wire.len, 50, &early));
		if (i == 1) {
			early.from++;
			memset(early.der.data, 'x', early.der.len);
		}
		in = (struct open_in){.wire = buf_text(&wire),
		    .first_seen = HELP_NOW,
		    .early = &early};
		CHECK_INT(open_message(&ctx, &in, &second, &err), 0);
		CHECK_BUF_EQ(&second.view, buf_text(&first.view));
		CHECK((early.der.data == NULL) == (i == 0));
		open_out_clear(&second);
		buf_clear(&early.der);
	}
	open_out_clear(&first);
	close(fd);
	buf_clear(&wire);
}

/* A field's name that is divided between two steps ends no header. */
static void
t_header(void)
{
	struct open_ctx ctx = ctx_bob();
	struct err err = {.code = ERR_OK};
	struct peel_early early;
	struct open_out out;
	struct open_in in;
	struct buf wire;
	size_t step;
	int fd;

	seal(&wire, outer_alice, str_c(text_entity), true, NID_aes_256_cbc);
	fd = new_fd(buf_text(&wire));
	for (step = 1; step < 400; step += 13) {
		unit_row("step");
		(void)follow(fd, wire.len, step, &early);
		in = (struct open_in){.wire = buf_text(&wire),
		    .first_seen = HELP_NOW,
		    .early = &early};
		CHECK_INT(open_message(&ctx, &in, &out, &err), 0);
		CHECK_INT(out.result, OPEN_OPENED);
		open_out_clear(&out);
		buf_clear(&early.der);
	}
	close(fd);
	buf_clear(&wire);
}

int
main(void)
{
	static const struct unit_test tests[] = {
	    {"steps", t_steps},
	    {"useless", t_useless},
	    {"other", t_other},
	    {"view", t_view},
	    {"header", t_header},
	    {NULL, NULL},
	};

	return (open_help_main("early", tests));
}
