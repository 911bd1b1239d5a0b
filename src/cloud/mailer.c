#include "config.h"

#include "cloud/mailer.h"

#include <curl/curl.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "acme/email.h"
#include "acme/object.h"
#include "base/clock.h"
#include "base/limits.h"
#include "cloud/acme_auth.h"
#include "cloud/authz.h"
#include "sys/fault.h"
#include "sys/log.h"

/* Mails on their way at once. */
#define SENDS_MAX 8

/* One mail may take so long; relays that scan are slow. */
#define SEND_S 60

/* Wait after a failure: 5 s, 10 s, 20 s, ... up to half an hour. */
#define RETRY_S     5
#define RETRY_MAX_S 1800

/* When nothing is kicked, look this often for what is due. */
#define LOOK_S 5

#define MAIL_MAX (128UL * 1024)

struct mailer {
	struct cloud *cloud;
	CURLM *multi;        /* owned */
	struct event *timer; /* owned: libcurl's */
	struct event *look;  /* owned: the queue's */
	struct send *sends;  /* owned */
	unsigned nsends;
	bool due; /* the look was asked for and has not begun */
};

/* A mail on its way. */
struct send {
	struct send *next;
	struct mailer *mailer;
	CURL *easy;            /* owned */
	struct curl_slist *to; /* owned */
	struct buf text;       /* owned */
	size_t sent;           /* bytes of text given to libcurl */
	char authz[CLOUD_ID];
	char error[CURL_ERROR_SIZE];
};

/* libcurl watches a socket with one of these. */
struct watch {
	struct event *ev;
};

static void
send_free(struct send *s)
{
	struct send **at;

	for (at = &s->mailer->sends; *at != NULL; at = &(*at)->next)
		if (*at == s) {
			*at = s->next;
			s->mailer->nsends--;
			break;
		}
	if (s->easy != NULL) {
		(void)curl_multi_remove_handle(s->mailer->multi, s->easy);
		curl_easy_cleanup(s->easy);
	}
	curl_slist_free_all(s->to);
	buf_clear(&s->text);
	free(s);
}

int
mailer_queue(struct cloud *c, struct str authz, int64_t now, struct err *err)
{
	json_t *o =
	    json_pack("{s:i, s:I}", "tries", 0, "next", (json_int_t)now);
	int rc = -1;

	if (o == NULL)
		err_set(err, ERR_MEMORY, "no memory for a mail");
	else
		rc = store_put_json(c->store, "mail", authz, o, err);
	json_decref(o);
	return (rc);
}

static size_t
on_read(char *to, size_t size, size_t n, void *arg)
{
	struct send *s = arg;
	size_t left = s->text.len - s->sent;

	n *= size;
	if (n > left)
		n = left;
	if (n > 0)
		memcpy(to, s->text.data + s->sent, n);
	s->sent += n;
	return (n);
}

/* Try again later, or give the authorization up when the relay refused for
 * good or the order's time is over. */
static void
send_failed(struct mailer *m, struct str authz, bool permanent, const char *why)
{
	struct store *s = m->cloud->store;
	json_t *o = NULL, *mail = NULL;
	int64_t now = clock_now().wall, tries = 0, wait;
	struct err err;

	o = store_json(s, "authz", authz, &err);
	mail = store_json(s, "mail", authz, &err);
	if (mail != NULL)
		tries = json_integer_value(json_object_get(mail, "tries"));
	log_warn("mail-failed authz=%.*s tries=%lld permanent=%s why=%s",
	    (int)authz.len, authz.p, (long long)tries + 1,
	    permanent ? "yes" : "no", log_str(str_c(why)));
	if (o == NULL || mail == NULL || permanent ||
	    authz_status(o, now) != ACME_PENDING) {
		(void)store_del(s, "mail", authz, &err);
		if (o != NULL)
			(void)authz_undeliverable(m->cloud, authz, why, &err);
	} else {
		wait = tries < 10 ? RETRY_S << tries : RETRY_MAX_S;
		(void)json_object_set_new(mail, "tries",
		    json_integer(tries + 1));
		(void)json_object_set_new(mail, "next",
		    json_integer(
		        now + (wait < RETRY_MAX_S ? wait : RETRY_MAX_S)));
		(void)store_put_json(s, "mail", authz, mail, &err);
	}
	json_decref(mail);
	json_decref(o);
}

