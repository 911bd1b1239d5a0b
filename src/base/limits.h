/*
 * limits.h - every limit, each with its reason.
 */
#ifndef WAXWING_BASE_LIMITS_H
#define WAXWING_BASE_LIMITS_H

/* One command with its literals (but a message's): Outlook sends UID sets of
 * some KiB; more is an attack or a bug. */
#define LIMIT_CLIENT_LINE (64UL * 1024)

/* The largest message the big providers take is 150 MB (Microsoft 365). */
#define LIMIT_MESSAGE (150UL * 1024 * 1024)

/* Headers beyond this are an attack on whoever renders them. */
#define LIMIT_HEADER (1024UL * 1024)

/* MIME nesting: Dovecot stops at 100, no mail needs 20. */
#define LIMIT_MIME_DEPTH 50

/* Parts in one message: a digest of 1000 mails fits. */
#define LIMIT_MIME_PARTS 2000

/* Ranges in one sequence set: a 64 KiB line cannot hold many more. */
#define LIMIT_SET_RANGES 10000

/* Memory for the parts and parsed fields of one message: a header of 1 MiB
 * that is all parameters takes a third of it. */
#define LIMIT_PARSE (64UL * 1024 * 1024)

/* CMS in CMS: sign in encrypt in sign (RFC 2634 triple wrap) is 3. */
#define LIMIT_CMS_DEPTH 4

/* RecipientInfos we look at: each matching one may cost a key operation, and
 * lists larger than this are delivered by list servers, one copy each. */
#define LIMIT_CMS_RECIPIENTS 2000

/* Signatures on one message: each costs a verification.  Two for a change of
 * algorithms, some more for mail signed by several people. */
#define LIMIT_CMS_SIGNERS 10

/* Certificates carried by one message: chains of all signers fit. */
#define LIMIT_CMS_CERTS 100

/* One certificate: bigger ones exist only to hurt. */
#define LIMIT_CERT (64UL * 1024)

/* One with its chain, as a server hands it over. */
#define LIMIT_CERT_CHAIN (256UL * 1024)

/* A hundred certificates of a sensible size: what the sealer took. */
#define LIMIT_CERT_LIST (8UL * 1024 * 1024)

/* What pub/ has of one: the certificate, and what was read in it. */
#define LIMIT_CERT_RECORD (256UL * 1024)

/* Who had a usable certificate so many seconds ago, as sender or recipient, is
 * not sent in clear only because there is none now: 180 days. */
#define LIMIT_CERT_RECENT_S (180L * 24 * 3600)

/* Bits of RSA keys of others: below is weak (RFC 7518 3.3), beyond only wastes
 * time. */
#define LIMIT_RSA_LEAST 2048
#define LIMIT_RSA_MOST  8192

/* A challenge mail is a page of text with a signature. */
#define LIMIT_CHALLENGE (256UL * 1024)

/* Opening may grow a message at most so many times (compression bombs). */
#define LIMIT_OPEN_GROWTH 20

/* Bytes of one record between roles; longer lists travel in a memfd. */
#define LIMIT_RECORD (64UL * 1024)

/* Descriptors in one record between roles. */
#define LIMIT_RECORD_FDS 8

/* Questions to one role that may wait for their answers at once: every
 * session has a few. */
#define LIMIT_LINK_ASKED 1024

/* Records to or requests from one role that pile up: its askers may have
 * given up on more than LIMIT_LINK_ASKED, but not for ever. */
#define LIMIT_LINK_BACKLOG 4096

/* The conf with the certificates and anchors that travel with it. */
#define LIMIT_CONF (16UL * 1024 * 1024)

/* The text of one upstream response outside literals that we collect for a
 * job (an ENVELOPE of a message with thousands of recipients). */
#define LIMIT_RESPONSE_TEXT (1024UL * 1024)

/* The result of one search at the server: the UIDs of MAILBOX_MAX messages. */
#define LIMIT_RESULTS (32UL * 1024 * 1024)

/* Sessions of one account: Thunderbird opens 5, Apple Mail more; several
 * devices may be behind one login. */
#define LIMIT_ACCOUNT_SESSIONS 60

/* Openings in flight for one account: keeps one mailbox from starving the
 * others. */
#define LIMIT_ACCOUNT_OPENS 8

/* Bytes of encrypted messages fetched ahead by one job. */
#define LIMIT_FETCH_AHEAD (32UL * 1024 * 1024)

/* The search text of one message: a book has 1 MiB. */
#define LIMIT_SEARCH_TEXT (16UL * 1024 * 1024)

/* The same at full length: most text is not longer than its message, little is
 * three times as long when its characters are taken apart. */
#define LIMIT_SEARCH_WHOLE (520UL * 1024 * 1024)

/* One line of an SMTP client: AUTH lines are the longest (RFC 4954 4: 12288
 * octets). */
#define LIMIT_SMTP_LINE (12UL * 1024 + 2)

/* One reply of an SMTP server with all its lines: an EHLO list is 2 KiB. */
#define LIMIT_REPLY (16UL * 1024)

/* A mailbox: local part 64, "@", domain 255 (RFC 5321 4.5.3.1). */
#define LIMIT_ADDRESS 320

/* RCPT in one transaction (RFC 5321 4.5.3.1.8 asks for at least 100). */
#define LIMIT_RCPTS 1000

/* Groups of one mail; each is one DATA upstream. */
#define LIMIT_GROUPS 20

/* Bytes of one mail's texts, of all groups together: they are all made before
 * the first is sent. */
#define LIMIT_SENDING (512UL * 1024 * 1024)

/* Mail that an account's sessions hand over, with all that is made of it: the
 * largest to send is there twice, and in groups that sealing makes larger. */
#define LIMIT_ACCOUNT_HELD (1024ULL * 1024 * 1024)

/* The same of all accounts: four of them may do their worst at once. */
#define LIMIT_HELD (4096ULL * 1024 * 1024)

/* A look-up that takes longer is a failure to the sender. */
#define LIMIT_LOOKUP_MS 5000

/* An opening that takes longer kills its opener. */
#define LIMIT_OPEN_MS 60000

/* Signing and encrypting the largest mail takes some seconds. */
#define LIMIT_SEAL_MS 60000

/* Login, greeting and command timeouts of RFC 3501 5.4 and RFC 5321 4.5.3.2,
 * in seconds: a client that only connects, IMAP idle, SMTP idle. */
#define LIMIT_LOGIN_S     120
#define LIMIT_IMAP_IDLE_S 1860
#define LIMIT_SMTP_IDLE_S 600
#define LIMIT_UPSTREAM_S  120

/* The reply to the final dot may take ten minutes (RFC 5321 4.5.3.2.6). */
#define LIMIT_UPSTREAM_FINAL_S 600

/* A configuration file, and each file it names: a bundle of all the public
 * authorities has 220 KiB. */
#define LIMIT_CONF_FILE (1024UL * 1024)

/* Finding, reaching and greeting one server with TLS: beyond this the client
 * has given up itself. */
#define LIMIT_CONNECT_S 30

/* Sending the last words to a peer that may be gone. */
#define LIMIT_FINISH_S 5

#endif
