#include "config.h"

#include "opener/open.h"

#include <stdio.h>
#include <string.h>

#include "mail/header.h"
#include "mail/protect.h"
#include "mail/view.h"
#include "opener/defang.h"
#include "opener/heads.h"
#include "opener/status.h"

/* What one opening works with. */
struct opening {
	const struct open_ctx *ctx;
	const struct open_in *in;
	struct open_out *out;
	struct peeled *peeled; /* the out's */
	struct verdict verdict;
	struct status_fixed fixed; /* when in->status is there */
	struct str from;           /* outer, in the arena */
	struct arena arena;
	struct buf reduced_text; /* the harmless entity */
	bool reduced;
	bool protected;
	bool from_outer;
	bool awaited; /* a key that is on its way opens it */
};

static bool
is_again(const struct opening *o)
{
	return (o->in->status.len > 0);
}

static void
set_problem(struct opening *o, const char *text)
{
	if (text != NULL)
		snprintf(o->out->problem, sizeof(o->out->problem), "message %s",
		    text);
}

/*
 * Whose signature?  With protected fields the inner From is what would be
 * shown, so a signature has to be its owner's; where it is not, or is not one
 * address at all, the outer one stays (and the signature may still be good
 * for that).
 */
static void
judge_from(struct opening *o)
{
	const struct open_ctx *c = o->ctx;
	const struct str none = {"", 0};
	struct judge_ask ask = {c->anchors, c->pinned, c->pinned_arg,
	    o->in->first_seen, o->from};
	struct str inner = o->from;
	bool clear;

	o->protected =
	    protect_kind(o->peeled->entity, &o->arena) != PROTECT_NONE;
	if (o->protected && header_count(o->peeled->entity, "From") > 0)
		inner = heads_from(o->peeled->entity, &o->arena);
	if (is_again(o)) {
		o->verdict.sign = o->fixed.sign;
		o->from_outer = o->fixed.from_outer;
		return;
	}
	clear = heads_clear(o->in->wire) && heads_clear(o->peeled->entity);
	if (inner.len == 0 || !str_ieq(inner, o->from)) {
		ask.from = clear ? inner : none;
		judge(o->peeled, &ask, &o->verdict);
		if (o->verdict.sign == SIGN_GOOD)
			return;
		o->from_outer = o->protected;
	}
	ask.from = clear ? o->from : none;
	judge(o->peeled, &ask, &o->verdict);
}

/* Does nothing vouch for the content (DESIGN: EFAIL)? */
static bool
is_unauthenticated(const struct opening *o)
{
	const struct open_ctx *c = o->ctx;

	if (is_again(o))
		return (o->fixed.reduced);
	if (o->peeled->cipher != OPEN_CBC || o->verdict.sign == SIGN_GOOD ||
	    o->verdict.sign == SIGN_UNTRUSTED)
		return (false);
	return (c->trusted == NULL || !c->trusted(o->from, c->trusted_arg));
}

static void
put_status(struct opening *o)
{
	const struct status st = {
	    .result = o->out->result,
	    .encryption = o->peeled->cipher_name != NULL
	                      ? o->peeled->cipher_name
	                      : "none",
	    .sign = o->verdict.sign,
	    .signer = o->verdict.signer,
	    .why = o->verdict.why,
	    .problem = o->out->problem,
	    .reduced = o->reduced,
	    .from_outer = o->from_outer,
	    .kept = o->peeled->kept,
	    .other_from = o->in->other_from,
	};

	if (is_again(o))
		buf_str(&o->out->status, o->in->status);
	else
		status_put(&st, o->ctx->authserv, &o->out->status);
}

static int
show_unopened(struct opening *o, struct err *err)
{
	if (o->out->result != OPEN_PLAIN)
		put_status(o);
	return (view_unopened(buf_text(&o->out->status), o->in->wire,
	    o->ctx->authserv, &o->out->view, err));
}

/* It could be opened, but stays closed. */
static int
show_refused(struct opening *o, const char *problem, struct err *err)
{
	o->out->result = OPEN_BROKEN;
	set_problem(o, problem);
	o->reduced = o->from_outer = o->peeled->kept = false;
	buf_wipe(&o->out->status);
	buf_wipe(&o->out->view);
	o->out->rest = STR("");
	return (show_unopened(o, err));
}

/*
 * What the reader sees: the header fields of both headers that count, and the
 * body as it was, or with harmless types.
 */
static int
build(struct opening *o, struct buf *outer, struct buf *inner, struct err *err)
{
	const struct heads_ask ask = {o->in->wire, o->peeled->entity,
	    o->protected, o->from_outer};
	struct view_source src = {.authserv = o->ctx->authserv};
	struct str entity = o->peeled->entity;
	size_t head = header_len(entity);

	if (heads_merge(&ask, outer, inner, err) == -1)
		return (-1);
	put_status(o);
	src.status = buf_text(&o->out->status);
	src.wire = buf_text(outer);
	src.entity = buf_text(inner);
	src.body = str_of(entity.p + head, entity.len - head);
	if (o->reduced) {
		buf_str(inner, src.body);
		if (defang(buf_text(inner), &o->reduced_text, err) == -1)
			return (-1);
		src.entity = buf_text(&o->reduced_text);
		src.body = str_of("", 0);
	}
	return (view_build(&src, &o->out->view, &o->out->rest, err));
}

/* What was judged earlier was told then. */
static void
note_harvest(struct opening *o)
{
	if (is_again(o))
		return;
	harvest(&o->verdict, &o->out->certs, &o->out->harvest);
	if (o->out->harvest.certs.len > 0)
		o->out->harvest.address = str_c(o->out->signer);
}

