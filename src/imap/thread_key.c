/*
 * What threads are made of, from headers.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "imap/lex.h"
#include "imap/sort.h"
#include "imap/thread.h"
#include "mail/date.h"
#include "mail/header.h"
#include "mail/token.h"

/* Longer subjects and Message-IDs are cut. */
#define KEY_MAX (16UL * 1024)

/* Identifiers of one field that look odd and turn out to be none: each costs a
 * walk, and no mail has so many. */
#define BAD_IDS 100

/* What one takes besides its bytes. */
#define ID_COST 64

const char thread_fields[] = "DATE SUBJECT MESSAGE-ID REFERENCES IN-REPLY-TO";

struct thread_ids {
	struct map *map; /* owned; of uint32_t in the arena */
	struct arena arena;
	uint32_t n;
	size_t most, bytes;
};

struct thread_ids *
thread_ids_new(size_t most)
{
	struct thread_ids *ids;

	if ((ids = calloc(1, sizeof(*ids))) == NULL)
		return (NULL);
	if ((ids->map = map_new(NULL)) == NULL) {
		free(ids);
		return (NULL);
	}
	arena_init(&ids->arena, most);
	ids->most = most;
	return (ids);
}

void
thread_ids_free(struct thread_ids *ids)
{
	if (ids == NULL)
		return;
	map_free(ids->map);
	arena_clear(&ids->arena);
	free(ids);
}

/* The number of a Message-ID; 0: there is no room. */
static uint32_t
ids_number(struct thread_ids *ids, struct str id)
{
	uint32_t *n;

	if ((n = map_get(ids->map, id)) != NULL)
		return (*n);
	if (ids->bytes + id.len + ID_COST > ids->most ||
	    (n = arena_alloc(&ids->arena, sizeof(*n))) == NULL ||
	    map_put(ids->map, id, n) == -1)
		return (0);
	ids->bytes += id.len + ID_COST;
	return (*n = ++ids->n);
}

bool
thread_parse(struct str args, struct arena *arena, struct thread *t,
    const char **why)
{
	static const struct {
		const char *name;
		enum thread_how how;
	} names[] = {
	    {"ORDEREDSUBJECT", THREAD_ORDEREDSUBJECT},
	    {"REFERENCES", THREAD_REFERENCES},
	    {"REFS", THREAD_REFS_NEWEST},
	};
	struct str word;
	struct tok tok;
	size_t i;

	memset(t, 0, sizeof(*t));
	tok_init(&tok, args);
	*why = "unknown threading algorithm";
	if (!tok_astring(&tok, arena, &word))
		return (false);
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (str_ieq(word, str_c(names[i].name)))
			break;
	if (i == sizeof(names) / sizeof(names[0])) {
		t->search.bad = word;
		return (false);
	}
	t->how = names[i].how;
	*why = "a charset and SEARCH keys are missing";
	if (!tok_char(&tok, ' ') ||
	    !search_parse_charset(&tok, arena, &t->search))
		return (false);
	return (search_parse_keys(&tok, arena, &t->search, why));
}

static bool
is_space(char c)
{
	return (c == ' ' || c == '\t' || c == '\r' || c == '\n');
}

/* id-left "@" id-right ">" with all that RFC 5322 3.6.4 allows in them. */
static bool
slow_id(struct str *value, struct buf *out)
{
	const char *end = value->p + value->len;
	struct token t;
	int rc;

	token_init(&t,
	    str_of(value->p, value->len < KEY_MAX ? value->len : KEY_MAX),
	    NULL);
	token_cfws(&t);
	if (token_peek(&t) == '"')
		rc = token_quoted(&t, out);
	else
		rc = token_dot_atom(&t, out);
	if (rc <= 0 || token_peek(&t) != '@')
		return (false);
	buf_putc(out, '@');
	t.p++;
	token_cfws(&t);
	if (token_dot_atom(&t, out) <= 0 || token_peek(&t) != '>')
		return (false);
	*value = str_of(t.p + 1, (size_t)(end - t.p) - 1);
	return (true);
}

