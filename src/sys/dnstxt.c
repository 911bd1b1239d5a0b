#include "config.h"

#include "sys/dnstxt.h"

#include <string.h>

#define NAME_MAX_LEN 253
#define LABEL_MAX    63

#define TYPE_CNAME 5
#define TYPE_TXT   16
#define TYPE_OPT   41
#define CLASS_IN   1

/* Bits of the header's second word (RFC 1035 4.1.1). */
#define FLAG_QR      0x8000U
#define FLAG_OPCODE  0x7800U
#define FLAG_TC      0x0200U
#define FLAG_RD      0x0100U
#define FLAG_RCODE   0x000fU
#define RCODE_NONAME 3U

/* Jumps in one name, aliases to one record, records in an answer. */
#define JUMPS_MAX   16
#define ALIASES_MAX 8
#define RECORDS_MAX 100

/* A name as text, in lower case. */
struct name {
	char text[NAME_MAX_LEN + 2];
	size_t len;
};

/* Where we are in the packet; bad: it ended too early or makes no sense. */
struct reader {
	struct str in;
	size_t pos;
	bool bad;
};

static unsigned
get_u8(struct reader *r)
{
	if (r->bad || r->pos >= r->in.len) {
		r->bad = true;
		return (0);
	}
	return ((unsigned char)r->in.p[r->pos++]);
}

static unsigned
get_u16(struct reader *r)
{
	unsigned high = get_u8(r);

	return (high << 8 | get_u8(r));
}

static struct str
get_bytes(struct reader *r, size_t n)
{
	struct str s = {"", 0};

	if (r->bad || n > r->in.len - r->pos) {
		r->bad = true;
		return (s);
	}
	s = str_of(r->in.p + r->pos, n);
	r->pos += n;
	return (s);
}

static bool
is_name_char(char c)
{
	return ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
	        c == '_');
}

static void
add_label(struct reader *r, struct str label, struct name *n)
{
	size_t i;

	if (n->len + label.len + 1 > NAME_MAX_LEN + 1) {
		r->bad = true;
		return;
	}
	if (n->len > 0)
		n->text[n->len++] = '.';
	for (i = 0; i < label.len; i++) {
		n->text[n->len] = ascii_lower(label.p[i]);
		/* a strange one equals none that we ask for */
		if (!is_name_char(n->text[n->len]))
			n->text[n->len] = '?';
		n->len++;
	}
}

/* With its compression (RFC 1035 4.1.4): pointers only lead backwards. */
static void
get_name(struct reader *r, struct name *n)
{
	struct reader at = *r;
	size_t jumps = 0, to;
	unsigned c;

	n->len = 0;
	while ((c = get_u8(&at)) != 0 && !at.bad) {
		if ((c & 0xc0) == 0xc0) {
			to = (size_t)(c & 0x3f) << 8 | get_u8(&at);
			if (jumps++ == 0)
				r->pos = at.pos;
			if (to >= at.pos - 2 || jumps > JUMPS_MAX)
				at.bad = true;
			at.pos = to;
		} else if (c > LABEL_MAX)
			at.bad = true;
		else
			add_label(&at, get_bytes(&at, c), n);
	}
	r->bad = r->bad || at.bad;
	if (jumps == 0)
		r->pos = at.pos;
}

static bool
name_is(const struct name *n, struct str s)
{
	return (str_ieq(str_of(n->text, n->len), s));
}

/* --- the question --- */

static void
put_u16(struct buf *out, unsigned n)
{
	buf_putc(out, (char)(n >> 8));
	buf_putc(out, (char)(n & 0xff));
}

static int
put_name(struct buf *out, struct str name)
{
	size_t n, i;

	if (name.len == 0 || name.len > NAME_MAX_LEN)
		return (-1);
	while (name.len > 0) {
		n = str_find(name, '.');
		if (n == 0 || n > LABEL_MAX || n + 1 == name.len)
			return (-1);
		for (i = 0; i < n; i++)
			if (!is_name_char(ascii_lower(name.p[i])))
				return (-1);
		buf_putc(out, (char)n);
		buf_put(out, name.p, n);
		n += n < name.len ? 1 : 0;
		name = str_of(name.p + n, name.len - n);
	}
	buf_putc(out, '\0');
	return (0);
}

