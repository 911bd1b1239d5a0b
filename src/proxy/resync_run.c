/*
 * A resync begins, at a user's wish or to finish what was interrupted, and
 * tells how far it is.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "proxy/resync_own.h"
#include "proxy/warm.h"
#include "sys/log.h"

/* Mailboxes of one account. */
#define NAMES_MAX 10000

static int
add_name(struct resync *r, struct str name)
{
	char **names, *copy;
	size_t i;

	if (str_ieq(name, STR("INBOX")))
		name = STR("INBOX");
	for (i = 0; i < name.len; i++)
		if (name.p[i] < ' ' || name.p[i] > '~')
			return (-1);
	if (name.len == 0 || name.len > RESYNC_NAME_MAX ||
	    r->nnames >= NAMES_MAX ||
	    (names = realloc(r->names, (r->nnames + 1) * sizeof(*names))) ==
	        NULL)
		return (-1);
	r->names = names;
	if ((copy = malloc(name.len + 1)) == NULL)
		return (-1);
	memcpy(copy, name.p, name.len);
	copy[name.len] = '\0';
	r->names[r->nnames++] = copy;
	return (0);
}

/* * LIST (\HasNoChildren) "/" name */
static void
on_name(const struct resp *resp, struct str text, void *arg)
{
	struct resync *r = arg;
	struct str word, flags, name;
	struct arena arena;
	struct tok t;

	tok_init(&t, text);
	if (resp->kind != RESP_DATA || !tok_char(&t, '*') ||
	    !tok_char(&t, ' ') || !tok_atom(&t, &word) ||
	    !str_ieq(word, STR("LIST")) || !tok_char(&t, ' ') ||
	    !tok_value(&t, &flags) || !tok_char(&t, ' ') ||
	    !tok_value(&t, &word) || !tok_char(&t, ' '))
		return;
	arena_init(&arena, LIMIT_RECORD);
	if (tok_astring(&t, &arena, &name) &&
	    !resync_has_word(flags, STR("\\Noselect")) &&
	    !resync_has_word(flags, STR("\\NonExistent")) &&
	    add_name(r, name) == -1)
		log_warn("resync mailbox=%s result=skipped", log_str(name));
	arena_clear(&arena);
}

static void
on_names_end(const struct resp *resp, const struct err *err, void *arg)
{
	struct resync *r = arg;

	(void)resp;
	if (resync_well(r, err))
		resync_next(r);
}

static void
ask_names(struct resync *r)
{
	side_ask(r->side, "LIST \"\" \"*\"", on_name, on_names_end, r);
}

static void
drop_names(struct resync *r)
{
	size_t i;

	for (i = 0; i < r->nnames; i++)
		free(r->names[i]);
	free(r->names);
	r->names = NULL;
	r->nnames = 0;
}

void
resync_go_on(struct resync *r)
{
	char *name = r->next;
	bool all = name[0] == '\0';

	r->next = NULL;
	r->alone = r->begun = false;
	r->keys = seen_keys(r->account->proxy->seen, str_c(r->account->login));
	r->at = 0;
	drop_names(r);
	if (!all && add_name(r, str_c(name)) == -1)
		resync_failed(r, ERR_SYNTAX, "that is no name of a mailbox");
	else if (all)
		ask_names(r);
	else
		resync_next(r);
	free(name);
}

static void
on_login(const struct resp *resp, const struct err *err, void *arg)
{
	struct resync *r = arg;

	(void)resp;
	if (!resync_well(r, err))
		return;
	if (!side_caps(r->side)->uidplus)
		resync_failed(r, ERR_UNSUPPORTED,
		    "the server cannot remove single messages (UIDPLUS)");
	else if (r->nnames == 0)
		ask_names(r);
	else
		resync_next(r);
}

void
resync_free(struct resync *r)
{
	if (r == NULL)
		return;
	resync_over(r);
	drop_names(r);
	free(r->next);
	free(r);
}

bool
resync_runs(const struct resync *r)
{
	return (r != NULL && r->state == RESYNC_RUNS);
}

static struct resync *
resync_new(struct account *a, struct err *err)
{
	struct resync *r;

	if (a->proxy->seen == NULL) {
		err_set(err, ERR_UNAVAILABLE, "the store is not there");
		return (NULL);
	}
	if ((r = calloc(1, sizeof(*r))) == NULL) {
		err_set(err, ERR_MEMORY, "out of memory");
		return (NULL);
	}
	r->account = a;
	r->keys = seen_keys(a->proxy->seen, str_c(a->login));
	set_init(&r->todo);
	set_init(&r->hits);
	return (r);
}

/* Connect, and be the account's.  -1: it is freed. */
static int
resync_start(struct resync *r, struct err *err)
{
	struct account *a = r->account;

	if ((r->side = side_open(a, on_login, r, err)) == NULL) {
		resync_free(r);
		return (-1);
	}
	resync_free(a->resync);
	a->resync = r;
	return (0);
}

int
resync_begin(struct account *a, struct str mailbox, struct err *err)
{
	struct resync *r = a->resync;

	if (resync_runs(r)) {
		if (r->alone && r->next == NULL &&
		    (r->next = strndup(mailbox.p, mailbox.len)) == NULL) {
			err_set(err, ERR_MEMORY, "out of memory");
			return (-1);
		}
		return (0);
	}
	if ((r = resync_new(a, err)) == NULL)
		return (-1);
	if (mailbox.len > 0 && add_name(r, mailbox) == -1) {
		err_set(err, ERR_SYNTAX, "that is no name of a mailbox");
		resync_free(r);
		return (-1);
	}
	return (resync_start(r, err));
}

static int
on_left(struct str name, void *arg)
{
	return (add_name(arg, name));
}

/* It did not go the last time, and will not now. */
static bool
in_vain(const struct resync *r)
{
	return (r != NULL && r->alone && r->state == RESYNC_FAILED &&
	        (r->err.code == ERR_DENIED || r->err.code == ERR_UNSUPPORTED));
}

void
resync_resume(struct account *a)
{
	struct resync *r;
	struct err err;
	int rc;

	if (in_vain(a->resync))
		return;
	if (resync_runs(a->resync) || a->proxy->seen == NULL || !warm_room(a))
		return;
	if ((r = resync_new(a, &err)) == NULL)
		return;
	r->alone = true;
	rc = resync_log_names(a, on_left, r, &err);
	if (rc == 0 && r->nnames == 0) {
		resync_free(r);
		return;
	}
	if (rc == -1)
		resync_free(r);
	else
		rc = resync_start(r, &err);
	if (rc == -1)
		log_warn("resync login=%s reason=%s", log_addr(str_c(a->login)),
		    log_str(str_c(err.text)));
}

json_t *
resync_json(const struct resync *r)
{
	static const char *const states[] = {"running", "done", "failed"};
	json_t *o;

	if (r == NULL)
		return (NULL);
	o = json_pack("{s:s, s:s, s:I, s:I, s:I}", "account", r->account->login,
	    "state", states[r->state], "total", (json_int_t)r->total, "done",
	    (json_int_t)r->done, "moved", (json_int_t)r->moved);
	if (o != NULL && r->at < r->nnames && r->state != RESYNC_DONE)
		(void)json_object_set_new(o, "mailbox",
		    json_string(r->names[r->at]));
	if (o != NULL && r->state == RESYNC_FAILED) {
		(void)json_object_set_new(o, "code",
		    json_string(err_word(r->err.code)));
		(void)json_object_set_new(o, "reason",
		    json_string(r->err.text));
	}
	return (o);
}
