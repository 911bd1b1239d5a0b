#include "config.h"

#include <string.h>

#include "acme/object.h"
#include "unit.h"

static void
t_json(void)
{
	static const struct {
		const char *name, *text;
		enum err_code code;
	} rows[] = {
	    {"good", " {\"a\":[1,{\"b\":null}]} ", ERR_OK},
	    {"brackets in a string", "{\"a\":\"[[[[[[[[[[\\\"[[{{\"}", ERR_OK},
	    {"as deep as may be", "{\"a\":[[[[[[[1]]]]]]]}", ERR_OK},
	    {"too deep", "{\"a\":[[[[[[[[1]]]]]]]]}", ERR_LIMIT},
	    {"deep and open", "{[{[{[{[{[{[{[{[{[{[{[", ERR_LIMIT},
	    {"member twice", "{\"a\":1,\"a\":2}", ERR_SYNTAX},
	    {"no object", "[1]", ERR_SYNTAX},
	    {"truncated", "{\"a\":1", ERR_SYNTAX},
	    {"more behind", "{}{}", ERR_SYNTAX},
	    {"NUL", "{\"a\":\"\\u0000\"}", ERR_SYNTAX},
	    {"not UTF-8", "{\"a\":\"\377\"}", ERR_SYNTAX},
	};
	struct err err;
	json_t *v;
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		unit_row(rows[i].name);
		memset(&err, 0, sizeof(err));
		v = acme_json(str_c(rows[i].text), 100, &err);
		CHECK((v != NULL) == (rows[i].code == ERR_OK));
		CHECK_INT(err.code, rows[i].code);
		json_decref(v);
	}
	unit_row("too long");
	CHECK(acme_json(STR("{\"a\":1}"), 6, &err) == NULL);
	CHECK_INT(err.code, ERR_LIMIT);
}

#define DIRECTORY                                  \
	"\"newNonce\":\"https://ca.test/nonce\","  \
	"\"newAccount\":\"https://ca.test/acct\"," \
	"\"newOrder\":\"https://ca.test/order\""

static void
t_directory(void)
{
	static const struct {
		const char *name, *text;
	} bad[] = {
	    {"empty", "{}"},
	    {"not a string", "{" DIRECTORY ",\"keyChange\":1}"},
	    {"blank in a URL", "{" DIRECTORY ",\"keyChange\":\"https://a b\"}"},
	    {"line end", "{" DIRECTORY ",\"keyChange\":\"https://a\\nb\"}"},
	    {"not ASCII", "{" DIRECTORY ",\"keyChange\":\"https://\303\274\"}"},
	    {"empty URL", "{" DIRECTORY ",\"keyChange\":\"\"}"},
	};
	struct acme_directory d;
	struct arena arena;
	struct err err;
	size_t i;

	arena_init(&arena, 10000);
	CHECK_INT(acme_directory_get(
	              STR("{" DIRECTORY ",\"meta\":{\"x\":1},"
	                  "\"waxwingKeys\":\"https://ca.test/keys\","
	                  "\"waxwingSearch\":\"https://ca.test/search\"}"),
	              &arena, &d, NULL),
	    0);
	CHECK_STR(d.new_nonce, "https://ca.test/nonce");
	CHECK_STR(d.new_account, "https://ca.test/acct");
	CHECK_STR(d.new_order, "https://ca.test/order");
	CHECK_STR(d.kms_keys, "https://ca.test/keys");
	CHECK_STR(d.search, "https://ca.test/search");
	CHECK_STR(d.kms_log, "");
	CHECK_STR(d.revoke_cert, "");
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		unit_row(bad[i].name);
		CHECK_INT(
		    acme_directory_get(str_c(bad[i].text), &arena, &d, &err),
		    -1);
		CHECK_INT(err.code, ERR_SYNTAX);
	}
	arena_clear(&arena);
}

#define ID "{\"type\":\"email\",\"value\":\"a@x.test\"}"

