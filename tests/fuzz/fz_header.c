/*
 * A header and the values of its fields.  Fields tile the header, and their
 * names and values lie inside them.  Any value is an address list and a
 * Content-Type to somebody; an addr-spec that was taken is one again.
 */
#include "config.h"

#include "fuzz.h"
#include "mail/addr.h"
#include "mail/ctype.h"
#include "mail/header.h"

static void
try_addrs(struct str value, struct arena *arena)
{
	struct str *specs, *again;
	struct addr *list;
	size_t i, n, m;

	assert(addr_parse(value, arena, &list) == 0);
	if (addr_specs(value, arena, &specs, &n) < 0)
		return;
	for (i = 0; i < n; i++) {
		assert(addr_specs(specs[i], arena, &again, &m) == 0);
		assert(m == 1 && addr_same(specs[i], again[0]));
	}
}

static void
try_types(struct str value, struct arena *arena)
{
	struct str s, *langs;
	struct ctype ct;
	size_t i, n;

	assert(ctype_parse(value, arena, &ct) == 0);
	assert(!ct.valid || (ct.type.len > 0 && ct.subtype.len > 0));
	assert(ct.valid || ct.nparams == 0);
	for (i = 0; i < ct.nparams; i++)
		assert(ct.params[i].name.p != NULL &&
		       ct.params[i].value.p != NULL);
	assert(ctype_param_decoded(&ct, "name", arena, &s) == 0);
	assert(ctype_disposition(value, arena, &ct) == 0);
	assert(ctype_encoding(value, arena, &s) == 0);
	assert(ctype_languages(value, arena, &langs, &n) == 0);
}

static void
inside(struct str in, struct str out)
{
	assert(in.p >= out.p && in.p + in.len <= out.p + out.len);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = {(const char *)data, size};
	struct arena arena;
	struct header h;
	struct field f;
	size_t pos = 0;

	header_init(&h, text);
	while (header_next(&h, &f)) {
		assert(f.all.p == text.p + pos);
		assert(f.all.len > 0);
		pos += f.all.len;
		inside(f.name, f.all);
		inside(f.value, f.all);
		arena_init(&arena, 256UL * 1024 * 1024);
		try_addrs(f.value, &arena);
		try_types(f.value, &arena);
		assert(header_unfold(f.value, &arena).p != NULL);
		arena_clear(&arena);
	}
	assert(pos <= header_len(text) && header_len(text) <= size);
	return (0);
}
