#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "arrow/ipc.h"
#include "base/error.h"
#include "base/slice.h"

/*
 * pg_catalog and information_schema as PostgreSQL 15 has them, filled with what one principal may
 * see. The caller gives the visible part of the model as plain rows; nothing else can show. Pure;
 * any thread.
 */
struct pgcatalog_column {
	struct slice name;
	struct slice type; /* DuckDB spelling */
	struct slice comment;
	bool not_null;
	int key_position; /* 1, 2, … in the primary key; 0 = not part of it */
};

struct pgcatalog_table {
	struct slice schema;
	struct slice name;
	struct slice comment;
	bool is_view; /* system tables show as views */
	int64_t rows; /* estimate; -1 = unknown */
	int64_t bytes;
	const struct pgcatalog_column *columns;
	size_t column_count;
};

struct pgcatalog_schema {
	struct slice name;
	struct slice comment;
};

struct pgcatalog_setting {
	struct slice name;
	struct slice value;
};

struct pgcatalog_input {
	struct slice database;
	struct slice database_comment;
	struct slice user;
	const struct pgcatalog_schema *schemas;
	size_t schema_count;
	const struct pgcatalog_table *tables;
	size_t table_count;
	const struct pgcatalog_setting *settings; /* of the session, for pg_settings */
	size_t setting_count;
};

/* ASCII case-insensitive. schema none: is there such a relation in pg_catalog? */
bool pgcatalog_has(struct slice schema, struct slice relation);
struct pgcatalog_field {
	const char *name;
	int kind; /* enum pgcatalog_kind, see pgcatalog_type */
};

/* A column's type in DuckDB's spelling. */
const char *pgcatalog_type(const struct pgcatalog_field *field);

/* Its columns, static; NULL when there is no such relation. */
const struct pgcatalog_field *pgcatalog_columns(
	struct slice schema, struct slice relation, size_t *count_out);

/* Object identifiers by which the parts refer to each other; stable for a name, made once per
 * input. */
struct pgcatalog;
void pgcatalog_new(const struct pgcatalog_input *input, struct pgcatalog **out); /* borrows input */
void pgcatalog_free(struct pgcatalog **catalog);

/* The rows of one relation, as a table that the caller frees; 42P01 for an unknown one. */
bool pgcatalog_table(const struct pgcatalog *catalog, struct slice schema, struct slice relation,
	struct arrow_table **out, struct error *err) must_check;
