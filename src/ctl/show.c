#include "config.h"

#include "ctl/show.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/err.h"

/* Certificates, sessions and enrolments tell times in seconds since 1970. */
static const char *const times[] = {"not_before", "not_after", "since",
    "retry_at", "renew_at", "released_at", "time"};

static bool
is_time(const char *key)
{
	size_t i;

	for (i = 0; i < sizeof(times) / sizeof(times[0]); i++)
		if (strcmp(times[i], key) == 0)
			return (true);
	return (false);
}

static void
show_time(json_int_t when)
{
	char text[40];
	time_t t = (time_t)when;
	struct tm tm;

	if (gmtime_r(&t, &tm) != NULL &&
	    strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm) > 0)
		(void)fputs(text, stdout);
}

static void
show_string(const char *s)
{
	char text[2000];

	err_escape(text, sizeof(text), str_c(s));
	if (text[0] == '\0' || strchr(text, ' ') != NULL)
		(void)printf("\"%s\"", text);
	else
		(void)fputs(text, stdout);
}

/* A value within a line; lists of words are joined by commas. */
static void
show_value(const char *key, const json_t *v)
{
	const json_t *e;
	size_t i;

	switch (json_typeof(v)) {
	case JSON_STRING:
		show_string(json_string_value(v));
		break;
	case JSON_INTEGER:
		if (is_time(key))
			show_time(json_integer_value(v));
		else
			(void)printf("%" JSON_INTEGER_FORMAT,
			    json_integer_value(v));
		break;
	case JSON_ARRAY:
		for (i = 0; i < json_array_size(v); i++) {
			e = json_array_get(v, i);
			if (i > 0)
				(void)putchar(',');
			if (json_is_string(e))
				show_string(json_string_value(e));
			else
				(void)putchar('?');
		}
		break;
	case JSON_TRUE:
		(void)fputs("yes", stdout);
		break;
	case JSON_FALSE:
		(void)fputs("no", stdout);
		break;
	case JSON_NULL:
		(void)putchar('-');
		break;
	case JSON_REAL:
	case JSON_OBJECT:
		(void)putchar('?');
		break;
	}
}

/* A list of things within a thing gets lines of its own. */
static bool
is_list(json_t *v)
{
	return (json_is_array(v) && (json_array_size(v) == 0 ||
	                                json_is_object(json_array_get(v, 0))));
}

/* All members on one line, but for lists of things. */
static void
show_line(json_t *o)
{
	const char *key, *sep = "";
	json_t *v;

	json_object_foreach(o, key, v)
	{
		if (json_is_null(v) || is_list(v))
			continue;
		(void)fputs(sep, stdout);
		show_string(key);
		(void)putchar('=');
		show_value(key, v);
		sep = " ";
	}
	if (*sep != '\0')
		(void)putchar('\n');
}

void
show(json_t *v)
{
	const char *key;
	json_t *e;
	size_t i, j;

	if (json_is_object(v)) {
		show_line(v);
		json_object_foreach(v, key, e)
		{
			for (i = 0; is_list(e) && i < json_array_size(e); i++) {
				show_string(key);
				(void)putchar(' ');
				show_line(json_array_get(e, i));
			}
		}
	}
	for (j = 0; j < json_array_size(v); j++) {
		e = json_array_get(v, j);
		if (json_is_object(e)) {
			show_line(e);
			continue;
		}
		show_value("", e);
		(void)putchar('\n');
	}
}
