#include "config.h"

#include "opener/early.h"

#include <sys/stat.h>

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/codec.h"
#include "base/limits.h"
#include "mail/header.h"
#include "smime/entity.h"
#include "sys/fault.h"

#define PIECE (64UL * 1024)

/* b64dec_feed() asks for some room behind what it writes. */
#define DECODE_EXTRA 16

struct early {
	int fd; /* owned */
	dev_t dev;
	ino_t ino;
	uint32_t number;
	size_t total;
	size_t read;
	size_t body; /* where the CMS begins; 0: not known yet */
	bool useless;
	struct buf head; /* up to there */
	struct b64dec b64;
	struct buf der;
	char piece[PIECE];
};

struct early *
early_new(int fd, const struct open_ahead *what)
{
	struct early *a;
	struct stat st;

	/* Only memfds have seals: reading one never blocks. */
	if (what->total > LIMIT_MESSAGE || fcntl(fd, F_GET_SEALS) == -1 ||
	    fstat(fd, &st) == -1 || (a = calloc(1, sizeof(*a))) == NULL) {
		close(fd);
		return (NULL);
	}
	a->fd = fd;
	a->dev = st.st_dev;
	a->ino = st.st_ino;
	a->number = what->number;
	a->total = (size_t)what->total;
	buf_init(&a->head, LIMIT_HEADER + PIECE);
	buf_init(&a->der, a->total + LIMIT_RECORD);
	early_more(a, what);
	return (a);
}

void
early_free(struct early *a)
{
	if (a == NULL)
		return;
	close(a->fd);
	buf_clear(&a->head);
	buf_clear(&a->der);
	free(a);
}

/* Is the header there, and does it say that base64 follows? */
static void
read_head(struct early *a)
{
	struct str text = buf_text(&a->head);
	size_t len = header_len(text);
	struct entity e;

	if (len == text.len) {
		/* It goes on. */
		a->useless = text.len > LIMIT_HEADER;
		return;
	}
	a->body = len;
	a->useless =
	    entity_read(str_of(text.p, len), &e, NULL) == -1 ||
	    e.kind != ENTITY_PKCS7 || e.coding != CODING_BASE64 ||
	    buf_room(&a->der, (a->total - len) / 4 * 3 + DECODE_EXTRA) == NULL;
	b64dec_init(&a->b64);
}

static void
decode(struct early *a, const char *p, size_t n)
{
	a->der.len += b64dec_feed(&a->b64, p, n, a->der.data + a->der.len);
}

/* The next piece of it. */
static void
put(struct early *a, size_t n)
{
	if (a->body != 0) {
		decode(a, a->piece, n);
		return;
	}
	buf_put(&a->head, a->piece, n);
	if (a->head.failed)
		a->useless = true;
	else
		read_head(a);
	if (a->body != 0 && !a->useless)
		decode(a, a->head.data + a->body, a->head.len - a->body);
}

static void
read_to(struct early *a, size_t to)
{
	size_t n;
	ssize_t got;

	while (!a->useless && a->read < to) {
		n = to - a->read < PIECE ? to - a->read : PIECE;
		got = pread(a->fd, a->piece, n, (off_t)a->read);
		if (got <= 0) {
			a->useless = true;
			return;
		}
		put(a, (size_t)got);
		a->read += (size_t)got;
	}
}

void
early_more(struct early *a, const struct open_ahead *what)
{
	/* When the proxy has read it; before that it would write over it. */
	if (what->here > 100 && FAULT("opener.meddle"))
		(void)!pwrite(a->fd, "x", 1, 100);
	if (what->number == a->number && what->here <= a->total)
		read_to(a, (size_t)what->here);
}

bool
early_take(struct early *a, int wire_fd, size_t len, struct peel_early *early)
{
	struct stat st;

	memset(early, 0, sizeof(*early));
	if (a == NULL || len != a->total || fstat(wire_fd, &st) == -1 ||
	    st.st_dev != a->dev || st.st_ino != a->ino)
		return (false);
	read_to(a, len);
	if (a->useless || a->body == 0)
		return (false);
	early->from = a->body;
	early->der = a->der;
	buf_init(&a->der, 0);
	a->useless = true;
	return (true);
}
