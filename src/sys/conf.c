#include "config.h"

#include "sys/conf.h"

#include <iniparser/iniparser.h>
#include <openssl/crypto.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "sys/conf_priv.h"

int
conf_complain(const struct conf *c, unsigned line, const char *section,
    const char *key, struct err *err, const char *fmt, ...)
{
	char text[200], place[120];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	place[0] = '\0';
	if (section != NULL && key != NULL)
		(void)snprintf(place, sizeof(place), "[%.60s] %.40s: ", section,
		    key);
	else if (section != NULL)
		(void)snprintf(place, sizeof(place), "[%.60s]: ", section);
	else if (key != NULL)
		(void)snprintf(place, sizeof(place), "%.40s: ", key);
	if (line > 0)
		err_set(err, ERR_SYNTAX, "%s:%u: %s%s", c->path, line, place,
		    text);
	else
		err_set(err, ERR_SYNTAX, "%s: %s%s", c->path, place, text);
	return (-1);
}

/* Room for one more of size bytes in an array of n, doubled when it is full.
 * The pointer in *array is replaced. */
static void *
grow(void **array, size_t n, size_t size)
{
	void *p;

	if (n > 0 && (n & (n - 1)) != 0)
		return (*array); /* between two powers of two */
	if ((p = reallocarray(*array, n == 0 ? 1 : 2 * n, size)) != NULL)
		*array = p;
	return (p);
}

int
conf_add_entry(struct conf *c, const char *section, const char *key,
    struct str value, unsigned line)
{
	struct conf_entry *e;
	void *array = c->entries;

	if (grow(&array, c->nentries, sizeof(*c->entries)) == NULL)
		return (-1);
	c->entries = array;
	e = &c->entries[c->nentries++];
	e->section = strdup(section);
	e->key = strdup(key);
	e->value = strndup(value.p, value.len);
	e->line = line;
	e->opt = conf_option_find(section, key);
	return (e->section != NULL && e->key != NULL && e->value != NULL &&
	                e->opt != NULL
	            ? 0
	            : -1);
}

int
conf_add_section(struct conf *c, const char *section, unsigned line)
{
	struct conf_name *n;
	void *array = c->sections;

	if (grow(&array, c->nsections, sizeof(*c->sections)) == NULL)
		return (-1);
	c->sections = array;
	n = &c->sections[c->nsections++];
	n->section = strdup(section);
	n->line = line;
	return (n->section != NULL ? 0 : -1);
}

const struct conf_entry *
conf_entry_find(const struct conf *c, const char *section, const char *key)
{
	size_t i;

	for (i = 0; i < c->nentries; i++)
		if (strcmp(c->entries[i].section, section) == 0 &&
		    strcmp(c->entries[i].key, key) == 0)
			return (&c->entries[i]);
	return (NULL);
}

static struct conf_bytes *
find_file(const struct conf *c, const char *section, const char *key)
{
	size_t i;

	for (i = 0; i < c->nfiles; i++)
		if (strcmp(c->files[i].section, section) == 0 &&
		    strcmp(c->files[i].key, key) == 0)
			return (&c->files[i]);
	return (NULL);
}

static void
wipe(struct conf_bytes *f)
{
	if (f->data != NULL)
		OPENSSL_cleanse(f->data, f->len);
	free(f->data);
	f->data = NULL;
	f->len = 0;
}

void
conf_free(struct conf *c)
{
	size_t i;

	if (c == NULL)
		return;
	for (i = 0; i < c->nentries; i++) {
		free(c->entries[i].section);
		free(c->entries[i].key);
		free(c->entries[i].value);
	}
	for (i = 0; i < c->nsections; i++)
		free(c->sections[i].section);
	for (i = 0; i < c->nfiles; i++) {
		wipe(&c->files[i]);
		free(c->files[i].section);
		free(c->files[i].key);
	}
	free(c->entries);
	free(c->sections);
	free(c->files);
	free(c->path);
	free(c);
}

/* iniparser would print to standard error; what it has to say was said by
 * conf_scan() already, with the line. */
static int
silent(const char *fmt, ...)
{
	(void)fmt;
	return (0);
}

/* Take the values as iniparser reads them.  They are the same as ours, or
 * the file is read differently by two readers and believed by none. */