static void
t_order(void)
{
	static const struct {
		const char *name, *text;
		enum err_code code;
	} bad[] = {
	    {"unknown status",
	        "{\"status\":\"good\",\"identifiers\":[" ID
	        "],\"authorizations\":[\"https://c/z\"],\"finalize\":"
	        "\"https://c/f\"}",
	        ERR_SYNTAX},
	    {"no address",
	        "{\"status\":\"valid\",\"identifiers\":[],\"authorizations\":"
	        "[\"https://c/z\"],\"finalize\":\"https://c/f\"}",
	        ERR_SYNTAX},
	    {"two addresses",
	        "{\"status\":\"valid\",\"identifiers\":[" ID "," ID
	        "],\"authorizations\":[\"https://c/z\"],\"finalize\":"
	        "\"https://c/f\"}",
	        ERR_LIMIT},
	    {"a domain",
	        "{\"status\":\"valid\",\"identifiers\":[{\"type\":\"dns\","
	        "\"value\":\"x.test\"}],\"authorizations\":[\"https://c/z\"],"
	        "\"finalize\":\"https://c/f\"}",
	        ERR_UNSUPPORTED},
	    {"authorization no string",
	        "{\"status\":\"valid\",\"identifiers\":[" ID
	        "],\"authorizations\":[1],\"finalize\":\"https://c/f\"}",
	        ERR_SYNTAX},
	    {"no finalize",
	        "{\"status\":\"valid\",\"identifiers\":[" ID
	        "],\"authorizations\":[\"https://c/z\"]}",
	        ERR_SYNTAX},
	    {"error no object",
	        "{\"status\":\"invalid\",\"identifiers\":[" ID
	        "],\"authorizations\":[\"https://c/z\"],\"finalize\":"
	        "\"https://c/f\",\"error\":1}",
	        ERR_SYNTAX},
	};
	struct acme_order o;
	struct arena arena;
	struct err err;
	size_t i;

	arena_init(&arena, 10000);
	CHECK_INT(
	    acme_order_get(
	        STR("{\"status\":\"invalid\",\"identifiers\":[" ID
	            "],\"authorizations\":[\"https://c/z\"],\"finalize\":"
	            "\"https://c/f\",\"expires\":\"x\",\"error\":{\"type\":"
	            "\"urn:ietf:params:acme:error:badCSR\",\"detail\":"
	            "\"a\\nb\"}}"),
	        &arena, &o, NULL),
	    0);
	CHECK_INT(o.status, ACME_INVALID);
	CHECK_STR(o.identifier, "a@x.test");
	CHECK_STR(o.authorization, "https://c/z");
	CHECK_STR(o.finalize, "https://c/f");
	CHECK_STR(o.certificate, "");
	CHECK_STR(o.problem, "badCSR: a\\x0ab");
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		unit_row(bad[i].name);
		CHECK_INT(acme_order_get(str_c(bad[i].text), &arena, &o, &err),
		    -1);
		CHECK_INT(err.code, bad[i].code);
	}
	arena_clear(&arena);
}

#define CHALLENGE(type, token)                                              \
	"{\"type\":\"" type "\",\"url\":\"https://c/h\",\"token\":\"" token \
	"\",\"from\":\"ca@c.test\",\"status\":\"pending\"}"
#define AUTHZ(challenges)                            \
	"{\"status\":\"pending\",\"identifier\":" ID \
	",\"challenges\":[" challenges "]}"

static void
t_authz(void)
{
	static const struct {
		const char *name, *text;
		enum err_code code;
	} rows[] = {
	    {"one", AUTHZ(CHALLENGE("email-reply-00", "dG9rZW4")), ERR_OK},
	    {"beside another",
	        AUTHZ(
	            "{\"type\":\"x\"}," CHALLENGE("email-reply-00", "dG9rZW4")),
	        ERR_OK},
	    {"none", AUTHZ(""), ERR_UNSUPPORTED},
	    {"only others", AUTHZ(CHALLENGE("dns-01", "dG9rZW4")),
	        ERR_UNSUPPORTED},
	    {"two",
	        AUTHZ(CHALLENGE("email-reply-00",
	            "dG9rZW4") "," CHALLENGE("email-reply-00", "AAAA")),
	        ERR_UNSUPPORTED},
	    {"token with a line end",
	        AUTHZ(CHALLENGE("email-reply-00", "dG9\\r\\nrZW4")),
	        ERR_SYNTAX},
	    {"empty token", AUTHZ(CHALLENGE("email-reply-00", "")), ERR_SYNTAX},
	    {"no identifier", "{\"status\":\"pending\",\"challenges\":[]}",
	        ERR_SYNTAX},
	};
	struct acme_authz z;
	struct arena arena;
	struct err err;
	size_t i;

	arena_init(&arena, 100000);
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		unit_row(rows[i].name);
		memset(&err, 0, sizeof(err));
		CHECK_INT(acme_authz_get(str_c(rows[i].text), &arena, &z, &err),
		    rows[i].code == ERR_OK ? 0 : -1);
		CHECK_INT(err.code, rows[i].code);
		if (err.code != ERR_OK)
			continue;
		CHECK_INT(z.status, ACME_PENDING);
		CHECK_STR(z.identifier, "a@x.test");
		CHECK_STR(z.challenge, "https://c/h");
		CHECK_STR(z.token2, "dG9rZW4");
		CHECK_STR(z.from, "ca@c.test");
		CHECK_INT(z.challenge_status, ACME_PENDING);
	}
	arena_clear(&arena);
}

