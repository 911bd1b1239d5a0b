/*
 * bench-read - what reading sealed mail costs.  Parts of it are called by
 * tests/bench/read, which raises the servers and reckons the ratios.
 *
 *	bench-read fill MAILDIR PKI COUNT SIZE	COUNT mails of SIZE bytes,
 *sealed to user1, as files of MAILDIR/cur; with PKI "-" plain ones bench-read
 *open PKI FILE TIMES	a sealed mail opened by libcrypto: seconds for one
 *	bench-read fetch PORT USER PASSWORD MAILBOX COMMAND TIMES	seconds
 *to the first byte of an answer, to the last, and answers, for each time
 *	bench-read hold PORT PASSWORD USERS SESSIONS [CA]	log in as user1
 *to userUSERS until standard input ends; CA: with TLS
 */
#include "config.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/cms.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base64bio.h"
#include "figure.h"

#define READ_BUF (256 * 1024)

static _Noreturn void
die(const char *what)
{
	fprintf(stderr, "bench-read: %s\n", what);
	exit(1);
}

/* --- keys --- */

static X509 *
read_cert(const char *pki, const char *name)
{
	char path[1024];
	X509 *x;
	BIO *b;

	snprintf(path, sizeof(path), "%s/%s.pem", pki, name);
	if ((b = BIO_new_file(path, "r")) == NULL ||
	    (x = PEM_read_bio_X509(b, NULL, NULL, NULL)) == NULL)
		die(path);
	BIO_free(b);
	return (x);
}

static EVP_PKEY *
read_key(const char *pki, const char *name)
{
	char path[1024];
	EVP_PKEY *k;
	BIO *b;

	snprintf(path, sizeof(path), "%s/%s.key", pki, name);
	if ((b = BIO_new_file(path, "r")) == NULL ||
	    (k = PEM_read_bio_PrivateKey(b, NULL, NULL, NULL)) == NULL)
		die(path);
	BIO_free(b);
	return (k);
}

/* --- mails --- */

static void
put_cms(BIO *out, CMS_ContentInfo *cms)
{
	unsigned char *der = NULL;
	int len;

	if (cms == NULL || (len = i2d_CMS_ContentInfo(cms, &der)) <= 0)
		die("no CMS");
	base64_write(out, der, (size_t)len);
	OPENSSL_free(der);
	CMS_ContentInfo_free(cms);
}

/* The entity of all mails, with CRLF. */
static BIO *
make_text(size_t size)
{
	static const char row[] =
	    "The quick brown fox jumps over the lazy dog, and then rests.\r\n";
	BIO *b = BIO_new(BIO_s_mem());
	size_t n;

	BIO_puts(b, "Content-Type: text/plain; charset=us-ascii\r\n\r\n");
	for (n = 0; n + sizeof(row) - 1 <= size; n += sizeof(row) - 1)
		BIO_write(b, row, (int)sizeof(row) - 1);
	return (b);
}

/* The same, signed: what gets sealed. */
static BIO *
make_signed(const char *pki, BIO *text)
{
	BIO *b = BIO_new(BIO_s_mem()), *in;
	char *p;
	long n = BIO_get_mem_data(text, &p);

	in = BIO_new_mem_buf(p, (int)n);
	BIO_puts(b, "Content-Type: multipart/signed; boundary=b; "
	            "protocol=\"application/pkcs7-signature\"; "
	            "micalg=sha-256\r\n\r\n--b\r\n");
	BIO_write(b, p, (int)n);
	BIO_puts(b, "\r\n--b\r\nContent-Type: application/pkcs7-signature; "
	            "name=smime.p7s\r\nContent-Transfer-Encoding: base64"
	            "\r\n\r\n");
	put_cms(b,
	    CMS_sign(read_cert(pki, "user2.sign"), read_key(pki, "user2.sign"),
	        NULL, in, CMS_DETACHED | CMS_BINARY));
	BIO_puts(b, "\r\n--b--\r\n");
	BIO_free(in);
	return (b);
}

/* As a maildir has it: without CR. */
static void
write_file(const char *dir, int number, BIO *text)
{
	char path[1024], *p;
	long i, n = BIO_get_mem_data(text, &p);
	FILE *f;

	snprintf(path, sizeof(path), "%s/cur/%d.bench%d.x:2,S", dir,
	    1700000000 + number, number);
	if ((f = fopen(path, "w")) == NULL)
		die(path);
	for (i = 0; i < n; i++)
		if (p[i] != '\r')
			putc_unlocked(p[i], f);
	if (fclose(f) != 0)
		die(path);
}

