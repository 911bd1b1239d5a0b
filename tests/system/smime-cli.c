/*
 * smime-cli - src/smime on files, for the matrix of readers and writers.
 *
 *	smime-cli sign  -k KEY -c CERT [-e CERT] [-a CERTS] [-o]
 *	smime-cli seal  -r CERT ... [-C CIPHER] [-t TRANSPORT]
 *	                [-k KEY -c CERT [-e CERT] [-a CERTS]]
 *	smime-cli open  [-k KEY -c CERT] ... [-p P12 -P PASSFILE] [-D]
 *
 * A MIME entity or message comes from standard input, the result goes to
 * standard output.  open says on standard error what it found, a line each,
 * and takes signatures and encryptions off until none is left; with -D the
 * input is bare DER and what is in it need not be mail.
 */
#include "config.h"

#include <openssl/evp.h>
#include <openssl/obj_mac.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/limits.h"
#include "smime/entity.h"
#include "smime/p12.h"

#define MAX_ARGS 64

struct options {
	const char *keys[MAX_ARGS], *certs[MAX_ARGS], *to[MAX_ARGS];
	size_t nkeys, ncerts, nto;
	const char *encrypt, *chain, *p12, *pass, *cipher, *transport;
	bool opaque, der;
};

static void
die(const char *what, const struct err *err)
{
	fprintf(stderr, "smime-cli: %s%s%s\n", what, err != NULL ? ": " : "",
	    err != NULL ? err->text : "");
	exit(1);
}

static void
read_all(FILE *fp, struct buf *out)
{
	char *room;
	size_t n;

	buf_init(out, 2 * LIMIT_MESSAGE);
	do {
		if ((room = buf_room(out, 65536)) == NULL)
			die("input is too large", NULL);
		n = fread(room, 1, 65536, fp);
		out->len += n;
	} while (n > 0);
}

static void
read_file(const char *name, struct buf *out)
{
	FILE *fp;

	if ((fp = fopen(name, "rb")) == NULL) {
		perror(name);
		exit(1);
	}
	read_all(fp, out);
	fclose(fp);
}

static struct cert **
load_certs(const char *name, size_t *n)
{
	struct cert **certs;
	struct buf file;
	struct err err;

	read_file(name, &file);
	if (certs_read(buf_text(&file), NULL, &certs, n, &err) == -1)
		die(name, &err);
	buf_clear(&file);
	return (certs);
}

static struct cert *
load_cert(const char *name)
{
	size_t n;
	struct cert **certs = load_certs(name, &n), *c;

	c = cert_ref(certs[0]);
	certs_free(certs, n);
	return (c);
}

static struct key *
load_key(const char *name, const char *cert, const char *chain, unsigned use)
{
	struct cert **certs = NULL, *c = load_cert(cert);
	size_t n = 0;
	struct err err;
	struct key *k;
	EVP_PKEY *pkey = NULL;
	FILE *fp;

	if ((fp = fopen(name, "r")) == NULL ||
	    (pkey = PEM_read_PrivateKey(fp, NULL, NULL, NULL)) == NULL)
		die(name, NULL);
	fclose(fp);
	if (chain != NULL)
		certs = load_certs(chain, &n);
	if ((k = key_new(STR("me"), use, c, certs, n, pkey, &err)) == NULL)
		die(name, &err);
	certs_free(certs, n);
	cert_unref(c);
	EVP_PKEY_free(pkey);
	return (k);
}

static void
output(struct buf *out)
{
	if (fwrite(out->data, 1, out->len, stdout) != out->len ||
	    fflush(stdout) != 0)
		die("cannot write", NULL);
	buf_wipe(out);
}

static bool
signing(const struct options *o, struct cms_sign *how)
{
	if (o->nkeys == 0)
		return (false);
	how->key = load_key(o->keys[0], o->certs[0], o->chain, CERT_SIGN);
	how->encrypt = o->encrypt != NULL ? load_cert(o->encrypt) : NULL;
	how->time = time(NULL);
	return (true);
}

static void
signing_clear(struct cms_sign *how)
{
	struct key *k;
	struct cert *c;

	memcpy(&k, &how->key, sizeof(k)); /* they are ours after all */
	memcpy(&c, &how->encrypt, sizeof(c));
	key_free(k);
	cert_unref(c);
}

