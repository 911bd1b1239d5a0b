/*
 * A main() for the fuzz targets where there is no libFuzzer: it runs the
 * target on every file of the corpus and on mutations of it, always the same
 * ones.
 *
 *	fz_NAME [-n mutations] [file | directory] ...
 *
 * What is counted are the files.  Without one it takes
 *$srcdir/tests/fuzz/corpus/fz_NAME.  An input that makes the target abort is
 *left in crash-fz_NAME, for the debugger: fz_NAME -n 0 crash-fz_NAME.
 */
#include "config.h"

#include <sys/stat.h>

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fuzz.h"

#define MUTATIONS     200
#define LARGEST_INPUT (1024UL * 1024)
#define MAX_GROW      64 /* bytes that one change may add */

struct input {
	uint8_t *data; /* owned */
	size_t size;
};

/* What is being run, for the signal handler. */
static const char *prog;
static char crash_name[128];
static struct input now;
static char where[1024];

static size_t files; /* run, with all their mutations */

/* An error found by a sanitizer comes to crashed() too. */
const char *__asan_default_options(void);
const char *__ubsan_default_options(void);

const char *
__asan_default_options(void)
{
	return ("abort_on_error=1:handle_abort=0");
}

const char *
__ubsan_default_options(void)
{
	return ("abort_on_error=1:print_stacktrace=1");
}

static void
say(const char *s)
{
	if (write(STDERR_FILENO, s, strlen(s)) == -1)
		_exit(1);
}

static void
crashed(int sig)
{
	int fd;

	say(prog);
	say(": failed on ");
	say(where);
	fd = open(crash_name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd != -1 && write(fd, now.data, now.size) == (ssize_t)now.size) {
		say("; the input is in ");
		say(crash_name);
	}
	say("\n");
	(void)signal(sig, SIG_DFL);
	(void)raise(sig);
}

static void
fail(const char *what)
{
	perror(what);
	exit(1);
}

/* xorshift64*: the same numbers everywhere, which rand() does not promise. */
static uint64_t
next(uint64_t *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return (*state * 0x2545f4914f6cdd1d);
}

static size_t
below(uint64_t *state, size_t n)
{
	return (n > 0 ? (size_t)(next(state) >> 16) % n : 0);
}

/* The target sees memory of exactly the input's size, so that a sanitizer or
 * valgrind notices a read behind it. */
static void
run(const uint8_t *data, size_t size)
{
	if ((now.data = malloc(size > 0 ? size : 1)) == NULL)
		fail("malloc");
	if (size > 0)
		memcpy(now.data, data, size);
	now.size = size;
	(void)LLVMFuzzerTestOneInput(now.data, now.size);
	free(now.data);
	now.data = NULL;
}

static size_t
cut_out(uint8_t *d, size_t size, uint64_t *rng)
{
	size_t at = below(rng, size), n = 1 + below(rng, size - at);

	memmove(d + at, d + at + n, size - at - n);
	return (size - n);
}

/* Repeat a piece of the input somewhere else. */
static size_t
copy_in(uint8_t *d, size_t size, uint64_t *rng)
{
	size_t from = below(rng, size), to = below(rng, size + 1);
	size_t n = 1 + below(rng, size - from);
	uint8_t piece[MAX_GROW];

	if (n > MAX_GROW)
		n = MAX_GROW;
	memcpy(piece, d + from, n);
	memmove(d + to + n, d + to, size - to);
	memcpy(d + to, piece, n);
	return (size + n);
}

