#include "config.h"

#include "smtp/ehlo.h"

#include <inttypes.h>
#include <stddef.h>

#include "base/num.h"
#include "smtp/reply.h"

/* Extensions that the conf may leave out. */
static const struct {
	const char *name;
	size_t flag; /* offset of the bool in struct ehlo_offer */
} offers[] = {
    {"PIPELINING", offsetof(struct ehlo_offer, pipelining)},
    {"8BITMIME", offsetof(struct ehlo_offer, eightbit)},
    {"ENHANCEDSTATUSCODES", offsetof(struct ehlo_offer, enhanced)},
};

int
ehlo_offer_add(struct ehlo_offer *o, struct str word)
{
	size_t i;

	for (i = 0; i < sizeof(offers) / sizeof(offers[0]); i++)
		if (str_ieq(word, str_c(offers[i].name))) {
			*(bool *)((char *)o + offers[i].flag) = true;
			return (0);
		}
	return (-1);
}

void
ehlo_print(struct buf *out, const struct ehlo_offer *o)
{
	struct buf text;
	size_t i;

	buf_init(&text, 1024);
	buf_str(&text, o->host);
	for (i = 0; i < sizeof(offers) / sizeof(offers[0]); i++)
		if (*(const bool *)((const char *)o + offers[i].flag))
			buf_printf(&text, "\n%s", offers[i].name);
	if (o->starttls)
		buf_puts(&text, "\nSTARTTLS");
	if (o->auth)
		buf_puts(&text, "\nAUTH PLAIN LOGIN");
	buf_printf(&text, "\nSIZE %" PRIu64, o->size);
	reply_print(out, 250, "", buf_text(&text));
	buf_clear(&text);
}

/* Keywords without arguments. */
static const struct {
	const char *name;
	size_t flag; /* offset of the bool in struct ehlo_caps */
} keywords[] = {
    {"PIPELINING", offsetof(struct ehlo_caps, pipelining)},
    {"8BITMIME", offsetof(struct ehlo_caps, eightbit)},
    {"ENHANCEDSTATUSCODES", offsetof(struct ehlo_caps, enhanced)},
    {"STARTTLS", offsetof(struct ehlo_caps, starttls)},
    {"DSN", offsetof(struct ehlo_caps, dsn)},
    {"SMTPUTF8", offsetof(struct ehlo_caps, smtputf8)},
};

static const struct {
	const char *name;
	size_t flag;
} mechanisms[] = {
    {"PLAIN", offsetof(struct ehlo_caps, auth_plain)},
    {"LOGIN", offsetof(struct ehlo_caps, auth_login)},
    {"XOAUTH2", offsetof(struct ehlo_caps, auth_xoauth2)},
    {"OAUTHBEARER", offsetof(struct ehlo_caps, auth_oauthbearer)},
};

static void
set_flag(struct ehlo_caps *caps, size_t off)
{
	*(bool *)((char *)caps + off) = true;
}

static struct str
cut_word(struct str *s)
{
	struct str word;

	*s = str_trim(*s);
	word = str_of(s->p, str_find(*s, ' '));
	*s = str_of(s->p + word.len, s->len - word.len);
	return (word);
}

static void
parse_auth(struct str args, struct ehlo_caps *caps)
{
	struct str mech;
	size_t i;

	while ((mech = cut_word(&args)).len > 0)
		for (i = 0; i < sizeof(mechanisms) / sizeof(*mechanisms); i++)
			if (str_ieq(mech, str_c(mechanisms[i].name)))
				set_flag(caps, mechanisms[i].flag);
}

static void
parse_line(struct str line, struct ehlo_caps *caps)
{
	struct str word = cut_word(&line);
	size_t i;

	for (i = 0; i < sizeof(keywords) / sizeof(*keywords); i++)
		if (str_ieq(word, str_c(keywords[i].name)))
			set_flag(caps, keywords[i].flag);
	if (str_ieq(word, STR("SIZE"))) {
		caps->has_size = true;
		if (!num_parse(str_trim(line), UINT64_MAX / 2, &caps->size))
			caps->size = 0;
	} else if (str_ieq(word, STR("AUTH"))) {
		parse_auth(line, caps);
	} else if (str_istarts(word, STR("AUTH="))) {
		/* "AUTH=LOGIN PLAIN": the form from before RFC 2554. */
		parse_auth(str_of(word.p + 5, word.len - 5), caps);
		parse_auth(line, caps);
	}
}

void
ehlo_parse(struct str text, struct ehlo_caps *caps)
{
	bool first = true;
	size_t n;

	*caps = (struct ehlo_caps){.size = 0};
	while (text.len > 0) {
		n = str_find(text, '\n');
		if (!first)
			parse_line(str_of(text.p, n), caps);
		first = false;
		if (n == text.len)
			break;
		text = str_of(text.p + n + 1, text.len - n - 1);
	}
}
