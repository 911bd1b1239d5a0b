/*
 * Our own pass over the text.  iniparser reads the values afterwards, but it
 * knows no line numbers, lets the last of two equal keys win, takes half of
 * what it does not understand and hides a section whose name has a colon.
 * Here is refused whatever it could read in another way than a person would.
 */

#include "config.h"

#include <stdio.h>
#include <string.h>

#include "sys/conf_priv.h"

/* iniparser's lines have 1024 bytes with everything. */
#define LINE_LEN 1000

/* Section and key names; longer ones are no use to anybody. */
#define NAME_LEN 300

struct scan {
	struct conf *conf;
	unsigned line;
	char section[NAME_LEN]; /* lower-case; empty before the first */
};

/* How many letters must change to make a of b (Levenshtein). */
static size_t
distance(const char *a, const char *b)
{
	size_t row[33], n = strlen(b), i, j, diag, up, best;

	if (strlen(a) > 32 || n > 32)
		return (99);
	for (j = 0; j <= n; j++)
		row[j] = j;
	for (i = 1; a[i - 1] != '\0'; i++) {
		diag = row[0];
		row[0] = i;
		for (j = 1; j <= n; j++) {
			up = row[j];
			best = diag + (a[i - 1] == b[j - 1] ? 0 : 1);
			if (up + 1 < best)
				best = up + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			row[j] = best;
			diag = up;
		}
	}
	return (row[n]);
}

/* Keep the candidate that is nearest, if it is near enough to be meant. */
static void
nearer(const char *word, const char *candidate, size_t *least,
    const char **nearest)
{
	size_t d = distance(word, candidate);

	if (d < *least) {
		*least = d;
		*nearest = candidate;
	}
}

static int
unknown_section(struct scan *sc, const char *section, struct err *err)
{
	const struct conf_schema *t = sc->conf->schema;
	char kind[NAME_LEN];
	const char *nearest = NULL;
	size_t i, least = 4;

	(void)snprintf(kind, sizeof(kind), "%.*s", (int)conf_kind_len(section),
	    section);
	for (i = 0; i < t->nsections; i++)
		nearer(kind, t->sections[i].kind, &least, &nearest);
	if (nearest != NULL)
		return (conf_complain(sc->conf, sc->line, section, NULL, err,
		    "unknown section, did you mean [%s]?", nearest));
	return (conf_complain(sc->conf, sc->line, section, NULL, err,
	    "unknown section"));
}

static int
unknown_key(struct scan *sc, const char *key, struct err *err)
{
	const struct conf_schema *t = sc->conf->schema;
	const struct conf_option *o;
	const char *nearest = NULL;
	size_t i, least = 4;

	for (i = 0; i < t->noptions; i++) {
		o = &t->options[i];
		if (strlen(o->section) == conf_kind_len(sc->section) &&
		    strncmp(o->section, sc->section, strlen(o->section)) == 0)
			nearer(key, o->key, &least, &nearest);
	}
	if (nearest != NULL)
		return (conf_complain(sc->conf, sc->line, sc->section, key, err,
		    "unknown key, did you mean %s?", nearest));
	for (i = 0; i < t->noptions; i++)
		if (strcmp(t->options[i].key, key) == 0)
			return (conf_complain(sc->conf, sc->line, sc->section,
			    key, err, "unknown key, it belongs to [%s]",
			    t->options[i].section));
	return (conf_complain(sc->conf, sc->line, sc->section, key, err,
	    "unknown key"));
}

/* A lower-case copy; false if it does not fit. */
static bool
lower(struct str s, char *out, size_t size)
{
	size_t i;

	if (s.len >= size)
		return (false);
	for (i = 0; i < s.len; i++)
		out[i] = ascii_lower(s.p[i]);
	out[s.len] = '\0';
	return (true);
}

/* Printable ASCII only: iniparser's idea of lower case knows nothing else. */
static bool
is_plain(struct str s)
{
	size_t i;

	for (i = 0; i < s.len; i++)
		if (s.p[i] < ' ' || s.p[i] > '~')
			return (false);
	return (true);
}

/* Is the name as its kind wants it? */
static int
check_name(struct scan *sc, const struct conf_section *kind,
    const char *section, struct err *err)
{
	const char *name = section + conf_kind_len(section);

	if (kind->name == NULL && *name != '\0')
		return (conf_complain(sc->conf, sc->line, section, NULL, err,
		    "this section takes no name"));
	if (kind->name == NULL)
		return (0);
	if (*name == '\0')
		return (conf_complain(sc->conf, sc->line, section, NULL, err,
		    "the %s is missing, as in [%s %s]", kind->name, kind->kind,
		    kind->example));
	if (strchr(name + 1, ' ') != NULL)
		return (conf_complain(sc->conf, sc->line, section, NULL, err,
		    "one blank, then the %s without any", kind->name));
	return (0);
}

