#include "config.h"

#include "proxy/viewdisk.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "sys/log.h"
#include "sys/memfd.h"
#include "unit.h"

static char dir[] = "t_viewdisk.XXXXXX";
static struct event_base *base;

static struct viewdisk *
begin(uint8_t n)
{
	struct crypt_key k;
	struct viewdisk *vd;
	struct err err;

	memset(&k, n, sizeof(k));
	if ((vd = viewdisk_open(base, dir, &k, &err)) == NULL)
		CHECK_CSTR(err.text, "");
	return (vd);
}

static struct seen_key
key_of(uint8_t n)
{
	struct seen_key k;

	memset(k.k, n, sizeof(k.k));
	return (k);
}

/* Text number n of a size. */
static struct blob *
text_of(uint8_t n, size_t size)
{
	char *p = malloc(size + 1);
	struct blob *b;
	struct err err;
	size_t i;

	for (i = 0; i < size; i++)
		p[i] = (char)('a' + (i + n) % 26);
	b = memfd_copy(p, size, &err);
	free(p);
	return (b);
}

static void
run(void)
{
	event_base_loop(base, 0);
}

static void
put(struct viewdisk *vd, uint8_t n, size_t size)
{
	struct seen_key k = key_of(n);
	struct blob *b = text_of(n, size);
	uint8_t digest[CRYPT_DIGEST];

	CHECK_INT(crypt_sha256(blob_str(b), digest), 0);
	viewdisk_put(vd, &k, digest, b);
	blob_unref(b);
}

struct got {
	int calls;
	struct blob *text;
};

static void
on_got(struct blob *text, const struct err *err, void *arg)
{
	struct got *g = arg;

	g->calls++;
	CHECK((text == NULL) == (err != NULL));
	if (text != NULL)
		g->text = blob_ref(text);
}

/* Is it there, and the same? */
static bool
get(struct viewdisk *vd, uint8_t n, size_t size)
{
	struct seen_key k = key_of(n);
	struct blob *b = text_of(n, size);
	uint8_t digest[CRYPT_DIGEST];
	struct got g = {0};
	bool same;

	CHECK_INT(crypt_sha256(blob_str(b), digest), 0);
	CHECK(viewdisk_get(vd, &k, digest, on_got, &g) != NULL);
	run();
	CHECK_INT(g.calls, 1);
	same = g.text != NULL && str_eq(blob_str(g.text), blob_str(b));
	blob_unref(g.text);
	blob_unref(b);
	return (same);
}

static void
clear(void)
{
	viewdisk_remove(dir);
}

/* Files there are; the first one's name. */
static int
files(char first[300])
{
	char path[300];
	struct dirent *de;
	int n = 0;
	DIR *d;

	snprintf(path, sizeof(path), "%s/views", dir);
	if ((d = opendir(path)) == NULL)
		return (0);
	while ((de = readdir(d)) != NULL)
		if (de->d_name[0] != '.' && ++n == 1)
			snprintf(first, 300, "%.30s/views/%.200s", dir,
			    de->d_name);
	closedir(d);
	return (n);
}

static void
t_keep(void)
{
	static const size_t sizes[] = {0, 1, 1000, 512UL * 1024, 3000000};
	struct viewdisk *vd = begin(1);
	struct seen_key k = key_of(9);
	size_t i, n = sizeof(sizes) / sizeof(sizes[0]);

	for (i = 0; i < n; i++)
		put(vd, (uint8_t)i, sizes[i]);
	CHECK(!viewdisk_has(vd, &k));
	run();
	CHECK_UINT(viewdisk_count(vd), n);
	for (i = 0; i < n; i++)
		CHECK(get(vd, (uint8_t)i, sizes[i]));
	viewdisk_close(vd);
	unit_row("after a restart");
	vd = begin(1);
	CHECK_UINT(viewdisk_count(vd), n);
	CHECK(viewdisk_bytes(vd) > 3000000);
	for (i = 0; i < n; i++)
		CHECK(get(vd, (uint8_t)i, sizes[i]));
	unit_row("not that one");
	CHECK(!get(vd, 3, sizes[3] + 1));
	CHECK_UINT(viewdisk_count(vd), n - 1);
	CHECK(!get(vd, 9, 10));
	viewdisk_close(vd);
	unit_row("none at all");
	CHECK(!viewdisk_has(NULL, &k));
	viewdisk_drop(NULL, &k);
	clear();
}

