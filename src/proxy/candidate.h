/*
 * candidate.h - in which order mails are looked at that may be the challenge.
 *
 * Anybody can send mails that look like one, so the first is not always right.
 * The newest comes first; then those that arrived since, from the oldest on;
 * then the older ones.  So all that was looked at is one stretch of UIDs,
 * however many there are, and none is looked at twice.
 */
#ifndef WAXWING_PROXY_CANDIDATE_H
#define WAXWING_PROXY_CANDIDATE_H

#include <stdint.h>

/* UIDs that were looked at; 0, 0: none. */
struct candidate_span {
	uint32_t low, high;
};

/* The one of two UIDs that comes first, or 0 if there is none; 0 is no UID. */
uint32_t candidate_first(struct candidate_span, uint32_t, uint32_t);

#endif
