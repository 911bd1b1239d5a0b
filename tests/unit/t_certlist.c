#include "config.h"

#include "agent/certlist.h"

#include <string.h>

#include "base/limits.h"
#include "unit.h"

#define DAY ((int64_t)24 * 3600)
#define NOW (1000 * DAY)

/* A record told apart by its first byte. */
static struct cert_rec
make(uint8_t id, uint8_t usage, int64_t from, int64_t until)
{
	struct cert_rec c = {.usage = usage};

	c.der = STR("der");
	c.addresses = STR("a@b.example c@d.example");
	c.subject = STR("CN=x");
	c.fingerprint[0] = id;
	c.not_before = from;
	c.not_after = until;
	return (c);
}

static void
t_address(void)
{
	static const struct {
		const char *in, *want; /* NULL: refused */
	} t[] = {
	    {"a@b", "a@b"},
	    {"Joe.X@EXAMPLE.org", "joe.x@example.org"},
	    {"j\xc3\xa4@b", "j\xc3\xa4@b"},
	    {"", NULL},
	    {"@b", NULL},
	    {"a@", NULL},
	    {"ab", NULL},
	    {"a b@c", NULL},
	    {"a\r@c", NULL},
	};
	char space[LIMIT_ADDRESS], longest[LIMIT_ADDRESS + 1];
	struct str low;
	size_t i;

	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		unit_row(t[i].in);
		if (CHECK((certlist_address(str_c(t[i].in), space, &low,
		               NULL) == 0) == (t[i].want != NULL)) &&
		    t[i].want != NULL)
			CHECK_STR(low, t[i].want);
	}
	memset(longest, 'a', sizeof(longest));
	longest[1] = '@';
	unit_row("longest");
	CHECK(certlist_address(str_of(longest, LIMIT_ADDRESS), space, &low,
	          NULL) == 0);
	unit_row("too long");
	CHECK(certlist_address(str_of(longest, LIMIT_ADDRESS + 1), space, &low,
	          NULL) == -1);
}

static void
t_names(void)
{
	struct cert_rec c = make(1, USAGE_ENCRYPT, 0, 1);

	CHECK(certlist_names(&c, STR("a@b.example")));
	CHECK(certlist_names(&c, STR("C@D.example")));
	CHECK(!certlist_names(&c, STR("a@b.exampl")));
	CHECK(!certlist_names(&c, STR("")));
	c.addresses = str_of("", 0);
	CHECK(!certlist_names(&c, STR("a@b.example")));
}

static void
t_add(void)
{
	struct certlist_item items[CERTLIST_MAX];
	struct buf old, new;
	struct cert_rec c;
	uint8_t i;
	size_t n;

	buf_init(&old, LIMIT_RECORD);
	for (i = 0; i < CERTLIST_MAX + 3; i++) {
		c = make(i, USAGE_ENCRYPT, i, NOW);
		buf_init(&new, LIMIT_RECORD);
		CHECK(certlist_add(buf_text(&old), &c, &new, NULL) == 0);
		buf_clear(&old);
		old = new;
	}
	unit_row("newest first, oldest dropped");
	CHECK(certlist_read(buf_text(&old), items, &n, NULL) == 0);
	CHECK_UINT(n, CERTLIST_MAX);
	CHECK_UINT(items[0].c.fingerprint[0], CERTLIST_MAX + 2);
	CHECK_UINT(items[n - 1].c.fingerprint[0], 3);

	unit_row("one that is there moves to the front");
	c = make(5, USAGE_ENCRYPT, 5, NOW);
	buf_init(&new, LIMIT_RECORD);
	CHECK(certlist_add(buf_text(&old), &c, &new, NULL) == 0);
	CHECK(certlist_read(buf_text(&new), items, &n, NULL) == 0);
	CHECK_UINT(n, CERTLIST_MAX);
	CHECK_UINT(items[0].c.fingerprint[0], 5);
	CHECK_UINT(items[1].c.fingerprint[0], CERTLIST_MAX + 2);
	buf_clear(&new);

	unit_row("malformed");
	buf_init(&new, LIMIT_RECORD);
	CHECK(certlist_add(STR("xyz"), &c, &new, NULL) == -1);
	CHECK(certlist_read(STR("xyz"), items, &n, NULL) == -1);
	buf_clear(&new);
	unit_row("no room");
	buf_init(&new, 10);
	CHECK(certlist_add(buf_text(&old), &c, &new, NULL) == -1);
	buf_clear(&new);
	buf_clear(&old);
}

