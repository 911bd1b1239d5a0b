#include "config.h"

#include "mail/html.h"

#include <string.h>

#include "base/codec.h"
#include "base/num.h"

/* From 160 on (HTML 4.01 section 24.2), each in its place, with a blank on
 * both sides. */
static const char latin1[] =
    " nbsp iexcl cent pound curren yen brvbar sect uml copy ordf laquo not shy "
    "reg macr deg plusmn sup2 sup3 acute micro para middot cedil sup1 ordm "
    "raquo frac14 frac12 frac34 iquest Agrave Aacute Acirc Atilde Auml Aring "
    "AElig Ccedil Egrave Eacute Ecirc Euml Igrave Iacute Icirc Iuml ETH Ntilde "
    "Ograve Oacute Ocirc Otilde Ouml times Oslash Ugrave Uacute Ucirc Uuml "
    "Yacute THORN szlig agrave aacute acirc atilde auml aring aelig ccedil "
    "egrave eacute ecirc euml igrave iacute icirc iuml eth ntilde ograve "
    "oacute ocirc otilde ouml divide oslash ugrave uacute ucirc uuml yacute "
    "thorn yuml ";

/* Others that letters have. */
static const struct {
	const char *name;
	uint32_t c;
} names[] = {
    {"quot", '"'},
    {"amp", '&'},
    {"lt", '<'},
    {"gt", '>'},
    {"apos", '\''},
    {"OElig", 338},
    {"oelig", 339},
    {"Scaron", 352},
    {"scaron", 353},
    {"Yuml", 376},
    {"fnof", 402},
    {"circ", 710},
    {"tilde", 732},
    {"ensp", 8194},
    {"emsp", 8195},
    {"thinsp", 8201},
    {"zwnj", 8204},
    {"zwj", 8205},
    {"lrm", 8206},
    {"rlm", 8207},
    {"ndash", 8211},
    {"mdash", 8212},
    {"lsquo", 8216},
    {"rsquo", 8217},
    {"sbquo", 8218},
    {"ldquo", 8220},
    {"rdquo", 8221},
    {"bdquo", 8222},
    {"dagger", 8224},
    {"Dagger", 8225},
    {"bull", 8226},
    {"hellip", 8230},
    {"permil", 8240},
    {"prime", 8242},
    {"Prime", 8243},
    {"lsaquo", 8249},
    {"rsaquo", 8250},
    {"euro", 8364},
    {"trade", 8482},
    {"larr", 8592},
    {"uarr", 8593},
    {"rarr", 8594},
    {"darr", 8595},
    {"minus", 8722},
    {"ne", 8800},
    {"le", 8804},
    {"ge", 8805},
};

struct html {
	struct str in;
	size_t pos;
	struct buf *out;
	unsigned quoted; /* open block quotes */
};

static void
put_char(struct buf *out, uint32_t c)
{
	if (c < 0x80) {
		buf_putc(out, (char)c);
		return;
	}
	if (c < 0x800)
		buf_putc(out, (char)(0xc0 | c >> 6));
	else {
		if (c < 0x10000)
			buf_putc(out, (char)(0xe0 | c >> 12));
		else {
			buf_putc(out, (char)(0xf0 | c >> 18));
			buf_putc(out, (char)(0x80 | (c >> 12 & 0x3f)));
		}
		buf_putc(out, (char)(0x80 | (c >> 6 & 0x3f)));
	}
	buf_putc(out, (char)(0x80 | (c & 0x3f)));
}

/* 0: not known.  Quick about that: a mail may consist of such. */
static uint32_t
named(struct str name)
{
	char word[16];
	const char *at, *p;
	uint32_t c = 160;
	size_t i;

	if (name.len == 0 || name.len + 2 > sizeof(word))
		return (0);
	word[0] = word[name.len + 1] = ' ';
	memcpy(word + 1, name.p, name.len);
	at = memmem(latin1, sizeof(latin1) - 1, word, name.len + 2);
	if (at != NULL) {
		for (p = latin1; p < at; p++)
			c += *p == ' ';
		return (c);
	}
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (names[i].name[0] == name.p[0] &&
		    str_eq(name, str_c(names[i].name)))
			return (names[i].c);
	return (0);
}

