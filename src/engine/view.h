#pragma once

#include <duckdb.h>

#include "engine/type.h"

/*
 * Where the values of one column of a chunk lie. Vectors of results are flat; children are those of
 * lists (all rows' items one after the other), structs and maps.
 */
struct view {
	const struct type *type;
	const void *data;
	const uint64_t *validity; /* NULL = no NULLs */
	struct view *children;	  /* as in type */
	size_t child_count;
};

/* Allocates children for type; views are filled by view_load. In the arena. */
void view_init(struct view *view, struct arena *arena, const struct type *type);
/* Points view at a vector; values stay good as long as the vector's chunk. */
void view_load(struct view *view, duckdb_vector vector);

static inline bool view_is_null(const struct view *view, size_t row)
{
	return view->validity && !(view->validity[row / 64] >> row % 64 & 1);
}

/* Text and blobs. */
static inline struct slice view_string(const struct view *view, size_t row)
{
	const duckdb_string_t *s = (const duckdb_string_t *)view->data + row;
	uint32_t len = s->value.inlined.length;
	return slice_of(len <= 12 ? s->value.inlined.inlined : s->value.pointer.ptr, len);
}

/* Items [begin, begin + len) of children[0] for a list or an array, of key and value for a map. */
struct view_items {
	size_t begin;
	size_t len;
};
struct view_items view_list(const struct view *view, size_t row);
size_t view_enum_index(const struct view *view, size_t row);
/* TIMESTAMP, _S, _MS and _NS in microseconds; infinities are +-INT64_MAX. */
int64_t view_timestamp_us(const struct view *view, size_t row);
/* Network order. */
void view_uuid_bytes(const struct view *view, size_t row, unsigned char bytes[16]);
