/*
 * OP_KEY_IMPORT: take a user's PKCS#12 file into the key store.
 *
 * The control client's descriptors are read to their end, first the
 * passphrase, then the file; then everything happens at once: either every
 * key of the file is taken or none.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/limits.h"
#include "proto/keys.h"
#include "proto/op.h"
#include "sealer/owner.h"
#include "sealer/slurp.h"
#include "sealer/state.h"
#include "sealer/taken.h"
#include "smime/p12.h"
#include "sys/fault.h"
#include "sys/log.h"

/* A file with a key and its chain is 10 KiB. */
#define FILE_MAX ((size_t)1024 * 1024)
#define PASS_MAX ((size_t)4 * 1024)

/* Somebody types the passphrase before it is sent, not meanwhile. */
#define READ_MS 10000

/* Keys in one file (smime/p12.h takes fewer). */
#define KEYS_MAX 64

struct import {
	LIST_ENTRY(import) next;
	struct sealer *sealer;
	struct ipc *link; /* the parent's: it outlives the import */
	uint16_t op;
	uint32_t id;
	char account[LIMIT_ADDRESS + 1];
	char address[LIMIT_ADDRESS + 1];
	int file;            /* until it is being read */
	struct slurp *slurp; /* the one under way */
	struct buf pass;     /* wiped */
	struct key **keys;   /* owned, each too */
	size_t nkeys;
};

static void
import_free(struct import *im)
{
	size_t i;

	LIST_REMOVE(im, next);
	im->sealer->nimports--;
	slurp_cancel(im->slurp);
	if (im->file != -1)
		close(im->file);
	buf_wipe(&im->pass);
	for (i = 0; i < im->nkeys; i++)
		key_free(im->keys[i]);
	free(im->keys);
	free(im);
}

void
imports_abandon(struct sealer *s)
{
	struct import *im;

	while ((im = LIST_FIRST(&s->imports)) != NULL)
		import_free(im);
}

/* --- checks --- */

/* The address must be in the certificate: an error names both. */
static int
check_address(const struct import *im, const struct cert *c, struct err *err)
{
	const struct cert_facts *f = cert_facts(c);
	char has[100];

	if (cert_has_address(c, str_c(im->address)))
		return (0);
	if (f->naddresses == 0)
		err_set(err, ERR_DENIED,
		    "the certificate names no address, so it is not %s's",
		    im->address);
	else
		err_set(err, ERR_DENIED, "the certificate is %s's, not %s's",
		    err_escape(has, sizeof(has), str_c(f->addresses[0])),
		    im->address);
	return (-1);
}

static int
check_owner(const struct import *im, struct err *err)
{
	struct sealer *s = im->sealer;
	enum owner who;

	if (owner_of(s->self->conf, s->store, str_c(im->account),
	        str_c(im->address), &who, err) == -1)
		return (-1);
	if (who != OWNER_OTHER)
		return (0);
	err_set(err, ERR_DENIED, "%s belongs to another account than %s",
	    im->address, im->account);
	return (-1);
}

/* All certificates of a file, to find issuers among. */
static struct cert **
all_certs(const struct p12 *p, size_t *n)
{
	struct cert **all;
	size_t i;

	if ((all = calloc(p->nothers + p->nkeys + 1, sizeof(all[0]))) == NULL)
		return (NULL);
	*n = 0;
	for (i = 0; i < p->nothers; i++)
		all[(*n)++] = p->others[i];
	for (i = 0; i < p->nkeys; i++)
		all[(*n)++] = p->keys[i].cert;
	return (all);
}

static int
take_keys(struct import *im, const struct p12 *p, struct err *err)
{
	struct cert **certs;
	struct key *k;
	size_t i, n;

	certs = all_certs(p, &n);
	im->keys = calloc(p->nkeys + 1, sizeof(im->keys[0]));
	if (certs == NULL || im->keys == NULL) {
		free(certs);
		err_set(err, ERR_MEMORY, "no memory for the keys");
		return (-1);
	}
	for (i = 0; i < p->nkeys; i++) {
		if (check_address(im, p->keys[i].cert, err) == -1)
			break;
		k = key_new(str_c(im->address), CERT_SIGN | CERT_ENCRYPT,
		    p->keys[i].cert, certs, n, p->keys[i].pkey, err);
		if (k == NULL)
			break;
		im->keys[im->nkeys++] = k;
	}
	free(certs);
	return (i == p->nkeys ? 0 : -1);
}

static int
read_keys(struct import *im, struct str file, struct err *err)
{
	struct p12 p;
	int rc = -1;

	if (p12_read(&p, file, buf_text(&im->pass), im->sealer->certs, err) ==
	    -1)
		return (-1);
	if (p.nkeys > KEYS_MAX)
		err_set(err, ERR_LIMIT, "too many keys in the file");
	else
		rc = take_keys(im, &p, err);
	p12_clear(&p);
	return (rc);
}

