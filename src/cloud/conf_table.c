/* The table: all that waxwing-cloudd can be told. */

#include "config.h"

#include <arpa/inet.h>
#include <string.h>

#include "cloud/cloud.h"
#include "sys/resolv.h"

static const struct conf_section sections[] = {
    {"cloud", NULL, NULL, "The server itself."},
    {"ca", NULL, NULL, "The certificates that are issued."},
    {"acme", NULL, NULL, "What accounts may do."},
    {"kms", NULL, NULL,
        "The encryption keys that the server keeps for "
        "mailboxes."},
    {"directory", NULL, NULL, "Who may look certificates up."},
    {"mail", NULL, NULL, "How challenge mails leave."},
    {"reply", NULL, NULL, "How the replies to challenges arrive."},
};

static const struct conf_option options[] = {
    {"cloud", "user", CONF_STRING, "waxwing-cloud", NULL, NULL, 0,
        "The user that the server becomes when it is started by root."},
    {"cloud", "state_dir", CONF_PATH, "/var/lib/waxwing-cloud", NULL, NULL, 0,
        "The directory of the store and of the keys that init makes. "
        "It belongs to the user, and nobody else may enter it."},
    {"cloud", "url", CONF_URL, NULL, "https://cloud.example.org", "https", 0,
        "The address under which clients reach the server. "
        "It is part of what is signed, so it has to be exactly the one "
        "that clients are given. "
        "It must be set."},
    {"cloud", "listen", CONF_LISTEN, "127.0.0.1:8443", NULL, NULL, 0,
        "The addresses for HTTPS."},
    {"cloud", "listen_http", CONF_LISTEN, NULL, "0.0.0.0:80", NULL, 0,
        "The addresses where the certificate revocation list, /crl, and the "
        "certificate of the issuing authority, /ca, and nothing else are "
        "served without TLS, as programs that verify mail want it. "
        "With it certificates point there: to the host of url and the first "
        "port of this list."},
    {"cloud", "cert", CONF_FILE, NULL, "/etc/waxwing/cloud.pem", NULL, 0,
        "The TLS certificate in PEM, followed by its chain. "
        "Without it the one that init made is used."},
    {"cloud", "key", CONF_SECRET, NULL, "/etc/waxwing/cloud-key.pem", NULL, 0,
        "The private key of the certificate in PEM, without a passphrase. "
        "Neither group nor others may read the file."},
    {"cloud", "connections", CONF_NUMBER, "1000", NULL, "1-100000", 0,
        "How many clients may be connected at the same time."},
    {"cloud", "log", CONF_WORD, "info", NULL, "error|warn|info|debug|trace", 0,
        "How much is logged."},
    {"cloud", "log_addresses", CONF_BOOL, "no", NULL, NULL, 0,
        "Whether mail addresses are logged as they are. "
        "Otherwise only their domains appear above the level debug."},

    {"ca", "name", CONF_STRING, "Waxwing", NULL, NULL, 0,
        "The name that init puts into the certificates of the "
        "authorities."},
    {"ca", "lifetime", CONF_SECONDS, "365d", NULL, "1h-825d", 0,
        "How long a certificate is valid."},
    {"ca", "crl_lifetime", CONF_SECONDS, "7d", NULL, "1h-31d", 0,
        "How long a certificate revocation list is valid. "
        "A new one is made after each revocation and when half of this time "
        "is over."},

    {"ca", "crl_url", CONF_STRING, NULL, "http://pki.example.org/crl", NULL, 0,
        "Where certificates say that the list is, if somebody else serves it "
        "too, without TLS. "
        "Otherwise it is /crl at the server's own address, without TLS if "
        "there is listen_http."},
    {"ca", "ca_url", CONF_STRING, NULL, "http://pki.example.org/ca.cer", NULL,
        0, "The same for the certificate of the issuing authority, /ca."},

    {"acme", "order_lifetime", CONF_SECONDS, "1d", NULL, "5m-30d", 0,
        "How long an order waits for its challenge."},
    {"acme", "validation", CONF_SECONDS, "30d", NULL, "1h-30d", 0,
        "How long an account that proved control of a mailbox need not do "
        "so again."},
    {"acme", "terms", CONF_STRING, NULL, "https://cloud.example.org/terms",
        NULL, 0, "The URL of the terms that a new account has to agree to."},
    {"acme", "accounts_per_hour", CONF_NUMBER, "100", NULL, "1-1000000", 0,
        "How many accounts can be made from one network address."},
    {"acme", "orders_per_hour", CONF_NUMBER, "60", NULL, "1-1000000", 0,
        "How many orders an account may place."},
    {"acme", "mails_per_hour", CONF_NUMBER, "20", NULL, "1-1000000", 0,
        "How many challenges are sent to one mailbox for accounts that never "
        "proved control of it. "
        "One account, or all accounts of one network, have at most a quarter "
        "of them; an account that did has as many as that quarter for "
        "itself."},

    {"kms", "keys", CONF_WORD, "rsa", NULL, "rsa|ec", 0,
        "The kind of encryption keys that are made: rsa of 3072 bits, which "
        "every mail program reads, or ec on the curve P-256."},
    {"kms", "ready_keys", CONF_NUMBER, "4", NULL, "1-64", 0,
        "How many RSA keys are made ahead. "
        "A mailbox that needs one while there is none has to ask again."},
    {"kms", "requests_per_hour", CONF_NUMBER, "60", NULL, "1-1000000", 0,
        "How often an account may ask for keys or the release log."},
    {"kms", "keys_per_day", CONF_NUMBER, "10", NULL, "1-1000000", 0,
        "How many new keys are made for one mailbox."},
    {"kms", "log_entries", CONF_NUMBER, "2000", NULL, "1-5000", 0,
        "How many entries of a release log go into one answer. "
        "A longer log is read page by page."},

    {"directory", "searches_per_minute", CONF_NUMBER, "600", NULL,
        "1-100000000", 0,
        "How many certificates can be looked up from one network address, "
        "so that nobody learns all addresses by trying."},
    {"directory", "max_age", CONF_SECONDS, "5m", NULL, "0s-1d", 0,
        "How long a client may use what it found without asking again."},

    {"mail", "from", CONF_STRING, NULL, "acme@cloud.example.org", NULL, 0,
        "The address that challenges come from. "
        "Each has a plus sign and an identifier of its own after the local "
        "part, and replies to all of them have to arrive at the listener of "
        "the reply section. "
        "It must be set."},
    {"mail", "relay", CONF_URL, "smtp://127.0.0.1:25", NULL,
        "smtps|smtp+starttls|smtp", 0,
        "The server that takes the mails. "
        "The scheme smtp, without TLS, is allowed only to this machine."},
    {"mail", "relay_ca_file", CONF_PATH, NULL, "/etc/waxwing/relay-ca.pem",
        NULL, 0,
        "The authorities in PEM that may vouch for the relay, instead of the "
        "ones the system trusts."},
    {"mail", "relay_login", CONF_STRING, NULL, "acme", NULL, 0,
        "The login name at the relay, if it wants one."},
    {"mail", "relay_password", CONF_SECRET, NULL, "/etc/waxwing/relay-password",
        NULL, 0,
        "The file with the password for it. "
        "Neither group nor others may read the file."},

    {"reply", "listen", CONF_LISTEN, "127.0.0.1:8025", NULL, NULL, 0,
        "The addresses where the mail server of the domain delivers "
        "replies."},
    {"reply", "protocol", CONF_WORD, "smtp", NULL, "smtp|lmtp", 0,
        "What is spoken there."},
    {"reply", "authserv_id", CONF_STRING, NULL, "mx.cloud.example.org", NULL, 0,
        "The name under which the mail server writes Authentication-Results. "
        "If its DKIM result is a pass it is believed instead of verifying "
        "the signature here. "
        "That is possible only if all addresses listened on are private, and "
        "right only if the mail server removes such fields of others."},
    {"reply", "dkim_keys", CONF_PATH, NULL, "/etc/waxwing/dkim-keys", NULL, 0,
        "A file that stands in for the DNS when DKIM keys are looked up, on "
        "closed networks. "
        "Each line is the name of a TXT record, a blank, and its text."},
};

