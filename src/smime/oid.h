/*
 * oid.h - object identifiers, as the contents octets of their DER.
 */
#ifndef WAXWING_SMIME_OID_H
#define WAXWING_SMIME_OID_H

#include "base/span.h"

#define P_PKCS  "\x2a\x86\x48\x86\xf7\x0d" /* 1.2.840.113549 */
#define P_PKCS1 P_PKCS "\x01\x01"
#define P_PKCS7 P_PKCS "\x01\x07"
#define P_PKCS9 P_PKCS "\x01\x09"
#define P_SMIME P_PKCS9 "\x10"
#define P_NIST  "\x60\x86\x48\x01\x65\x03\x04" /* 2.16.840.1.101.3.4 */
#define P_X962  "\x2a\x86\x48\xce\x3d"         /* 1.2.840.10045 */
#define P_X963  "\x2b\x81\x05\x10\x86\x48\x3f" /* 1.3.133.16.840.63 */
#define P_SECG  "\x2b\x81\x04"                 /* 1.3.132 */

/* Content types (RFC 5652, 5083, 3274). */
#define OID_DATA          STR(P_PKCS7 "\x01")
#define OID_SIGNED        STR(P_PKCS7 "\x02")
#define OID_ENVELOPED     STR(P_PKCS7 "\x03")
#define OID_AUTHENVELOPED STR(P_SMIME "\x01\x17")
#define OID_COMPRESSED    STR(P_SMIME "\x01\x09")

/* Signed attributes (RFC 5652 11, RFC 8551 2.5, RFC 5035). */
#define OID_CONTENT_TYPE    STR(P_PKCS9 "\x03")
#define OID_MESSAGE_DIGEST  STR(P_PKCS9 "\x04")
#define OID_SIGNING_TIME    STR(P_PKCS9 "\x05")
#define OID_CAPABILITIES    STR(P_PKCS9 "\x0f")
#define OID_ENCRYPT_PREF    STR(P_SMIME "\x02\x0b")
#define OID_SIGNING_CERT_V2 STR(P_SMIME "\x02\x2f")
/* Microsoft's form of the encryption key preference: IssuerAndSerialNumber. */
#define OID_MS_ENCRYPT_PREF STR("\x2b\x06\x01\x04\x01\x82\x37\x10\x04")

/* Keys and key transport (RFC 3370, 3560, 4056, 5753). */
#define OID_RSA        STR(P_PKCS1 "\x01")
#define OID_OAEP       STR(P_PKCS1 "\x07")
#define OID_MGF1       STR(P_PKCS1 "\x08")
#define OID_PSPECIFIED STR(P_PKCS1 "\x09")
#define OID_PSS        STR(P_PKCS1 "\x0a")
#define OID_PBKDF2     STR(P_PKCS "\x01\x05\x0c")
#define OID_EC_KEY     STR(P_X962 "\x02\x01")

/* The same, with a string constant as prefix of a table's entry. */
#define OID_ECDH_SHA256 STR(P_SECG "\x01\x0b\x01")
#define OID_WRAP128     STR(P_NIST "\x01\x05")
#define OID_WRAP192     STR(P_NIST "\x01\x19")
#define OID_WRAP256     STR(P_NIST "\x01\x2d")

/* Certificates (RFC 5280, RFC 9598). */
#define OID_SMTPUTF8 STR("\x2b\x06\x01\x05\x05\x07\x08\x09")

#endif
