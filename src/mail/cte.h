/*
 * cte.h - content transfer encodings (RFC 2045 section 6) as Dovecot reads
 * them when it searches.
 */
#ifndef WAXWING_MAIL_CTE_H
#define WAXWING_MAIL_CTE_H

#include "base/buf.h"
#include "base/span.h"

enum cte { CTE_NONE, CTE_QP, CTE_BASE64, CTE_UNKNOWN };

/* The token of Content-Transfer-Encoding ("" is "unknown"). */
enum cte cte_of(struct str token);

/* Append what body stands for: of an unknown encoding nothing. */
void cte_decode(enum cte, struct str body, struct buf *out);

/* Base64 up to the first byte that is neither of it nor white space. */
void cte_base64(struct str text, struct buf *out);

#endif
