#include "config.h"

#include "proto/start.h"

void
start_req_put(struct buf *b, const struct start_req *q)
{
	rec_put_str(b, q->account);
	rec_put_str(b, q->install_id);
	rec_put_str(b, q->state_dir);
}

int
start_req_get(struct str in, struct start_req *q, struct err *err)
{
	struct rec r;

	rec_init(&r, in);
	q->account = rec_get_str(&r);
	q->install_id = rec_get_str(&r);
	q->state_dir = rec_get_str(&r);
	return (rec_end(&r, err));
}

void
peer_req_put(struct buf *b, const struct peer_req *q)
{
	rec_put_u8(b, q->role);
	rec_put_str(b, q->account);
}

int
peer_req_get(struct str in, struct peer_req *q, struct err *err)
{
	struct rec r;

	rec_init(&r, in);
	q->role = rec_get_enum(&r, PEER_ROLE_MAX);
	q->account = rec_get_str(&r);
	return (rec_end(&r, err));
}

void
listen_req_put(struct buf *b, const struct listen_req *q)
{
	rec_put_u8(b, q->kind);
	rec_put_str(b, q->name);
}

int
listen_req_get(struct str in, struct listen_req *q, struct err *err)
{
	struct rec r;

	rec_init(&r, in);
	q->kind = rec_get_enum(&r, LISTEN_SMTPS);
	q->name = rec_get_str(&r);
	return (rec_end(&r, err));
}

void
opener_req_put(struct buf *b, struct str account)
{
	rec_put_str(b, account);
}

int
opener_req_get(struct str in, struct str *account, struct err *err)
{
	struct rec r;

	rec_init(&r, in);
	*account = rec_get_str(&r);
	return (rec_end(&r, err));
}
