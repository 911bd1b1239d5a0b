/*
 * progress.h - wait for a resync and show how far it is.
 */
#ifndef WAXWING_CTL_PROGRESS_H
#define WAXWING_CTL_PROGRESS_H

#include <jansson.h>
#include <stdbool.h>

#include "base/err.h"

/*
 * Ask again and again until the resync of an address ends; with talk, a bar
 * grows on a terminal's standard error.  Returns how it ended, the caller's, or
 * NULL: the daemon cannot tell any more.
 */
json_t *progress(const char *socket, const char *address, const char *account,
    bool talk, struct err *);

#endif
