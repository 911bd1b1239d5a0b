/*
 * log.h - key=value lines for people and machines.
 *
 * Only roles log.  A line is "time role level event key=value ...": the
 * caller writes "event key=value" with printf's formats.  Values from outside
 * pass through log_str() first.  No addresses or subjects above LOG_DEBUG
 * unless the conf asks ([daemon] log_addresses), no secrets ever.
 */
#ifndef WAXWING_SYS_LOG_H
#define WAXWING_SYS_LOG_H

#include "base/err.h"
#include "base/span.h"

enum log_level {
	LOG_LEVEL_ERROR,
	LOG_LEVEL_WARN,
	LOG_LEVEL_INFO,
	LOG_LEVEL_DEBUG,
	LOG_LEVEL_TRACE
};

/* role: a short word.  Lines go to standard error. */
void log_init(const char *role, enum log_level);
void log_set_level(enum log_level);
enum log_level log_get_level(void);
/* -1 if there is no such word. */
int log_level_parse(const char *, enum log_level *);

void log_at(enum log_level, const char *, ...)
    __attribute__((format(printf, 2, 3)));

#define log_error(...) log_at(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warn(...)  log_at(LOG_LEVEL_WARN, __VA_ARGS__)
#define log_info(...)  log_at(LOG_LEVEL_INFO, __VA_ARGS__)
/* The arguments of these are not even looked at when nobody listens. */
#define log_if(level, ...)                            \
	do {                                          \
		if (log_get_level() >= (level))       \
			log_at((level), __VA_ARGS__); \
	} while (0)
#define log_debug(...) log_if(LOG_LEVEL_DEBUG, __VA_ARGS__)
#define log_trace(...) log_if(LOG_LEVEL_TRACE, __VA_ARGS__)

/* Escaped (err_escape) and cut to the length of an err's text, in one of 8
 * static buffers that are used in turn: for use inside one log call. */
const char *log_str(struct str);

/* An address for the log: as it is at debug level or when log_addresses is
 * on, else "local part's length@domain" ("5@example.org"). */
const char *log_addr(struct str);
void log_addresses(bool on);

#endif
