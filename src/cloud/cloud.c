#include "config.h"

#include "cloud/cloud.h"

#include <curl/curl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cloud/acme.h"
#include "cloud/ca.h"
#include "cloud/directory.h"
#include "cloud/kms.h"
#include "cloud/kms_paths.h"
#include "cloud/limits.h"
#include "cloud/mailer.h"
#include "cloud/plain.h"
#include "cloud/rekey.h"
#include "cloud/replies.h"
#include "cloud/sweep.h"
#include "sys/log.h"
#include "sys/sandbox.h"

#define EXIT_CONF 78 /* EX_CONFIG */

typedef void get_fn(struct cloud *, const struct http_req *, struct http_res *);

/* What is found where.  A path that ends with "/" takes an id after it. */
struct route {
	const char *path;
	get_fn *get;    /* answers by itself */
	acme_fn *post;  /* or a JWS, checked */
	unsigned takes; /* enum acme_takes */
};

#define KID_GET     (ACME_TAKES_KID | ACME_TAKES_GET)
#define KID_OBJECT  (ACME_TAKES_KID | ACME_TAKES_OBJECT)
#define KID_EITHER  (KID_GET | KID_OBJECT)
#define JWK_OBJECT  (ACME_TAKES_JWK | ACME_TAKES_OBJECT)
#define BOTH_OBJECT (KID_OBJECT | JWK_OBJECT)

static const struct route routes[] = {
    {ACME_DIRECTORY, acme_directory_serve, NULL, 0},
    {ACME_NEW_NONCE, acme_nonce_serve, NULL, 0},
    {ACME_NEW_ACCOUNT, NULL, acme_new_account, JWK_OBJECT},
    {ACME_ACCOUNT, NULL, acme_account, KID_EITHER},
    {ACME_ORDERS, NULL, acme_orders, KID_GET},
    {ACME_KEY_CHANGE, NULL, acme_key_change, KID_OBJECT},
    {ACME_NEW_ORDER, NULL, acme_new_order, KID_OBJECT},
    {ACME_ORDER, NULL, acme_order, KID_GET},
    {ACME_FINALIZE, NULL, acme_finalize, KID_OBJECT},
    {ACME_AUTHZ, NULL, acme_authz, KID_EITHER},
    {ACME_CHALLENGE, NULL, acme_challenge, KID_EITHER},
    {ACME_CERT, NULL, acme_cert, KID_GET},
    {ACME_REVOKE, NULL, acme_revoke, BOTH_OBJECT},
    {CRL_PATH, ca_crl_serve, NULL, 0},
    {CA_PATH, ca_cert_serve, NULL, 0},
    {KMS_KEYS, NULL, kms_keys, KID_OBJECT},
    {KMS_RELEASE_LOG, NULL, kms_release_log, KID_OBJECT},
    {DIRECTORY_SEARCH, directory_search, NULL, 0},
};

/* Ids are 32 hex digits; whatever else stands there names nothing. */
static bool
is_id(struct str s)
{
	size_t i;

	for (i = 0; i < s.len; i++)
		if ((s.p[i] < '0' || s.p[i] > '9') &&
		    (s.p[i] < 'a' || s.p[i] > 'f'))
			return (false);
	return (s.len == CLOUD_ID - 1);
}

static bool
matches(const struct route *r, struct str path, struct str *id)
{
	size_t len = strlen(r->path);

	if (path.len < len || memcmp(path.p, r->path, len) != 0)
		return (false);
	*id = str_of(path.p + len, path.len - len);
	return (r->path[len - 1] == '/' ? is_id(*id) : id->len == 0);
}

static void
on_request(const struct http_req *req, struct http_res *res, void *arg)
{
	struct cloud *c = arg;
	struct str id;
	size_t i;

	for (i = 0; i < sizeof(routes) / sizeof(routes[0]); i++) {
		if (!matches(&routes[i], req->path, &id))
			continue;
		if (routes[i].get == NULL)
			acme_serve(c, routes[i].takes, id, routes[i].post, req,
			    res);
		else if (req->method == HTTP_GET || req->method == HTTP_HEAD)
			routes[i].get(c, req, res);
		else {
			http_res_header(res, "Allow", "GET, HEAD");
			acme_refuse(res, 405, "malformed", "GET this");
		}
		return;
	}
	acme_refuse(res, 404, "malformed", "there is nothing here");
}

static void
on_signal(evutil_socket_t fd, short what, void *arg)
{
	struct cloud *c = arg;

	(void)fd;
	(void)what;
	(void)event_base_loopbreak(c->base);
}

static void
log_follow(const struct conf *conf)
{
	enum log_level level = LOG_LEVEL_INFO;

	(void)log_level_parse(conf_str(conf, "cloud", "log"), &level);
	log_set_level(level);
	log_addresses(conf_bool(conf, "cloud", "log_addresses"));
}

/* What can change while it serves: the TLS certificate, limits, the log.  All
 * of it does, or nothing. */
