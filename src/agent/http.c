#include "config.h"

#include "agent/http.h"

#include <sys/queue.h>

#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "acme/object.h"
#include "base/num.h"
#include "sys/fault.h"

/* Connections to the one server; more questions wait for a free one. */
#define CONNECTIONS 8

/* Idle handles that are kept for the next questions. */
#define SPARE 8

/* All fields of an answer; and the value of one that is looked at. */
#define HEAD_MAX  (64UL * 1024)
#define VALUE_MAX 2048

/* No server's word makes us wait or keep longer: a year. */
#define SECONDS_MAX ((uint64_t)365 * 24 * 3600)

enum head { H_TYPE, H_NONCE, H_LOCATION, H_ETAG, H_RETRY, H_CACHE, H_MAX };

static const char *const head_names[H_MAX] = {
    [H_TYPE] = "Content-Type",
    [H_NONCE] = "Replay-Nonce",
    [H_LOCATION] = "Location",
    [H_ETAG] = "ETag",
    [H_RETRY] = "Retry-After",
    [H_CACHE] = "Cache-Control",
};

struct http {
	struct event_base *base; /* not owned */
	char *url;               /* owned */
	struct buf ca;           /* owned */
	CURLM *multi;            /* owned */
	struct event *timer;     /* owned */
	LIST_HEAD(, http_req) reqs;
	CURL *spare[SPARE]; /* owned */
	size_t nspare;
};

struct http_req {
	LIST_ENTRY(http_req) next;
	struct http *http;
	CURL *easy;                /* owned */
	struct curl_slist *fields; /* owned */
	struct buf url, sent, got; /* owned */
	struct buf heads[H_MAX];   /* owned */
	size_t head_bytes;
	struct err why; /* set when a callback of ours broke it off */
	http_fn *done;
	void *arg;
};

/* --- what comes in --- */

/* Anything but the size makes libcurl give up. */
static size_t
on_body(char *p, size_t one, size_t n, void *arg)
{
	struct http_req *r = arg;

	(void)one;
	buf_put(&r->got, p, n);
	if (!r->got.failed)
		return (n);
	err_set(&r->why, ERR_LIMIT, "the answer is larger than %zu bytes",
	    r->got.max);
	return (0);
}

static void
keep_head(struct http_req *r, struct str line)
{
	struct str name, value;
	size_t i, n = str_find(line, ':');

	if (n == line.len)
		return;
	name = str_trim(str_of(line.p, n));
	value = str_trim(str_of(line.p + n + 1, line.len - n - 1));
	for (i = 0; i < H_MAX; i++)
		if (str_ieq(name, str_c(head_names[i]))) {
			buf_reset(&r->heads[i]);
			buf_str(&r->heads[i], value);
		}
}

static size_t
on_head(char *p, size_t one, size_t n, void *arg)
{
	struct http_req *r = arg;
	struct str line = str_of(p, n);
	size_t i;

	(void)one;
	if ((r->head_bytes += n) > HEAD_MAX) {
		err_set(&r->why, ERR_LIMIT, "the answer's header is too long");
		return (0);
	}
	/* a new answer after an interim one (RFC 9110 15.2) */
	if (str_istarts(line, STR("HTTP/")))
		for (i = 0; i < H_MAX; i++)
			buf_reset(&r->heads[i]);
	keep_head(r, line);
	return (n);
}

/* Seconds or a date (RFC 9110 10.2.3). */
static int64_t
read_retry(struct str s)
{
	char date[64];
	uint64_t n;
	time_t at;

	if (s.len == 0 || s.len >= sizeof(date))
		return (-1);
	if (num_parse(s, SECONDS_MAX, &n))
		return ((int64_t)n);
	memcpy(date, s.p, s.len);
	date[s.len] = '\0';
	if ((at = curl_getdate(date, NULL)) == -1)
		return (-1);
	at -= time(NULL);
	if (at < 0)
		return (0);
	return (at < (time_t)SECONDS_MAX ? (int64_t)at : (int64_t)SECONDS_MAX);
}

/* RFC 9111 5.2.2. */
static int64_t
read_max_age(struct str s)
{
	const struct str key = STR("max-age=");
	int64_t age = -1;
	struct str word;
	uint64_t n;
	size_t len;

	for (; s.len > 0; s = str_of(s.p + len, s.len - len)) {
		len = str_find(s, ',');
		word = str_trim(str_of(s.p, len));
		len += len < s.len;
		if (str_ieq(word, STR("no-store")) ||
		    str_ieq(word, STR("no-cache")))
			return (0);
		if (str_istarts(word, key) &&
		    num_parse(str_of(word.p + key.len, word.len - key.len),
		        SECONDS_MAX, &n))
			age = (int64_t)n;
	}
	return (age);
}