int
dnstxt_ask(uint16_t id, struct str name, struct buf *out)
{
	put_u16(out, id);
	put_u16(out, FLAG_RD);
	put_u16(out, 1); /* question */
	put_u16(out, 0);
	put_u16(out, 0);
	put_u16(out, 1); /* OPT: longer datagrams (RFC 6891 6.1.2) */
	if (put_name(out, name) == -1)
		return (-1);
	put_u16(out, TYPE_TXT);
	put_u16(out, CLASS_IN);
	buf_putc(out, '\0');
	put_u16(out, TYPE_OPT);
	put_u16(out, DNSTXT_MAX);
	put_u16(out, 0);
	put_u16(out, 0);
	put_u16(out, 0);
	return (out->failed ? -1 : 0);
}

/* --- the answer --- */

/* One record: whose it is and what it holds. */
struct record {
	struct name owner;
	unsigned type, class;
	struct reader data; /* ends where the record does */
};

static void
get_record(struct reader *r, struct record *rr)
{
	size_t len;

	get_name(r, &rr->owner);
	rr->type = get_u16(r);
	rr->class = get_u16(r);
	(void)get_bytes(r, 4); /* TTL */
	len = get_u16(r);
	/* names in it may point to what stands before it */
	rr->data = *r;
	(void)get_bytes(r, len);
	rr->data.in.len = r->pos;
	rr->data.bad = r->bad;
}

/* The record of that name: 1; 0: an alias, whose target is in n; -1: neither
 * is there. */
static int
find_record(struct reader r, size_t count, struct name *n, struct buf *out)
{
	struct record rr;
	struct name alias;
	unsigned len;
	size_t i;

	for (i = 0; i < count && !r.bad; i++) {
		get_record(&r, &rr);
		if (r.bad || rr.class != CLASS_IN ||
		    !name_is(&rr.owner, str_of(n->text, n->len)))
			continue;
		if (rr.type == TYPE_CNAME) {
			get_name(&rr.data, &alias);
			if (rr.data.bad)
				return (-1);
			*n = alias;
			return (0);
		}
		if (rr.type != TYPE_TXT)
			continue;
		while (rr.data.pos < rr.data.in.len && !rr.data.bad) {
			len = get_u8(&rr.data);
			buf_str(out, get_bytes(&rr.data, len));
		}
		return (rr.data.bad ? -1 : 1);
	}
	return (-1);
}

static int
no_answer(struct err *err, enum err_code code, const char *why)
{
	err_set(err, code, "DNS: %s", why);
	return (-1);
}

/* The header and the question; *count of records follow. */
static int
read_head(struct reader *r, uint16_t id, struct str name, size_t *count,
    struct err *err)
{
	unsigned got = get_u16(r), flags = get_u16(r), questions = get_u16(r);
	unsigned rcode = flags & FLAG_RCODE;
	struct name n;

	*count = get_u16(r);
	(void)get_bytes(r, 4);
	if (r->bad || got != id || (flags & FLAG_QR) == 0 ||
	    (flags & FLAG_OPCODE) != 0)
		return (no_answer(err, ERR_PEER, "not the answer"));
	/* a server that understands nothing of it may leave the question out */
	if (questions == 0 && rcode != 0)
		return (no_answer(err, ERR_UNAVAILABLE, "refused"));
	get_name(r, &n);
	if (questions != 1 || !name_is(&n, name) || get_u16(r) != TYPE_TXT ||
	    get_u16(r) != CLASS_IN || r->bad)
		return (no_answer(err, ERR_PEER, "another question's answer"));
	if (rcode == RCODE_NONAME)
		return (no_answer(err, ERR_NOTFOUND, "no such name"));
	if (rcode != 0)
		return (no_answer(err, ERR_UNAVAILABLE, "refused"));
	if ((flags & FLAG_TC) != 0)
		return (no_answer(err, ERR_LIMIT, "the answer is too long"));
	if (*count > RECORDS_MAX)
		return (no_answer(err, ERR_LIMIT, "too many records"));
	return (0);
}

int
dnstxt_answer(struct str packet, uint16_t id, struct str name, struct buf *out,
    struct err *err)
{
	struct reader r = {.in = packet};
	struct name n = {.len = 0};
	size_t i, count;
	int got = 0;

	if (read_head(&r, id, name, &count, err) == -1)
		return (-1);
	for (i = 0; i < name.len && i < NAME_MAX_LEN; i++)
		n.text[n.len++] = ascii_lower(name.p[i]);
	for (i = 0; i < ALIASES_MAX && got == 0; i++)
		got = find_record(r, count, &n, out);
	if (out->failed)
		return (no_answer(err, ERR_LIMIT, "the record is too long"));
	return (got == 1 ? 0 : no_answer(err, ERR_NOTFOUND, "no such record"));
}
