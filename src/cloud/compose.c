/* The challenge mail: S/MIME-signed with header protection (RFC 8823 3.1
 * points 6 and 7, RFC 9788). */

#include "config.h"

#include <openssl/evp.h>

#include "acme/email.h"
#include "cloud/ca.h"
#include "cloud/mailer.h"
#include "mail/header.h"
#include "smime/entity.h"

/* The certificate has to hold until the mail is read. */
#define SIGNER_LIFE (14 * 24 * 3600)

#define MAIL_MAX (64UL * 1024)

/* The mail's own certificate: it names the address that this one challenge
 * comes from (3.1 point 6). */
static struct key *
make_signer(struct cloud *c, struct str from, int64_t now, struct err *err)
{
	struct ca_cert made;
	struct cert *cert;
	struct key *key = NULL;

	ca_cert_init(&made);
	if (ca_issue(c, c->keys.mail_key, from, CERT_SIGN, now, SIGNER_LIFE,
	        &made, err) == 0 &&
	    (cert = cert_get(NULL, buf_text(&made.der), err)) != NULL) {
		key = key_new(from, CERT_SIGN, cert, &c->keys.issuing, 1,
		    c->keys.mail_key, err);
		cert_unref(cert);
	}
	ca_cert_clear(&made);
	return (key);
}

/* Outside stand the same fields (hp="clear"), but those of the MIME entity. */
static void
put_outer(struct str entity, struct buf *out)
{
	struct header h;
	struct field f;

	header_init(&h, entity);
	while (header_next(&h, &f))
		if (!str_istarts(f.name, STR("Content-")) &&
		    !field_is(&f, "MIME-Version"))
			buf_str(out, f.all);
	buf_puts(out, "MIME-Version: 1.0\r\n");
}

int
mailer_compose(struct cloud *c, const struct acme_challenge_mail *mail,
    int64_t now, struct buf *out, struct err *err)
{
	struct cms_sign how = {.time = now};
	struct key *key;
	struct buf entity;
	int rc = -1;

	buf_init(&entity, MAIL_MAX);
	if ((key = make_signer(c, mail->from, now, err)) == NULL)
		goto out;
	how.key = key;
	if (acme_challenge_put(mail, &entity) != 0) {
		err_set(err, ERR_MEMORY, "no memory for a mail");
		goto out;
	}
	put_outer(buf_text(&entity), out);
	rc = entity_sign(buf_text(&entity), &how, out, err);
out:
	key_free(key);
	buf_clear(&entity);
	return (rc);
}
