#include "config.h"

#include "unit.h"

#include <stddef.h>

#include "smtp_rig.h"

#define HELLO "> EHLO client", "<= 250"

/* A mail to one recipient, up to the final dot. */
#define MAIL_TO(who)                                                   \
	"> MAIL FROM:<me@here.test>", "u MAIL FROM:<me@here.test>",    \
	    "U 250 2.1.0 ok", "< 250 2.1.0 ok", "> RCPT TO:<" who ">", \
	    "u RCPT TO:<" who ">", "U 250 2.1.5 ok", "< 250 2.1.5 ok"
#define TEXT(to)                                                              \
	"> DATA", "< 354", "> From: me@here.test", "> To: " to,               \
	    "> Subject: s", "> Bcc: secret@x.test", ">  , more@x.test", "> ", \
	    "> clear words", "> ."

static const char *const off[] = {"* encrypt off", NULL};
static const char *const required[] = {"* encrypt required", NULL};

static void
t_login(void)
{
	static const char *const plain[] = {HELLO, "> AUTH PLAIN", "< 334 ",
	    "> AG1lQGhlcmUudGVzdABzZWNyZXQ=", "u+", "< 235 2.7.0",
	    "> AUTH PLAIN x", "< 503 5.5.1", HELLO, "> QUIT", "< 221", "<|",
	    NULL};
	static const char *const login[] = {HELLO, "> AUTH LOGIN",
	    "< 334 VXNlcm5hbWU6", "> bWVAaGVyZS50ZXN0", "< 334 UGFzc3dvcmQ6",
	    "> c2VjcmV0", "u+", "< 235 2.7.0", NULL};
	static const char *const late[] = {HELLO, "!late", "< 421 4.4.2", "<|",
	    NULL};
	static const char *const in_time[] = {"!late", "> NOOP", "< 250", NULL};
	static const char *const wrong[] = {HELLO, "> AUTH PLAIN", "< 334 ",
	    "> *", "< 501 5.7.0", "> AUTH PLAIN !!", "< 501 5.5.2",
	    "> AUTH CRAM-MD5", "< 504", "> AUTH PLAIN =", "< 501 5.5.2",
	    "< 421 4.7.0", "<|", NULL};
	static const char *const other[] = {HELLO,
	    /* "you" NUL "me@here.test" NUL "secret" */
	    "> AUTH PLAIN eW91AG1lQGhlcmUudGVzdABzZWNyZXQ=", "< 535 5.7.8",
	    NULL};
	static const char *const away[] = {HELLO, "!refuse",
	    "> AUTH PLAIN AG1lQGhlcmUudGVzdABzZWNyZXQ=", "< 454 4.7.0", NULL};
	static const char *const gone[] = {HELLO,
	    "> AUTH PLAIN AG1lQGhlcmUudGVzdABzZWNyZXQ=", "!client-gone", NULL};

	smtp_rig_play("plain", plain);
	smtp_rig_play("login", login);
	smtp_rig_play("wrong", wrong);
	smtp_rig_play("other", other);
	smtp_rig_play("away", away);
	smtp_rig_play("gone", gone);
	smtp_rig_play("late", late);
	smtp_rig_mail("in time", in_time);
}

static void
t_order(void)
{
	static const char *const steps[] = {"> MAIL FROM:<a@b>", "< 530 5.7.0",
	    "> RCPT TO:<a@b>", "< 503", "> DATA", "< 503", "> STARTTLS",
	    "< 502", "> FOO", "< 500 5.5.1", "> NOOP", "< 250", "> VRFY x",
	    "< 252", "> RSET", "< 250", NULL};
	static const char *const mail[] = {MAIL_TO("none@x.test"),
	    "> MAIL FROM:<a@b>", "< 503", "> RSET", "< 250", "u RSET",
	    "U 250 ok", "> DATA", "< 503", MAIL_TO("none@x.test"), HELLO,
	    "u RSET", "U 250 ok", NULL};
	static const char *const nobody[] = {"> MAIL FROM:<>", "u MAIL FROM:<>",
	    "U 250 ok", "< 250", "> RCPT TO:<none@x.test>",
	    "u RCPT TO:<none@x.test>", "U 550 5.1.1 who", "< 550 5.1.1 who",
	    "> DATA", "< 554 5.5.1", NULL};

	smtp_rig_play("before the login", steps);
	smtp_rig_mail("mail", mail);
	smtp_rig_mail("nobody", nobody);
}

