#include "config.h"

#include "smtp_rig.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/limits.h"
#include "proxy/listener.h"
#include "proxy/sentlog.h"
#include "smtp_fakes.h"
#include "turn.h"
#include "unit.h"

/* How long something that must happen may take, and must not happen. */
#define WAIT_MS  20000
#define QUIET_MS 30

#define USUAL "PIPELINING\nSIZE 1000000\n8BITMIME\nAUTH PLAIN LOGIN\n"

/* One end of a connection that the script plays. */
struct end {
	int fd;
	struct buf in;
	bool eof;
};

static struct {
	const char *caps;
	struct end client;
	struct end up;
	bool bytewise;
	struct buf text; /* the last that the upstream saw */
} rig;

/* The script. */

static void
end_close(struct end *e)
{
	if (e->fd != -1)
		(void)close(e->fd);
	e->fd = -1;
	e->eof = false;
	buf_reset(&e->in);
}

static void
end_read(struct end *e)
{
	char text[4096];
	ssize_t n;

	if (e->fd == -1 || e->eof)
		return;
	while ((n = read(e->fd, text, sizeof(text))) > 0)
		buf_put(&e->in, text, (size_t)n);
	e->eof = n == 0 || (n == -1 && errno != EAGAIN);
}

/* Let the loop turn for a moment, then read both ends. */
static void
turn(void)
{
	turn_ms(fakes.proxy.base, 2);
	end_read(&rig.client);
	end_read(&rig.up);
}

/* Wait for the next line; true if there is one, without its CRLF. */
static bool
next_line(struct end *e, char *out, size_t size)
{
	size_t n;
	int i;

	for (i = 0; i < WAIT_MS / 2; i++) {
		n = str_find(buf_text(&e->in), '\n');
		if (n < e->in.len) {
			(void)snprintf(out, size, "%.*s",
			    (int)(n > 0 && e->in.data[n - 1] == '\r' ? n - 1
			                                             : n),
			    e->in.data);
			buf_drop(&e->in, n + 1);
			return (true);
		}
		if (e->eof)
			return (false);
		turn();
	}
	return (false);
}

static bool
quiet(struct end *e)
{
	int i;

	for (i = 0; i < QUIET_MS / 2; i++)
		turn();
	return (e->in.len == 0 && !e->eof);
}

static bool
closed(struct end *e)
{
	int i;

	for (i = 0; i < WAIT_MS / 2 && !e->eof; i++)
		turn();
	return (e->eof && e->in.len == 0);
}

static void
say(struct end *e, const char *line)
{
	char text[4096];
	int n, i = 0;

	n = snprintf(text, sizeof(text), "%s\r\n", line);
	for (i = 0; rig.bytewise && i < n - 1; i++) {
		CHECK(write(e->fd, text + i, 1) == 1);
		turn();
	}
	CHECK(write(e->fd, text + i, (size_t)(n - i)) == n - i);
}

/* The other end reads as the loop turns. */
static void
write_all(int fd, const char *p, size_t n)
{
	ssize_t done;
	int i;

	for (i = 0; i < WAIT_MS && n > 0; i++) {
		done = write(fd, p, n);
		if (done > 0) {
			p += done;
			n -= (size_t)done;
		} else {
			turn();
		}
	}
	CHECK(n == 0);
}

static void
get(struct end *e, const char *want, bool whole)
{
	char line[4096] = "(nothing)";

	(void)next_line(e, line, sizeof(line));
	if (!whole)
		line[strlen(want) < sizeof(line) ? strlen(want) : 0] = '\0';
	CHECK_CSTR(line, want);
}

/* A whole reply with this code. */
static void
get_reply(const char *code)
{
	char line[4096];

	do {
		(void)snprintf(line, sizeof(line), "(nothing)");
		(void)next_line(&rig.client, line, sizeof(line));
		CHECK(strncmp(line, code, 3) == 0);
	} while (line[3] == '-');
}

static bool
contains(const struct buf *b, const char *text)
{
	return (
	    b->len > 0 && memmem(b->data, b->len, text, strlen(text)) != NULL);
}

