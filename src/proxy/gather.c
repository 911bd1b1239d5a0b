#include "config.h"

#include "proxy/gather.h"

#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/num.h"

struct gather *
gather_new(uint32_t seq, bool bodies, struct account *account)
{
	struct gather *g;

	if ((g = calloc(1, sizeof(*g))) == NULL)
		return (NULL);
	g->seq = seq;
	g->bodies = bodies;
	g->account = account;
	buf_init(&g->text, LIMIT_RESPONSE_TEXT);
	arena_init(&g->arena, LIMIT_RESPONSE_TEXT);
	return (g);
}

struct gather *
gather_new_results(void)
{
	struct gather *g = gather_new(0, false, NULL);

	if (g != NULL) {
		g->results = true;
		buf_init(&g->text, LIMIT_RESULTS);
	}
	return (g);
}

void
gather_free(struct gather *g)
{
	size_t i;

	if (g == NULL)
		return;
	for (i = 0; i < g->naway; i++)
		blob_unref(g->blobs[i]);
	ahead_free(g->ahead);
	memfd_free(g->body);
	crypt_hash_free(g->hash);
	arena_clear(&g->arena);
	buf_clear(&g->text);
	free(g);
}

/* Does the text end with "BODY[] {n}\r\n"? */
static bool
at_body(const struct gather *g)
{
	struct str text = buf_text(&g->text);

	while (text.len > 0 && text.p[text.len - 1] != '{')
		text.len--;
	if (text.len < sizeof("BODY[] {") - 1)
		return (false);
	text.p += text.len - (sizeof("BODY[] {") - 1);
	text.len = sizeof("BODY[] {") - 1;
	return (str_ieq(text, STR("BODY[] {")));
}

/* The body is there. */
static int
gather_body_end(struct gather *g, struct err *err)
{
	struct memfd *body = g->body;
	struct crypt_hash *hash = g->hash;

	ahead_free(g->ahead);
	g->ahead = NULL;
	g->body = NULL;
	g->hash = NULL;
	if (crypt_hash_end(hash, g->digests[g->naway]) == -1) {
		memfd_free(body);
		err_set(err, ERR_CRYPTO, "cannot digest");
		return (-1);
	}
	g->away[g->naway] = g->text.len;
	if ((g->blobs[g->naway] = memfd_take(body, err)) == NULL)
		return (-1);
	g->naway++;
	return (0);
}

/* Bytes that are in memfds: of all together there is one limit. */
static size_t
gather_away(const struct gather *g)
{
	size_t i, n = 0;

	for (i = 0; i < g->naway; i++)
		n += blob_len(g->blobs[i]);
	return (n);
}

int
gather_put(struct gather *g, enum lex_event ev, struct str bytes, uint64_t left,
    struct err *err)
{
	if (ev == LEX_DATA && g->body != NULL) {
		if (memfd_put(g->body, bytes.p, bytes.len, err) == -1)
			return (-1);
		if (crypt_hash_put(g->hash, bytes.p, bytes.len) == -1) {
			err_set(err, ERR_CRYPTO, "cannot digest");
			return (-1);
		}
		ahead_more(g->ahead, g->body);
		return (left == 0 ? gather_body_end(g, err) : 0);
	}
	buf_str(&g->text, bytes);
	if (g->text.failed) {
		err_set(err, ERR_LIMIT, "response too long");
		return (-1);
	}
	if (ev != LEX_LITERAL || g->results)
		return (0);
	if (g->naway < GATHER_AWAY &&
	    (left > GATHER_HERE || (g->bodies && at_body(g)))) {
		if (left > LIMIT_MESSAGE - gather_away(g)) {
			err_set(err, ERR_LIMIT, "message too large");
			return (-1);
		}
		if ((g->hash = crypt_hash_new()) == NULL) {
			err_set(err, ERR_MEMORY, "out of memory");
			return (-1);
		}
		if ((g->body = memfd_new(LIMIT_MESSAGE, err)) == NULL)
			return (-1);
		if (g->account != NULL && at_body(g))
			g->ahead = ahead_new(g->account, g->body, left);
		return (left == 0 ? gather_body_end(g, err) : 0);
	}
	if (left > LIMIT_RESPONSE_TEXT) {
		err_set(err, ERR_LIMIT, "literal too large in FETCH response");
		return (-1);
	}
	return (0);
}

/* Walk its items from the start; then resp_item_next() with &g->arena. */
static bool
gather_items(struct gather *g, struct tok *t)
{
	arena_clear(&g->arena);
	tok_init(t, buf_text(&g->text));
	t->away = g->away;
	t->naway = g->naway;
	return (resp_items_open(t));
}

bool
gather_find(struct gather *g, struct str name, bool prefix,
    struct resp_item *item)
{
	struct tok t;

	if (!gather_items(g, &t))
		return (false);
	while (resp_item_next(&t, &g->arena, item) == 1)
		if (prefix ? str_istarts(item->name, name)
		           : str_ieq(item->name, name))
			return (true);
	return (false);
}

