/*
 * Walks through mailboxes in which mails arrive meanwhile.
 */
#include "config.h"

#include <string.h>

#include "proxy/candidate.h"
#include "unit.h"

/* The next one of those in the mailbox, in the order that SEARCH has them. */
static uint32_t
next(struct candidate_span s, const uint32_t *uids, size_t n)
{
	uint32_t found = 0;
	size_t i;

	for (i = 0; i < n; i++)
		found = candidate_first(s, found, uids[i]);
	return (found);
}

static void
grow(struct candidate_span *s, uint32_t uid)
{
	if (s->high == 0 || uid > s->high)
		s->high = uid;
	if (s->low == 0 || uid < s->low)
		s->low = uid;
}

static void
t_order(void)
{
	static const uint32_t uids[] = {3, 9, 5, 7, 20, 4294967295U, 22};
	static const struct {
		size_t there; /* so many are in the mailbox */
		uint32_t want;
	} rows[] = {{4, 9}, {4, 7}, {6, 20}, {7, 22}, {7, 4294967295U}, {7, 5},
	    {7, 3}, {7, 0}, {7, 0}};
	struct candidate_span s = {0, 0};
	uint32_t uid;
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uid = next(s, uids, rows[i].there);
		CHECK_UINT(uid, rows[i].want);
		if (uid != 0)
			grow(&s, uid);
	}
}

static void
t_none(void)
{
	struct candidate_span none = {0, 0}, some = {5, 6};

	CHECK_UINT(candidate_first(none, 0, 0), 0);
	CHECK_UINT(candidate_first(none, 0, 1), 1);
	CHECK_UINT(candidate_first(none, 2, 1), 2);
	CHECK_UINT(candidate_first(some, 0, 5), 0);
	CHECK_UINT(candidate_first(some, 5, 6), 0);
	CHECK_UINT(candidate_first(some, 4, 7), 7);
}

int
main(void)
{
	static const struct unit_test tests[] = {
	    {"order", t_order},
	    {"none", t_none},
	    {NULL, NULL},
	};

	return (unit_main("candidate", tests));
}
