#include "config.h"

#include "conf_source.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "unit.h"

#define BEGIN ".\\\" Begin of the reference, printed from the option table.\n"
#define END   ".\\\" End of the reference.\n"

void
conf_source_read(const char *name, struct buf *out)
{
	const char *top = getenv("srcdir");
	char path[512];
	size_t n;
	FILE *f;

	(void)snprintf(path, sizeof(path), "%s/%s", top != NULL ? top : ".",
	    name);
	f = fopen(path, "re");
	if (!CHECK(f != NULL))
		return;
	while ((n = fread(path, 1, sizeof(path), f)) > 0)
		buf_put(out, path, n);
	(void)fclose(f);
}

void
conf_source_default(const struct conf_schema *schema, const char *name)
{
	struct buf want, got;

	buf_init(&want, LIMIT_CONF_FILE);
	buf_init(&got, LIMIT_CONF_FILE);
	conf_print_default(schema, &want);
	conf_source_read(name, &got);
	CHECK_BUF_EQ(&got, buf_text(&want));
	buf_clear(&want);
	buf_clear(&got);
}

void
conf_source_manual(const struct conf_schema *schema, const char *name)
{
	char *begin, *end;
	struct buf want, got;

	buf_init(&want, LIMIT_CONF_FILE);
	buf_init(&got, LIMIT_CONF_FILE);
	conf_print_mdoc(schema, &want);
	conf_source_read(name, &got);
	buf_putc(&got, '\0');
	begin = strstr(got.data, BEGIN);
	end = strstr(got.data, END);
	if (CHECK(begin != NULL && end != NULL)) {
		begin += strlen(BEGIN);
		CHECK_STR_EQ(str_of(begin, (size_t)(end - begin)),
		    buf_text(&want));
	}
	buf_clear(&want);
	buf_clear(&got);
}

bool
conf_source_print(const struct conf_schema *schema, int argc, char **argv)
{
	struct buf out;

	if (argc != 3 || strcmp(argv[1], "--print") != 0)
		return (false);
	buf_init(&out, LIMIT_CONF_FILE);
	if (strcmp(argv[2], "default") == 0)
		conf_print_default(schema, &out);
	else
		conf_print_mdoc(schema, &out);
	(void)fwrite(out.data, 1, out.len, stdout);
	buf_clear(&out);
	return (true);
}
