#include "config.h"

#include "proxy/gather.h"

#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "unit.h"

/* Put a whole response in pieces; the result of the last put. */
static int
put(struct gather *g, struct str in, size_t step, struct err *err)
{
	struct lex l;
	enum lex_event ev;
	size_t at, end, n;

	lex_init(&l);
	for (at = 0; at < in.len;) {
		end = at + step < in.len ? at + step : in.len;
		n = lex_step(&l, str_of(in.p + at, end - at), &ev);
		if (gather_put(g, ev, str_of(in.p + at, n), l.left, err) == -1)
			return (-1);
		at += n;
	}
	return (0);
}

static const char response[] =
    "* 4 FETCH (UID 17 BODY[HEADER.FIELDS (X)] {3}\r\na\r\n BODY[] {5}\r\n"
    "12\r\n3 FLAGS (\\Seen) BODY[1] {1}\r\nz)\r\n";

static void
t_items(void)
{
	struct gather *g;
	struct resp_item item;
	struct err err;
	size_t step;

	for (step = 1; step < sizeof(response); step++) {
		g = gather_new(4, true, NULL);
		if (!CHECK_INT(put(g, STR(response), step, &err), 0))
			return;
		CHECK(gather_ok(g));
		CHECK_UINT(gather_uid(g), 17);
		CHECK_UINT(g->naway, 1);
		CHECK(gather_find(g, STR("body[]"), false, &item));
		CHECK_UINT(item.away, 0);
		CHECK_STR_EQ(blob_str(g->blobs[0]), STR("12\r\n3"));
		CHECK(gather_find(g, STR("BODY[HEADER.FIELDS ("), true, &item));
		CHECK_STR(item.data, "a\r\n");
		CHECK(gather_find(g, STR("BODY[1]"), false, &item));
		CHECK_STR(item.data, "z");
		CHECK(gather_find(g, STR("flags"), false, &item));
		CHECK_STR(item.value, "(\\Seen)");
		CHECK(!gather_find(g, STR("MODSEQ"), false, &item));
		gather_free(g);
	}
	g = gather_new(4, false, NULL);
	CHECK_INT(put(g, STR(response), 7, &err), 0);
	CHECK_UINT(g->naway, 0);
	CHECK_STR_EQ(buf_text(&g->text), STR(response));
	gather_free(g);
	gather_free(NULL);
}

static void
t_bad(void)
{
	static const struct {
		const char *in;
		int rc;
		bool ok;
	} rows[] = {
	    {"* 4 FETCH (UID 17)\r\n", 0, true},
	    {"* 4 FETCH (UID 17\r\n", 0, false},
	    {"* 4 FETCH (BODY[] {200000000}\r\n", -1, false},
	    {"* 4 FETCH (BODY[1] {200000000}\r\n", -1, false},
	    {"* 4 FETCH (BODY[] {0}\r\n)\r\n", 0, true},
	    {"* 4 FETCH (BODY[] NIL)\r\n", 0, true},
	};
	struct gather *g;
	struct err err;
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		unit_row(rows[i].in);
		g = gather_new(4, true, NULL);
		CHECK_INT(put(g, str_c(rows[i].in), 1000, &err), rows[i].rc);
		if (rows[i].rc == 0)
			CHECK(gather_ok(g) == rows[i].ok);
		gather_free(g);
	}
}

/* Whatever is large is kept apart, be it a body or not. */
static void
t_large(void)
{
	static char big[GATHER_HERE + 200];
	size_t head, n = GATHER_HERE + 1;
	struct gather *g = gather_new(4, false, NULL);
	struct resp_item item;
	struct err err;

	head = (size_t)snprintf(big, sizeof(big),
	    "* 4 FETCH (UID 17 BODY[HEADER.FIELDS (X)] {%zu}\r\n", n);
	memset(big + head, 'y', n);
	memcpy(big + head + n, ")\r\n", 3);
	CHECK_INT(put(g, str_of(big, head + n + 3), 5000, &err), 0);
	CHECK(gather_ok(g));
	CHECK_UINT(gather_uid(g), 17);
	CHECK(gather_find(g, STR("BODY[HEADER.FIELDS ("), true, &item));
	if (CHECK_UINT(item.away, 0))
		CHECK_UINT(blob_len(g->blobs[0]), n);
	gather_free(g);
}

/* Text beyond the limit is refused before it is kept. */
static void
t_limit(void)
{
	static char big[10000];
	struct gather *g = gather_new(1, true, NULL);
	struct err err;
	int i, rc = 0;

	memset(big, 'x', sizeof(big));
	for (i = 0; i < 1000 && rc == 0; i++)
		rc = gather_put(g, LEX_TEXT, str_of(big, sizeof(big)), 0, &err);
	CHECK_INT(rc, -1);
	CHECK(g->text.cap <= LIMIT_RESPONSE_TEXT);
	gather_free(g);
}

/* So is the second of two messages in one response, if it is as large as one
 * may be. */
static void
t_together(void)
{
	static char head[100];
	struct gather *g = gather_new(1, true, NULL);
	struct err err;

	CHECK_INT(
	    put(g, STR("* 1 FETCH (BODY[] {5}\r\n12345 BODY[] "), 10, &err), 0);
	CHECK_UINT(g->naway, 1);
	(void)snprintf(head, sizeof(head), "{%lu}\r\n", LIMIT_MESSAGE - 5 + 1);
	CHECK_INT(gather_put(g, LEX_LITERAL, str_c(head), LIMIT_MESSAGE - 5 + 1,
	              &err),
	    -1);
	CHECK_INT(err.code, ERR_LIMIT);
	gather_free(g);
}

/* Bytes that nobody looks at. */
static void
leave(void *arg)
{
	(void)arg;
}

/* And the second of two pieces. */
static void
t_pieces(void)
{
	static const char text[] = "* 1 FETCH (BODY[] {9}\r\n)\r\n";
	struct gather *g[2], *all;
	size_t i;

	for (i = 0; i < 2; i++) {
		g[i] = gather_new(1, true, NULL);
		buf_puts(&g[i]->text, text);
		g[i]->away[0] = sizeof(text) - sizeof(")\r\n");
		g[i]->blobs[0] =
		    blob_wrap(text, LIMIT_MESSAGE / 2 + i, -1, leave, NULL);
		g[i]->naway = 1;
	}
	CHECK(gather_join(g[0], g[1]) == NULL);
	blob_unref(g[1]->blobs[0]);
	g[1]->blobs[0] = blob_wrap(text, LIMIT_MESSAGE / 2, -1, leave, NULL);
	all = gather_join(g[0], g[1]);
	if (CHECK(all != NULL))
		CHECK_UINT(all->naway, 2);
	gather_free(all);
	gather_free(g[0]);
	gather_free(g[1]);
}

int
main(void)
{
	static const struct unit_test tests[] = {
	    {"items, in any pieces", t_items},
	    {"what is refused", t_bad},
	    {"large literals", t_large},
	    {"limit", t_limit},
	    {"two messages", t_together},
	    {"two pieces", t_pieces},
	    {NULL, NULL},
	};

	return (unit_main("t_gather", tests));
}