int64_t
http_fresh(int64_t now, int64_t max_age, int64_t usual, int64_t least,
    int64_t most)
{
	if (max_age == -1)
		max_age = usual;
	if (max_age < least)
		max_age = least;
	return (now + (max_age < most ? max_age : most));
}

/* --- handles --- */

static CURL *
take_easy(struct http *h)
{
	if (h->nspare > 0)
		return (h->spare[--h->nspare]);
	return (curl_easy_init());
}

static void
give_easy(struct http *h, CURL *easy)
{
	if (easy == NULL)
		return;
	if (h->nspare == SPARE) {
		curl_easy_cleanup(easy);
		return;
	}
	curl_easy_reset(easy);
	h->spare[h->nspare++] = easy;
}

static void
req_free(struct http_req *r)
{
	size_t i;

	if (r->easy != NULL)
		(void)curl_multi_remove_handle(r->http->multi, r->easy);
	give_easy(r->http, r->easy);
	curl_slist_free_all(r->fields);
	LIST_REMOVE(r, next);
	buf_clear(&r->url);
	buf_clear(&r->sent);
	buf_clear(&r->got);
	for (i = 0; i < H_MAX; i++)
		buf_clear(&r->heads[i]);
	free(r);
}

void
http_cancel(struct http_req *r)
{
	if (r != NULL)
		req_free(r);
}

/* --- the end of a request --- */

static void
explain(CURLcode code, struct err *err)
{
	enum err_code what = ERR_PEER;

	if (code == CURLE_OPERATION_TIMEDOUT)
		what = ERR_TIMEOUT;
	else if (code == CURLE_PEER_FAILED_VERIFICATION ||
	         code == CURLE_SSL_CACERT_BADFILE)
		what = ERR_UNTRUSTED;
	else if (code == CURLE_FILESIZE_EXCEEDED)
		what = ERR_LIMIT;
	else if (code == CURLE_COULDNT_CONNECT ||
	         code == CURLE_COULDNT_RESOLVE_HOST)
		what = ERR_UNAVAILABLE;
	else if (code == CURLE_OUT_OF_MEMORY)
		what = ERR_MEMORY;
	err_set(err, what, "cloud: %s", curl_easy_strerror(code));
}

static void
answer(struct http_req *r)
{
	struct http_answer a = {.body = buf_text(&r->got)};
	struct err err;
	long status = 0;

	(void)curl_easy_getinfo(r->easy, CURLINFO_RESPONSE_CODE, &status);
	a.status = (unsigned)status;
	a.type = buf_text(&r->heads[H_TYPE]);
	a.nonce = buf_text(&r->heads[H_NONCE]);
	a.location = buf_text(&r->heads[H_LOCATION]);
	a.etag = buf_text(&r->heads[H_ETAG]);
	a.retry_after = read_retry(buf_text(&r->heads[H_RETRY]));
	a.max_age = read_max_age(buf_text(&r->heads[H_CACHE]));
	if (status >= 300 && status < 400 && status != 304) {
		err_set(&err, ERR_PEER,
		    "cloud: redirects, which is not followed");
		r->done(NULL, &err, r->arg);
		return;
	}
	r->done(&a, NULL, r->arg);
}

static void
finish(struct http_req *r, CURLcode code)
{
	struct err err;

	/* its callback may ask the next question: leave the multi first */
	(void)curl_multi_remove_handle(r->http->multi, r->easy);
	if (code == CURLE_OK && !FAULT("agent.http")) {
		answer(r);
	} else {
		explain(code, &err);
		if (r->why.code != ERR_OK)
			err = r->why;
		r->done(NULL, &err, r->arg);
	}
	req_free(r);
}

static void
check_done(struct http *h)
{
	struct http_req *r;
	char *priv;
	CURLMsg *m;
	int left;

	while ((m = curl_multi_info_read(h->multi, &left)) != NULL) {
		if (m->msg != CURLMSG_DONE)
			continue;
		(void)curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE,
		    &priv);
		r = (struct http_req *)(void *)priv;
		finish(r, m->data.result);
	}
}

/* --- libevent under libcurl --- */

static void
act(struct http *h, curl_socket_t fd, int what)
{
	int running;

	(void)curl_multi_socket_action(h->multi, fd, what, &running);
	check_done(h);
}

static void
on_socket(evutil_socket_t fd, short what, void *arg)
{
	act(arg, fd,
	    ((what & EV_READ) != 0 ? CURL_CSELECT_IN : 0) |
	        ((what & EV_WRITE) != 0 ? CURL_CSELECT_OUT : 0));
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	act(arg, CURL_SOCKET_TIMEOUT, 0);
}

