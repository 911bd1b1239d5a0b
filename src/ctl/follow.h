/*
 * follow.h - wait for an enrolment and tell how it goes.
 */
#ifndef WAXWING_CTL_FOLLOW_H
#define WAXWING_CTL_FOLLOW_H

#include <jansson.h>
#include <stdbool.h>

#include "base/err.h"

/*
 * Ask again and again until the enrolment of an address ends, waits for
 * somebody, or FOLLOW_S are over; with talk, each change is a line.  Returns
 * the last state (as in the status's "enrolments"), the caller's, or
 * NULL: ERR_TIMEOUT, ERR_PEER if there is none, or what client_ask() says.
 */
#define FOLLOW_S 300

json_t *follow(const char *socket, const char *address, const char *account,
    bool talk, struct err *);

#endif
