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
	char text[300], place[120];
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

static void
free_entry(struct conf_entry *e)
{
	free(e->section);
	free(e->key);
	free(e->value);
	free(e);
}

int
conf_add_entry(struct conf *c, const char *section, const char *key,
    struct str value, unsigned line)
{
	struct conf_entry *e;

	if ((e = calloc(1, sizeof(*e))) == NULL)
		return (-1);
	e->section = strdup(section);
	e->key = strdup(key);
	e->value = strndup(value.p, value.len);
	e->line = line;
	e->opt = conf_option_find(c->schema, section, key);
	if (e->section == NULL || e->key == NULL || e->value == NULL ||
	    e->opt == NULL) {
		free_entry(e);
		return (-1);
	}
	if (c->last_entry != NULL)
		c->last_entry->next = e;
	else
		c->entries = e;
	c->last_entry = e;
	return (0);
}

int
conf_add_section(struct conf *c, const char *section, unsigned line)
{
	struct conf_name *n;

	if ((n = calloc(1, sizeof(*n))) == NULL)
		return (-1);
	if ((n->section = strdup(section)) == NULL) {
		free(n);
		return (-1);
	}
	n->line = line;
	if (c->last_section != NULL)
		c->last_section->next = n;
	else
		c->sections = n;
	c->last_section = n;
	return (0);
}

const struct conf_entry *
conf_entry_find(const struct conf *c, const char *section, const char *key)
{
	const struct conf_entry *e;

	for (e = c->entries; e != NULL; e = e->next)
		if (strcmp(e->section, section) == 0 &&
		    strcmp(e->key, key) == 0)
			return (e);
	return (NULL);
}

static struct conf_bytes *
find_file(const struct conf *c, const char *section, const char *key)
{
	struct conf_bytes *f;

	for (f = c->files; f != NULL; f = f->next)
		if (strcmp(f->section, section) == 0 &&
		    strcmp(f->key, key) == 0)
			return (f);
	return (NULL);
}

static void
free_file(struct conf_bytes *f)
{
	if (f->data != NULL)
		OPENSSL_cleanse(f->data, f->len);
	free(f->data);
	free(f->section);
	free(f->key);
	free(f);
}

void
conf_free(struct conf *c)
{
	struct conf_entry *e;
	struct conf_name *n;
	struct conf_bytes *f;

	if (c == NULL)
		return;
	while ((e = c->entries) != NULL) {
		c->entries = e->next;
		free_entry(e);
	}
	while ((n = c->sections) != NULL) {
		c->sections = n->next;
		free(n->section);
		free(n);
	}
	while ((f = c->files) != NULL) {
		c->files = f->next;
		free_file(f);
	}
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
compare(const struct conf *c, const dictionary *d, struct err *err)
{
	const struct conf_entry *e;
	const struct conf_name *n;
	const char *value;
	char name[700];
	int sections = 0, keys = 0;

	for (n = c->sections; n != NULL; n = n->next, sections++)
		keys += iniparser_getsecnkeys(d, n->section);
	for (e = c->entries; e != NULL; e = e->next, keys--) {
		(void)snprintf(name, sizeof(name), "%s:%s", e->section, e->key);
		value = iniparser_getstring(d, name, NULL);
		if (value == NULL || strcmp(value, e->value) != 0)
			return (conf_complain(c, e->line, e->section, e->key,
			    err, "the value cannot be read"));
	}
	if (iniparser_getnsec(d) != sections || keys != 0)
		return (conf_complain(c, 0, NULL, NULL, err,
		    "the file changed while it was read"));
	return (0);
}

/* Words are compared by whoever asks for them: one spelling is enough. */
static void
lower_words(struct conf *c)
{
	struct conf_entry *e;
	char *p;

	for (e = c->entries; e != NULL; e = e->next)
		if (e->opt->type == CONF_WORD)
			for (p = e->value; *p != '\0'; p++)
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
conf_load_as(const struct conf_schema *schema, const char *path,
    struct err *err)
{
	struct conf *c;

	if ((c = calloc(1, sizeof(*c))) == NULL ||
	    (c->path = strdup(path)) == NULL) {
		free(c);
		err_set(err, ERR_MEMORY, "no memory for the configuration");
		return (NULL);
	}
	c->schema = schema;
	if (load(c, err) == 0)
		return (c);
	conf_free(c);
	return (NULL);
}

struct conf *
conf_load(const char *path, struct err *err)
{
	return (conf_load_as(&conf_waxwing, path, err));
}

struct str
conf_file(const struct conf *c, const char *section, const char *key)
{
	const struct conf_bytes *f = find_file(c, section, key);

	return (f != NULL && f->data != NULL ? str_of(f->data, f->len)
	                                     : str_of("", 0));
}

static void
drop_file(struct conf *c, const char *section, const char *key)
{
	struct conf_bytes *f = find_file(c, section, key), **at;

	if (f == NULL)
		return;
	for (at = &c->files; *at != f; at = &(*at)->next)
		continue;
	*at = f->next;
	free_file(f);
}

int
conf_attach(struct conf *c, const char *section, const char *key,
    struct str bytes)
{
	struct conf_bytes *f;

	if ((f = calloc(1, sizeof(*f))) == NULL)
		return (-1);
	f->section = strdup(section);
	f->key = strdup(key);
	f->data = malloc(bytes.len + 1);
	if (f->section == NULL || f->key == NULL || f->data == NULL) {
		free_file(f);
		return (-1);
	}
	if (bytes.len > 0)
		memcpy(f->data, bytes.p, bytes.len);
	f->len = bytes.len;
	drop_file(c, section, key);
	f->next = c->files;
	c->files = f;
	return (0);
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
	const struct conf_entry *e;
	const struct conf_bytes *f;
	const struct conf_name *n;

	put_str(out, str_c(c->path));
	for (n = c->sections; n != NULL; n = n->next) {
		buf_putc(out, 's');
		put_str(out, str_c(n->section));
		put_u32(out, n->line);
	}
	for (e = c->entries; e != NULL; e = e->next) {
		buf_putc(out, 'e');
		put_str(out, str_c(e->section));
		put_str(out, str_c(e->key));
		put_str(out, str_c(e->value));
		put_u32(out, e->line);
	}
	for (f = c->files; f != NULL; f = f->next) {
		o = conf_option_find(c->schema, f->section, f->key);
		if (o == NULL || (o->roles & (1U << role)) == 0)
			continue;
		buf_putc(out, 'f');
		put_str(out, str_c(f->section));
		put_str(out, str_c(f->key));
		put_str(out, str_of(f->data, f->len));
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
	c->schema = &conf_waxwing;
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
	o = conf_option_find(c->schema, section, key);
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
	const struct conf_option *o = conf_option_find(c->schema, section, key);
	const char *value = conf_str(c, section, key);
	uint64_t n;

	if (o == NULL || value == NULL || !conf_number(o, str_c(value), &n))
		return (0);
	return (n);
}

const char *
conf_next(const struct conf *c, const char *kind, size_t *pos)
{
	size_t len = strlen(kind), i = 0;
	const struct conf_name *n;

	for (n = c->sections; n != NULL; n = n->next) {
		if (i++ < *pos || strncmp(n->section, kind, len) != 0 ||
		    n->section[len] != ' ')
			continue;
		*pos = i;
		return (n->section + len + 1);
	}
	*pos = i;
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
