#include "config.h"

#include "proto/op.h"

#include <stddef.h>

#define COMMON OP_START, OP_CONF, OP_PEER, OP_STATUS, OP_LOG_LEVEL

const uint16_t op_parent_to_proxy[] = {COMMON, OP_LISTEN, OP_ACCOUNTS,
    OP_CACHE_DROP, OP_RESYNC, OP_NONE};
const uint16_t op_parent_to_opener[] = {COMMON, OP_NONE};
const uint16_t op_parent_to_sealer[] = {COMMON, OP_KEY_IMPORT, OP_KEY_LIST,
    OP_KEY_EXPORT, OP_NONE};
const uint16_t op_parent_to_agent[] = {COMMON, OP_LOOKUP, OP_CERT_IMPORT,
    OP_CERT_LIST, OP_CERT_APPROVE, OP_ENROL, OP_RENEW, OP_REVOKE,
    OP_RELEASE_LOG, OP_NONE};
const uint16_t op_proxy_to_parent[] = {OP_OPENER, OP_LINK_LOST, OP_NONE};
const uint16_t op_others_to_parent[] = {OP_LINK_LOST, OP_NONE};
const uint16_t op_proxy_to_agent[] = {OP_LOOKUP, OP_HARVEST, OP_ACCOUNT_SEEN,
    OP_NONE};
const uint16_t op_proxy_to_opener[] = {OP_OPEN, OP_TEXT, OP_AHEAD, OP_NONE};
const uint16_t op_proxy_to_sealer[] = {OP_SENDER, OP_SEAL, OP_SEAL_SELF,
    OP_NONE};
const uint16_t op_sealer_to_proxy[] = {OP_KEY_ARRIVED, OP_NONE};
const uint16_t op_agent_to_verifier[] = {OP_VERIFY, OP_CHALLENGE_CHECK,
    OP_NONE};
const uint16_t op_agent_to_proxy[] = {OP_CHALLENGE_FIND, OP_REPLY_SUBMIT,
    OP_CHALLENGE_REMOVE, OP_NONE};
const uint16_t op_agent_to_sealer[] = {OP_JWS, OP_DIGEST, OP_CERT_TAKE,
    OP_BUNDLE_TAKE, OP_NONE};
const uint16_t op_nothing[] = {OP_NONE};

static const char *const names[OP_MAX] = {
    [OP_NONE] = "none",
    [OP_START] = "start",
    [OP_CONF] = "conf",
    [OP_PEER] = "peer",
    [OP_STATUS] = "status",
    [OP_LOG_LEVEL] = "log-level",
    [OP_LISTEN] = "listen",
    [OP_ACCOUNTS] = "accounts",
    [OP_CACHE_DROP] = "cache-drop",
    [OP_RESYNC] = "resync",
    [OP_OPENER] = "opener",
    [OP_LINK_LOST] = "link-lost",
    [OP_LOOKUP] = "lookup",
    [OP_HARVEST] = "harvest",
    [OP_OPEN] = "open",
    [OP_TEXT] = "text",
    [OP_AHEAD] = "ahead",
    [OP_SENDER] = "sender",
    [OP_SEAL] = "seal",
    [OP_SEAL_SELF] = "seal-self",
    [OP_KEY_ARRIVED] = "key-arrived",
    [OP_VERIFY] = "verify",
    [OP_KEY_IMPORT] = "key-import",
    [OP_KEY_LIST] = "key-list",
    [OP_CERT_IMPORT] = "cert-import",
    [OP_CERT_LIST] = "cert-list",
    [OP_CERT_APPROVE] = "cert-approve",
    [OP_ACCOUNT_SEEN] = "account-seen",
    [OP_CHALLENGE_FIND] = "challenge-find",
    [OP_CHALLENGE_CHECK] = "challenge-check",
    [OP_REPLY_SUBMIT] = "reply-submit",
    [OP_CHALLENGE_REMOVE] = "challenge-remove",
    [OP_JWS] = "jws",
    [OP_DIGEST] = "digest",
    [OP_CERT_TAKE] = "cert-take",
    [OP_BUNDLE_TAKE] = "bundle-take",
    [OP_ENROL] = "enrol",
    [OP_RENEW] = "renew",
    [OP_REVOKE] = "revoke",
    [OP_RELEASE_LOG] = "release-log",
    [OP_KEY_EXPORT] = "key-export",
};

const char *
op_name(uint16_t op)
{
	return (op < OP_MAX && names[op] != NULL ? names[op] : "unknown");
}
