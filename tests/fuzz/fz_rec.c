/* What a reader of records takes, its writer writes again byte for byte: so
 * no two spellings of a record mean the same. */
#include "config.h"

#include <assert.h>

#include "base/limits.h"
#include "fuzz.h"
#include "proto/enrol.h"
#include "proto/keys.h"
#include "proto/open.h"
#include "proto/resync.h"
#include "proto/seal.h"
#include "proto/start.h"

/* Read a record of one kind; if it holds, write it to b. */
#define KIND(name, type)                                       \
	static bool name##_again(struct str in, struct buf *b) \
	{                                                      \
		struct type r;                                 \
		struct err err;                                \
                                                               \
		if (type##_get(in, &r, &err) == -1) {          \
			assert(err.code == ERR_SYNTAX);        \
			return (false);                        \
		}                                              \
		type##_put(b, &r);                             \
		return (true);                                 \
	}                                                      \
	_Static_assert(true, "takes the semicolon")

KIND(start, start_req);
KIND(peer, peer_req);
KIND(listen, listen_req);
KIND(open_q, open_req);
KIND(open_a, open_ans);
KIND(lookup_q, lookup_req);
KIND(lookup_a, lookup_ans);
KIND(sender_q, sender_req);
KIND(sender_a, sender_ans);
KIND(seal_q, seal_req);
KIND(seal_a, seal_ans);
KIND(import, key_import_req);
KIND(arrived, key_arrived);
KIND(verify, verify_req);
KIND(account_seen, account_seen);
KIND(challenge_find_req, challenge_find_req);
KIND(challenge_find_ans, challenge_find_ans);
KIND(challenge_check_req, challenge_check_req);
KIND(challenge_check_ans, challenge_check_ans);
KIND(reply_submit_req, reply_submit_req);
KIND(challenge_remove_req, challenge_remove_req);
KIND(jws_req, jws_req);
KIND(jws_ans, jws_ans);
KIND(digest_req, digest_req);
KIND(take_req, take_req);
KIND(enrol_req, enrol_req);
KIND(resync_q, resync_req);
KIND(approve, approve_req);

/* A list of certificates: as many as are well-formed. */
static bool
certs_again(struct str in, struct buf *b)
{
	struct cert_rec c;
	struct err err;
	struct rec r;
	int rc;

	rec_init(&r, in);
	while ((rc = cert_rec_get(&r, &c, &err)) == 1)
		cert_rec_put(b, &c);
	return (rc == 0);
}

static bool (*const kinds[])(struct str, struct buf *) = {start_again,
    peer_again, listen_again, open_q_again, open_a_again, lookup_q_again,
    lookup_a_again, sender_q_again, sender_a_again, seal_q_again, seal_a_again,
    import_again, arrived_again, verify_again, certs_again, account_seen_again,
    challenge_find_req_again, challenge_find_ans_again,
    challenge_check_req_again, challenge_check_ans_again,
    reply_submit_req_again, challenge_remove_req_again, jws_req_again,
    jws_ans_again, digest_req_again, take_req_again, enrol_req_again,
    resync_q_again, approve_again};

#define NKINDS (sizeof(kinds) / sizeof(kinds[0]))

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str in;
	struct buf b;

	if (size == 0)
		return (0);
	in = str_of((const char *)data + 1, size - 1);
	buf_init(&b, 10 * LIMIT_RECORD);
	if (kinds[data[0] % NKINDS](in, &b)) {
		assert(!b.failed);
		assert(str_eq(buf_text(&b), in));
	}
	buf_clear(&b);
	return (0);
}
