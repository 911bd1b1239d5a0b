#include "config.h"

#include "smtp/verb.h"

#include "base/limits.h"
#include "base/num.h"

static const struct verb_fault bad_syntax = {501, "5.5.4 Syntax error"};
static const struct verb_fault bad_address = {501,
    "5.1.7 Not an address in angle brackets"};
static const struct verb_fault bad_utf8 = {553,
    "5.6.7 Addresses outside ASCII are not supported here"};
static const struct verb_fault bad_param = {555,
    "5.5.4 Parameter not supported"};

static bool
is_alpha(char c)
{
	return ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'));
}

static bool
is_alnum(char c)
{
	return (is_alpha(c) || (c >= '0' && c <= '9'));
}

/* atext of RFC 5322 3.2.3. */
static bool
is_atext(char c)
{
	return (is_alnum(c) ||
	        (c != '\0' && str_find(STR("!#$%&'*+-/=?^_`{|}~"), c) < 19));
}

static bool
is_graph(char c)
{
	return (c > 0x20 && c < 0x7f);
}

static bool
is_8bit(struct str s)
{
	size_t i;

	for (i = 0; i < s.len; i++)
		if ((unsigned char)s.p[i] >= 0x80)
			return (true);
	return (false);
}

static struct str
skip(struct str s, size_t n)
{
	return (str_of(s.p + n, s.len - n));
}

static struct str
skip_sp(struct str s)
{
	while (s.len > 0 && s.p[0] == ' ')
		s = skip(s, 1);
	return (s);
}

/* Cut the word before the next space off s. */
static struct str
next_word(struct str *s)
{
	struct str word;

	*s = skip_sp(*s);
	word = str_of(s->p, str_find(*s, ' '));
	*s = skip(*s, word.len);
	return (word);
}

/* Length of the dot-string at the start of s; 0 if there is none. */
static size_t
dot_string(struct str s)
{
	size_t i;

	for (i = 0; i < s.len; i++) {
		if (is_atext(s.p[i]))
			continue;
		if (s.p[i] != '.' || i == 0 || s.p[i - 1] == '.')
			break;
	}
	return (i > 0 && s.p[i - 1] == '.' ? 0 : i);
}

/* Length of the quoted string at the start of s; 0 if there is none. */
static size_t
quoted_string(struct str s)
{
	size_t i;

	for (i = 1; i < s.len; i++) {
		if (s.p[i] == '"')
			return (i + 1);
		if (s.p[i] == '\\')
			i++;
		if (i >= s.len || s.p[i] < 0x20 || s.p[i] > 0x7e)
			return (0);
	}
	return (0);
}

static bool
local_ok(struct str s)
{
	if (s.len == 0)
		return (false);
	if (s.p[0] == '"')
		return (quoted_string(s) == s.len);
	return (dot_string(s) == s.len);
}

/* "[127.0.0.1]", "[IPv6:::1]": the upstream judges what is inside. */
static bool
literal_ok(struct str s)
{
	size_t i;

	if (s.len < 3 || s.p[s.len - 1] != ']')
		return (false);
	for (i = 1; i < s.len - 1; i++)
		if (!is_alnum(s.p[i]) && s.p[i] != '.' && s.p[i] != ':' &&
		    s.p[i] != '-')
			return (false);
	return (true);
}

/* "_" is outside RFC 5321 but stands in real names. */
static bool
domain_ok(struct str s)
{
	size_t i, label = 0;

	if (s.len == 0 || s.len > 255)
		return (false);
	if (s.p[0] == '[')
		return (literal_ok(s));
	for (i = 0; i < s.len; i++) {
		if (s.p[i] == '.') {
			if (label == 0 || s.p[i - 1] == '-')
				return (false);
			label = 0;
			continue;
		}
		if (!is_alnum(s.p[i]) && s.p[i] != '_' &&
		    (s.p[i] != '-' || label == 0))
			return (false);
		if (++label > 63)
			return (false);
	}
	return (label > 0 && s.p[s.len - 1] != '-');
}

/* Where the domain's "@" is, or len: a quoted local part may hold others. */
static size_t
find_at(struct str s)
{
	size_t n;

	n = s.len > 0 && s.p[0] == '"' ? quoted_string(s) : dot_string(s);
	return (n > 0 && n < s.len && s.p[n] == '@' ? n : s.len);
}

