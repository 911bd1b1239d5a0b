/*
 * t_conf, or "t_conf --print default|mdoc": what conf/waxwing.conf and the
 * reference in man/waxwing.conf.5 must be, to be put there after a change of
 * the table.
 */

#include "config.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/limits.h"
#include "conf_source.h"
#include "sys/conf.h"
#include "unit.h"

static char dir[] = "t_conf.XXXXXX";

/* The path of a file in the test's directory, in one of two static places. */
static const char *
path_of(const char *name)
{
	static char path[2][80];
	static unsigned turn;
	char *p = path[turn++ % 2];

	(void)snprintf(p, sizeof(path[0]), "%s/%s", dir, name);
	return (p);
}

static const char *
make_file(const char *name, struct str text, mode_t mode)
{
	const char *path = path_of(name);
	int fd;

	(void)unlink(path);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	if (fd < 0 || write(fd, text.p, text.len) != (ssize_t)text.len ||
	    fchmod(fd, mode) != 0 || close(fd) != 0)
		abort();
	return (path);
}

static struct conf *
load(const char *text, struct err *err)
{
	return (conf_load(make_file("c", str_c(text), 0644), err));
}

/* A conf that must load. */
static struct conf *
good(const char *text)
{
	struct err err = {0};
	struct conf *c;

	if ((c = load(text, &err)) == NULL)
		CHECK_CSTR(err.text, "");
	return (c);
}

#define FULL                                                         \
	"# a comment\n"                                              \
	"[daemon]\r\n"                                               \
	"  user = mail ; why not\n"                                  \
	"state_dir=/srv/waxwing\n"                                   \
	"openers = 8\n"                                              \
	"log_addresses = ON\n"                                       \
	"\n"                                                         \
	"[IMAP]\n"                                                   \
	"Listen = 127.0.0.1:20000, [::1]:20000 localhost:20001\n"    \
	"listen_tls =\n"                                             \
	"[smtp]\n"                                                   \
	"size = 2m\n"                                                \
	"extensions = pipelining\n"                                  \
	"[upstream Example.ORG]\n"                                   \
	"imap = imaps://imap.example.org\n"                          \
	"smtp = smtp+starttls://smtp.example.org:2525\n"             \
	"[upstream b.test]\n"                                        \
	"imap = imap://127.0.0.1:143\n"                              \
	"[account Me@Example.org]\n"                                 \
	"addresses = \"me@example.org, x#y@example.org\" # quoted\n" \
	"[enrol]\n"                                                  \
	"accounts = *, *@example.org, \"a@b\"@c.example\n"           \
	"[reading]\n"                                                \
	"trusted_peers = *@*.example.org *@a.example b@c.example\n"  \
	"[policy *@partner.example]\n"                               \
	"encrypt = Required\n"                                       \
	"[policy *]\n"                                               \
	"sign = always"

