/*
 * render_cli - print FETCH items of message files, for tests/oracle.
 *
 * Standard input has one file name a line; the arguments are items.  For each
 * file and item, in this order, comes one line with the length of what
 * follows, and then "NAME value" as it stands in a FETCH answer.
 */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "imap/nstring.h"
#include "imap/render.h"
#include "mail/preview.h"

#define OUT_MAX (256UL * 1024 * 1024)

static struct blob *
read_file(const char *name)
{
	struct buf b;
	FILE *f;
	char *p;
	size_t n;

	if ((f = fopen(name, "rb")) == NULL)
		return (NULL);
	buf_init(&b, OUT_MAX);
	while ((p = buf_room(&b, 65536)) != NULL &&
	       (n = fread(p, 1, 65536, f)) > 0)
		b.len += n;
	fclose(f);
	return (blob_take(&b));
}

/* The opener makes it, the proxy writes it. */
static int
put_preview(const struct view *v, struct buf *out)
{
	struct buf words;
	int rc;

	buf_init(&words, OUT_MAX);
	if ((rc = preview_make(v, &words)) == 0) {
		buf_puts(out, "PREVIEW ");
		nstring_put(out, buf_text(&words));
	}
	buf_clear(&words);
	return (rc);
}

static int
put_item(const struct view *v, const char *item, struct buf *out)
{
	const struct item_kind *kind;
	struct section sec;
	struct arena arena;
	int rc = -1;

	if ((kind = item_find(str_c(item))) == NULL) {
		arena_init(&arena, OUT_MAX);
		if (section_parse(str_c(item), &arena, &sec) == strlen(item))
			rc = render_section(v, &sec, out);
		arena_clear(&arena);
	} else if (kind->section != NULL) {
		rc = render_section(v, kind->section, out);
	} else if (item_is_preview(kind)) {
		rc = put_preview(v, out);
	} else if (kind->render != NULL) {
		buf_printf(out, "%s ", kind->name);
		rc = kind->render(v, out);
	}
	return (rc);
}

static int
put_file(const char *name, int nitems, char **items)
{
	struct blob *text;
	struct view *v;
	struct buf out;
	int i;

	if ((text = read_file(name)) == NULL)
		return (-1);
	v = view_new(text, NULL);
	blob_unref(text);
	if (v == NULL)
		return (-1);
	buf_init(&out, OUT_MAX);
	for (i = 0; i < nitems; i++) {
		buf_reset(&out);
		if (put_item(v, items[i], &out) < 0)
			break;
		printf("%zu\n", out.len);
		fwrite(buf_text(&out).p, 1, out.len, stdout);
	}
	buf_clear(&out);
	view_free(v);
	return (i == nitems ? 0 : -1);
}

int
main(int argc, char **argv)
{
	char name[4096];

	while (fgets(name, sizeof(name), stdin) != NULL) {
		name[strcspn(name, "\n")] = '\0';
		if (put_file(name, argc - 1, argv + 1) < 0) {
			fprintf(stderr, "render_cli: %s failed\n", name);
			return (EXIT_FAILURE);
		}
	}
	return (EXIT_SUCCESS);
}
