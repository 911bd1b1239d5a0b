/*
 * conf.h - the configuration: one table of {section, key, type, default,
 * help} drives parsing, checking, waxwingd -n and the reference in
 * waxwing.conf(5).  waxwing-cloudd has a table of its own.
 *
 * Sections may carry a name after a space: [upstream example.org].  iniparser
 * reads the file; a pass of our own before it finds line numbers, duplicates,
 * unknown sections and keys (with the nearest known one) and bad values.
 * Names of sections and keys are lower-case here, however they are written.
 */
#ifndef WAXWING_SYS_CONF_H
#define WAXWING_SYS_CONF_H

#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/span.h"
#include "sys/sandbox.h"

enum conf_type {
	CONF_STRING,
	CONF_PATH,   /* a file or directory that roles open themselves */
	CONF_FILE,   /* the parent reads it; its bytes travel with the conf */
	CONF_SECRET, /* the same; nobody else may be able to read it */
	CONF_BOOL,
	CONF_NUMBER,  /* decimal */
	CONF_SIZE,    /* bytes, with K, M or G */
	CONF_SECONDS, /* with s, m, h or d */
	CONF_WORD,
	CONF_LIST,   /* between commas or blanks; may be empty */
	CONF_ADDRS,  /* a list of mail addresses, or patterns of them */
	CONF_LISTEN, /* list of ADDRESS:PORT, [V6]:PORT, localhost:PORT */
	CONF_URL,    /* SCHEME://HOST or SCHEME://HOST:PORT */
};

struct conf_option {
	const char *section; /* without its name */
	const char *key;
	enum conf_type type;
	const char *def;     /* as text; NULL: unset */
	const char *example; /* shown where there is no default */
	/* CONF_WORD, CONF_LIST, CONF_URL: "off|on";
	 * CONF_ADDRS: of "address|*@domain|*@*.domain|*" what may stand there;
	 * CONF_NUMBER, CONF_SIZE, CONF_SECONDS: "least-most" */
	const char *words;
	unsigned roles;   /* CONF_FILE: 1 << ROLE_x for each that gets it */
	const char *help; /* whole sentences, mdoc-neutral */
};

/* The kinds of sections, in the order of the manual. */
struct conf_section {
	const char *kind;
	const char *name;    /* what its name is, or NULL if it has none */
	const char *example; /* such a name */
	const char *help;
};

/* What one program can be told. */
struct conf_schema {
	const char *intro; /* comment lines at the top of the default file */
	const struct conf_section *sections;
	size_t nsections;
	const struct conf_option *options;
	size_t noptions;
};

extern const struct conf_schema conf_waxwing; /* waxwingd's */

struct conf;

/* Read and check.  err: "FILE:LINE: [section] key: what is wrong". */
struct conf *conf_load_as(const struct conf_schema *, const char *path,
    struct err *);
/* The same with conf_waxwing. */
struct conf *conf_load(const char *path, struct err *);
void conf_free(struct conf *); /* accepts NULL */

/* Read the CONF_FILEs and CONF_SECRETs (the parent, before it drops
 * privileges), at most LIMIT_CONF_FILE bytes each. */
int conf_read_files(struct conf *, struct err *);

/* Say in err what is wrong with a value that only use can judge, in the words
 * of conf_load().  section, key may be NULL.  Always -1. */
int conf_blame(const struct conf *, const char *section, const char *key,
    struct err *, const char *why);
/* The same of what err says, whose code stays: another start may do. */
int conf_blame_for(const struct conf *, const char *section, const char *key,
    struct err *);

/* The bytes of a CONF_FILE; empty if it is not set or not for this role. */
struct str conf_file(const struct conf *, const char *section, const char *key);

/* As if the file had held these bytes (the certificate made at first start). */
int conf_attach(struct conf *, const char *section, const char *key,
    struct str);

/* To another role of waxwingd, with the files meant for it (get is put's
 * partner).  The bytes hold private keys: wipe them. */
void conf_put(const struct conf *, enum role, struct buf *);
struct conf *conf_get(struct str, struct err *);

/* section is the whole name ("imap", "upstream example.org"), key one of the
 * table.  The default if it is not set; NULL if there is none. */
const char *conf_str(const struct conf *, const char *section, const char *key);
/* Does the file say it, so that it is no default? */
bool conf_is_set(const struct conf *, const char *section, const char *key);
bool conf_bool(const struct conf *, const char *section, const char *key);
/* A number, a size in bytes or a time in seconds; 0 if it is not set. */
uint64_t conf_num(const struct conf *, const char *section, const char *key);

/* The names of the sections of a kind ("upstream" -> "example.org"), in the
 * order of the file: *pos = 0 to start, NULL at the end. */
const char *conf_next(const struct conf *, const char *kind, size_t *pos);

/* The words of a CONF_LIST or CONF_LISTEN value, split at commas and blanks:
 * *pos = 0 to start, false at the end. */
bool conf_word(const char *value, size_t *pos, struct str *word);

#define CONF_HOST 256

/* Take a CONF_URL value apart; without a port in it, the scheme's own.  -1 on
 * bad syntax. */
int conf_url(struct str url, struct str *scheme, char host[CONF_HOST],
    uint16_t *port);
/* Take a word of a CONF_LISTEN value apart. */
int conf_hostport(struct str, char host[CONF_HOST], uint16_t *port);

/* Print the commented default file, or the mdoc list for the manual. */
void conf_print_default(const struct conf_schema *, struct buf *);
void conf_print_mdoc(const struct conf_schema *, struct buf *);

/* Are clients taken from this machine only? */
bool conf_loopback_only(const struct conf *);

/* Is this login to get certificates from the cloud ([cloud], [enrol])? */
bool conf_enrols(const struct conf *, struct str login);

#endif
