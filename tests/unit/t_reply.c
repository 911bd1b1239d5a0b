#include "config.h"

#include "unit.h"

#include <string.h>

#include "base/limits.h"
#include "smtp/reply.h"

static const struct {
	const char *in;
	int rc;
	unsigned code;
	unsigned enhanced[3];
	const char *text;
	size_t used;
} replies[] = {
    {"250 2.1.0 Ok\r\nxyz", 1, 250, {2, 1, 0}, "Ok", 14},
    {"250\r\n", 1, 250, {0, 0, 0}, "", 5},
    {"250 \r\n", 1, 250, {0, 0, 0}, "", 6},
    {"250 2.0.0\r\n", 1, 250, {2, 0, 0}, "", 11},
    {"250-a\r\n250 b\n", 1, 250, {0, 0, 0}, "a\nb", 13},
    {"550-5.7.10 a\r\n550 5.7.10 b\r\n", 1, 550, {5, 7, 10}, "a\nb", 28},
    {"250-a\r\n", 0, 250, {0, 0, 0}, "a", 7},
    {"250-a\r\n251 b\r\n", -1, 0, {0, 0, 0}, NULL, 0},
    {"354 go\r\n", 1, 354, {0, 0, 0}, "go", 8},
    {"250 2.1 not one\r\n", 1, 250, {0, 0, 0}, "2.1 not one", 17},
    {"250 3.1.1 not one\r\n", 1, 250, {0, 0, 0}, "3.1.1 not one", 19},
    {"250 10.0.0.1 hello\r\n", 1, 250, {0, 0, 0}, "10.0.0.1 hello", 20},
    {"600 a\r\n", -1, 0, {0, 0, 0}, NULL, 0},
    {"199 a\r\n", -1, 0, {0, 0, 0}, NULL, 0},
    {"25 a\r\n", -1, 0, {0, 0, 0}, NULL, 0},
    {"250_a\r\n", -1, 0, {0, 0, 0}, NULL, 0},
    {"2500 a\r\n", -1, 0, {0, 0, 0}, NULL, 0},
    {"\r\n", -1, 0, {0, 0, 0}, NULL, 0},
    {"* OK IMAP\r\n", -1, 0, {0, 0, 0}, NULL, 0},
};

/* Feed in pieces of n bytes; *used is the sum. */
static int
feed(struct reply *r, const char *in, size_t n, size_t *used)
{
	size_t len = strlen(in), at, one;
	int rc = 0;

	*used = 0;
	for (at = 0; at < len && rc == 0; at += n) {
		one = 0;
		rc = reply_feed(r, in + at, len - at < n ? len - at : n, &one);
		*used += one;
	}
	return (rc);
}

static void
t_feed(void)
{
	struct reply r;
	size_t i, n, used;

	for (i = 0; i < sizeof(replies) / sizeof(replies[0]); i++)
		for (n = 1; n < 40; n++) {
			reply_init(&r);
			CHECK(
			    feed(&r, replies[i].in, n, &used) == replies[i].rc);
			if (replies[i].rc != -1) {
				CHECK(r.code == replies[i].code);
				CHECK(used == replies[i].used);
				CHECK(memcmp(r.enhanced, replies[i].enhanced,
				          sizeof(r.enhanced)) == 0);
				CHECK_STR_EQ(buf_text(&r.text),
				    str_c(replies[i].text));
			}
			reply_clear(&r);
		}
}

static void
t_limit(void)
{
	struct reply r;
	size_t used;
	int i, rc = 0;

	reply_init(&r);
	for (i = 0; i < 100000 && rc == 0; i++)
		rc = reply_feed(&r, "250-a\r\n", 7, &used);
	CHECK(rc == -1);
	reply_clear(&r);
	reply_init(&r);
	for (rc = 0, i = 0; i < 100000 && rc == 0; i++)
		rc = reply_feed(&r, "2", 1, &used);
	CHECK(rc == -1);
	reply_clear(&r);
}

static void
t_relay(void)
{
	static const struct {
		const char *in;
		const char *want;
	} t[] = {
	    {"550 5.1.1 no\r\n", "550 5.1.1 no\r\n"},
	    {"550 no\r\n", "550 5.0.0 no\r\n"},
	    {"550 2.1.1 no\r\n", "550 5.0.0 no\r\n"},
	    {"354 go\r\n", "354 go\r\n"},
	    {"250\r\n", "250 2.0.0\r\n"},
	    {"450-a\xff\x01\r\n450 4.2.1 b\r\n",
	        "450-4.0.0 a??\r\n450 4.0.0 b\r\n"},
	};
	struct reply r;
	struct buf out;
	size_t i, used;

	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		reply_init(&r);
		buf_init(&out, 1000);
		CHECK(reply_feed(&r, t[i].in, strlen(t[i].in), &used) == 1);
		reply_relay(&out, &r);
		CHECK_STR_EQ(buf_text(&out), str_c(t[i].want));
		buf_clear(&out);
		reply_clear(&r);
	}
}

int
main(void)
{
	static const struct unit_test tests[] = {
	    {"feed, in pieces of every size", t_feed},
	    {"limits", t_limit},
	    {"relay", t_relay},
	    {NULL, NULL},
	};

	return (unit_main("t_reply", tests));
}