static void
put_head(BIO *b, int number)
{
	BIO_printf(b,
	    "Return-Path: <user2@example.test>\r\n"
	    "Received: from client.example.test (client.example.test "
	    "[192.0.2.1])\r\n\tby mail.example.test with ESMTPS id %08x\r\n"
	    "\tfor <user1@example.test>; Mon, 23 Nov 2026 10:00:00 +0000\r\n"
	    "From: \"A. Correspondent\" <user2@example.test>\r\n"
	    "To: User One <user1@example.test>\r\n"
	    "Cc: list@example.test, \"Somebody Else\" <else@example.test>\r\n"
	    "Subject: message %d of a bench that reads\r\n"
	    "Date: Mon, 23 Nov 2026 10:%02d:%02d +0000\r\n"
	    "Message-ID: <%d.bench@example.test>\r\n"
	    "In-Reply-To: <%d.bench@example.test>\r\n"
	    "References: <%d.bench@example.test>\r\n"
	    "MIME-Version: 1.0\r\n",
	    (unsigned)number, number, number / 60 % 60, number % 60, number,
	    number - 1, number - 1);
}

static void
make_dirs(const char *dir)
{
	static const char *const sub[] = {"", "/cur", "/new", "/tmp"};
	char path[1024];
	FILE *f;
	size_t i;

	for (i = 0; i < 4; i++) {
		snprintf(path, sizeof(path), "%s%s", dir, sub[i]);
		(void)mkdir(path, 0700);
	}
	snprintf(path, sizeof(path), "%s/maildirfolder", dir);
	if ((f = fopen(path, "w")) == NULL)
		die(path);
	fclose(f);
}

static void
fill(const char *dir, const char *pki, int count, size_t size)
{
	bool plain = strcmp(pki, "-") == 0;
	BIO *text = make_text(size), *inner = NULL, *mail, *in;
	STACK_OF(X509) *to = sk_X509_new_null();
	char *p;
	long n;
	int i;

	make_dirs(dir);
	if (!plain) {
		inner = make_signed(pki, text);
		sk_X509_push(to, read_cert(pki, "user1.encrypt"));
	}
	for (i = 1; i <= count; i++) {
		mail = BIO_new(BIO_s_mem());
		if (plain)
			BIO_puts(mail,
			    "Authentication-Results: 0123456789abcdef; "
			    "smime=pass\r\n"
			    " body.smime-identifier=\"user2@example.test\"\r\n"
			    "Waxwing-Status: opened; encryption=AES-256-CBC; "
			    "signature=good\r\n");
		put_head(mail, i);
		if (plain) {
			n = BIO_get_mem_data(text, &p);
			BIO_write(mail, p, (int)n);
		} else {
			n = BIO_get_mem_data(inner, &p);
			in = BIO_new_mem_buf(p, (int)n);
			BIO_puts(mail,
			    "Content-Type: application/pkcs7-mime; "
			    "smime-type=enveloped-data; name=smime.p7m\r\n"
			    "Content-Transfer-Encoding: base64\r\n"
			    "Content-Disposition: attachment; "
			    "filename=smime.p7m\r\n\r\n");
			put_cms(mail,
			    CMS_encrypt(to, in, EVP_aes_256_cbc(), CMS_BINARY));
			BIO_free(in);
		}
		write_file(dir, i, mail);
		BIO_free(mail);
	}
}

/* --- libcrypto alone --- */

static char *
read_file(const char *path, size_t *len)
{
	FILE *f = fopen(path, "r");
	char *p;
	long n;

	if (f == NULL || fseek(f, 0, SEEK_END) != 0 || (n = ftell(f)) < 0 ||
	    (p = malloc((size_t)n + 1)) == NULL)
		die(path);
	rewind(f);
	if (fread(p, 1, (size_t)n, f) != (size_t)n)
		die(path);
	fclose(f);
	p[n] = '\0';
	*len = (size_t)n;
	return (p);
}