/* encrypt = off: the text passes but for Bcc, Date and Message-ID. */
static void
t_clear(void)
{
	static const char *const steps[] = {MAIL_TO("a@x.test"),
	    TEXT("a@x.test"), "u DATA", "<-", "U 354 go", "u. clear words",
	    "u! secret@x.test", "u! more@x.test", "<-", "U 250 2.0.0 queued 7",
	    "< 250 2.0.0 queued 7", MAIL_TO("b@x.test"), TEXT("b@x.test"),
	    "u DATA", "U 354 go", "u. Message-ID: <", "U 554 5.7.1 spam",
	    "< 554 5.7.1 spam", MAIL_TO("b@x.test"), NULL};
	static const char *const dead_sealer[] = {"!sealer-dead",
	    MAIL_TO("a@x.test"), TEXT("a@x.test"), "u DATA", "U 354 go",
	    "u. clear words", "U 250 ok", "< 250", "!sealer-back", NULL};

	smtp_rig_rules(off);
	smtp_rig_mail("clear", steps);
	smtp_rig_mail("no sealer is needed", dead_sealer);
}

static void
t_sealed(void)
{
	static const char *const one[] = {MAIL_TO("usable@x.test"),
	    TEXT("usable@x.test"), "u DATA", "U 354 go",
	    "u. sealed for 1 signed\r\n", "u! clear words", "U 250 2.0.0 ok",
	    "< 250 2.0.0 ok", NULL};
	static const char *const gcm[] = {MAIL_TO("gcm@x.test"),
	    TEXT("gcm@x.test"), "u DATA", "U 354 go",
	    "u. sealed for 1 signed gcm", "U 250 2.0.0 ok", "< 250 2.0.0 ok",
	    NULL};
	static const char *const foreign[] = {MAIL_TO("usable@x.test"),
	    "> DATA", "< 354", "> From: boss@other.test", "> ", "> clear words",
	    "> .", "u DATA", "U 354 go", "u. sealed for 1\r\n",
	    "u! clear words", "U 250 2.0.0 ok", "< 250 2.0.0 ok", NULL};

	smtp_rig_rules(required);
	smtp_rig_mail("one", one);
	smtp_rig_mail("gcm", gcm);
	smtp_rig_mail("a From that is not ours", foreign);
}

#define TWO(a, b)                                                         \
	MAIL_TO(a), "> RCPT TO:<" b ">", "u RCPT TO:<" b ">", "U 250 ok", \
	    "< 250"

/* Two recipients, one sealed, one clear: RSET, then a transaction each. */
static void
t_groups(void)
{
	static const char *const split[] = {TWO("none@x.test", "usable@x.test"),
	    TEXT("none@x.test, usable@x.test"), "u RSET",
	    "u MAIL FROM:<me@here.test> SIZE=88", "u RCPT TO:<usable@x.test>",
	    "U 250 reset", "U 250 ok", "U 250 ok", "u DATA", "U 354 go",
	    "u. sealed for 1 signed", "u! clear words", "U 250 2.0.0 one", "<-",
	    "u MAIL FROM:<me@here.test> SIZE=176", "u RCPT TO:<none@x.test>",
	    "U 250 ok", "U 250 ok", "u DATA", "U 354 go", "u. clear words",
	    "U 250 2.0.0 two", "< 250 2.0.0 two", NULL};
	static const char *const hidden[] = {
	    TWO("usable@x.test", "usable2@x.test"), TEXT("usable@x.test"),
	    "u RSET", "u MAIL FROM:<me@here.test> SIZE=88",
	    "u RCPT TO:<usable@x.test>", "U 250 reset", "U 250 ok", "U 250 ok",
	    "u DATA", "U 354 go", "u. sealed for 1", "U 250 2.0.0 one",
	    "u MAIL FROM:<me@here.test> SIZE=88", "u RCPT TO:<usable2@x.test>",
	    "U 250 ok", "U 250 ok", "u DATA", "U 354 go", "u. sealed for 1",
	    "U 250 2.0.0 two", "< 250 2.0.0 two", NULL};
	static const char *const together[] = {
	    TWO("usable@x.test", "usable2@x.test"),
	    TEXT("usable@x.test, Usable2@X.test"), "u DATA", "U 354 go",
	    "u. sealed for 2", "U 250 2.0.0 one", "< 250 2.0.0 one", NULL};

	smtp_rig_rules(NULL);
	smtp_rig_mail("split", split);
	smtp_rig_mail("hidden", hidden);
	smtp_rig_mail("together", together);
}

