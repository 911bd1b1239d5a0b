/*
 * smtp_seal.c - the text of a mail becomes one text per group.
 *
 * In time order: read the header, ask the sealer for the sender's keys, let
 * policy make groups or refusals, have each group's text made.  Whatever goes
 * wrong here is told to the client, and nothing was sent.
 */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/codec.h"
#include "base/limits.h"
#include "base/map.h"
#include "mail/addr.h"
#include "mail/ctype.h"
#include "mail/header.h"
#include "mail/splice.h"
#include "proto/op.h"
#include "proto/seal.h"
#include "proxy/smtp_tx.h"
#include "sys/crypt.h"
#include "sys/log.h"

/* Refusals told to the client; more do not help anybody. */
#define REFUSALS_TOLD 20

struct sealed {
	struct blob *text; /* owned */
};

void
sealed_free(struct sealed *s)
{
	if (s == NULL)
		return;
	blob_unref(s->text);
	free(s);
}

struct blob *
sealed_text(const struct sealed *s)
{
	return (s->text);
}

static void ask(struct smtp_tx *);

/* Failures of ours: the reason is for the log alone. */
static void
fail(struct smtp_tx *tx, const char *what, const struct err *err)
{
	log_error("smtp-seal id=%s step=%s code=%s reason=%s",
	    tx->session->base.id, what, err_word(err->code),
	    log_str(str_c(err->text)));
	switch (err->code) {
	case ERR_LIMIT:
		smtp_tx_answer(tx, 552, "5.3.4 The mail is too large");
		return;
	case ERR_SYNTAX:
	case ERR_UNSUPPORTED:
		smtp_tx_answer(tx, 554, "5.6.0 The mail cannot be sealed");
		return;
	case ERR_NOKEY:
	case ERR_CRYPTO:
	case ERR_UNTRUSTED:
	case ERR_NOTFOUND:
	case ERR_DENIED:
		smtp_tx_answer(tx, 451, "4.7.5 The mail cannot be sealed now");
		return;
	case ERR_OK:
	case ERR_MEMORY:
	case ERR_IO:
	case ERR_PEER:
	case ERR_TIMEOUT:
	case ERR_UNAVAILABLE:
		smtp_tx_answer(tx, 451, "4.3.0 Not possible now, try again");
		return;
	}
}

/*
 * The sealer answered in time, or did not.  It takes one request after the
 * other: with a long queue it may be late, but if it answered nobody in all
 * that time it never will.
 */
static void
sealer_heard(const struct smtp_tx *tx, const struct ipc_msg *msg,
    const struct err *why)
{
	struct proxy *p = tx->session->proxy;

	if (msg != NULL)
		p->sealed++;
	else if (why->code == ERR_TIMEOUT && p->sealed == tx->sealed)
		p->sealer_stuck = true;
}

/*
 * Is the answer a failure?  A sealer that died gets one more try, when it is
 * there again.  Returns true if the caller has to leave.
 */
static bool
failed(struct smtp_tx *tx, const char *what, const struct err *err)
{
	static const struct timeval soon = {0, SEALER_RETRY_MS * 1000L};

	if (err->code == ERR_OK)
		return (false);
	if (err->code == ERR_UNAVAILABLE && !tx->retried) {
		tx->retried = true;
		tx->tries = 0;
		evtimer_add(tx->timer, &soon);
		return (true);
	}
	fail(tx, what, err);
	return (true);
}

static void
retry(evutil_socket_t fd, short event, void *arg)
{
	static const struct timeval soon = {0, SEALER_RETRY_MS * 1000L};
	struct smtp_tx *tx = arg;
	struct smtp_session *s = tx->session;

	(void)fd;
	(void)event;
	smtp_session_enter(s);
	if (s->proxy->sealer == NULL && ++tx->tries < SEALER_RETRIES)
		evtimer_add(tx->timer, &soon);
	else
		ask(tx);
	smtp_session_leave(s);
}

/* 4. Each group's text. */