static int
scan_section(struct scan *sc, struct str line, struct err *err)
{
	const struct conf_section *kind;
	const struct conf_name *old;
	size_t end = str_find(line, ']');
	struct str name;

	if (end != line.len - 1)
		return (conf_complain(sc->conf, sc->line, NULL, NULL, err,
		    end == line.len ? "] is missing"
		                    : "nothing may follow the ]"));
	name = str_trim(str_of(line.p + 1, line.len - 2));
	if (!is_plain(name))
		return (conf_complain(sc->conf, sc->line, NULL, NULL, err,
		    "a section name is written in ASCII without tabs"));
	if (!lower(name, sc->section, sizeof(sc->section)))
		return (conf_complain(sc->conf, sc->line, NULL, NULL, err,
		    "the section name is too long"));
	if (strchr(sc->section, ':') != NULL)
		return (conf_complain(sc->conf, sc->line, sc->section, NULL,
		    err, "a section name cannot hold a colon"));
	if ((kind = conf_section_find(sc->conf->schema, sc->section)) == NULL)
		return (unknown_section(sc, sc->section, err));
	if (check_name(sc, kind, sc->section, err) != 0)
		return (-1);
	for (old = sc->conf->sections; old != NULL; old = old->next)
		if (strcmp(old->section, sc->section) == 0)
			return (conf_complain(sc->conf, sc->line, sc->section,
			    NULL, err, "is there already, in line %u",
			    old->line));
	if (conf_add_section(sc->conf, sc->section, sc->line) != 0) {
		err_set(err, ERR_MEMORY, "no memory for the configuration");
		return (-1);
	}
	return (0);
}

/* What may stand after a value: nothing, or a comment after a blank. */
static bool
is_rest(struct str s)
{
	struct str t = str_trim(s);

	return (t.len == 0 || ((t.p[0] == '#' || t.p[0] == ';') && t.p != s.p));
}

/* The value between quotes, or NULL with what is wrong. */
static const char *
quoted(struct str v, struct str *out)
{
	struct str rest = str_of(v.p + 1, v.len - 1);
	size_t end = str_find(rest, v.p[0]);

	if (end == rest.len)
		return ("the closing quote is missing");
	*out = str_of(rest.p, end);
	if (str_trim(*out).len != out->len)
		return ("blanks at the ends of a quoted value");
	if (!is_rest(str_of(rest.p + end + 1, rest.len - end - 1)))
		return ("something follows the closing quote");
	return (NULL);
}

static const char *
unquoted(struct str v, struct str *out)
{
	size_t i;

	*out = v;
	for (i = 0; i < v.len; i++) {
		if (v.p[i] != '#' && v.p[i] != ';')
			continue;
		if (i > 0 && v.p[i - 1] != ' ' && v.p[i - 1] != '\t')
			return ("a value with # or ; must stand in quotes");
		*out = str_trim(str_of(v.p, i));
		return (NULL);
	}
	return (NULL);
}

static int
scan_key(struct scan *sc, struct str line, struct err *err)
{
	size_t eq = str_find(line, '=');
	const struct conf_entry *old;
	const char *wrong;
	char key[NAME_LEN];
	struct str name, value;

	if (eq == line.len || eq == 0)
		return (conf_complain(sc->conf, sc->line, NULL, NULL, err,
		    "neither [section] nor key = value"));
	name = str_trim(str_of(line.p, eq));
	if (!is_plain(name) || !lower(name, key, sizeof(key)))
		return (conf_complain(sc->conf, sc->line, NULL, NULL, err,
		    "no usable key before the ="));
	if (sc->section[0] == '\0')
		return (conf_complain(sc->conf, sc->line, NULL, key, err,
		    "stands before the first section"));
	if (conf_option_find(sc->conf->schema, sc->section, key) == NULL)
		return (unknown_key(sc, key, err));
	if ((old = conf_entry_find(sc->conf, sc->section, key)) != NULL)
		return (conf_complain(sc->conf, sc->line, sc->section, key, err,
		    "is set already, in line %u", old->line));
	value = str_trim(str_of(line.p + eq + 1, line.len - eq - 1));
	if (value.len > 0 && (value.p[0] == '"' || value.p[0] == '\''))
		wrong = quoted(value, &value);
	else
		wrong = unquoted(value, &value);
	if (wrong != NULL)
		return (conf_complain(sc->conf, sc->line, sc->section, key, err,
		    "%s", wrong));
	if (conf_add_entry(sc->conf, sc->section, key, value, sc->line) != 0) {
		err_set(err, ERR_MEMORY, "no memory for the configuration");
		return (-1);
	}
	return (0);
}

static int
scan_line(struct scan *sc, struct str line, struct err *err)
{
	size_t i;

	if (line.len > LINE_LEN)
		return (conf_complain(sc->conf, sc->line, NULL, NULL, err,
		    "the line is longer than %d bytes", LINE_LEN));
	for (i = 0; i < line.len; i++)
		if (((unsigned char)line.p[i] < ' ' && line.p[i] != '\t' &&
		        line.p[i] != '\r') ||
		    line.p[i] == 0x7f)
			return (conf_complain(sc->conf, sc->line, NULL, NULL,
			    err, "a control character"));
	line = str_trim(line);
	/* also in a comment, where iniparser would join the next line to it */
	if (line.len > 0 && line.p[line.len - 1] == '\\')
		return (conf_complain(sc->conf, sc->line, NULL, NULL, err,
		    "a line cannot be continued with a backslash"));
	if (line.len == 0 || line.p[0] == '#' || line.p[0] == ';')
		return (0);
	if (line.p[0] == '[')
		return (scan_section(sc, line, err));
	return (scan_key(sc, line, err));
}

int
conf_scan(struct conf *c, struct str text, struct err *err)
{
	struct scan sc = {.conf = c};
	size_t len;

	while (text.len > 0) {
		sc.line++;
		len = str_find(text, '\n');
		if (scan_line(&sc, str_of(text.p, len), err) != 0)
			return (-1);
		if (len < text.len)
			len++;
		text = str_of(text.p + len, text.len - len);
	}
	return (0);
}