static void
t_refused(void)
{
	static const char *const none[] = {"> MAIL FROM:<me@here.test>",
	    "u MAIL FROM:<me@here.test>", "U 250 ok", "< 250",
	    "> RCPT TO:<none@x.test>", "u RCPT TO:<none@x.test>", "U 250 ok",
	    "< 550 5.7.10 <none@x.test>: ", "> RCPT TO:<fails@x.test>",
	    "u RCPT TO:<fails@x.test>", "U 250 ok",
	    "< 451 4.7.5 <fails@x.test>: ",
	    /* the upstream still has both: they must not get the third's */
	    "> RCPT TO:<usable@x.test>", "u RCPT TO:<usable@x.test>",
	    "U 250 ok", "< 250", TEXT("usable@x.test"), "u RSET",
	    "u MAIL FROM:<me@here.test> SIZE=88", "u RCPT TO:<usable@x.test>",
	    "U 250 ok", "U 250 ok", "U 250 ok", "u DATA", "U 354 go",
	    "u. sealed for 1", "U 250 2.0.0 ok", "< 250 2.0.0 ok", NULL};
	static const char *const recent[] = {MAIL_TO("recent@x.test"),
	    TEXT("recent@x.test"), "< 451 4.7.5 <recent@x.test>: ", "u RSET",
	    "U 250 ok", NULL};
	static const char *const fails[] = {MAIL_TO("fails@x.test"),
	    TEXT("fails@x.test"), "< 451 4.7.5 <fails@x.test>: ", "u RSET",
	    "U 250 ok", NULL};

	smtp_rig_rules(required);
	smtp_rig_mail("required", none);
	smtp_rig_rules(NULL);
	smtp_rig_mail("a certificate that was there", recent);
	smtp_rig_mail("a look-up that fails", fails);
}

/* Under "required" nothing in clear leaves, whatever breaks. */
static void
t_faults(void)
{
	static const char *const fails[] = {"!sealer-fails",
	    MAIL_TO("usable@x.test"), TEXT("usable@x.test"), "< 451 4.7.5",
	    "u RSET", "u-", NULL};
	static const char *const clear[] = {"!sealer-clear",
	    MAIL_TO("usable@x.test"), TEXT("usable@x.test"), "< 451 4.3.0",
	    "u RSET", "u-", NULL};
	static const char *const dies[] = {MAIL_TO("usable@x.test"),
	    "!sealer-dies", TEXT("usable@x.test"), "<-", "!sealer-back",
	    "u DATA", "U 354 go", "u. sealed for 1", "U 250 2.0.0 ok",
	    "< 250 2.0.0 ok", NULL};
	static const char *const lost[] = {MAIL_TO("usable@x.test"),
	    "!upstream-gone", TEXT("usable@x.test"), "u+",
	    "u MAIL FROM:<me@here.test> SIZE=88", "u RCPT TO:<usable@x.test>",
	    "U 250 ok", "U 250 ok", "u DATA", "U 354 go", "u. sealed for 1",
	    "!upstream-gone", "< 451 4.4.2", NULL};
	static const char *const odd[] = {MAIL_TO("usable@x.test"),
	    TEXT("usable@x.test"), "u DATA", "U 250 done", "< 451 4.5.0", "u|",
	    NULL};
	static const char *const odd_end[] = {MAIL_TO("usable@x.test"),
	    TEXT("usable@x.test"), "u DATA", "U 354 go", "u. sealed for 1",
	    "U 354 more", "< 451 4.5.0", "u|", NULL};
	static const char *const client[] = {MAIL_TO("usable@x.test"),
	    TEXT("usable@x.test"), "u DATA", "!client-gone", "u|", NULL};

	smtp_rig_rules(required);
	smtp_rig_mail("the sealer fails", fails);
	smtp_rig_mail("the sealer seals nothing", clear);
	smtp_rig_mail("the sealer dies once", dies);
	smtp_rig_mail("the upstream is lost twice", lost);
	smtp_rig_mail("250 to DATA", odd);
	smtp_rig_mail("354 to the final dot", odd_end);
	smtp_rig_mail("the client goes", client);
}