static void
run_sign(const struct options *o, struct str in)
{
	struct cms_sign how;
	struct buf out;
	struct err err;
	int rc;

	if (!signing(o, &how))
		die("sign needs -k and -c", NULL);
	buf_init(&out, 2 * LIMIT_MESSAGE);
	rc = o->opaque ? entity_sign_opaque(in, &how, &out, &err)
	               : entity_sign(in, &how, &out, &err);
	if (rc == -1)
		die("sign", &err);
	output(&out);
	signing_clear(&how);
}

static const struct algo_cipher *
cipher_named(const char *name)
{
	static const struct {
		const char *name;
		int nid;
	} names[] = {{"aes-128-cbc", NID_aes_128_cbc},
	    {"aes-256-cbc", NID_aes_256_cbc}, {"aes-128-gcm", NID_aes_128_gcm},
	    {"aes-256-gcm", NID_aes_256_gcm}, {"3des", NID_des_ede3_cbc}};
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (name != NULL && strcmp(names[i].name, name) == 0)
			return (algo_cipher_nid(names[i].nid));
	return (algo_cipher_nid(NID_aes_256_cbc));
}

static enum algo_transport
transport_named(const char *name)
{
	if (name == NULL)
		return (TRANSPORT_AUTO);
	if (strcmp(name, "oaep") == 0)
		return (TRANSPORT_OAEP);
	if (strcmp(name, "ecdh") == 0)
		return (TRANSPORT_ECDH);
	return (TRANSPORT_PKCS1);
}

static void
run_seal(const struct options *o, struct str in)
{
	struct cms_recipient to[MAX_ARGS];
	struct cert *certs[MAX_ARGS];
	struct cms_seal how = {to, o->nto, cipher_named(o->cipher)};
	struct cms_sign sign;
	struct buf out;
	struct err err;
	bool also = signing(o, &sign);
	size_t i;

	for (i = 0; i < o->nto; i++) {
		certs[i] = load_cert(o->to[i]);
		to[i].cert = certs[i];
		to[i].how = transport_named(o->transport);
	}
	buf_init(&out, 2 * LIMIT_MESSAGE);
	if (entity_sign_seal(in, also ? &sign : NULL, &how, &out, &err) == -1)
		die("seal", &err);
	output(&out);
	for (i = 0; i < o->nto; i++)
		cert_unref(certs[i]);
	if (also)
		signing_clear(&sign);
}

static void
load_p12(struct keydb *db, const char *name, const char *passfile)
{
	struct buf file, pass;
	struct p12 p;
	struct err err;
	struct key *k;
	size_t i;

	read_file(name, &file);
	read_file(passfile, &pass);
	if (p12_read(&p, buf_text(&file), str_trim(buf_text(&pass)), NULL,
	        &err) == -1)
		die(name, &err);
	for (i = 0; i < p.nkeys; i++) {
		k = key_new(STR("me"), CERT_SIGN | CERT_ENCRYPT, p.keys[i].cert,
		    p.others, p.nothers, p.keys[i].pkey, &err);
		if (k == NULL || keydb_add(db, k) == -1)
			die(name, &err);
	}
	p12_clear(&p);
	buf_wipe(&pass);
	buf_wipe(&file);
}

static const char *
state_word(enum signer_state s)
{
	switch (s) {
	case SIGNER_OK:
		return ("good");
	case SIGNER_BAD:
		return ("bad");
	case SIGNER_NO_CERT:
		return ("no-certificate");
	case SIGNER_UNKNOWN:
		return ("unknown-algorithm");
	case SIGNER_WEAK:
		return ("weak");
	}
	return ("?");
}

static void
tell_signers(const struct cms_signed *s)
{
	const struct cms_signer *one;
	size_t i;

	for (i = 0; i < s->nsigners; i++) {
		one = &s->signers[i];
		fprintf(stderr, "signature %s %s %s %s\n",
		    state_word(one->state),
		    one->signature != NULL ? one->signature : "-",
		    one->digest != NULL ? one->digest->name : "-",
		    one->cert != NULL ? cert_facts(one->cert)->subject : "-");
	}
}

