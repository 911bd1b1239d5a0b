/*
 * entity.h - the MIME around CMS (RFC 8551 3, RFC 1847).
 *
 * An entity is a header, an empty line and a body; for a whole message the
 * header holds more than MIME fields, which does not matter here.  Base64 is
 * our own codec's, straight from and to the mail's bytes.
 */
#ifndef WAXWING_SMIME_ENTITY_H
#define WAXWING_SMIME_ENTITY_H

#include "smime/cms.h"

enum entity_kind {
	ENTITY_PLAIN,  /* not S/MIME */
	ENTITY_PKCS7,  /* application/pkcs7-mime; cms_kind() knows which */
	ENTITY_SIGNED, /* multipart/signed with a pkcs7-signature */
};

enum entity_coding { CODING_IDENTITY, CODING_BASE64, CODING_QP };

/* All spans are in the text it was read from. */
struct entity {
	enum entity_kind kind;
	struct span head; /* with the empty line */
	struct span body;
	struct span content; /* ENTITY_SIGNED: the signed part, as signed */
	struct span cms;     /* the encoded CMS */
	enum entity_coding coding; /* of cms */
};

/* Look at an entity.  -1 only for something that claims to be S/MIME and
 * breaks its own grammar (a multipart/signed without two parts). */
int entity_read(struct str text, struct entity *, struct err *);

/* The CMS bytes, decoded, appended to out. */
int entity_cms(struct str text, const struct entity *, struct buf *out,
    struct err *);

/* entity_cms and cms_open.  out gets an entity with a plausible header, or
 * the answer is ERR_CRYPTO's one text. */
int entity_open(struct str text, const struct entity *, const struct keydb *,
    struct buf *out, struct cms_opened *, struct err *);

/* entity_cms and cms_verify of ENTITY_SIGNED, or of an opaque ENTITY_PKCS7;
 * *der gets the CMS and must live as long as the result. */
int entity_verify(struct str text, const struct entity *, struct cert_cache *,
    struct buf *der, struct cms_signed *, struct err *);

/*
 * Write multipart/signed around an entity (MIME fields, empty line, body).
 * Bare CR and LF become CRLF (RFC 8551 3.1.1); nothing else is touched, so
 * 8-bit text stays as it is.  The output begins with Content-Type and has no
 * MIME-Version; it ends with CRLF.
 */
int entity_sign(struct str entity, const struct cms_sign *, struct buf *out,
    struct err *);

/*
 * A whole mail to a whole mail: multipart/signed with its header protected
 * (mail/protect.h), the same fields outside.
 */
int entity_sign_mail(struct str mail, const struct cms_sign *, struct buf *out,
    struct err *);

/* Write application/pkcs7-mime with EnvelopedData or AuthEnvelopedData
 * around an entity. */
int entity_seal(struct str entity, const struct cms_seal *, struct buf *out,
    struct err *);

/* The same around an entity that lies in n pieces. */
int entity_seal_pieces(const struct str *, size_t n, const struct cms_seal *,
    struct buf *out, struct err *);

/* Sign (NULL: not) and seal in one go, which saves copies. */
int entity_sign_seal(struct str entity, const struct cms_sign *,
    const struct cms_seal *, struct buf *out, struct err *);

/* Opaque signature: application/pkcs7-mime; smime-type=signed-data. */
int entity_sign_opaque(struct str entity, const struct cms_sign *,
    struct buf *out, struct err *);

#endif
