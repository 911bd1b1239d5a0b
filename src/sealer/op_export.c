/* OP_KEY_EXPORT: the keys that open mail, as a PKCS#12 file. */
#include "config.h"

#include "base/limits.h"
#include "proto/enrol.h"
#include "sealer/owner.h"
#include "sealer/state.h"
#include "smime/p12.h"
#include "sys/log.h"
#include "sys/memfd.h"

#define PASS_MAX ((size_t)4 * 1024)

/* Keys in one file: all that a mailbox has in decades. */
#define KEYS_MAX 200

/* A key with its certificate and chain has 10 KiB. */
#define FILE_MAX ((size_t)8 * 1024 * 1024)

struct export
{
	char account[LIMIT_ADDRESS + 1];
	char address[LIMIT_ADDRESS + 1]; /* "": all of the account's */
	const struct key *keys[KEYS_MAX];
	size_t nkeys;
};

static int
read_request(struct export *e, struct str body, struct err *err)
{
	struct enrol_req q;

	if (enrol_req_get(body, &q, err) == -1 ||
	    owner_name(e->account, q.text, err) == -1)
		return (-1);
	e->address[0] = '\0';
	return (q.address.len > 0 ? owner_name(e->address, q.address, err) : 0);
}

static int
choose(struct export *e, struct sealer *s, struct err *err)
{
	const struct keydb *keys;
	const struct key *k;
	size_t i, bad;

	keys = keyring_get(s->ring, str_c(e->account), &bad, err);
	if (keys == NULL)
		return (-1);
	for (i = 0; i < keydb_count(keys); i++) {
		k = keydb_at(keys, i);
		if ((k->use & CERT_ENCRYPT) == 0 ||
		    (e->address[0] != '\0' &&
		        !str_ieq(str_c(k->address), str_c(e->address))))
			continue;
		if (e->nkeys == KEYS_MAX) {
			err_set(err, ERR_LIMIT, "too many keys for one file");
			return (-1);
		}
		e->keys[e->nkeys++] = k;
	}
	if (e->nkeys > 0)
		return (0);
	err_set(err, ERR_NOTFOUND, "there is no encryption key of %s",
	    e->address[0] != '\0' ? e->address : e->account);
	return (-1);
}

static struct blob *
write_file(struct export *e, struct sealer *s, struct blob *pass,
    struct err *err)
{
	struct blob *blob = NULL;
	struct buf file;

	if (choose(e, s, err) == -1)
		return (NULL);
	buf_init(&file, FILE_MAX);
	if (p12_write(e->keys, e->nkeys, blob_str(pass), &file, err) == 0)
		blob = memfd_copy(file.data, file.len, err);
	buf_clear(&file);
	return (blob);
}

void
op_key_export(struct sealer *s, struct ipc *l, struct ipc_msg *msg)
{
	struct export e = {.nkeys = 0};
	struct blob *pass, *file = NULL;
	struct err err = {.code = ERR_OK};
	struct buf body;

	if (read_request(&e, msg->body, &err) == 0 &&
	    (pass = ipc_msg_blob(msg, 0, PASS_MAX, &err)) != NULL) {
		file = write_file(&e, s, pass, &err);
		blob_unref(pass);
	}
	if (file != NULL) {
		err.code = ERR_OK;
		log_info("key-export account=%s n=%zu",
		    log_addr(str_c(e.account)), e.nkeys);
	} else
		log_warn("key-export account=%s code=%s reason=%s",
		    log_addr(str_c(e.account)), err_word(err.code),
		    log_str(str_c(err.text)));
	buf_init(&body, LIMIT_RECORD);
	rec_put_err(&body, &err);
	ipc_answer(l, msg->op, msg->id, buf_text(&body), &file,
	    file != NULL ? 1 : 0);
	buf_clear(&body);
	blob_unref(file);
}
