#include "config.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "sys/memfd.h"
#include "unit.h"

#define ALL (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

/* What is put in pieces of any size comes out as one text. */
static void
test_pieces(void)
{
	static const size_t sizes[] = {0, 1, 7, 1000, 32767, 32768, 32769,
	    100000};
	char *text, name[40];
	struct memfd *m;
	struct blob *b;
	size_t i, n, at, total = 150000;

	text = malloc(total);
	for (i = 0; i < total; i++)
		text[i] = (char)('a' + i % 23);
	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		(void)snprintf(name, sizeof(name), "%zu", sizes[i]);
		unit_row(name);
		m = memfd_new(total, NULL);
		for (at = 0; sizes[i] > 0 && at < total; at += n) {
			n = sizes[i] < total - at ? sizes[i] : total - at;
			if (memfd_put(m, text + at, n, NULL) == -1)
				break;
		}
		CHECK_UINT(memfd_len(m), at);
		b = memfd_take(m, NULL);
		CHECK_STR_EQ(blob_str(b), str_of(text, at));
		CHECK_INT(fcntl(blob_fd(b), F_GET_SEALS) & ALL, ALL);
		CHECK_INT(pwrite(blob_fd(b), "x", 1, 0), -1);
		CHECK_INT(ftruncate(blob_fd(b), 1000000), -1);
		blob_unref(b);
	}
	free(text);
}

static void
test_limit(void)
{
	struct memfd *m = memfd_new(5, NULL);
	struct err err = {0};
	struct blob *b;

	CHECK_INT(memfd_put(m, "123", 3, &err), 0);
	CHECK_INT(memfd_put(m, "456", 3, &err), -1);
	CHECK_INT(err.code, ERR_LIMIT);
	CHECK_INT(memfd_put(m, "45", 2, &err), 0);
	b = memfd_take(m, NULL);
	CHECK_STR(blob_str(b), "12345");
	blob_unref(b);
	memfd_free(NULL);
	memfd_free(memfd_new(1, NULL));
}

/* A memfd with some of the seals only. */
static int
partly_sealed(int seals)
{
	int fd = memfd_create("t", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (write(fd, "hello", 5) != 5 || fcntl(fd, F_ADD_SEALS, seals) == -1)
		abort();
	return (fd);
}

static void
test_receive(void)
{
	static const struct {
		const char *name;
		int seals;
		size_t max;
		enum err_code want;
	} rows[] = {
	    {"all seals", ALL, 5, ERR_OK},
	    {"too large", ALL, 4, ERR_LIMIT},
	    {"no seal", 0, 5, ERR_PEER},
	    {"may shrink", ALL & ~F_SEAL_SHRINK, 5, ERR_PEER},
	    {"may grow", ALL & ~F_SEAL_GROW, 5, ERR_PEER},
	    {"may be written", ALL & ~F_SEAL_WRITE, 5, ERR_PEER},
	    {"may get other seals", ALL & ~F_SEAL_SEAL, 5, ERR_PEER},
	};
	struct err err;
	struct blob *b;
	size_t i;
	int fd;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		unit_row(rows[i].name);
		memset(&err, 0, sizeof(err));
		fd = partly_sealed(rows[i].seals);
		b = memfd_receive(fd, rows[i].max, &err);
		CHECK_INT(err.code, rows[i].want);
		CHECK((b != NULL) == (rows[i].want == ERR_OK));
		if (b != NULL)
			CHECK_STR(blob_str(b), "hello");
		blob_unref(b);
		CHECK_INT(fcntl(fd, F_GETFD), -1); /* swallowed */
	}
	unit_row("not a memfd");
	CHECK(memfd_receive(open("/dev/null", O_RDONLY), 5, &err) == NULL);
	CHECK_INT(err.code, ERR_PEER);
}

static void
test_ensure(void)
{
	struct blob *plain = blob_copy("abc", 3), *sealed, *same;

	CHECK_INT(blob_fd(plain), -1);
	sealed = memfd_ensure(plain, NULL);
	CHECK(blob_fd(sealed) != -1);
	CHECK_STR(blob_str(sealed), "abc");
	same = memfd_ensure(blob_ref(sealed), NULL);
	CHECK(same == sealed);
	blob_unref(same);
	blob_unref(sealed);
	sealed = memfd_ensure(blob_copy("", 0), NULL);
	CHECK_UINT(blob_len(sealed), 0);
	CHECK(blob_fd(sealed) != -1);
	blob_unref(sealed);
}

/* What is kept costs no descriptor unless it is huge, and is the same. */
static void
test_keep(void)
{
	static const size_t sizes[] = {0, 3, 65536, 65537, 1000000};
	static char bytes[1000000], huge[16 * 1024 * 1024];
	struct blob *b, *plain = blob_copy("abc", 3);
	size_t i;
	int fd;

	for (i = 0; i < sizeof(bytes); i++)
		bytes[i] = (char)(i * 7 / 3);
	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		b = memfd_copy(bytes, sizes[i], NULL);
		fd = blob_fd(b);
		b = memfd_keep(b, NULL);
		if (!CHECK(b != NULL))
			return;
		CHECK_INT(blob_fd(b), -1);
		CHECK_INT(fcntl(fd, F_GETFD), -1);
		CHECK(str_eq(blob_str(b), str_of(bytes, sizes[i])));
		blob_unref(b);
	}
	CHECK(memfd_keep(plain, NULL) == plain);
	blob_unref(plain);
	/* A copy of that many for another process would take long. */
	b = memfd_copy(huge, sizeof(huge), NULL);
	CHECK(b != NULL && memfd_keep(b, NULL) == b && blob_fd(b) != -1);
	blob_unref(b);
}

/* Whoever was shown it while it is written can do no harm with it. */
static void
test_shown(void)
{
	static char text[100000], got[100000];
	struct err err = {0};
	struct memfd *m = memfd_new(sizeof(text), NULL);
	struct blob *b;
	int fd = fcntl(memfd_fd(m), F_DUPFD_CLOEXEC, 0);

	memset(text, 'x', sizeof(text));
	unit_row("moves in it");
	CHECK_INT(memfd_put(m, text, 50000, NULL), 0);
	CHECK_INT(lseek(fd, 7, SEEK_SET), 7);
	CHECK_INT(memfd_put(m, text + 50000, 10, NULL), 0);
	CHECK_INT(memfd_put(m, text + 50010, 49990, NULL), 0);
	b = memfd_take(m, NULL);
	CHECK(b != NULL && str_eq(blob_str(b), str_of(text, sizeof(text))));
	CHECK_INT(pread(fd, got, sizeof(got), 0), sizeof(text));
	CHECK_INT(memcmp(got, text, sizeof(text)), 0);
	blob_unref(b);
	close(fd);

	unit_row("cuts it off");
	m = memfd_new(sizeof(text), NULL);
	fd = fcntl(memfd_fd(m), F_DUPFD_CLOEXEC, 0);
	CHECK_INT(memfd_put(m, text, sizeof(text), NULL), 0);
	CHECK_INT(ftruncate(fd, 1000), 0);
	CHECK(memfd_take(m, &err) == NULL);
	CHECK_INT(err.code, ERR_PEER);
	close(fd);
}

int
main(void)
{
	static const struct unit_test tests[] = {
	    {"pieces", test_pieces},
	    {"limit", test_limit},
	    {"receive", test_receive},
	    {"ensure", test_ensure},
	    {"keep", test_keep},
	    {"shown to another", test_shown},
	    {NULL, NULL},
	};

	return (unit_main("t_memfd", tests));
}