#define ENVELOPE(who)                                                \
	"u MAIL FROM:<me@here.test> SIZE=88", "u RCPT TO:<" who ">", \
	    "U 250 ok", "U 250 ok", "u DATA", "U 354 go", "u. sealed for 1"

/* What happens to a later group. */
static void
t_later(void)
{
	static const char *const later[] = {
	    TWO("usable@x.test", "usable2@x.test"), TEXT("usable@x.test"),
	    "u RSET", "U 250 ok", ENVELOPE("usable@x.test"), "U 250 2.0.0 one",
	    ENVELOPE("usable2@x.test"), "U 451 4.3.1 full", "< 451 4.3.1 full",
	    /* The client tries again: only the second is missing. */
	    TWO("usable@x.test", "usable2@x.test"), TEXT("usable@x.test"),
	    "u RSET", "U 250 ok", ENVELOPE("usable2@x.test"), "U 250 2.0.0 two",
	    "< 250 2.0.0 two",
	    /* Then it is forgotten: the same again goes to both. */
	    TWO("usable@x.test", "usable2@x.test"), TEXT("usable@x.test"),
	    "u RSET", "U 250 ok", ENVELOPE("usable@x.test"), "U 250 2.0.0 one",
	    ENVELOPE("usable2@x.test"), "U 550 5.1.1 never", "< 250 2.0.0 one",
	    NULL};
	static const char *const first[] = {
	    TWO("usable@x.test", "usable2@x.test"), TEXT("usable@x.test"),
	    "u RSET", "U 250 ok", ENVELOPE("usable@x.test"), "U 550 5.7.1 no",
	    "< 550 5.7.1 no", "u-", NULL};

	smtp_rig_rules(required);
	smtp_rig_mail("a later group", later);
	smtp_rig_mail("the first group", first);
}

/* The envelope of a later group meets trouble. */
static void
t_later_envelope(void)
{
	static const char *const rcpt[] = {TWO("usable@x.test", "none@x.test"),
	    "> RCPT TO:<none2@x.test>", "u RCPT TO:<none2@x.test>", "U 250 ok",
	    "< 250", TEXT("usable@x.test, none@x.test, none2@x.test"), "u RSET",
	    "U 250 ok", ENVELOPE("usable@x.test"), "U 250 2.0.0 one",
	    "u MAIL FROM:<me@here.test> SIZE=190", "u RCPT TO:<none@x.test>",
	    "u RCPT TO:<none2@x.test>", "U 250 ok", "U 452 4.2.2 full",
	    "U 250 ok", "u DATA", "U 354 go", "u. clear words",
	    "U 250 2.0.0 two", "< 452 4.2.2 full",
	    /* again: one is missing, and is refused for ever */
	    TWO("usable@x.test", "none@x.test"), "> RCPT TO:<none2@x.test>",
	    "u RCPT TO:<none2@x.test>", "U 250 ok", "< 250",
	    TEXT("usable@x.test, none@x.test, none2@x.test"), "u RSET",
	    "u MAIL FROM:<me@here.test> SIZE=190", "u RCPT TO:<none@x.test>",
	    "U 250 ok", "U 250 ok", "U 550 5.1.1 gone", "< 250 2.0.0", "u RSET",
	    "U 250 ok", NULL};
	static const char *const mail[] = {
	    TWO("usable@x.test", "usable2@x.test"), TEXT("usable@x.test"),
	    "u RSET", "U 250 ok", ENVELOPE("usable@x.test"), "U 250 2.0.0 one",
	    "u MAIL FROM:<me@here.test> SIZE=88", "u RCPT TO:<usable2@x.test>",
	    "U 451 4.7.1 slowly", "U 503 5.5.1 no MAIL", "< 451 4.7.1 slowly",
	    "u-", NULL};
	static const char *const gone[] = {
	    TWO("usable@x.test", "usable2@x.test"), TEXT("usable@x.test"),
	    "u RSET", "U 250 ok", ENVELOPE("usable@x.test"), "U 250 2.0.0 one",
	    "u MAIL FROM:<me@here.test> SIZE=88", "u RCPT TO:<usable2@x.test>",
	    "U 250 ok", "!upstream-gone", "u+", ENVELOPE("usable2@x.test"),
	    "U 250 2.0.0 two", "< 250 2.0.0 two", NULL};
	static const char *const reset[] = {
	    TWO("usable@x.test", "usable2@x.test"), TEXT("usable@x.test"),
	    "u RSET", "U 500 5.5.1 what", "u+", ENVELOPE("usable@x.test"),
	    "U 250 2.0.0 one", ENVELOPE("usable2@x.test"), "U 250 2.0.0 two",
	    "< 250 2.0.0 two", NULL};

	smtp_rig_rules(NULL);
	smtp_rig_mail("a recipient", rcpt);
	smtp_rig_mail("MAIL", mail);
	smtp_rig_mail("the connection", gone);
	smtp_rig_mail("RSET", reset);
}

