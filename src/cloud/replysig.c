#include "config.h"

#include "cloud/replysig.h"

#include <stdio.h>
#include <string.h>

#include "dkim/dkim.h"

#define TXT_LEN 4096

/* The DNS's stand-in. */
static enum dkim_key
key_of_file(const char *name, char *out, size_t size, void *arg)
{
	enum dkim_key rc = DKIM_KEY_NONE;
	char line[TXT_LEN], *text;
	FILE *f;

	if ((f = fopen(arg, "re")) == NULL)
		return (DKIM_KEY_LATER);
	while (rc == DKIM_KEY_NONE && fgets(line, sizeof(line), f) != NULL) {
		line[strcspn(line, "\r\n")] = '\0';
		text = line + strcspn(line, " \t");
		if (*text == '\0')
			continue;
		*text++ = '\0';
		if (str_ieq(str_c(line), str_c(name)) &&
		    snprintf(out, size, "%s", text) < (int)size)
			rc = DKIM_KEY_IS;
	}
	(void)fclose(f);
	return (rc);
}

int
replysig_check(struct str mail, struct str domain, const char *keys,
    struct err *err)
{
	static const char *const must[] = {"From", "Sender", "Reply-To", "To",
	    "Cc", "Subject", "Date", "In-Reply-To", "References", "Message-ID",
	    "Content-Type", "Content-Transfer-Encoding", NULL};
	struct dkim_ask ask = {.domain = domain, .must = must};
	char name[4096];

	if (keys != NULL) {
		(void)snprintf(name, sizeof(name), "%s", keys);
		ask.key = key_of_file;
		ask.arg = name;
	}
	return (dkim_check(mail, &ask, err));
}