static CMS_ContentInfo *
cms_parse(const char *text, size_t len)
{
	unsigned char *der = malloc(len / 4 * 3 + 3);
	EVP_ENCODE_CTX *ctx = EVP_ENCODE_CTX_new();
	CMS_ContentInfo *cms;
	const unsigned char *p = der;
	int got, rest = 0;

	EVP_DecodeInit(ctx);
	if (EVP_DecodeUpdate(ctx, der, &got, (const unsigned char *)text,
	        (int)len) == -1)
		die("no base64");
	EVP_DecodeFinal(ctx, der + got, &rest);
	cms = d2i_CMS_ContentInfo(NULL, &p, got + rest);
	EVP_ENCODE_CTX_free(ctx);
	free(der);
	if (cms == NULL)
		die("no CMS");
	return (cms);
}

static void
open_once(const char *body, size_t len, EVP_PKEY *pkey, X509 *x509)
{
	CMS_ContentInfo *cms = cms_parse(body, len), *sig;
	BIO *out = BIO_new(BIO_s_mem()), *in;
	char *text, *content, *end, *from;
	size_t n;

	if (CMS_decrypt(cms, pkey, x509, NULL, out, CMS_BINARY) != 1)
		die("CMS_decrypt failed");
	n = (size_t)BIO_get_mem_data(out, &text);
	content = (char *)memmem(text, n, "--b\r\n", 5) + 5;
	/* From the end: the content is long. */
	for (end = text + n - 12; memcmp(end, "\r\n--b\r\n", 7) != 0; end--)
		;
	from = (char *)memmem(end + 2, (size_t)(text + n - end - 2), "\r\n\r\n",
	           4) +
	       4;
	sig = cms_parse(from,
	    (size_t)(text + n - strlen("\r\n--b--\r\n") - from));
	in = BIO_new_mem_buf(content, (int)(end - content));
	if (CMS_verify(sig, NULL, NULL, in, NULL,
	        CMS_BINARY | CMS_NO_SIGNER_CERT_VERIFY) != 1)
		die("CMS_verify failed");
	BIO_free(in);
	BIO_free(out);
	CMS_ContentInfo_free(sig);
	CMS_ContentInfo_free(cms);
}

static void
open_mail(const char *pki, const char *path, int times)
{
	EVP_PKEY *pkey = read_key(pki, "user1.encrypt");
	X509 *x509 = read_cert(pki, "user1.encrypt");
	size_t len;
	char *mail = read_file(path, &len), *body;
	double began;
	int i;

	body = (char *)memmem(mail, len, "\n\n", 2) + 2;
	len -= (size_t)(body - mail);
	open_once(body, len, pkey, x509);
	began = figure_now();
	for (i = 0; i < times; i++)
		open_once(body, len, pkey, x509);
	printf("%.6f\n", (figure_now() - began) / times);
}

/* --- a client --- */

struct conn {
	int fd;
	SSL *ssl; /* NULL: plain */
	char *buf;
	size_t len, pos;
};

static void
conn_open(struct conn *c, int port, SSL_CTX *ctx)
{
	struct sockaddr_in sin;
	int one = 1;

	memset(&sin, 0, sizeof(sin));
	sin.sin_family = AF_INET;
	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	sin.sin_port = htons((uint16_t)port);
	memset(c, 0, sizeof(*c));
	c->buf = malloc(READ_BUF + 1);
	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (c->buf == NULL || c->fd == -1 ||
	    connect(c->fd, (struct sockaddr *)&sin, sizeof(sin)) == -1)
		die("cannot connect");
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (ctx == NULL)
		return;
	if ((c->ssl = SSL_new(ctx)) == NULL || SSL_set_fd(c->ssl, c->fd) != 1 ||
	    SSL_connect(c->ssl) != 1)
		die("no TLS");
}

static void
conn_send(struct conn *c, const char *text)
{
	size_t len = strlen(text);
	ssize_t n;

	for (; len > 0; text += n, len -= (size_t)n) {
		n = c->ssl != NULL ? SSL_write(c->ssl, text, (int)len)
		                   : write(c->fd, text, len);
		if (n <= 0)
			die("connection lost");
	}
}

