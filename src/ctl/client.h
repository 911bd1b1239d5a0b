/*
 * client.h - one question to the control socket, with files, and its answer.
 */
#ifndef WAXWING_CTL_CLIENT_H
#define WAXWING_CTL_CLIENT_H

#include <jansson.h>

#include "base/err.h"

/* Descriptors that one question may carry. */
#define CLIENT_FDS 2

/*
 * Send {"command": ...} with descriptors (which stay the caller's) to the
 * daemon at path.  Returns the answer's object, or NULL: ERR_NOTFOUND when
 * nobody serves the socket, ERR_DENIED when it may not be used, others.
 */
json_t *client_ask(const char *path, json_t *question, const int *fds,
    size_t nfds, struct err *);

#endif
