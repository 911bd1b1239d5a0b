/* Bytes between the socket, or the TLS on it, and the two buffers. */

#include "config.h"

#include <arpa/inet.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "sys/stream_priv.h"
#include "sys/tls.h"

/*
 * What one read asks for: a page to begin with, as most commands are short
 * and idle sessions many; 64 KiB once a read came back full, and as long as
 * more than a page comes.  A little less than a power of two, because
 * evbuffer adds its own header.
 */
#define READ_SMALL 4032
#define READ_LARGE 65472

/* The most that fits into a TLS record (RFC 8446 5.1). */
#define RECORD 16384

static bool
is_literal(const char *host)
{
	struct in_addr v4;
	struct in6_addr v6;

	return (inet_pton(AF_INET, host, &v4) == 1 ||
	        inet_pton(AF_INET6, host, &v6) == 1);
}

/* The certificate must be for this host (RFC 6125; RFC 2818 3.1 for IPs). */
static int
expect_host(SSL *ssl, const char *host)
{
	if (is_literal(host))
		return (X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl),
		            host) == 1
		            ? 0
		            : -1);
	SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	if (SSL_set1_host(ssl, host) != 1)
		return (-1);
	/* SSL_set_tlsext_host_name() with a cast that says what it does: the
	 * name is only read */
	return (SSL_ctrl(ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME,
	            TLSEXT_NAMETYPE_host_name, (void *)(uintptr_t)host) == 1
	            ? 0
	            : -1);
}

int
io_tls(struct stream *s, SSL_CTX *ctx, bool server, const char *host,
    struct err *err)
{
	SSL *ssl;

	ERR_clear_error();
	if ((ssl = SSL_new(ctx)) == NULL) {
		tls_err(err, ERR_MEMORY, "cannot start TLS");
		return (-1);
	}
	if (server)
		SSL_set_accept_state(ssl);
	else {
		SSL_set_connect_state(ssl);
		SSL_set_verify(ssl, SSL_VERIFY_PEER, NULL);
		if (expect_host(ssl, host) != 0) {
			tls_err(err, ERR_SYNTAX, "no name to verify");
			SSL_free(ssl);
			return (-1);
		}
	}
	s->ssl = ssl;
	return (0);
}

/* TLS failed for good: say why. */
static enum io
tls_failed(struct stream *s, int why, const char *what)
{
	int e = errno;
	long verdict;

	s->tls_broken = true;
	verdict = SSL_get_verify_result(s->ssl);
	if (!s->tls && verdict != X509_V_OK &&
	    SSL_get_verify_mode(s->ssl) != SSL_VERIFY_NONE) {
		ERR_clear_error();
		err_set(&s->err, ERR_UNTRUSTED,
		    "the server's certificate does not hold: %s",
		    X509_verify_cert_error_string(verdict));
	} else if (why == SSL_ERROR_SYSCALL && ERR_peek_error() == 0)
		err_set(&s->err, ERR_IO, "%s: %s", what,
		    e != 0 ? strerror(e) : "connection closed");
	else
		tls_err(&s->err, ERR_PEER, what);
	return (IO_ERR);
}

enum io
io_handshake(struct stream *s)
{
	int rc, why;

	ERR_clear_error();
	errno = 0;
	if ((rc = SSL_do_handshake(s->ssl)) == 1) {
		s->tls = true;
		return (IO_DONE);
	}
	why = SSL_get_error(s->ssl, rc);
	if (why == SSL_ERROR_WANT_READ)
		return (IO_READ);
	if (why == SSL_ERROR_WANT_WRITE)
		return (IO_WRITE);
	return (tls_failed(s, why, "TLS handshake failed"));
}

/*
 * The peer is gone without close_notify.  Where the owner has consumed all,
 * it knows better than TLS whether something is missing (a literal, a final
 * dot), and many mail programs close like this: that is an end like any
 * other.  With half a line in the buffer it is a cut connection.
 */
static enum io
tls_cut(struct stream *s)
{
	s->tls_broken = true;
	s->cut = true;
	ERR_clear_error();
	return (IO_EOF);
}

static enum io
read_tls(struct stream *s, struct evbuffer_iovec *v, size_t *got)
{
	int why;

	*got = 0;
	ERR_clear_error();
	errno = 0;
	s->read_wants_write = false;
	/* with all that came taken, asking the socket again is a waste */
	if (SSL_read_ex(s->ssl, v->iov_base, v->iov_len, got) == 1)
		return (SSL_has_pending(s->ssl) == 1 ? IO_DONE : IO_READ);
	why = SSL_get_error(s->ssl, 0);
	switch (why) {
	case SSL_ERROR_WANT_READ:
		return (IO_READ);
	case SSL_ERROR_WANT_WRITE:
		s->read_wants_write = true;
		return (IO_WRITE);
	case SSL_ERROR_ZERO_RETURN:
		return (IO_EOF);
	default:
		break;
	}
	if ((why == SSL_ERROR_SSL && ERR_GET_REASON(ERR_peek_error()) ==
	                                 SSL_R_UNEXPECTED_EOF_WHILE_READING) ||
	    (why == SSL_ERROR_SYSCALL && ERR_peek_error() == 0 && errno == 0))
		return (tls_cut(s));
	return (tls_failed(s, why, "TLS read failed"));
}