static int
compare(struct conf *c, const dictionary *d, struct err *err)
{
	const struct conf_entry *e;
	const char *value;
	char name[700];
	size_t i, total = 0;

	for (i = 0; i < c->nsections; i++)
		total +=
		    (size_t)iniparser_getsecnkeys(d, c->sections[i].section);
	if ((size_t)iniparser_getnsec(d) != c->nsections ||
	    total != c->nentries)
		return (conf_complain(c, 0, NULL, NULL, err,
		    "the file changed while it was read"));
	for (i = 0; i < c->nentries; i++) {
		e = &c->entries[i];
		(void)snprintf(name, sizeof(name), "%s:%s", e->section, e->key);
		value = iniparser_getstring(d, name, NULL);
		if (value == NULL || strcmp(value, e->value) != 0)
			return (conf_complain(c, e->line, e->section, e->key,
			    err, "the value cannot be read"));
	}
	return (0);
}

/* Words are compared by whoever asks for them: one spelling is enough. */
static void
lower_words(struct conf *c)
{
	size_t i;
	char *p;

	for (i = 0; i < c->nentries; i++)
		if (c->entries[i].opt->type == CONF_WORD)
			for (p = c->entries[i].value; *p != '\0'; p++)
				*p = ascii_lower(*p);
}

static int
load(struct conf *c, struct err *err)
{
	struct err why;
	struct buf text;
	dictionary *d;
	int rc;

	buf_init(&text, 2 * LIMIT_CONF_FILE);
	if (conf_read(c->path, false, &text, &why) != 0) {
		err_set(err, why.code, "%s: %s", c->path, why.text);
		return (-1);
	}
	rc = conf_scan(c, buf_text(&text), err);
	buf_clear(&text);
	if (rc != 0)
		return (-1);
	iniparser_set_error_callback(silent);
	d = iniparser_load(c->path);
	iniparser_set_error_callback(NULL);
	if (d == NULL)
		return (conf_complain(c, 0, NULL, NULL, err,
		    "the file cannot be read"));
	rc = compare(c, d, err);
	iniparser_freedict(d);
	if (rc != 0 || conf_check(c, err) != 0)
		return (-1);
	lower_words(c);
	return (0);
}

struct conf *
conf_load(const char *path, struct err *err)
{
	struct conf *c;

	if ((c = calloc(1, sizeof(*c))) == NULL ||
	    (c->path = strdup(path)) == NULL) {
		free(c);
		err_set(err, ERR_MEMORY, "no memory for the configuration");
		return (NULL);
	}
	if (load(c, err) == 0)
		return (c);
	conf_free(c);
	return (NULL);
}

struct str
conf_file(const struct conf *c, const char *section, const char *key)
{
	const struct conf_bytes *f = find_file(c, section, key);

	return (f != NULL ? str_of(f->data, f->len) : str_of("", 0));
}

int
conf_attach(struct conf *c, const char *section, const char *key,
    struct str bytes)
{
	struct conf_bytes *f;
	void *array = c->files;
	char *copy;

	if ((copy = malloc(bytes.len + 1)) == NULL)
		return (-1);
	if (bytes.len > 0)
		memcpy(copy, bytes.p, bytes.len);
	if ((f = find_file(c, section, key)) == NULL) {
		if (grow(&array, c->nfiles, sizeof(*c->files)) == NULL)
			goto fail;
		c->files = array;
		f = &c->files[c->nfiles];
		f->data = NULL;
		f->len = 0;
		f->section = strdup(section);
		f->key = strdup(key);
		if (f->section == NULL || f->key == NULL) {
			free(f->section);
			free(f->key);
			goto fail;
		}
		c->nfiles++;
	}
	wipe(f);
	f->data = copy;
	f->len = bytes.len;
	return (0);
fail:
	OPENSSL_cleanse(copy, bytes.len);
	free(copy);
	return (-1);
}

/*
 * On the wire: strings as a 32-bit big-endian length and bytes; first the
 * path, then records, each with a letter before it: s section line, e section
 * key value line, f section key bytes.
 */
static void
put_u32(struct buf *out, size_t n)
{
	uint8_t b[4];

	b[0] = (uint8_t)(n >> 24);
	b[1] = (uint8_t)(n >> 16);
	b[2] = (uint8_t)(n >> 8);
	b[3] = (uint8_t)n;
	buf_put(out, b, sizeof(b));
}

static void
put_str(struct buf *out, struct str s)
{
	put_u32(out, s.len);
	buf_str(out, s);
}

