#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ctl/client.h"
#include "ctl/export.h"
#include "ctl/follow.h"
#include "ctl/progress.h"
#include "ctl/secret.h"
#include "ctl/show.h"
#include "sys/memfd.h"

#define DEFAULT_SOCKET RUNSTATEDIR "/waxwing/control"

/* sysexits.h */
#define EXIT_USAGE       64
#define EXIT_NODAEMON    69
#define EXIT_TRY_AGAIN   75
#define EXIT_NOT_ALLOWED 77

/* Files of certificates and keys; a p12 is some KiB. */
#define FILE_MAX (8UL * 1024 * 1024)

/* The command line. */
struct ctl {
	const char *socket;
	const char *account;
	const char *passphrase_file;
	bool json;
	char **args; /* after the command's words */
	int file;    /* key export: what is written; -1: none */
	/* the question, as it grows */
	json_t *question;
	int fds[CLIENT_FDS];
	size_t nfds;
};

static int
complain(const struct err *err)
{
	(void)fprintf(stderr, "waxwingctl: %s\n", err->text);
	switch (err->code) {
	case ERR_NOTFOUND:
		return (EXIT_NODAEMON);
	case ERR_DENIED:
		return (EXIT_NOT_ALLOWED);
	case ERR_TIMEOUT:
	case ERR_UNAVAILABLE:
		return (EXIT_TRY_AGAIN);
	case ERR_OK:
	case ERR_MEMORY:
	case ERR_LIMIT:
	case ERR_SYNTAX:
	case ERR_UNSUPPORTED:
	case ERR_NOKEY:
	case ERR_CRYPTO:
	case ERR_UNTRUSTED:
	case ERR_IO:
	case ERR_PEER:
		break;
	}
	return (1);
}

/* What the daemon refused. */
static int
complain_answer(json_t *answer)
{
	const char *code = json_string_value(json_object_get(answer, "code"));
	const char *text = json_string_value(json_object_get(answer, "error"));
	char safe[400];

	err_escape(safe, sizeof(safe), str_c(text != NULL ? text : "refused"));
	(void)fprintf(stderr, "waxwingctl: %s\n", safe);
	if (code == NULL)
		return (1);
	if (strcmp(code, "denied") == 0)
		return (EXIT_NOT_ALLOWED);
	if (strcmp(code, "unavailable") == 0 || strcmp(code, "timeout") == 0)
		return (EXIT_TRY_AGAIN);
	return (1);
}

static void
put_arg(struct ctl *c, const char *key, const char *value)
{
	(void)json_object_set_new(c->question, key, json_string(value));
}

/* A duplicate, so that all of c->fds are closed alike. */
static int
put_blob(struct ctl *c, struct blob *b, struct err *err)
{
	int fd;

	if (b == NULL)
		return (-1);
	fd = fcntl(blob_fd(b), F_DUPFD_CLOEXEC, 0);
	blob_unref(b);
	if (fd == -1) {
		err_set(err, ERR_IO, "%s", strerror(errno));
		return (-1);
	}
	(void)lseek(fd, 0, SEEK_SET); /* who reads it starts there */
	c->fds[c->nfds++] = fd;
	return (0);
}

/* Open a file of a sensible size. */
static int
open_file(const char *path, struct err *err)
{
	struct stat st;
	int fd;

	if ((fd = open(path, O_RDONLY | O_CLOEXEC)) == -1 ||
	    fstat(fd, &st) == -1) {
		err_set(err, ERR_IO, "%s: %s", path, strerror(errno));
	} else if (!S_ISREG(st.st_mode)) {
		err_set(err, ERR_SYNTAX, "%s: not a file", path);
	} else if (st.st_size == 0 || (uintmax_t)st.st_size > FILE_MAX) {
		err_set(err, ERR_LIMIT, "%s: %s", path,
		    st.st_size == 0 ? "empty" : "too large");
	} else
		return (fd);
	if (fd != -1)
		close(fd);
	return (-1);
}

/* A sealed copy: the daemon takes nothing that could change or block while it
 * is read. */
static struct blob *
copy_file(const char *path, struct err *err)
{
	char chunk[16384];
	struct memfd *m;
	ssize_t n = -1;
	int fd;

	if ((fd = open_file(path, err)) == -1)
		return (NULL);
	if ((m = memfd_new(FILE_MAX, err)) != NULL)
		while ((n = read(fd, chunk, sizeof(chunk))) > 0)
			if (memfd_put(m, chunk, (size_t)n, err) == -1)
				break;
	close(fd);
	if (m != NULL && n == 0)
		return (memfd_take(m, err));
	if (m != NULL && n == -1)
		err_set(err, ERR_IO, "%s: %s", path, strerror(errno));
	memfd_free(m);
	return (NULL);
}

