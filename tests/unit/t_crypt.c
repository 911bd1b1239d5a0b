#include "config.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/codec.h"
#include "sys/crypt.h"
#include "unit.h"

/* Bytes of a hex text, in one of a few static places used in turn. */
static struct str
hex(const char *text)
{
	static char room[4][256];
	static unsigned turn;
	char *out = room[turn++ % 4];
	size_t n = strlen(text) / 2;

	if (n > sizeof(room[0]) || hex_decode(str_c(text), out, n) != 0)
		abort();
	return (str_of(out, n));
}

/* RFC 5869 appendix A, test cases 1 to 3. */
static void
test_hkdf(void)
{
	static const struct {
		const char *name, *ikm, *salt, *info, *okm;
	} rows[] = {
	    {"A.1", "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b",
	        "000102030405060708090a0b0c", "f0f1f2f3f4f5f6f7f8f9",
	        "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ec"
	        "c4c5bf34007208d5b887185865"},
	    {"A.2",
	        "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c"
	        "1d1e1f202122232425262728292a2b2c2d2e2f30313233343536373839"
	        "3a3b3c3d3e3f404142434445464748494a4b4c4d4e4f",
	        "606162636465666768696a6b6c6d6e6f707172737475767778797a7b7c"
	        "7d7e7f808182838485868788898a8b8c8d8e8f90919293949596979899"
	        "9a9b9c9d9e9fa0a1a2a3a4a5a6a7a8a9aaabacadaeaf",
	        "b0b1b2b3b4b5b6b7b8b9babbbcbdbebfc0c1c2c3c4c5c6c7c8c9cacbcc"
	        "cdcecfd0d1d2d3d4d5d6d7d8d9dadbdcdddedfe0e1e2e3e4e5e6e7e8e9"
	        "eaebecedeeeff0f1f2f3f4f5f6f7f8f9fafbfcfdfeff",
	        "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19"
	        "afa97c59045a99cac7827271cb41c65e590e09da3275600c2f09b83677"
	        "93a9aca3db71cc30c58179ec3e87c14c01d5c1f3434f1d87"},
	    {"A.3", "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", "", "",
	        "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c"
	        "738d2d9d201395faa4b61a96c8"},
	};
	uint8_t out[128];
	struct str okm;
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		unit_row(rows[i].name);
		okm = hex(rows[i].okm);
		CHECK(crypt_hkdf(hex(rows[i].ikm), hex(rows[i].salt),
		          hex(rows[i].info), out, okm.len) == 0);
		CHECK_STR_EQ(str_of((char *)out, okm.len), okm);
	}
}

/* Labels and contexts must not run into each other. */
static void
test_derive(void)
{
	struct crypt_key key, a, b;

	memset(&key, 7, sizeof(key));
	CHECK(crypt_derive(&key, "open", STR("me@example.org"), &a) == 0);
	CHECK(crypt_derive(&key, "open", STR("me@example.org"), &b) == 0);
	CHECK(crypt_equal(&a, &b, sizeof(a)));
	CHECK(crypt_derive(&key, "ope", STR("nme@example.org"), &b) == 0);
	CHECK(!crypt_equal(&a, &b, sizeof(a)));
	CHECK(crypt_derive(&key, "open", str_of("", 0), &b) == 0);
	CHECK(!crypt_equal(&a, &b, sizeof(a)));
	crypt_key_wipe(&a);
	memset(&b, 0, sizeof(b));
	CHECK(crypt_equal(&a, &b, sizeof(a)));
}

