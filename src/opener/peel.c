#include "config.h"

#include "opener/peel.h"

#include <openssl/sha.h>
#include <string.h>

#include "mail/header.h"
#include "mail/splice.h"
#include "smime/ownmail.h"

/* What one step did. */
enum step { STEP_ON, STEP_STOP, STEP_NOMEM };

/* How large the inside of a message of this size may be. */
static size_t
growth_limit(size_t wire)
{
	if (wire > LIMIT_MESSAGE / LIMIT_OPEN_GROWTH)
		return (LIMIT_MESSAGE);
	return (wire * LIMIT_OPEN_GROWTH + LIMIT_RECORD);
}

static struct peel_layer *
layer_add(struct peeled *p, size_t max)
{
	struct peel_layer *l = &p->layers[p->nlayers];

	memset(l, 0, sizeof(*l));
	buf_init(&l->text, max);
	p->nlayers++;
	return (l);
}

static void
layer_clear(struct peel_layer *l)
{
	if (l->is_signed)
		cms_signed_clear(&l->sig);
	buf_wipe(&l->text);
}

static bool
is_printable(struct str s)
{
	size_t i;

	for (i = 0; i < s.len; i++)
		if (s.p[i] <= ' ' || s.p[i] > '~')
			return (false);
	return (true);
}

/* The layer stays on: the entity is what it was before. */
static enum step
stop(struct peeled *p, enum open_result result, const char *problem)
{
	layer_clear(&p->layers[--p->nlayers]);
	p->problem = problem;
	if (p->nlayers == 0)
		p->result = result;
	return (STEP_STOP);
}

static enum step
stop_for(struct peeled *p, const struct err *err)
{
	switch (err->code) {
	case ERR_MEMORY:
		return (STEP_NOMEM);
	case ERR_NOKEY:
		return (stop(p, OPEN_NOT_OURS,
		    "not encrypted to any key held here"));
	case ERR_UNSUPPORTED:
		return (stop(p, OPEN_BROKEN,
		    "uses an algorithm that is not supported"));
	case ERR_LIMIT:
		return (stop(p, OPEN_BROKEN, "is beyond a limit"));
	case ERR_SYNTAX:
		return (stop(p, OPEN_BROKEN, "is malformed"));
	case ERR_OK:
	case ERR_CRYPTO:
	case ERR_UNTRUSTED:
	case ERR_NOTFOUND:
	case ERR_DENIED:
	case ERR_IO:
	case ERR_PEER:
	case ERR_TIMEOUT:
	case ERR_UNAVAILABLE:
		break;
	}
	/* One text for all that fails after a key was used (RFC 3218 2.3). */
	return (stop(p, OPEN_BROKEN, "cannot be decrypted"));
}

/*
 * Garbage that a random content key made of CBC (RFC 3218 2.3.2) is no
 * entity: its first line has to be a field, or empty.  A name that is no name
 * will do if it begins as those of an entity do: garbage does not, and other
 * readers show such mail.
 */
static bool
is_entity(struct str text)
{
	struct header h;
	struct field f;

	if (text.len >= 2 && memcmp(text.p, "\r\n", 2) == 0)
		return (true);
	header_init(&h, text);
	return (header_next(&h, &f) && f.name.len > 0 &&
	        f.all.len > f.name.len &&
	        (is_printable(f.name) || splice_is_entity(f.name)));
}

static enum step
peel_envelope(const struct peel_ask *ask, struct peeled *p,
    struct peel_layer *l)
{
	struct cms_opened opened = {.key = NULL};
	struct err err = {.code = ERR_OK};

	if (cms_open_inside(&l->text, ask->keys, &opened, &err) == 0 &&
	    !is_entity(buf_text(&l->text)))
		err_set(&err, ERR_CRYPTO, "no entity inside");
	if (p->nlayers == 1)
		memcpy(p->content, opened.wrapped, sizeof(p->content));
	if (err.code != ERR_OK)
		return (stop_for(p, &err));
	p->cipher = opened.cipher->block == 1 ? OPEN_AEAD : OPEN_CBC;
	p->cipher_name = opened.cipher->name;
	p->first_sig = p->nlayers;
	p->entity = buf_text(&l->text);
	p->result = OPEN_OPENED;
	p->own = ask->own && p->nlayers == 1 &&
	         ownmail_get(opened.key, ask->wire, p->entity, &p->entity);
	return (p->own ? STEP_STOP : STEP_ON);
}

/* Checked, but left for the client to see (inner_signature = keep). */
static bool
is_kept(const struct peel_ask *ask, struct peeled *p)
{
	p->kept = ask->keep_signature && p->cipher != OPEN_NO_CIPHER;
	return (p->kept);
}

