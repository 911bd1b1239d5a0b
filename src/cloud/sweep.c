#include "config.h"

#include "cloud/sweep.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "acme/object.h"
#include "base/clock.h"
#include "cloud/acme_auth.h"
#include "sys/log.h"

/* How long after its end a record can still be looked at. */
#define KEPT_S (30L * 24 * 3600)

/* So often, and so many records at once: the loop has other things to do. */
#define SWEEP_S   600
#define SWEEP_MAX 200

struct sweep {
	struct cloud *cloud;
	struct event *timer; /* owned */
};

/* Records that go, with the index entry that goes along. */
struct old {
	int64_t before;
	struct {
		char id[CLOUD_ID];
		char index[2 * CLOUD_ID]; /* empty: none */
	} rows[SWEEP_MAX];
	size_t n;
	bool authz;
};

static int
on_record(struct str id, struct str value, void *arg)
{
	struct old *old = arg;
	struct str s;
	json_t *o;

	if (id.len != CLOUD_ID - 1 ||
	    (o = acme_json(value, ACME_JSON_MAX, NULL)) == NULL)
		return (0);
	if (json_integer_value(json_object_get(o, "expires")) < old->before) {
		memcpy(old->rows[old->n].id, id.p, id.len);
		old->rows[old->n].id[id.len] = '\0';
		s = acme_member(o, old->authz ? "token1" : "account");
		(void)snprintf(old->rows[old->n].index,
		    sizeof(old->rows[0].index), old->authz ? "%.*s" : "%.*s/%s",
		    (int)s.len, s.p, old->rows[old->n].id);
		old->n++;
	}
	json_decref(o);
	return (old->n == SWEEP_MAX ? 1 : 0);
}

/* The old ones of a table, in one commit. */
static int
sweep_table(struct cloud *c, const char *table, const char *index,
    struct err *err)
{
	struct old *old;
	size_t i;
	int rc;

	if ((old = calloc(1, sizeof(*old))) == NULL) {
		err_set(err, ERR_MEMORY, "no memory to sweep");
		return (-1);
	}
	old->before = clock_now().wall - KEPT_S;
	old->authz = strcmp(table, "authz") == 0;
	rc = store_walk(c->store, table, STR(""), on_record, old, err);
	if (rc == 0 && old->n > 0)
		rc = store_begin(c->store, err);
	for (i = 0; rc == 0 && i < old->n; i++)
		if (store_del(c->store, table, str_c(old->rows[i].id), err) <
		        0 ||
		    (old->rows[i].index[0] != '\0' &&
		        store_del(c->store, index, str_c(old->rows[i].index),
		            err) < 0))
			rc = -1;
	if (rc == 0 && old->n > 0 && (rc = store_commit(c->store, err)) == 0)
		log_info("swept table=%s records=%zu", table, old->n);
	store_abort(c->store);
	free(old);
	return (rc);
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct sweep *s = arg;
	struct err err;

	(void)fd;
	(void)what;
	if (sweep_table(s->cloud, "order", "orders", &err) != 0 ||
	    sweep_table(s->cloud, "authz", "message", &err) != 0)
		log_error("sweep-failed why=%s", log_str(str_c(err.text)));
}

struct sweep *
sweep_new(struct cloud *c, struct err *err)
{
	struct timeval tv = {SWEEP_S, 0};
	struct sweep *s;

	if ((s = calloc(1, sizeof(*s))) != NULL) {
		s->cloud = c;
		s->timer = event_new(c->base, -1, EV_PERSIST, on_timer, s);
		if (s->timer != NULL && evtimer_add(s->timer, &tv) == 0) {
			on_timer(-1, 0, s);
			return (s);
		}
	}
	sweep_free(s);
	err_set(err, ERR_MEMORY, "no memory to sweep");
	return (NULL);
}

void
sweep_free(struct sweep *s)
{
	if (s == NULL)
		return;
	if (s->timer != NULL)
		event_free(s->timer);
	free(s);
}
