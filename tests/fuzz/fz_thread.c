/*
 * Headers with empty lines between, sorted and threaded.  Each message is in
 * the answer once, and the parentheses are in order; sorting by the reverse of
 * unequal keys reverses.
 */
#include "config.h"

#include <string.h>

#include "fuzz.h"
#include "imap/sort.h"
#include "imap/thread.h"
#include "mail/header.h"

#define MOST 64

/* Every number from 1 to n once, and parentheses that match. */
static void
check(struct str s, size_t n)
{
	bool seen[MOST + 1] = {false};
	size_t i, v, count = 0;
	int depth = 0;

	for (i = 0; i < s.len; i++) {
		depth += (s.p[i] == '(') - (s.p[i] == ')');
		assert(depth >= 0);
		if (s.p[i] < '0' || s.p[i] > '9')
			continue;
		for (v = 0; i < s.len && s.p[i] >= '0' && s.p[i] <= '9'; i++)
			v = v * 10 + (size_t)(s.p[i] - '0');
		i--;
		assert(v >= 1 && v <= n && !seen[v]);
		seen[v] = true;
		count++;
	}
	assert(depth == 0 && count == n);
}

static void
try_thread(const struct str *headers, size_t n, enum thread_how how)
{
	struct thread_ids *ids = thread_ids_new(1 << 24);
	struct thread_key k[MOST];
	struct arena arena;
	struct buf out;
	size_t i;

	arena_init(&arena, 1 << 24);
	buf_init(&out, 1 << 20);
	for (i = 0; i < n; i++) {
		k[i].number = (uint32_t)i + 1;
		k[i].arrival = 5;
		assert(thread_key(how, headers[i], &arena, ids, &k[i]) == 0);
	}
	assert(thread_render(how, k, n, &out, NULL) == 0 && !out.failed);
	check(buf_text(&out), n);
	buf_clear(&out);
	arena_clear(&arena);
	thread_ids_free(ids);
}

static void
try_sort(const struct str *headers, size_t n, const char *criteria)
{
	struct sort_key k[MOST];
	struct arena arena;
	struct sort s;
	struct buf out;
	const char *why;
	size_t i;

	arena_init(&arena, 1 << 24);
	buf_init(&out, 1 << 20);
	assert(sort_parse(str_c(criteria), &arena, &s, &why));
	for (i = 0; i < n; i++) {
		k[i].number = (uint32_t)i + 1;
		k[i].arrival = 5;
		k[i].size = headers[i].len;
		assert(sort_key(&s, headers[i], &arena, &k[i]) == 0);
	}
	assert(sort_keys(&s, k, n) == 0);
	sort_render(&out, &s, STR("t"), false, k, n, 0);
	assert(!out.failed);
	check(buf_text(&out), n);
	buf_clear(&out);
	arena_clear(&arena);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str in = {(const char *)data, size}, headers[MOST];
	struct arena arena;
	struct thread t;
	struct sort s;
	const char *why;
	size_t n = 0, len;

	arena_init(&arena, 1 << 22);
	(void)sort_parse(in, &arena, &s, &why);
	(void)thread_parse(in, &arena, &t, &why);
	arena_clear(&arena);
	while (in.len > 0 && n < MOST) {
		len = header_len(in);
		headers[n++] = str_of(in.p, len);
		in = str_of(in.p + len, in.len - len);
	}
	try_thread(headers, n, THREAD_ORDEREDSUBJECT);
	try_thread(headers, n, THREAD_REFERENCES);
	try_thread(headers, n, THREAD_REFS_NEWEST);
	try_sort(headers, n, "(SUBJECT REVERSE FROM TO CC) UTF-8 ALL");
	try_sort(headers, n, "(DISPLAYFROM REVERSE DATE DISPLAYTO) UTF-8 ALL");
	try_sort(headers, n, "(REVERSE SIZE ARRIVAL) UTF-8 ALL");
	return (0);
}