static void
t_problem(void)
{
	static const struct {
		const char *text, *type, *detail;
	} rows[] = {
	    {"{}", "about:blank", ""},
	    {"{\"type\":\"urn:ietf:params:acme:error:badNonce\","
	     "\"detail\":\"again\",\"status\":400}",
	        "badNonce", "again"},
	    {"{\"type\":\"urn:x\"}", "urn:x", ""},
	};
	struct acme_problem p;
	struct arena arena;
	size_t i;

	arena_init(&arena, 10000);
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		unit_row(rows[i].text);
		CHECK_INT(
		    acme_problem_get(str_c(rows[i].text), &arena, &p, NULL), 0);
		CHECK_STR(p.type, rows[i].type);
		CHECK_STR(p.detail, rows[i].detail);
	}
	unit_row("bad");
	CHECK_INT(acme_problem_get(STR("<html>"), &arena, &p, NULL), -1);
	CHECK_INT(acme_problem_get(STR("{\"type\":[]}"), &arena, &p, NULL), -1);
	arena_clear(&arena);
}

static void
t_status(void)
{
	enum acme_status s, got;

	for (s = ACME_PENDING; s <= ACME_REVOKED; s++) {
		unit_row(acme_status_word(s));
		CHECK_INT(acme_status_parse(str_c(acme_status_word(s)), &got),
		    0);
		CHECK_INT(got, s);
	}
	unit_row("Valid");
	CHECK_INT(acme_status_parse(STR("Valid"), &got), -1);
}

static void
t_origin(void)
{
	static const struct {
		const char *url, *base;
		bool same;
	} rows[] = {
	    {"https://ca.test/x", "https://ca.test/directory", true},
	    {"HTTPS://CA.test:443/x", "https://ca.test", true},
	    {"https://ca.test:/x", "https://ca.test", true},
	    {"https://ca.test?x", "https://ca.test/", true},
	    {"https://[::1]:8443/x", "https://[::1]:8443/", true},
	    {"https://ca.test:8443/x", "https://ca.test/", false},
	    {"http://ca.test/x", "https://ca.test/", false},
	    {"http://ca.test/x", "http://ca.test/", false},
	    {"https://ca.test.evil/x", "https://ca.test/", false},
	    {"https://ca.test@evil/x", "https://ca.test/", false},
	    {"https://evil#@ca.test/x", "https://ca.test/", false},
	    {"https://evil\\@ca.test/x", "https://ca.test/", false},
	    {"https://ca.test:1:2/x", "https://ca.test:1/", false},
	    {"https://ca.test:a@evil/x", "https://ca.test/", false},
	    {"https://ca.test evil/x", "https://ca.test/", false},
	    {"https://[::1/x", "https://[::1/", false},
	    {"https:///x", "https:///", false},
	    {"/x", "https://ca.test/", false},
	    {"", "", false},
	};
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		unit_row(rows[i].url);
		CHECK(acme_same_origin(str_c(rows[i].url),
		          str_c(rows[i].base)) == rows[i].same);
	}
}

int
main(void)
{
	static const struct unit_test tests[] = {
	    {"json", t_json},
	    {"directory", t_directory},
	    {"order", t_order},
	    {"authz", t_authz},
	    {"problem", t_problem},
	    {"status", t_status},
	    {"origin", t_origin},
	    {NULL, NULL},
	};

	return (unit_main("t_object", tests));
}
