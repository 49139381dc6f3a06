#pragma once

#include "base/arena.h"
#include "base/error.h"
#include "base/slice.h"
#include "engine/append.h"

/*
 * One column of PostgreSQL's binary COPY (PostgreSQL 15, COPY, "Binary Format"; the types' send
 * functions) into the engine. Bytes are foreign: lengths are checked before they are believed.
 */
struct pgcopy_column {
	struct slice name;
	uint32_t oid;
};

/* The DuckDB type of the temporary table's column; NULL for a type that is not read. Arrays and
 * composite values arrive as JSON. */
const char *pgcopy_type(uint32_t oid);
/* Appends one value (not NULL). 22P03 naming column and type when the bytes are not one. */
bool pgcopy_append(struct engine_appender *to, const struct pgcopy_column *column,
	struct slice bytes, struct arena *scratch, struct error *err) must_check;