static int
reload(struct cloud *c, struct err *err)
{
	struct cloud_keys tls;
	struct conf *conf;
	int rc;

	if ((conf = cloud_conf(c->conf_path, err)) == NULL)
		return (-1);
	if ((rc = cloud_keys_tls(&tls, conf, err)) == 0)
		rc = httpd_set(c->httpd, buf_text(&tls.tls_cert),
		    buf_text(&tls.tls_key),
		    (unsigned)conf_num(conf, "cloud", "connections"), err);
	if (rc == 0 && (rc = limits_set(c, conf, err)) == 0)
		log_follow(conf);
	cloud_keys_clear(&tls);
	conf_free(conf);
	return (rc);
}

static void
on_hangup(evutil_socket_t fd, short what, void *arg)
{
	struct cloud *c = arg;
	struct err err;

	(void)fd;
	(void)what;
	if (reload(c, &err) == 0)
		log_info("reloaded");
	else
		log_error("reload why=%s", log_str(str_c(err.text)));
}

static void
cloud_clear(struct cloud *c)
{
	plain_free(c->plain);
	replies_free(c->replies);
	sweep_free(c->sweep);
	mailer_free(c->mailer);
	revoked_free(c->revoked);
	kms_close(c);
	httpd_free(c->httpd);
	limits_clear(c);
	nonces_free(c->nonces);
	store_close(c->store);
	if (c->lock >= 0)
		(void)close(c->lock);
	cloud_keys_clear(&c->keys);
	conf_free(c->conf);
	if (c->base != NULL)
		event_base_free(c->base);
}

struct store *
cloud_store(const struct conf *conf, struct err *err)
{
	char dir[4096];

	(void)snprintf(dir, sizeof(dir), "%s/store",
	    conf_str(conf, "cloud", "state_dir"));
	return (store_open(dir, err));
}

static int
open_parts(struct cloud *c, struct err *err)
{
	if ((c->lock = rekey_lock(c->conf, err)) < 0 ||
	    (c->store = cloud_store(c->conf, err)) == NULL ||
	    rekey_settle(c, err) != 0 ||
	    (c->revoked = revoked_new(c, err)) == NULL ||
	    (c->sweep = sweep_new(c, err)) == NULL ||
	    (c->mailer = mailer_new(c, err)) == NULL)
		return (-1);
	err_set(err, ERR_MEMORY, "no memory to start with");
	c->nonces = nonces_new();
	return (c->nonces != NULL && limits_set(c, c->conf, err) == 0
	            ? kms_open(c, err)
	            : -1);
}

/* Ports first, which may need root; then everything else without it. */
static int
cloud_open(struct cloud *c, struct err *err)
{
	struct httpd_conf how = {
	    .listen = conf_str(c->conf, "cloud", "listen"),
	    .connections = (unsigned)conf_num(c->conf, "cloud", "connections"),
	};

	if ((c->base = event_base_new()) == NULL) {
		err_set(err, ERR_MEMORY, "no memory for an event loop");
		return (-1);
	}
	if (cloud_keys_tls(&c->keys, c->conf, err) != 0)
		return (-1);
	how.cert = buf_text(&c->keys.tls_cert);
	how.key = buf_text(&c->keys.tls_key);
	if ((c->httpd = httpd_new(c->base, &how, on_request, c, err)) == NULL ||
	    (c->plain = plain_new(c, err)) == NULL ||
	    (c->replies = replies_new(c, err)) == NULL ||
	    sandbox_drop(conf_str(c->conf, "cloud", "user"), err) != 0 ||
	    cloud_keys_load(&c->keys, c->conf, err) != 0)
		return (-1);
	return (open_parts(c, err));
}

static int
serve(struct cloud *c)
{
	struct event *term, *intr, *hup;
	int rc;

	term = evsignal_new(c->base, SIGTERM, on_signal, c);
	intr = evsignal_new(c->base, SIGINT, on_signal, c);
	hup = evsignal_new(c->base, SIGHUP, on_hangup, c);
	if (term == NULL || intr == NULL || hup == NULL ||
	    event_add(term, NULL) != 0 || event_add(intr, NULL) != 0 ||
	    event_add(hup, NULL) != 0)
		return (1);
	log_info("ready url=%s pid=%ld", c->url, (long)getpid());
	rc = event_base_dispatch(c->base);
	event_free(term);
	event_free(intr);
	event_free(hup);
	log_info("stopped");
	return (rc < 0 ? 1 : 0);
}

int
cloud_run(const char *conf_path)
{
	struct cloud c;
	struct err err;
	int rc = 1;

	memset(&c, 0, sizeof(c));
	c.lock = -1;
	log_init("cloud", LOG_LEVEL_INFO);
	(void)signal(SIGPIPE, SIG_IGN);
	if ((c.conf = cloud_conf(conf_path, &err)) == NULL) {
		log_error("conf why=%s", log_str(str_c(err.text)));
		return (EXIT_CONF);
	}
	log_follow(c.conf);
	c.conf_path = conf_path;
	c.url = conf_str(c.conf, "cloud", "url");
	(void)curl_global_init(CURL_GLOBAL_DEFAULT);
	if (cloud_open(&c, &err) == 0)
		rc = serve(&c);
	else
		log_error("start why=%s", log_str(str_c(err.text)));
	cloud_clear(&c);
	curl_global_cleanup();
	return (rc);
}
