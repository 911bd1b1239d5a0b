/* The table: all that can be configured. */

#include "config.h"

#include <string.h>

#include "sys/conf_priv.h"

#define FOR(role) (1U << (role))

/* Sentences begin with a capital and end with a full stop; conf_print.c puts
 * each on a line of its own. */
static const struct conf_section sections[] = {
    {"daemon", NULL, NULL, "The daemon itself."},
    {"imap", NULL, NULL, "Where mail clients read their mail."},
    {"smtp", NULL, NULL, "Where mail clients send their mail."},
    {"upstream", "domain", "example.org",
        "The real servers for logins at this domain. "
        "A login without a domain, or at a domain without such a section, "
        "is refused."},
    {"account", "login", "me@example.org",
        "One login at its upstream. "
        "Upper and lower case are the same here. "
        "A section is needed only where the login name alone does not say "
        "enough."},
    {"trust", NULL, NULL, "Whose certificates count."},
    {"cloud", NULL, NULL,
        "The service that issues certificates, keeps encryption keys and "
        "tells the certificates of others. "
        "Its set-up prints what belongs here."},
    {"enrol", NULL, NULL, "Who gets certificates from the cloud."},
    {"reading", NULL, NULL, "How encrypted mail is shown."},
    {"cache", NULL, NULL, "What is kept of decrypted mail."},
    {"policy", "pattern", "*@partner.example",
        "How mail to some recipients is sent. "
        "A pattern is an address, *@domain, *@*.domain for every "
        "subdomain, or * alone for everybody. "
        "What the most specific pattern does not say is said by the next."},
};
static const struct conf_option options[] = {
    {"daemon", "user", CONF_STRING, "waxwing", NULL, NULL, 0,
        "The user that the processes become when they are started by "
        "root."},
    {"daemon", "state_dir", CONF_PATH, "/var/lib/waxwing", NULL, NULL, 0,
        "The directory of keys, certificates and caches. "
        "It is made if it is missing and belongs to the user."},
    {"daemon", "master_key", CONF_PATH, NULL, "/var/lib/waxwing/master.key",
        NULL, 0,
        "The file of 32 random bytes under which all keys at rest are "
        "encrypted. "
        "It is made at the first start if it is missing. "
        "Without this option it is master.key in the state directory, "
        "which protects a backup without it, but not a stolen disk."},
    {"daemon", "control", CONF_PATH, "/run/waxwing/control", NULL, NULL, 0,
        "The socket on which waxwingctl talks to the daemon."},
    {"daemon", "openers", CONF_NUMBER, "4", NULL, "1-64", 0,
        "How many processes may decrypt mail at the same time. "
        "Each works for one account."},
    {"daemon", "log", CONF_WORD, "info", NULL, "error|warn|info|debug|trace", 0,
        "How much is logged."},
    {"daemon", "log_addresses", CONF_BOOL, "no", NULL, NULL, 0,
        "Whether mail addresses are logged as they are. "
        "Otherwise only their domains appear above the level debug."},

    {"imap", "listen", CONF_LISTEN, "127.0.0.1:1143", NULL, NULL, 0,
        "The addresses for IMAP, in clear until STARTTLS. "
        "Logins in clear are taken only from this machine. "
        "An empty list means none."},
    {"imap", "listen_tls", CONF_LISTEN, "127.0.0.1:1993", NULL, NULL, 0,
        "The addresses for IMAP with TLS from the first byte."},
    {"imap", "cert", CONF_FILE, NULL, "/etc/waxwing/cert.pem", NULL,
        FOR(ROLE_PROXY),
        "The TLS certificate for clients in PEM, followed by its chain. "
        "Without it, one for localhost is made at the first start."},
    {"imap", "key", CONF_SECRET, NULL, "/etc/waxwing/key.pem", NULL,
        FOR(ROLE_PROXY),
        "The private key of the certificate in PEM, without a passphrase. "
        "Neither group nor others may read the file."},

    {"smtp", "listen", CONF_LISTEN, "127.0.0.1:1587", NULL, NULL, 0,
        "The addresses for submission, in clear until STARTTLS. "
        "Logins in clear are taken only from this machine. "
        "An empty list means none."},
    {"smtp", "listen_tls", CONF_LISTEN, "127.0.0.1:1465", NULL, NULL, 0,
        "The addresses for submission with TLS from the first byte."},
    {"smtp", "cert", CONF_FILE, NULL, "/etc/waxwing/cert.pem", NULL,
        FOR(ROLE_PROXY),
        "The TLS certificate for clients, if it is another than that of "
        "the imap section."},
    {"smtp", "key", CONF_SECRET, NULL, "/etc/waxwing/key.pem", NULL,
        FOR(ROLE_PROXY),
        "The private key of the certificate. "
        "Neither group nor others may read the file."},
    {"smtp", "size", CONF_SIZE, "35M", NULL, "64K-150M", 0,
        "The largest message that is taken from a client. "
        "Sealing makes it larger by up to 40 percent, so what an upstream "
        "can take may be less; that is found out with each message."},
    {"smtp", "extensions", CONF_LIST, "PIPELINING 8BITMIME ENHANCEDSTATUSCODES",
        NULL, "PIPELINING|8BITMIME|ENHANCEDSTATUSCODES", 0,
        "The ESMTP extensions that are offered besides SIZE, STARTTLS and "
        "AUTH."},

    {"upstream", "imap", CONF_URL, NULL, "imaps://imap.example.org",
        "imaps|imap+starttls|imap", 0,
        "The IMAP server. "
        "The scheme imap, without TLS, is allowed only to this machine."},
    {"upstream", "smtp", CONF_URL, NULL, "smtps://smtp.example.org",
        "smtps|smtp+starttls|smtp", 0,
        "The submission server. "
        "The scheme smtp, without TLS, is allowed only to this machine."},
    {"upstream", "ca_file", CONF_FILE, NULL, "/etc/waxwing/upstream-ca.pem",
        NULL, FOR(ROLE_PROXY),
        "The authorities in PEM that may vouch for these servers, instead "
        "of the ones the system trusts."},

    {"account", "addresses", CONF_ADDRS, NULL,
        "me@example.org, info@example.org", "address", 0,
        "The addresses that belong to this login. "
        "Mail from them is signed with their keys. "
        "Without this option it is the login name alone."},
    {"account", "unix_user", CONF_STRING, NULL, "me", NULL, 0,
        "The user of this machine who may control the account with "
        "waxwingctl."},
    {"account", "connections", CONF_NUMBER, "8", NULL, "0-60", 0,
        "How many connections at once the IMAP server may see for this "
        "login. "
        "While its clients have fewer, one more looks into the INBOX and has "
        "encrypted mail ready before a client asks. "
        "With 0 there never is one."},

    {"account", "sent", CONF_WORD, "sealed", NULL, "sealed|as-sent|suppress", 0,
        "What becomes of the copy that a mail client puts into the sent "
        "mailbox. "
        "With sealed, it is encrypted to the account itself, unless the "
        "mail has just gone out unencrypted. "
        "With as-sent, the message is stored as the recipients got it. "
        "With suppress, it is not stored, for providers that keep a copy "
        "of their own. "
        "A copy of a message that was not sent within the last hour, as "
        "far as is known, is always encrypted."},

    {"trust", "ca_file", CONF_FILE, NULL, "/etc/waxwing/smime-ca.pem", NULL,
        FOR(ROLE_OPENER) | FOR(ROLE_SEALER),
        "The authorities in PEM whose S/MIME certificates are believed. "
        "Without this option only certificates count that were imported "
        "by hand."},

    {"cloud", "url", CONF_URL, NULL, "https://cloud.example.org", "https", 0,
        "The service. "
        "Nothing is asked of any other host, and redirects are not "
        "followed. "
        "Without this option there is no cloud."},
    {"cloud", "ca_file", CONF_FILE, NULL, "/etc/waxwing/cloud-ca.pem", NULL,
        FOR(ROLE_AGENT) | FOR(ROLE_SEALER) | FOR(ROLE_OPENER),
        "The authority in PEM that vouches for the service itself and for "
        "the S/MIME certificates that it issues. "
        "It counts besides those of the trust section."},
    {"cloud", "kms_key", CONF_FILE, NULL, "/etc/waxwing/cloud-kms.pem", NULL,
        FOR(ROLE_SEALER) | FOR(ROLE_OPENER),
        "The certificate in PEM of the key that signs what the key service "
        "sends. "
        "Keys signed by another are refused."},
    {"cloud", "challenge", CONF_WORD, "smime", NULL, "smime|dkim", 0,
        "How mails of the service are signed that ask whether a mailbox is "
        "the user's (RFC 8823). "
        "With smime only those count that are signed by a certificate of "
        "the authority in ca_file. "
        "With dkim a DKIM signature of the sender's domain counts as well, "
        "which is as good as the DNS and the mail servers of that domain; "
        "it is for authorities that sign in no other way, and is refused "
        "beside kms_key."},
    {"cloud", "nameservers", CONF_LISTEN, NULL, "192.0.2.53:53", NULL, 0,
        "Where the keys of such DKIM signatures are looked up. "
        "Without this option the system's name servers are asked."},

    {"enrol", "accounts", CONF_ADDRS, NULL, "me@example.org, *@example.org",
        "address|*@domain|*", 0,
        "The logins that are enrolled when they first succeed: addresses, "
        "*@domain, or * alone for all. "
        "An empty list means none. "
        "Without this option it is all if clients are taken only from this "
        "machine, and none otherwise."},

    {"reading", "inner_signature", CONF_WORD, "unwrap", NULL, "unwrap|keep", 0,
        "What becomes of a signature found inside encrypted mail. "
        "It is checked in both cases. "
        "With unwrap the client sees the signed content, with keep the "
        "signature as well."},
    {"reading", "unauthenticated", CONF_WORD, "text", NULL, "text|mark|refuse",
        0,
        "What is shown of encrypted mail whose content could have been "
        "changed on its way, because neither a valid signature nor its "
        "cipher protects it. "
        "With text, plain text is shown and everything else becomes an "
        "attachment. "
        "With mark, all is shown under a warning in the status field. "
        "With refuse, the message stays encrypted."},
    {"reading", "trusted_peers", CONF_ADDRS, NULL,
        "joe@example.net, *@partner.example", "address|*@domain|*@*.domain|*",
        0,
        "Senders, as patterns like those of policy sections, whose mail "
        "is shown whole although nothing authenticates it."},

    {"cache", "view_bytes", CONF_SIZE, "64M", NULL, "1M-64G", 0,
        "How much decrypted mail of one account is kept in memory."},
    {"cache", "views", CONF_WORD, "memory", NULL, "memory|disk", 0,
        "Where decrypted mail is kept. "
        "With disk, it is encrypted in the state directory, too, so that "
        "it need not be fetched and opened again after a restart."},
    {"cache", "disk_bytes", CONF_SIZE, "1G", NULL, "1M-64T", 0,
        "How much of it is kept on disk, of all accounts together. "
        "What was not used for longest goes, and all when the disk is full."},
    {"cache", "facts_bytes", CONF_SIZE, "512M", NULL, "1M-1T", 0,
        "How much is kept on disk, encrypted, of what lists and searches of "
        "encrypted mail need: sizes, headers, structures and words. "
        "What was not used for longest goes."},

    {"policy", "encrypt", CONF_WORD, "opportunistic", NULL,
        "off|opportunistic|required", 0,
        "Whether mail is encrypted. "
        "With opportunistic, it is whenever the recipient has a usable "
        "certificate. "
        "With required, a recipient without one is refused. "
        "A mail that could have been encrypted lately, but not now, because "
        "a look-up fails or the sender's own certificate has expired, is "
        "refused for the time being, except with off."},
    {"policy", "sign", CONF_WORD, "encrypted", NULL, "encrypted|always|never",
        0,
        "Whether mail is signed. "
        "With encrypted, it is signed when it is encrypted."},
    {"policy", "mixed", CONF_WORD, "split", NULL, "split|refuse", 0,
        "What becomes of a mail of which some recipients can read an "
        "encrypted version and some cannot. "
        "With split, each gets what it can have. "
        "With refuse, nothing is sent."},
    {"policy", "cipher", CONF_WORD, "auto", NULL, "auto|cbc|gcm", 0,
        "How the content is encrypted. "
        "With auto, it is AES-256-GCM if every recipient is known to read "
        "it, and AES-256-CBC otherwise."},
};

