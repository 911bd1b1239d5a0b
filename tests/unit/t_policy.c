#include "config.h"

#include "unit.h"

#include <stdio.h>
#include <string.h>

#include "policy/policy.h"

/* Add "PATTERN encrypt sign mixed cipher", "-" for not said. */
static void
add(struct policy *p, const char *text)
{
	struct policy_rule r = {ENCRYPT_UNSAID, SIGN_UNSAID, MIXED_UNSAID,
	    CIPHER_UNSAID};
	char pattern[80], w[4][20];

	CHECK(sscanf(text, "%79s %19s %19s %19s %19s", pattern, w[0], w[1],
	          w[2], w[3]) == 5);
	(void)policy_encrypt_word(str_c(w[0]), &r.encrypt);
	(void)policy_sign_word(str_c(w[1]), &r.sign);
	(void)policy_mixed_word(str_c(w[2]), &r.mixed);
	(void)policy_cipher_word(str_c(w[3]), &r.cipher);
	CHECK(policy_add(p, str_c(pattern), r, NULL) == 0);
}

static void
t_patterns(void)
{
	static const struct {
		const char *address;
		enum policy_encrypt want;
	} t[] = {
	    {"joe@b.example", ENCRYPT_OFF},
	    {"JOE@B.EXAMPLE", ENCRYPT_OFF},
	    {"jo@b.example", ENCRYPT_REQUIRED},
	    {"x@a.b.example", ENCRYPT_OPPORTUNISTIC},
	    {"x@c.a.b.example", ENCRYPT_OPPORTUNISTIC},
	    {"x@c.example", ENCRYPT_REQUIRED},
	    {"x@example", ENCRYPT_OFF},
	    {"x@other.test", ENCRYPT_OFF},
	    {"\"x@b.example\"@other.test", ENCRYPT_OFF},
	};
	static const char *const bad[] = {"", "@", "joe", "*@", "joe@", "*@*",
	    "*@*.", "*@.a", "*@a.", "j*@a", "*@a*.b", "*@*.*.b", "*@b.example",
	    "joe@a..b", "*@B.Example"};
	struct policy_rule none = {ENCRYPT_OFF, SIGN_UNSAID, MIXED_UNSAID,
	    CIPHER_UNSAID};
	struct policy *p = policy_new();
	struct err err;
	size_t i;

	add(p, "* off always - -");
	add(p, "*@*.example required never - -");
	add(p, "*@*.b.example opportunistic - - -");
	add(p, "*@b.example required - refuse -");
	add(p, "Joe@B.example off - - -");
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++)
		CHECK(
		    policy_lookup(p, str_c(t[i].address)).encrypt == t[i].want);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		CHECK(policy_add(p, str_c(bad[i]), none, &err) == -1);
	/* What a pattern leaves unsaid comes from the next wider one. */
	CHECK(policy_lookup(p, STR("joe@b.example")).mixed == MIXED_REFUSE);
	CHECK(policy_lookup(p, STR("joe@b.example")).sign == SIGN_NEVER);
	CHECK(policy_lookup(p, STR("joe@x.test")).sign == SIGN_ALWAYS);
	CHECK(policy_lookup(p, STR("joe@x.test")).cipher == CIPHER_AUTO);
	policy_free(p);
}

/*
 * Recipients in one word each: address, then flags.  u usable, n none, f
 * failed; r recent; v visible; g reads GCM.  sender: f owns From, s signs, e
 * encrypts, l did lately, g reads GCM.  want: groups as "0,1:sign+cbc 2:clear",
 * or refusals as "550 0 451 1", -1 for the whole mail.
 */
