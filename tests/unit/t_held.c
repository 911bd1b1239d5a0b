#include "proxy/held.h"

#include <string.h>

#include "base/limits.h"
#include "proxy/account.h"
#include "unit.h"

static struct proxy proxy;
static struct account one, two;

static void
begin(void)
{
	memset(&proxy, 0, sizeof(proxy));
	memset(&one, 0, sizeof(one));
	memset(&two, 0, sizeof(two));
	one.proxy = two.proxy = &proxy;
}

static void
test_account(void)
{
	struct share a = {NULL, 0}, b = {NULL, 0}, c = {NULL, 0};

	begin();
	CHECK_INT(share_add(&a, &one, LIMIT_ACCOUNT_HELD - 10), 0);
	CHECK_INT(share_add(&b, &one, 11), -1);
	CHECK_UINT(b.bytes, 0);
	CHECK_INT(share_add(&b, &one, UINT64_MAX), -1);
	CHECK_INT(share_add(&b, &one, 4), 0);
	CHECK_INT(share_add(&b, &one, 6), 0);
	CHECK_INT(share_add(&b, &one, 1), -1);
	/* Another account has its own. */
	CHECK_INT(share_add(&c, &two, LIMIT_ACCOUNT_HELD), 0);
	CHECK_UINT(proxy.held, 2 * LIMIT_ACCOUNT_HELD);
	share_clear(&a);
	share_clear(&a);
	CHECK_UINT(one.held, 10);
	share_move(&a, &b);
	share_clear(&b);
	CHECK_UINT(one.held, 10);
	share_clear(&a);
	share_clear(&c);
	CHECK_UINT(one.held, 0);
	CHECK_UINT(two.held, 0);
	CHECK_UINT(proxy.held, 0);
}

static void
test_all(void)
{
	struct share s = {NULL, 0};

	begin();
	proxy.held = LIMIT_HELD - 10;
	CHECK_INT(share_add(&s, &one, 11), -1);
	CHECK_INT(share_add(&s, &one, 10), 0);
	share_clear(&s);
	CHECK_UINT(proxy.held, LIMIT_HELD - 10);
}

/* The largest mail, alone, is always welcome: as it came, as it is read, and
 * the groups (smtp_seal.c); so is the largest that is stored. */
static void
test_largest(void)
{
	struct share s = {NULL, 0};

	begin();
	CHECK_INT(share_add(&s, &one, LIMIT_MESSAGE), 0);
	CHECK_INT(share_add(&s, &one, LIMIT_MESSAGE), 0);
	CHECK_INT(share_add(&s, &one, share_sealed(LIMIT_SENDING) + 20 * 7), 0);
	share_clear(&s);
	CHECK_UINT(share_sealed(0), 7);
	CHECK(share_sealed(LIMIT_MESSAGE / 7 * 5) >= LIMIT_MESSAGE - 7);
}

static const struct unit_test tests[] = {
    {"account", test_account},
    {"all", test_all},
    {"largest", test_largest},
    {NULL, NULL},
};

int
main(void)
{
	return (unit_main("t_held", tests));
}