static void
get_text(const char *want)
{
	char line[4096];

	buf_reset(&rig.text);
	while (
	    next_line(&rig.up, line, sizeof(line)) && strcmp(line, ".") != 0) {
		buf_puts(&rig.text, line);
		buf_puts(&rig.text, "\r\n");
	}
	if (!CHECK(contains(&rig.text, want)))
		(void)printf("text is:\n%.*s", (int)rig.text.len,
		    rig.text.data);
}

/* A connection comes to the upstream and logs in. */
static void
up_login(void)
{
	char line[600];
	const char *cap;
	int i;

	for (i = 0; i < WAIT_MS / 2 && fakes.arriving == -1; i++)
		turn();
	if (!CHECK(fakes.arriving != -1))
		return;
	end_close(&rig.up);
	rig.up.fd = fakes.arriving;
	fakes.arriving = -1;
	say(&rig.up, "220 upstream");
	get(&rig.up, "EHLO client", true);
	say(&rig.up, "250-upstream");
	for (cap = rig.caps; *cap != '\0'; cap = strchr(cap, '\n') + 1) {
		(void)snprintf(line, sizeof(line), "250-%.*s",
		    (int)strcspn(cap, "\n"), cap);
		say(&rig.up, line);
	}
	say(&rig.up, "250 HELP");
	get(&rig.up, "AUTH PLAIN AG1lQGhlcmUudGVzdABzZWNyZXQ=", true);
	say(&rig.up, "235 2.7.0 in");
}

/* 40 KB of text, in lines. */
static void
fill(void)
{
	static const char line[] =
	    "0123456789012345678901234567890123456789\r\n";
	int i;

	for (i = 0; i < 960; i++)
		write_all(rig.client.fd, line, sizeof(line) - 1);
}

static void
happen(const char *what)
{
	if (strcmp(what, "client-gone") == 0) {
		end_close(&rig.client);
	} else if (strcmp(what, "upstream-gone") == 0) {
		end_close(&rig.up);
	} else if (strcmp(what, "refuse") == 0) {
		fakes.refuse = true;
	} else if (strcmp(what, "stop") == 0) {
		TAILQ_FIRST(&fakes.proxy.sessions)
		    ->stop(TAILQ_FIRST(&fakes.proxy.sessions));
	} else if (strcmp(what, "late") == 0) {
		TAILQ_FIRST(&fakes.proxy.sessions)
		    ->tick(TAILQ_FIRST(&fakes.proxy.sessions),
		        fakes.proxy.mono + LIMIT_LOGIN_S * 1000 + 1);
	} else if (strcmp(what, "bytewise") == 0) {
		rig.bytewise = true;
	} else if (strcmp(what, "fill") == 0) {
		fill();
	} else if (strcmp(what, "agent-dead") == 0) {
		ipc_free(fakes.agent);
		fakes.agent = NULL;
		turn();
	} else if (strcmp(what, "agent-back") == 0) {
		smtp_fakes_agent();
	} else if (strcmp(what, "sealer-dead") == 0) {
		ipc_free(fakes.sealer);
		fakes.sealer = NULL;
		turn();
	} else if (strcmp(what, "sealer-back") == 0) {
		smtp_fakes_sealer();
	} else if (strcmp(what, "sealer-fails") == 0) {
		fakes.sealer_fails = true;
	} else if (strcmp(what, "sealer-clear") == 0) {
		fakes.sealer_clear = true;
	} else if (strcmp(what, "sealer-dies") == 0) {
		fakes.sealer_dies = true;
	} else {
		CHECK(false);
	}
}

