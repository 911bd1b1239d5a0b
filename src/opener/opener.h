/*
 * opener.h - the role that opens hostile mail.
 *
 * It has no network.  It is bound to one account for its life and given only
 * that account's decryption keys; started for no account it has none and is
 * the verifier, which checks certificates for the agent.
 */
#ifndef WAXWING_OPENER_OPENER_H
#define WAXWING_OPENER_OPENER_H

int opener_main(int parent_fd);

#endif