static void
conn_fill(struct conn *c)
{
	ssize_t n;

	memmove(c->buf, c->buf + c->pos, c->len - c->pos);
	c->len -= c->pos;
	c->pos = 0;
	if (c->len == READ_BUF)
		die("line too long");
	n = c->ssl != NULL
	        ? SSL_read(c->ssl, c->buf + c->len, (int)(READ_BUF - c->len))
	        : read(c->fd, c->buf + c->len, READ_BUF - c->len);
	if (n <= 0)
		die("connection lost");
	c->len += (size_t)n;
}

static char *
conn_line(struct conn *c, size_t *len)
{
	char *end, *line;

	while ((end = memchr(c->buf + c->pos, '\n', c->len - c->pos)) == NULL)
		conn_fill(c);
	line = c->buf + c->pos;
	c->pos = (size_t)(end - c->buf) + 1;
	*len = (size_t)(end - line);
	while (*len > 0 && line[*len - 1] == '\r')
		--*len;
	line[*len] = '\0';
	return (line);
}

static void
conn_skip(struct conn *c, size_t n)
{
	size_t have;

	while ((have = c->len - c->pos) < n) {
		n -= have;
		c->pos = c->len;
		conn_fill(c);
	}
	c->pos += n;
}

/* Send a command and read to its end; when the first answer came, and how many
 * there were. */
static double
conn_do(struct conn *c, const char *text, long *answers)
{
	double first = 0;
	char *line, *brace;
	size_t len;

	*answers = 0;
	conn_send(c, "b ");
	conn_send(c, text);
	conn_send(c, "\r\n");
	for (;;) {
		line = conn_line(c, &len);
		if (line[0] == 'b' && line[1] == ' ') {
			if (strncmp(line, "b OK", 4) != 0)
				die(line);
			return (first);
		}
		if (line[0] == '*') {
			if (first == 0)
				first = figure_now();
			++*answers;
		}
		if (len > 0 && line[len - 1] == '}' &&
		    (brace = strrchr(line, '{')) != NULL)
			conn_skip(c, strtoul(brace + 1, NULL, 10));
	}
}

static void
conn_login(struct conn *c, int port, SSL_CTX *ctx, const char *user,
    const char *pass)
{
	char text[256];
	size_t len;
	long n;

	conn_open(c, port, ctx);
	(void)conn_line(c, &len);
	snprintf(text, sizeof(text), "LOGIN \"%s\" \"%s\"", user, pass);
	(void)conn_do(c, text, &n);
}

static void
fetch(int port, char **arg, int times)
{
	struct conn c;
	double began, first;
	char text[256];
	long n;

	conn_login(&c, port, NULL, arg[0], arg[1]);
	snprintf(text, sizeof(text), "SELECT %s", arg[2]);
	(void)conn_do(&c, text, &n);
	for (; times > 0; times--) {
		began = figure_now();
		first = conn_do(&c, arg[3], &n);
		printf("%.6f %.6f %ld\n", first - began, figure_now() - began,
		    n);
	}
	close(c.fd);
}

static void
hold(int port, const char *pass, int users, int sessions, const char *ca)
{
	SSL_CTX *ctx = NULL;
	struct conn c;
	char user[64];
	int i;

	if (ca != NULL) {
		ctx = SSL_CTX_new(TLS_client_method());
		if (ctx == NULL ||
		    SSL_CTX_load_verify_locations(ctx, ca, NULL) != 1)
			die(ca);
		SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
	}
	for (i = 0; i < sessions; i++) {
		snprintf(user, sizeof(user), "user%d@example.test",
		    i % users + 1);
		conn_login(&c, port, ctx, user, pass);
		free(c.buf);
	}
	puts("ready");
	fflush(stdout);
	while (getchar() != EOF)
		;
}

int
main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";

	if (strcmp(what, "fill") == 0 && argc == 6)
		fill(argv[2], argv[3], atoi(argv[4]), (size_t)atol(argv[5]));
	else if (strcmp(what, "open") == 0 && argc == 5)
		open_mail(argv[2], argv[3], atoi(argv[4]));
	else if (strcmp(what, "fetch") == 0 && argc == 8)
		fetch(atoi(argv[2]), argv + 3, atoi(argv[7]));
	else if (strcmp(what, "hold") == 0 && (argc == 6 || argc == 7))
		hold(atoi(argv[2]), argv[3], atoi(argv[4]), atoi(argv[5]),
		    argc == 7 ? argv[6] : NULL);
	else
		die("see the head of bench-read.c");
	return (0);
}