static void
t_best(void)
{
	static const struct {
		const char *name;
		struct {
			uint8_t usage, trust;
			int64_t from, until;
			bool refused;
		} in[3];
		int best; /* -1: none */
		bool recent;
	} t[] = {
	    {"nothing", {{0, 0, 0, 0, false}}, -1, false},
	    {"valid", {{USAGE_ENCRYPT, TRUST_MANUAL, 0, NOW, false}}, 0, true},
	    {"for signing only", {{USAGE_SIGN, TRUST_MANUAL, 0, NOW, false}},
	        -1, false},
	    {"refused", {{USAGE_ENCRYPT, TRUST_MANUAL, 0, NOW, true}}, -1,
	        false},
	    {"expired today",
	        {{USAGE_ENCRYPT, TRUST_MANUAL, 0, NOW - 1, false}}, -1, true},
	    {"expired 180 days ago",
	        {{USAGE_ENCRYPT, TRUST_MANUAL, 0, NOW - 180 * DAY, false}}, -1,
	        true},
	    {"expired longer ago",
	        {{USAGE_ENCRYPT, TRUST_MANUAL, 0, NOW - 180 * DAY - 1, false}},
	        -1, false},
	    {"not valid yet",
	        {{USAGE_ENCRYPT, TRUST_MANUAL, NOW + 1, NOW + 2, false}}, -1,
	        false},
	    {"later start wins",
	        {{USAGE_ENCRYPT, TRUST_MANUAL, 1, NOW, false},
	            {USAGE_ENCRYPT, TRUST_MANUAL, 3, NOW, false},
	            {USAGE_ENCRYPT, TRUST_MANUAL, 2, NOW, false}},
	        1, true},
	    {"trust wins over dates",
	        {{USAGE_ENCRYPT, TRUST_HARVESTED, 9, NOW, false},
	            {USAGE_ENCRYPT, TRUST_MANUAL, 1, NOW, false},
	            {USAGE_ENCRYPT, TRUST_VERIFIED, 5, NOW, false}},
	        1, true},
	    {"of the same authorities, the newest",
	        {{USAGE_ENCRYPT, TRUST_HARVESTED, 9, NOW, false},
	            {USAGE_ENCRYPT, TRUST_VERIFIED, 1, NOW, false},
	            {USAGE_ENCRYPT, TRUST_DISCOVERED, 5, NOW, false}},
	        2, true},
	    {"pending is not used",
	        {{USAGE_ENCRYPT, TRUST_PENDING, 9, NOW, false}}, -1, false},
	    {"pending is newer",
	        {{USAGE_ENCRYPT, TRUST_PENDING, 9, NOW, false},
	            {USAGE_ENCRYPT, TRUST_HARVESTED, 1, NOW, false}},
	        1, true},
	    {"both usages",
	        {{USAGE_ENCRYPT | USAGE_SIGN, TRUST_MANUAL, 0, NOW, false}}, 0,
	        true},
	    {"alike: the newest",
	        {{USAGE_ENCRYPT, TRUST_MANUAL, 1, NOW, false},
	            {USAGE_ENCRYPT, TRUST_MANUAL, 1, NOW + 9, false}},
	        0, true},
	};
	const struct certlist_item *best;
	struct certlist_item items[3];
	size_t i, j;

	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		unit_row(t[i].name);
		for (j = 0; j < 3; j++) {
			items[j].c = make((uint8_t)j, t[i].in[j].usage,
			    t[i].in[j].from, t[i].in[j].until);
			items[j].trust = t[i].in[j].trust;
			if (t[i].in[j].refused)
				items[j].c.verdict.code = ERR_UNTRUSTED;
		}
		best = certlist_best(items, 3, NOW);
		CHECK_INT(best == NULL ? -1 : best - items, t[i].best);
		CHECK(certlist_recent(items, 3, NOW) == t[i].recent);
	}
}