static void
check_full(const struct conf *c)
{
	struct str word;
	size_t pos = 0;

	CHECK_CSTR(conf_str(c, "daemon", "user"), "mail");
	CHECK_CSTR(conf_str(c, "daemon", "state_dir"), "/srv/waxwing");
	CHECK_UINT(conf_num(c, "daemon", "openers"), 8);
	CHECK(conf_bool(c, "daemon", "log_addresses"));
	CHECK_UINT(conf_num(c, "smtp", "size"), 2 * 1024 * 1024);
	CHECK_CSTR(conf_str(c, "imap", "listen_tls"), "");
	CHECK_CSTR(conf_str(c, "upstream example.org", "smtp"),
	    "smtp+starttls://smtp.example.org:2525");
	CHECK(conf_str(c, "upstream b.test", "smtp") == NULL);
	CHECK_CSTR(conf_str(c, "account me@example.org", "addresses"),
	    "me@example.org, x#y@example.org");
	/* defaults */
	CHECK_CSTR(conf_str(c, "daemon", "control"), "/run/waxwing/control");
	CHECK(conf_str(c, "daemon", "master_key") == NULL);
	CHECK_UINT(conf_num(c, "cache", "view_bytes"), 64UL << 20);
	CHECK_CSTR(conf_str(c, "policy *", "encrypt"), "opportunistic");
	CHECK_CSTR(conf_str(c, "policy *@partner.example", "encrypt"),
	    "required");
	CHECK_CSTR(conf_str(c, "policy *@partner.example", "sign"),
	    "encrypted");
	CHECK(conf_str(c, "daemon", "no_such_key") == NULL);

	CHECK(conf_word(conf_str(c, "imap", "listen"), &pos, &word));
	CHECK_STR(word, "127.0.0.1:20000");
	CHECK(conf_word(conf_str(c, "imap", "listen"), &pos, &word));
	CHECK_STR(word, "[::1]:20000");
	CHECK(conf_word(conf_str(c, "imap", "listen"), &pos, &word));
	CHECK_STR(word, "localhost:20001");
	CHECK(!conf_word(conf_str(c, "imap", "listen"), &pos, &word));
	pos = 0;
	CHECK(!conf_word("", &pos, &word));
	CHECK(!conf_word(NULL, &pos, &word));

	pos = 0;
	CHECK_CSTR(conf_next(c, "upstream", &pos), "example.org");
	CHECK_CSTR(conf_next(c, "upstream", &pos), "b.test");
	CHECK(conf_next(c, "upstream", &pos) == NULL);
	pos = 0;
	CHECK_CSTR(conf_next(c, "policy", &pos), "*@partner.example");
	CHECK_CSTR(conf_next(c, "policy", &pos), "*");
	CHECK(conf_next(c, "policy", &pos) == NULL);
	pos = 0;
	CHECK(conf_next(c, "imap", &pos) == NULL);
}

static void
test_good(void)
{
	struct conf *c;

	unit_row("full");
	if ((c = good(FULL)) != NULL)
		check_full(c);
	conf_free(c);
	unit_row("empty");
	if ((c = good("")) != NULL)
		CHECK_CSTR(conf_str(c, "imap", "listen"), "127.0.0.1:1143");
	conf_free(c);
	unit_row("empty section");
	if ((c = good("[imap]\n[smtp]\n")) != NULL)
		CHECK_UINT(conf_num(c, "smtp", "size"), 35UL << 20);
	conf_free(c);
}