struct str
gather_str(const struct gather *g, const struct resp_item *item)
{
	return (item->away == SIZE_MAX ? item->data
	                               : blob_str(g->blobs[item->away]));
}

struct blob *
gather_blob(const struct gather *g, const struct resp_item *item,
    uint8_t digest[CRYPT_DIGEST], struct err *err)
{
	if (item->away != SIZE_MAX) {
		memcpy(digest, g->digests[item->away], CRYPT_DIGEST);
		return (blob_ref(g->blobs[item->away]));
	}
	if (crypt_sha256(item->data, digest) == -1) {
		err_set(err, ERR_CRYPTO, "cannot digest");
		return (NULL);
	}
	return (memfd_copy(item->data.p, item->data.len, err));
}

bool
gather_words(struct gather *g, struct str name, struct resp_item *item)
{
	return (gather_find(g, name, false, item) && item->away == SIZE_MAX);
}

bool
gather_bytes(struct gather *g)
{
	struct resp_item item;
	struct tok t;

	if (!gather_items(g, &t))
		return (false);
	while (resp_item_next(&t, &g->arena, &item) == 1)
		if (str_istarts(item.name, STR("BODY")) ||
		    str_istarts(item.name, STR("RFC822")) ||
		    str_istarts(item.name, STR("BINARY")) ||
		    str_ieq(item.name, STR("ENVELOPE")) ||
		    str_ieq(item.name, STR("PREVIEW")))
			return (true);
	return (false);
}

/* Pieces of one answer: a server that says more has no end. */
#define JOINED_MAX 20

/* Add the items of from to the list in to. */
static bool
join_add(struct gather *to, const struct gather *from)
{
	struct str text = buf_text(&from->text);
	size_t open = str_find(text, '(') + 1, at = to->text.len, i;

	for (i = 0; i < from->naway; i++) {
		if (to->naway == GATHER_AWAY ||
		    blob_len(from->blobs[i]) > LIMIT_MESSAGE - gather_away(to))
			return (false);
		to->away[to->naway] = from->away[i] - open + at;
		memcpy(to->digests[to->naway], from->digests[i], CRYPT_DIGEST);
		to->blobs[to->naway++] = blob_ref(from->blobs[i]);
	}
	buf_put(&to->text, text.p + open,
	    text.len - open - (sizeof(")\r\n") - 1));
	return (!to->text.failed);
}

struct gather *
gather_join(const struct gather *a, const struct gather *b)
{
	struct gather *g;

	if (a->joined == JOINED_MAX ||
	    (g = gather_new(b->seq, b->bodies, NULL)) == NULL)
		return (NULL);
	g->joined = a->joined + 1;
	buf_printf(&g->text, "* %u FETCH (", (unsigned)b->seq);
	if (!join_add(g, b))
		goto fail;
	buf_putc(&g->text, ' ');
	if (!join_add(g, a))
		goto fail;
	buf_puts(&g->text, ")\r\n");
	if (!g->text.failed)
		return (g);
fail:
	gather_free(g);
	return (NULL);
}

uint32_t
gather_uid(struct gather *g)
{
	struct resp_item item;
	uint64_t uid;

	if (!gather_find(g, STR("UID"), false, &item) ||
	    !num_parse(item.value, UINT32_MAX, &uid))
		return (0);
	return ((uint32_t)uid);
}

bool
gather_ok(struct gather *g)
{
	struct resp_item item;
	struct tok t;
	int rc;

	if (!gather_items(g, &t))
		return (false);
	while ((rc = resp_item_next(&t, &g->arena, &item)) == 1)
		;
	return (rc == 0);
}

void
gather_pass(struct gather *g, struct stream *to)
{
	struct str text = buf_text(&g->text);
	size_t i, from = 0;

	for (i = 0; i < g->naway; i++) {
		stream_write(to, text.p + from, g->away[i] - from);
		stream_blob(to, g->blobs[i], span_of(0, blob_len(g->blobs[i])));
		from = g->away[i];
	}
	stream_write(to, text.p + from, text.len - from);
}

void
gather_pass_flags(struct gather *g, struct stream *to)
{
	static const char *const names[] = {"UID", "FLAGS", "MODSEQ"};
	struct resp_item item;
	const char *gap = "";
	struct buf b;
	size_t i;

	if (!gather_words(g, STR("FLAGS"), &item))
		return;
	buf_init(&b, LIMIT_RESPONSE_TEXT + 100);
	buf_printf(&b, "* %u FETCH (", (unsigned)g->seq);
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (!gather_words(g, str_c(names[i]), &item))
			continue;
		buf_printf(&b, "%s%s ", gap, names[i]);
		buf_str(&b, item.value);
		gap = " ";
	}
	buf_puts(&b, ")\r\n");
	if (!b.failed)
		stream_str(to, buf_text(&b));
	buf_clear(&b);
}
