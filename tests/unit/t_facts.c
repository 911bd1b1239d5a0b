#include "config.h"

#include "proxy/facts.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mail/classify.h"
#include "proto/open.h"
#include "proxy/facts_own.h"
#include "sys/log.h"
#include "unit.h"

static char dir[] = "t_facts.XXXXXX";
static char domain[] = "example.org";
static char login[] = "me@example.org";
static char other_login[] = "you@example.org";
static struct upstream up = {.domain = domain};
static struct account me = {.login = login, .up = &up};
static struct account you = {.login = other_login, .up = &up};
static struct buf hold;

static struct facts *
begin(uint8_t n)
{
	struct crypt_key k;
	struct facts *f;
	struct err err;

	memset(&k, n, sizeof(k));
	if ((f = facts_open(dir, &k, &err)) == NULL)
		CHECK_CSTR(err.text, "");
	return (f);
}

static void
clear(void)
{
	char path[100];

	snprintf(path, sizeof(path), "%s/facts/data.mdb", dir);
	unlink(path);
	snprintf(path, sizeof(path), "%s/facts/lock.mdb", dir);
	unlink(path);
	snprintf(path, sizeof(path), "%s/facts/boot", dir);
	unlink(path);
}

static struct msg_name
name(const char *box, uint32_t validity, uint32_t uid)
{
	return ((struct msg_name){&me, str_c(box), validity, uid});
}

static int
put(struct facts *f, struct msg_name n, uint8_t result, const char *text)
{
	struct facts_rec rec = {.size = 1000 + n.uid,
	    .header = STR("Subject: x\r\n\r\n"),
	    .envelope = STR("(envelope)"),
	    .body = STR("(body)"),
	    .structure = STR("(structure)"),
	    .sent = -77,
	    .result = result,
	    .cipher = OPEN_AEAD,
	    .sign = SIGN_GOOD};

	return (facts_put(f, &n, &rec, str_c(text), NULL));
}

/* Its size, 0: it is not there. */
static uint64_t
get(struct facts *f, struct msg_name n)
{
	struct facts_rec rec;
	struct err err;

	return (facts_get(f, &n, &rec, &hold, &err) == 1 ? rec.size : 0);
}

static void
t_keep(void)
{
	struct msg_name n = name("INBOX", 1, 2);
	struct facts *f = begin(1);
	struct facts_rec rec;
	struct buf text;
	struct err err;

	buf_init(&text, 1000);
	CHECK_UINT(get(f, n), 0);
	CHECK_INT(put(f, n, OPEN_OPENED, "search me"), 0);
	unit_row("before it is written");
	CHECK_UINT(get(f, n), 1002);
	facts_commit(f);
	unit_row("after");
	CHECK_UINT(get(f, n), 1002);
	CHECK_UINT(facts_count(f), 1);
	facts_close(f);

	unit_row("after a restart");
	f = begin(1);
	CHECK_UINT(facts_count(f), 1);
	CHECK(facts_bytes(f) > 0);
	CHECK_INT(facts_get(f, &n, &rec, &hold, &err), 1);
	CHECK_UINT(rec.size, 1002);
	CHECK_STR(rec.header, "Subject: x\r\n\r\n");
	CHECK_STR(rec.envelope, "(envelope)");
	CHECK_STR(rec.body, "(body)");
	CHECK_STR(rec.structure, "(structure)");
	CHECK_INT(rec.sent, -77);
	CHECK_INT(rec.result, OPEN_OPENED);
	CHECK_INT(rec.cipher, OPEN_AEAD);
	CHECK_INT(rec.sign, SIGN_GOOD);
	CHECK(rec.has_text);
	CHECK_INT(facts_text(f, &n, &text, &err), 1);
	CHECK_BUF(&text, "search me");
	unit_row("put again, without a text");
	CHECK_INT(put(f, n, OPEN_PLAIN, ""), 0);
	CHECK_INT(facts_get(f, &n, &rec, &hold, &err), 1);
	CHECK(!rec.has_text);
	CHECK_INT(facts_text(f, &n, &text, &err), 0);
	CHECK_UINT(facts_count(f), 1);
	unit_row("others are not there");
	CHECK_UINT(get(f, name("INBOX", 1, 3)), 0);
	CHECK_UINT(get(f, name("INBOX", 2, 2)), 0);
	CHECK_UINT(get(f, name("Inbox", 1, 2)), 0);
	n.account = &you;
	CHECK_UINT(get(f, n), 0);
	facts_close(f);
	unit_row("none at all");
	CHECK_UINT(get(NULL, n), 0);
	facts_drop(NULL, &n);
	facts_commit(NULL);
	buf_clear(&text);
	clear();
}