static void
t_waits(void)
{
	struct certlist_item items[4] = {
	    {make(0, USAGE_ENCRYPT, 8, NOW), TRUST_HARVESTED},
	    {make(1, USAGE_SIGN, 9, NOW), TRUST_PENDING},
	    {make(2, USAGE_ENCRYPT, 1, NOW), TRUST_PENDING},
	    {make(3, USAGE_ENCRYPT, 5, NOW - 1), TRUST_PENDING},
	};

	CHECK(certlist_waits(items, 4, NOW) == &items[2]);
	CHECK(certlist_waits(items, 4, NOW - 1) == &items[3]);
	CHECK(certlist_waits(items, 2, NOW) == NULL);
}

static void
t_harvest(void)
{
	static const struct {
		const char *name;
		int trust; /* of the one in use; -1: there is none */
		int64_t from, until;
		uint8_t what; /* which one came */
		enum trust want;
	} t[] = {
	    {"the first", -1, 0, 0, 1, TRUST_HARVESTED},
	    {"the same again", TRUST_HARVESTED, NOW - DAY, NOW + DAY, 0,
	        TRUST_HARVESTED},
	    {"the same as the directory's", TRUST_DISCOVERED, NOW - DAY,
	        NOW + DAY, 0, TRUST_HARVESTED},
	    {"another one", TRUST_HARVESTED, NOW - DAY, NOW + DAY, 1,
	        TRUST_PENDING},
	    {"another one, in time to be renewed", TRUST_HARVESTED,
	        NOW - 2 * DAY, NOW + DAY, 1, TRUST_HARVESTED},
	    {"a little too early", TRUST_HARVESTED, NOW - 2 * DAY + 3,
	        NOW + DAY + 3, 1, TRUST_PENDING},
	    {"other than the directory's", TRUST_DISCOVERED, NOW - 2 * DAY,
	        NOW + DAY, 1, TRUST_PENDING},
	    {"other than an imported one", TRUST_MANUAL, NOW - 2 * DAY,
	        NOW + DAY, 1, TRUST_PENDING},
	    {"that one has expired", TRUST_MANUAL, NOW - DAY, NOW - 1, 1,
	        TRUST_HARVESTED},
	    {"that one is pending", TRUST_PENDING, NOW - DAY, NOW + DAY, 1,
	        TRUST_HARVESTED},
	};
	struct certlist_item item;
	struct cert_rec other;
	size_t i;

	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		unit_row(t[i].name);
		item.c = make(0, USAGE_ENCRYPT, t[i].from, t[i].until);
		item.trust = (uint8_t)(t[i].trust < 0 ? 0 : t[i].trust);
		other = make(t[i].what, USAGE_ENCRYPT, NOW, NOW + DAY);
		CHECK_INT(certlist_harvest(&item, t[i].trust < 0 ? 0 : 1,
		              other.fingerprint, NOW),
		    t[i].want);
	}
}

int
main(void)
{
	static const struct unit_test tests[] = {
	    {"address", t_address},
	    {"names", t_names},
	    {"add", t_add},
	    {"best", t_best},
	    {"waits", t_waits},
	    {"harvest", t_harvest},
	    {NULL, NULL},
	};

	return (unit_main("certlist", tests));
}