static enum step
peel_detached(const struct peel_ask *ask, struct peeled *p,
    const struct entity *e, struct peel_layer *l)
{
	struct err err = {.code = ERR_OK};

	if (entity_verify(p->entity, e, ask->cache, &l->text, &l->sig, &err) ==
	    -1)
		return (stop_for(p, &err));
	l->is_signed = true;
	if (is_kept(ask, p))
		return (STEP_STOP);
	p->entity = span_str(p->entity.p, e->content);
	return (STEP_ON);
}

/* l->text holds the DER, and stays. */
static enum step
peel_opaque(const struct peel_ask *ask, struct peeled *p, struct peel_layer *l)
{
	struct err err = {.code = ERR_OK};

	if (p->nlayers == 1)
		SHA256((const unsigned char *)l->text.data, l->text.len,
		    p->content);
	if (cms_verify(buf_text(&l->text), NULL, ask->cache, &l->sig, &err) ==
	    -1)
		return (stop_for(p, &err));
	l->is_signed = true;
	if (is_kept(ask, p))
		return (STEP_STOP);
	if (!is_entity(l->sig.inside))
		return (stop(p, OPEN_BROKEN, "is malformed"));
	p->entity = l->sig.inside;
	p->result = OPEN_OPENED;
	return (STEP_ON);
}

static enum step
peel_cms(const struct peel_ask *ask, struct peeled *p, struct peel_layer *l)
{
	switch (cms_kind(buf_text(&l->text))) {
	case CMS_IS_ENVELOPED:
	case CMS_IS_AUTH_ENVELOPED:
		return (peel_envelope(ask, p, l));
	case CMS_IS_SIGNED:
		return (peel_opaque(ask, p, l));
	case CMS_IS_CERTS_ONLY:
		return (stop(p, OPEN_PLAIN, NULL));
	case CMS_IS_COMPRESSED:
		return (stop(p, OPEN_BROKEN, "is compressed data"));
	case CMS_IS_OTHER:
		return (stop(p, OPEN_BROKEN, "is CMS of an unknown kind"));
	case CMS_IS_NONE:
		break;
	}
	return (stop(p, OPEN_BROKEN, "is malformed"));
}

/* Is this what was decoded before? */
static bool
is_early(const struct peel_ask *ask, const struct peeled *p,
    const struct entity *e)
{
	return (ask->early != NULL && ask->early->der.data != NULL &&
	        p->nlayers == 1 && e->coding == CODING_BASE64 &&
	        e->cms.off == ask->early->from &&
	        e->cms.len == ask->wire.len - e->cms.off);
}

static enum step
peel_pkcs7(const struct peel_ask *ask, struct peeled *p, const struct entity *e,
    struct peel_layer *l)
{
	struct err err = {.code = ERR_OK};

	if (is_early(ask, p, e)) {
		l->text = ask->early->der;
		buf_init(&ask->early->der, 0);
	} else if (entity_cms(p->entity, e, &l->text, &err) == -1)
		return (stop_for(p, &err));
	return (peel_cms(ask, p, l));
}

static enum step
peel_one(const struct peel_ask *ask, struct peeled *p)
{
	struct err err = {.code = ERR_OK};
	struct peel_layer *l;
	struct entity e;

	l = layer_add(p, growth_limit(ask->wire.len));
	if (entity_read(p->entity, &e, &err) == -1)
		return (stop_for(p, &err));

	switch (e.kind) {
	case ENTITY_PLAIN:
		return (stop(p, OPEN_PLAIN, NULL));
	case ENTITY_SIGNED:
		/* A signature outside the encryption says nothing about the
		 * plaintext, and the client checks it better than we. */
		if (p->result != OPEN_OPENED && !ask->outside)
			return (stop(p, OPEN_PLAIN, NULL));
		return (peel_detached(ask, p, &e, l));
	case ENTITY_PKCS7:
		return (peel_pkcs7(ask, p, &e, l));
	}
	return (STEP_STOP);
}

int
peel(const struct peel_ask *ask, struct peeled *p, struct err *err)
{
	enum step step = STEP_ON;

	memset(p, 0, sizeof(*p));
	p->result = OPEN_PLAIN;
	p->entity = ask->wire;
	while (step == STEP_ON && p->nlayers < LIMIT_CMS_DEPTH)
		step = peel_one(ask, p);
	if (step == STEP_NOMEM) {
		err_set(err, ERR_MEMORY, "out of memory");
		return (-1);
	}
	if (step == STEP_ON)
		p->problem = "is nested too deeply";
	return (0);
}

void
peeled_clear(struct peeled *p)
{
	while (p->nlayers > 0)
		layer_clear(&p->layers[--p->nlayers]);
}
