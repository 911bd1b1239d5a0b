/*
 * agent.h - the role that knows other people's certificates: it looks them
 * up, imports them, and is the only writer of pub/.  It holds no private key
 * and no password, and it parses no certificate: the verifier does.
 */
#ifndef WAXWING_AGENT_AGENT_H
#define WAXWING_AGENT_AGENT_H

/* Runs until the parent says stop; returns the exit status (sys/proc.h). */
int agent_main(int parent_fd);

#endif
