#include "config.h"

#include "proxy/warm_own.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/num.h"
#include "mail/classify.h"
#include "proxy/facts.h"
#include "proxy/resync.h"
#include "sys/log.h"

/* A client's own first commands go first. */
#define WARM_DELAY_S 2

/* After a refusal; and, doubled each time up to that, after one that will not
 * last (RFC 5530, UNAVAILABLE), or a connection that was lost. */
#define WARM_REFUSED_S 3600
#define WARM_BUSY_S    300
#define WARM_LOST_S    60

/* Then the server is well again. */
#define WARM_WELL_MS (2 * WARM_REFUSED_S * 1000UL)

/* IDLE begins anew before a server may think us gone (RFC 2177); without it
 * the server is asked now and then. */
#define WARM_IDLE_S (29 * 60)
#define WARM_POLL_S 60

/* How far back the first look goes: more than a client lists before its user
 * scrolls. */
#define WARM_FIRST 10000

/* Messages looked at in one command, and UIDs in one that opens. */
#define WARM_WINDOW 200

/* Larger messages wait until somebody wants them. */
#define WARM_MESSAGE (16UL * 1024 * 1024)

static void
warm_after(struct warm *w, unsigned seconds)
{
	struct timeval tv = {.tv_sec = seconds};

	evtimer_add(w->timer, &tv);
}

/* Hang up, and forget what only this connection knew. */
static void
warm_close(struct warm *w)
{
	size_t i;

	warm_harvest_end(w);
	evtimer_del(w->timer);
	for (i = 0; i < WARM_FLIGHT; i++) {
		reading_cancel(w->readings[i].reading);
		w->readings[i].reading = NULL;
	}
	side_free(w->side);
	w->side = NULL;
	mailbox_free(w->box);
	w->box = NULL;
	set_clear(&w->todo);
	w->asked = w->idle = w->news = false;
	w->key_later = 0;
}

/* One more time: first, then twice that, and so on. */
static unsigned
longer(unsigned first, unsigned *times)
{
	unsigned wait = first << (*times < 6 ? *times : 6);

	++*times;
	return (wait < WARM_REFUSED_S ? wait : WARM_REFUSED_S);
}

/* The server said that it is not available just now. */
static unsigned
warm_unavailable(struct warm *w)
{
	uint64_t now = clock_now().mono;

	/* That we could log in says nothing: a client cannot. */
	if (now > w->busy_at + WARM_WELL_MS)
		w->busy = 0;
	w->busy_at = now;
	return (longer(WARM_BUSY_S, &w->busy));
}

/* It is left alone for so long. */
static void
warm_leave(struct warm *w, unsigned wait, const struct err *err)
{
	log_info("warm login=%s result=%s again_s=%u reason=%s",
	    log_addr(str_c(w->account->login)), err_word(err->code), wait,
	    log_str(str_c(err->text)));
	warm_close(w);
	warm_after(w, wait);
}

/* It did not go on. */
static void
warm_fail(struct warm *w, const struct err *err)
{
	/* One that was not reached has said nothing, under the same code. */
	if (err->code == ERR_UNAVAILABLE && w->side != NULL &&
	    side_refused(w->side))
		warm_leave(w, warm_unavailable(w), err);
	else if (err->code == ERR_DENIED)
		warm_leave(w, WARM_REFUSED_S, err);
	else
		warm_leave(w, longer(WARM_LOST_S, &w->lost), err);
}

static void
warm_oom(struct warm *w)
{
	struct err err;

	err_set(&err, ERR_MEMORY, "out of memory");
	warm_fail(w, &err);
}

struct msg_name
warm_name(const struct warm *w, uint32_t uid)
{
	return ((struct msg_name){w->account,
	    str_of(w->box->name, w->box->namelen), w->box->uidvalidity, uid});
}

/* --- what the server tells at any time --- */

static void
warm_expunged(struct warm *w, uint32_t seq)
{
	if (mailbox_expunge(w->box, seq) == -1)
		return;
	if (seq <= w->top)
		w->top--;
	if (seq <= w->down)
		w->down--;
	if (seq <= w->hi)
		w->hi--;
}