/* Behind "<": how far an identifier goes that needs no thought. */
static size_t
plain_len(struct str s, bool *at)
{
	size_t i;

	*at = false;
	for (i = 0; i < s.len; i++) {
		if (s.p[i] == '@')
			*at = true;
		if (s.p[i] == '>' || s.p[i] == '"' || s.p[i] == '(')
			break;
	}
	return (i);
}

/* bad: odd ones that were none so far, in the whole field. */
static bool
next_id(struct str *value, struct buf *out, unsigned *bad)
{
	size_t n, i, start = out->len;
	bool at;

	while ((n = str_find(*value, '<')) < value->len) {
		*value = str_of(value->p + n + 1, value->len - n - 1);
		n = plain_len(*value, &at);
		if (n == value->len)
			break;
		if (value->p[n] != '>') {
			if (slow_id(value, out))
				return (true);
			if (++*bad == BAD_IDS)
				break;
			continue;
		}
		/* what was read of a bad one before is dropped only here; so
		 * does Dovecot */
		if (at)
			out->len = start;
		for (i = 0; at && i < n; i++)
			if (!is_space(value->p[i]))
				buf_putc(out, value->p[i]);
		*value = str_of(value->p + n + 1, value->len - n - 1);
		if (at)
			return (true);
	}
	*value = str_of("", 0);
	return (false);
}

bool
thread_next_id(struct str *value, struct buf *out)
{
	unsigned bad = 0;

	return (next_id(value, out, &bad));
}

/* The first Message-ID of a field, or 0. */
static int
first_id(struct str header, const char *name, struct thread_ids *ids,
    uint32_t *out)
{
	struct field f;
	struct str value;
	struct buf b;
	int rc = 0;

	*out = 0;
	if (!header_find(header, name, &f))
		return (0);
	buf_init(&b, KEY_MAX);
	value = f.value;
	if (thread_next_id(&value, &b) && b.len > 0 &&
	    (*out = ids_number(ids, buf_text(&b))) == 0)
		rc = -1;
	buf_clear(&b);
	return (rc);
}

/* All of References; or else the first of In-Reply-To. */
static int
read_refs(struct str header, struct arena *arena, struct thread_ids *ids,
    struct thread_key *k)
{
	uint32_t refs[THREAD_REFS], *copy;
	struct field f;
	struct str value;
	struct buf b;
	unsigned bad = 0;
	size_t n = 0;

	value = header_find(header, "References", &f) ? f.value : STR("");
	buf_init(&b, KEY_MAX);
	while (n < THREAD_REFS && next_id(&value, &b, &bad)) {
		if ((refs[n++] = ids_number(ids, buf_text(&b))) == 0)
			break;
		buf_reset(&b);
	}
	buf_clear(&b);
	if (n == 0) {
		if (first_id(header, "In-Reply-To", ids, &refs[0]) == -1)
			return (-1);
		n = refs[0] != 0;
	}
	copy = arena_array(arena, n + 1, sizeof(*copy));
	if (copy == NULL || (n > 0 && refs[n - 1] == 0))
		return (-1);
	memcpy(copy, refs, n * sizeof(*copy));
	k->refs = copy;
	k->nrefs = n;
	return (0);
}

int
thread_key(enum thread_how how, struct str header, struct arena *arena,
    struct thread_ids *ids, struct thread_key *k)
{
	struct field f;
	struct buf b;
	uint32_t utc;
	int zone;

	date_sent(header, &utc, &zone);
	k->date = utc != 0 ? (int64_t)utc : k->arrival;
	k->subject = STR("");
	k->id = 0;
	k->reply = false;
	k->refs = NULL;
	k->nrefs = 0;
	if (how != THREAD_REFS_NEWEST && header_find(header, "Subject", &f)) {
		buf_init(&b, KEY_MAX);
		sort_base_subject(f.value, &b, &k->reply);
		k->subject = arena_str(arena, buf_text(&b));
		buf_clear(&b);
		if (k->subject.p == NULL)
			return (-1);
	}
	if (how == THREAD_ORDEREDSUBJECT)
		return (0);
	if (first_id(header, "Message-ID", ids, &k->id) == -1)
		return (-1);
	return (read_refs(header, arena, ids, k));
}