static enum io
read_clear(struct stream *s, struct evbuffer_iovec *v, int nv, size_t room,
    size_t *got)
{
	struct iovec iov[2];
	ssize_t n;
	int i;

	*got = 0;
	for (i = 0; i < nv; i++) {
		iov[i].iov_base = v[i].iov_base;
		iov[i].iov_len = v[i].iov_len;
	}
	do
		n = readv(s->fd, iov, nv);
	while (n < 0 && errno == EINTR);
	if (n == 0)
		return (IO_EOF);
	if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
		return (IO_READ);
	if (n < 0) {
		err_set(&s->err, ERR_IO, "read: %s", strerror(errno));
		return (IO_ERR);
	}
	*got = (size_t)n;
	/* a short read has emptied the socket: asking again is a waste */
	return ((size_t)n < room ? IO_READ : IO_DONE);
}

/* Keep the first n bytes of the room that was reserved. */
static void
commit(struct stream *s, struct evbuffer_iovec *v, int nv, size_t n)
{
	int i;

	for (i = 0; i < nv; i++) {
		if (v[i].iov_len > n)
			v[i].iov_len = n;
		n -= v[i].iov_len;
	}
	(void)evbuffer_commit_space(s->in, v, v[nv - 1].iov_len > 0 ? nv : 1);
}

/* One read.  *room is what was asked for, *got what came. */
static enum io
read_some(struct stream *s, size_t *room, size_t *got)
{
	struct evbuffer_iovec v[2];
	enum io io;
	int nv;

	*got = 0;
	nv = evbuffer_reserve_space(s->in, (ev_ssize_t)s->read_size, v, 2);
	if (nv <= 0) {
		err_set(&s->err, ERR_MEMORY, "no memory to read");
		return (IO_ERR);
	}
	if (s->ssl != NULL) {
		nv = 1;
		*room = v[0].iov_len;
		io = read_tls(s, v, got);
	} else {
		*room = v[0].iov_len + (nv > 1 ? v[1].iov_len : 0);
		io = read_clear(s, v, nv, *room, got);
	}
	if (*got > 0)
		commit(s, v, nv, *got);
	return (io);
}

enum io
io_read(struct stream *s, size_t budget)
{
	size_t room = 0, got = 0, total = 0;
	enum io io = IO_DONE;

	if (s->read_size == 0)
		s->read_size = READ_SMALL;
	while (total < budget && io == IO_DONE) {
		io = read_some(s, &room, &got);
		total += got;
		if (got > 0)
			s->read_size = got == room || got > READ_SMALL
			                   ? READ_LARGE
			                   : READ_SMALL;
	}
	if (total > 0)
		s->owe_input = true;
	/*
	 * Nothing came: give back the room, or each idle session would keep
	 * it.  evbuffer frees a chain only when it drains one.
	 */
	if (evbuffer_get_length(s->in) == 0 && evbuffer_add(s->in, "", 1) == 0)
		(void)evbuffer_drain(s->in, 1);
	return (io);
}

static enum io
write_clear(struct stream *s, struct evbuffer *from)
{
	int n;

	while (evbuffer_get_length(from) > 0) {
		n = evbuffer_write(from, s->fd);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			return (IO_WRITE);
		if (n <= 0) {
			err_set(&s->err, ERR_IO, "write: %s", strerror(errno));
			return (IO_ERR);
		}
	}
	return (IO_DONE);
}

/*
 * Write one record's worth.  It is always the first RECORD bytes of the
 * buffer or all of it, so that a record OpenSSL could not send is offered
 * again with at least the same bytes.  Small pieces are gathered.
 */
static enum io
write_record(struct stream *s, struct evbuffer *from)
{
	size_t len = evbuffer_get_length(from), sent = 0;
	char gathered[RECORD];
	struct evbuffer_iovec v;
	int ok, why;

	if (len > RECORD)
		len = RECORD;
	ERR_clear_error();
	errno = 0;
	s->write_wants_read = false;
	(void)evbuffer_peek(from, (ev_ssize_t)len, NULL, &v, 1);
	if (v.iov_len >= len)
		ok = SSL_write_ex(s->ssl, v.iov_base, len, &sent);
	else {
		(void)evbuffer_copyout(from, gathered, len);
		ok = SSL_write_ex(s->ssl, gathered, len, &sent);
		OPENSSL_cleanse(gathered, len);
	}
	if (ok == 1) {
		(void)evbuffer_drain(from, sent);
		return (IO_DONE);
	}
	why = SSL_get_error(s->ssl, 0);
	if (why == SSL_ERROR_WANT_WRITE)
		return (IO_WRITE);
	if (why == SSL_ERROR_WANT_READ) {
		s->write_wants_read = true;
		return (IO_READ);
	}
	return (tls_failed(s, why, "TLS write failed"));
}

enum io
io_write(struct stream *s, struct evbuffer *from)
{
	enum io io = IO_DONE;

	if (!s->tls)
		return (write_clear(s, from));
	while (io == IO_DONE && evbuffer_get_length(from) > 0)
		io = write_record(s, from);
	return (io);
}

void
io_shut(struct stream *s)
{
	if (s->tls && !s->tls_broken) {
		ERR_clear_error();
		/* 0 (the peer's answer is missing) is good enough */
		if (SSL_shutdown(s->ssl) < 0)
			s->tls_broken = true;
	}
	(void)shutdown(s->fd, SHUT_WR);
}
