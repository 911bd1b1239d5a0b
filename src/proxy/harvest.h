/*
 * harvest.h - signatures that count bring their signers' certificates: they
 * are told to the agent, so that an answer can be sealed without any directory.
 *
 * Sealed mail tells when it is opened.  Of a message that is only signed, which
 * the client gets as it is, a copy goes to the opener.
 */
#ifndef WAXWING_PROXY_HARVEST_H
#define WAXWING_PROXY_HARVEST_H

#include "proto/harvest.h"
#include "proxy/msgname.h"

/* Larger ones are not looked into. */
#define HARVEST_MESSAGE (1024UL * 1024)

void harvest_tell(struct proxy *, const struct harvest *);

/* Was this message looked into, or is it now? */
bool harvest_done(const struct msg_name *);
void harvest_note(const struct msg_name *);

#endif
