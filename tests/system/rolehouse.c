#include "config.h"

#include "rolehouse.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/agent.h"
#include "base/clock.h"
#include "base/limits.h"
#include "opener/opener.h"
#include "proto/keys.h"
#include "proto/op.h"
#include "sealer/sealer.h"
#include "sys/memfd.h"

struct house h;
struct tenant sealer, agent, verifier;
char keys[300];

void
start_sealer(void)
{
	CHECK(tenant_start(&h, &sealer, ROLE_SEALER, sealer_main, "") == 0);
	house_proxy(&h, &sealer);
}

void
start_agent(void)
{
	CHECK(tenant_start(&h, &agent, ROLE_AGENT, agent_main, "") == 0);
	house_proxy(&h, &agent);
}

void
start_verifier(void)
{
	CHECK(tenant_start(&h, &verifier, ROLE_OPENER, opener_main, "") == 0);
	house_link(&h, &agent, &verifier);
}

void
stop_all(void)
{
	CHECK_INT(tenant_stop(&sealer), 0);
	if (agent.pid != 0)
		CHECK_INT(tenant_stop(&agent), 0);
	if (verifier.pid != 0)
		CHECK_INT(tenant_stop(&verifier), 0);
	house_close(&h);
}

enum err_code
import_fds(const char *account, const char *address, int file, int pass,
    struct err *why)
{
	struct key_import_req q = {str_c(account), str_c(address)};
	int fds[2] = {file, pass};
	enum err_code code;
	struct reply r;
	struct buf body;

	buf_init(&body, LIMIT_RECORD);
	key_import_req_put(&body, &q);
	reply_ask(&r, sealer.parent, OP_KEY_IMPORT, buf_text(&body), fds,
	    file == -1 ? 0 : 2);
	reply_wait(&h, &r);
	if ((code = r.err.code) == ERR_OK)
		CHECK(r.blob != NULL && blob_len(r.blob) > 500);
	if (why != NULL)
		*why = r.err;
	reply_clear(&r);
	buf_clear(&body);
	if (file != -1) {
		close(file);
		close(pass);
	}
	return (code);
}

static int
pipe_of(const char *text)
{
	int p[2];

	if (pipe2(p, O_CLOEXEC) == -1 ||
	    write(p[1], text, strlen(text)) != (ssize_t)strlen(text))
		abort();
	close(p[1]);
	return (p[0]);
}

int
key_file(const char *name)
{
	char path[400];

	(void)snprintf(path, sizeof(path), "%s/%s", keys, name);
	return (open(path, O_RDONLY | O_CLOEXEC));
}

enum err_code
import_key(const char *account, const char *address, const char *name,
    const char *pass, struct err *why)
{
	return (
	    import_fds(account, address, key_file(name), pipe_of(pass), why));
}

json_t *
ask_json(struct tenant *t, uint16_t op, const char *whose)
{
	json_t *j = NULL;
	struct buf body;
	struct reply r;

	buf_init(&body, LIMIT_RECORD);
	if (op != OP_STATUS)
		list_req_put(&body, str_c(whose));
	reply_ask(&r, t->parent, op, buf_text(&body), NULL, 0);
	reply_wait(&h, &r);
	if (r.blob != NULL)
		j = json_loadb(blob_data(r.blob), blob_len(r.blob), 0, NULL);
	reply_clear(&r);
	buf_clear(&body);
	return (j);
}

size_t
count_keys(const char *whose)
{
	json_t *j = ask_json(&sealer, OP_KEY_LIST, whose);
	size_t n = json_array_size(j);

	json_decref(j);
	return (n);
}

struct blob *
cert_file(const char *name)
{
	struct buf text;
	struct blob *blob;

	(void)house_run(&h, "cp %s/%s cert", keys, name);
	house_read(&h, "cert", &text);
	blob = memfd_copy(text.data, text.len, NULL);
	buf_clear(&text);
	return (blob);
}

