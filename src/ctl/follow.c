#include "config.h"

#include "ctl/follow.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "ctl/client.h"

/* Between two questions. */
#define PAUSE_US 300000

/* Four words or sentences. */
#define TOLD_MAX (4 * (ERR_TEXT + 2))

static const char *
member(const json_t *e, const char *name)
{
	const char *s = json_string_value(json_object_get(e, name));

	return (s != NULL ? s : "");
}

/* The state now, the caller's. */
static json_t *
ask(const char *socket, json_t *question, struct err *err)
{
	json_t *answer, *result, *e;

	if ((answer = client_ask(socket, question, NULL, 0, err)) == NULL)
		return (NULL);
	result = json_object_get(answer, "result");
	e = json_incref(json_array_get(result, 0));
	if (e == NULL && json_is_true(json_object_get(answer, "ok")))
		err_set(err, ERR_PEER, "there is no such enrolment");
	else if (e == NULL)
		err_set(err, ERR_UNAVAILABLE, "%s", member(answer, "error"));
	json_decref(answer);
	return (e);
}

/* A line if anything changed since the last one. */
static void
tell(const json_t *e, char last[TOLD_MAX])
{
	static const char *const parts[] = {"address", "state", "step",
	    "reason"};
	char now[TOLD_MAX] = "", safe[ERR_TEXT];
	const char *s;
	size_t i, n = 0;

	for (i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		if (*(s = member(e, parts[i])) == '\0')
			continue;
		n += (size_t)snprintf(now + n, sizeof(now) - n, "%s%s",
		    n == 0   ? ""
		    : i == 1 ? ": "
		             : ", ",
		    err_escape(safe, sizeof(safe), str_c(s)));
	}
	if (strcmp(now, last) == 0)
		return;
	memcpy(last, now, sizeof(now));
	(void)puts(now);
	(void)fflush(stdout);
}

json_t *
follow(const char *socket, const char *address, const char *account, bool talk,
    struct err *err)
{
	json_t *question, *e = NULL;
	char last[TOLD_MAX] = "";
	unsigned i;

	question = json_pack("{s:s, s:s, s:s*}", "command", "enrol-status",
	    "address", address, "account", account);
	err_set(err, ERR_TIMEOUT, "it is still under way");
	for (i = 0; i < FOLLOW_S * (1000000U / PAUSE_US); i++) {
		if ((e = ask(socket, question, err)) == NULL)
			break;
		if (talk)
			tell(e, last);
		if (strcmp(member(e, "state"), "running") != 0)
			break;
		json_decref(e);
		e = NULL;
		usleep(PAUSE_US);
	}
	json_decref(question);
	return (e);
}
