/*
 * show.h - answers for people: one line a thing, "key=value" words.
 */
#ifndef WAXWING_CTL_SHOW_H
#define WAXWING_CTL_SHOW_H

#include <jansson.h>

/* Print an array of objects, or anything else, to standard output.  Names
 * from mail are escaped: they cannot steer a terminal. */
void show_list(json_t *);

/* The same for one object, on one line. */
void show_object(json_t *);

#endif