static const struct {
	const char *text;
	const char *want; /* after the file's name */
} bad[] = {
    {"[imap\n", ":1: ] is missing"},
    {"[imap] # here\n", ":1: nothing may follow the ]"},
    {"\n\n[imp]\n", ":3: [imp]: unknown section, did you mean [imap]?"},
    {"[upstraem example.org]\n",
        ":1: [upstraem example.org]: unknown section, did you mean "
        "[upstream]?"},
    {"[frobnicate]\n", ":1: [frobnicate]: unknown section"},
    {"[]\n", ":1: []: unknown section"},
    {"[imap one]\n", ":1: [imap one]: this section takes no name"},
    {"[upstream]\n", ":1: [upstream]: the domain is missing, as in "
                     "[upstream example.org]"},
    {"[upstream  example.org]\n",
        ":1: [upstream  example.org]: one blank, then the domain without "
        "any"},
    {"[upstream a b]\n",
        ":1: [upstream a b]: one blank, then the domain without any"},
    {"[upstream\ta]\n", ":1: a section name is written in ASCII without tabs"},
    {"[upstream b\303\274cher.example]\n",
        ":1: a section name is written in ASCII without tabs"},
    {"[upstream a:b]\n",
        ":1: [upstream a:b]: a section name cannot hold a colon"},
    {"[upstream:a]\n", ":1: [upstream:a]: a section name cannot hold a colon"},
    {"[imap]\n[smtp]\n[IMAP]\n", ":3: [imap]: is there already, in line 1"},
    {"[imap]\nlisten = [::1]:1\nListen = [::1]:2\n",
        ":3: [imap] listen: is set already, in line 2"},
    {"[imap]\nlistne = [::1]:1\n",
        ":2: [imap] listne: unknown key, did you mean listen?"},
    {"[imap]\nview_bytes = 1M\n",
        ":2: [imap] view_bytes: unknown key, it belongs to [cache]"},
    {"[imap]\nxyzzy_frob = 1\n", ":2: [imap] xyzzy_frob: unknown key"},
    {"listen = [::1]:1\n", ":1: listen: stands before the first section"},
    {"[imap]\nlisten\n", ":2: neither [section] nor key = value"},
    {"[imap]\n= x\n", ":2: neither [section] nor key = value"},
    {"[imap]\nl\303\266sten = x\n", ":2: no usable key before the ="},
    {"[imap]\nlisten = \"[::1]:1\n",
        ":2: [imap] listen: the closing quote is missing"},
    {"[imap]\nlisten = \"[::1]:1\" x\n",
        ":2: [imap] listen: something follows the closing quote"},
    {"[imap]\nlisten = ' [::1]:1'\n",
        ":2: [imap] listen: blanks at the ends of a quoted value"},
    {"[account me]\naddresses = a#b@c\n",
        ":2: [account me] addresses: a value with # or ; must stand in "
        "quotes"},
    {"[daemon]\nuser = a \\\nb\n",
        ":2: a line cannot be continued with a backslash"},
    {"# a comment\\\n[imap]\n",
        ":1: a line cannot be continued with a backslash"},
    {"[daemon]\nuser = a\001b\n", ":2: a control character"},
    {"[daemon]\nuser =\n", ":2: [daemon] user: the value is missing"},
    {"[daemon]\nuser = # nobody\n", ":2: [daemon] user: the value is missing"},
    {"[daemon]\nuser = \"\"\n", ":2: [daemon] user: the value is missing"},
    {"[daemon]\nstate_dir = var/lib\n",
        ":2: [daemon] state_dir: must be a path that begins with /"},
    {"[cloud]\nurl = http://cloud.test\n",
        ":2: [cloud] url: must be like https://cloud.example.org, with "
        "https"},
    {"[trust]\nca_file = ca.pem\n",
        ":2: [trust] ca_file: must be a path that begins with /"},
    {"[daemon]\nlog_addresses = maybe\n",
        ":2: [daemon] log_addresses: must be yes or no"},
    {"[daemon]\nlog = loud\n",
        ":2: [daemon] log: must be error, warn, info, debug or trace"},
    {"[daemon]\nopeners = 0\n",
        ":2: [daemon] openers: must be a number within 1-64"},
    {"[daemon]\nopeners = 65\n",
        ":2: [daemon] openers: must be a number within 1-64"},
    {"[daemon]\nopeners = 4k\n",
        ":2: [daemon] openers: must be a number within 1-64"},
    {"[daemon]\nopeners = -1\n",
        ":2: [daemon] openers: must be a number within 1-64"},
    {"[smtp]\nsize = 1\n",
        ":2: [smtp] size: must be a size in bytes, or with K, M or G, "
        "within 64K-150M"},
    {"[smtp]\nsize = 151M\n",
        ":2: [smtp] size: must be a size in bytes, or with K, M or G, "
        "within 64K-150M"},
    {"[smtp]\nsize = 99999999999999999999G\n",
        ":2: [smtp] size: must be a size in bytes, or with K, M or G, "
        "within 64K-150M"},
    {"[smtp]\nsize = M\n",
        ":2: [smtp] size: must be a size in bytes, or with K, M or G, "
        "within 64K-150M"},
    {"[smtp]\nextensions = 8BITMIME CHUNKING\n",
        ":2: [smtp] extensions: CHUNKING is none of PIPELINING, 8BITMIME "
        "or ENHANCEDSTATUSCODES"},
    {"[imap]\nlisten = 127.0.0.1\n",
        ":2: [imap] listen: must be like 127.0.0.1:1143, [::1]:1143 or "
        "localhost:1143"},
    {"[imap]\nlisten = mail.example.org:143\n",
        ":2: [imap] listen: must be like 127.0.0.1:1143, [::1]:1143 or "
        "localhost:1143"},
    {"[imap]\nlisten = 127.0.0.1:65536\n",
        ":2: [imap] listen: must be like 127.0.0.1:1143, [::1]:1143 or "
        "localhost:1143"},
    {"[imap]\nlisten = 127.0.0.1:0\n",
        ":2: [imap] listen: must be like 127.0.0.1:1143, [::1]:1143 or "
        "localhost:1143"},
    {"[imap]\nlisten = ::1:143\n",
        ":2: [imap] listen: must be like 127.0.0.1:1143, [::1]:1143 or "
        "localhost:1143"},
    {"[upstream a]\nimap = imap.example.org\n",
        ":2: [upstream a] imap: must be like imaps://imap.example.org, "
        "with imaps, imap+starttls or imap"},
    {"[upstream a]\nimap = smtps://imap.example.org\n",
        ":2: [upstream a] imap: must be like imaps://imap.example.org, "
        "with imaps, imap+starttls or imap"},
    {"[upstream a]\nsmtp = smtps://me@smtp.example.org\n",
        ":2: [upstream a] smtp: must be like smtps://smtp.example.org, "
        "with smtps, smtp+starttls or smtp"},
    {"[upstream a]\nsmtp = smtps://smtp.example.org/\n",
        ":2: [upstream a] smtp: must be like smtps://smtp.example.org, "
        "with smtps, smtp+starttls or smtp"},
    {"[upstream a]\nimap = imap://imap.example.org\n",
        ":2: [upstream a] imap: without TLS only a server on this machine "
        "can be used"},
    {"[upstream a]\nsmtp = smtp://127.1.example.org\n",
        ":2: [upstream a] smtp: without TLS only a server on this machine "
        "can be used"},
    {"\n[upstream a]\n", ":2: [upstream a]: neither imap nor smtp is set"},
    {"[imap]\ncert = /c\n", ":2: [imap] cert: key must be set as well"},
    {"[smtp]\nkey = /c\n", ":2: [smtp] key: cert must be set as well"},
    {"[cloud]\nkms_key = /c\nchallenge = DKIM\n",
        ":3: [cloud] challenge: dkim is not for a cloud with kms_key, "
        "which signs with S/MIME"},
    {"[account me@a.test]\naddresses = me@a.test, you\n",
        ":2: [account me@a.test] addresses: you is no address"},
    {"[account me@a.test]\naddresses = *@a.test\n",
        ":2: [account me@a.test] addresses: *@a.test is no address"},
    {"[account me@a.test]\naddresses = me@a..test\n",
        ":2: [account me@a.test] addresses: me@a..test is no address"},
    {"[enrol]\naccounts = *@*.a.test\n",
        ":2: [enrol] accounts: *@*.a.test is no address, *@domain or *"},
    {"[enrol]\naccounts = all\n",
        ":2: [enrol] accounts: all is no address, *@domain or *"},
    {"[reading]\ntrusted_peers = @a.test\n",
        ":2: [reading] trusted_peers: @a.test is no address, *@domain, "
        "*@*.domain or *"},
    {"[account me]\nsent = sealed\n",
        ":1: [account me]: a login is written with its domain, as in "
        "me@example.org"},
    {"[policy a.test]\nencrypt = off\n",
        ":1: [policy a.test]: that is no address, *@domain, *@*.domain or *"},
    {"[policy *@*]\nencrypt = off\n",
        ":1: [policy *@*]: that is no address, *@domain, *@*.domain or *"},
    {"[upstream me@a.test]\nimap = imaps://a.test\n",
        ":1: [upstream me@a.test]: that is no domain, the part of a login "
        "after its @"},
    {"[policy *]\nencrypt = always\n",
        ":2: [policy *] encrypt: must be off, opportunistic or required"},
    {"[reading]\nunauthenticated = show\n",
        ":2: [reading] unauthenticated: must be text, mark or refuse"},
};