static int
ask_key_import(struct ctl *c, struct err *err)
{
	struct blob *secret;
	char prompt[300];

	put_arg(c, "address", c->args[0]);
	if (c->account != NULL)
		put_arg(c, "account", c->account);
	if (put_blob(c, copy_file(c->args[1], err), err) == -1)
		return (-1);
	if (c->passphrase_file != NULL)
		secret = secret_read(c->passphrase_file, err);
	else {
		(void)snprintf(prompt, sizeof(prompt),
		    "Passphrase of %s: ", c->args[1]);
		secret = secret_ask(prompt, err);
	}
	return (put_blob(c, secret, err));
}

static void
print_key_import(json_t *result)
{
	const char *address, *account;
	json_t *certs = NULL;

	if (json_unpack(result, "{s:s, s:s, s?:o}", "address", &address,
	        "account", &account, "certificates", &certs) == -1) {
		show(result);
		return;
	}
	(void)printf("imported the key of %s for account %s\n", address,
	    account);
	show(certs);
}

/* Nothing came of it, though something was to be taken: whatever was refused
 * is told with its reason. */
static int
end_taking(struct ctl *c, const json_t *certs, const char *none,
    struct err *err)
{
	json_t *refused = json_object_get(certs, "refused");

	if (json_array_size(json_object_get(certs, "taken")) > 0 ||
	    (json_array_size(refused) == 0 && none == NULL))
		return (0);
	if (json_array_size(refused) > 0) {
		if (!c->json)
			show(refused);
		none = "the certificates were refused";
	}
	err_set(err, ERR_SYNTAX, "%s", none);
	return (-1);
}

static int
end_key_import(struct ctl *c, json_t **result, struct err *err)
{
	if (end_taking(c, json_object_get(*result, "certificates"), NULL,
	        err) == 0)
		return (0);
	err_prefix(err, "the key is imported");
	return (-1);
}

static int
end_cert_import(struct ctl *c, json_t **result, struct err *err)
{
	return (end_taking(c, *result,
	    "nothing was taken: no certificate there has a mail address", err));
}

static int
ask_key_list(struct ctl *c, struct err *err)
{
	(void)err;
	if (c->account != NULL)
		put_arg(c, "account", c->account);
	return (0);
}

static int
ask_cert_import(struct ctl *c, struct err *err)
{
	return (put_blob(c, copy_file(c->args[0], err), err));
}

static int
ask_cert_list(struct ctl *c, struct err *err)
{
	(void)err;
	if (c->args[0] != NULL)
		put_arg(c, "address", c->args[0]);
	return (0);
}

static int
ask_cert_approve(struct ctl *c, struct err *err)
{
	if (c->args[1] != NULL)
		put_arg(c, "fingerprint", c->args[1]);
	return (ask_cert_list(c, err));
}

static int
ask_lookup(struct ctl *c, struct err *err)
{
	(void)err;
	put_arg(c, "address", c->args[0]);
	return (0);
}

static int
ask_log_level(struct ctl *c, struct err *err)
{
	(void)err;
	put_arg(c, "level", c->args[0]);
	return (0);
}

static int
ask_enrol(struct ctl *c, struct err *err)
{
	(void)err;
	put_arg(c, "address", c->args[0]);
	if (c->account != NULL)
		put_arg(c, "account", c->account);
	return (0);
}

static int
ask_resync(struct ctl *c, struct err *err)
{
	if (c->args[1] != NULL)
		put_arg(c, "mailbox", c->args[1]);
	return (ask_enrol(c, err));
}

static int
ask_revoke(struct ctl *c, struct err *err)
{
	(void)err;
	put_arg(c, "fingerprint", c->args[0]);
	if (c->account != NULL)
		put_arg(c, "account", c->account);
	return (0);
}

/* A new passphrase is asked twice: nobody sees it. */
static struct blob *
new_secret(const char *file, struct err *err)
{
	struct blob *one, *two;
	char prompt[300];

	(void)snprintf(prompt, sizeof(prompt), "Passphrase for %s: ", file);
	if ((one = secret_ask(prompt, err)) == NULL)
		return (NULL);
	two = secret_ask("The same again: ", err);
	if (two != NULL && str_eq(blob_str(one), blob_str(two))) {
		blob_unref(two);
		return (one);
	}
	if (two != NULL)
		err_set(err, ERR_SYNTAX, "these are not the same");
	blob_unref(one);
	blob_unref(two);
	return (NULL);
}

/* The file is made first: afterwards it would be too late to find that it
 * cannot be. */
static int
ask_key_export(struct ctl *c, struct err *err)
{
	struct blob *secret;

	(void)ask_enrol(c, err);
	if (c->passphrase_file != NULL)
		secret = secret_read(c->passphrase_file, err);
	else
		secret = new_secret(c->args[1], err);
	if (put_blob(c, secret, err) == -1)
		return (-1);
	c->file = export_create(c->args[1], err);
	return (c->file == -1 ? -1 : 0);
}