/* The upstream hangs up or talks nonsense, at every point. */
static void
t_upstream(void)
{
	static const char *const idle[] = {"!upstream-gone",
	    "> MAIL FROM:<me@here.test>", "u+", "u MAIL FROM:<me@here.test>",
	    "U 250 ok", "< 250", NULL};
	static const char *const stale[] = {"> MAIL FROM:<me@here.test>",
	    "u MAIL FROM:<me@here.test>", "U 421 4.4.2 idle too long", "u+",
	    "u MAIL FROM:<me@here.test>", "U 250 ok", "< 250", NULL};
	static const char *const away[] = {"!upstream-gone", "!refuse",
	    "> MAIL FROM:<me@here.test>", "< 451 4.4.1", "> NOOP", "< 250",
	    NULL};
	static const char *const rcpt[] = {"> MAIL FROM:<me@here.test>",
	    "u MAIL FROM:<me@here.test>", "U 250 ok", "< 250",
	    "> RCPT TO:<usable@x.test>", "u RCPT TO:<usable@x.test>",
	    "!upstream-gone", "< 451 4.4.2", "> DATA", "< 554", NULL};
	static const char *const garbage[] = {"> MAIL FROM:<me@here.test>",
	    "u MAIL FROM:<me@here.test>", "U * OK IMAP here", "u|", "u+",
	    "u MAIL FROM:<me@here.test>", "U 354 what", "< 451 4.5.0", NULL};
	static const char *const unasked[] = {"> MAIL FROM:<me@here.test>",
	    "u MAIL FROM:<me@here.test>", "U 250 ok", "< 250", "U 250 ok", "u|",
	    "> RCPT TO:<usable@x.test>", "< 451 4.4.2", NULL};
	static const char *const early[] = {MAIL_TO("usable@x.test"),
	    TEXT("usable@x.test"), "u DATA", "U 421 4.3.2 down", "u+",
	    ENVELOPE("usable@x.test"), "U 250 2.0.0 ok", "< 250 2.0.0 ok",
	    NULL};

	smtp_rig_rules(required);
	smtp_rig_mail("idle", idle);
	smtp_rig_mail("stale", stale);
	smtp_rig_mail("away", away);
	smtp_rig_mail("at RCPT", rcpt);
	smtp_rig_mail("garbage", garbage);
	smtp_rig_mail("unasked", unasked);
	smtp_rig_mail("421 to DATA", early);
}