void
warm_data(const struct resp *r, struct str text, void *arg)
{
	struct warm *w = arg;
	struct str rest, word;
	uint64_t n;

	(void)text;
	if (r->kind == RESP_EXISTS) {
		w->news = w->news || r->number > w->box->exists;
		(void)mailbox_set_exists(w->box, r->number);
	} else if (r->kind == RESP_EXPUNGE) {
		warm_expunged(w, r->number);
	} else if (r->kind == RESP_STATUS && w->box->cls == NULL) {
		word = resp_code_word(r->code, &rest);
		if (!num_parse(rest, UINT32_MAX, &n))
			;
		else if (str_ieq(word, STR("UIDVALIDITY")))
			w->box->uidvalidity = (uint32_t)n;
		else if (str_ieq(word, STR("UIDNEXT")))
			w->box->uidnext = (uint32_t)n;
	}
	if (w->news && w->idle)
		side_wake(w->side);
}

/* --- looking --- */

/* It is there and sealed: shall it be read? */
static void
warm_want(struct warm *w, uint32_t uid, uint64_t size)
{
	struct msg_name name = warm_name(w, uid);

	if (size <= WARM_MESSAGE &&
	    !facts_has(w->account->proxy->facts, &name) &&
	    set_add(&w->todo, uid, uid) == -1)
		log_warn("warm reason=\"out of memory\"");
}

/* One of the messages that were looked at. */
static void
on_looked(struct gather *g, void *arg)
{
	struct warm *w = arg;
	struct proxy *p = w->account->proxy;
	struct resp_item item;
	uint32_t uid = gather_uid(g);
	uint64_t size = 0;
	bool only_signed = false;
	struct str fields;

	if (uid == 0 || mailbox_learn(w->box, g->seq, uid) == -1)
		return;
	if (gather_find(g, STR("BODY[HEADER.FIELDS ("), true, &item) &&
	    item.data.p != NULL) {
		fields = gather_str(g, &item);
		p->probed++;
		only_signed = classify_signed(fields);
		if (mailbox_class(w->box, uid,
		        classify(fields, str_c(p->install_id)) ==
		            CLASS_SEALED) == -1)
			return;
	}
	if (!gather_find(g, STR("RFC822.SIZE"), false, &item) ||
	    !num_parse(item.value, UINT64_MAX / 2, &size))
		return;
	if (set_has(&w->box->cls->sealed, uid))
		warm_want(w, uid, size);
	else if (only_signed)
		warm_signed(w, uid, size);
}

void
warm_looked(const struct resp *r, const struct err *err, void *arg)
{
	struct warm *w = arg;

	(void)r;
	w->asked = false;
	if (err != NULL)
		warm_fail(w, err);
	else
		warm_step(w);
}

/* The next range of messages to be looked at: new ones before old ones. */
static bool
warm_range(struct warm *w)
{
	uint32_t exists = w->box->exists;

	if (w->top < exists) {
		w->lo = w->top + 1;
		w->hi = exists - w->lo >= WARM_WINDOW ? w->top + WARM_WINDOW
		                                      : exists;
		w->top = w->hi;
		return (true);
	}
	if (w->down == 0 || exists - w->down >= WARM_FIRST)
		return (false);
	w->hi = w->down;
	w->lo = w->hi > WARM_WINDOW ? w->hi - WARM_WINDOW + 1 : 1;
	w->down = w->lo - 1;
	return (true);
}

/* What was learnt earlier, in other sessions too: the UIDs and classes of all
 * of them?  Then only those that nobody has read are asked about. */
static bool
warm_known(const struct warm *w, struct set *unread)
{
	struct msg_name name = warm_name(w, 0);
	uint32_t seq;

	for (seq = w->lo; seq <= w->hi; seq++) {
		name.uid = mailbox_uid(w->box, seq);
		if (name.uid == 0 || !set_has(&w->box->cls->known, name.uid))
			return (false);
		if (set_has(&w->box->cls->sealed, name.uid) &&
		    !facts_has(w->account->proxy->facts, &name) &&
		    set_add(unread, seq, seq) == -1)
			return (false);
	}
	return (true);
}

/* Look at the messages lo to hi.  False: there is nothing to ask. */
static bool
warm_look(struct warm *w)
{
	struct set unread;
	struct buf b;
	bool known;

	set_init(&unread);
	buf_init(&b, 16 * WARM_WINDOW);
	buf_puts(&b, "FETCH ");
	if ((known = warm_known(w, &unread)))
		set_print(&unread, &b);
	else
		buf_printf(&b, "%u:%u", (unsigned)w->lo, (unsigned)w->hi);
	buf_puts(&b, known ? " (UID RFC822.SIZE)"
	                   : " (UID RFC822.SIZE BODY.PEEK[HEADER.FIELDS "
	                     "(" CLASSIFY_FIELDS ")])");
	buf_putc(&b, '\0');
	known = known && set_empty(&unread);
	set_clear(&unread);
	if (!known && !b.failed) {
		w->asked = true;
		side_fetch(w->side, buf_text(&b).p, on_looked, warm_data,
		    warm_looked, w);
	}
	buf_clear(&b);
	return (!known);
}

