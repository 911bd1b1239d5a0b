/* The record of an enrolment, and what is remembered of an account. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "agent/enrol_priv.h"
#include "base/limits.h"
#include "sys/fault.h"

struct str
enrol_str(const struct enrol *e, const char *name)
{
	const json_t *v = json_object_get(e->rec, name);

	if (!json_is_string(v))
		return (STR(""));
	return (str_of(json_string_value(v), json_string_length(v)));
}

int64_t
enrol_num(const struct enrol *e, const char *name)
{
	return (json_integer_value(json_object_get(e->rec, name)));
}

void
enrol_set_str(struct enrol *e, const char *name, struct str s)
{
	json_object_set_new(e->rec, name, json_stringn(s.p, s.len));
}

void
enrol_set_num(struct enrol *e, const char *name, int64_t n)
{
	json_object_set_new(e->rec, name, json_integer(n));
}

void
enrol_unset(struct enrol *e, const char *name)
{
	(void)json_object_del(e->rec, name);
}

bool
enrol_tried(const struct enrol *e, struct str token1)
{
	const json_t *tried = json_object_get(e->rec, "tried"), *one;
	size_t i;

	json_array_foreach(tried, i, one)
	{
		if (str_eq(str_c(json_string_value(one)), token1))
			return (true);
	}
	return (false);
}

/* "e" SHA-256 of account and address; "k" and the same of the account. */
struct enrol_key {
	char b[1 + CRYPT_DIGEST];
};

static struct str
key_make(struct enrol_key *k, char kind, struct str account, struct str address)
{
	struct buf name;

	buf_init(&name, LIMIT_RECORD);
	buf_str(&name, account);
	buf_putc(&name, '\0');
	buf_str(&name, address);
	k->b[0] = kind;
	if (crypt_sha256(buf_text(&name), (uint8_t *)k->b + 1) == -1)
		memset(k->b + 1, 0, CRYPT_DIGEST);
	buf_clear(&name);
	return (str_of(k->b, sizeof(k->b)));
}

int
enrol_write(struct enrol *e, struct err *err)
{
	struct enrol_key key;
	char *text;
	int rc = -1;

	enrol_set_str(e, "step", str_c(enrol_word(e->step)));
	text = json_dumps(e->rec, JSON_COMPACT);
	if (text == NULL)
		err_set(err, ERR_MEMORY, "no memory for a record");
	else if (FAULT("agent.enrol.full"))
		err_set(err, ERR_IO, "fault agent.enrol.full");
	else
		rc = db_put(e->agent->enrol_db,
		    key_make(&key, 'e', enrol_str(e, "account"),
		        enrol_str(e, "address")),
		    str_c(text), err);
	free(text);
	return (rc);
}

int
enrol_kid(struct agent *a, struct str account, struct buf *out, struct err *err)
{
	struct enrol_key key;

	return (db_get(a->enrol_db, key_make(&key, 'k', account, STR("")), out,
	    err));
}

int
enrol_keep_kid(struct enrol *e, struct str kid, struct err *err)
{
	struct str account = enrol_str(e, "account");
	struct enrol_key key;

	if (kid.len == 0)
		return (db_del(e->agent->enrol_db,
		            key_make(&key, 'k', account, STR("")), err) == -1
		            ? -1
		            : 0);
	return (db_put(e->agent->enrol_db,
	    key_make(&key, 'k', account, STR("")), kid, err));
}
