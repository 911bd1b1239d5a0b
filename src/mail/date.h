/*
 * date.h - the Date field (RFC 5322 section 3.3, with its obsolete forms), and
 * the calendar.
 */
#ifndef WAXWING_MAIL_DATE_H
#define WAXWING_MAIL_DATE_H

#include <stdint.h>

#include "base/span.h"

/*
 * Read a date-time: *utc in seconds since 1970, *zone the minutes that its
 * clock was ahead.  False where Dovecot sees no date; an unknown zone is
 * taken for UTC, as it does.
 */
bool date_parse(struct str value, int64_t *utc, int *zone);

/*
 * When a message was sent, by the first Date of its header.  A missing or bad
 * one is 1970-01-01 00:00 UTC (and *utc 0).  As Dovecot keeps 32 bits, dates
 * before 1970 and from 2106 on come out somewhere between.
 */
void date_sent(struct str header, uint32_t *utc, int *zone);

/* The month whose name begins with these three letters, 1 to 12, or 0. */
int date_month(struct str);

/* Days from 1970-01-01 to a day of the years 0 to 9999.  False if the month
 * has no such day. */
bool date_days(int64_t year, int month, int64_t day, int64_t *out);

/* The day for SENTBEFORE, SENTON, SENTSINCE: since 1970-01-01, without
 * regard to the zone (RFC 3501 6.4.4). */
int64_t date_day(uint32_t utc, int zone);

#endif
