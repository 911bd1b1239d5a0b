/*
 * bench-seal - many small mails, each as it is and sealed.
 *
 *	bench-seal CERT COUNT
 *
 * For each it writes to standard output a line with two lengths, the plain
 * mail and the sealed one.  They are of 1 to 6 KiB, in words that come out of
 * a generator; every hundredth holds "needle".
 */
#include "config.h"

#include <inttypes.h>
#include <openssl/obj_mac.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/limits.h"
#include "smime/entity.h"

static uint64_t seed = 88172645463325252U;

/* xorshift: the same mails every time. */
static uint32_t
draw(uint32_t below)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return ((uint32_t)(seed >> 32) % below);
}

static void
put_word(struct buf *b)
{
	uint32_t n = 2 + draw(7);

	while (n-- > 0)
		buf_putc(b, (char)('a' + draw(26)));
}

static void
put_mail(struct buf *head, struct buf *entity, unsigned number)
{
	size_t len = 1024 + draw(5 * 1024), line;

	buf_puts(head, "From: Ann Other <ann@example.test>\r\n"
	               "To: user1@example.test\r\nSubject: ");
	put_word(head);
	buf_printf(head,
	    " %u\r\nDate: Mon, %u Nov 2026 %02u:%02u:00 +0000\r\n"
	    "Message-ID: <%u@bench.test>\r\nMIME-Version: 1.0\r\n",
	    number, 1 + number % 28, number / 60 % 24, number % 60, number);
	buf_puts(entity, "Content-Type: text/plain; charset=utf-8\r\n\r\n");
	if (number % 100 == 0)
		buf_puts(entity, "a needle in a haystack\r\n");
	while (entity->len < len) {
		for (line = entity->len; entity->len - line < 65;) {
			put_word(entity);
			buf_putc(entity, ' ');
		}
		buf_puts(entity, "\r\n");
	}
}

static struct cert *
read_cert(const char *name)
{
	struct cert **certs, *c;
	struct err err;
	struct buf file;
	size_t n;
	FILE *fp;

	buf_init(&file, LIMIT_CONF_FILE);
	if ((fp = fopen(name, "rb")) == NULL ||
	    buf_room(&file, LIMIT_CONF_FILE / 4) == NULL) {
		perror(name);
		exit(1);
	}
	file.len = fread(file.data, 1, LIMIT_CONF_FILE / 4, fp);
	fclose(fp);
	if (certs_read(buf_text(&file), NULL, &certs, &n, &err) == -1) {
		fprintf(stderr, "bench-seal: %s: %s\n", name, err.text);
		exit(1);
	}
	c = cert_ref(certs[0]);
	certs_free(certs, n);
	buf_clear(&file);
	return (c);
}

static int
one_mail(const struct cms_seal *how, unsigned number)
{
	struct buf head, entity, sealed;
	struct err err;
	size_t len;

	buf_init(&head, LIMIT_HEADER);
	buf_init(&entity, LIMIT_HEADER);
	buf_init(&sealed, LIMIT_HEADER);
	put_mail(&head, &entity, number);
	if (entity_seal(buf_text(&entity), how, &sealed, &err) == -1) {
		fprintf(stderr, "bench-seal: %s\n", err.text);
		return (-1);
	}
	len = head.len;
	printf("%zu %zu\n", len + entity.len, len + sealed.len);
	fwrite(head.data, 1, len, stdout);
	fwrite(entity.data, 1, entity.len, stdout);
	fwrite(head.data, 1, len, stdout);
	fwrite(sealed.data, 1, sealed.len, stdout);
	buf_clear(&head);
	buf_clear(&entity);
	buf_clear(&sealed);
	return (0);
}

int
main(int argc, char **argv)
{
	struct cms_recipient to = {0};
	struct cms_seal how = {&to, 1, algo_cipher_nid(NID_aes_256_cbc)};
	struct cert *cert;
	unsigned i, count;

	if (argc != 3) {
		fprintf(stderr, "usage: bench-seal CERT COUNT\n");
		return (2);
	}
	count = (unsigned)strtoul(argv[2], NULL, 10);
	to.cert = cert = read_cert(argv[1]);
	for (i = 1; i <= count; i++)
		if (one_mail(&how, i) == -1)
			return (1);
	cert_unref(cert);
	return (fflush(stdout) == 0 ? 0 : 1);
}
