#include "config.h"

#include "opener/opener.h"

#include <string.h>

#include "base/limits.h"
#include "mail/addr.h"
#include "mail/match_build.h"
#include "mail/preview.h"
#include "opener/challenge.h"
#include "opener/early.h"
#include "opener/keys.h"
#include "opener/open.h"
#include "opener/verify.h"
#include "proto/op.h"
#include "proto/open.h"
#include "role/role.h"
#include "sys/fault.h"
#include "sys/log.h"
#include "sys/memfd.h"

/* Correspondents whose certificates are kept parsed. */
#define CACHE_CERTS 256

/* A file of certificates, or an answer of a directory. */
#define FOUND_MAX (4UL * 1024 * 1024)

/* Seconds in which a message that is on its way has to grow. */
#define AHEAD_STALE 10

/* Views are written and digested in pieces of this size. */
#define VIEW_PIECE (256UL * 1024)

/* The lists of revocations at hand, all together; and where one is. */
#define CRLS_MAX (16UL * 1024 * 1024)
#define URL_MAX  2000

struct opener {
	struct self *self;
	struct keys *keys;
	struct cert_cache *cache;
	struct anchors *anchors;
	struct anchors *cloud; /* of those only what is pinned of the cloud */
	struct early *early;   /* owned; the message that is on its way */
	struct event *stale;   /* owned; it does not come any more */
};

static struct opener *
opener_of(struct self *self)
{
	return (self->arg);
}

/* An address, *@domain, *@*.domain or *. */
static bool
matches(struct str pattern, struct str from)
{
	struct str domain = addr_domain(from);

	if (str_eq(pattern, STR("*")))
		return (true);
	if (!str_istarts(pattern, STR("*@")))
		return (addr_same(pattern, from));
	pattern = str_of(pattern.p + 2, pattern.len - 2);
	if (!str_istarts(pattern, STR("*.")))
		return (str_ieq(pattern, domain));
	pattern = str_of(pattern.p + 1, pattern.len - 1);
	return (domain.len > pattern.len &&
	        str_ieq(pattern,
	            str_of(domain.p + domain.len - pattern.len, pattern.len)));
}

/* [reading] trusted_peers */
static bool
is_trusted(struct str from, void *arg)
{
	const struct opener *o = arg;
	const char *list;
	struct str word;
	size_t pos = 0;

	list = conf_str(o->self->conf, "reading", "trusted_peers");
	if (from.len == 0 || list == NULL)
		return (false);
	while (conf_word(list, &pos, &word))
		if (matches(word, from))
			return (true);
	return (false);
}

static enum unauthenticated
rule_unauthenticated(const struct conf *conf)
{
	const char *word = conf_str(conf, "reading", "unauthenticated");

	if (word != NULL && strcmp(word, "mark") == 0)
		return (UNAUTH_MARK);
	if (word != NULL && strcmp(word, "refuse") == 0)
		return (UNAUTH_REFUSE);
	return (UNAUTH_TEXT);
}

static void
make_ctx(struct opener *o, struct open_ctx *ctx)
{
	const struct conf *conf = o->self->conf;
	struct err err = {.code = ERR_OK};
	const char *inner;

	memset(ctx, 0, sizeof(*ctx));
	ctx->keys = keys_now(o->keys, o->cache, &err);
	if (err.code != ERR_OK)
		log_warn("keys state=partial why=%s", log_str(str_c(err.text)));
	ctx->cache = o->cache;
	ctx->anchors = o->anchors;
	ctx->pinned = keys_pinned;
	ctx->pinned_arg = o->keys;
	ctx->authserv = str_c(o->self->install_id);
	inner = conf_str(conf, "reading", "inner_signature");
	ctx->keep_signature = inner != NULL && strcmp(inner, "keep") == 0;
	ctx->unauthenticated = rule_unauthenticated(conf);
	ctx->trusted = is_trusted;
	ctx->trusted_arg = o;
	if (conf_enrols(conf, str_c(o->self->account))) {
		ctx->awaited = keys_awaited;
		ctx->awaited_arg = o->keys;
	}
}

/* The search text of a view, or NULL: then searches open the message. */
static struct blob *
search_text(const struct view *v, bool whole)
{
	size_t max = whole ? MATCH_WHOLE : MATCH_TEXT;
	struct blob *blob = NULL;
	struct buf out;

	buf_init(&out, max + (whole ? MATCH_EXTRA_WHOLE : MATCH_EXTRA));
	if (match_build(v, max, &out, NULL) == 0)
		blob = memfd_copy(out.data, out.len, NULL);
	buf_wipe(&out);
	return (blob);
}

/* What is made of a view beside it: its first words, in hold, and its search
 * text unless it is long. */
