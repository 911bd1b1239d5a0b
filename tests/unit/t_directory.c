#include "config.h"

#include <stdio.h>
#include <string.h>

#include "keyhouse.h"

#define A   "alice@x.test"
#define DAY INT64_C(86400)

static struct keyhouse house;
static struct person alice;

static void
start(void)
{
	house_open(&house, "ec");
	person_open(&house, &alice);
	person_proves(&house, &alice, A);
}

static void
finish(void)
{
	person_clear(&alice);
	house_close(&house);
}

static void
t_found(void)
{
	static const struct {
		const char *name, *query;
		unsigned status;
	} rows[] = {
	    {"plain", "email=" A, 200},
	    {"uri", "uri=" A, 200},
	    {"capitals", "email=Alice@X.Test", 200},
	    {"encoded", "email=%61lice%40x.test", 200},
	    {"more parameters", "x=1&email=" A "&y", 200},
	    {"another", "email=bob@x.test", 404},
	    {"a part", "email=lice@x.test", 404},
	    {"a plus stays one", "email=alice+@x.test", 404},
	    {"nothing", "", 400},
	    {"another parameter", "name=alice", 400},
	    {"no value", "email", 400},
	    {"empty", "email=", 400},
	    {"twice", "email=" A "&email=" A, 400},
	    {"no address", "email=alice", 400},
	    {"two addresses", "email=" A "," A, 400},
	    {"bad encoding", "email=%zz@x.test", 400},
	    {"NUL", "email=alice%00@x.test", 400},
	    {"line end", "email=alice%0d%0a@x.test", 400},
	    {"path", "email=../" A "/x", 400},
	};
	struct kms_bundle b;
	struct arena arena;
	size_t i;

	arena_init(&arena, 10000000);
	start();
	unit_row("before");
	CHECK_UINT(house_search(&house, "email=" A, NULL, NULL), 404);
	CHECK_CSTR(house_field(&house, "Cache-Control"), "max-age=10");
	(void)house_ask(&house, &alice, A, "create", 0);
	if (!house_bundle(&house, &arena, &b))
		return;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		unit_row(rows[i].name);
		CHECK_UINT(house_search(&house, rows[i].query, NULL, NULL),
		    rows[i].status);
		if (rows[i].status != 200) {
			CHECK_CSTR(house_field(&house, "Content-Type"),
			    "application/problem+json");
			continue;
		}
		CHECK_CSTR(house_field(&house, "Content-Type"),
		    "application/pkix-cert");
		CHECK_CSTR(house_field(&house, "Cache-Control"), "max-age=300");
		CHECK_STR_EQ(buf_text(&house.res.body), b.keys[0].cert);
	}
	unit_row("over");
	house_clock(&house, 91 * DAY);
	CHECK_UINT(house_search(&house, "email=" A, NULL, NULL), 404);
	arena_clear(&arena);
	finish();
}

static void
t_etag(void)
{
	static const struct {
		const char *name, *format;
		unsigned status;
	} rows[] = {
	    {"same", "%s", 304},
	    {"weak", "W/%s", 304},
	    {"in a list", "\"x\", %s ,\"y\"", 304},
	    {"any", "*", 304},
	    {"other", "\"x\"", 200},
	    {"without quotes", "%.4s", 200},
	    {"empty", "", 200},
	    {"commas", ",,", 200},
	};
	char tag[100], value[120];
	size_t i;

	start();
	CHECK_UINT(house_ask(&house, &alice, A, "create", 0), 200);
	CHECK_UINT(house_search(&house, "email=" A, NULL, NULL), 200);
	(void)snprintf(tag, sizeof(tag), "%s", house_field(&house, "ETag"));
	CHECK_UINT(strlen(tag), 34);
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		unit_row(rows[i].name);
		if (strcmp(rows[i].name, "without quotes") == 0)
			(void)snprintf(value, sizeof(value), "%.32s", tag + 1);
		else if (strstr(rows[i].format, "%s") != NULL)
			(void)snprintf(value, sizeof(value), "%.*s%s%s",
			    (int)(strstr(rows[i].format, "%s") -
			          rows[i].format),
			    rows[i].format, tag,
			    strstr(rows[i].format, "%s") + 2);
		else
			(void)snprintf(value, sizeof(value), "%s",
			    rows[i].format);
		CHECK_UINT(
		    house_search(&house, "email=" A, "If-None-Match", value),
		    rows[i].status);
		CHECK_CSTR(house_field(&house, "ETag"), tag);
		if (rows[i].status == 304)
			CHECK_UINT(house.res.body.len, 0);
	}
	unit_row("changed");
	CHECK_UINT(house_ask(&house, &alice, A, "rotate", 0), 200);
	CHECK_UINT(house_search(&house, "email=" A, "If-None-Match", tag), 200);
	finish();
}