/* Nothing is shown: whose signature is it? */
static void
only_harvest(struct opening *o)
{
	judge_from(o);
	o->out->result = o->peeled->result;
	o->out->sign = o->verdict.sign;
	memcpy(o->out->signer, o->verdict.signer, sizeof(o->out->signer));
	note_harvest(o);
	buf_puts(&o->out->view, "\r\n"); /* there always is one */
}

static int
show_opened(struct opening *o, struct err *err)
{
	struct buf outer, inner;
	int rc;

	judge_from(o);
	o->out->sign = o->verdict.sign;
	memcpy(o->out->signer, o->verdict.signer, sizeof(o->out->signer));
	note_harvest(o);
	o->reduced = is_unauthenticated(o);
	if (o->reduced && !is_again(o)) {
		if (o->ctx->unauthenticated == UNAUTH_REFUSE) {
			return (show_refused(o,
			    "is not authenticated: nobody signed what is "
			    "inside",
			    err));
		}
		o->reduced = o->ctx->unauthenticated == UNAUTH_TEXT;
	}
	/* Fields that could have been changed on the way replace nothing. */
	if (o->reduced)
		o->protected = o->from_outer = false;
	buf_init(&outer, LIMIT_MESSAGE);
	buf_init(&inner, LIMIT_MESSAGE);
	rc = build(o, &outer, &inner, err);
	buf_wipe(&inner);
	buf_wipe(&outer);
	if (rc == 0 || err->code != ERR_LIMIT || is_again(o))
		return (rc);
	/* a message must not be in the way of the others for ever */
	err->code = ERR_OK;
	return (show_refused(o, "is beyond a limit", err));
}

/* What the account sealed to itself is shown as it was before: nobody else
 * could have made it, and there is nothing to say about it. */
static int
show_own(struct opening *o, struct err *err)
{
	o->out->own = true;
	return (
	    view_exact(o->peeled->entity, &o->out->view, &o->out->rest, err));
}

static void
note_recipient(void *arg, const struct rid *rid)
{
	struct opening *o = arg;

	o->awaited |= o->ctx->awaited(rid, o->ctx->awaited_arg);
}

/* No key held opens it: will one, soon?  Then there is no placeholder: clients
 * would keep it for ever. */
static bool
is_awaited(struct opening *o)
{
	struct entity e;
	struct buf der;

	if (o->in->keys_come || o->ctx->awaited == NULL || is_again(o))
		return (o->in->keys_come);
	buf_init(&der, LIMIT_MESSAGE);
	if (entity_read(o->in->wire, &e, NULL) == 0 && e.kind == ENTITY_PKCS7 &&
	    entity_cms(o->in->wire, &e, &der, NULL) == 0)
		(void)cms_recipients(buf_text(&der), note_recipient, o, NULL);
	buf_clear(&der);
	return (o->awaited);
}

static int
show(struct opening *o, struct err *err)
{
	const struct peel_ask ask = {o->in->wire, o->ctx->keys, o->ctx->cache,
	    is_again(o) ? o->fixed.kept : o->ctx->keep_signature, !is_again(o),
	    o->in->harvest, o->in->early};

	if (is_again(o) && o->fixed.unopened) {
		/* It was shown closed, so it stays closed under this UID. */
		o->out->result = OPEN_NOT_OURS;
		return (show_unopened(o, err));
	}
	if (o->in->closed && is_again(o)) {
		err_set(err, ERR_DENIED, "openers died of it");
		return (-1);
	}
	if (o->in->closed)
		return (show_refused(o, "cannot be opened safely", err));
	if (peel(&ask, o->peeled, err) == -1)
		return (-1);
	if (o->in->harvest) {
		only_harvest(o);
		return (0);
	}
	if (o->peeled->result == OPEN_NOT_OURS && is_awaited(o)) {
		o->out->result = OPEN_KEY_LATER;
		return (0);
	}
	o->out->result = o->peeled->result;
	o->out->cipher = o->peeled->cipher;
	memcpy(o->out->content, o->peeled->content, sizeof(o->out->content));
	set_problem(o, o->peeled->problem);
	if (o->peeled->own)
		return (show_own(o, err));
	if (o->peeled->result == OPEN_OPENED)
		return (show_opened(o, err));
	if (is_again(o)) {
		/* Its status fields would say of the wire text what was true
		 * of the text inside. */
		err_set(err, ERR_UNAVAILABLE, "it cannot be opened any more");
		return (-1);
	}
	return (show_unopened(o, err));
}

int
open_message(const struct open_ctx *ctx, const struct open_in *in,
    struct open_out *out, struct err *err)
{
	struct opening o;
	int rc;

	memset(&o, 0, sizeof(o));
	o.ctx = ctx;
	o.in = in;
	o.out = out;
	o.peeled = &out->peeled;
	memset(out, 0, sizeof(*out));
	out->rest = STR("");
	buf_init(&out->status, LIMIT_RECORD / 4);
	buf_init(&out->view, LIMIT_MESSAGE);
	buf_init(&out->certs, HARVEST_MAX);
	buf_init(&o.reduced_text, LIMIT_MESSAGE);
	arena_init(&o.arena, LIMIT_PARSE);
	if (is_again(&o))
		status_get(in->status, &o.fixed);
	o.from = heads_from(in->wire, &o.arena);
	err_escape(out->from, sizeof(out->from), o.from);
	rc = show(&o, err);
	buf_wipe(&o.reduced_text);
	arena_clear(&o.arena);
	return (rc);
}

void
open_out_clear(struct open_out *out)
{
	buf_clear(&out->status);
	buf_clear(&out->certs);
	buf_wipe(&out->view);
	peeled_clear(&out->peeled);
}
