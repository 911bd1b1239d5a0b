/*
 * kms_paths.h - where key service, directory and CRL are (they are named in
 * the ACME directory too).
 */
#ifndef WAXWING_CLOUD_KMS_PATHS_H
#define WAXWING_CLOUD_KMS_PATHS_H

#define KMS_KEYS         "/kms/keys"
#define KMS_RELEASE_LOG  "/kms/release-log"
#define DIRECTORY_SEARCH "/search"
#define CRL_PATH         "/crl"
#define CA_PATH          "/ca"

#endif