static void
test_bad(void)
{
	char want[400];
	struct conf *c;
	struct err err;
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		unit_row(bad[i].want);
		c = load(bad[i].text, &err);
		CHECK(c == NULL);
		conf_free(c);
		(void)snprintf(want, sizeof(want), "%s/c%s", dir, bad[i].want);
		CHECK_CSTR(err.text, want);
		CHECK_INT(err.code, ERR_SYNTAX);
	}
}

/* Lengths around iniparser's own, and a file that is too large. */
static void
test_long(void)
{
	static char big[LIMIT_CONF_FILE + 10];
	struct conf *c;
	struct err err;
	char text[2000];

	unit_row("longest line");
	(void)snprintf(text, sizeof(text), "[daemon]\nuser = %0993d\n", 1);
	if ((c = good(text)) != NULL)
		CHECK_UINT(strlen(conf_str(c, "daemon", "user")), 993);
	conf_free(c);
	unit_row("longer");
	(void)snprintf(text, sizeof(text), "[daemon]\nuser = %0994d\n", 1);
	CHECK(load(text, &err) == NULL);
	CHECK(
	    strstr(err.text, ":2: the line is longer than 1000 bytes") != NULL);
	unit_row("long section");
	(void)snprintf(text, sizeof(text), "[upstream %0500d]\n", 1);
	CHECK(load(text, &err) == NULL);
	CHECK(strstr(err.text, ":1: the section name is too long") != NULL);
	unit_row("NUL");
	CHECK(
	    conf_load(make_file("c", STR("[imap]\n\0\n"), 0600), &err) == NULL);
	CHECK(strstr(err.text, ":2: a control character") != NULL);
	unit_row("large file");
	memset(big, '\n', sizeof(big));
	CHECK(conf_load(make_file("c", str_of(big, sizeof(big)), 0600), &err) ==
	      NULL);
	CHECK_INT(err.code, ERR_LIMIT);
	unit_row("missing file");
	(void)unlink(path_of("c"));
	CHECK(conf_load(path_of("c"), &err) == NULL);
	CHECK_INT(err.code, ERR_NOTFOUND);
	CHECK(strstr(err.text, "/c: No such file or directory") != NULL);
	unit_row("directory");
	CHECK(conf_load(dir, &err) == NULL);
	CHECK_INT(err.code, ERR_IO);
}

