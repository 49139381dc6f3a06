#pragma once

#include "base/arena.h"
#include "base/slice.h"

/*
 * Types and constants in DuckDB's spelling, judged without DuckDB. Exact on purpose: a text passes
 * only when DuckDB surely casts it to the type without loss. Any thread.
 */
enum type_group {
	TYPE_OTHER,
	TYPE_INTEGER,
	TYPE_DECIMAL,
	TYPE_DOUBLE, /* also FLOAT */
	TYPE_TEXT,
	TYPE_BOOLEAN,
	TYPE_DATE,
	TYPE_TIMESTAMP, /* without time zone, microseconds */
	TYPE_TIMESTAMPTZ,
	TYPE_UUID,
};

struct type_info {
	enum type_group group;
	int64_t low; /* TYPE_INTEGER: its range as far as int64_t has it */
	int64_t high;
	int width; /* TYPE_DECIMAL */
	int scale;
};

struct type_info type_of(struct slice type);

/* YYYY-MM-DD of years 0001 to 9999, as days since 1970-01-01. */
bool date_parse(struct slice text, int64_t *days_out);
/*
 * YYYY-MM-DD[ T]HH:MM[:SS[.ffffff]] or a date alone, as microseconds since 1970. zoned: an offset
 * (Z, +HH, +HH:MM) must follow and is taken off; otherwise none may.
 */
bool timestamp_parse(struct slice text, bool zoned, int64_t *us_out);
/* [-]digits[.digits] of at most 18 digits times 10^scale, when no digit is lost. */
bool decimal_parse(struct slice text, int scale, int64_t *out);
bool uuid_is_valid(struct slice text);
/* true, false, t, f */
bool boolean_parse(struct slice text, bool *out);
