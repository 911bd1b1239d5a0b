#include "config.h"

#include "proxy/harvest.h"

#include "base/limits.h"
#include "proto/op.h"
#include "sys/log.h"

void
harvest_tell(struct proxy *p, const struct harvest *h)
{
	struct buf b;

	if (h->certs.len == 0 || p->agent == NULL)
		return;
	buf_init(&b, LIMIT_RECORD);
	harvest_put(&b, h);
	if (b.failed || ipc_tell(p->agent, OP_HARVEST, buf_text(&b)) == -1)
		log_debug("harvest address=%s told=no", log_addr(h->address));
	buf_clear(&b);
}

static int
mark_name(const struct msg_name *n, struct buf *out)
{
	struct seen_key key;

	if (msg_key(n, &key) == -1)
		return (-1);
	buf_puts(out, "harvest");
	buf_put(out, key.k, sizeof(key.k));
	return (out->failed ? -1 : 0);
}

bool
harvest_done(const struct msg_name *n)
{
	struct proxy *p = n->account->proxy;
	struct err err;
	struct buf b;
	bool done;

	buf_init(&b, LIMIT_RECORD);
	done = p->seen == NULL || mark_name(n, &b) == -1 ||
	       seen_marked(p->seen, buf_text(&b), &err) != 0;
	buf_clear(&b);
	return (done);
}

void
harvest_note(const struct msg_name *n)
{
	struct proxy *p = n->account->proxy;
	struct err err;
	struct buf b;

	buf_init(&b, LIMIT_RECORD);
	if (p->seen != NULL && mark_name(n, &b) == 0 &&
	    seen_mark(p->seen, buf_text(&b), &err) == -1)
		log_warn("harvest reason=%s", log_str(str_c(err.text)));
	buf_clear(&b);
}