static bool
mailbox_ok(struct str s)
{
	size_t at = find_at(s);

	return (s.len <= LIMIT_ADDRESS && at < s.len &&
	        local_ok(str_of(s.p, at)) && domain_ok(skip(s, at + 1)));
}

/*
 * "<@a,@b:joe@c>": RFC 5321 4.1.1.3 and appendix C: source routes must be
 * accepted and should be ignored.
 */
static bool
drop_route(struct str *path)
{
	size_t colon;

	if (path->len == 0 || path->p[0] != '@')
		return (true);
	if ((colon = str_find(*path, ':')) == path->len)
		return (false);
	*path = skip(*path, colon + 1);
	return (true);
}

/* Length up to and with the ">" that ends the path, or 0. */
static size_t
path_end(struct str s)
{
	bool quoted = false;
	size_t i;

	for (i = 1; i < s.len; i++) {
		if (quoted && s.p[i] == '\\')
			i++;
		else if (s.p[i] == '"')
			quoted = !quoted;
		else if (s.p[i] == '>' && !quoted)
			return (i + 1);
	}
	return (0);
}

/* "FROM:<joe@example.org>": eats it from *s. */
static int
parse_path(struct str *s, struct str word, struct verb_line *out,
    struct verb_fault *fault)
{
	size_t end;

	if (!str_istarts(*s, word)) {
		*fault = bad_syntax;
		return (-1);
	}
	/* Some clients put a space after the colon, and so does Outlook. */
	*s = skip_sp(skip(*s, word.len));
	*fault = bad_address;
	if (s->len == 0 || s->p[0] != '<' || (end = path_end(*s)) == 0)
		return (-1);
	out->path = str_of(s->p + 1, end - 2);
	*s = skip(*s, end);
	if (s->len > 0 && s->p[0] != ' ')
		return (-1);
	if (is_8bit(out->path)) {
		*fault = bad_utf8;
		return (-1);
	}
	if (!drop_route(&out->path))
		return (-1);
	return (out->path.len == 0 || mailbox_ok(out->path) ? 0 : -1);
}

/* One parameter of MAIL; false if it is unknown or wrong. */
static bool
mail_param(struct str word, struct verb_line *out, struct verb_fault *fault)
{
	size_t eq = str_find(word, '=');
	struct str key = str_of(word.p, eq);
	struct str value = str_of(NULL, 0);

	if (eq < word.len)
		value = skip(word, eq + 1);
	*fault = bad_syntax;
	if (str_ieq(key, STR("SIZE")))
		/* RFC 1870 3: up to 20 digits; what does not fit is absurd. */
		return (num_parse(value, UINT64_MAX / 2, &out->size));
	if (str_ieq(key, STR("BODY"))) {
		if (str_ieq(value, STR("7BIT")))
			out->body = BODY_7BIT;
		else if (str_ieq(value, STR("8BITMIME")))
			out->body = BODY_8BITMIME;
		return (out->body != BODY_UNSAID);
	}
	if (str_ieq(key, STR("AUTH")))
		return (value.len > 0);
	*fault = bad_param;
	return (false);
}

static int
check_mail(struct str arg, struct verb_line *out, struct verb_fault *fault)
{
	if (parse_path(&arg, STR("FROM:"), out, fault) == -1)
		return (-1);
	for (arg = skip_sp(arg); arg.len > 0; arg = skip_sp(arg))
		if (!mail_param(next_word(&arg), out, fault))
			return (-1);
	return (0);
}

static int
check_rcpt(struct str arg, struct verb_line *out, struct verb_fault *fault)
{
	if (parse_path(&arg, STR("TO:"), out, fault) == -1)
		return (-1);
	if (out->path.len == 0) {
		*fault =
		    (struct verb_fault){501, "5.1.3 A recipient is needed"};
		return (-1);
	}
	if (skip_sp(arg).len > 0) {
		*fault = bad_param;
		return (-1);
	}
	return (0);
}

/* A name of any kind: clients say what they like, and nobody relies on it. */
static int
check_name(struct str arg, struct verb_line *out, struct verb_fault *fault)
{
	size_t i;

	out->arg = str_trim(arg);
	*fault = bad_syntax;
	if (out->arg.len == 0 || out->arg.len > 255)
		return (-1);
	for (i = 0; i < out->arg.len; i++)
		if (!is_graph(out->arg.p[i]))
			return (-1);
	return (0);
}