/* A conf whose files are at the given places in the test's directory. */
static struct conf *
with_files(mode_t key_mode)
{
	char text[2000], here[500];

	if (getcwd(here, sizeof(here)) == NULL)
		abort();
	(void)make_file("cert", STR("-----BEGIN CERT"), 0644);
	(void)make_file("key", STR("KEY"), key_mode);
	(void)make_file("ca", STR("-----BEGIN CA"), 0644);
	(void)snprintf(text, sizeof(text),
	    "[imap]\ncert = %s/%s/cert\nkey = %s/%s/key\n"
	    "[trust]\nca_file = %s/%s/ca\n",
	    here, dir, here, dir, here, dir);
	return (good(text));
}

static void
test_files(void)
{
	struct conf *c, *proxy, *opener;
	struct buf out;
	struct err err;

	unit_row("read");
	c = with_files(0600);
	CHECK_STR(conf_file(c, "imap", "key"), "");
	CHECK(conf_read_files(c, &err) == 0);
	CHECK_STR(conf_file(c, "imap", "cert"), "-----BEGIN CERT");
	CHECK_STR(conf_file(c, "imap", "key"), "KEY");
	CHECK_STR(conf_file(c, "trust", "ca_file"), "-----BEGIN CA");
	CHECK_STR(conf_file(c, "smtp", "key"), "");

	unit_row("each role gets its own");
	buf_init(&out, LIMIT_RECORD);
	conf_put(c, ROLE_PROXY, &out);
	proxy = conf_get(buf_text(&out), &err);
	buf_reset(&out);
	conf_put(c, ROLE_OPENER, &out);
	opener = conf_get(buf_text(&out), &err);
	buf_wipe(&out);
	if (CHECK(proxy != NULL && opener != NULL)) {
		CHECK_STR(conf_file(proxy, "imap", "key"), "KEY");
		CHECK_STR(conf_file(proxy, "trust", "ca_file"), "");
		CHECK_STR(conf_file(opener, "imap", "key"), "");
		CHECK_STR(conf_file(opener, "trust", "ca_file"),
		    "-----BEGIN CA");
	}
	conf_free(proxy);
	conf_free(opener);

	unit_row("attach");
	CHECK(conf_attach(c, "smtp", "key", STR("MADE")) == 0);
	CHECK(conf_attach(c, "imap", "key", STR("OTHER")) == 0);
	CHECK_STR(conf_file(c, "smtp", "key"), "MADE");
	CHECK_STR(conf_file(c, "imap", "key"), "OTHER");
	conf_free(c);

	unit_row("open key");
	c = with_files(0640);
	CHECK(conf_read_files(c, &err) == -1);
	CHECK(strstr(err.text, "/c:3: [imap] key: /") != NULL);
	CHECK(strstr(err.text,
	          "/key: others can read it, its mode is 0640 instead of "
	          "0600") != NULL);
	CHECK_STR(conf_file(c, "imap", "key"), "");
	conf_free(c);

	unit_row("missing");
	c = with_files(0600);
	(void)unlink(path_of("ca"));
	CHECK(conf_read_files(c, &err) == -1);
	CHECK(strstr(err.text, "/c:5: [trust] ca_file: /") != NULL);
	CHECK(strstr(err.text, "No such file or directory") != NULL);
	conf_free(c);

	unit_row("empty");
	c = with_files(0600);
	(void)make_file("ca", STR(""), 0644);
	CHECK(conf_read_files(c, &err) == -1);
	CHECK(strstr(err.text, "/c:5: [trust] ca_file: /") != NULL);
	CHECK(strstr(err.text, "/ca is empty") != NULL);
	conf_free(c);

	unit_row("no certificate");
	c = with_files(0600);
	(void)make_file("cert", STR("0\202\001\002"), 0644);
	CHECK(conf_read_files(c, &err) == -1);
	CHECK(strstr(err.text, "/c:2: [imap] cert: /") != NULL);
	CHECK(strstr(err.text, "/cert holds no certificate in PEM") != NULL);
	conf_free(c);
}

