#include "config.h"

#include "proxy/ahead.h"

#include <stdlib.h>

#include "base/limits.h"
#include "proto/op.h"
#include "proxy/opens.h"

/* What is smaller is opened in a few milliseconds. */
#define AHEAD_MIN (4UL * 1024 * 1024)

/* So much has to come before it is told. */
#define AHEAD_STEP (2UL * 1024 * 1024)

struct ahead {
	struct account *account;
	struct ipc *link; /* to the opener that knows of it; never used if it
	                   * is another now */
	struct open_ahead said;
};

static void
tell(struct ahead *a, size_t here, const int *fd)
{
	struct buf body;

	a->said.here = here;
	buf_init(&body, LIMIT_RECORD);
	open_ahead_put(&body, &a->said);
	if (body.failed || ipc_tell_fds(a->link, OP_AHEAD, buf_text(&body), fd,
	                       fd != NULL ? 1 : 0) == -1)
		a->link = NULL;
	buf_clear(&body);
}

struct ahead *
ahead_new(struct account *account, const struct memfd *m, size_t total)
{
	struct ahead *a;
	struct ipc *link;
	int fd = memfd_fd(m);

	if (total < AHEAD_MIN || (link = opens_idle(account)) == NULL ||
	    (a = calloc(1, sizeof(*a))) == NULL)
		return (NULL);
	a->account = account;
	a->link = link;
	a->said.number = ++account->proxy->aheads;
	a->said.total = total;
	tell(a, memfd_written(m), &fd);
	return (a);
}

void
ahead_free(struct ahead *a)
{
	free(a);
}

void
ahead_more(struct ahead *a, const struct memfd *m)
{
	if (a == NULL || a->link == NULL ||
	    memfd_written(m) - a->said.here < AHEAD_STEP)
		return;
	/* If another opener has come, it was never told. */
	if (opens_idle(a->account) != a->link)
		a->link = NULL;
	else
		tell(a, memfd_written(m), NULL);
}