/* --- reading --- */

static void
on_read(struct viewref *view, const struct err *err, void *arg)
{
	struct warm_reading *r = arg;
	struct warm *w = r->warm;

	(void)view;
	r->reading = NULL;
	if (err == NULL) {
		w->read++;
	} else if (err->code == ERR_NOKEY) {
		w->key_later++;
		/* All that are left may need the same one. */
		set_clear(&w->todo);
	} else
		log_debug("warm uid=%u result=%s reason=%s", (unsigned)r->uid,
		    err_word(err->code), log_str(str_c(err->text)));
	if (w->side != NULL && !w->asked)
		warm_step(w);
}

/* The message that was asked for. */
static void
on_body(struct gather *g, void *arg)
{
	struct warm *w = arg;
	struct warm_reading *r = w->readings;
	struct msg_name name = warm_name(w, w->uid);
	uint8_t digest[CRYPT_DIGEST];
	struct resp_item item;
	struct blob *wire;
	struct err err;

	while (r < w->readings + WARM_FLIGHT && r->reading != NULL)
		r++;
	if (r == w->readings + WARM_FLIGHT || gather_uid(g) != w->uid ||
	    !gather_find(g, STR("BODY[]"), false, &item) || item.data.p == NULL)
		return;
	if ((wire = gather_blob(g, &item, digest, &err)) == NULL)
		return;
	r->warm = w;
	r->uid = w->uid;
	r->reading = reading_start(&name, wire, digest, on_read, r, &err);
	blob_unref(wire);
	if (r->reading == NULL)
		log_debug("warm uid=%u result=%s reason=%s", (unsigned)w->uid,
		    err_word(err.code), log_str(str_c(err.text)));
}

/* Ask for the newest message that is to be read; false: not now. */
static bool
warm_read(struct warm *w)
{
	struct msg_name name = warm_name(w, 0);
	char line[64];
	size_t i;

	for (i = 0; i < WARM_FLIGHT && w->readings[i].reading != NULL; i++)
		;
	if (i == WARM_FLIGHT)
		return (false);
	while (!set_empty(&w->todo)) {
		w->uid = w->todo.r[w->todo.n - 1].hi;
		if (set_remove(&w->todo, w->uid, w->uid) == -1)
			return (false);
		/* A client may have been quicker. */
		name.uid = w->uid;
		if (facts_has(w->account->proxy->facts, &name))
			continue;
		(void)snprintf(line, sizeof(line),
		    "UID FETCH %u (UID BODY.PEEK[])", (unsigned)w->uid);
		w->asked = true;
		side_fetch(w->side, line, on_body, warm_data, warm_looked, w);
		return (true);
	}
	return (false);
}

static bool
warm_busy(const struct warm *w)
{
	size_t i;

	for (i = 0; i < WARM_FLIGHT; i++)
		if (w->readings[i].reading != NULL)
			return (true);
	return (false);
}

/* --- waiting --- */

static void
on_idle_end(const struct resp *r, const struct err *err, void *arg)
{
	struct warm *w = arg;

	w->idle = false;
	evtimer_del(w->timer);
	w->harvest_later = false;
	if (w->key_later > 0 && !w->news) {
		/* It may have come without our hearing of it. */
		w->key_later = 0;
		w->down = w->top;
	}
	warm_looked(r, err, w);
}

/* Nothing is left to do. */
static void
warm_wait(struct warm *w)
{
	w->news = false;
	w->lost = 0;
	if (!side_caps(w->side)->idle) {
		warm_after(w, WARM_POLL_S);
		return;
	}
	w->asked = w->idle = true;
	warm_after(w, WARM_IDLE_S);
	side_idle(w->side, warm_data, on_idle_end, w);
}

/* The side has nothing to do: what comes next? */
void
warm_step(struct warm *w)
{
	if (warm_read(w))
		return;
	if (warm_busy(w) || warm_harvest(w) || w->harvest != NULL)
		return; /* on_read() or on_harvested() goes on */
	while (w->key_later == 0 && warm_range(w))
		if (warm_look(w))
			return;
	warm_wait(w);
}

