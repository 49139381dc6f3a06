#pragma once

#include <duckdb.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/slice.h"
#include "engine/view.h"

struct engine;

/* One parameter on its way in. */
struct bind {
	struct engine *engine;
	struct arena *arena;
	size_t index;
};

struct bind_items {
	struct slice *items; /* none = NULL */
	size_t len;
	size_t cap;
};

bool bind_text_value(struct bind *bind, duckdb_type type, struct slice text, duckdb_value *out,
	struct error *err);
/* bytes are PostgreSQL's binary form of oid; the value gets the given type where they differ. */
bool bind_binary_value(struct bind *bind, uint32_t oid, duckdb_type type, struct slice bytes,
	duckdb_value *out, struct error *err);
duckdb_value bind_decimal(const struct view *view);
/* The elements of an array of one dimension. */
bool bind_split_text(
	struct bind *bind, struct slice text, struct bind_items *out, struct error *err);
bool bind_split_binary(
	struct bind *bind, struct slice bytes, struct bind_items *out, struct error *err);
