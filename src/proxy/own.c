#include "config.h"

#include "proxy/own.h"

#include "base/limits.h"
#include "mail/header.h"
#include "proxy/seen.h"
#include "sys/fault.h"
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

/* Its Message-ID; without one, who wrote what and when.  Those with nothing of
 * it are all one.  False: it is too long. */
static bool
make_name(struct str mail, struct buf *out)
{
	put_value(out, mail, "Message-ID");
	if (out->len == 1) {
		put_value(out, mail, "From");
		put_value(out, mail, "Date");
		put_value(out, mail, "Subject");
	}
	return (!out->failed);
}

int
own_note(struct proxy *p, struct str mail, struct err *err)
{
	struct buf name;
	int rc = 0;

	buf_init(&name, LIMIT_RECORD / 2);
	/* Too long a name is taken for one that was noted. */
	if (FAULT("proxy.own")) {
		err_set(err, ERR_IO, "fault proxy.own");
		rc = -1;
	} else if (p->seen != NULL && make_name(mail, &name))
		rc = seen_mark(p->seen, buf_text(&name), err);
	buf_clear(&name);
	return (rc);
}

bool
own_is(struct proxy *p, struct str mail)
{
	struct err err = {.code = ERR_OK};
	struct buf name;
	bool is = true;
	int rc;

	/* What cannot be found out does not go in clear. */
	buf_init(&name, LIMIT_RECORD / 2);
	if (p->seen != NULL && make_name(mail, &name)) {
		rc = seen_marked(p->seen, buf_text(&name), &err);
		if (rc == -1)
			log_error("own reason=%s", log_str(str_c(err.text)));
		is = rc != 0;
	}
	buf_clear(&name);
	return (is);
}
