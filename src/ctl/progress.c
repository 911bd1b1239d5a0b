#include "config.h"

#include "ctl/progress.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "ctl/client.h"

/* Between two questions. */
#define PAUSE_US 200000

/* Characters of the bar. */
#define BAR 40

static json_t *
ask(const char *socket, json_t *question, struct err *err)
{
	json_t *answer, *result;
	const char *why;

	if ((answer = client_ask(socket, question, NULL, 0, err)) == NULL)
		return (NULL);
	result = json_incref(json_object_get(answer, "result"));
	if (!json_is_true(json_object_get(answer, "ok")) ||
	    !json_is_object(result)) {
		why = json_string_value(json_object_get(answer, "error"));
		err_set(err, ERR_UNAVAILABLE, "%s",
		    why != NULL ? why : "no answer");
		json_decref(result);
		result = NULL;
	}
	json_decref(answer);
	return (result);
}

static json_int_t
number(const json_t *o, const char *name)
{
	return (json_integer_value(json_object_get(o, name)));
}

static void
draw(const json_t *o)
{
	const char *box = json_string_value(json_object_get(o, "mailbox"));
	json_int_t done = number(o, "done"), total = number(o, "total");
	char bar[BAR + 1], safe[60];
	size_t full = 0;

	if (total > 0 && done <= total)
		full = (size_t)(done * BAR / total);
	memset(bar, ' ', BAR);
	memset(bar, '#', full);
	bar[BAR] = '\0';
	err_escape(safe, sizeof(safe), str_c(box != NULL ? box : ""));
	(void)fprintf(stderr,
	    "\r[%s] %" JSON_INTEGER_FORMAT "/%" JSON_INTEGER_FORMAT
	    " %.30s\033[K",
	    bar, done, total, safe);
	(void)fflush(stderr);
}

json_t *
progress(const char *socket, const char *address, const char *account,
    bool talk, struct err *err)
{
	json_t *question, *o;
	const char *state;
	bool bar = talk && isatty(STDERR_FILENO) != 0;

	question = json_pack("{s:s, s:s, s:s*}", "command", "resync-status",
	    "address", address, "account", account);
	while ((o = ask(socket, question, err)) != NULL) {
		if (bar)
			draw(o);
		state = json_string_value(json_object_get(o, "state"));
		if (state == NULL || strcmp(state, "running") != 0)
			break;
		json_decref(o);
		usleep(PAUSE_US);
	}
	if (bar)
		(void)fputc('\n', stderr);
	json_decref(question);
	return (o);
}
