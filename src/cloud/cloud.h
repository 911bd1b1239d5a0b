/*
 * cloud.h - what the parts of waxwing-cloudd share: one process, one loop.
 */
#ifndef WAXWING_CLOUD_CLOUD_H
#define WAXWING_CLOUD_CLOUD_H

#include <event2/event.h>

#include "cloud/httpd.h"
#include "cloud/keys.h"
#include "cloud/nonce.h"
#include "cloud/rate.h"
#include "cloud/store.h"
#include "sys/conf.h"

struct cloud {
	struct event_base *base;
	const char *conf_path;
	struct conf *conf;
	const char *url; /* [cloud] url, without a closing slash */
	int lock;        /* keeps others away from the state; -1: not held */
	struct store *store;
	struct nonces *nonces;
	struct cloud_keys keys;
	struct httpd *httpd;
	struct plain *plain; /* without TLS */
	struct mailer *mailer;
	struct replies *replies;
	struct sweep *sweep;
	struct revoked *revoked;     /* the CRL */
	struct rate *rate_accounts;  /* by peer address */
	struct rate *rate_orders;    /* by account */
	struct rate *rate_mails;     /* by mailbox */
	struct rate *rate_shares;    /* by account or peer, and mailbox */
	struct keypool *keypool;     /* NULL: hosted keys are made at once */
	struct rate *rate_keys;      /* by account */
	struct rate *rate_rotations; /* by mailbox */
	struct rate *rate_searches;  /* by peer address */
};

/* 16 random bytes as hex: ids of accounts, orders and the like. */
#define CLOUD_ID 33
int cloud_id(char out[CLOUD_ID]);

/* "2026-11-25T12:00:00Z" (RFC 3339). */
#define CLOUD_TIME 32
const char *cloud_time(int64_t wall, char out[CLOUD_TIME]);

/* The table of waxwing-cloudd's conf. */
extern const struct conf_schema conf_cloud;

/* Load the conf as waxwing-cloudd needs it. */
struct conf *cloud_conf(const char *path, struct err *);

/* waxwing-cloudd init: make all keys and certificates that are missing and
 * print what a client pins. */
int cloud_init(const struct conf *, struct err *);

/* waxwing-cloudd rekey: put all hosted keys under a new key-encryption key. */
int cloud_rekey(struct conf *, struct err *);

/* Open the store in state_dir. */
struct store *cloud_store(const struct conf *, struct err *);

/* Serve until told to stop; returns the exit status. */
int cloud_run(const char *conf_path);

#endif
