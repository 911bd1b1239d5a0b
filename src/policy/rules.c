/*
 * rules.c - rules by recipient pattern.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/map.h"
#include "policy/policy.h"

/*
 * Patterns are kept in one map under these keys: "joe@example.org",
 * "@example.org" for *@example.org, ".example.org" for *@*.example.org and
 * "*".  None can be mistaken for another.
 */
struct policy {
	struct map *rules; /* owned, and its values are */
};

struct policy *
policy_new(void)
{
	struct policy *p;

	if ((p = calloc(1, sizeof(*p))) == NULL)
		return (NULL);
	if ((p->rules = map_new(free)) == NULL) {
		free(p);
		return (NULL);
	}
	return (p);
}

void
policy_free(struct policy *p)
{
	if (p == NULL)
		return;
	map_free(p->rules);
	free(p);
}

static struct str
from(struct str s, size_t at)
{
	return (str_of(s.p + at, s.len - at));
}

/* Where the domain begins: after the last "@", since a quoted local part may
 * hold others.  0 without one. */
static size_t
domain_at(struct str s)
{
	size_t i;

	for (i = s.len; i > 0; i--)
		if (s.p[i - 1] == '@')
			return (i);
	return (0);
}

static bool
is_name(struct str s)
{
	size_t i;

	if (s.len == 0 || s.p[0] == '.' || s.p[s.len - 1] == '.')
		return (false);
	for (i = 0; i < s.len; i++)
		if (s.p[i] <= 0x20 || s.p[i] > 0x7e || s.p[i] == '*' ||
		    (s.p[i] == '.' && s.p[i - 1] == '.'))
			return (false);
	return (true);
}

/* The key of a pattern; len 0 if it is none. */
static struct str
pattern_key(struct str pattern)
{
	size_t at = domain_at(pattern);
	struct str domain = from(pattern, at), none = STR("");

	if (str_eq(pattern, STR("*")))
		return (pattern);
	if (at < 2 || pattern.len > LIMIT_ADDRESS)
		return (none);
	if (!str_eq(str_of(pattern.p, at), STR("*@"))) {
		if (memchr(pattern.p, '*', at) != NULL)
			return (none);
		return (is_name(domain) ? pattern : none);
	}
	if (is_name(domain))
		return (from(pattern, at - 1));
	if (str_istarts(domain, STR("*.")) && is_name(from(domain, 2)))
		return (from(domain, 1));
	return (none);
}

/* Lower-case into a buffer that is big enough for every address. */
static struct str
lower(struct str s, char out[LIMIT_ADDRESS])
{
	size_t i;

	if (s.len > LIMIT_ADDRESS)
		s.len = LIMIT_ADDRESS;
	for (i = 0; i < s.len; i++)
		out[i] = ascii_lower(s.p[i]);
	return (str_of(out, s.len));
}

int
policy_add(struct policy *p, struct str pattern, struct policy_rule rule,
    struct err *err)
{
	char text[LIMIT_ADDRESS], shown[100];
	struct policy_rule *copy;
	struct str key = pattern_key(pattern);

	if (key.len == 0) {
		err_set(err, ERR_SYNTAX,
		    "\"%s\" is not an address, *@domain, *@*.domain or *",
		    err_escape(shown, sizeof(shown), pattern));
		return (-1);
	}
	key = lower(key, text);
	if (map_get(p->rules, key) != NULL) {
		err_set(err, ERR_SYNTAX, "pattern \"%s\" is there twice",
		    err_escape(shown, sizeof(shown), pattern));
		return (-1);
	}
	if ((copy = malloc(sizeof(*copy))) != NULL) {
		*copy = rule;
		if (map_put(p->rules, key, copy) == 0)
			return (0);
	}
	free(copy);
	err_set(err, ERR_MEMORY, "out of memory");
	return (-1);
}

/* Fill what is not said yet. */
static void
merge(struct policy_rule *to, const struct policy_rule *more)
{
	if (more == NULL)
		return;
	if (to->encrypt == ENCRYPT_UNSAID)
		to->encrypt = more->encrypt;
	if (to->sign == SIGN_UNSAID)
		to->sign = more->sign;
	if (to->mixed == MIXED_UNSAID)
		to->mixed = more->mixed;
	if (to->cipher == CIPHER_UNSAID)
		to->cipher = more->cipher;
}

struct policy_rule
policy_lookup(const struct policy *p, struct str address)
{
	static const struct policy_rule builtin = {ENCRYPT_OPPORTUNISTIC,
	    SIGN_ENCRYPTED, MIXED_SPLIT, CIPHER_AUTO};
	char text[LIMIT_ADDRESS];
	struct policy_rule rule = {ENCRYPT_UNSAID, SIGN_UNSAID, MIXED_UNSAID,
	    CIPHER_UNSAID};
	struct str a = lower(address, text);
	size_t i, at = domain_at(a);

	if (at > 0) {
		merge(&rule, map_get(p->rules, a));
		merge(&rule, map_get(p->rules, from(a, at - 1)));
		/* From left to right the parent domains get shorter. */
		for (i = at; i < a.len; i++)
			if (a.p[i] == '.')
				merge(&rule, map_get(p->rules, from(a, i)));
	}
	merge(&rule, map_get(p->rules, STR("*")));
	merge(&rule, &builtin);
	return (rule);
}

/* The place of a word in a list that starts with value 1, or 0. */
static unsigned
word_in(struct str s, const char *const *words, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (str_ieq(s, str_c(words[i])))
			return ((unsigned)i + 1);
	return (0);
}

int
policy_encrypt_word(struct str s, enum policy_encrypt *out)
{
	static const char *const words[] = {"off", "opportunistic", "required"};

	*out = (enum policy_encrypt)word_in(s, words, 3);
	return (*out == ENCRYPT_UNSAID ? -1 : 0);
}

int
policy_sign_word(struct str s, enum policy_sign *out)
{
	static const char *const words[] = {"encrypted", "always", "never"};

	*out = (enum policy_sign)word_in(s, words, 3);
	return (*out == SIGN_UNSAID ? -1 : 0);
}

int
policy_mixed_word(struct str s, enum policy_mixed *out)
{
	static const char *const words[] = {"split", "refuse"};

	*out = (enum policy_mixed)word_in(s, words, 2);
	return (*out == MIXED_UNSAID ? -1 : 0);
}

int
policy_cipher_word(struct str s, enum policy_cipher *out)
{
	static const char *const words[] = {"auto", "cbc", "gcm"};

	*out = (enum policy_cipher)word_in(s, words, 3);
	return (*out == CIPHER_UNSAID ? -1 : 0);
}
