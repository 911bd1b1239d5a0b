/*
 * rules.h - what the conf says about an account's mail: the [policy PATTERN]
 * sections, and [account LOGIN] sent.
 */
#ifndef WAXWING_PROXY_RULES_H
#define WAXWING_PROXY_RULES_H

#include "policy/policy.h"
#include "sys/conf.h"

/* The rules as they are now; the caller's.  NULL with the reason: a rule that
 * cannot be read must not be passed over. */
struct policy *rules_read(const struct conf *, struct err *);

/* What an account keeps for itself: must it be encrypted? */
bool rules_require(const struct conf *, struct str login);

/* By AES-GCM, unless "cipher = cbc" is said of its own address: whoever holds
 * the hosted key reads with this program, and what was changed on the server
 * then shows nothing at all. */
bool rules_self_gcm(const struct conf *, struct str login);

/* What becomes of the copies of what was sent. */
enum rules_sent { SENT_SEALED, SENT_AS_SENT, SENT_SUPPRESS };
enum rules_sent rules_sent(const struct conf *, struct str login);

#endif