static void
add_texts(struct blob *view, struct open_ans *ans, struct buf *hold,
    struct blob **search)
{
	struct view *v = view_new(view, NULL);

	if (v == NULL)
		return;
	if (preview_make(v, hold) == 0)
		ans->preview =
		    str_of(hold->len > 0 ? hold->data : "", hold->len);
	if (ans->result != OPEN_OPENED || blob_len(view) <= OPEN_TEXT_LATER)
		*search = search_text(v, false);
	view_free(v);
}

/* Add a piece to the view and to its digest while it is in the cache. */
static int
put_view(struct memfd *m, struct crypt_hash *hash, struct str s,
    struct err *err)
{
	size_t n;

	for (; s.len > 0; s.p += n, s.len -= n) {
		n = s.len < VIEW_PIECE ? s.len : VIEW_PIECE;
		if (memfd_put(m, s.p, n, err) == -1)
			return (-1);
		if (crypt_hash_put(hash, s.p, n) == -1) {
			err_set(err, ERR_CRYPTO, "cannot digest");
			return (-1);
		}
	}
	return (0);
}

/* The view as a blob, and its digest. */
static struct blob *
take_view(const struct open_out *out, uint8_t digest[CRYPT_DIGEST],
    struct err *err)
{
	struct memfd *m = memfd_new(out->view.len + out->rest.len, err);
	struct crypt_hash *hash = crypt_hash_new();
	int rc = -1;

	if (m == NULL)
		goto out;
	if (hash == NULL)
		err_set(err, ERR_MEMORY, "out of memory");
	else if (put_view(m, hash, buf_text(&out->view), err) == 0)
		rc = put_view(m, hash, out->rest, err);
out:
	if (rc == 0 && (rc = crypt_hash_end(hash, digest)) == -1)
		err_set(err, ERR_CRYPTO, "cannot digest");
	else if (rc == -1)
		crypt_hash_free(hash);
	if (rc == 0)
		return (memfd_take(m, err));
	memfd_free(m);
	return (NULL);
}

static void
answer_open(struct ipc *link, const struct ipc_msg *msg,
    const struct open_out *out, bool wants_text, const struct err *err)
{
	struct blob *blobs[2] = {NULL, NULL}, *view = NULL;
	struct buf body, preview;
	struct open_ans ans;

	buf_init(&preview, OPEN_PREVIEW_MAX);
	memset(&ans, 0, sizeof(ans));
	ans.err = *err;
	if (err->code == ERR_OK && out->result == OPEN_KEY_LATER)
		ans.result = OPEN_KEY_LATER;
	else if (err->code == ERR_OK &&
	         (view = take_view(out, ans.view, &ans.err)) != NULL) {
		ans.result = (uint8_t)out->result;
		ans.cipher = (uint8_t)out->cipher;
		ans.sign = (uint8_t)out->sign;
		ans.own = out->own;
		ans.signer = str_c(out->signer);
		ans.problem = str_c(out->problem);
		ans.from = str_c(out->from);
		ans.status = buf_text(&out->status);
		memcpy(ans.content, out->content, sizeof(ans.content));
		ans.harvest = out->harvest;
	}
	blobs[0] = view;
	if (view != NULL && wants_text)
		add_texts(view, &ans, &preview, &blobs[1]);
	buf_init(&body, LIMIT_RECORD);
	open_ans_put(&body, &ans);
	ipc_answer(link, msg->op, msg->id, buf_text(&body), blobs,
	    blobs[1] != NULL ? 2
	    : view != NULL   ? 1
	                     : 0);
	buf_clear(&body);
	buf_wipe(&preview);
	blob_unref(blobs[1]);
	blob_unref(view);
}

static void
on_stale(evutil_socket_t fd, short what, void *arg)
{
	struct opener *o = arg;

	(void)fd;
	(void)what;
	early_free(o->early);
	o->early = NULL;
}

static void
do_ahead(struct opener *o, struct ipc_msg *msg)
{
	static const struct timeval tv = {.tv_sec = AHEAD_STALE};
	struct open_ahead what;
	struct err err;

	if (open_ahead_get(msg->body, &what, &err) == -1) {
		log_warn("ahead reason=%s", log_str(str_c(err.text)));
		return;
	}
	if (msg->nfds > 0) {
		early_free(o->early);
		o->early = early_new(ipc_msg_fd(msg, 0), &what);
	} else if (o->early != NULL)
		early_more(o->early, &what);
	if (o->early != NULL)
		(void)evtimer_add(o->stale, &tv);
}

