/*
 * challenge.h - what the agent needs of the mailbox to prove that it is its
 * user's (RFC 8823 3): find the challenge mail, send the answer, remove the
 * challenge.
 *
 * The proxy does it because it holds the credential, on connections beside
 * those of the clients.  What the mail says is judged elsewhere.
 */
#ifndef WAXWING_PROXY_CHALLENGE_H
#define WAXWING_PROXY_CHALLENGE_H

#include "proxy/proxy.h"
#include "sys/ipc.h"

/* OP_CHALLENGE_FIND, OP_CHALLENGE_REMOVE and OP_REPLY_SUBMIT of the agent. */
void challenge_asked(struct proxy *, struct ipc *, struct ipc_msg *);

/* The link to the agent is gone, or the proxy stops: drop what is under way. */
void challenge_abandon(struct proxy *);

#endif
