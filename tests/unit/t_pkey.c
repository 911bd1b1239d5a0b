#include "config.h"

#include "smime/pkey.h"

#include <openssl/evp.h>
#include <string.h>

#include "smime/p12.h"
#include "smime_help.h"

static void
t_round(void)
{
	EVP_PKEY *pkey, *again;
	struct buf der, more;
	struct err err;

	pkey = pkey_new(&err);
	buf_init(&der, 10000);
	CHECK(pkey != NULL && pkey_put(pkey, &der, &err) == 0);
	again = pkey_get(buf_text(&der), &err);
	CHECK(EVP_PKEY_eq(pkey, again) == 1);
	EVP_PKEY_free(again);
	unit_row("cut");
	CHECK(pkey_get(str_of(der.data, der.len - 1), &err) == NULL);
	CHECK_INT(err.code, ERR_SYNTAX);
	unit_row("more behind it");
	buf_init(&more, 10000);
	buf_str(&more, buf_text(&der));
	buf_putc(&more, '0');
	CHECK(pkey_get(buf_text(&more), &err) == NULL);
	unit_row("nothing");
	CHECK(pkey_get(STR(""), &err) == NULL);
	buf_clear(&more);
	buf_wipe(&der);
	EVP_PKEY_free(pkey);
}

static void
t_p12(void)
{
	static const char *const words[] = {"secret", "gr\xc3\xbcn", " "};
	const struct key *keys[2];
	struct key *a, *b;
	struct buf file;
	struct p12 p;
	struct err err;
	size_t i;

	keys[0] = a =
	    help_make_key("RSA", "2048", "a@x.test", "keyEncipherment");
	keys[1] = b = help_make_key("EC", "P-256", "a@x.test", "keyAgreement");
	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		unit_row(words[i]);
		buf_init(&file, 100000);
		CHECK(p12_write(keys, 2, str_c(words[i]), &file, &err) == 0);
		if (CHECK(p12_read(&p, buf_text(&file), str_c(words[i]), NULL,
		              &err) == 0)) {
			CHECK_UINT(p.nkeys, 2);
			p12_clear(&p);
		}
		CHECK(p12_read(&p, buf_text(&file), STR("wrong"), NULL, &err) ==
		      -1);
		CHECK_INT(err.code, ERR_DENIED);
		buf_clear(&file);
	}
	unit_row("no passphrase");
	buf_init(&file, 100000);
	CHECK(p12_write(keys, 2, STR(""), &file, &err) == -1);
	unit_row("NUL in it");
	CHECK(p12_write(keys, 2, str_of("a\0b", 3), &file, &err) == -1);
	CHECK_UINT(file.len, 0);
	unit_row("no room");
	buf_clear(&file);
	buf_init(&file, 10);
	CHECK(p12_write(keys, 2, STR("x"), &file, &err) == -1);
	buf_clear(&file);
	key_free(a);
	key_free(b);
}

int
main(void)
{
	static const struct unit_test tests[] = {
	    {"round", t_round},
	    {"p12", t_p12},
	    {NULL, NULL},
	};

	return (unit_main("pkey", tests));
}
