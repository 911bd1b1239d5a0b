/*
 * smtp_rig.h - a real SMTP session between a client and an upstream that a
 * script plays, with an agent and a sealer of our own, all in one process.
 *
 * A script is a list of steps:
 *	"> LINE"   the client says LINE
 *	"< TEXT"   the client gets a line that begins with TEXT
 *	"<= CODE"  the client gets a whole reply with this code
 *	"<-"       the client gets nothing
 *	"<|"       the client sees the connection closed
 *	"u LINE"   the upstream sees exactly LINE
 *	"u-"       the upstream sees nothing
 *	"u|"       the upstream sees the connection closed
 *	"u+"       a new connection to the upstream comes and logs in
 *	"u. TEXT"  the upstream sees a text up to its final dot, with TEXT in it
 *	"u! TEXT"  the text just seen does not hold TEXT
 *	"U LINE"   the upstream says LINE
 *	"!WORD"    an event: client-gone, upstream-gone, refuse (connections),
 *	           sealer-dead, sealer-back, sealer-fails, sealer-clear,
 *	           sealer-dies (at the next question), agent-dead, agent-back,
 *	           stop (the daemon), late (two minutes have passed),
 *	           bytewise (all is said in pieces of one byte), fill (the
 *	           client sends 40 KB of lines)
 *
 * The agent knows by the local part: usable*, gcm*, none*, recent*; for all
 * others the look-up fails.  The sealer owns me@here.test.  A sealed text has
 * the line "sealed for N" and none of the mail's own.
 */
#ifndef WAXWING_TESTS_UNIT_SMTP_RIG_H
#define WAXWING_TESTS_UNIT_SMTP_RIG_H

/* Rules are "PATTERN KEY VALUE", ended by NULL. */
void smtp_rig_rules(const char *const *rules);

/* What the upstream offers after EHLO, "A\nB\n"; NULL: the usual. */
void smtp_rig_caps(const char *caps);

/* Run a script, ended by NULL, in a new session that has greeted; the rig
 * must have been set up. */
void smtp_rig_play(const char *name, const char *const *steps);

/* The same with a client that has logged in. */
void smtp_rig_mail(const char *name, const char *const *steps);

void smtp_rig_init(void);
void smtp_rig_free(void);

#endif