static void
step(const char *s)
{
	if (s[0] == '!')
		happen(s + 1);
	else if (strncmp(s, "> ", 2) == 0)
		say(&rig.client, s + 2);
	else if (strncmp(s, "< ", 2) == 0)
		get(&rig.client, s + 2, false);
	else if (strncmp(s, "<= ", 3) == 0)
		get_reply(s + 3);
	else if (strcmp(s, "<-") == 0)
		CHECK(quiet(&rig.client));
	else if (strcmp(s, "<|") == 0)
		CHECK(closed(&rig.client));
	else if (strncmp(s, "u ", 2) == 0)
		get(&rig.up, s + 2, true);
	else if (strcmp(s, "u-") == 0)
		CHECK(quiet(&rig.up));
	else if (strcmp(s, "u|") == 0)
		CHECK(closed(&rig.up));
	else if (strcmp(s, "u+") == 0)
		up_login();
	else if (strncmp(s, "u. ", 3) == 0)
		get_text(s + 3);
	else if (strncmp(s, "u! ", 3) == 0)
		CHECK(!contains(&rig.text, s + 3));
	else if (strncmp(s, "U ", 2) == 0)
		say(&rig.up, s + 2);
	else
		CHECK(false);
}

static void
play(const char *name, const char *const *steps)
{
	char row[400];

	for (; *steps != NULL; steps++) {
		(void)snprintf(row, sizeof(row), "%s: %s", name, *steps);
		/* what happens and what is said checks nothing by itself */
		if ((*steps)[0] != '!')
			unit_row(row);
		step(*steps);
	}
}

static void
start(void)
{
	static const struct crypt_key key = {{1}};
	int fds[2];

	smtp_fakes_pair(fds);
	end_close(&rig.client);
	end_close(&rig.up);
	rig.client.fd = fds[1];
	recorder_free(fakes.proxy.recorder);
	sentlog_free(fakes.proxy.sent);
	fakes.proxy.sent = sentlog_new(&key);
	fakes.proxy.recorder = recorder_new(&key);
	fakes.refuse = fakes.sealer_fails = fakes.sealer_clear = false;
	fakes.sealer_dies = rig.bytewise = false;
	smtp_session_start(&fakes.proxy, fds[0], false);
	get(&rig.client, "220 ", false);
}

/* The session must go with its client. */
static void
stop(void)
{
	int i;

	end_close(&rig.client);
	for (i = 0; i < WAIT_MS / 2 && !TAILQ_EMPTY(&fakes.proxy.sessions); i++)
		turn();
	CHECK(TAILQ_EMPTY(&fakes.proxy.sessions));
	CHECK_UINT(fakes.account.sessions, 0);
	/* whatever became of it, nothing is held of a mail */
	CHECK_UINT(fakes.account.held, 0);
	CHECK_UINT(fakes.proxy.held, 0);
	/* what is left of the connection upstream goes with its end */
	end_close(&rig.up);
	if (fakes.arriving != -1)
		(void)close(fakes.arriving);
	fakes.arriving = -1;
	for (i = 0; i < 5; i++)
		turn();
}

void
smtp_rig_play(const char *name, const char *const *steps)
{
	start();
	play(name, steps);
	unit_row(name);
	stop();
}

void
smtp_rig_mail(const char *name, const char *const *steps)
{
	static const char *const login[] = {"> EHLO client", "<= 250",
	    "> AUTH PLAIN AG1lQGhlcmUudGVzdABzZWNyZXQ=", "u+", "< 235 2.7.0",
	    NULL};

	start();
	play(name, login);
	play(name, steps);
	unit_row(name);
	stop();
}

void
smtp_rig_rules(const char *const *rules)
{
	fakes.rules = rules;
}

void
smtp_rig_caps(const char *caps)
{
	rig.caps = caps != NULL ? caps : USUAL;
}

void
smtp_rig_init(void)
{
	smtp_fakes_init();
	rig.caps = USUAL;
	rig.client.fd = rig.up.fd = -1;
	buf_init(&rig.client.in, 1000000);
	buf_init(&rig.up.in, 1000000);
	buf_init(&rig.text, 1000000);
}

void
smtp_rig_free(void)
{
	end_close(&rig.client);
	end_close(&rig.up);
	if (fakes.arriving != -1)
		(void)close(fakes.arriving);
	buf_clear(&rig.client.in);
	buf_clear(&rig.up.in);
	buf_clear(&rig.text);
	smtp_fakes_free();
}
