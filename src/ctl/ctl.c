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
} commands[] = {
    {"status", NULL, "status", 0, 0, "", NULL, print_status},
    {"account", "list", "account-list", 0, 0, "", NULL, show},
    {"key", "import", "key-import", 2, 2,
        " ADDRESS FILE.p12 [--account LOGIN] [--passphrase-file FILE]",
        ask_key_import, print_key_import},
    {"key", "list", "key-list", 0, 0, " [--account LOGIN]", ask_key_list, show},
    {"cert", "import", "cert-import", 1, 1, " FILE", ask_cert_import, show},
    {"cert", "list", "cert-list", 0, 1, " [ADDRESS]", ask_cert_list, show},
    {"lookup", NULL, "lookup", 1, 1, " ADDRESS", ask_lookup, show},
    {"cache", "drop", "cache-drop", 0, 0, "", NULL, print_nothing},
    {"log-level", NULL, "log-level", 1, 1, " LEVEL", ask_log_level,
        print_nothing},
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

/* Print what came.  Returns the exit status. */
static int
finish(const struct ctl *c, const struct command *k, json_t *answer)
{
	json_t *result = json_object_get(answer, "result");

	if (!json_is_true(json_object_get(answer, "ok")))
		return (complain_answer(answer));
	if (c->json) {
		(void)json_dumpf(result, stdout,
		    JSON_ENCODE_ANY | JSON_INDENT(2));
		(void)putchar('\n');
	} else
		k->print(result);
	return (fflush(stdout) == 0 ? 0 : 1);
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
	if (answer == NULL)
		return (complain(&err));
	status = finish(c, k, answer);
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
	struct ctl c = {.socket = DEFAULT_SOCKET};
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