static struct blob *
carry_out(struct import *im, struct str file, struct err *err)
{
	struct blob *certs;

	if (check_owner(im, err) == -1 || read_keys(im, file, err) == -1 ||
	    (certs = taken_list(im->keys, im->nkeys, err)) == NULL)
		return (NULL);
	if (FAULT("sealer.import")) {
		err_set(err, ERR_UNAVAILABLE, "fault sealer.import");
		blob_unref(certs);
		return (NULL);
	}
	if (keystore_add(im->sealer->store, str_c(im->account), im->keys,
	        im->nkeys, err) == -1) {
		blob_unref(certs);
		return (NULL);
	}
	(void)FAULT("sealer.import.stored");
	taken_tell(im->sealer->self, str_c(im->account), im->keys, im->nkeys);
	return (certs);
}

/* --- in the order of time --- */

/* 4. The end of every import. */
static void
answer(struct import *im, const struct err *why, struct blob *certs)
{
	static const struct err ok;
	struct buf body;

	if (certs != NULL)
		log_info("key-import account=%s n=%zu",
		    log_addr(str_c(im->account)), im->nkeys);
	else
		log_warn("key-import account=%s code=%s reason=%s",
		    log_addr(str_c(im->account)), err_word(why->code),
		    log_str(str_c(why->text)));
	buf_init(&body, LIMIT_RECORD);
	rec_put_err(&body, certs != NULL ? &ok : why);
	ipc_answer(im->link, im->op, im->id, buf_text(&body), &certs,
	    certs != NULL ? 1 : 0);
	buf_clear(&body);
	blob_unref(certs);
	import_free(im);
}

/* 3. The file is here. */
static void
got_file(const struct str *text, const struct err *why, void *arg)
{
	struct import *im = arg;
	struct blob *certs = NULL;
	struct err err;

	im->slurp = NULL; /* it goes by itself */
	if (text != NULL) {
		certs = carry_out(im, *text, &err);
	} else {
		err = *why;
		err_prefix(&err, "the key file");
	}
	answer(im, &err, certs);
}

/* The passphrase is the first line, so that editors' files will do. */
static struct str
first_line(struct str s)
{
	s.len = str_find(s, '\n');
	if (s.len > 0 && s.p[s.len - 1] == '\r')
		s.len--;
	return (s);
}

/* 2. The passphrase is here: read the file. */
static void
got_pass(const struct str *text, const struct err *why, void *arg)
{
	struct import *im = arg;
	struct err err;
	int fd = im->file;

	im->slurp = NULL;
	if (text == NULL) {
		err = *why;
		err_prefix(&err, "the passphrase");
		answer(im, &err, NULL);
		return;
	}
	if (buf_room(&im->pass, PASS_MAX) != NULL)
		buf_str(&im->pass, first_line(*text));
	im->file = -1;
	im->slurp = slurp_start(im->sealer->self->base, fd, FILE_MAX, READ_MS,
	    got_file, im, &err);
	if (im->slurp == NULL)
		answer(im, &err, NULL);
}

static int
take_request(struct import *im, struct ipc_msg *msg, int *pass, struct err *err)
{
	struct key_import_req q;

	if (key_import_req_get(msg->body, &q, err) == -1 ||
	    owner_name(im->address, q.address, err) == -1 ||
	    owner_name(im->account, q.account.len > 0 ? q.account : q.address,
	        err) == -1)
		return (-1);
	im->file = ipc_msg_fd(msg, 0);
	*pass = ipc_msg_fd(msg, 1);
	if (im->file != -1 && *pass != -1)
		return (0);
	err_set(err, ERR_PEER, "an import without its descriptors");
	if (*pass != -1)
		close(*pass);
	return (-1);
}

/* 1. Begin with the passphrase. */
void
op_key_import(struct sealer *s, struct ipc *l, struct ipc_msg *msg)
{
	struct import *im;
	struct err err;
	int pass;

	if (s->nimports >= SEALER_IMPORTS ||
	    (im = calloc(1, sizeof(*im))) == NULL) {
		err_set(&err, ERR_UNAVAILABLE, "too many imports at once");
		role_answer_err(l, msg, &err);
		return;
	}
	LIST_INSERT_HEAD(&s->imports, im, next);
	s->nimports++;
	im->sealer = s;
	im->link = l;
	im->op = msg->op;
	im->id = msg->id;
	im->file = -1;
	buf_init(&im->pass, PASS_MAX);
	if (take_request(im, msg, &pass, &err) == 0)
		im->slurp = slurp_start(s->self->base, pass, PASS_MAX, READ_MS,
		    got_pass, im, &err);
	if (im->slurp == NULL)
		answer(im, &err, NULL);
}
