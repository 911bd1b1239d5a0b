/*
 * secret.h - a passphrase, from the terminal or a file, as a descriptor: never
 * as an argument or in the environment.
 */
#ifndef WAXWING_CTL_SECRET_H
#define WAXWING_CTL_SECRET_H

#include "base/blob.h"
#include "base/err.h"

/* Ask on the terminal, without echo.  The blob is a memfd. */
struct blob *secret_ask(const char *prompt, struct err *);

/* The first line of a file, without its end. */
struct blob *secret_read(const char *path, struct err *);

#endif
