/*
 * show.h - answers for people: one line a thing, "key=value" words.
 */
#ifndef WAXWING_CTL_SHOW_H
#define WAXWING_CTL_SHOW_H

#include <jansson.h>

/* Print a value to standard output: an array of objects, one object with
 * arrays of them, or anything else.  Words from mail are escaped: they cannot
 * steer a terminal. */
void show(json_t *);

#endif