const struct conf_schema conf_waxwing = {
    "# Configuration of waxwingd(8), explained in waxwing.conf(5).\n"
    "#\n"
    "# What stands here behind a # is the default, or an example where there "
    "is none.\n"
    "# waxwingd -n checks the file; SIGHUP makes a running waxwingd read it "
    "again.\n",
    sections,
    sizeof(sections) / sizeof(sections[0]),
    options,
    sizeof(options) / sizeof(options[0]),
};

size_t
conf_kind_len(const char *section)
{
	return (strcspn(section, " "));
}

const struct conf_section *
conf_section_find(const struct conf_schema *t, const char *section)
{
	size_t i, len = conf_kind_len(section);

	for (i = 0; i < t->nsections; i++)
		if (strlen(t->sections[i].kind) == len &&
		    memcmp(t->sections[i].kind, section, len) == 0)
			return (&t->sections[i]);
	return (NULL);
}

const struct conf_option *
conf_option_find(const struct conf_schema *t, const char *section,
    const char *key)
{
	size_t i, len = conf_kind_len(section);

	for (i = 0; i < t->noptions; i++)
		if (strlen(t->options[i].section) == len &&
		    memcmp(t->options[i].section, section, len) == 0 &&
		    strcmp(t->options[i].key, key) == 0)
			return (&t->options[i]);
	return (NULL);
}
