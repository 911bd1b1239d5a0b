#include "config.h"

#include "proto/resync.h"

void
resync_req_put(struct buf *b, const struct resync_req *q)
{
	rec_put_str(b, q->account);
	rec_put_str(b, q->mailbox);
	rec_put_bool(b, q->begin);
}

int
resync_req_get(struct str in, struct resync_req *q, struct err *err)
{
	struct rec r;

	rec_init(&r, in);
	q->account = rec_get_str(&r);
	q->mailbox = rec_get_str(&r);
	q->begin = rec_get_bool(&r);
	return (rec_end(&r, err));
}