/* One change of the size bytes at d, behind which MAX_GROW more are ours. */
static size_t
mutate(uint8_t *d, size_t size, uint64_t *rng)
{
	static const uint8_t special[] = {0, '\r', '\n', ' ', '"', '\\', '(',
	    ')', '{', '*', '=', '.', ':', ';', '-', '<', '>', '0', '9', 0x7f,
	    0x80, 0xff};

	if (size == 0) {
		d[0] = (uint8_t)next(rng);
		return (1);
	}
	switch (below(rng, 6)) {
	case 0:
		d[below(rng, size)] ^= (uint8_t)(1U << below(rng, 8));
		return (size);
	case 1:
		d[below(rng, size)] = special[below(rng, sizeof(special))];
		return (size);
	case 2:
		d[below(rng, size)] = (uint8_t)(next(rng) >> 32);
		return (size);
	case 3:
		return (cut_out(d, size, rng));
	case 4:
		return (copy_in(d, size, rng));
	default:
		return (below(rng, size));
	}
}

static void
run_mutations(const char *name, const struct input *in, size_t count)
{
	uint8_t *d;
	uint64_t rng;
	size_t i, k, size, changes;

	if ((d = malloc(in->size + (size_t)4 * MAX_GROW)) == NULL)
		fail("malloc");
	for (i = 0; i < count; i++) {
		(void)snprintf(where, sizeof(where), "%s, mutation %zu", name,
		    i);
		rng = (in->size + 1) * 0x9e3779b97f4a7c15 ^
		      (i + 1) * 0xd6e8feb86659fd93;
		size = in->size;
		if (size > 0)
			memcpy(d, in->data, size);
		changes = 1 + below(&rng, 4);
		for (k = 0; k < changes; k++)
			size = mutate(d, size, &rng);
		run(d, size);
	}
	free(d);
}

static void
run_file(const char *name, size_t mutations)
{
	struct input in = {NULL, 0};
	FILE *f;

	if ((f = fopen(name, "re")) == NULL ||
	    (in.data = malloc(LARGEST_INPUT)) == NULL)
		fail(name);
	in.size = fread(in.data, 1, LARGEST_INPUT, f);
	if (ferror(f))
		fail(name);
	(void)fclose(f);
	(void)snprintf(where, sizeof(where), "%s", name);
	run(in.data, in.size);
	run_mutations(name, &in, mutations);
	free(in.data);
	files++;
}

static void
run_path(const char *path, size_t mutations)
{
	char name[512];
	struct dirent **list;
	struct stat st;
	int i, n;

	if (stat(path, &st) == -1)
		fail(path);
	if (!S_ISDIR(st.st_mode)) {
		run_file(path, mutations);
		return;
	}
	if ((n = scandir(path, &list, NULL, alphasort)) == -1)
		fail(path);
	for (i = 0; i < n; i++) {
		(void)snprintf(name, sizeof(name), "%s/%s", path,
		    list[i]->d_name);
		if (list[i]->d_name[0] != '.')
			run_file(name, mutations);
		free(list[i]);
	}
	free(list);
}

int
main(int argc, char **argv)
{
	const char *srcdir = getenv("srcdir"), *slash;
	unsigned long mutations = MUTATIONS;
	char corpus[512];
	int ch;

	slash = strrchr(argv[0], '/');
	prog = slash != NULL ? slash + 1 : argv[0];
	(void)snprintf(crash_name, sizeof(crash_name), "crash-%s", prog);
	while ((ch = getopt(argc, argv, "n:")) != -1) {
		if (ch != 'n')
			return (2);
		mutations = strtoul(optarg, NULL, 10);
	}
	(void)signal(SIGABRT, crashed);
	(void)signal(SIGSEGV, crashed);
	(void)signal(SIGBUS, crashed);
	(void)signal(SIGFPE, crashed);
	if (optind == argc) {
		(void)snprintf(corpus, sizeof(corpus),
		    "%s/tests/fuzz/corpus/%s", srcdir != NULL ? srcdir : ".",
		    prog);
		run_path(corpus, mutations);
	}
	for (; optind < argc; optind++)
		run_path(argv[optind], mutations);
	(void)printf("%s: %zu passed, %d failed\n", prog, files,
	    files == 0 ? 1 : 0);
	return (files == 0 ? 1 : 0);
}