/* Defence in depth: what shall go out as encrypted looks so. */
static bool
looks_sealed(struct str text, struct arena *arena)
{
	struct ctype type;
	struct field f;

	return (header_find(text, "Content-Type", &f) &&
	        ctype_parse(f.value, arena, &type) == 0 &&
	        ctype_is(&type, "application/pkcs7-mime"));
}

/* Where "encrypted" begins: the only maker of a struct sealed. */
static int
sealed_take(struct blob *text, struct arena *arena, struct sealed **out,
    struct err *err)
{
	if (!looks_sealed(blob_str(text), arena)) {
		err_set(err, ERR_PEER, "the sealer's text is not sealed");
		blob_unref(text);
		return (-1);
	}
	if ((*out = calloc(1, sizeof(**out))) == NULL) {
		err_set(err, ERR_MEMORY, "out of memory");
		blob_unref(text);
		return (-1);
	}
	(*out)->text = text;
	return (0);
}

static bool
group_ready(const struct tx_group *g)
{
	return (g->text != NULL || g->sealed != NULL);
}

/* Did an earlier attempt reach all of the group? */
static bool
group_done(const struct smtp_tx *tx, const struct policy_group *g)
{
	size_t i;

	for (i = 0; i < g->n; i++)
		if (tx->to[g->rcpts[i]]->fate != FATE_DELIVERED)
			return (false);
	return (true);
}

/* Have the next text made, or go on. */
static void
seal_next(struct smtp_tx *tx)
{
	for (; tx->now < tx->plan.ngroups; tx->now++)
		if (!group_ready(&tx->groups[tx->now]) &&
		    !group_done(tx, &tx->plan.groups[tx->now])) {
			tx->retried = false;
			smtp_tx_state(tx, TX_SEAL);
			ask(tx);
			return;
		}
	smtp_send_start(tx);
}

static void
seal_answered(struct ipc_msg *msg, const struct err *why, void *arg)
{
	struct smtp_tx *tx = arg;
	struct smtp_session *s = tx->session;
	struct tx_group *g = &tx->groups[tx->now];
	struct err err = {.code = ERR_OK};
	struct seal_ans ans;
	struct blob *text;

	smtp_session_enter(s);
	tx->ask = 0;
	sealer_heard(tx, msg, why);
	if (msg == NULL)
		err = *why;
	else if (seal_ans_get(msg->body, &ans, &err) == 0)
		err = ans.err;
	if (!failed(tx, "seal", &err)) {
		text = ipc_msg_blob(msg, 0, LIMIT_SENDING, &err);
		if (text == NULL)
			fail(tx, "seal", &err);
		else if (g->is->encrypt &&
		         sealed_take(text, &tx->arena, &g->sealed, &err) == -1)
			fail(tx, "seal", &err);
		else if (!g->is->encrypt)
			g->text = text;
		if (group_ready(g))
			seal_next(tx);
	}
	smtp_session_leave(s);
}

/* Put the request for the group in hand.  -1: memory is out. */
static int
seal_request(struct smtp_tx *tx, struct buf *body)
{
	const struct policy_group *g = tx->groups[tx->now].is;
	uint8_t(*fingerprints)[FINGERPRINT];
	struct seal_req req = {.account = str_c(tx->session->account->login),
	    .address = tx->key_address,
	    .sign = g->sign,
	    .encrypt = g->encrypt,
	    .cipher = g->cipher == CIPHER_GCM ? SEAL_GCM : SEAL_CBC,
	    .oaep = g->cipher == CIPHER_GCM,
	    .time = clock_now().wall};
	size_t i;

	fingerprints = arena_array(&tx->arena, g->n, sizeof(*fingerprints));
	if (fingerprints == NULL)
		return (-1);
	for (i = 0; g->encrypt && i < g->n; i++)
		memcpy(fingerprints[i], tx->to[g->rcpts[i]]->fingerprint,
		    FINGERPRINT);
	req.recipients = (const uint8_t(*)[FINGERPRINT])fingerprints;
	req.nrecipients = g->encrypt ? g->n : 0;
	seal_req_put(body, &req);
	return (body->failed ? -1 : 0);
}

/* 3. Policy. */

