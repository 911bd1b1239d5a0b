#include "config.h"

#include "base/blob.h"
#include "unit.h"

static void
count_release(void *arg)
{
	++*(int *)arg;
}

static void
test_refs(void)
{
	struct blob *b;
	int released = 0;

	b = blob_wrap("abc", 3, 7, count_release, &released);
	if (!CHECK(b != NULL))
		return;
	CHECK_STR(blob_str(b), "abc");
	CHECK_INT(blob_fd(b), 7);
	CHECK(blob_ref(b) == b);
	blob_unref(b);
	CHECK_INT(released, 0);
	CHECK_STR(blob_str(b), "abc");
	blob_unref(b);
	CHECK_INT(released, 1);
	blob_unref(NULL);
}

static void
test_copy(void)
{
	char text[] = "abc";
	struct blob *b = blob_copy(text, 3);

	text[0] = 'x';
	CHECK_STR(blob_str(b), "abc");
	CHECK_INT(blob_fd(b), -1);
	blob_unref(b);
	b = blob_copy(NULL, 0);
	CHECK(blob_data(b) != NULL);
	CHECK_UINT(blob_len(b), 0);
	blob_unref(b);
}

static void
test_take(void)
{
	struct blob *b;
	struct buf buf;

	buf_init(&buf, 3);
	buf_puts(&buf, "abc");
	b = blob_take(&buf);
	CHECK_STR(blob_str(b), "abc");
	CHECK(buf.data == NULL && buf.len == 0 && buf.max == 3);
	blob_unref(b);
	b = blob_take(&buf);
	if (CHECK(b != NULL))
		CHECK(blob_data(b) != NULL && blob_len(b) == 0);
	blob_unref(b);
	buf_puts(&buf, "abcd");
	CHECK(blob_take(&buf) == NULL);
	buf_clear(&buf);
}

int
main(void)
{
	static const struct unit_test tests[] = {
	    {"refs", test_refs},
	    {"copy", test_copy},
	    {"take", test_take},
	    {NULL, NULL},
	};

	return (unit_main("t_blob", tests));
}
