/*
 * enrolhouse.h - the sealer, asked as the agent would ask it in an enrolment.
 */
#ifndef WAXWING_TESTS_SYSTEM_ENROLHOUSE_H
#define WAXWING_TESTS_SYSTEM_ENROLHOUSE_H

#include "cloudside.h"
#include "house.h"
#include "proto/enrol.h"
#include "proto/op.h"

#define URL  "https://cloud.test:8443"
#define KID  URL "/acme/acct/1"
#define ANNA "anna@x.test"

#define DAY INT64_C(86400)

extern struct house h;
extern struct tenant sealer;

/* The entries of a release log, and of one that is another. */
extern const char *const LOG[4], *const OTHER_LOG[4];

/* Run the tests beside the keys of the played cloud. */
int enrolhouse_main(const char *name, const struct unit_test *);

/* A house with the sealer in it. */
void open_house(void);
void close_house(void);
void start_sealer(void);
void restart(void);

/* Something that the agent may ask for Anna. */
struct jws_req question(enum jws_kind);
/* Ask it: the JWS, or what it carries when its signature holds, is appended. */
enum err_code ask_jws(const struct jws_req *, struct buf *out, struct err *);
enum err_code payload(const struct jws_req *, EVP_PKEY *, struct buf *out);

/* The account key, as newAccount tells it. */
EVP_PKEY *account_key(void);
/* The key that the CSR of JWS_FINALIZE is for. */
EVP_PKEY *csr_key(EVP_PKEY *account, const char *address);

/* A house, Anna's account key, and two keys that the cloud may hold for her. */
struct anna {
	EVP_PKEY *account;
	struct hosted one;
	struct hosted two;
	struct arena arena;
};
void open_anna(struct anna *);
void close_anna(struct anna *);

/* How many keys of that usage the sealer has for Anna. */
size_t count_keys(const char *usage);

/* Hand over what came from the cloud; how many certificates the answer lists
 * in *n. */
enum err_code give(uint16_t op, const char *address, struct str bytes,
    size_t *n, struct err *why);
enum err_code give_cert(const struct cert *, struct err *why);
/* A certificate that has to be taken. */
struct cert *good_cert(EVP_PKEY *);

/* Ask for keys (or for the log); an honest answer to it, so far. */
struct fake_bundle asked(enum jws_kind, EVP_PKEY *account, struct arena *);
/* Send it; how many keys the answer lists in *n. */
enum err_code give_bundle(const struct fake_bundle *, size_t *n, struct err *);
/* The same; it must not be taken, and the words must say why. */
void refuse_bundle(const char *row, const struct fake_bundle *,
    const char *words);

#endif
