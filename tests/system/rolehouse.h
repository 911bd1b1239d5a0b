/*
 * rolehouse.h - sealer, agent and verifier, asked as parent and proxy would
 * ask them, beside the keys that roles-keys makes.
 */
#ifndef WAXWING_TESTS_SYSTEM_ROLEHOUSE_H
#define WAXWING_TESTS_SYSTEM_ROLEHOUSE_H

#include <jansson.h>

#include "house.h"
#include "proto/seal.h"

#define CONF                                                            \
	"[account anna@x.test]\naddresses = anna@x.test, info@x.test\n" \
	"[account carl@x.test]\naddresses = carl@x.test\n"

#define MAIL                                              \
	"From: Anna <anna@x.test>\r\nTo: bert@x.test\r\n" \
	"Subject: h\xc3\xa4\r\nMIME-Version: 1.0\r\n"     \
	"Content-Type: text/plain; charset=utf-8\r\n"     \
	"Content-Transfer-Encoding: 8bit\r\n\r\n"         \
	"The marker is gr\xc3\xbc"                        \
	"n.\r\n"

extern struct house h;
extern struct tenant sealer, agent, verifier;
extern char keys[300]; /* where roles-keys put them */

/* Make the keys and run the tests beside them. */
int rolehouse_main(const char *name, const struct unit_test *);

/* One role, as it is linked in waxwingd; all that run, stopped. */
void start_sealer(void);
void start_agent(void);
void start_verifier(void);
void stop_all(void);
/* Give Anna her two keys. */
void import_anna(void);
/* A house with all three, in which Anna has her two keys. */
void move_in(void);

/* Import a PKCS#12 file and its passphrase, by descriptors that are closed or
 * by name.  Returns the error's code; its text in *why, unless NULL. */
enum err_code import_fds(const char *account, const char *address, int file,
    int pass, struct err *why);
enum err_code import_key(const char *account, const char *address,
    const char *name, const char *pass, struct err *why);
/* One of the files of keys, open for reading. */
int key_file(const char *name);
/* How many keys an account has; "": all of them. */
size_t count_keys(const char *whose);

/* A certificate file as the agent is handed it; the caller's to unref. */
struct blob *cert_file(const char *name);
/* Import it; how many were taken, or -1. */
int import_cert(const char *name, struct err *why);
struct lookup_ans look_up(const char *address);

/* A question that is answered in JSON; whose: the list's filter. */
json_t *ask_json(struct tenant *, uint16_t op, const char *whose);

/* Anna wants a mail sealed to n fingerprints. */
struct seal_req request(bool sign, bool encrypt, void *to, size_t n);
/* Seal it; the result is written to the file "sealed". */
enum err_code seal(const struct seal_req *, const char *mail, struct err *why);
/* openssl opens "sealed" with a key, verifies it and finds the text. */
void openssl_reads(const char *who);

#endif
