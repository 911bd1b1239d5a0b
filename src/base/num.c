#include "config.h"

#include "base/num.h"

bool
num_add(size_t a, size_t b, size_t *out)
{
	if (a > SIZE_MAX - b)
		return (false);
	*out = a + b;
	return (true);
}

bool
num_mul(size_t a, size_t b, size_t *out)
{
	if (b != 0 && a > SIZE_MAX / b)
		return (false);
	*out = a * b;
	return (true);
}

size_t
num_lead(struct str s, uint64_t max, uint64_t *out)
{
	uint64_t v = 0, digit;
	size_t i;

	for (i = 0; i < s.len && s.p[i] >= '0' && s.p[i] <= '9'; i++) {
		digit = (uint64_t)(s.p[i] - '0');
		if (v > max / 10 || digit > max - v * 10)
			return (0);
		v = v * 10 + digit;
	}
	if (i > 0)
		*out = v;
	return (i);
}

bool
num_parse(struct str s, uint64_t max, uint64_t *out)
{
	uint64_t v;

	if (s.len == 0 || num_lead(s, max, &v) != s.len)
		return (false);
	*out = v;
	return (true);
}