/* Nothing is sent: tell why, the worst code first. */
static void
refuse(struct smtp_tx *tx)
{
	const struct policy_refusal *r = tx->plan.refusals;
	unsigned code = r[0].code;
	struct buf text;
	size_t i;

	buf_init(&text, LIMIT_REPLY);
	for (i = 0; i < tx->plan.nrefusals; i++)
		if (r[i].code > code)
			code = r[i].code;
	for (i = 0; i < tx->plan.nrefusals && i < REFUSALS_TOLD; i++) {
		/* RFC 3463 2: the classes of both codes agree. */
		buf_printf(&text, "%s%u%s", i > 0 ? "\n" : "", code / 100,
		    r[i].text + 1);
	}
	buf_putc(&text, '\0');
	smtp_tx_answer(tx, code, text.failed ? "5.7.10 Refused" : text.data);
	buf_clear(&text);
}

/* The groups whose text is the mail as it is. */
static void
take_plain(struct smtp_tx *tx)
{
	struct tx_group *g;
	size_t i;

	for (i = 0; i < tx->plan.ngroups; i++) {
		g = &tx->groups[i];
		g->is = &tx->plan.groups[i];
		if (!g->is->encrypt && !g->is->sign)
			g->text = blob_ref(tx->text);
	}
}

/* The bytes of the others' texts. */
static uint64_t
to_be_made(const struct smtp_tx *tx)
{
	uint64_t n = 0;
	size_t i;

	for (i = 0; i < tx->plan.ngroups; i++)
		if (tx->groups[i].text == NULL)
			n += share_sealed(blob_len(tx->text));
	return (n);
}

static void
make_plan(struct smtp_tx *tx)
{
	struct err err;
	struct policy_rcpt *rcpts;
	size_t i;

	rcpts = arena_array(&tx->arena, tx->nto, sizeof(*rcpts));
	for (i = 0; rcpts != NULL && i < tx->nto; i++)
		rcpts[i] = (struct policy_rcpt){
		    .address = buf_text(&tx->to[i]->address),
		    .visible = tx->to[i]->visible,
		    .cert = tx->to[i]->cert,
		    .recent = tx->to[i]->recent,
		    .gcm = tx->to[i]->gcm};
	if (rcpts == NULL || policy_plan(tx->policy, &tx->sender, rcpts,
	                         tx->nto, &tx->arena, &tx->plan) == -1) {
		err_set(&err, ERR_MEMORY, "out of memory");
		fail(tx, "plan", &err);
		return;
	}
	if (tx->plan.nrefusals > 0) {
		refuse(tx);
		return;
	}
	if (tx->plan.ngroups * blob_len(tx->text) > LIMIT_SENDING) {
		smtp_tx_answer(tx, 552,
		    "5.3.4 Too large for so many hidden recipients");
		return;
	}
	take_plain(tx);
	if (!smtp_tx_hold(tx, to_be_made(tx)))
		return;
	tx->now = 0;
	seal_next(tx);
}

/* 2. The sender's keys. */

static void
sender_answered(struct ipc_msg *msg, const struct err *why, void *arg)
{
	struct smtp_tx *tx = arg;
	struct smtp_session *s = tx->session;
	struct sender_ans ans = {.owned = false};
	struct err err = {.code = ERR_OK};
	struct str login = str_c(s->account->login);

	smtp_session_enter(s);
	tx->ask = 0;
	sealer_heard(tx, msg, why);
	if (msg == NULL)
		err = *why;
	else if (sender_ans_get(msg->body, &ans, &err) == 0)
		err = ans.err;
	if (failed(tx, "sender", &err)) {
		smtp_session_leave(s);
		return;
	}
	tx->sender.can_encrypt = ans.encrypt;
	tx->sender.lapsed = ans.lapsed;
	tx->sender.enrolling =
	    !ans.encrypt && conf_enrols(s->proxy->conf, login);
	tx->sender.gcm = ans.gcm && ans.oaep;
	if (ans.owned && tx->from_known) {
		tx->sender.owns_from = true;
		tx->sender.can_sign = ans.sign;
		make_plan(tx);
	} else if (tx->from_known && !str_eq(tx->key_address, login)) {
		/* A From that is not ours: no signature, and the copy that we
		 * can read is to the login's own certificate. */
		tx->from_known = false;
		tx->key_address = login;
		ask(tx);
	} else {
		make_plan(tx);
	}
	smtp_session_leave(s);
}