static void
t_wrong_key(void)
{
	struct facts *f = begin(1);

	put(f, name("INBOX", 1, 2), OPEN_OPENED, "x");
	facts_close(f);
	f = begin(2);
	CHECK_UINT(facts_count(f), 0);
	CHECK_UINT(get(f, name("INBOX", 1, 2)), 0);
	facts_close(f);
	f = begin(1);
	CHECK_UINT(facts_count(f), 0);
	facts_close(f);
	clear();
}

static void
write_at(off_t at, const void *p, size_t n, bool cut)
{
	char path[100];
	int fd;

	snprintf(path, sizeof(path), "%s/facts/data.mdb", dir);
	fd = open(path, O_RDWR);
	CHECK(fd != -1);
	CHECK(pwrite(fd, p, n, at) == (ssize_t)n);
	if (cut)
		CHECK_INT(ftruncate(fd, at + (off_t)n), 0);
	close(fd);
}

/* Change every place where these bytes are: 4 KiB of file at a time. */
static int
flip(const char *what, size_t len)
{
	static char file[1 << 20];
	char path[100];
	ssize_t n, i;
	int fd, found = 0;

	snprintf(path, sizeof(path), "%s/facts/data.mdb", dir);
	fd = open(path, O_RDWR);
	n = read(fd, file, sizeof(file));
	for (i = 0; i + (ssize_t)len < n; i++)
		if (memcmp(file + i, what, len) == 0) {
			/* behind the name: the sealed value */
			file[i + 36 + 20] ^= 1;
			found++;
		}
	CHECK(pwrite(fd, file, (size_t)n, 0) == n);
	close(fd);
	return (found);
}

static void
t_damage(void)
{
	static const char rubbish[9000] = "no database at all";
	struct facts *f = begin(1);
	/* the end of a name: UIDVALIDITY and UID */
	static const char tail[] = "\x12\x34\x56\x78\x00\x00\x00\x02";
	struct stat st;
	char path[100];
	FILE *boot;

	unit_row("a changed value is not there");
	put(f, name("INBOX", 0x12345678, 2), OPEN_OPENED, "x");
	put(f, name("INBOX", 0x12345678, 3), OPEN_OPENED, "x");
	facts_close(f);
	CHECK(flip(tail, 8) > 0);
	f = begin(1);
	CHECK_UINT(get(f, name("INBOX", 0x12345678, 2)), 0);
	CHECK_UINT(get(f, name("INBOX", 0x12345678, 3)), 1003);
	facts_close(f);

	unit_row("rubbish");
	write_at(0, rubbish, sizeof(rubbish), false);
	f = begin(1);
	CHECK_UINT(facts_count(f), 0);
	CHECK_INT(put(f, name("INBOX", 1, 2), OPEN_OPENED, "x"), 0);
	facts_commit(f);
	CHECK_UINT(get(f, name("INBOX", 1, 2)), 1002);
	facts_close(f);

	unit_row("cut off");
	snprintf(path, sizeof(path), "%s/facts/data.mdb", dir);
	CHECK_INT(stat(path, &st), 0);
	CHECK_INT(truncate(path, st.st_size - 4096), 0);
	f = begin(1);
	CHECK_UINT(facts_count(f), 0);
	CHECK_INT(put(f, name("INBOX", 1, 2), OPEN_OPENED, "x"), 0);
	facts_close(f);

	unit_row("the process died");
	f = begin(1);
	CHECK_UINT(facts_count(f), 1);
	facts_commit(f);
	/* never closed */
	unit_row("the machine died");
	snprintf(path, sizeof(path), "%s/facts/boot", dir);
	CHECK_INT(access(path, F_OK), 0);
	facts_close(f);
	CHECK_INT(access(path, F_OK), -1);
	if ((boot = fopen(path, "w")) != NULL) {
		fprintf(boot, "another-run-of-the-machine");
		fclose(boot);
	}
	f = begin(1);
	CHECK_UINT(facts_count(f), 0);
	facts_close(f);
	clear();
}