static const struct {
	const char *name;
	const char *rules[4];
	const char *sender;
	const char *rcpts[6];
	const char *want;
} plans[] = {
    {"no rule, nothing known", {NULL}, "fseg", {"a@x nv", NULL}, "0:clear"},
    {"usable", {NULL}, "fseg", {"a@x uv", NULL}, "0:sign+cbc"},
    {"split", {NULL}, "fseg", {"a@x nv", "b@x uv", "c@x nv", "d@x uv", NULL},
        "1,3:sign+cbc 0,2:clear"},
    {"hidden ones apart", {NULL}, "fseg",
        {"a@x uv", "b@x u", "c@x uv", "d@x u", "e@x n", NULL},
        "0,2:sign+cbc 1:sign+cbc 3:sign+cbc 4:clear"},
    {"gcm when all read it", {NULL}, "fseg", {"a@x uvg", "b@x uvg", NULL},
        "0,1:sign+gcm"},
    {"one reads only cbc", {NULL}, "fseg", {"a@x uvg", "b@x uv", NULL},
        "0,1:sign+cbc"},
    {"the sender reads only cbc", {NULL}, "fse", {"a@x uvg", NULL},
        "0:sign+cbc"},
    {"a hidden one has its own cipher", {NULL}, "fseg",
        {"a@x uv", "b@x ug", NULL}, "0:sign+cbc 1:sign+gcm"},
    {"forced gcm beside cbc", {"a@x - - - gcm", NULL}, "fseg",
        {"a@x uv", "b@x uv", NULL}, "0:sign+gcm 1:sign+cbc"},
    {"forced gcm with those who can", {"a@x - - - gcm", NULL}, "fseg",
        {"a@x uv", "b@x uvg", NULL}, "0,1:sign+gcm"},
    {"forced cbc", {"* - - - cbc", NULL}, "fseg", {"a@x uvg", NULL},
        "0:sign+cbc"},
    {"off", {"* off - - -", NULL}, "fseg", {"a@x uv", "b@x f", NULL},
        "0,1:clear"},
    {"the sender's lapsed", {NULL}, "fsl", {"a@x nv", "b@x uv", NULL}, "451 1"},
    {"lapsed and required", {"* required - - -", NULL}, "fl", {"a@x uv", NULL},
        "451 0"},
    {"lapsed and off", {"* off - - -", NULL}, "fl", {"a@x uv", NULL},
        "0:clear"},
    {"lapsed, but nobody to seal to", {NULL}, "fl", {"a@x nv", NULL},
        "0:clear"},
    {"off needs no keys", {"* off - - -", NULL}, "", {"a@x fvr", NULL},
        "0:clear"},
    {"required and none", {"* required - - -", NULL}, "fseg",
        {"a@x uv", "b@x nv", NULL}, "550 1"},
    {"required and failed", {"* required - - -", NULL}, "fseg",
        {"a@x fv", NULL}, "451 0"},
    {"required, sender without certificate", {"* required - - -", NULL}, "fs",
        {"a@x uv", NULL}, "451 0"},
    {"required, sender without signing key", {"* required - - -", NULL}, "fe",
        {"a@x uv", NULL}, "451 0"},
    {"a failed look-up never means clear", {NULL}, "fseg", {"a@x fv", NULL},
        "451 0"},
    {"gone within 180 days", {NULL}, "fseg", {"a@x nvr", NULL}, "451 0"},
    {"every refusal is told", {"*@r required - - -", NULL}, "fseg",
        {"a@r nv", "b@x nvr", "c@x nv", NULL}, "550 0 451 1"},
    {"sender not enrolled", {NULL}, "f", {"a@x uv", NULL}, "0:clear"},
    {"From is not the account's", {NULL}, "seg", {"a@x uv", NULL}, "0:cbc"},
    {"sign = never", {"* - never - -", NULL}, "fe", {"a@x uv", NULL}, "0:cbc"},
    {"sign = always", {"* - always - -", NULL}, "fseg",
        {"a@x nv", "b@x n", NULL}, "0,1:sign+clear"},
    {"sign = always without a key", {"* - always - -", NULL}, "f",
        {"a@x nv", NULL}, "451 0"},
    {"sign = always, foreign From", {"* - always - -", NULL}, "",
        {"a@x nv", NULL}, "0:clear"},
    {"different signing", {"a@x - never - -", NULL}, "fseg",
        {"a@x uv", "b@x uv", NULL}, "0:cbc 1:sign+cbc"},
    {"mixed = refuse", {"* - - refuse -", NULL}, "fseg",
        {"a@x uv", "b@x nv", "c@x n", NULL}, "550 1 550 2"},
    {"mixed = refuse, all clear", {"* - - refuse -", NULL}, "fseg",
        {"a@x nv", "b@x nv", NULL}, "0,1:clear"},
    {"mixed = refuse counts for all", {"a@x - - refuse -", NULL}, "fseg",
        {"a@x uv", "b@x nv", NULL}, "550 1"},
};

static struct policy_rcpt
rcpt_of(const char *text)
{
	struct policy_rcpt r = {.address = {text, strcspn(text, " ")}};
	const char *flags = text + r.address.len;

	r.cert = strchr(flags, 'u') != NULL   ? CERT_USABLE
	         : strchr(flags, 'f') != NULL ? CERT_FAILED
	                                      : CERT_NONE;
	r.recent = strchr(flags, 'r') != NULL;
	r.visible = strchr(flags, 'v') != NULL;
	r.gcm = strchr(flags, 'g') != NULL;
	return (r);
}

