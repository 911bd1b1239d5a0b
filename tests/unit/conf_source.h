/*
 * conf_source.h - what is printed of a table of options stands in the source.
 */
#ifndef WAXWING_TESTS_UNIT_CONF_SOURCE_H
#define WAXWING_TESTS_UNIT_CONF_SOURCE_H

#include "base/buf.h"
#include "sys/conf.h"

/* Append a file of the source, named from its top. */
void conf_source_read(const char *name, struct buf *out);

/* Such a file is the default configuration; the reference in such a manual
 * page is the table's. */
void conf_source_default(const struct conf_schema *, const char *name);
void conf_source_manual(const struct conf_schema *, const char *name);

/* "--print default" or "--print mdoc": true if it was that. */
bool conf_source_print(const struct conf_schema *, int argc, char **argv);

#endif
