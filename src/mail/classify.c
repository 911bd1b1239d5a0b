#include "config.h"

#include "mail/classify.h"

#include "mail/ctype.h"
#include "mail/header.h"
#include "mail/status.h"

/* Memory for two field values that a probe brings. */
#define ARENA_MAX (4UL * 1024 * 1024)

static bool
ends_p7m(struct str s)
{
	return (s.len >= 4 && str_ieq(str_of(s.p + s.len - 4, 4), STR(".p7m")));
}

static bool
param_p7m(const struct ctype *ct, const char *name, struct arena *arena)
{
	struct str value;

	return (ctype_param_decoded(ct, name, arena, &value) == 0 &&
	        value.p != NULL && ends_p7m(str_trim(value)));
}

/* Some gateways say only octet-stream (RFC 8551 3.9). */
static bool
named_p7m(struct str header, const struct ctype *ct, struct arena *arena)
{
	struct ctype disp;
	struct field f;

	if (param_p7m(ct, "name", arena))
		return (true);
	if (!header_find(header, "Content-Disposition", &f) ||
	    ctype_disposition(f.value, arena, &disp) < 0)
		return (false);
	return (param_p7m(&disp, "filename", arena));
}

static bool
is_cms(struct str header, struct arena *arena)
{
	struct ctype ct;
	struct field f;
	struct str kind;

	if (!header_find(header, "Content-Type", &f) ||
	    ctype_parse(f.value, arena, &ct) < 0)
		return (false);
	if (ctype_is(&ct, "application/octet-stream"))
		return (named_p7m(header, &ct, arena));
	if (!ctype_is(&ct, "application/pkcs7-mime") &&
	    !ctype_is(&ct, "application/x-pkcs7-mime"))
		return (false);
	if (ctype_param_decoded(&ct, "smime-type", arena, &kind) < 0)
		return (true);
	return (kind.p == NULL || !str_ieq(kind, STR("certs-only")));
}

enum mail_class
classify(struct str header, struct str authserv)
{
	struct arena arena;
	struct header h;
	struct field f;
	bool cms;

	header_init(&h, header);
	while (header_next(&h, &f))
		if (status_claims(&f, authserv))
			return (CLASS_SEALED);
	arena_init(&arena, ARENA_MAX);
	cms = is_cms(header, &arena);
	arena_clear(&arena);
	return (cms ? CLASS_SEALED : CLASS_PLAIN);
}

bool
classify_signed(struct str header)
{
	struct arena arena;
	struct ctype ct;
	struct field f;
	bool yes;

	arena_init(&arena, ARENA_MAX);
	yes = header_find(header, "Content-Type", &f) &&
	      ctype_parse(f.value, &arena, &ct) == 0 &&
	      ctype_is(&ct, "multipart/signed");
	arena_clear(&arena);
	return (yes);
}