static void
do_open(struct opener *o, struct ipc *link, struct ipc_msg *msg)
{
	struct err err = {.code = ERR_OK};
	struct blob *wire = NULL;
	struct open_out out;
	struct open_ctx ctx;
	struct open_req q;
	struct open_in in;
	struct peel_early early = {0};
	bool wants_text = false, decoded;

	memset(&out, 0, sizeof(out));
	if (open_req_get(msg->body, &q, &err) == -1)
		goto out;
	if (!str_eq(q.account, str_c(o->self->account)) || q.account.len == 0) {
		err_set(&err, ERR_DENIED, "this opener is another account's");
		goto out;
	}
	if ((wire = ipc_msg_blob(msg, 0, LIMIT_MESSAGE, &err)) == NULL)
		goto out;
	if (!q.closed && FAULT("opener.before-open")) {
		err_set(&err, ERR_UNAVAILABLE, "fault point");
		goto out;
	}
	make_ctx(o, &ctx);
	wants_text = q.text;
	in = (struct open_in){blob_str(wire), q.first_seen, q.status,
	    q.other_from, false, q.harvest, q.closed, &early};
	decoded = early_take(o->early, blob_fd(wire), in.wire.len, &early);
	if (decoded) {
		early_free(o->early);
		o->early = NULL;
	}
	/* Without any key yet, a message may be ours all the same. */
	if (keydb_count(ctx.keys) == 0 && conf_enrols(o->self->conf, q.account))
		in.keys_come = true;
	if (open_message(&ctx, &in, &out, &err) == 0)
		log_debug("open result=%d cipher=%d sign=%d bytes=%zu early=%d",
		    (int)out.result, (int)out.cipher, (int)out.sign,
		    out.view.len + out.rest.len, decoded);
	if (FAULT("opener.flip") && out.view.len > 0)
		out.view.data[out.view.len - 1] ^= 1;
	if (FAULT("opener.grow"))
		while (out.view.len < 2 * LIMIT_HEADER && !out.view.failed)
			buf_putc(&out.view, '\n');
	if (FAULT("opener.before-answer"))
		err_set(&err, ERR_UNAVAILABLE, "fault point");
out:
	answer_open(link, msg, &out, wants_text, &err);
	open_out_clear(&out);
	buf_clear(&early.der);
	blob_unref(wire);
}

static void
do_text(struct ipc *link, struct ipc_msg *msg)
{
	struct err err = {.code = ERR_OK};
	struct blob *view = NULL, *text = NULL;
	struct view *v = NULL;
	struct text_req q;
	struct buf body;

	if (text_req_get(msg->body, &q, &err) == 0)
		view = ipc_msg_blob(msg, 0, LIMIT_MESSAGE * LIMIT_OPEN_GROWTH,
		    &err);
	if (FAULT("opener.before-text"))
		err_set(&err, ERR_UNAVAILABLE, "fault point");
	else if (view != NULL && (v = view_new(view, &err)) != NULL)
		text = search_text(v, q.whole);
	view_free(v);
	buf_init(&body, LIMIT_RECORD);
	rec_put_err(&body, &err);
	ipc_answer(link, msg->op, msg->id, buf_text(&body), &text,
	    text != NULL ? 1 : 0);
	buf_clear(&body);
	blob_unref(text);
	blob_unref(view);
}

static void
do_verify(struct opener *o, struct ipc *link, struct ipc_msg *msg)
{
	struct err err = {.code = ERR_OK};
	struct blob *found = NULL, *crls = NULL, *list;
	struct verify_with w = {NULL, o->anchors, o->cache, {"", 0}};
	struct verify_ans ans;
	struct verify_req q;
	struct buf body, out, crl;

	buf_init(&body, LIMIT_RECORD);
	buf_init(&out, FOUND_MAX * 2);
	buf_init(&crl, URL_MAX);
	w.q = &q;
	if (verify_req_get(msg->body, &q, &err) == 0 &&
	    (found = ipc_msg_blob(msg, 0, FOUND_MAX, &err)) != NULL) {
		if (msg->nfds > 1 &&
		    (crls = ipc_msg_blob(msg, 1, CRLS_MAX, NULL)) != NULL)
			w.fetched = blob_str(crls);
		verify_certs(blob_str(found), &w, &out, &crl, &err);
	}
	list = err.code == ERR_OK ? blob_take(&out) : NULL;
	ans.err = err;
	ans.crl = buf_text(&crl);
	verify_ans_put(&body, &ans);
	ipc_answer(link, msg->op, msg->id, buf_text(&body), &list,
	    list != NULL ? 1 : 0);
	blob_unref(list);
	blob_unref(crls);
	blob_unref(found);
	buf_clear(&crl);
	buf_clear(&out);
	buf_clear(&body);
}