/* The parts of a multipart/mixed body, each checked for its head. */
static size_t
split(struct str body, const char *boundary, struct str *parts, size_t max)
{
	static const char head[] = "Content-Type: application/pkix-cert\r\n"
	                           "Content-Transfer-Encoding: binary\r\n";
	char line[120];
	const char *p = body.p, *end = body.p + body.len, *next;
	size_t n = 0, len;

	len = (size_t)snprintf(line, sizeof(line), "--%s\r\n", boundary);
	while (
	    n < max && (size_t)(end - p) > len && memcmp(p, line, len) == 0) {
		p += len;
		CHECK(memcmp(p, head, sizeof(head) - 1) == 0);
		p = memmem(p, (size_t)(end - p), "\r\n\r\n", 4);
		if (!CHECK(p != NULL))
			return (0);
		p += 4;
		next = memmem(p, (size_t)(end - p), line, len - 2);
		if (!CHECK(next != NULL))
			return (0);
		parts[n++] = str_of(p, (size_t)(next - p) - 2);
		p = next;
	}
	(void)snprintf(line, sizeof(line), "--%s--\r\n", boundary);
	CHECK_STR(str_of(p, (size_t)(end - p)), line);
	return (n);
}

static void
t_several(void)
{
	static const char type[] = "multipart/mixed; boundary=\"";
	struct kms_bundle b;
	struct arena arena;
	struct str parts[4];
	char boundary[100];
	const char *said;
	size_t i, n;

	arena_init(&arena, 10000000);
	start();
	CHECK_UINT(house_ask(&house, &alice, A, "create", 0), 200);
	CHECK_UINT(house_ask(&house, &alice, A, "rotate", 0), 200);
	CHECK_UINT(house_ask(&house, &alice, A, "rotate", 0), 200);
	if (!house_bundle(&house, &arena, &b) || !CHECK_UINT(b.nkeys, 3))
		return;
	CHECK_UINT(house_search(&house, "email=" A, NULL, NULL), 200);
	said = house_field(&house, "Content-Type");
	if (CHECK(strncmp(said, type, sizeof(type) - 1) == 0)) {
		(void)snprintf(boundary, sizeof(boundary), "%s",
		    said + sizeof(type) - 1);
		boundary[strcspn(boundary, "\"")] = '\0';
		n = split(buf_text(&house.res.body), boundary, parts, 4);
		CHECK_UINT(n, 3);
		for (i = 0; i < n; i++)
			CHECK_STR_EQ(parts[i], b.keys[i].cert);
	}
	arena_clear(&arena);
	finish();
}

/* Whoever tries all addresses is told to wait. */
static void
t_rate(void)
{
	unsigned i, good = 0;

	start();
	for (i = 0; i < 60; i++)
		if (house_search(&house, "email=" A, NULL, NULL) == 404)
			good++;
	/* 40 a minute, and what this takes itself */
	CHECK(good >= 40 && good < 45);
	CHECK_UINT(house.res.status, 429);
	CHECK(house_says(&house, "error:rateLimited"));
	CHECK(house_field(&house, "Retry-After")[0] != '\0');
	finish();
}

static const struct unit_test tests[] = {
    {"found", t_found},
    {"etag", t_etag},
    {"several", t_several},
    {"rate", t_rate},
    {NULL, NULL},
};

int
main(void)
{
	return (unit_main("directory", tests));
}