static void
t_drop(void)
{
	struct facts *f = begin(1);
	uint32_t i;

	for (i = 1; i <= 1200; i++) {
		put(f, name("INBOX", 1, i), OPEN_OPENED, "x");
		put(f, name("Other", 1, i), OPEN_OPENED, "x");
	}
	put(f, name("INBOX", 2, 1), OPEN_OPENED, "x");
	facts_commit(f);
	unit_row("a message");
	{
		struct msg_name n = name("INBOX", 1, 7);
		struct buf text;

		buf_init(&text, 100);
		facts_drop(f, &n);
		CHECK_UINT(get(f, n), 0);
		CHECK_INT(facts_text(f, &n, &text, NULL), 0);
		facts_drop(f, &n);
		buf_clear(&text);
	}
	CHECK_UINT(get(f, name("INBOX", 1, 8)), 1008);
	CHECK_UINT(facts_count(f), 2400);
	unit_row("a mailbox, but for its new UIDVALIDITY");
	facts_drop_mailbox(f, &me, STR("INBOX"), 2);
	facts_commit(f);
	CHECK_UINT(facts_count(f), 1201);
	CHECK_UINT(get(f, name("INBOX", 2, 1)), 1001);
	CHECK_UINT(get(f, name("Other", 1, 5)), 1005);
	unit_row("a mailbox");
	facts_drop_mailbox(f, &me, STR("INBOX"), 0);
	facts_commit(f);
	CHECK_UINT(get(f, name("INBOX", 2, 1)), 0);
	CHECK_UINT(facts_count(f), 1200);
	facts_drop_mailbox(f, &me, STR("Other"), 0);
	facts_commit(f);
	CHECK_UINT(facts_count(f), 0);
	CHECK_UINT(facts_bytes(f), 0);
	facts_close(f);
	clear();
}

static void
t_unopened(void)
{
	struct facts *f = begin(1);

	put(f, name("INBOX", 1, 1), OPEN_OPENED, "x");
	put(f, name("INBOX", 1, 2), OPEN_NOT_OURS, "x");
	put(f, name("INBOX", 1, 3), OPEN_BROKEN, "x");
	put(f, name("INBOX", 9, 4), OPEN_BROKEN, "x");
	CHECK_UINT(get(f, name("INBOX", 1, 2)), 1002);
	unit_row("another account's key");
	facts_drop_unopened(f, &you);
	CHECK_UINT(get(f, name("INBOX", 1, 2)), 1002);
	unit_row("a key");
	facts_drop_unopened(f, &me);
	CHECK_UINT(get(f, name("INBOX", 1, 1)), 1001);
	CHECK_UINT(get(f, name("INBOX", 1, 2)), 0);
	CHECK_UINT(get(f, name("INBOX", 1, 3)), 0);
	unit_row("put again");
	put(f, name("INBOX", 1, 3), OPEN_BROKEN, "x");
	CHECK_UINT(get(f, name("INBOX", 1, 3)), 1003);
	facts_close(f);
	f = begin(1);
	CHECK_UINT(get(f, name("INBOX", 1, 2)), 0);
	CHECK_UINT(get(f, name("INBOX", 1, 3)), 1003);
	facts_close(f);
	clear();
}

