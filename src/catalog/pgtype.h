#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

/*
 * The PostgreSQL type as which a DuckDB type goes over the wire: the same answers as the encoders
 * of the engine give (engine/type.c), from the type's spelling alone, for catalogues. Static rows;
 * any thread.
 */
struct pgtype_row {
	uint32_t oid;
	const char *name;
	int16_t length; /* -1 = varying */
	bool by_value;
	char kind; /* b base, p pseudo, r range, m multirange */
	char category;
	bool preferred;
	uint32_t element; /* 0 = no array */
	uint32_t array;
	char alignment;
	char storage;
	const char *display; /* format_type's */
};

extern const struct pgtype_row pgtype_rows[];
extern const size_t pgtype_row_count;

struct pgtype {
	const struct pgtype_row *row;
	int32_t typmod; /* -1 = none */
};

/* "DECIMAL(12,2)" gives numeric with its typmod; nested types give json; unknown ones text. */
struct pgtype pgtype_of(struct slice duckdb_type);
/* NULL when unknown. */
const struct pgtype_row *pgtype_find(uint32_t oid);