/* "PLAIN AGpvZQBzZWNyZXQ=" (RFC 4954 4). */
static int
check_auth(struct str arg, struct verb_line *out, struct verb_fault *fault)
{
	struct str word;

	*fault = bad_syntax;
	out->mech = next_word(&arg);
	if (out->mech.len == 0 || out->mech.len > 20)
		return (-1);
	word = next_word(&arg);
	if (word.len > 0)
		out->initial = word;
	return (skip_sp(arg).len == 0 ? 0 : -1);
}

static int
check_none(struct str arg, struct verb_line *out, struct verb_fault *fault)
{
	(void)out;
	*fault = (struct verb_fault){501, "5.5.4 No argument is allowed"};
	return (skip_sp(arg).len == 0 ? 0 : -1);
}

static int
check_any(struct str arg, struct verb_line *out, struct verb_fault *fault)
{
	(void)fault;
	out->arg = str_trim(arg);
	return (0);
}

static const struct {
	enum verb_code code;
	const char *name;
	int (*check)(struct str, struct verb_line *, struct verb_fault *);
} verbs[] = {
    {VERB_EHLO, "EHLO", check_name},
    {VERB_HELO, "HELO", check_name},
    {VERB_STARTTLS, "STARTTLS", check_none},
    {VERB_AUTH, "AUTH", check_auth},
    {VERB_MAIL, "MAIL", check_mail},
    {VERB_RCPT, "RCPT", check_rcpt},
    {VERB_DATA, "DATA", check_none},
    {VERB_RSET, "RSET", check_none},
    {VERB_NOOP, "NOOP", check_any},
    {VERB_QUIT, "QUIT", check_none},
    {VERB_VRFY, "VRFY", check_any},
    {VERB_HELP, "HELP", check_any},
};

/* Verbs of SMTP that are known but not offered. */
static const char *const refused[] = {"BDAT", "BURL", "EXPN", "ETRN", "TURN",
    "ATRN", "SEND", "SOML", "SAML"};

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

int
verb_parse(struct str line, struct verb_line *out, struct verb_fault *fault)
{
	struct str word;
	size_t i;

	*out = (struct verb_line){.initial = {NULL, 0}};
	/* A NUL or other control character has no business in a command. */
	for (i = 0; i < line.len; i++)
		if ((unsigned char)line.p[i] < 0x20 || line.p[i] == 0x7f) {
			*fault = bad_syntax;
			return (-1);
		}
	word = str_of(line.p, str_find(line, ' '));
	for (i = 0; i < COUNT(verbs); i++)
		if (str_ieq(word, str_c(verbs[i].name))) {
			out->code = verbs[i].code;
			return (verbs[i].check(skip_sp(skip(line, word.len)),
			    out, fault));
		}
	*fault = (struct verb_fault){500, "5.5.1 Command unknown"};
	for (i = 0; i < COUNT(refused); i++)
		if (str_ieq(word, str_c(refused[i])))
			*fault = (struct verb_fault){502,
			    "5.5.1 Command not offered here"};
	return (-1);
}

/* Write a quoted local part in its shortest form. */
static void
canonical_quoted(struct str local, struct buf *out)
{
	char text[LIMIT_ADDRESS];
	size_t i, n = 0;

	for (i = 1; i + 1 < local.len && n < sizeof(text); i++) {
		if (local.p[i] == '\\')
			i++;
		text[n++] = ascii_lower(local.p[i]);
	}
	if (n > 0 && dot_string(str_of(text, n)) == n) {
		buf_put(out, text, n);
		return;
	}
	buf_putc(out, '"');
	for (i = 0; i < n; i++) {
		if (text[i] == '"' || text[i] == '\\')
			buf_putc(out, '\\');
		buf_putc(out, text[i]);
	}
	buf_putc(out, '"');
}

int
verb_canonical(struct str mailbox, struct buf *out)
{
	size_t at, i;

	if (!mailbox_ok(mailbox))
		return (-1);
	at = find_at(mailbox);
	if (mailbox.p[0] == '"')
		canonical_quoted(str_of(mailbox.p, at), out);
	else
		for (i = 0; i < at; i++)
			buf_putc(out, ascii_lower(mailbox.p[i]));
	for (i = at; i < mailbox.len; i++)
		buf_putc(out, ascii_lower(mailbox.p[i]));
	return (out->failed ? -1 : 0);
}