/* --- coming and going --- */

static void
on_examined(const struct resp *r, const struct err *err, void *arg)
{
	struct warm *w = arg;
	struct err none;

	(void)r;
	w->asked = false;
	if (err != NULL) {
		warm_fail(w, err);
		return;
	}
	if (w->box->uidvalidity == 0) {
		err_set(&none, ERR_DENIED, "the server tells no UIDVALIDITY");
		warm_fail(w, &none);
		return;
	}
	if (mailbox_bind(w->box) == -1) {
		warm_oom(w);
		return;
	}
	w->top = w->down = w->box->exists;
	w->lo = w->hi = 0;
	w->news = false;
	warm_step(w);
}

static void
on_login(const struct resp *r, const struct err *err, void *arg)
{
	struct warm *w = arg;

	(void)r;
	w->asked = false;
	if (err != NULL) {
		warm_fail(w, err);
		return;
	}
	if ((w->box = mailbox_new(w->account, STR("INBOX"))) == NULL) {
		warm_oom(w);
		return;
	}
	w->asked = true;
	side_ask(w->side, "EXAMINE INBOX", warm_data, on_examined, w);
}

bool
warm_room(const struct account *a)
{
	char section[LOGIN_MAX + 16];

	(void)snprintf(section, sizeof(section), "account %s", a->login);
	return (a->sessions + (resync_runs(a->resync) ? 1 : 0) <
	        conf_num(a->proxy->conf, section, "connections"));
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct warm *w = arg;
	struct err err;

	(void)fd;
	(void)what;
	if (w->idle) {
		side_wake(w->side);
		return;
	}
	if (w->side != NULL && !w->asked) {
		w->asked = true;
		w->harvest_later = false;
		side_ask(w->side, "NOOP", warm_data, warm_looked, w);
		return;
	}
	if (w->side != NULL || w->account->proxy->stopping ||
	    !warm_room(w->account))
		return;
	w->side = side_open(w->account, on_login, w, &err);
	if (w->side == NULL)
		warm_fail(w, &err);
	else
		w->asked = true;
}

void
warm_check(struct account *a)
{
	struct warm *w = a->warm;

	if (!warm_room(a)) {
		if (w != NULL && w->side != NULL) {
			log_debug("warm login=%s result=gave-way",
			    log_addr(str_c(a->login)));
			warm_close(w);
		}
		return;
	}
	if (w == NULL) {
		if ((w = calloc(1, sizeof(*w))) == NULL)
			return;
		w->account = a;
		set_init(&w->todo);
		set_init(&w->only_signed);
		if ((w->timer = evtimer_new(a->proxy->base, on_timer, w)) ==
		    NULL) {
			free(w);
			return;
		}
		a->warm = w;
	}
	if (w->side == NULL && !evtimer_pending(w->timer, NULL))
		warm_after(w, WARM_DELAY_S);
}

void
warm_key_came(struct account *a)
{
	struct warm *w = a->warm;

	if (w == NULL || w->side == NULL || w->box == NULL ||
	    w->box->cls == NULL)
		return;
	/* What was read without it is not known any more (reading.h). */
	w->key_later = 0;
	w->down = w->top;
	if (w->idle)
		side_wake(w->side);
	else if (!w->asked && !warm_busy(w) && w->harvest == NULL)
		warm_step(w);
}

bool
warm_refused(struct account *a, struct str code)
{
	struct str rest, word = resp_code_word(code, &rest);
	bool busy = str_ieq(word, STR("UNAVAILABLE"));
	struct err err;

	if (a == NULL || a->warm == NULL || a->warm->side == NULL ||
	    (!str_ieq(word, STR("LIMIT")) && !str_ieq(word, STR("INUSE")) &&
	        !busy))
		return (false);
	err_set(&err, busy ? ERR_UNAVAILABLE : ERR_DENIED,
	    "the server refused a client");
	warm_leave(a->warm, busy ? warm_unavailable(a->warm) : WARM_REFUSED_S,
	    &err);
	return (true);
}

void
warm_free(struct warm *w)
{
	if (w == NULL)
		return;
	warm_close(w);
	event_free(w->timer);
	free(w);
}

void
warm_tell(const struct warm *w, bool *up, uint64_t *read, uint64_t *waiting)
{
	*up = w != NULL && w->box != NULL && w->box->cls != NULL;
	*read = w != NULL ? w->read : 0;
	*waiting = w != NULL ? set_count(&w->todo) : 0;
}
