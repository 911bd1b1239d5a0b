#include "config.h"

#include "cloud/judge.h"

#include <string.h>

#include "acme/email.h"
#include "cloud/authres.h"
#include "cloud/authz.h"
#include "mail/addr.h"
#include "mail/header.h"

/* Parsing one small mail. */
#define JUDGE_ARENA (8UL * 1024 * 1024)

static int
deny(struct err *err, const char *why)
{
	err_set(err, ERR_DENIED, "%s", why);
	return (-1);
}

/* The addresses of the one field of that name. */
static int
addresses(struct str mail, const char *name, struct arena *a, struct str **out,
    size_t *n)
{
	struct field f;

	return (header_count(mail, name) == 1 && header_find(mail, name, &f) &&
	                addr_specs(f.value, a, out, n) == 0
	            ? 0
	            : -1);
}

static int
copy(struct str s, char *out, size_t size)
{
	if (s.len >= size || memchr(s.p, '\0', s.len) != NULL)
		return (-1);
	memcpy(out, s.p, s.len);
	out[s.len] = '\0';
	return (0);
}

/* Whom it is from, and which challenge it answers. */
static int
read_fields(struct str mail, struct arena *a, struct judged *j, struct err *err)
{
	struct str *from, token;
	struct field f;
	size_t n;

	if (addresses(mail, "From", a, &from, &n) != 0 || n != 1 ||
	    copy(from[0], j->from, sizeof(j->from)) != 0 ||
	    copy(addr_domain(from[0]), j->domain, sizeof(j->domain)) != 0)
		return (deny(err, "From must be one address"));
	if (header_count(mail, "Sender") > 1 ||
	    header_count(mail, "In-Reply-To") > 1 ||
	    header_count(mail, "Content-Type") > 1)
		return (deny(err, "a field is there twice"));
	if (header_count(mail, "Subject") != 1 ||
	    !header_find(mail, "Subject", &f) ||
	    acme_subject_token(f.value, true, a, &token) != 0 ||
	    copy(token, j->token1, sizeof(j->token1)) != 0)
		return (deny(err,
		    "the Subject is not that of a challenge (RFC 8823 3.2)"));
	return (0);
}

static int
fits_challenge(struct cloud *c, struct str mail, struct arena *a,
    const struct judged *j, struct err *err)
{
	struct buf mailbox, from;
	struct str *to;
	size_t n, i;
	bool ok = false;

	buf_init(&mailbox, LIMIT_ADDRESS);
	buf_init(&from, LIMIT_ADDRESS);
	if (authz_awaits(c, str_c(j->token1), &mailbox, &from, err) != 0)
		goto out;
	if (!addr_same(str_c(j->from), buf_text(&mailbox))) {
		(void)deny(err, "the reply is from another address");
		goto out;
	}
	if (addresses(mail, "To", a, &to, &n) == 0)
		for (i = 0; i < n; i++)
			ok = ok || addr_same(to[i], buf_text(&from));
	if (!ok)
		(void)deny(err, "To is not where the challenge came from");
out:
	buf_clear(&mailbox);
	buf_clear(&from);
	return (ok ? 0 : -1);
}

int
judge_fields(struct cloud *c, struct str mail, struct judged *j,
    struct err *err)
{
	const char *id = conf_str(c->conf, "reply", "authserv_id");
	struct arena a;
	int rc = -1;

	memset(j, 0, sizeof(*j));
	arena_init(&a, JUDGE_ARENA);
	if (read_fields(mail, &a, j, err) == 0)
		rc = fits_challenge(c, mail, &a, j, err);
	j->authentic = rc == 0 && id != NULL &&
	               authres_passes(mail, str_c(id), str_c(j->domain));
	arena_clear(&a);
	return (rc);
}

int
judge_answer(struct cloud *c, struct str mail, const struct judged *j,
    struct err *err)
{
	struct str digest;
	struct arena a;
	int rc = -1;

	arena_init(&a, JUDGE_ARENA);
	if (acme_reply_digest(mail, &a, &digest, err) == 0)
		rc = authz_reply(c, str_c(j->from), str_c(j->token1), digest,
		    err);
	arena_clear(&a);
	return (rc);
}
