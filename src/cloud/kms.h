/*
 * kms.h - the key service: hosted encryption keys for the devices of a
 * mailbox's owner, and the log of who got them (acme/kms.h).
 *
 * Who asks has an ACME account, and what its JWS says was checked.  Whether
 * keys go out to it is a question to the mailbox's release rule.  A release
 * stands in the log before anything of it is sent.
 */
#ifndef WAXWING_CLOUD_KMS_H
#define WAXWING_CLOUD_KMS_H

#include "cloud/acme_auth.h"

/* Open what the conf asks for: the keys made ahead and the rates. */
int kms_open(struct cloud *, struct err *);
void kms_close(struct cloud *);

/* POST waxwingKeys and waxwingReleaseLog. */
acme_fn kms_keys;
acme_fn kms_release_log;

#endif
