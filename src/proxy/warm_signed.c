/*
 * Messages that are only signed: the client gets them as they are, and a copy
 * goes to the opener, for the certificates that the signature brings.
 */
#include "config.h"

#include <stdio.h>

#include "base/clock.h"
#include "proxy/harvest.h"
#include "proxy/warm_own.h"
#include "sys/log.h"

void
warm_signed(struct warm *w, uint32_t uid, uint64_t size)
{
	struct msg_name name = warm_name(w, uid);

	if (size <= HARVEST_MESSAGE && !harvest_done(&name) &&
	    set_add(&w->only_signed, uid, uid) == -1)
		log_warn("warm reason=\"out of memory\"");
}

static void
on_harvested(const struct open_ans *ans, struct blob *view, struct blob *text,
    const struct err *err, void *arg)
{
	struct warm *w = arg;
	struct msg_name name = warm_name(w, w->harvest_uid);

	(void)view;
	(void)text;
	w->harvest = NULL;
	if (ans == NULL)
		log_debug("harvest uid=%u reason=%s", (unsigned)w->harvest_uid,
		    log_str(str_c(err->text)));
	/* One that the opener cannot stand is not shown to it again, but
	 * without an opener nobody has looked into it. */
	if (ans == NULL &&
	    (err->code == ERR_UNAVAILABLE || err->code == ERR_MEMORY)) {
		w->harvest_later = true;
		(void)set_add(&w->only_signed, w->harvest_uid, w->harvest_uid);
	} else
		harvest_note(&name);
	if (ans != NULL)
		harvest_tell(w->account->proxy, &ans->harvest);
	if (w->side != NULL && !w->asked)
		warm_step(w);
}

/* The signed message that was asked for. */
static void
on_signed(struct gather *g, void *arg)
{
	struct warm *w = arg;
	struct open_req req = {.account = str_c(w->account->login),
	    .first_seen = clock_now().wall,
	    .harvest = true};
	uint8_t digest[CRYPT_DIGEST];
	struct resp_item item;
	struct blob *wire;
	struct err err;

	if (w->harvest != NULL || gather_uid(g) != w->harvest_uid ||
	    !gather_find(g, STR("BODY[]"), false, &item) || item.data.p == NULL)
		return;
	if ((wire = gather_blob(g, &item, digest, &err)) != NULL)
		w->harvest = opens_ask(w->account, wire, digest, &req,
		    on_harvested, w, &err);
	blob_unref(wire);
}

bool
warm_harvest(struct warm *w)
{
	char line[64];

	if (w->harvest != NULL || w->harvest_later ||
	    set_empty(&w->only_signed))
		return (false);
	w->harvest_uid = w->only_signed.r[w->only_signed.n - 1].hi;
	if (set_remove(&w->only_signed, w->harvest_uid, w->harvest_uid) == -1)
		return (false);
	(void)snprintf(line, sizeof(line), "UID FETCH %u (UID BODY.PEEK[])",
	    (unsigned)w->harvest_uid);
	w->asked = true;
	side_fetch(w->side, line, on_signed, warm_data, warm_looked, w);
	return (true);
}

/* Of these only the class was found out, and that is not all there is. */
static void
unknow(struct classes *c, const struct set *uids)
{
	struct set known;

	set_init(&known);
	if (set_empty(uids) || set_minus(&known, &c->known, uids) == -1)
		return;
	set_clear(&c->known);
	c->known = known;
	c->changed = true;
}

void
warm_harvest_end(struct warm *w)
{
	if (w->harvest != NULL)
		(void)set_add(&w->only_signed, w->harvest_uid, w->harvest_uid);
	if (w->box != NULL && w->box->cls != NULL)
		unknow(w->box->cls, &w->only_signed);
	opens_cancel(w->harvest);
	w->harvest = NULL;
	set_clear(&w->only_signed);
	w->harvest_later = false;
}
