#include "config.h"

#include "unit.h"

#include <string.h>

#include "base/clock.h"
#include "smtp/dot.h"

/* rest: what is left for the next command; NULL: the end was not met. */
static const struct {
	const char *in;
	const char *want;
	const char *rest;
} texts[] = {
    {".\r\n", "", ""},
    {"a\r\n.\r\nQUIT", "a\r\n", "QUIT"},
    {"a\r\n..\r\n.\r\n", "a\r\n.\r\n", ""},
    {"a\r\n...b\r\n.c\r\n.\r\n", "a\r\n..b\r\nc\r\n", ""},
    {"a\r\n\r\n.\r\n", "a\r\n\r\n", ""},
    /* Nothing but CRLF.CRLF ends the text. */
    {"a\n.\nb\r\n.\r\n", "a\r\n.\r\nb\r\n", ""},
    {"a\n.\r\nb\r\n.\r\n", "a\r\n.\r\nb\r\n", ""},
    {"a\r\n.\nb\r\n.\r\n", "a\r\n.\r\nb\r\n", ""},
    {"a\r\n.\rb\r\n.\r\n", "a\r\n b\r\n", ""},
    {"a\r.\r\nb\r\n.\r\n", "a .\r\nb\r\n", ""},
    {"a\r.\rb\r\n.\r\n", "a . b\r\n", ""},
    {"a\r\n.\r\r\n.\r\n", "a\r\n \r\n", ""},
    {"a\r\r\n.\r\n", "a \r\n", ""},
    {"a\n\r.\r\nb\r\n.\r\n", "a\r\n .\r\nb\r\n", ""},
    /* A bare LF is a line end, a bare CR a space. */
    {"a\nb\rc\r\n.\r\n", "a\r\nb c\r\n", ""},
    {"a\n..b\r\n.\r\n", "a\r\n.b\r\n", ""},
    {"a", "a", NULL},
    {"a\r\n.", "a\r\n", NULL},
    {"a\r\n.\r", "a\r\n", NULL},
};

static void
t_decode(void)
{
	struct dotdec d;
	struct buf out;
	size_t i, n, at, used, len;
	int rc;

	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		for (n = 1; n < 12; n++) {
			len = strlen(texts[i].in);
			dotdec_init(&d);
			buf_init(&out, 100);
			rc = 0;
			for (at = 0; at < len && rc == 0; at += used)
				rc = dotdec_feed(&d, texts[i].in + at,
				    len - at < n ? len - at : n, &out, &used);
			CHECK((rc == 1) == (texts[i].rest != NULL));
			CHECK_STR_EQ(buf_text(&out), str_c(texts[i].want));
			if (texts[i].rest != NULL)
				CHECK_CSTR(texts[i].in + at, texts[i].rest);
			buf_clear(&out);
		}
}

/* The end is found though the text met a limit. */
static void
t_limit(void)
{
	struct dotdec d;
	struct buf out;
	size_t used;

	dotdec_init(&d);
	buf_init(&out, 4);
	CHECK(dotdec_feed(&d, "abcdefgh\r\n.\r\nX", 14, &out, &used) == 1);
	CHECK(used == 13);
	CHECK(out.failed);
	buf_clear(&out);
}

static void
t_encode(void)
{
	static const struct {
		const char *in;
		const char *want;
	} t[] = {
	    {"", ".\r\n"},
	    {"a\r\n", "a\r\n.\r\n"},
	    {"a", "a\r\n.\r\n"},
	    {".\r\n..\r\n.a\r\n", "..\r\n...\r\n..a\r\n.\r\n"},
	    {"a.b\r\n", "a.b\r\n.\r\n"},
	    /* What could end the text at another server cannot get out. */
	    {"a\n.\nb\r\n", "a\r\n..\r\nb\r\n.\r\n"},
	    {"a\r.\rb\r\n", "a . b\r\n.\r\n"},
	    {"a\r", "a\r\n.\r\n"},
	};
	struct dotenc e;
	struct buf out;
	size_t i, n, at, len;

	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++)
		for (n = 1; n < 12; n++) {
			dotenc_init(&e);
			buf_init(&out, 100);
			len = strlen(t[i].in);
			for (at = 0; at < len; at += n)
				dotenc_feed(&e, t[i].in + at,
				    len - at < n ? len - at : n, &out);
			dotenc_end(&e, &out);
			CHECK_STR_EQ(buf_text(&out), str_c(t[i].want));
			buf_clear(&out);
		}
}

/* Lines of one kind of end only: not each looks for the other kind through
 * all the rest. */
static void
t_quick(void)
{
	enum { N = 4 << 20 };
	uint64_t begun = clock_now().mono;
	struct dotdec d;
	struct dotenc e;
	struct buf in, out;
	size_t i, used;

	buf_init(&in, N);
	buf_init(&out, 2 * N);
	for (i = 0; i < N / 2; i++)
		buf_puts(&in, "a\r");
	dotdec_init(&d);
	CHECK(dotdec_feed(&d, in.data, in.len, &out, &used) == 0);
	CHECK_UINT(out.len, N - 1);
	buf_reset(&out);
	dotenc_init(&e);
	dotenc_feed(&e, in.data, in.len, &out);
	CHECK_UINT(out.len, N - 1);
	CHECK(clock_now().mono - begun < 5000);
	buf_clear(&out);
	buf_clear(&in);
}

int
main(void)
{
	static const struct unit_test tests[] = {
	    {"decode, in pieces of every size", t_decode},
	    {"decode beyond a limit", t_limit},
	    {"encode, in pieces of every size", t_encode},
	    {"quick with line ends of one kind", t_quick},
	    {NULL, NULL},
	};

	return (unit_main("t_dot", tests));
}
