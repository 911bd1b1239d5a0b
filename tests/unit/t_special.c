/*
 * Which mailboxes hold what was sent, and drafts.
 */
#include "config.h"

#include <stdio.h>

#include "proxy/special.h"
#include "unit.h"

static const struct {
	const char *name;
	enum special_kind want;
} names[] = {
    {"Sent", SPECIAL_SENT},
    {"sent items", SPECIAL_SENT},
    {"INBOX.Sent", SPECIAL_SENT},
    {"INBOX/Drafts", SPECIAL_DRAFTS},
    {"[Gmail]/Sent Mail", SPECIAL_SENT},
    {"[Google Mail]/Entw&APw-rfe", SPECIAL_DRAFTS},
    {"Entw&APw-rfe", SPECIAL_DRAFTS},
    {"Gesendete Elemente", SPECIAL_SENT},
    {"&AMk-l&AOk-ments envoy&AOk-s", SPECIAL_SENT},
    {"&BB4EQgQ,BEAEMAQyBDsENQQ9BD0ESwQ1-", SPECIAL_SENT},
    {"&BCcENQRABD0EPgQyBDgEOgQ4-", SPECIAL_DRAFTS},
    {"&XfJT0ZAB-", SPECIAL_SENT},
    {"&kAFP4W4IMH8w4TD8MOs-", SPECIAL_SENT},
    {"&g0l6Pw-", SPECIAL_DRAFTS},
    {"Wys&AUI-ane", SPECIAL_SENT},
    {"INBOX", SPECIAL_NONE},
    {"", SPECIAL_NONE},
    {"Archive", SPECIAL_NONE},
    {"Sent/2024", SPECIAL_NONE},
    {"Unsent", SPECIAL_NONE},
    {"&", SPECIAL_NONE},
    {"&-", SPECIAL_NONE},
    {"Drafts&", SPECIAL_DRAFTS},
    {"&AP", SPECIAL_NONE},
    {"Drafts/", SPECIAL_DRAFTS},
    {"INBOX.Sent..", SPECIAL_SENT},
    {"..", SPECIAL_NONE},
};

static void
test_names(void)
{
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		unit_row(names[i].name);
		CHECK_INT(special_kind(NULL, str_c(names[i].name)),
		    names[i].want);
	}
}

static const struct {
	const char *line;
	const char *name;
	enum special_kind want;
} lists[] = {
    {"* LIST (\\HasNoChildren \\Sent) \"/\" Away\r\n", "Away", SPECIAL_SENT},
    {"* LIST (\\sent) NIL \"Out of here\"\r\n", "Out of here", SPECIAL_SENT},
    {"* list (\\Drafts) \"\\\\\" {3}\r\na\"b\r\n", "a\"b", SPECIAL_DRAFTS},
    {"* LIST (\\Drafts) \"/\" Half (\"OLDNAME\" (\"x\"))\r\n", "Half",
        SPECIAL_DRAFTS},
    {"* LIST (\\Drafts) \".\" Sent\r\n", "Sent", SPECIAL_DRAFTS},
    {"* LIST (\\Sent) \".\" Drafts\r\n", "Drafts", SPECIAL_DRAFTS},
    {"* LIST (\\Sent \\Drafts) \".\" All\r\n", "All", SPECIAL_DRAFTS},
    {"* LIST (\\Drafts) \".\" INBOX.Half\r\n", "inbox.Half", SPECIAL_DRAFTS},
    {"* LIST (\\Sent) \"/\" Away/\r\n", "AWAY", SPECIAL_SENT},
    {"* LIST (\\Trash \\Archive) \"/\" Other\r\n", "Other", SPECIAL_NONE},
    {"* LIST (\\Trash \"/\" Other\r\n", "Other", SPECIAL_NONE},
    {"* LIST () \"/\" Other\r\n", "Other", SPECIAL_NONE},
    {"* LSUB (\\Sent) \"/\" Other\r\n", "Other", SPECIAL_NONE},
    /* of which mailbox was that said? */
    {"* LIST (\\Sent \"/\" Other\r\n", "Other", SPECIAL_DRAFTS},
    {"* LIST (\\Sent) \"/\"\r\n", "Any", SPECIAL_DRAFTS},
};

static void
test_lists(void)
{
	struct special *sp;
	size_t i;

	for (i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		unit_row(lists[i].line);
		sp = special_new();
		special_read(sp, str_c(lists[i].line));
		CHECK_INT(special_kind(sp, str_c(lists[i].name)),
		    lists[i].want);
		special_free(sp);
	}
}

/* More than there is room for: it may be any. */
static void
test_many(void)
{
	struct special *sp = special_new();
	char line[64];
	int i;

	for (i = 0; i < 2 * SPECIAL_MAX; i++)
		special_read(sp, STR("* LIST (\\Sent) NIL x\r\n"));
	CHECK_INT(special_kind(sp, STR("x")), SPECIAL_SENT);
	CHECK_INT(special_kind(sp, STR("y")), SPECIAL_NONE);
	for (i = 0; i < SPECIAL_MAX; i++) {
		(void)snprintf(line, sizeof(line),
		    "* LIST (\\Sent) NIL x%d\r\n", i);
		special_read(sp, str_c(line));
	}
	CHECK_INT(special_kind(sp, STR("x")), SPECIAL_SENT);
	CHECK_INT(special_kind(sp, STR("y")), SPECIAL_DRAFTS);
	special_free(sp);
}

static const struct unit_test tests[] = {
    {"names", test_names},
    {"lists", test_lists},
    {"many", test_many},
    {NULL, NULL},
};

int
main(void)
{
	return (unit_main("t_special", tests));
}
