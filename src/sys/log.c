#include "config.h"

#include "sys/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define NSLOTS    8
#define VALUE_MAX (ERR_TEXT - 1) /* the text of an err, whole */
#define LINE_SIZE 2048

static const char *const words[] = {"error", "warn", "info", "debug", "trace"};
#define NWORDS (sizeof(words) / sizeof(words[0]))

/* A role is one process with one log; nothing else here is global. */
static char role_word[16] = "waxwing";
static enum log_level threshold = LOG_LEVEL_INFO;
static bool show_addresses;

/* The next of the buffers that log_str() and log_addr() hand out in turn. */
static char *
slot(size_t *size)
{
	static char slots[NSLOTS][VALUE_MAX + 3]; /* quotes and NUL */
	static unsigned next;

	*size = sizeof(slots[0]);
	return (slots[next++ % NSLOTS]);
}

void
log_init(const char *role, enum log_level level)
{
	(void)snprintf(role_word, sizeof(role_word), "%s", role);
	threshold = level;
}

void
log_set_level(enum log_level level)
{
	threshold = level;
}

enum log_level
log_get_level(void)
{
	return (threshold);
}

int
log_level_parse(const char *word, enum log_level *out)
{
	size_t i;

	for (i = 0; i < NWORDS; i++) {
		if (strcmp(word, words[i]) == 0) {
			*out = (enum log_level)i;
			return (0);
		}
	}
	return (-1);
}

/* "2026-11-25T21:17:34.123Z": real time, also where tests shift the clock. */
static void
stamp(char *out, size_t size)
{
	struct timespec now = {0};
	struct tm tm = {0};
	char day[32];

	(void)clock_gettime(CLOCK_REALTIME, &now);
	(void)gmtime_r(&now.tv_sec, &tm);
	(void)strftime(day, sizeof(day), "%Y-%m-%dT%H:%M:%S", &tm);
	(void)snprintf(out, size, "%s.%03ldZ", day, now.tv_nsec / 1000000);
}

void
log_at(enum log_level level, const char *fmt, ...)
{
	char line[LINE_SIZE], when[48];
	size_t i, len;
	va_list ap;
	int n;

	if (level > threshold)
		return;
	stamp(when, sizeof(when));
	n = snprintf(line, sizeof(line), "%s %s %s ", when, role_word,
	    words[level]);
	if (n < 0)
		return;
	len = (size_t)n;
	va_start(ap, fmt);
	n = vsnprintf(line + len, sizeof(line) - len - 1, fmt, ap);
	va_end(ap);
	if (n < 0)
		return;
	len = strlen(line);
	/* Whatever a caller forgot to escape cannot begin a line of its own. */
	for (i = 0; i < len; i++)
		if ((unsigned char)line[i] < ' ' || line[i] == 0x7f)
			line[i] = '?';
	line[len++] = '\n';
	/* One write a line: lines of several roles do not mix. */
	if (write(STDERR_FILENO, line, len) < 0)
		return; /* nobody is left to tell */
}

const char *
log_str(struct str s)
{
	size_t size, len, i;
	char *out = slot(&size);

	(void)err_escape(out + 1, VALUE_MAX + 1, s);
	len = strlen(out + 1);
	for (i = 1; i <= len; i++)
		if (out[i] == '"')
			out[i] = '\'';
	if (len > 0 && memchr(out + 1, ' ', len) == NULL)
		return (out + 1);
	/* a blank would look like the next key */
	out[0] = '"';
	out[len + 1] = '"';
	out[len + 2] = '\0';
	return (out);
}

const char *
log_addr(struct str addr)
{
	size_t size, at;
	char *out;

	if (show_addresses || threshold >= LOG_LEVEL_DEBUG)
		return (log_str(addr));
	for (at = addr.len; at > 0 && addr.p[at - 1] != '@'; at--)
		continue;
	out = slot(&size);
	if (at == 0)
		(void)snprintf(out, size, "%zu", addr.len);
	else
		(void)snprintf(out, size, "%zu@%s", at - 1,
		    log_str(str_of(addr.p + at, addr.len - at)));
	return (out);
}

void
log_addresses(bool on)
{
	show_addresses = on;
}