static void
test_digests(void)
{
	uint8_t out[CRYPT_DIGEST];
	struct crypt_hash *h;
	struct crypt_key key = {"Jefe"}; /* RFC 4231 4.3, padded with zeroes */

	CHECK(crypt_sha256(STR("abc"), out) == 0);
	CHECK_STR_EQ(str_of((char *)out, sizeof(out)),
	    hex("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f2001"
	        "5ad"));
	CHECK(crypt_sha256(str_of(NULL, 0), out) == 0);
	CHECK_STR_EQ(str_of((char *)out, sizeof(out)),
	    hex("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b"
	        "855"));
	CHECK((h = crypt_hash_new()) != NULL);
	CHECK(crypt_hash_put(h, "a", 1) == 0);
	CHECK(crypt_hash_put(h, "", 0) == 0);
	CHECK(crypt_hash_put(h, "bc", 2) == 0);
	CHECK(crypt_hash_end(h, out) == 0);
	CHECK_STR_EQ(str_of((char *)out, sizeof(out)),
	    hex("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f2001"
	        "5ad"));
	crypt_hash_free(crypt_hash_new());
	crypt_hash_free(NULL);
	CHECK(crypt_hmac(&key, STR("what do ya want for nothing?"), out) == 0);
	CHECK_STR_EQ(str_of((char *)out, sizeof(out)),
	    hex("5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3"
	        "843"));
}

#define GCM_KEY \
	"feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308"
#define GCM_AAD "feedfacedeadbeeffeedfacedeadbeefabaddad2"

/* The GCM specification's test case 16: nonce, ciphertext, tag. */
static void
test_gcm_vector(void)
{
	struct crypt_key key;
	struct buf out;
	struct err err;

	buf_init(&out, 60);
	memcpy(key.k, hex(GCM_KEY).p, sizeof(key.k));
	CHECK(crypt_open(&key, hex(GCM_AAD),
	          hex("cafebabefacedbaddecaf888"
	              "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd"
	              "2555d1aa8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0a"
	              "bcc9f66276fc6ece0f4e1768cddf8853bb2d551b"),
	          &out, &err) == 0);
	CHECK_BUF_EQ(&out,
	    hex("d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318"
	        "a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b3"
	        "9"));
	buf_clear(&out);
}

static void
test_seal(void)
{
	static const size_t lens[] = {0, 1, 16, 4096};
	struct buf plain, sealed, again, out;
	struct crypt_key key = {{1}}, wrong = {{2}};
	struct err err;
	size_t i, k;

	for (i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
		buf_init(&plain, 4096);
		buf_init(&sealed, 4096 + 28);
		buf_init(&again, 4096 + 28);
		buf_init(&out, 4096);
		for (k = 0; k < lens[i]; k++)
			buf_putc(&plain, (char)k);
		CHECK(crypt_seal(&key, STR("here"), buf_text(&plain), &sealed,
		          &err) == 0);
		CHECK_UINT(sealed.len, lens[i] + 28);
		CHECK(crypt_seal(&key, STR("here"), buf_text(&plain), &again,
		          &err) == 0);
		CHECK(!str_eq(buf_text(&sealed), buf_text(&again)));
		CHECK(crypt_open(&key, STR("here"), buf_text(&sealed), &out,
		          &err) == 0);
		CHECK_BUF_EQ(&out, buf_text(&plain));
		buf_reset(&out);
		CHECK(crypt_open(&key, STR("there"), buf_text(&sealed), &out,
		          &err) == -1);
		CHECK_INT(err.code, ERR_CRYPTO);
		CHECK(crypt_open(&wrong, STR("here"), buf_text(&sealed), &out,
		          &err) == -1);
		CHECK_UINT(out.len, 0);
		buf_clear(&plain);
		buf_clear(&sealed);
		buf_clear(&again);
		buf_clear(&out);
	}
}