const struct conf_schema conf_cloud = {
    "# Configuration of waxwing-cloudd(8), explained there.\n"
    "#\n"
    "# What stands here behind a # is the default, or an example where there "
    "is none.\n"
    "# waxwing-cloudd -n checks the file.\n",
    sections,
    sizeof(sections) / sizeof(sections[0]),
    options,
    sizeof(options) / sizeof(options[0]),
};

/* Loopback, and what RFC 1918 and RFC 4193 keep from the Internet. */
static bool
is_private(const char *host)
{
	struct in6_addr v6;
	struct in_addr v4;
	uint32_t n;

	if (resolv_is_loopback(host))
		return (true);
	if (inet_pton(AF_INET, host, &v4) == 1) {
		n = ntohl(v4.s_addr);
		return (n >> 24 == 10 || n >> 20 == 0xac1 || n >> 16 == 0xc0a8);
	}
	return (inet_pton(AF_INET6, host, &v6) == 1 &&
	        (v6.s6_addr[0] & 0xfe) == 0xfc);
}

static int
check_reply(const struct conf *c, struct err *err)
{
	char host[CONF_HOST];
	struct str word;
	size_t pos = 0;
	uint16_t port;

	if (conf_str(c, "reply", "authserv_id") == NULL)
		return (0);
	while (conf_word(conf_str(c, "reply", "listen"), &pos, &word))
		if (conf_hostport(word, host, &port) != 0 ||
		    !is_private(host)) {
			err_set(err, ERR_SYNTAX,
			    "[reply] authserv_id: not with a listener that "
			    "anybody can reach");
			return (-1);
		}
	return (0);
}