/* Take one layer off: 1, or 0 if there is none. */
static int
peel(const struct keydb *db, struct str in, struct buf *out)
{
	struct cms_opened opened;
	struct cms_signed s;
	struct entity e;
	struct buf der;
	struct err err;
	enum cms_kind kind;

	if (entity_read(in, &e, &err) == -1)
		die("read", &err);
	if (e.kind == ENTITY_PLAIN)
		return (0);
	buf_init(&der, LIMIT_MESSAGE);
	if (entity_cms(in, &e, &der, &err) == -1)
		die("read", &err);
	kind = cms_kind(buf_text(&der));
	buf_clear(&der);
	if (kind == CMS_IS_ENVELOPED || kind == CMS_IS_AUTH_ENVELOPED) {
		if (entity_open(in, &e, db, out, &opened, &err) == -1)
			die("open", &err);
		fprintf(stderr, "opened %s\n", opened.cipher->name);
		return (1);
	}
	if (kind != CMS_IS_SIGNED) {
		fprintf(stderr, "cms %d left as it is\n", (int)kind);
		return (0);
	}
	if (entity_verify(in, &e, NULL, &der, &s, &err) == -1)
		die("verify", &err);
	tell_signers(&s);
	buf_str(out,
	    e.kind == ENTITY_SIGNED ? span_str(in.p, e.content) : s.inside);
	cms_signed_clear(&s);
	buf_clear(&der);
	return (1);
}

static void
run_open(const struct options *o, struct str in)
{
	struct keydb *db = keydb_new();
	struct buf layers[LIMIT_CMS_DEPTH + 1];
	struct cms_opened opened;
	struct err err;
	size_t i, n = 0;

	for (i = 0; i < o->nkeys; i++)
		if (keydb_add(db, load_key(o->keys[i], o->certs[i], NULL,
		                      CERT_SIGN | CERT_ENCRYPT)) == -1)
			die("no memory", NULL);
	if (o->p12 != NULL)
		load_p12(db, o->p12, o->pass);
	if (o->der) {
		buf_init(&layers[n], LIMIT_MESSAGE);
		if (cms_open(in, db, &layers[n], &opened, &err) == -1)
			die("open", &err);
		in = buf_text(&layers[n++]);
	}
	for (; n < LIMIT_CMS_DEPTH; n++) {
		buf_init(&layers[n], LIMIT_MESSAGE);
		if (peel(db, in, &layers[n]) == 0)
			break;
		in = buf_text(&layers[n]);
	}
	fwrite(in.p, 1, in.len, stdout);
	for (i = 0; i < n; i++)
		buf_wipe(&layers[i]);
	keydb_free(db);
}

static void
parse(int argc, char **argv, struct options *o)
{
	int c;

	memset(o, 0, sizeof(*o));
	while ((c = getopt(argc, argv, "k:c:r:e:a:p:P:C:t:oD")) != -1)
		switch (c) {
		case 'k':
			o->keys[o->nkeys++ % MAX_ARGS] = optarg;
			break;
		case 'c':
			o->certs[o->ncerts++ % MAX_ARGS] = optarg;
			break;
		case 'r':
			o->to[o->nto++ % MAX_ARGS] = optarg;
			break;
		case 'e':
			o->encrypt = optarg;
			break;
		case 'a':
			o->chain = optarg;
			break;
		case 'p':
			o->p12 = optarg;
			break;
		case 'P':
			o->pass = optarg;
			break;
		case 'C':
			o->cipher = optarg;
			break;
		case 't':
			o->transport = optarg;
			break;
		case 'D':
			o->der = true;
			break;
		case 'o':
			o->opaque = true;
			break;
		default:
			exit(2);
		}
	if (o->nkeys != o->ncerts || o->nto > MAX_ARGS || o->nkeys > MAX_ARGS)
		die("each -k needs its -c", NULL);
}

int
main(int argc, char **argv)
{
	struct options o;
	struct buf in;

	if (argc < 2) {
		fprintf(stderr, "usage: smime-cli sign|seal|open ...\n");
		return (2);
	}
	parse(argc - 1, argv + 1, &o);
	read_all(stdin, &in);
	if (strcmp(argv[1], "sign") == 0)
		run_sign(&o, buf_text(&in));
	else if (strcmp(argv[1], "seal") == 0)
		run_seal(&o, buf_text(&in));
	else if (strcmp(argv[1], "open") == 0)
		run_open(&o, buf_text(&in));
	else
		die("unknown subcommand", NULL);
	buf_wipe(&in);
	return (0);
}
