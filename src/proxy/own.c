#include "config.h"

#include "proxy/own.h"

#include "base/limits.h"
#include "mail/header.h"
#include "proxy/seen.h"
#include "sys/log.h"

static void
put_value(struct buf *out, struct str mail, const char *name)
{
	struct field f;
	size_t i;

	buf_putc(out, '\n');
	if (!header_find(mail, name, &f))
		return;
	for (i = 0; i < f.value.len; i++)
		if (f.value.p[i] > ' ' && f.value.p[i] <= '~')
			buf_putc(out, f.value.p[i]);
}

/* Its Message-ID; without one, who wrote what and when.  False: neither. */
static bool
make_name(struct str mail, struct buf *out)
{
	put_value(out, mail, "Message-ID");
	if (out->len == 1) {
		put_value(out, mail, "From");
		put_value(out, mail, "Date");
		put_value(out, mail, "Subject");
	}
	return (!out->failed && out->len > 4);
}

void
own_note(struct proxy *p, struct str mail)
{
	struct err err = {.code = ERR_OK};
	struct buf name;

	buf_init(&name, LIMIT_RECORD / 2);
	if (p->seen != NULL && make_name(mail, &name) &&
	    seen_mark(p->seen, buf_text(&name), &err) == -1)
		log_error("own reason=\"%s\"", err.text);
	buf_clear(&name);
}

bool
own_is(struct proxy *p, struct str mail)
{
	struct err err = {.code = ERR_OK};
	struct buf name;
	bool is = false;
	int rc;

	buf_init(&name, LIMIT_RECORD / 2);
	if (p->seen != NULL && make_name(mail, &name)) {
		rc = seen_marked(p->seen, buf_text(&name), &err);
		if (rc == -1)
			log_error("own reason=\"%s\"", err.text);
		/* What cannot be found out does not go in clear. */
		is = rc != 0;
	}
	buf_clear(&name);
	return (is);
}