/* The other roles are not there. */
static void
t_roles(void)
{
	static const char *const agent[] = {"!agent-dead",
	    "> MAIL FROM:<me@here.test>", "u MAIL FROM:<me@here.test>",
	    "U 250 ok", "< 250", "> RCPT TO:<usable@x.test>",
	    "u RCPT TO:<usable@x.test>", "U 250 ok",
	    "< 451 4.7.5 <usable@x.test>", "!agent-back", NULL};
	static const char *const twice[] = {MAIL_TO("usable@x.test"),
	    "!sealer-dies", TEXT("usable@x.test"), "<-", "!sealer-dies",
	    "!sealer-back", "< 451 4.3.0", "!sealer-back", "u RSET", "u-",
	    NULL};

	smtp_rig_rules(required);
	smtp_rig_mail("no agent", agent);
	smtp_rig_mail("the sealer dies twice", twice);
}

/* The client goes, at every point: the session must go too. */
static void
t_client(void)
{
	static const char *const mail[] = {"> MAIL FROM:<me@here.test>",
	    "u MAIL FROM:<me@here.test>", "!client-gone", "u|", NULL};
	static const char *const rcpt[] = {"> MAIL FROM:<me@here.test>",
	    "u MAIL FROM:<me@here.test>", "U 250 ok", "< 250",
	    "> RCPT TO:<usable@x.test>", "u RCPT TO:<usable@x.test>",
	    "!client-gone", "u|", NULL};
	static const char *const text[] = {MAIL_TO("usable@x.test"), "> DATA",
	    "< 354", "> clear words", "!client-gone", "u QUIT", "u|", NULL};
	static const char *const seal[] = {MAIL_TO("usable@x.test"),
	    "!sealer-dies", TEXT("usable@x.test"), "<-", "!client-gone",
	    "!sealer-back", "u QUIT", "u|", NULL};
	static const char *const dot[] = {MAIL_TO("usable@x.test"),
	    TEXT("usable@x.test"), "u DATA", "U 354 go", "u. sealed for 1",
	    "!client-gone", "u|", NULL};
	static const char *const reconnect[] = {MAIL_TO("usable@x.test"),
	    "!upstream-gone", TEXT("usable@x.test"), "<-", "!client-gone",
	    NULL};

	smtp_rig_rules(required);
	smtp_rig_mail("at MAIL", mail);
	smtp_rig_mail("at RCPT", rcpt);
	smtp_rig_mail("in the text", text);
	smtp_rig_mail("while it is sealed", seal);
	smtp_rig_mail("after the dot", dot);
	smtp_rig_mail("while we reconnect", reconnect);
}

/* The daemon stops: what is on its way arrives, then it says so. */
static void
t_stop(void)
{
	static const char *const idle[] = {"!stop", "< 421 4.3.2", "<|", NULL};
	static const char *const mail[] = {MAIL_TO("usable@x.test"),
	    TEXT("usable@x.test"), "u DATA", "U 354 go", "u. sealed for 1",
	    "!stop", "<-", "U 250 2.0.0 ok", "< 250 2.0.0 ok", "< 421 4.3.2",
	    "<|", NULL};
	static const char *const text[] = {MAIL_TO("usable@x.test"), "> DATA",
	    "< 354", "!stop", "< 421 4.3.2", "<|", "u QUIT", "u|", NULL};

	smtp_rig_rules(required);
	smtp_rig_play("idle", idle);
	smtp_rig_mail("a mail on its way", mail);
	smtp_rig_mail("a text half there", text);
}

#define FILL4 "!fill", "!fill", "!fill", "!fill"

static void
t_limits(void)
{
	static const char *const large[] = {MAIL_TO("a@x.test"), "> DATA",
	    "< 354", FILL4, FILL4, "> .", "< 552 5.3.4", "u RSET", "U 250 ok",
	    "u-", MAIL_TO("a@x.test"), NULL};
	static const char *const fits[] = {MAIL_TO("a@x.test"), "> DATA",
	    "< 354", FILL4, "!fill", "!fill", "> .", "u DATA", "U 354 go",
	    "u. 0123456789", "U 250 ok", "< 250", NULL};
	static const char *const bytes[] = {"!bytewise", MAIL_TO("a@x.test"),
	    TEXT("a@x.test"), "u DATA", "U 354 go", "u. clear words",
	    "u! secret@x.test", "U 250-a", "U 250 b", "< 250-2.0.0 a",
	    "< 250 2.0.0 b", NULL};
	static const char *const smuggle[] = {MAIL_TO("a@x.test"), "> DATA",
	    "< 354", "> a\n.\r", "> b\n.\nMAIL FROM:<x@y>", "> .", "u DATA",
	    "U 354 go", "u. a\r\n \r\nb\r\n..\r\nMAIL FROM:<x@y>\r\n",
	    "U 250 ok", "< 250", NULL};

	smtp_rig_rules(off);
	smtp_rig_mail("large", large);
	smtp_rig_mail("just fits", fits);
	smtp_rig_mail("one byte at a time", bytes);
	smtp_rig_mail("no end but CRLF.CRLF", smuggle);
}