static void
print_group(const struct policy_group *g, struct buf *out)
{
	size_t i;

	for (i = 0; i < g->n; i++)
		buf_printf(out, "%s%zu", i > 0 ? "," : "", g->rcpts[i]);
	buf_printf(out, ":%s%s", g->sign ? "sign+" : "",
	    !g->encrypt               ? "clear"
	    : g->cipher == CIPHER_GCM ? "gcm"
	                              : "cbc");
	CHECK((g->permit == NULL) == g->encrypt);
	for (i = 0; i < g->n; i++)
		CHECK(permit_covers(g->permit, g->rcpts[i]) == !g->encrypt);
	CHECK(!permit_covers(g->permit, 99));
}

static void
print_plan(const struct policy_plan *plan, struct buf *out)
{
	size_t i;

	for (i = 0; i < plan->ngroups; i++) {
		buf_puts(out, i > 0 ? " " : "");
		print_group(&plan->groups[i], out);
	}
	for (i = 0; i < plan->nrefusals; i++)
		buf_printf(out, "%s%u %d", i > 0 ? " " : "",
		    plan->refusals[i].code, (int)plan->refusals[i].rcpt);
	if (plan->nrefusals > 0)
		CHECK(plan->ngroups == 0);
	buf_putc(out, '\0');
}

static void
t_plans(void)
{
	struct policy_rcpt rcpts[6];
	struct policy_sender sender = {.enrolling = false};
	struct policy_plan plan;
	struct policy *p;
	struct arena arena;
	struct buf out;
	const char *s;
	size_t i, n;

	for (i = 0; i < sizeof(plans) / sizeof(plans[0]); i++) {
		unit_row(plans[i].name);
		p = policy_new();
		for (n = 0; plans[i].rules[n] != NULL; n++)
			add(p, plans[i].rules[n]);
		s = plans[i].sender;
		sender.owns_from = strchr(s, 'f') != NULL;
		sender.can_sign = strchr(s, 's') != NULL;
		sender.can_encrypt = strchr(s, 'e') != NULL;
		sender.lapsed = strchr(s, 'l') != NULL;
		sender.gcm = strchr(s, 'g') != NULL;
		for (n = 0; plans[i].rcpts[n] != NULL; n++)
			rcpts[n] = rcpt_of(plans[i].rcpts[n]);
		arena_init(&arena, 100000);
		buf_init(&out, 1000);
		CHECK(policy_plan(p, &sender, rcpts, n, &arena, &plan) == 0);
		print_plan(&plan, &out);
		CHECK_CSTR(out.data, plans[i].want);
		buf_clear(&out);
		arena_clear(&arena);
		policy_free(p);
	}
}

static void
t_too_many(void)
{
	struct policy_sender sender = {true, true, true, false, true, false};
	struct policy_rcpt rcpts[21];
	struct policy_plan plan;
	struct policy *p = policy_new();
	struct arena arena;
	size_t i;

	for (i = 0; i < 21; i++)
		rcpts[i] = rcpt_of("a@x u");
	arena_init(&arena, 100000);
	CHECK(policy_plan(p, &sender, rcpts, 20, &arena, &plan) == 0);
	CHECK(plan.ngroups == 20);
	CHECK(policy_plan(p, &sender, rcpts, 21, &arena, &plan) == 0);
	CHECK(plan.ngroups == 0);
	CHECK(plan.nrefusals == 1);
	CHECK(plan.refusals[0].code == 554);
	CHECK(plan.refusals[0].rcpt == POLICY_ALL);
	arena_clear(&arena);
	policy_free(p);
}

static void
t_at_rcpt(void)
{
	static const struct {
		const char *rcpt;
		unsigned code; /* 0: not refused yet */
		const char *text;
	} t[] = {
	    {"a@r n", 550,
	        "5.7.10 <a@r>: no usable certificate, and encryption is "
	        "required"},
	    {"a@r f", 451,
	        "4.7.5 <a@r>: the certificate could not be looked up, try "
	        "again"},
	    {"a@r u", 0, NULL},
	    {"a@x n", 0, NULL},
	    {"a@x f", 0, NULL},
	    {"a@x nr", 0, NULL},
	};
	const struct policy_refusal *no;
	struct policy *p = policy_new();
	struct policy_rcpt rcpt;
	struct arena arena;
	size_t i;

	add(p, "*@r required - - -");
	arena_init(&arena, 100000);
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		rcpt = rcpt_of(t[i].rcpt);
		no = policy_refuse_rcpt(p, &rcpt, &arena);
		CHECK((no == NULL) == (t[i].code == 0));
		if (no == NULL)
			continue;
		CHECK(no->code == t[i].code);
		CHECK_CSTR(no->text, t[i].text);
	}
	arena_clear(&arena);
	policy_free(p);
}

int
main(void)
{
	static const struct unit_test tests[] = {
	    {"patterns", t_patterns},
	    {"plans", t_plans},
	    {"too many groups", t_too_many},
	    {"refused at RCPT", t_at_rcpt},
	    {NULL, NULL},
	};

	return (unit_main("t_policy", tests));
}
