#include "base/slice.h"

#include <errno.h>
#include <stdlib.h>

#include "base/num.h"

static unsigned char lower(char c)
{
	unsigned char u = (unsigned char)c;

	return u >= 'A' && u <= 'Z' ? (unsigned char)(u + 32) : u;
}

static bool is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

bool slice_equal(struct slice a, struct slice b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

bool slice_equal_c(struct slice a, const char *b)
{
	return slice_equal(a, slice_from_c(b));
}

bool slice_in(const struct slice *items, size_t count, struct slice s)
{
	for (size_t i = 0; i < count; i++)
		if (slice_equal(items[i], s))
			return true;
	return false;
}

bool slice_equal_nocase(struct slice a, struct slice b)
{
	if (a.len != b.len)
		return false;
	for (size_t i = 0; i < a.len; i++)
		if (lower(a.ptr[i]) != lower(b.ptr[i]))
			return false;
	return true;
}

int slice_compare(struct slice a, struct slice b)
{
	size_t common = min_of(a.len, b.len);
	int order = common ? memcmp(a.ptr, b.ptr, common) : 0;

	if (order)
		return order;
	return a.len < b.len ? -1 : a.len > b.len;
}

bool slice_starts_with(struct slice s, struct slice prefix)
{
	return s.len >= prefix.len && slice_equal(slice_of(s.ptr, prefix.len), prefix);
}

bool slice_ends_with(struct slice s, struct slice suffix)
{
	return s.len >= suffix.len &&
	       slice_equal(slice_of(s.ptr + (s.len - suffix.len), suffix.len), suffix);
}

size_t slice_find(struct slice s, struct slice needle, size_t from)
{
	if (from > s.len)
		return SIZE_MAX;
	if (needle.len == 0)
		return from;
	if (s.len - from < needle.len)
		return SIZE_MAX;
	const char *hit = memmem(s.ptr + from, s.len - from, needle.ptr, needle.len);
	return hit ? (size_t)(hit - s.ptr) : SIZE_MAX;
}

struct slice slice_sub(struct slice s, size_t from, size_t to)
{
	to = min_of(to, s.len);
	from = min_of(from, to);
	return slice_of(s.ptr + from, to - from);
}

struct slice slice_trim(struct slice s)
{
	while (s.len && is_space(s.ptr[0])) {
		s.ptr++;
		s.len--;
	}
	while (s.len && is_space(s.ptr[s.len - 1]))
		s.len--;
	return s;
}

struct slice slice_split(struct slice *rest, char sep)
{
	struct slice all = *rest;
	const char *hit = all.len ? memchr(all.ptr, sep, all.len) : NULL;

	if (!hit) {
		*rest = SLICE_NONE;
		return all;
	}
	size_t at = (size_t)(hit - all.ptr);
	*rest = slice_of(hit + 1, all.len - at - 1);
	return slice_of(all.ptr, at);
}

struct slice slice_folder(struct slice path)
{
	size_t at = path.len;
	while (at > 0 && path.ptr[at - 1] != '/')
		at--;
	return slice_sub(path, 0, at ? at - 1 : 0);
}

bool slice_to_u64(struct slice s, uint64_t *out)
{
	uint64_t value = 0;

	if (s.len == 0)
		return false;
	for (size_t i = 0; i < s.len; i++) {
		if (s.ptr[i] < '0' || s.ptr[i] > '9')
			return false;
		if (!checked_mul(value, 10u, &value) ||
			!checked_add(value, (uint64_t)(s.ptr[i] - '0'), &value))
			return false;
	}
	*out = value;
	return true;
}

bool slice_to_i64(struct slice s, int64_t *out)
{
	bool negative = s.len && s.ptr[0] == '-';
	uint64_t value;

	if (negative)
		s = slice_sub(s, 1, s.len);
	if (!slice_to_u64(s, &value) || value > (uint64_t)INT64_MAX + (negative ? 1u : 0u))
		return false;
	*out = negative ? (int64_t)(0 - value) : (int64_t)value;
	return true;
}

bool slice_to_double(struct slice s, double *out)
{
	char text[64];
	char *end;

	if (s.len == 0 || s.len >= sizeof text || is_space(s.ptr[0]))
		return false;
	memcpy(text, s.ptr, s.len);
	text[s.len] = 0;
	errno = 0;
	double value = strtod(text, &end);
	if (*end || errno == ERANGE)
		return false;
	*out = value;
	return true;
}

/* Length of the valid sequence at s[at], 0 when it is not one. RFC 3629 section 4. */
static size_t utf8_sequence(struct slice s, size_t at)
{
	const unsigned char *p = (const unsigned char *)s.ptr + at;
	size_t left = s.len - at;
	size_t len = p[0] < 0x80       ? 1
		     : p[0] >> 5 == 6  ? 2
		     : p[0] >> 4 == 14 ? 3
		     : p[0] >> 3 == 30 ? 4
				       : 0;

	if (len == 0 || len > left)
		return 0;
	for (size_t i = 1; i < len; i++)
		if (p[i] >> 6 != 2)
			return 0;
	if ((len == 2 && p[0] < 0xc2) || (len == 3 && p[0] == 0xe0 && p[1] < 0xa0) ||
		(len == 3 && p[0] == 0xed && p[1] > 0x9f) ||
		(len == 4 && p[0] == 0xf0 && p[1] < 0x90) ||
		(len == 4 && (p[0] > 0xf4 || (p[0] == 0xf4 && p[1] > 0x8f))))
		return 0;
	return len;
}

bool slice_is_utf8(struct slice s)
{
	for (size_t at = 0; at < s.len;) {
		size_t len = utf8_sequence(s, at);

		if (len == 0)
			return false;
		at += len;
	}
	return true;
}

size_t slice_distance(struct slice a, struct slice b, size_t limit)
{
	size_t row[65];

	if (a.len > 64 || b.len > 64 || max_of(a.len, b.len) - min_of(a.len, b.len) > limit)
		return limit + 1;
	for (size_t j = 0; j <= b.len; j++)
		row[j] = j;
	for (size_t i = 1; i <= a.len; i++) {
		size_t diagonal = row[0];

		row[0] = i;
		for (size_t j = 1; j <= b.len; j++) {
			size_t above = row[j];
			size_t change = diagonal + (lower(a.ptr[i - 1]) != lower(b.ptr[j - 1]));

			row[j] = min_of(change, min_of(above, row[j - 1]) + 1);
			diagonal = above;
		}
	}
	return min_of(row[b.len], limit + 1);
}