static int
check_mail(const struct conf *c, struct err *err)
{
	const char *from = conf_str(c, "mail", "from");
	const char *at = from != NULL ? strrchr(from, '@') : NULL;

	if (from == NULL) {
		err_set(err, ERR_SYNTAX, "[mail] from: must be set");
		return (-1);
	}
	if (at == NULL || at == from || at[1] == '\0' || at - from > 40 ||
	    strspn(from, "abcdefghijklmnopqrstuvwxyz0123456789-_.@") !=
	        strlen(from) ||
	    strchr(from, '@') != at) {
		err_set(err, ERR_SYNTAX,
		    "[mail] from: must be like acme@cloud.example.org, in "
		    "lower "
		    "case and without a plus sign");
		return (-1);
	}
	return (0);
}

/* Whoever asks whether a certificate holds cannot ask that of the connection
 * too (RFC 5280 8), and the baseline requirements have it so (7.1.2.3). */
static int
check_urls(const struct conf *c, struct err *err)
{
	static const char *const keys[] = {"crl_url", "ca_url"};
	const char *url;
	size_t i;

	for (i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		url = conf_str(c, "ca", keys[i]);
		if (url == NULL || strncmp(url, "http://", 7) == 0)
			continue;
		err_set(err, ERR_SYNTAX, "[ca] %s: must begin with http://",
		    keys[i]);
		return (-1);
	}
	return (0);
}

struct conf *
cloud_conf(const char *path, struct err *err)
{
	struct conf *c;

	if ((c = conf_load_as(&conf_cloud, path, err)) == NULL)
		return (NULL);
	if (conf_str(c, "cloud", "url") == NULL) {
		err_set(err, ERR_SYNTAX, "%s: [cloud] url: must be set", path);
	} else if (check_mail(c, err) == 0 && check_reply(c, err) == 0 &&
	           check_urls(c, err) == 0 && conf_read_files(c, err) == 0)
		return (c);
	conf_free(c);
	return (NULL);
}