static int
sender_request(const struct smtp_tx *tx, struct buf *body)
{
	struct sender_req req = {.account = str_c(tx->session->account->login),
	    .address = tx->key_address};

	sender_req_put(body, &req);
	return (body->failed ? -1 : 0);
}

/* Ask the sealer what the state says, or that again. */
static void
ask(struct smtp_tx *tx)
{
	struct ipc *sealer = tx->session->proxy->sealer;
	bool seal = tx->state == TX_SEAL;
	struct buf body;
	struct err err;
	int rc;

	buf_init(&body, LIMIT_RECORD);
	rc = seal ? seal_request(tx, &body) : sender_request(tx, &body);
	if (rc == -1)
		err_set(&err, ERR_MEMORY, "out of memory");
	else
		err_set(&err, ERR_UNAVAILABLE, "the sealer is away");
	tx->sealed = tx->session->proxy->sealed;
	if (sealer != NULL && rc == 0)
		tx->ask = ipc_ask(sealer, seal ? OP_SEAL : OP_SENDER,
		    buf_text(&body), seal ? &tx->text : NULL, seal ? 1 : 0,
		    LIMIT_SEAL_MS, seal ? seal_answered : sender_answered, tx);
	buf_clear(&body);
	if (tx->ask == 0)
		(void)failed(tx, seal ? "seal" : "sender", &err);
}

/* Can it make a difference which keys the sender has? */
static bool
keys_matter(const struct smtp_tx *tx)
{
	struct policy_rule rule;
	size_t i;

	for (i = 0; i < tx->nto; i++) {
		rule = policy_lookup(tx->policy, buf_text(&tx->to[i]->address));
		if (rule.sign == SIGN_ALWAYS ||
		    (rule.encrypt != ENCRYPT_OFF &&
		        tx->to[i]->cert == CERT_USABLE))
			return (true);
	}
	return (false);
}

/* 1. The header. */

/* The one From address, in lower case; false if there is not exactly one. */
static bool
read_from(struct smtp_tx *tx, struct str text)
{
	struct str *specs, copy;
	struct field f;
	size_t n, i;
	char *p;

	if (header_count(text, "From") != 1 || !header_find(text, "From", &f) ||
	    addr_specs(f.value, &tx->arena, &specs, &n) == -1 || n != 1)
		return (false);
	if ((p = arena_alloc(&tx->arena, specs[0].len + 1)) == NULL)
		return (false);
	for (i = 0; i < specs[0].len; i++)
		p[i] = ascii_lower(specs[0].p[i]);
	copy = str_of(p, specs[0].len);
	tx->key_address = copy;
	return (true);
}

/* Put the addresses of one field into the map, in lower case.  A field that
 * cannot be read names nobody: then its recipients are hidden ones. */
static void
read_visible(struct smtp_tx *tx, const struct field *f, struct map *visible)
{
	char low[LIMIT_ADDRESS];
	struct str *specs;
	size_t n, i, k;

	if (addr_specs(f->value, &tx->arena, &specs, &n) == -1)
		return;
	for (i = 0; i < n; i++) {
		if (specs[i].len > sizeof(low))
			continue;
		for (k = 0; k < specs[i].len; k++)
			low[k] = ascii_lower(specs[i].p[k]);
		(void)map_put(visible, str_of(low, specs[i].len), tx);
	}
}

/* Who of the recipients is named in the mail? */
static int
mark_visible(struct smtp_tx *tx, struct str text)
{
	struct map *visible;
	struct header h;
	struct field f;
	size_t i;

	if ((visible = map_new(NULL)) == NULL)
		return (-1);
	header_init(&h, text);
	while (header_next(&h, &f))
		if (field_is(&f, "To") || field_is(&f, "Cc") ||
		    field_is(&f, "Resent-To") || field_is(&f, "Resent-Cc"))
			read_visible(tx, &f, visible);
	for (i = 0; i < tx->nto; i++)
		tx->to[i]->visible =
		    map_get(visible, buf_text(&tx->to[i]->address)) != NULL;
	map_free(visible);
	return (0);
}