/* Write the file; then the answer tells of it without its bytes. */
static int
end_key_export(struct ctl *c, json_t **result, struct err *err)
{
	const char *text = json_string_value(json_object_get(*result, "p12"));
	int fd = c->file;

	c->file = -1;
	if (export_finish(fd, c->args[1], str_c(text != NULL ? text : ""),
	        err) == -1)
		return (-1);
	(void)json_object_del(*result, "p12");
	(void)json_object_set_new(*result, "file", json_string(c->args[1]));
	return (0);
}

/* It has begun: see how it goes on. */
static int
end_enrol(struct ctl *c, json_t **result, struct err *err)
{
	const char *state, *why;
	json_t *e;

	e = follow(c->socket, c->args[0], c->account, !c->json, err);
	if (e == NULL)
		return (-1);
	json_decref(*result);
	*result = e;
	state = json_string_value(json_object_get(e, "state"));
	why = json_string_value(json_object_get(e, "reason"));
	if (state != NULL && strcmp(state, "enrolled") == 0)
		return (0);
	err_set(err,
	    state != NULL && strcmp(state, "waiting") == 0 ? ERR_UNAVAILABLE
	                                                   : ERR_PEER,
	    "not enrolled: %s", why != NULL ? why : "no reason given");
	return (-1);
}

/* It has begun: wait for its end. */
static int
end_resync(struct ctl *c, json_t **result, struct err *err)
{
	const char *state, *why;
	json_t *e;

	e = progress(c->socket, c->args[0], c->account, !c->json, err);
	if (e == NULL)
		return (-1);
	json_decref(*result);
	*result = e;
	state = json_string_value(json_object_get(e, "state"));
	why = json_string_value(json_object_get(e, "reason"));
	if (state != NULL && strcmp(state, "done") == 0)
		return (0);
	err_set(err, ERR_PEER, "not finished: %s",
	    why != NULL ? why : "no reason given");
	return (-1);
}

static void
print_resync(json_t *result)
{
	json_int_t moved = json_integer_value(json_object_get(result, "moved"));

	(void)printf("%" JSON_INTEGER_FORMAT
	             " message%s can be read anew by mail clients\n",
	    moved, moved == 1 ? "" : "s");
}

static void
print_status(json_t *result)
{
	const char *version = "?", *id = "?";
	json_t *roles = NULL;
	int ready = 0;

	(void)json_unpack(result, "{s:s, s:b, s:s, s:o}", "version", &version,
	    "ready", &ready, "install_id", &id, "roles", &roles);
	(void)printf("waxwingd %s, %s, installation %s\n", version,
	    ready ? "ready" : "starting", id);
	show(roles);
	show(json_object_get(result, "enrolments"));
}

static void
print_nothing(json_t *result)
{
	(void)result;
}

/* The commands: their words, and how many arguments follow at least and at
 * most. */
static const struct command {
	const char *word;
	const char *word2; /* or NULL */
	const char *name;  /* on the wire */
	int least;
	int most;
	const char *usage;
	int (*ask)(struct ctl *, struct err *); /* or NULL */
	void (*print)(json_t *);
	/* What remains to be done with the answer; or NULL. */
	int (*end)(struct ctl *, json_t **result, struct err *);
} commands[] = {
    {"status", NULL, "status", 0, 0, "", NULL, print_status, NULL},
    {"account", "list", "account-list", 0, 0, "", NULL, show, NULL},
    {"enrol", NULL, "enrol", 1, 1, " ADDRESS [--account LOGIN]", ask_enrol,
        show, end_enrol},
    {"renew", NULL, "renew", 1, 1, " ADDRESS [--account LOGIN]", ask_enrol,
        show, end_enrol},
    {"key", "import", "key-import", 2, 2,
        " ADDRESS FILE.p12 [--account LOGIN] [--passphrase-file FILE]",
        ask_key_import, print_key_import, end_key_import},
    {"key", "export", "key-export", 2, 2,
        " ADDRESS FILE.p12 [--account LOGIN] [--passphrase-file FILE]",
        ask_key_export, show, end_key_export},
    {"key", "list", "key-list", 0, 0, " [--account LOGIN]", ask_key_list, show,
        NULL},
    {"cert", "import", "cert-import", 1, 1, " FILE", ask_cert_import, show,
        end_cert_import},
    {"cert", "list", "cert-list", 0, 1, " [ADDRESS]", ask_cert_list, show,
        NULL},
    {"cert", "approve", "cert-approve", 1, 2, " ADDRESS [FINGERPRINT]",
        ask_cert_approve, show, NULL},
    {"lookup", NULL, "lookup", 1, 1, " ADDRESS", ask_lookup, show, NULL},
    {"release-log", NULL, "release-log", 1, 1, " ADDRESS [--account LOGIN]",
        ask_enrol, show, NULL},
    {"revoke", NULL, "revoke", 1, 1, " FINGERPRINT [--account LOGIN]",
        ask_revoke, print_nothing, NULL},
    {"resync", NULL, "resync", 1, 2, " ADDRESS [MAILBOX] [--account LOGIN]",
        ask_resync, print_resync, end_resync},
    {"cache", "drop", "cache-drop", 0, 0, "", NULL, print_nothing, NULL},
    {"log-level", NULL, "log-level", 1, 1, " LEVEL", ask_log_level,
        print_nothing, NULL},
};

