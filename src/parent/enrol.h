/*
 * enrol.h - the control commands about enrolment: they ask the agent to begin
 * something, and tell how far it is.
 */
#ifndef WAXWING_PARENT_ENROL_H
#define WAXWING_PARENT_ENROL_H

#include "parent/request.h"

void enrol_run(struct request *);
void enrol_run_renew(struct request *);
void enrol_run_status(struct request *);
void enrol_run_log(struct request *);
void enrol_run_revoke(struct request *);
void enrol_run_export(struct request *);

/*
 * What the agent's status tells, for people: an array of {"account",
 * "address", "state": "running", "waiting" (its last try failed) or "enrolled"}
 * and perhaps "step", "reason", "retry_at", "not_after" (of the signing
 * certificate), "releases" (how many entries the release log has) and
 * "released_at".  The caller's; NULL: out of memory.
 */
json_t *enrol_list(const json_t *agent_status);

/* Add to each account of q->result how far its enrolment is, and answer. */
void enrol_states(struct request *);

#endif