static void
test_put_get(void)
{
	struct conf *c, *copy;
	struct buf out;
	struct err err;
	size_t i;

	if ((c = good(FULL)) == NULL)
		return;
	buf_init(&out, LIMIT_RECORD);
	conf_put(c, ROLE_AGENT, &out);
	conf_free(c);
	CHECK(!out.failed);
	copy = conf_get(buf_text(&out), &err);
	if (CHECK(copy != NULL))
		check_full(copy);
	conf_free(copy);
	/* cut anywhere, it is refused or a shorter conf, and nothing worse */
	for (i = 0; i < out.len; i++) {
		copy = conf_get(str_of(out.data, i), &err);
		conf_free(copy);
	}
	out.data[0] = (char)0xff;
	CHECK(conf_get(buf_text(&out), &err) == NULL);
	CHECK_INT(err.code, ERR_SYNTAX);
	buf_clear(&out);
}

static void
test_urls(void)
{
	static const struct {
		const char *url, *scheme, *host;
		uint16_t port; /* 0: malformed */
	} rows[] = {
	    {"imaps://imap.example.org", "imaps", "imap.example.org", 993},
	    {"imap+starttls://h:1", "imap+starttls", "h", 1},
	    {"https://h", "https", "h", 443},
	    {"smtps://[2001:db8::1]", "smtps", "2001:db8::1", 465},
	    {"smtp+starttls://[::1]:2525", "smtp+starttls", "::1", 2525},
	    {"https://host:443", "https", "host", 443},
	    {"gopher://host", "", "", 0},
	    {"imaps:host", "", "", 0},
	    {"imaps://", "", "", 0},
	    {"imaps://:993", "", "", 0},
	    {"imaps://[::1", "", "", 0},
	    {"imaps://[::g]", "", "", 0},
	    {"imaps://[::1]x", "", "", 0},
	    {"imaps://host:", "", "", 0},
	    {"imaps://host:99999", "", "", 0},
	    {"imaps://ho st", "", "", 0},
	    {"imaps://-host", "", "", 0},
	    {"", "", "", 0},
	    {":", "", "", 0},
	};
	char host[CONF_HOST];
	struct str scheme;
	uint16_t port;
	size_t i;
	int rc;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		unit_row(rows[i].url);
		rc = conf_url(str_c(rows[i].url), &scheme, host, &port);
		if (!CHECK_INT(rc, rows[i].port == 0 ? -1 : 0) || rc != 0)
			continue;
		CHECK_STR(scheme, rows[i].scheme);
		CHECK_CSTR(host, rows[i].host);
		CHECK_UINT(port, rows[i].port);
	}
}