/* libcurl wants to know of a socket, or no more. */
static int
watch(CURL *easy, curl_socket_t fd, int what, void *arg, void *socket_arg)
{
	struct event *ev = socket_arg;
	struct http *h = arg;
	short kind = EV_PERSIST;

	(void)easy;
	if (ev != NULL)
		event_free(ev);
	ev = NULL;
	if (what != CURL_POLL_REMOVE) {
		if ((what & CURL_POLL_IN) != 0)
			kind |= EV_READ;
		if ((what & CURL_POLL_OUT) != 0)
			kind |= EV_WRITE;
		ev = event_new(h->base, fd, kind, on_socket, h);
		if (ev == NULL || event_add(ev, NULL) == -1)
			return (-1);
	}
	(void)curl_multi_assign(h->multi, fd, ev);
	return (0);
}

static int
set_timer(CURLM *multi, long ms, void *arg)
{
	struct timeval tv = {ms / 1000, ms % 1000 * 1000};
	struct http *h = arg;

	(void)multi;
	if (ms == -1)
		return (event_del(h->timer));
	return (event_add(h->timer, &tv));
}

/* --- the start --- */

/* What cannot fail but for memory; a failure of one is found by its use. */
static int
set_safety(struct http_req *r)
{
	struct curl_blob ca = {r->http->ca.data, r->http->ca.len,
	    CURL_BLOB_NOCOPY};
	CURL *e = r->easy;

	return (curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "https") ||
	        curl_easy_setopt(e, CURLOPT_CAINFO_BLOB, &ca) ||
	        curl_easy_setopt(e, CURLOPT_CAPATH, NULL) ||
	        curl_easy_setopt(e, CURLOPT_SSL_VERIFYPEER, 1L) ||
	        curl_easy_setopt(e, CURLOPT_SSL_VERIFYHOST, 2L) ||
	        curl_easy_setopt(e, CURLOPT_SSLVERSION,
	            (long)CURL_SSLVERSION_TLSv1_2) ||
	        curl_easy_setopt(e, CURLOPT_HTTP_VERSION,
	            (long)CURL_HTTP_VERSION_1_1) ||
	        curl_easy_setopt(e, CURLOPT_FOLLOWLOCATION, 0L) ||
	        curl_easy_setopt(e, CURLOPT_PROXY, "") ||
	        curl_easy_setopt(e, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED) ||
	        curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L) ||
	        curl_easy_setopt(e, CURLOPT_USERAGENT, PACKAGE_NAME));
}

static int
set_callbacks(struct http_req *r, const struct http_ask *ask)
{
	CURL *e = r->easy;

	return (
	    curl_easy_setopt(e, CURLOPT_PRIVATE, (void *)r) ||
	    curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_body) ||
	    curl_easy_setopt(e, CURLOPT_WRITEDATA, (void *)r) ||
	    curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, on_head) ||
	    curl_easy_setopt(e, CURLOPT_HEADERDATA, (void *)r) ||
	    curl_easy_setopt(e, CURLOPT_MAXFILESIZE_LARGE,
	        (curl_off_t)ask->max) ||
	    curl_easy_setopt(e, CURLOPT_TIMEOUT_MS, (long)ask->deadline_ms));
}

static int
add_field(struct http_req *r, const char *name, struct str value)
{
	struct curl_slist *list = NULL;
	struct buf line;

	buf_init(&line, VALUE_MAX);
	buf_puts(&line, name);
	buf_str(&line, value);
	buf_putc(&line, '\0');
	if (!line.failed)
		list = curl_slist_append(r->fields, line.data);
	buf_clear(&line);
	if (list == NULL)
		return (-1);
	r->fields = list;
	return (0);
}

static int
set_request(struct http_req *r, const struct http_ask *ask)
{
	CURL *e = r->easy;

	if (ask->accept != NULL &&
	    add_field(r, "Accept: ", str_c(ask->accept)) == -1)
		return (-1);
	if (ask->etag.len > 0 &&
	    add_field(r, "If-None-Match: ", ask->etag) == -1)
		return (-1);
	if (ask->verb == HTTP_HEAD &&
	    curl_easy_setopt(e, CURLOPT_NOBODY, 1L) != CURLE_OK)
		return (-1);
	if (ask->verb == HTTP_POST &&
	    (add_field(r, "Content-Type: ", str_c(ask->type)) == -1 ||
	        add_field(r, "Expect:", STR("")) == -1 ||
	        curl_easy_setopt(e, CURLOPT_POSTFIELDS, buf_text(&r->sent).p) ||
	        curl_easy_setopt(e, CURLOPT_POSTFIELDSIZE_LARGE,
	            (curl_off_t)r->sent.len)))
		return (-1);
	return (curl_easy_setopt(e, CURLOPT_HTTPHEADER, r->fields) ||
	        curl_easy_setopt(e, CURLOPT_URL, r->url.data));
}

