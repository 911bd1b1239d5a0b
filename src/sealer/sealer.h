/*
 * sealer.h - the role that holds everybody's signing keys: it signs and seals
 * outgoing mail, imports keys, and is the only writer of the key store.  It
 * has no network and never parses foreign mail.
 */
#ifndef WAXWING_SEALER_SEALER_H
#define WAXWING_SEALER_SEALER_H

/* Runs until the parent says stop; returns the exit status (sys/proc.h). */
int sealer_main(int parent_fd);

#endif
