/* The challenge mail: S/MIME-signed with header protection (RFC 8823 3.1
 * points 6 and 7, RFC 9788). */

#include "config.h"

#include <openssl/evp.h>

#include "acme/email.h"
#include "cloud/ca.h"
#include "cloud/mailer.h"
#include "mail/protect.h"
#include "smime/entity.h"

/* The certificate has to hold until the mail is read, that is as long as the
 * order lives, and a bit. */
#define SIGNER_MORE (24 * 3600)

#define MAIL_MAX (64UL * 1024)

/* The mail's own certificate: it names the address that this one challenge
 * comes from (3.1 point 6). */
static struct key *
make_signer(struct cloud *c, struct str from, int64_t now, struct err *err)
{
	int64_t life = (int64_t)conf_num(c->conf, "acme", "order_lifetime");
	struct ca_cert made;
	struct cert *cert;
	struct key *key = NULL;

	ca_cert_init(&made);
	if (ca_issue(c, c->keys.mail_key, from, CERT_SIGN, now,
	        life + SIGNER_MORE, &made, err) == 0 &&
	    (cert = cert_get(NULL, buf_text(&made.der), err)) != NULL) {
		key = key_new(from, CERT_SIGN, cert, &c->keys.issuing, 1,
		    c->keys.mail_key, err);
		cert_unref(cert);
	}
	ca_cert_clear(&made);
	return (key);
}

int
mailer_compose(struct cloud *c, const struct acme_challenge_mail *mail,
    int64_t now, struct buf *out, struct err *err)
{
	struct cms_sign how = {.time = now};
	struct buf plain, payload;
	struct key *key;
	int rc = -1;

	buf_init(&plain, MAIL_MAX);
	buf_init(&payload, MAIL_MAX);
	if ((key = make_signer(c, mail->from, now, err)) == NULL)
		goto out;
	how.key = key;
	if (acme_challenge_put(mail, &plain) != 0 ||
	    protect_clear(buf_text(&plain), out, &payload) != 0) {
		err_set(err, ERR_MEMORY, "cannot write the challenge");
		goto out;
	}
	buf_puts(out, "MIME-Version: 1.0\r\n");
	rc = entity_sign(buf_text(&payload), &how, out, err);
out:
	key_free(key);
	buf_clear(&plain);
	buf_clear(&payload);
	return (rc);
}