/* Is it the mailbox that cannot be reached?  A relay that wants a login or TLS
 * (RFC 4954 6, RFC 3207 4) is for the operator to mend, and mails can wait. */
static bool
is_permanent(CURLcode code, long status)
{
	return (status >= 500 && (status < 530 || status > 538) &&
	        code != CURLE_LOGIN_DENIED && code != CURLE_USE_SSL_FAILED);
}

static void
send_done(struct send *s, CURLcode code)
{
	struct mailer *m = s->mailer;
	long status = 0;
	struct err err;

	(void)curl_easy_getinfo(s->easy, CURLINFO_RESPONSE_CODE, &status);
	if (code == CURLE_OK) {
		(void)FAULT("cloud.mail.sent");
		if (store_del(m->cloud->store, "mail", str_c(s->authz), &err) <
		    0)
			log_error("mail-queue why=%s",
			    log_str(str_c(err.text)));
		log_info("mail-sent authz=%s", s->authz);
	} else
		send_failed(m, str_c(s->authz), is_permanent(code, status),
		    s->error[0] != '\0' ? s->error : curl_easy_strerror(code));
	send_free(s);
}

static void
reap(struct mailer *m)
{
	struct send *s;
	CURLMsg *msg;
	int left;

	while ((msg = curl_multi_info_read(m->multi, &left)) != NULL)
		if (msg->msg == CURLMSG_DONE &&
		    curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE,
		        (char **)&s) == CURLE_OK)
			send_done(s, msg->data.result);
}

static void
on_socket(evutil_socket_t fd, short what, void *arg)
{
	struct mailer *m = arg;
	int running, flags = 0;

	if ((what & EV_READ) != 0)
		flags |= CURL_CSELECT_IN;
	if ((what & EV_WRITE) != 0)
		flags |= CURL_CSELECT_OUT;
	(void)curl_multi_socket_action(m->multi, fd, flags, &running);
	reap(m);
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct mailer *m = arg;
	int running;

	(void)fd;
	(void)what;
	(void)curl_multi_socket_action(m->multi, CURL_SOCKET_TIMEOUT, 0,
	    &running);
	reap(m);
}

static int
want_timer(CURLM *multi, long ms, void *arg)
{
	struct mailer *m = arg;
	struct timeval tv = {ms / 1000, ms % 1000 * 1000};

	(void)multi;
	if (ms < 0)
		(void)evtimer_del(m->timer);
	else
		(void)evtimer_add(m->timer, &tv);
	return (0);
}

static int
want_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *watch)
{
	struct mailer *m = arg;
	struct watch *w = watch;
	short flags = EV_PERSIST;

	(void)easy;
	if (w != NULL && w->ev != NULL)
		event_free(w->ev);
	if (what == CURL_POLL_REMOVE) {
		free(w);
		(void)curl_multi_assign(m->multi, fd, NULL);
		return (0);
	}
	if (w == NULL && (w = calloc(1, sizeof(*w))) == NULL)
		return (-1);
	if (what == CURL_POLL_IN || what == CURL_POLL_INOUT)
		flags |= EV_READ;
	if (what == CURL_POLL_OUT || what == CURL_POLL_INOUT)
		flags |= EV_WRITE;
	w->ev = event_new(m->cloud->base, fd, flags, on_socket, m);
	(void)curl_multi_assign(m->multi, fd, w);
	if (w->ev == NULL || event_add(w->ev, NULL) != 0)
		return (-1);
	return (0);
}

