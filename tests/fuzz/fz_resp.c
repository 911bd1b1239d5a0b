/*
 * What the first bytes of a response were found to be, more bytes do not
 * change; and the items of a FETCH response lie inside it.
 */
#include "config.h"

#include "fuzz.h"

#include "imap/resp.h"

static void
check_heads(struct str in)
{
	struct resp first, again;
	size_t n, most = in.len < 300 ? in.len : 300;
	uint32_t seq;
	int rc = 0;

	for (n = 1; n <= most; n++) {
		rc = resp_head(str_of(in.p, n), &first);
		if (rc != 0)
			break;
	}
	if (rc == 0)
		return;
	assert(resp_head(in, &again) == rc);
	if (resp_is_fetch(in, &seq) > 0)
		assert(rc == 1 && again.kind == RESP_FETCH);
	if (rc == -1)
		return;
	assert(first.kind == again.kind && first.number == again.number);
	assert(first.line.len <= n && str_eq(first.line, again.line));
	assert(str_eq(first.tag, again.tag) && str_eq(first.code, again.code));
	if (resp_is_line(first.kind))
		assert(first.line.p[first.line.len - 1] == '\n');
}

static void
check_items(struct str in)
{
	struct resp_item it;
	struct arena arena;
	struct tok t;
	const char *end = in.p + in.len;

	arena_init(&arena, (size_t)1 << 20);
	tok_init(&t, in);
	if (resp_items_open(&t))
		while (resp_item_next(&t, &arena, &it) == 1) {
			assert(it.name.len > 0 && it.name.p > in.p);
			assert(it.value.p > it.name.p);
			assert(it.value.p + it.value.len <= end);
			assert(it.away == SIZE_MAX);
			assert(it.data.len <= it.value.len);
		}
	arena_clear(&arena);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str in = str_of((const char *)data, size);

	if (size == 0)
		return (0);
	check_heads(in);
	check_items(in);
	return (0);
}
