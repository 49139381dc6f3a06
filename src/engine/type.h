#pragma once

#include <duckdb.h>

#include "base/arena.h"
#include "base/slice.h"

/*
 * A DuckDB type as plain data, read once per statement, so that no encoder asks DuckDB per value.
 * In an arena.
 */
struct type {
	duckdb_type id;
	duckdb_type
		storage; /* how values lie in memory: DECIMAL and ENUM have an integer type here */
	uint8_t width;	 /* DECIMAL */
	uint8_t scale;
	bool json;	       /* VARCHAR with the alias JSON */
	bool vector;	       /* int2vector, oidvector: numbers with blanks between */
	struct slice spelling; /* "DECIMAL(12,2)[]" */
	struct slice *labels;  /* ENUM */
	size_t label_count;
	struct type **children;	   /* LIST, ARRAY: 1; MAP: key, value; STRUCT, UNION: the members */
	struct slice *child_names; /* STRUCT, UNION */
	size_t child_count;
	size_t array_size; /* ARRAY */
	/* PostgreSQL's view of it */
	uint32_t oid;
	int32_t typmod;
	int16_t size;
};

/* In catalogue statements UINTEGER stands for oid, UHUGEINT for regproc, USMALLINT[] for
 * int2vector, UBIGINT[] for oidvector: changes PostgreSQL's view of a type to that. */
void type_show_catalogue(struct type *type);
/* Borrows logical. */
struct type *type_read(struct arena *arena, duckdb_logical_type logical);
