#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/attrs.h"

/*
 * Borrowed bytes: a pointer and a length, passed by value, not NUL-terminated. The bytes live as
 * long as their owner (an arena, a buffer, a literal); a slice never owns. {NULL, 0} is "absent",
 * {"", 0} is "empty".
 */
struct slice {
	const char *ptr;
	size_t len;
};

#define SLICE(literal) ((struct slice){"" literal, sizeof(literal) - 1})
#define SLICE_NONE ((struct slice){NULL, 0})

/* For printf: "%.*s", SLICE_FMT(s). Lengths over INT_MAX are cut. */
#define SLICE_FMT(s) (int)((s).len > 0x7fffffff ? 0x7fffffff : (s).len), (s).ptr ? (s).ptr : ""

static inline struct slice slice_of(const char *ptr, size_t len)
{
	return (struct slice){ptr, len};
}

/* NULL gives SLICE_NONE. */
static inline struct slice slice_from_c(const char *text)
{
	return (struct slice){text, text ? strlen(text) : 0};
}

static inline bool slice_is_none(struct slice s)
{
	return s.ptr == NULL;
}

bool slice_equal(struct slice a, struct slice b);
bool slice_equal_c(struct slice a, const char *b);
/* Whether one of the items is equal to it. */
bool slice_in(const struct slice *items, size_t count, struct slice s);
/* ASCII case-insensitive, other bytes exact: DuckDB's and SQL's identifier rule. */
bool slice_equal_nocase(struct slice a, struct slice b);
/* memcmp order, shorter first on a common prefix. */
int slice_compare(struct slice a, struct slice b);
bool slice_starts_with(struct slice s, struct slice prefix);
bool slice_ends_with(struct slice s, struct slice suffix);
/* Position of needle at or after from, or SIZE_MAX. */
size_t slice_find(struct slice s, struct slice needle, size_t from);
/* Bytes [from, to), clamped to the slice. */
struct slice slice_sub(struct slice s, size_t from, size_t to);
/* Without leading and trailing ASCII white space. */
struct slice slice_trim(struct slice s);
/* Cuts *rest at the first sep: returns the part before it; *rest becomes what follows, or none. */
struct slice slice_split(struct slice *rest, char sep);
/* "a/b" of "a/b/c", empty without a slash. */
struct slice slice_folder(struct slice path);

/* Whole slice as a decimal integer, no spaces, no overflow; *out written on success only. */
bool slice_to_i64(struct slice s, int64_t *out) must_check;
bool slice_to_u64(struct slice s, uint64_t *out) must_check;
bool slice_to_double(struct slice s, double *out) must_check;

/* Strict UTF-8 (no surrogates, no overlong forms), RFC 3629; NUL bytes count as valid. */
bool slice_is_utf8(struct slice s);
/* Edit distance with an upper limit: returns limit + 1 when it is larger. For "did you mean". */
size_t slice_distance(struct slice a, struct slice b, size_t limit);