static uint32_t
numbered(struct str digits)
{
	uint64_t n = 0;
	size_t i;
	int c;

	if (digits.len > 0 && (digits.p[0] | 0x20) == 'x') {
		for (i = 1; i < digits.len && n <= 0x10ffff; i++) {
			if ((c = hex_value(digits.p[i])) == -1)
				return (0);
			n = n * 16 + (uint64_t)c;
		}
	} else if (!num_parse(digits, 0x10ffff, &n))
		return (0);
	return (n > 0x10ffff || (n >= 0xd800 && n < 0xe000) ? 0 : (uint32_t)n);
}

/* At "&". */
static void
put_reference(struct html *h)
{
	size_t from = ++h->pos;
	struct str name;
	uint32_t c;

	while (h->pos < h->in.len && h->pos - from < 10 &&
	       strchr("&<; \t\r\n", h->in.p[h->pos]) == NULL)
		h->pos++;
	if (h->pos == h->in.len)
		return; /* Dovecot waits for more */
	name = str_of(h->in.p + from, h->pos - from);
	if (h->in.p[h->pos] != ';') {
		h->pos = from;
		return;
	}
	h->pos++;
	c = name.len > 0 && name.p[0] == '#'
	        ? numbered(str_of(name.p + 1, name.len - 1))
	        : named(name);
	if (c != 0)
		put_char(h->out, c);
}

/* Skip to behind the text, or to the end. */
static void
skip_past(struct html *h, struct str text)
{
	for (; h->pos < h->in.len; h->pos++)
		if (str_istarts(str_of(h->in.p + h->pos, h->in.len - h->pos),
		        text)) {
			h->pos += text.len;
			return;
		}
}

/* To behind ">", but not one in quotes. */
static void
skip_tag(struct html *h)
{
	char quote = '\0', c;

	while (h->pos < h->in.len) {
		c = h->in.p[h->pos++];
		if (quote != '\0')
			quote = c == quote ? '\0' : quote;
		else if (c == '"' || c == '\'')
			quote = c;
		else if (c == '>')
			return;
	}
}

static bool
tag_is(struct str tag, struct str name)
{
	return (str_istarts(tag, name) &&
	        (tag.len == name.len ||
	            strchr(" \t\r\n>", tag.p[name.len]) != NULL));
}

/* Read a tag, and whatever has no text up to its end. */
static void
read_tag(struct html *h)
{
	struct str tag = str_of(h->in.p + h->pos, h->in.len - h->pos);

	if (str_istarts(tag, STR("!--"))) {
		h->pos += 3;
		skip_past(h, STR("-->"));
		return;
	}
	skip_tag(h);
	if (tag_is(tag, STR("script")))
		skip_past(h, STR("</script>"));
	else if (tag_is(tag, STR("style")))
		skip_past(h, STR("</style>"));
	else if (tag_is(tag, STR("blockquote")))
		h->quoted++;
	else if (tag_is(tag, STR("/blockquote")) && h->quoted > 0)
		h->quoted--;
}

/* At "<".  A quotation begins anew after each tag, and ends with a line: so
 * does Dovecot see it. */
static void
put_tag(struct html *h)
{
	unsigned quoted = h->quoted;
	char last;

	h->pos++;
	read_tag(h);
	if (h->quoted > 0)
		buf_puts(h->out, "\n>");
	else if (quoted > 0)
		buf_putc(h->out, '\n');
	else if (h->out->len > 0) {
		last = h->out->data[h->out->len - 1];
		if (last != ' ' && last != '\n')
			buf_putc(h->out, ' ');
	}
}

void
html_text(struct str html, struct buf *out)
{
	struct html h = {.in = html, .out = out};

	while (h.pos < h.in.len && !out->failed)
		if (h.in.p[h.pos] == '<')
			put_tag(&h);
		else if (h.in.p[h.pos] == '&')
			put_reference(&h);
		else
			buf_putc(out, h.in.p[h.pos++]);
}
