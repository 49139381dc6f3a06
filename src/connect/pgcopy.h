#pragma once

#include "base/arena.h"
#include "base/error.h"
#include "base/slice.h"
#include "base/str.h"
#include "engine/append.h"

/*
 * Binary COPY (PostgreSQL 15, COPY, "Binary Format"; the types' send functions) into the engine.
 * Bytes are foreign: lengths are checked before they are believed. Everything here is pure but for
 * the appender.
 */
enum {
	PGCOPY_TEXT_OID = 25,
	PGCOPY_JSON_OID = 114,
	PGCOPY_MONEY_OID = 790,
	PGCOPY_NUMERIC_OID = 1700,
	PGCOPY_MAX_VALUE = 64 << 20, /* a value of this size or more is refused */
};

struct pgcopy_column {
	struct slice name;
	uint32_t oid;
};

/* The DuckDB type of the temporary table's column; NULL for a type that is not read as it is. */
const char *pgcopy_type(uint32_t oid);
/* Numbers of any size, UUIDs and arrays travel on as text (arrays as JSON). */
bool pgcopy_is_text(uint32_t oid);
/* The text of a value of such a type into out. */
bool pgcopy_print(const struct pgcopy_column *column, struct slice bytes, struct str *out,
	struct error *err) must_check;
/* Appends one value (not NULL). 22P03 naming column and type when the bytes are not one, 22008 when
 * it lies beyond what DuckDB's type holds. */
bool pgcopy_append(struct engine_appender *to, const struct pgcopy_column *column,
	struct slice bytes, struct arena *scratch, struct error *err) must_check;

/* Takes the stream's header off the front of its first message; 08P01 when it is none. */
bool pgcopy_skip_header(struct slice *message, struct error *err) must_check;

/* The fields of one row. */
struct pgcopy_row {
	struct slice left;
	size_t fields;
	bool end; /* the trailer, not a row */
};

/* 08P01 when the row has another number of fields. */
bool pgcopy_row_begin(
	struct slice message, size_t fields, struct pgcopy_row *out, struct error *err) must_check;
/* The next field; none for NULL. 08P01 when the row is cut. */
bool pgcopy_row_next(struct pgcopy_row *row, struct slice *out, struct error *err) must_check;