static void
t_classes(void)
{
	struct msg_name box = name("INBOX", 1, 0), next = name("INBOX", 2, 0);
	struct facts *f = begin(1);
	struct facts_classes a = {.uidnext = 21}, b;

	CHECK_INT(set_parse(&a.known, STR("1:10,20:4000000000"), 0, NULL), 0);
	CHECK_INT(set_parse(&a.sealed, STR("3,5,7"), 0, NULL), 0);
	CHECK_INT(set_parse(&a.exist, STR("1:7,20"), 0, NULL), 0);
	CHECK_INT(facts_classes_get(f, &box, &b, NULL), 0);
	CHECK_INT(facts_classes_put(f, &box, &a, NULL), 0);
	CHECK_INT(put(f, name("INBOX", 1, 3), OPEN_OPENED, "x"), 0);
	facts_close(f);
	f = begin(1);
	CHECK_INT(facts_classes_get(f, &box, &b, NULL), 1);
	CHECK(set_equal(&a.known, &b.known));
	CHECK(set_equal(&a.sealed, &b.sealed));
	CHECK(set_equal(&a.exist, &b.exist));
	CHECK_UINT(b.uidnext, 21);
	facts_classes_clear(&b);
	unit_row("another UIDVALIDITY");
	CHECK_INT(facts_classes_get(f, &next, &b, NULL), 0);
	CHECK(set_empty(&b.known) && set_empty(&b.exist));
	CHECK_UINT(b.uidvalidity, 1);
	CHECK(set_equal(&a.sealed, &b.sealed));
	facts_classes_clear(&b);
	unit_row("whatever UIDVALIDITY");
	next.uidvalidity = 0;
	CHECK_INT(facts_classes_get(f, &next, &b, NULL), 1);
	CHECK_UINT(b.uidvalidity, 1);
	CHECK(set_equal(&a.known, &b.known));
	facts_classes_clear(&b);
	facts_commit(f);
	CHECK_UINT(get(f, name("INBOX", 1, 3)), 0);
	unit_row("no mailbox");
	facts_drop_mailbox(f, &me, STR("INBOX"), 0);
	CHECK_INT(facts_classes_get(f, &box, &b, NULL), 0);
	facts_close(f);
	facts_classes_clear(&a);
	clear();
}

/* What another classifier found out is asked for again. */
static void
t_version(void)
{
	struct msg_name box = name("INBOX", 1, 0);
	struct facts_classes a = {.uidnext = 3}, b;
	struct facts *f = begin(1);
	uint8_t k[FACT_BOX];
	struct fact_name id;
	struct buf rec;

	CHECK_INT(set_add(&a.known, 1, 2), 0);
	CHECK_INT(facts_classes_put(f, &box, &a, NULL), 0);
	CHECK_INT(facts_box_key(f, &me, STR("INBOX"), k), 0);
	fact_name(&id, 'c', k, FACT_BOX);
	buf_init(&rec, 10000);
	CHECK_INT(factdb_get(f->db, str_of(id.s, id.len), &rec, NULL), 1);
	CHECK(rec.len > 4 && rec.data[3] == CLASSIFIER_VERSION);
	rec.data[3]++;
	CHECK_INT(factdb_put(f->db, str_of(id.s, id.len), buf_text(&rec), NULL),
	    0);
	CHECK_INT(facts_classes_get(f, &box, &b, NULL), 0);
	CHECK(set_empty(&b.known));
	unit_row("cut off");
	rec.data[3]--;
	CHECK_INT(factdb_put(f->db, str_of(id.s, id.len),
	              str_of(rec.data, rec.len - 1), NULL),
	    0);
	CHECK_INT(facts_classes_get(f, &box, &b, NULL), 0);
	unit_row("as it was");
	CHECK_INT(factdb_put(f->db, str_of(id.s, id.len), buf_text(&rec), NULL),
	    0);
	CHECK_INT(facts_classes_get(f, &box, &b, NULL), 1);
	facts_classes_clear(&b);
	buf_clear(&rec);
	facts_close(f);
	facts_classes_clear(&a);
	clear();
}

/* The oldest go, and those that were used lately stay. */
static void
t_limit(void)
{
#ifdef WAXWING_TEST_HOOKS
	struct facts *f = begin(1);
	uint64_t each;
	char path[100];
	FILE *clock;
	uint32_t i;

	snprintf(path, sizeof(path), "%s/clock", dir);
	setenv("WAXWING_CLOCK", path, 1);
	for (i = 1; i <= 1000; i++) {
		if ((i - 1) % 100 == 0 && (clock = fopen(path, "w")) != NULL) {
			fprintf(clock, "%u\n", (unsigned)i * 100);
			fclose(clock);
		}
		put(f, name("INBOX", 1, i), OPEN_OPENED, "some text");
	}
	facts_commit(f);
	CHECK_UINT(facts_count(f), 1000);
	each = facts_bytes(f) / 1000;
	/* used now, long after */
	CHECK_UINT(get(f, name("INBOX", 1, 1)), 1001);
	facts_limit(f, 500 * each);
	facts_commit(f);
	CHECK(facts_bytes(f) <= 500 * each);
	CHECK(facts_count(f) > 400);
	CHECK_UINT(get(f, name("INBOX", 1, 1)), 1001);
	CHECK_UINT(get(f, name("INBOX", 1, 2)), 0);
	CHECK_UINT(get(f, name("INBOX", 1, 400)), 0);
	CHECK_UINT(get(f, name("INBOX", 1, 700)), 1700);
	CHECK_UINT(get(f, name("INBOX", 1, 1000)), 2000);
	unsetenv("WAXWING_CLOCK");
	unlink(path);
	facts_close(f);
	clear();
#else
	CHECK(true);
#endif
}

