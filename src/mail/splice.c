#include "config.h"

#include "mail/splice.h"

#include "mail/header.h"

bool
splice_is_entity(struct str name)
{
	return (str_istarts(name, STR("Content-")) ||
	        str_ieq(name, STR("MIME-Version")));
}

static void
put_field(struct buf *out, const char *name, struct str value)
{
	buf_puts(out, name);
	buf_puts(out, ": ");
	buf_str(out, value);
	buf_puts(out, "\r\n");
}

int
splice_outgoing(struct str mail, const struct splice_add *add, struct buf *out)
{
	struct header h;
	struct field f;

	if (!header_find(mail, "Date", &f))
		put_field(out, "Date", add->date);
	if (!header_find(mail, "Message-ID", &f))
		put_field(out, "Message-ID", add->message_id);
	header_init(&h, mail);
	while (header_next(&h, &f))
		if (!field_is(&f, "Bcc") && !field_is(&f, "Resent-Bcc"))
			buf_str(out, f.all);
	buf_put(out, mail.p + h.pos, mail.len - h.pos);
	return (out->failed ? -1 : 0);
}

int
splice_divide(struct str mail, struct buf *outer, struct buf *head,
    struct str *body)
{
	struct header h;
	struct field f;
	bool typed = false;
	size_t end = header_len(mail);

	header_init(&h, mail);
	while (header_next(&h, &f)) {
		if (!splice_is_entity(f.name)) {
			field_put(&f, outer);
			continue;
		}
		if (field_is(&f, "MIME-Version"))
			continue;
		if (field_is(&f, "Content-Type"))
			typed = true;
		field_put(&f, head);
	}
	if (!typed)
		buf_puts(head, "Content-Type: text/plain\r\n");
	buf_puts(head, "\r\n");
	*body = str_of(mail.p + end, mail.len - end);
	return (outer->failed || head->failed ? -1 : 0);
}
