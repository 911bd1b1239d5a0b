#include "config.h"

#include "proxy/rules.h"

#include <stdio.h>
#include <string.h>

#include "base/limits.h"

/* The value of a key of [policy PATTERN], or "" if it is not said there: then
 * a wider pattern may say it, so defaults do not count. */
static struct str
said(const struct conf *conf, const char *section, const char *key)
{
	return (conf_is_set(conf, section, key)
	            ? str_c(conf_str(conf, section, key))
	            : STR(""));
}

static int
add_rule(struct policy *policy, const struct conf *conf, const char *pattern,
    struct err *err)
{
	struct policy_rule rule;
	char section[LIMIT_ADDRESS + 16];

	(void)snprintf(section, sizeof(section), "policy %s", pattern);
	/* What is no word of the vocabulary is not said. */
	(void)policy_encrypt_word(said(conf, section, "encrypt"),
	    &rule.encrypt);
	(void)policy_sign_word(said(conf, section, "sign"), &rule.sign);
	(void)policy_mixed_word(said(conf, section, "mixed"), &rule.mixed);
	(void)policy_cipher_word(said(conf, section, "cipher"), &rule.cipher);
	return (policy_add(policy, str_c(pattern), rule, err));
}

struct policy *
rules_read(const struct conf *conf, struct err *err)
{
	struct policy *policy;
	const char *pattern;
	size_t pos = 0;

	if ((policy = policy_new()) == NULL) {
		err_set(err, ERR_MEMORY, "out of memory");
		return (NULL);
	}
	while ((pattern = conf_next(conf, "policy", &pos)) != NULL)
		if (add_rule(policy, conf, pattern, err) == -1) {
			policy_free(policy);
			return (NULL);
		}
	return (policy);
}

/* The rule for the account's own address; false if it cannot be told. */
static bool
rule_for(const struct conf *conf, struct str login, struct policy_rule *rule)
{
	struct policy *policy;
	struct err err;

	if ((policy = rules_read(conf, &err)) == NULL)
		return (false);
	*rule = policy_lookup(policy, login);
	policy_free(policy);
	return (true);
}

bool
rules_require(const struct conf *conf, struct str login)
{
	struct policy_rule rule;

	return (
	    !rule_for(conf, login, &rule) || rule.encrypt == ENCRYPT_REQUIRED);
}

bool
rules_self_gcm(const struct conf *conf, struct str login)
{
	struct policy_rule rule;

	return (!rule_for(conf, login, &rule) || rule.cipher != CIPHER_CBC);
}

enum rules_sent
rules_sent(const struct conf *conf, struct str login)
{
	char section[LIMIT_ADDRESS + 16];
	const char *word;

	(void)snprintf(section, sizeof(section), "account %.*s", (int)login.len,
	    login.p);
	word = conf_str(conf, section, "sent");
	if (word != NULL && strcmp(word, "as-sent") == 0)
		return (SENT_AS_SENT);
	if (word != NULL && strcmp(word, "suppress") == 0)
		return (SENT_SUPPRESS);
	return (SENT_SEALED);
}
