/* Whatever a name server sends: a text is no longer than the packet that it
 * came in, and the same packet answers no other question. */
#include "config.h"

#include <assert.h>

#include "base/limits.h"
#include "fuzz.h"
#include "sys/dnstxt.h"

#define ID 0x1234

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str packet = str_of((const char *)data, size);
	struct buf out, other;
	struct err err;
	bool good;

	buf_init(&out, LIMIT_RECORD);
	buf_init(&other, LIMIT_RECORD);
	good = dnstxt_answer(packet, ID, STR("s1._domainkey.x.test"), &out,
	           &err) == 0;
	assert(good || err.code != ERR_OK);
	assert(out.len <= size);
	assert(!good || dnstxt_answer(packet, ID + 1,
	                    STR("s1._domainkey.x.test"), &other, &err) == -1);
	assert(!good || dnstxt_answer(packet, ID, STR("s2._domainkey.x.test"),
	                    &other, &err) == -1);
	assert(other.len == 0);
	buf_clear(&out);
	buf_clear(&other);
	return (0);
}
