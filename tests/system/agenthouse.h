/*
 * agenthouse.h - the agent with a sealer, a proxy and a verifier that are
 * played here, and a cloud that does as it is told.
 */
#ifndef WAXWING_TESTS_SYSTEM_AGENTHOUSE_H
#define WAXWING_TESTS_SYSTEM_AGENTHOUSE_H

#include <jansson.h>

#include "fakecloud.h"
#include "house.h"
#include "proto/enrol.h"
#include "proto/op.h"

#define DAY  86400
#define ANNA "anna@x.test"

/* The UIDs of challenges, and of forged ones from there on. */
#define GENUINE 1000
#define OLDER   500
#define NEWER   2000

/* The key record that the verifier wants of DKIM. */
#define DKIM_RECORD "s1._domainkey.cloud.test"

/* What the played roles shall do, and what they did. */
struct play {
	bool logged_out,
	    log_out_after; /* of the mailbox; that it is answered */
	enum err_code submit, check, verify, cert_take, bundle_take;
	const char *verify_address;
	unsigned submits, removes, certs, bundles, rotates;
	int64_t life; /* of a new certificate, in seconds */
	/* forged mails in the mailbox: before the challenge came, and since */
	uint32_t older, newer;
	uint32_t stranger; /* genuine, but somebody else's order's */
	uint32_t deadly;   /* the verifier does not answer to this one */
	unsigned finds, checks;
	const char *news;   /* the log says that of a key; once */
	unsigned pages;     /* of the release log, but for the first */
	uint64_t from;      /* where the last question for one began */
	bool dkim;          /* the verifier wants the record */
	const char *record; /* what the name server says; NULL: nothing */
	unsigned rcode;     /* with that error */
	bool spoofed;       /* somebody else answers first */
	unsigned questions;
};

extern struct play play;
extern struct fakecloud cloud;
extern struct house h;
extern struct tenant agent;

/* The address of the played name server. */
extern char nameserver[40];

/* Run the tests with a cloud whose files lie in NAME.cloud. */
int agenthouse_main(const char *name, const struct unit_test *);

/* A clean cloud and a house with this besides in the conf; the agent runs. */
void move_in(const char *conf);
void move_out(void);

void start_agent(void);
int stop_agent(void);

/* The proxy says that somebody logged in. */
void log_in(const char *account, bool loopback);
/* The parent asks. */
enum err_code ask(uint16_t op, const char *address, const char *text);

/* The proxy asks for an address. */
struct lookup_ans look_up(const char *address);

/* The status of the only enrolment: a new reference, or NULL. */
json_t *status(void);
/* Does a member of it contain that? */
bool has(const char *name, const char *value);
/* The same; wait until it does, or the agent is gone, or it takes too long. */
bool wait_for(const char *name, const char *value);
/* And until something was done so often. */
bool wait_count(const unsigned *what, unsigned n);
/* Somebody asks for it now, and then it is done. */
bool goes_on(void);

void pause_ms(int);

/* The agent's clock runs so many seconds ahead. */
void set_clock(long offset);

#endif
