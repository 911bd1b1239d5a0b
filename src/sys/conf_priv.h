/*
 * conf_priv.h - what the files of conf share.
 *
 * conf_table.c is the table, conf_scan.c our own pass over the text,
 * conf_check.c judges values, conf_file.c reads what the conf names,
 * conf_print.c prints the table, conf.c is the rest.
 */
#ifndef WAXWING_SYS_CONF_PRIV_H
#define WAXWING_SYS_CONF_PRIV_H

#include "sys/conf.h"

struct conf_entry {
	struct conf_entry *next;
	char *section; /* owned; lower-case, with its name */
	char *key;     /* owned */
	char *value;   /* owned */
	unsigned line;
	const struct conf_option *opt; /* NULL while being scanned */
};

struct conf_name {
	struct conf_name *next;
	char *section; /* owned */
	unsigned line;
};

struct conf_bytes {
	struct conf_bytes *next;
	char *section; /* owned */
	char *key;     /* owned */
	char *data;    /* owned, secret */
	size_t len;
};

struct conf {
	const struct conf_schema *schema;
	char *path; /* owned */
	/* all owned, in the order of the file */
	struct conf_entry *entries;
	struct conf_entry *last_entry; /* borrowed */
	struct conf_name *sections;
	struct conf_name *last_section; /* borrowed */
	struct conf_bytes *files;
};

/* "PATH:LINE: [section] key: text".  section, key may be NULL.  Returns -1. */
int conf_complain(const struct conf *, unsigned line, const char *section,
    const char *key, struct err *, const char *, ...)
    __attribute__((format(printf, 6, 7)));

/* The kind's length in a section's whole name: "upstream" of "upstream x". */
size_t conf_kind_len(const char *section);

/* The table's row, or NULL. */
const struct conf_option *conf_option_find(const struct conf_schema *,
    const char *section, const char *key);
const struct conf_section *conf_section_find(const struct conf_schema *,
    const char *section);

const struct conf_entry *conf_entry_find(const struct conf *,
    const char *section, const char *key);

/* These append copies; -1 when memory is out. */
int conf_add_entry(struct conf *, const char *section, const char *key,
    struct str value, unsigned line);
int conf_add_section(struct conf *, const char *section, unsigned line);

/* conf_scan.c: fill entries and sections. */
int conf_scan(struct conf *, struct str text, struct err *);

/* conf_check.c: every value, and what belongs together. */
int conf_check(const struct conf *, struct err *);
/* A number with its unit, within the option's bounds.  False if it is none. */
bool conf_number(const struct conf_option *, struct str value, uint64_t *out);
/* -1 unless it is yes or no. */
int conf_yes(const char *value);

/* conf_file.c */
int conf_read(const char *path, bool secret, struct buf *out, struct err *);

#endif