#define NCOMMANDS (sizeof(commands) / sizeof(commands[0]))

static void
print_usage(FILE *f)
{
	const struct command *k;
	size_t i;

	(void)fputs("usage: waxwingctl [--socket PATH] [--json] COMMAND\n", f);
	for (i = 0; i < NCOMMANDS; i++) {
		k = &commands[i];
		(void)fprintf(f, "\t%s%s%s%s\n", k->word,
		    k->word2 != NULL ? " " : "",
		    k->word2 != NULL ? k->word2 : "", k->usage);
	}
}

/* The command that the words name, *args moved behind them; or NULL. */
static const struct command *
find(char ***args, int n)
{
	const struct command *k;
	int words;

	for (k = commands; k < commands + NCOMMANDS; k++) {
		words = k->word2 != NULL ? 2 : 1;
		if (n < words || strcmp((*args)[0], k->word) != 0 ||
		    (words == 2 && strcmp((*args)[1], k->word2) != 0))
			continue;
		if (n - words < k->least || n - words > k->most)
			return (NULL);
		*args += words;
		return (k);
	}
	return (NULL);
}

/* Do what remains and print what came.  Returns the exit status. */
static int
finish(struct ctl *c, const struct command *k, json_t *answer)
{
	json_t *result = json_incref(json_object_get(answer, "result"));
	struct err err;
	int status = 0;

	if (!json_is_true(json_object_get(answer, "ok"))) {
		json_decref(result);
		return (complain_answer(answer));
	}
	if (k->end != NULL && k->end(c, &result, &err) == -1)
		status = complain(&err);
	else if (!c->json)
		k->print(result);
	if (c->json) {
		(void)json_dumpf(result, stdout,
		    JSON_ENCODE_ANY | JSON_INDENT(2));
		(void)putchar('\n');
	}
	json_decref(result);
	return (fflush(stdout) == 0 ? status : 1);
}

static int
run(struct ctl *c, const struct command *k)
{
	json_t *answer = NULL;
	struct err err = {0};
	int status;

	if ((c->question = json_pack("{s:s}", "command", k->name)) == NULL) {
		err_set(&err, ERR_MEMORY, "out of memory");
		return (complain(&err));
	}
	if (k->ask == NULL || k->ask(c, &err) == 0)
		answer =
		    client_ask(c->socket, c->question, c->fds, c->nfds, &err);
	while (c->nfds > 0)
		close(c->fds[--c->nfds]);
	json_decref(c->question);
	status = answer != NULL ? finish(c, k, answer) : complain(&err);
	if (c->file != -1)
		export_abandon(c->file, c->args[1]);
	json_decref(answer);
	return (status);
}

int
main(int argc, char *argv[])
{
	static const struct option options[] = {
	    {"socket", required_argument, NULL, 's'},
	    {"json", no_argument, NULL, 'j'},
	    {"account", required_argument, NULL, 'a'},
	    {"passphrase-file", required_argument, NULL, 'p'},
	    {"help", no_argument, NULL, 'h'},
	    {"version", no_argument, NULL, 'V'},
	    {NULL, 0, NULL, 0},
	};
	struct ctl c = {.socket = DEFAULT_SOCKET, .file = -1};
	const struct command *k;
	int o;

	while ((o = getopt_long(argc, argv, "hV", options, NULL)) != -1) {
		switch (o) {
		case 's':
			c.socket = optarg;
			break;
		case 'j':
			c.json = true;
			break;
		case 'a':
			c.account = optarg;
			break;
		case 'p':
			c.passphrase_file = optarg;
			break;
		case 'h':
			print_usage(stdout);
			return (0);
		case 'V':
			(void)puts("waxwingctl " PACKAGE_VERSION);
			return (0);
		default:
			print_usage(stderr);
			return (EXIT_USAGE);
		}
	}
	c.args = argv + optind;
	if ((k = find(&c.args, argc - optind)) == NULL) {
		print_usage(stderr);
		return (EXIT_USAGE);
	}
	return (run(&c, k));
}
