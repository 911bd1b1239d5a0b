/*
 * Base subjects (RFC 5256 2.1 and its grammar in section 5).
 */
#include "config.h"

#include <string.h>

#include "imap/sort.h"
#include "mail/word.h"

static bool
starts(struct str s, const char *with)
{
	size_t n = strlen(with);

	return (s.len >= n && memcmp(s.p, with, n) == 0);
}

static struct str
skip(struct str s, size_t n)
{
	return (str_of(s.p + n, s.len - n));
}

/* (1) White space becomes single blanks.  NUL ends a subject. */
static struct str
pack(struct buf *b)
{
	size_t i, n = 0;
	bool blank = false;
	char c;

	for (i = 0; i < b->len && b->data[i] != '\0'; i++) {
		c = b->data[i];
		if (c == '\t' || c == '\r' || c == '\n')
			c = ' ';
		if (c == ' ' && blank)
			continue;
		blank = c == ' ';
		b->data[n++] = c;
	}
	return (str_of(b->data != NULL ? b->data : "", n));
}

/* (2) subj-trailer = "(fwd)" / WSP */
static struct str
cut_trailers(struct str s, bool *reply)
{
	for (;;) {
		if (s.len > 0 && s.p[s.len - 1] == ' ') {
			s.len--;
		} else if (s.len >= 5 &&
		           memcmp(s.p + s.len - 5, "(FWD)", 5) == 0) {
			*reply = true;
			s.len -= 5;
		} else {
			return (s);
		}
	}
}

/* subj-blob = "[" *BLOBCHAR "]" *WSP; 0 if there is none. */
static size_t
blob_len(struct str s)
{
	size_t n = 1;

	if (s.len == 0 || s.p[0] != '[')
		return (0);
	while (n < s.len && s.p[n] != '[' && s.p[n] != ']')
		n++;
	if (n == s.len || s.p[n] != ']')
		return (0);
	n++;
	return (n < s.len && s.p[n] == ' ' ? n + 1 : n);
}

/* *subj-blob ("re" / "fw" ["d"]) *WSP [subj-blob] ":"; 0 if there is none. */
static size_t
leader_len(struct str all)
{
	struct str s = all;
	size_t n;

	while ((n = blob_len(s)) > 0)
		s = skip(s, n);
	if (starts(s, "RE") || (starts(s, "FW") && !starts(s, "FWD")))
		s = skip(s, 2);
	else if (starts(s, "FWD"))
		s = skip(s, 3);
	else
		return (0);
	if (s.len > 0 && s.p[0] == ' ')
		s = skip(s, 1);
	s = skip(s, blob_len(s));
	if (s.len == 0 || s.p[0] != ':')
		return (0);
	return (all.len - s.len + 1);
}

/* (3) to (5) */
static struct str
cut_leaders(struct str s, bool *reply)
{
	size_t n;
	bool found;

	do {
		found = s.len > 0 && s.p[0] == ' ';
		s = skip(s, found);
		if ((n = leader_len(s)) > 0) {
			s = skip(s, n);
			*reply = found = true;
		}
		/* all of them: a leader that was not behind the first is not
		 * behind the second either */
		while ((n = blob_len(s)) > 0 && n < s.len) {
			s = skip(s, n);
			found = true;
		}
	} while (found);
	return (s);
}

void
sort_base_subject(struct str value, struct buf *out, bool *reply)
{
	struct buf b;
	struct str s;
	bool again;

	buf_init(&b, out->max);
	word_decode(value, true, &b);
	s = pack(&b);
	*reply = false;
	do {
		s = cut_leaders(cut_trailers(s, reply), reply);
		/* (6) "[fwd:" subject "]" */
		again = starts(s, "[FWD:") && s.p[s.len - 1] == ']';
		if (again) {
			*reply = true;
			s = str_of(s.p + 5, s.len - 6);
		}
	} while (again);
	buf_str(out, s);
	out->failed |= b.failed;
	buf_clear(&b);
}