static void
change(off_t at, bool cut)
{
	char path[300], c;
	int fd;

	CHECK_INT(files(path), 1);
	fd = open(path, O_RDWR);
	if (cut)
		CHECK_INT(ftruncate(fd, at), 0);
	else {
		CHECK(pread(fd, &c, 1, at) == 1);
		c ^= 1;
		CHECK(pwrite(fd, &c, 1, at) == 1);
	}
	close(fd);
}

/* Nothing of it is shown, and it goes. */
static void
t_damage(void)
{
	static const struct {
		const char *name;
		off_t at;
		bool cut;
	} rows[] = {{"head", 20, false}, {"first piece", 100, false},
	    {"last piece", 999990, false}, {"cut off", 700000, true},
	    {"empty", 0, true}};
	struct viewdisk *vd;
	char path[300];
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		unit_row(rows[i].name);
		vd = begin(1);
		put(vd, 1, 1000000);
		run();
		change(rows[i].at, rows[i].cut);
		CHECK(!get(vd, 1, 1000000));
		CHECK_UINT(viewdisk_count(vd), 0);
		CHECK_INT(files(path), 0);
		viewdisk_close(vd);
	}
	unit_row("another key");
	vd = begin(1);
	put(vd, 1, 1000);
	run();
	viewdisk_close(vd);
	vd = begin(2);
	CHECK(!get(vd, 1, 1000));
	viewdisk_close(vd);
	unit_row("under another name");
	vd = begin(1);
	put(vd, 1, 1000);
	run();
	viewdisk_close(vd);
	CHECK_INT(files(path), 1);
	{
		char to[300];

		snprintf(to, sizeof(to), "%s", path);
		memset(to + strlen(to) - 64, '7', 64);
		CHECK_INT(rename(path, to), 0);
	}
	vd = begin(1);
	CHECK_UINT(viewdisk_count(vd), 1);
	CHECK(!get(vd, 0x77, 1000));
	viewdisk_close(vd);
	clear();
}

/* Copy from file to file, from at on. */
static void
graft(const char *from, const char *to, off_t at)
{
	char b[4096];
	ssize_t n;
	int in = open(from, O_RDONLY), out = open(to, O_WRONLY | O_CREAT, 0600);

	CHECK(in != -1 && out != -1);
	while ((n = pread(in, b, sizeof(b), at)) > 0) {
		CHECK_INT(pwrite(out, b, (size_t)n, at), n);
		at += n;
	}
	close(in);
	close(out);
}

/* Of two views of one message no third one can be made. */
static void
t_mixed(void)
{
	struct seen_key k = key_of(7);
	struct viewdisk *vd = begin(1);
	uint8_t digest[2][CRYPT_DIGEST];
	char name[300], old[300];
	struct got g = {0};
	struct blob *b;
	int i;

	snprintf(old, sizeof(old), "%s/old", dir);
	for (i = 0; i < 2; i++) {
		b = text_of((uint8_t)i, 1200000);
		CHECK_INT(crypt_sha256(blob_str(b), digest[i]), 0);
		viewdisk_put(vd, &k, digest[i], b);
		run();
		blob_unref(b);
		CHECK_INT(files(name), 1);
		if (i == 0)
			graft(name, old, 0);
	}
	graft(old, name, 512 * 1024 + 200);
	CHECK(viewdisk_get(vd, &k, digest[1], on_got, &g) != NULL);
	run();
	CHECK_INT(g.calls, 1);
	CHECK(g.text == NULL);
	unit_row("at the border of two pieces");
	b = text_of(1, 1200000);
	viewdisk_put(vd, &k, digest[1], b);
	run();
	blob_unref(b);
	CHECK_INT(files(name), 1);
	/* head, and the first piece */
	graft(old, name, (4 + 8 + CRYPT_DIGEST + 28) + 512 * 1024 + 28);
	CHECK(viewdisk_get(vd, &k, digest[1], on_got, &g) != NULL);
	run();
	CHECK(g.text == NULL);
	blob_unref(g.text);
	(void)unlink(old);
	viewdisk_close(vd);
	clear();
}