/* No byte can be changed or cut off, and nothing comes out then. */
static void
test_tamper(void)
{
	struct crypt_key key = {{1}};
	struct buf sealed, out;
	struct err err;
	size_t i;

	buf_init(&sealed, 1000);
	buf_init(&out, 1000);
	CHECK(crypt_seal(&key, STR("aad"), STR("some plain text"), &sealed,
	          &err) == 0);
	for (i = 0; i < sealed.len; i++) {
		sealed.data[i] ^= 0x40;
		CHECK(crypt_open(&key, STR("aad"), buf_text(&sealed), &out,
		          &err) == -1);
		sealed.data[i] ^= 0x40;
		CHECK(crypt_open(&key, STR("aad"), str_of(sealed.data, i), &out,
		          &err) == -1);
		CHECK_INT(err.code, ERR_CRYPTO);
	}
	CHECK_UINT(out.len, 0);
	CHECK(crypt_open(&key, STR("aad"), buf_text(&sealed), &out, &err) == 0);
	CHECK_BUF(&out, "some plain text");
	buf_clear(&sealed);
	buf_clear(&out);

	/* a buffer that is too small is met before any work */
	buf_init(&sealed, 20);
	CHECK(crypt_seal(&key, STR(""), STR("x"), &sealed, &err) == -1);
	CHECK_INT(err.code, ERR_LIMIT);
	buf_clear(&sealed);
}

static void
test_key_file(void)
{
	static const struct {
		const char *name;
		size_t len;
		mode_t mode;
		enum err_code code;
	} rows[] = {
	    {"good", 32, 0600, ERR_OK},
	    {"read-only", 32, 0400, ERR_OK},
	    {"group", 32, 0640, ERR_DENIED},
	    {"world", 32, 0604, ERR_DENIED},
	    {"executable", 32, 0700, ERR_DENIED},
	    {"short", 31, 0600, ERR_SYNTAX},
	    {"long", 33, 0600, ERR_SYNTAX},
	    {"empty", 0, 0600, ERR_SYNTAX},
	};
	char dir[] = "t_crypt.XXXXXX", path[64], other[64];
	struct crypt_key key, again;
	struct err err;
	struct stat st;
	size_t i;
	int fd;

	CHECK(mkdtemp(dir) != NULL);
	(void)snprintf(path, sizeof(path), "%s/key", dir);
	(void)snprintf(other, sizeof(other), "%s/link", dir);
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		unit_row(rows[i].name);
		fd = open(path, O_WRONLY | O_CREAT, 0600);
		CHECK(write(fd, "0123456789012345678901234567890123456789",
		          rows[i].len) == (ssize_t)rows[i].len);
		CHECK(fchmod(fd, rows[i].mode) == 0);
		(void)close(fd);
		err.code = ERR_OK;
		CHECK(crypt_key_load(path, false, &key, &err) ==
		      (rows[i].code == ERR_OK ? 0 : -1));
		CHECK_INT(err.code, rows[i].code);
		(void)unlink(path);
	}
	unit_row("missing");
	CHECK(crypt_key_load(path, false, &key, &err) == -1);
	CHECK_INT(err.code, ERR_NOTFOUND);
	unit_row("directory");
	CHECK(crypt_key_load(dir, true, &key, &err) == -1);
	CHECK_INT(err.code, ERR_DENIED);
	unit_row("made");
	(void)umask(0);
	CHECK(crypt_key_load(path, true, &key, &err) == 0);
	CHECK(stat(path, &st) == 0 && (st.st_mode & 07777) == 0600);
	CHECK(crypt_key_load(path, true, &again, &err) == 0);
	CHECK(crypt_equal(&key, &again, sizeof(key)));
	unit_row("symbolic link");
	CHECK(symlink("key", other) == 0);
	CHECK(crypt_key_load(other, true, &again, &err) == -1);
	(void)unlink(other);
	(void)unlink(path);
	(void)rmdir(dir);
}

static const struct unit_test tests[] = {
    {"hkdf", test_hkdf},
    {"derive", test_derive},
    {"digests", test_digests},
    {"gcm vector", test_gcm_vector},
    {"seal", test_seal},
    {"tamper", test_tamper},
    {"key file", test_key_file},
    {NULL, NULL},
};

int
main(void)
{
	return (unit_main("crypt", tests));
}