/* Nothing can be written: what was there stays, what comes is lost, and all
 * goes on afterwards. */
static void
t_disk_full(void)
{
	struct facts *f = begin(1);
	struct rlimit old, low = {4096, 0};
	uint32_t i;

	signal(SIGXFSZ, SIG_IGN);
	put(f, name("INBOX", 1, 1), OPEN_OPENED, "x");
	facts_commit(f);
	CHECK_INT(getrlimit(RLIMIT_FSIZE, &old), 0);
	low.rlim_max = old.rlim_max;
	CHECK_INT(setrlimit(RLIMIT_FSIZE, &low), 0);
	for (i = 2; i <= 200; i++)
		put(f, name("INBOX", 1, i), OPEN_OPENED, "x");
	facts_commit(f);
	CHECK_INT(setrlimit(RLIMIT_FSIZE, &old), 0);
	CHECK_UINT(get(f, name("INBOX", 1, 1)), 1001);
	CHECK_UINT(get(f, name("INBOX", 1, 2)), 0);
	CHECK_UINT(facts_count(f), 1);
	CHECK_INT(put(f, name("INBOX", 1, 2), OPEN_OPENED, "x"), 0);
	facts_commit(f);
	CHECK_UINT(facts_count(f), 2);
	CHECK_UINT(get(f, name("INBOX", 1, 2)), 1002);
	facts_close(f);
	clear();
	unit_row("not even at the start");
	CHECK_INT(setrlimit(RLIMIT_FSIZE, &low), 0);
	f = begin(1);
	CHECK(put(f, name("INBOX", 1, 1), OPEN_OPENED, "x") == -1);
	CHECK_INT(setrlimit(RLIMIT_FSIZE, &old), 0);
	facts_commit(f);
	CHECK_INT(put(f, name("INBOX", 1, 1), OPEN_OPENED, "x"), 0);
	CHECK_UINT(get(f, name("INBOX", 1, 1)), 1001);
	facts_close(f);
	clear();
}

static void
t_view(void)
{
	static const char text[] = "Subject: hello\r\n"
	                           "From: a@example.org\r\n"
	                           "\r\n"
	                           "body\r\n";
	struct open_ans ans = {.result = OPEN_OPENED, .cipher = OPEN_CBC};
	struct blob *blob = blob_copy(text, sizeof(text) - 1);
	struct facts_rec rec;
	struct view *v;
	struct err err;

	v = view_new(blob, &err);
	CHECK_INT(facts_of_view(v, STR("body"), &ans, &rec, &hold), 0);
	CHECK_UINT(rec.size, sizeof(text) - 1);
	CHECK_STR(rec.header, "Subject: hello\r\nFrom: a@example.org\r\n\r\n");
	CHECK(str_istarts(rec.envelope, STR("(NIL \"hello\" ((NIL NIL \"a\"")));
	CHECK(str_istarts(rec.structure, STR("(\"text\" \"plain\"")));
	CHECK(rec.body.len < rec.structure.len);
	CHECK_STR(rec.preview, "\"body\"");
	CHECK_INT(rec.cipher, OPEN_CBC);
	view_free(v);
	blob_unref(blob);
}

int
main(void)
{
	static const struct unit_test tests[] = {
	    {"keep", t_keep},
	    {"wrong key", t_wrong_key},
	    {"damage", t_damage},
	    {"drop", t_drop},
	    {"unopened", t_unopened},
	    {"classes", t_classes},
	    {"version", t_version},
	    {"limit", t_limit},
	    {"disk full", t_disk_full},
	    {"view", t_view},
	    {NULL, NULL},
	};
	char path[100];
	int rc;

	log_init("test", LOG_LEVEL_ERROR);
	buf_init(&hold, (size_t)1 << 20);
	if (mkdtemp(dir) == NULL)
		return (1);
	rc = unit_main("facts", tests);
	clear();
	snprintf(path, sizeof(path), "%s/facts", dir);
	rmdir(path);
	rmdir(dir);
	buf_clear(&hold);
	return (rc);
}