static int
fill(struct http_req *r, const struct http_ask *ask)
{
	size_t i;

	buf_init(&r->url, VALUE_MAX);
	buf_init(&r->sent, SIZE_MAX);
	buf_init(&r->got, ask->max);
	for (i = 0; i < H_MAX; i++)
		buf_init(&r->heads[i], VALUE_MAX);
	buf_str(&r->url, ask->url);
	buf_putc(&r->url, '\0');
	buf_str(&r->sent, ask->body);
	if (r->url.failed || r->sent.failed ||
	    (r->easy = take_easy(r->http)) == NULL)
		return (-1);
	if (set_safety(r) || set_callbacks(r, ask) || set_request(r, ask))
		return (-1);
	return (curl_multi_add_handle(r->http->multi, r->easy) == CURLM_OK
	            ? 0
	            : -1);
}

/* Nothing that would end the URL, or a line of the request, early. */
static bool
is_clean(struct str s)
{
	size_t i;

	for (i = 0; i < s.len; i++)
		if (s.p[i] <= ' ' || s.p[i] > '~')
			return (false);
	return (true);
}

struct http_req *
http_start(struct http *h, const struct http_ask *ask, http_fn *done, void *arg,
    struct err *err)
{
	struct http_req *r;
	char text[120];

	if (!is_clean(ask->url) || !acme_same_origin(ask->url, str_c(h->url))) {
		err_set(err, ERR_DENIED, "a URL of another origin: %s",
		    err_escape(text, sizeof(text), ask->url));
		return (NULL);
	}
	if ((r = calloc(1, sizeof(*r))) == NULL) {
		err_set(err, ERR_MEMORY, "no memory for a request");
		return (NULL);
	}
	LIST_INSERT_HEAD(&h->reqs, r, next);
	r->http = h;
	r->done = done;
	r->arg = arg;
	if (fill(r, ask) == 0)
		return (r);
	req_free(r);
	err_set(err, ERR_MEMORY, "cannot make a request");
	return (NULL);
}

/* --- the pool --- */

const char *
http_url(const struct http *h)
{
	return (h->url);
}

static int
set_multi(struct http *h)
{
	return (
	    curl_multi_setopt(h->multi, CURLMOPT_SOCKETFUNCTION, watch) ||
	    curl_multi_setopt(h->multi, CURLMOPT_SOCKETDATA, (void *)h) ||
	    curl_multi_setopt(h->multi, CURLMOPT_TIMERFUNCTION, set_timer) ||
	    curl_multi_setopt(h->multi, CURLMOPT_TIMERDATA, (void *)h) ||
	    curl_multi_setopt(h->multi, CURLMOPT_MAXCONNECTS,
	        (long)CONNECTIONS) ||
	    curl_multi_setopt(h->multi, CURLMOPT_MAX_TOTAL_CONNECTIONS,
	        (long)CONNECTIONS));
}

struct http *
http_new(struct event_base *base, const char *url, struct str ca,
    struct err *err)
{
	struct http *h;

	if (!acme_same_origin(str_c(url), str_c(url))) {
		err_set(err, ERR_SYNTAX, "not an https URL: %s", url);
		return (NULL);
	}
	if (ca.len == 0) {
		err_set(err, ERR_SYNTAX, "no authority for %s", url);
		return (NULL);
	}
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK ||
	    (h = calloc(1, sizeof(*h))) == NULL)
		goto fail;
	LIST_INIT(&h->reqs);
	h->base = base;
	buf_init(&h->ca, SIZE_MAX);
	buf_str(&h->ca, ca);
	h->url = strdup(url);
	h->timer = evtimer_new(base, on_timer, h);
	h->multi = curl_multi_init();
	if (h->url != NULL && h->timer != NULL && h->multi != NULL &&
	    !h->ca.failed && set_multi(h) == 0)
		return (h);
	http_free(h);
fail:
	err_set(err, ERR_MEMORY, "no memory for HTTP");
	return (NULL);
}

void
http_free(struct http *h)
{
	struct http_req *r;

	if (h == NULL)
		return;
	while ((r = LIST_FIRST(&h->reqs)) != NULL)
		req_free(r);
	while (h->nspare > 0)
		curl_easy_cleanup(h->spare[--h->nspare]);
	/* closes the kept connections, which calls watch() */
	if (h->multi != NULL)
		(void)curl_multi_cleanup(h->multi);
	if (h->timer != NULL)
		event_free(h->timer);
	free(h->url);
	buf_clear(&h->ca);
	free(h);
	curl_global_cleanup();
}