/* "smtp+starttls://host" is our conf's word, not a URL for libcurl. */
static void
set_relay(struct mailer *m, CURL *easy)
{
	const struct conf *c = m->cloud->conf;
	const char *login = conf_str(c, "mail", "relay_login");
	struct str scheme, pass;
	char host[CONF_HOST], url[CONF_HOST + 32], word[128];
	uint16_t port;

	(void)conf_url(str_c(conf_str(c, "mail", "relay")), &scheme, host,
	    &port);
	(void)snprintf(url, sizeof(url),
	    strchr(host, ':') != NULL ? "%s://[%s]:%u" : "%s://%s:%u",
	    str_ieq(scheme, STR("smtps")) ? "smtps" : "smtp", host,
	    (unsigned)port);
	(void)curl_easy_setopt(easy, CURLOPT_URL, url);
	(void)curl_easy_setopt(easy, CURLOPT_USE_SSL,
	    (long)(str_ieq(scheme, STR("smtp")) ? CURLUSESSL_NONE
	                                        : CURLUSESSL_ALL));
	if (conf_str(c, "mail", "relay_ca_file") != NULL)
		(void)curl_easy_setopt(easy, CURLOPT_CAINFO,
		    conf_str(c, "mail", "relay_ca_file"));
	if (login == NULL)
		return;
	pass = str_trim(conf_file(c, "mail", "relay_password"));
	(void)snprintf(word, sizeof(word), "%.*s", (int)pass.len, pass.p);
	(void)curl_easy_setopt(easy, CURLOPT_USERNAME, login);
	(void)curl_easy_setopt(easy, CURLOPT_PASSWORD, word);
	OPENSSL_cleanse(word, sizeof(word));
}

/* The mail that an authorization's record describes. */
static int
compose(struct mailer *m, const json_t *authz, struct buf *out, struct err *err)
{
	int64_t now = clock_now().wall;
	struct acme_challenge_mail mail = {
	    .from = acme_member(authz, "from"),
	    .to = acme_member(authz, "mailbox"),
	    .token1 = acme_member(authz, "token1"),
	    .message_id = acme_member(authz, "message_id"),
	};
	time_t t = (time_t)now;
	struct tm tm = {0};
	char date[64];

	(void)gmtime_r(&t, &tm);
	(void)strftime(date, sizeof(date), "%a, %d %b %Y %H:%M:%S +0000", &tm);
	mail.date = str_c(date);
	return (mailer_compose(m->cloud, &mail, now, out, err));
}

static int
send_prepare(struct send *s, const json_t *authz, struct err *err)
{
	struct str to = acme_member(authz, "mailbox");
	struct str from = acme_member(authz, "from");
	char text[LIMIT_ADDRESS + 3];

	err_set(err, ERR_MEMORY, "no memory for a mail");
	(void)snprintf(text, sizeof(text), "<%.*s>", (int)to.len, to.p);
	if ((s->easy = curl_easy_init()) == NULL ||
	    (s->to = curl_slist_append(NULL, text)) == NULL ||
	    compose(s->mailer, authz, &s->text, err) != 0)
		return (-1);
	(void)snprintf(text, sizeof(text), "<%.*s>", (int)from.len, from.p);
	set_relay(s->mailer, s->easy);
	(void)curl_easy_setopt(s->easy, CURLOPT_MAIL_FROM, text);
	(void)curl_easy_setopt(s->easy, CURLOPT_MAIL_RCPT, s->to);
	(void)curl_easy_setopt(s->easy, CURLOPT_UPLOAD, 1L);
	(void)curl_easy_setopt(s->easy, CURLOPT_READFUNCTION, on_read);
	(void)curl_easy_setopt(s->easy, CURLOPT_READDATA, s);
	(void)curl_easy_setopt(s->easy, CURLOPT_INFILESIZE_LARGE,
	    (curl_off_t)s->text.len);
	(void)curl_easy_setopt(s->easy, CURLOPT_TIMEOUT, (long)SEND_S);
	(void)curl_easy_setopt(s->easy, CURLOPT_NOSIGNAL, 1L);
	(void)curl_easy_setopt(s->easy, CURLOPT_PROXY, "");
	(void)curl_easy_setopt(s->easy, CURLOPT_ERRORBUFFER, s->error);
	(void)curl_easy_setopt(s->easy, CURLOPT_PRIVATE, (char *)s);
	if (curl_multi_add_handle(s->mailer->multi, s->easy) == CURLM_OK)
		return (0);
	err_set(err, ERR_MEMORY, "no memory for a mail");
	return (-1);
}

