#include "config.h"

#include "mail/cte.h"

#include "base/codec.h"

enum cte
cte_of(struct str token)
{
	if (str_ieq(token, STR("7bit")) || str_ieq(token, STR("8bit")) ||
	    str_ieq(token, STR("binary")))
		return (CTE_NONE);
	if (str_ieq(token, STR("quoted-printable")))
		return (CTE_QP);
	if (str_ieq(token, STR("base64")))
		return (CTE_BASE64);
	return (CTE_UNKNOWN);
}

static bool
is_base64(char c)
{
	return ((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
	        (c >= '0' && c <= '9') || c == '+' || c == '/' || c == '=' ||
	        c == ' ' || c == '\t' || c == '\r' || c == '\n');
}

void
cte_base64(struct str text, struct buf *out)
{
	struct b64dec d;
	size_t n;
	char *to;

	for (n = 0; n < text.len && is_base64(text.p[n]);)
		n++;
	if ((to = buf_room(out, n / 4 * 3 + 3)) == NULL)
		return;
	b64dec_init(&d);
	out->len += b64dec_feed(&d, text.p, n, to);
}

void
cte_decode(enum cte cte, struct str body, struct buf *out)
{
	struct qpdec qp;

	switch (cte) {
	case CTE_NONE:
		buf_str(out, body);
		break;
	case CTE_QP:
		qpdec_init(&qp);
		qpdec_feed(&qp, body.p, body.len, out);
		/* what is held now is blanks, or half of an escape: Dovecot
		 * does not search it */
		break;
	case CTE_BASE64:
		cte_base64(body, out);
		break;
	case CTE_UNKNOWN:
		break;
	}
}