/* Nothing on the disk is plain. */
static void
t_secret(void)
{
	struct viewdisk *vd = begin(1);
	static char file[100000];
	char path[300];
	FILE *f;
	size_t n;

	put(vd, 1, 50000);
	run();
	CHECK_INT(files(path), 1);
	f = fopen(path, "r");
	n = fread(file, 1, sizeof(file), f);
	fclose(f);
	CHECK(n > 50000);
	CHECK(memmem(file, n, "jklmno", 6) == NULL);
	viewdisk_close(vd);
	clear();
}

static void
t_limit(void)
{
	struct viewdisk *vd = begin(1);
	struct seen_key k = key_of(2);
	char path[300];
	uint8_t i;

	for (i = 1; i <= 5; i++) {
		put(vd, i, 10000);
		run();
	}
	CHECK(get(vd, 1, 10000));
	viewdisk_limit(vd, 30500);
	CHECK_UINT(viewdisk_count(vd), 3);
	CHECK_INT(files(path), 3);
	CHECK(get(vd, 1, 10000));
	CHECK(!viewdisk_has(vd, &k));
	CHECK(get(vd, 5, 10000));
	unit_row("too large for all");
	put(vd, 6, 50000);
	run();
	CHECK_UINT(viewdisk_count(vd), 3);
	unit_row("drop");
	k = key_of(5);
	viewdisk_drop(vd, &k);
	CHECK_UINT(viewdisk_count(vd), 2);
	put(vd, 7, 10000);
	k = key_of(7);
	viewdisk_drop(vd, &k);
	run();
	CHECK(!viewdisk_has(vd, &k));
	viewdisk_drop_all(vd);
	CHECK_INT(files(path), 0);
	CHECK_UINT(viewdisk_bytes(vd), 0);
	unit_row("what was being written");
	viewdisk_limit(vd, UINT64_MAX);
	put(vd, 8, 2000000);
	event_base_loop(base, EVLOOP_ONCE);
	CHECK_INT(files(path), 1);
	viewdisk_close(vd);
	CHECK_INT(files(path), 0);
	clear();
}

static void
t_disk_full(void)
{
	struct viewdisk *vd = begin(1);
	struct rlimit old, low = {100000, 0};
	char path[300];

	signal(SIGXFSZ, SIG_IGN);
	CHECK_INT(getrlimit(RLIMIT_FSIZE, &old), 0);
	put(vd, 1, 1000000);
	low.rlim_max = old.rlim_max;
	CHECK_INT(setrlimit(RLIMIT_FSIZE, &low), 0);
	run();
	CHECK_INT(setrlimit(RLIMIT_FSIZE, &old), 0);
	CHECK_UINT(viewdisk_count(vd), 0);
	CHECK_INT(files(path), 0);
	put(vd, 1, 1000000);
	run();
	CHECK(get(vd, 1, 1000000));
	viewdisk_close(vd);
	clear();
}

static void
t_cancel(void)
{
	struct viewdisk *vd = begin(1);
	struct seen_key k = key_of(1);
	uint8_t digest[CRYPT_DIGEST] = {0};
	struct viewload *a;
	struct got g = {0};

	put(vd, 1, 1000000);
	run();
	a = viewdisk_get(vd, &k, digest, on_got, &g);
	viewload_cancel(a);
	(void)viewdisk_get(vd, &k, digest, on_got, &g);
	viewdisk_close(vd);
	run();
	CHECK_INT(g.calls, 0);
	clear();
}

int
main(void)
{
	static const struct unit_test tests[] = {
	    {"keep", t_keep},
	    {"damage", t_damage},
	    {"mixed", t_mixed},
	    {"secret", t_secret},
	    {"limit", t_limit},
	    {"disk full", t_disk_full},
	    {"cancel", t_cancel},
	    {NULL, NULL},
	};
	int rc;

	log_init("test", LOG_LEVEL_ERROR);
	if (mkdtemp(dir) == NULL || (base = event_base_new()) == NULL)
		return (1);
	rc = unit_main("viewdisk", tests);
	clear();
	rmdir(dir);
	event_base_free(base);
	return (rc);
}
