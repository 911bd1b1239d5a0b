/*
 * export.h - the file that a key export writes.
 */
#ifndef WAXWING_CTL_EXPORT_H
#define WAXWING_CTL_EXPORT_H

#include "base/err.h"
#include "base/span.h"

/* Make a new file (0600) that nobody else has; the descriptor, or -1. */
int export_create(const char *path, struct err *);

/* Write base64 text as bytes to it and close it; a file that could not be
 * written whole is removed. */
int export_finish(int fd, const char *path, struct str base64, struct err *);

/* Close and remove it. */
void export_abandon(int fd, const char *path);

#endif
