#pragma once

#include <duckdb.h>

#include "base/arena.h"
#include "base/map.h"
#include "base/slice.h"
#include "engine/crew.h"
#include "engine/engine.h"
#include "engine/type.h"
#include "engine/view.h"

struct engine {
	duckdb_database db;
	struct crew *crew;
	duckdb_connection conn;
	struct arena *arena;
	struct map barriers; /* functions registered by barrier.c, by name */
	struct map sources;  /* what barrier.c knows of files, by their read_parquet() */
	unsigned char pseudonym_key[16];
};

struct engine_statement {
	struct engine *engine;
	struct arena *arena;
	duckdb_prepared_statement prepared; /* NULL for one of engine_run_small */
	duckdb_result first;		    /* of engine_run_small, until it is asked for */
	bool has_first;
	char *text; /* what was prepared, for positions in errors */
	struct engine_column *columns;
	struct view *views; /* one per column; a statement has one open result at a time */
	size_t column_count;
	size_t param_count;
	bool catalogue; /* types are shown as type_show_catalogue says */
	const struct slice *names;
	size_t name_count; /* 0 = the engine's names */
};

struct engine_result {
	struct engine_statement *statement; /* the crew helps from its start to its end */
	bool owns_statement;
	duckdb_result result;
	duckdb_data_chunk chunk; /* NULL before the first and after the last */
	struct view *views;	 /* one per column, of the current chunk */
};

/* duckdb_query with the crew's help; false: the result has the error, it is the caller's anyway. */
bool engine_query_text(struct engine *engine, const char *text, duckdb_result *result);
/* DuckDB's text into our error: class to SQLSTATE, first line only, position from its "LINE n:"
 * excerpt within statement (none = no position). */
bool engine_error(
	duckdb_error_type type, const char *message, struct slice statement, struct error *err);
/* For places where DuckDB gives a text without its class: taken from "Binder Error: …". */
bool engine_error_text(const char *message, struct slice statement, struct error *err);