/* The list of those who get the mail. */
static int
list_recipients(struct smtp_tx *tx)
{
	size_t i, n = 0;

	if ((tx->to = arena_array(&tx->arena, tx->nto, sizeof(*tx->to))) ==
	    NULL)
		return (-1);
	for (i = 0; i < tx->nrcpts; i++)
		if (tx->rcpts[i]->accepted)
			tx->to[n++] = tx->rcpts[i];
	return (0);
}

/* Values for Date and Message-ID, should they be missing. */
static int
make_fields(const struct smtp_tx *tx, char date[64], char id[400])
{
	struct str domain = addr_domain(str_c(tx->session->account->login));
	time_t now = (time_t)clock_now().wall;
	unsigned char random[16];
	char hex[sizeof(random) * 2 + 1];
	struct tm tm;

	if (crypt_random(random, sizeof(random)) == -1 ||
	    gmtime_r(&now, &tm) == NULL ||
	    strftime(date, 64, "%a, %d %b %Y %H:%M:%S +0000", &tm) == 0)
		return (-1);
	hex_encode(random, sizeof(random), hex);
	(void)snprintf(id, 400, "<%s@%.*s>", hex, (int)domain.len, domain.p);
	return (0);
}

/* The mail as it shall be read: without Bcc, with Date and Message-ID. */
static int
make_text(struct smtp_tx *tx)
{
	char date[64], id[400];
	struct splice_add add;
	struct buf out;

	if (make_fields(tx, date, id) == -1)
		return (-1);
	add.date = str_c(date);
	add.message_id = str_c(id);
	buf_init(&out, blob_len(tx->raw) + 1024);
	if (splice_outgoing(blob_str(tx->raw), &add, &out) == 0)
		tx->text = blob_take(&out);
	buf_clear(&out);
	return (tx->text == NULL ? -1 : 0);
}

/* Did an earlier attempt reach some of them? */
static int
read_recorder(struct smtp_tx *tx)
{
	struct smtp_session *s = tx->session;
	struct recorder *rec = s->proxy->recorder;
	size_t i;

	if (recorder_empty(rec))
		return (0);
	if (recorder_id(rec, str_c(s->account->login), buf_text(&tx->from),
	        blob_str(tx->raw), &tx->id) == -1)
		return (-1);
	tx->recorded = true;
	for (i = 0; i < tx->nto; i++)
		if (recorder_has(rec, &tx->id, buf_text(&tx->to[i]->address)))
			tx->to[i]->fate = FATE_DELIVERED;
	return (0);
}

void
smtp_seal_start(struct smtp_tx *tx)
{
	struct str text;
	struct err err;

	if (!smtp_tx_hold(tx, blob_len(tx->raw)))
		return;
	err_set(&err, ERR_MEMORY, "out of memory");
	tx->timer = evtimer_new(tx->session->proxy->base, retry, tx);
	if (tx->timer == NULL || list_recipients(tx) == -1 ||
	    read_recorder(tx) == -1 || make_text(tx) == -1) {
		fail(tx, "text", &err);
		return;
	}
	text = blob_str(tx->text);
	if (header_len(text) > LIMIT_HEADER) {
		smtp_tx_answer(tx, 552, "5.3.4 The header is too large");
		return;
	}
	if (mark_visible(tx, text) == -1) {
		fail(tx, "text", &err);
		return;
	}
	tx->from_known = read_from(tx, text);
	if (!tx->from_known)
		tx->key_address = str_c(tx->session->account->login);
	smtp_tx_state(tx, TX_SENDER);
	if (!keys_matter(tx)) {
		make_plan(tx);
		return;
	}
	/* It goes to the sealer, once for each group. */
	tx->text = memfd_ensure(tx->text, &err);
	if (tx->text == NULL)
		fail(tx, "text", &err);
	else
		ask(tx);
}