static void
do_challenge(struct opener *o, struct ipc *link, struct ipc_msg *msg)
{
	const char *how = conf_str(o->self->conf, "cloud", "challenge");
	struct challenge_trust trust = {o->cloud, o->cache,
	    how != NULL && str_ieq(str_c(how), STR("dkim"))};
	struct challenge_check_ans ans = {.err = {.code = ERR_OK}};
	struct challenge_check_req q;
	struct blob *mail = NULL;
	struct arena arena;
	struct buf body;

	arena_init(&arena, LIMIT_PARSE);
	buf_init(&body, LIMIT_RECORD);
	if (challenge_check_req_get(msg->body, &q, &ans.err) == 0 &&
	    (mail = ipc_msg_blob(msg, 0, LIMIT_CHALLENGE, &ans.err)) != NULL)
		(void)challenge_check(blob_str(mail), &q, &trust, &arena, &ans,
		    &ans.err);
	if (FAULT("opener.challenge"))
		err_set(&ans.err, ERR_UNAVAILABLE, "fault opener.challenge");
	if (ans.err.code != ERR_UNAVAILABLE)
		ans.key = STR("");
	if (ans.err.code != ERR_OK)
		ans.token1 = ans.message_id = ans.reply_to = STR("");
	challenge_check_ans_put(&body, &ans);
	ipc_answer(link, msg->op, msg->id, buf_text(&body), NULL, 0);
	blob_unref(mail);
	buf_clear(&body);
	arena_clear(&arena);
}

static void
on_request(struct ipc *link, struct ipc_msg *msg, void *arg)
{
	struct opener *o = opener_of(arg);

	if (msg->op == OP_OPEN)
		do_open(o, link, msg);
	else if (msg->op == OP_TEXT)
		do_text(link, msg);
	else if (msg->op == OP_AHEAD)
		do_ahead(o, msg);
	else if (msg->op == OP_CHALLENGE_CHECK)
		do_challenge(o, link, msg);
	else
		do_verify(o, link, msg);
}

static int
opener_start(struct self *self, struct err *err)
{
	struct opener *o = opener_of(self);

	o->self = self;
	o->keys = keys_new(self->state_dir, self->account,
	    self->nkeys > 0 ? &self->keys[0] : NULL, err);
	if (self->nkeys > 0)
		crypt_key_wipe(&self->keys[0]);
	if (o->keys == NULL)
		return (-1);
	if ((o->cache = cert_cache_new(CACHE_CERTS)) == NULL ||
	    (o->stale = evtimer_new(self->base, on_stale, o)) == NULL) {
		err_set(err, ERR_MEMORY, "out of memory");
		return (-1);
	}
	return (0);
}

/* The authorities of a section, added to anchors. */
static int
add_section(struct opener *o, const char *section, struct anchors *anchors,
    struct err *err)
{
	struct str pem = conf_file(o->self->conf, section, "ca_file");

	if (pem.len == 0 || anchors_add_pem(anchors, o->cache, pem, err) != -1)
		return (0);
	return (conf_blame_for(o->self->conf, section, "ca_file", err));
}

static int
opener_conf(struct self *self, const struct conf *old, struct err *err)
{
	struct opener *o = opener_of(self);
	struct anchors *all = anchors_new(), *cloud = anchors_new();

	(void)old;
	if (all == NULL || cloud == NULL) {
		err_set(err, ERR_MEMORY, "out of memory");
		goto fail;
	}
	if (add_section(o, "trust", all, err) == -1 ||
	    add_section(o, "cloud", all, err) == -1 ||
	    add_section(o, "cloud", cloud, err) == -1)
		goto fail;
	anchors_free(o->anchors);
	anchors_free(o->cloud);
	o->anchors = all;
	o->cloud = cloud;
	return (0);
fail:
	anchors_free(all);
	anchors_free(cloud);
	return (-1);
}

static void
opener_end(struct self *self)
{
	struct opener *o = opener_of(self);

	early_free(o->early);
	if (o->stale != NULL)
		event_free(o->stale);
	keys_free(o->keys);
	anchors_free(o->anchors);
	anchors_free(o->cloud);
	cert_cache_free(o->cache);
}

static const struct role_peer peers[] = {
    {ROLE_PROXY, op_proxy_to_opener, on_request, NULL, NULL},
    {ROLE_AGENT, op_agent_to_verifier, on_request, NULL, NULL},
    {.allow = NULL},
};

static const struct role_ops ops = {
    .role = ROLE_OPENER,
    .from_parent = op_parent_to_opener,
    .start = opener_start,
    .conf = opener_conf,
    .end = opener_end,
    .peers = peers,
};

int
opener_main(int parent_fd)
{
	struct opener o = {.self = NULL};

	return (role_run(&ops, parent_fd, &o));
}