int
import_cert(const char *name, struct err *why)
{
	char trust = TRUST_MANUAL;
	struct blob *blob = cert_file(name);
	struct reply r;
	json_t *j;
	int fd = blob_fd(blob), n = -1;

	reply_ask(&r, agent.parent, OP_CERT_IMPORT, str_of(&trust, 1), &fd, 1);
	reply_wait(&h, &r);
	if (r.err.code == ERR_OK && r.blob != NULL) {
		j = json_loadb(blob_data(r.blob), blob_len(r.blob), 0, NULL);
		n = (int)json_array_size(json_object_get(j, "taken"));
		json_decref(j);
	}
	if (why != NULL)
		*why = r.err;
	reply_clear(&r);
	blob_unref(blob);
	return (n);
}

struct lookup_ans
look_up(const char *address)
{
	return (house_look_up(&h, agent.proxy, address));
}

void
import_anna(void)
{
	CHECK_INT(
	    import_key("", "anna@x.test", "anna.sign.p12", "secret", NULL),
	    ERR_OK);
	CHECK_INT(
	    import_key("", "anna@x.test", "anna.encrypt.p12", "secret", NULL),
	    ERR_OK);
}

void
move_in(void)
{
	house_open(&h, CONF);
	start_sealer();
	start_agent();
	start_verifier();
	import_anna();
}

struct seal_req
request(bool sign, bool encrypt, void *to, size_t n)
{
	struct seal_req q = {.sign = sign, .encrypt = encrypt};

	q.account = STR("anna@x.test");
	q.address = STR("anna@x.test");
	q.time = clock_now().wall;
	q.recipients = to;
	q.nrecipients = n;
	return (q);
}

enum err_code
seal(const struct seal_req *q, const char *mail, struct err *why)
{
	struct buf body;
	struct blob *blob;
	struct reply r;
	enum err_code code;
	int fd;

	blob = memfd_copy(mail, strlen(mail), NULL);
	fd = blob_fd(blob);
	buf_init(&body, LIMIT_RECORD);
	seal_req_put(&body, q);
	reply_ask(&r, sealer.proxy, OP_SEAL, buf_text(&body), &fd, 1);
	reply_wait(&h, &r);
	code = r.err.code;
	CHECK((r.blob != NULL) == (code == ERR_OK));
	if (r.blob != NULL)
		house_write(&h, "sealed", blob_str(r.blob));
	if (why != NULL)
		*why = r.err;
	reply_clear(&r);
	buf_clear(&body);
	blob_unref(blob);
	return (code);
}

void
openssl_reads(const char *who)
{
	struct buf text;

	CHECK_INT(house_run(&h,
	              "openssl cms -decrypt -in sealed -recip %s/%s.crt "
	              "-inkey %s/%s.key -out inner",
	              keys, who, keys, who),
	    0);
	CHECK_INT(house_run(&h,
	              "openssl cms -verify -in inner -CAfile %s/ca.crt "
	              "-out plain -signer signer",
	              keys),
	    0);
	house_read(&h, "plain", &text);
	buf_putc(&text, '\0');
	CHECK(strstr(text.data, "gr\xc3\xbcn") != NULL);
	CHECK(strstr(text.data, "Subject") == NULL);
	buf_clear(&text);
}

int
rolehouse_main(const char *name, const struct unit_test *tests)
{
	const char *src = getenv("srcdir");
	char line[1600], here[200], data[400];
	int rc;

	if (src == NULL)
		src = ".";
	if (getcwd(here, sizeof(here)) == NULL)
		return (1);
	(void)signal(SIGPIPE, SIG_IGN);
	(void)snprintf(keys, sizeof(keys), "%s/%s.keys", here, name);
	(void)snprintf(data, sizeof(data), "$(cd %s/tests/data && pwd)", src);
	(void)snprintf(line, sizeof(line),
	    "sh %s/tests/system/roles-keys %s %s && : >%s/empty", src, keys,
	    data, keys);
	if (system(line) != 0) {
		(void)fprintf(stderr, "cannot make the keys\n");
		return (1);
	}
	rc = unit_main(name, tests);
	(void)snprintf(line, sizeof(line), "rm -rf %s", keys);
	return (system(line) == 0 ? rc : 1);
}