static void
send_start(struct mailer *m, struct str id)
{
	struct send *s = NULL;
	json_t *authz;
	struct err err;

	if ((authz = store_json(m->cloud->store, "authz", id, &err)) == NULL ||
	    authz_status(authz, clock_now().wall) != ACME_PENDING ||
	    !authz_is_wanted(m->cloud, authz)) {
		json_decref(authz);
		(void)store_del(m->cloud->store, "mail", id, &err);
		return;
	}
	if ((s = calloc(1, sizeof(*s))) == NULL) {
		json_decref(authz);
		return;
	}
	s->mailer = m;
	memcpy(s->authz, id.p, id.len);
	buf_init(&s->text, MAIL_MAX);
	s->next = m->sends;
	m->sends = s;
	m->nsends++;
	if (send_prepare(s, authz, &err) != 0) {
		send_failed(m, id, false, err.text);
		send_free(s);
	}
	json_decref(authz);
}

/* What is due and not on its way. */
struct due {
	struct mailer *mailer;
	int64_t now;
	char ids[SENDS_MAX][CLOUD_ID];
	unsigned n;
};

static int
on_queued(struct str id, struct str value, void *arg)
{
	struct due *d = arg;
	const struct send *s;
	json_t *o;
	bool due;

	if (id.len != CLOUD_ID - 1)
		return (0);
	for (s = d->mailer->sends; s != NULL; s = s->next)
		if (str_eq(str_c(s->authz), id))
			return (0);
	o = acme_json(value, ACME_JSON_MAX, NULL);
	due = json_integer_value(json_object_get(o, "next")) <= d->now;
	json_decref(o);
	if (!due)
		return (0);
	memcpy(d->ids[d->n], id.p, id.len);
	d->ids[d->n++][id.len] = '\0';
	return (d->n + d->mailer->nsends >= SENDS_MAX ? 1 : 0);
}

static void
on_look(evutil_socket_t fd, short what, void *arg)
{
	struct timeval tv = {LOOK_S, 0};
	struct mailer *m = arg;
	struct due d = {.mailer = m, .now = clock_now().wall};
	struct err err;
	unsigned i;

	(void)fd;
	(void)what;
	m->due = false;
	if (m->nsends < SENDS_MAX && store_walk(m->cloud->store, "mail",
	                                 STR(""), on_queued, &d, &err) != 0)
		log_error("mail-queue why=%s", log_str(str_c(err.text)));
	for (i = 0; i < d.n; i++)
		send_start(m, str_c(d.ids[i]));
	if (!m->due)
		(void)evtimer_add(m->look, &tv);
}

void
mailer_kick(struct mailer *m)
{
	struct timeval now = {0, 0};

	/* from the loop: the answer to the request goes out first */
	m->due = true;
	(void)evtimer_add(m->look, &now);
}

struct mailer *
mailer_new(struct cloud *c, struct err *err)
{
	struct mailer *m;

	if ((m = calloc(1, sizeof(*m))) == NULL ||
	    (m->multi = curl_multi_init()) == NULL ||
	    (m->timer = evtimer_new(c->base, on_timer, m)) == NULL ||
	    (m->look = evtimer_new(c->base, on_look, m)) == NULL) {
		err_set(err, ERR_MEMORY, "no memory for the mailer");
		mailer_free(m);
		return (NULL);
	}
	m->cloud = c;
	(void)curl_multi_setopt(m->multi, CURLMOPT_SOCKETFUNCTION, want_socket);
	(void)curl_multi_setopt(m->multi, CURLMOPT_SOCKETDATA, m);
	(void)curl_multi_setopt(m->multi, CURLMOPT_TIMERFUNCTION, want_timer);
	(void)curl_multi_setopt(m->multi, CURLMOPT_TIMERDATA, m);
	mailer_kick(m);
	return (m);
}

void
mailer_free(struct mailer *m)
{
	if (m == NULL)
		return;
	while (m->sends != NULL)
		send_free(m->sends);
	if (m->multi != NULL)
		(void)curl_multi_cleanup(m->multi);
	if (m->timer != NULL)
		event_free(m->timer);
	if (m->look != NULL)
		event_free(m->look);
	free(m);
}