static void
t_pipelining(void)
{
	static const char *const steps[] = {"> MAIL FROM:<me@here.test>",
	    "> RCPT TO:<usable@x.test>", "> RCPT TO:<none@x.test>",
	    "> RCPT TO:<USABLE@X.test>", "> RCPT TO:<>",
	    "> RCPT TO:<usable2@x.test>", "> DATA",
	    "u MAIL FROM:<me@here.test>", "<-", "U 250 ok",
	    "u RCPT TO:<usable@x.test>", "u RCPT TO:<none@x.test>", "u-",
	    "U 250 2.1.5 one", "U 250 2.1.5 two", "< 250 ", "< 250 2.1.5 one",
	    "< 550 5.7.10 <none@x.test>", "< 250 2.1.5 Known", "< 501",
	    "u RCPT TO:<usable2@x.test>", "U 250 2.1.5 three",
	    "< 250 2.1.5 three", "< 354", NULL};

	smtp_rig_rules(required);
	smtp_rig_mail("pipelining", steps);
}

/* A server that does not offer PIPELINING gets one command at a time. */
static void
t_no_pipelining(void)
{
	static const char *const steps[] = {
	    TWO("usable@x.test", "usable2@x.test"), TEXT("usable@x.test"),
	    "u RSET", "u-", "U 250 ok", "u MAIL FROM:<me@here.test>", "u-",
	    "U 250 ok", "u RCPT TO:<usable@x.test>", "U 250 ok", "u DATA",
	    "U 354 go", "u. sealed for 1", "U 250 2.0.0 one",
	    "u MAIL FROM:<me@here.test>", "U 250 ok",
	    "u RCPT TO:<usable2@x.test>", "U 250 ok", "u DATA", "U 354 go",
	    "u. sealed for 1", "U 250 2.0.0 two", "< 250 2.0.0 two", NULL};

	smtp_rig_rules(required);
	smtp_rig_caps("AUTH PLAIN\n");
	smtp_rig_mail("one at a time", steps);
	smtp_rig_caps(NULL);
}

static void
t_sizes(void)
{
	static const char *const declared[] = {
	    "> MAIL FROM:<me@here.test> SIZE=72000", "< 552 5.3.4",
	    "> MAIL FROM:<me@here.test> SIZE=71000",
	    "u MAIL FROM:<me@here.test>", NULL};
	static const char *const eight[] = {
	    "> MAIL FROM:<me@here.test> BODY=8BITMIME", "< 554 5.6.3", NULL};

	smtp_rig_rules(required);
	smtp_rig_caps("SIZE 100000\nAUTH PLAIN\n");
	smtp_rig_mail("declared", declared);
	smtp_rig_mail("8 bit", eight);
	smtp_rig_caps(NULL);
}

int
main(void)
{
	static const struct unit_test tests[] = {
	    {"login", t_login},
	    {"order", t_order},
	    {"clear", t_clear},
	    {"sealed", t_sealed},
	    {"groups", t_groups},
	    {"refused", t_refused},
	    {"faults", t_faults},
	    {"a later group", t_later},
	    {"a later envelope", t_later_envelope},
	    {"upstream", t_upstream},
	    {"roles", t_roles},
	    {"client", t_client},
	    {"stop", t_stop},
	    {"limits", t_limits},
	    {"pipelining", t_pipelining},
	    {"no pipelining", t_no_pipelining},
	    {"sizes", t_sizes},
	    {NULL, NULL},
	};
	int rc;

	smtp_rig_init();
	rc = unit_main("t_smtp_session", tests);
	smtp_rig_free();
	return (rc);
}