/* The table keeps its own rules. */
static void
test_table(void)
{
	const struct conf_option *o;
	char text[500];
	struct conf *c;
	size_t i, k;

	for (i = 0; i < conf_waxwing.noptions; i++) {
		o = &conf_waxwing.options[i];
		unit_row(o->key);
		CHECK(o->def != NULL || o->example != NULL);
		CHECK((o->roles != 0) ==
		      (o->type == CONF_FILE || o->type == CONF_SECRET));
		CHECK(o->help[strlen(o->help) - 1] == '.');
		for (k = 0; k < i; k++)
			CHECK(strcmp(o->section,
			          conf_waxwing.options[k].section) != 0 ||
			      strcmp(o->key, conf_waxwing.options[k].key) != 0);
		/* pairs are tested elsewhere */
		if (strcmp(o->key, "cert") == 0 || strcmp(o->key, "key") == 0 ||
		    (strcmp(o->section, "upstream") == 0 &&
		        strcmp(o->key, "ca_file") == 0))
			continue;
		/* what the commented file shows is a value that is taken */
		for (k = 0; k < conf_waxwing.nsections; k++)
			if (strcmp(conf_waxwing.sections[k].kind, o->section) ==
			    0)
				break;
		if (!CHECK(k < conf_waxwing.nsections))
			continue;
		(void)snprintf(text, sizeof(text), "[%s%s%s]\n%s = %s\n",
		    o->section,
		    conf_waxwing.sections[k].name != NULL ? " " : "",
		    conf_waxwing.sections[k].name != NULL
		        ? conf_waxwing.sections[k].example
		        : "",
		    o->key, o->def != NULL ? o->def : o->example);
		c = good(text);
		CHECK(c != NULL);
		conf_free(c);
	}
}

/* conf/waxwing.conf is what the table prints, and can be used as it is. */
static void
test_default_file(void)
{
	struct conf *c;
	struct buf text;
	struct err err;

	conf_source_default(&conf_waxwing, "conf/waxwing.conf");
	buf_init(&text, LIMIT_CONF_FILE);
	conf_source_read("conf/waxwing.conf", &text);
	c = conf_load(make_file("c", buf_text(&text), 0644), &err);
	CHECK(c != NULL);
	conf_free(c);
	buf_clear(&text);
}

static void
test_manual(void)
{
	conf_source_manual(&conf_waxwing, "man/waxwing.conf.5");
}

static const struct unit_test tests[] = {
    {"good", test_good},
    {"bad", test_bad},
    {"long", test_long},
    {"files", test_files},
    {"put and get", test_put_get},
    {"urls", test_urls},
    {"table", test_table},
    {"default file", test_default_file},
    {"manual", test_manual},
    {NULL, NULL},
};

int
main(int argc, char **argv)
{
	static const char *const names[] = {"c", "cert", "key", "ca"};
	size_t i;
	int rc;

	if (conf_source_print(&conf_waxwing, argc, argv))
		return (0);
	if (mkdtemp(dir) == NULL)
		return (1);
	rc = unit_main("conf", tests);
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		(void)unlink(path_of(names[i]));
	(void)rmdir(dir);
	return (rc);
}