void
conf_put(const struct conf *c, enum role role, struct buf *out)
{
	const struct conf_option *o;
	size_t i;

	put_str(out, str_c(c->path));
	for (i = 0; i < c->nsections; i++) {
		buf_putc(out, 's');
		put_str(out, str_c(c->sections[i].section));
		put_u32(out, c->sections[i].line);
	}
	for (i = 0; i < c->nentries; i++) {
		buf_putc(out, 'e');
		put_str(out, str_c(c->entries[i].section));
		put_str(out, str_c(c->entries[i].key));
		put_str(out, str_c(c->entries[i].value));
		put_u32(out, c->entries[i].line);
	}
	for (i = 0; i < c->nfiles; i++) {
		o = conf_option_find(c->files[i].section, c->files[i].key);
		if (o == NULL || (o->roles & (1U << role)) == 0)
			continue;
		buf_putc(out, 'f');
		put_str(out, str_c(c->files[i].section));
		put_str(out, str_c(c->files[i].key));
		put_str(out, str_of(c->files[i].data, c->files[i].len));
	}
}

static bool
get_u32(struct str *in, size_t *out)
{
	const uint8_t *b = (const uint8_t *)in->p;

	if (in->len < 4)
		return (false);
	*out =
	    (size_t)b[0] << 24 | (size_t)b[1] << 16 | (size_t)b[2] << 8 | b[3];
	*in = str_of(in->p + 4, in->len - 4);
	return (true);
}

static bool
get_str(struct str *in, struct str *out)
{
	size_t len;

	if (!get_u32(in, &len) || len > in->len)
		return (false);
	*out = str_of(in->p, len);
	*in = str_of(in->p + len, in->len - len);
	return (true);
}

/* A name, NUL-terminated. */
static bool
get_name(struct str *in, char *out, size_t size)
{
	struct str s;

	if (!get_str(in, &s) || s.len >= size ||
	    memchr(s.p, '\0', s.len) != NULL)
		return (false);
	memcpy(out, s.p, s.len);
	out[s.len] = '\0';
	return (true);
}

static bool
get_record(struct conf *c, struct str *in)
{
	char what = in->p[0], section[400], key[400];
	struct str value;
	size_t line;

	*in = str_of(in->p + 1, in->len - 1);
	if (!get_name(in, section, sizeof(section)))
		return (false);
	if (what == 's')
		return (get_u32(in, &line) &&
		        conf_add_section(c, section, (unsigned)line) == 0);
	if (!get_name(in, key, sizeof(key)) || !get_str(in, &value))
		return (false);
	if (what == 'f')
		return (conf_attach(c, section, key, value) == 0);
	return (what == 'e' && get_u32(in, &line) &&
	        conf_add_entry(c, section, key, value, (unsigned)line) == 0);
}

struct conf *
conf_get(struct str in, struct err *err)
{
	struct conf *c;
	struct str path;

	if ((c = calloc(1, sizeof(*c))) == NULL) {
		err_set(err, ERR_MEMORY, "no memory for the configuration");
		return (NULL);
	}
	if (!get_str(&in, &path) ||
	    (c->path = strndup(path.p, path.len)) == NULL)
		goto fail;
	while (in.len > 0)
		if (!get_record(c, &in))
			goto fail;
	return (c);
fail:
	err_set(err, ERR_SYNTAX, "malformed configuration record");
	conf_free(c);
	return (NULL);
}

const char *
conf_str(const struct conf *c, const char *section, const char *key)
{
	const struct conf_entry *e = conf_entry_find(c, section, key);
	const struct conf_option *o;

	if (e != NULL)
		return (e->value);
	o = conf_option_find(section, key);
	return (o != NULL ? o->def : NULL);
}

bool
conf_is_set(const struct conf *c, const char *section, const char *key)
{
	return (conf_entry_find(c, section, key) != NULL);
}

bool
conf_bool(const struct conf *c, const char *section, const char *key)
{
	const char *value = conf_str(c, section, key);

	return (value != NULL && conf_yes(value) == 1);
}

uint64_t
conf_num(const struct conf *c, const char *section, const char *key)
{
	const struct conf_option *o = conf_option_find(section, key);
	const char *value = conf_str(c, section, key);
	uint64_t n;

	if (o == NULL || value == NULL || !conf_number(o, str_c(value), &n))
		return (0);
	return (n);
}

const char *
conf_next(const struct conf *c, const char *kind, size_t *pos)
{
	size_t len = strlen(kind);
	const char *section;

	while (*pos < c->nsections) {
		section = c->sections[(*pos)++].section;
		if (strncmp(section, kind, len) == 0 && section[len] == ' ')
			return (section + len + 1);
	}
	return (NULL);
}

bool
conf_word(const char *value, size_t *pos, struct str *word)
{
	size_t start;

	if (value == NULL)
		return (false);
	start = *pos + strspn(value + *pos, ", \t");
	*pos = start + strcspn(value + start, ", \t");
	*word = str_of(value + start, *pos - start);
	return (word->len > 0);
}
