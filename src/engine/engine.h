#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/slice.h"

/*
 * One DuckDB instance with one connection; no other folder includes duckdb.h. One thread at a time,
 * except engine_interrupt. Errors are DuckDB's, mapped to SQLSTATE and cleaned: one line, no file
 * paths, no suggestions (docs/security.md). A query that ends with XX000 leaves the instance
 * unusable: end the process.
 */
struct engine;

struct engine_options {
	int threads;	       /* 0 = 1; with 1 no thread is started, so that fork is safe */
	uint64_t memory_bytes; /* DuckDB's own limit, 0 = its default; RLIMIT_AS is the real one */
	const char *spill_dir; /* NULL = never spills */
	uint64_t spill_bytes;  /* 0 = no limit */
	const char *time_zone; /* NULL = UTC */
};

/* An in-memory database with Weft's dialect (postgres null order, integer division), no extension
 * loading. */
bool engine_open(
	const struct engine_options *options, struct engine **out, struct error *err) must_check;
void engine_close(struct engine **engine);
/* Changes threads, memory, spill and time zone of an open instance (after a fork, before
 * engine_lock). */
bool engine_set_options(
	struct engine *engine, const struct engine_options *options, struct error *err) must_check;
/* External access only to these files and folders from now on, configuration locked. Cannot be
 * undone. */
bool engine_lock(struct engine *engine, const struct slice *files, size_t file_count,
	const struct slice *dirs, size_t dir_count, struct error *err) must_check;
/* Ends the running statement with 57014. From any thread and from signal handlers. */
void engine_interrupt(struct engine *engine);

/* Every statement of sql, results dropped. */
bool engine_run(struct engine *engine, struct slice sql, struct error *err) must_check;

struct engine_column {
	struct slice name;
	struct slice type; /* DuckDB's spelling: "DECIMAL(12,2)", "INTEGER[]" */
	uint32_t oid;	   /* PostgreSQL type, see engine/pgtype.h */
	int32_t typmod;
	int16_t size;
};

/* A prepared statement. Ends before its engine. */
struct engine_statement;

/* sql must be exactly one statement. */
bool engine_prepare(struct engine *engine, struct slice sql, struct engine_statement **out,
	struct error *err) must_check;
/*
 * For a statement without parameters that gives few rows: runs it at once. The first engine_execute
 * hands its rows out, later ones run it again; rows are kept in memory, not streamed. A statement
 * over files is planned whenever it runs, so that this saves what engine_prepare plans in vain.
 */
bool engine_run_small(struct engine *engine, struct slice sql, struct engine_statement **out,
	struct error *err) must_check;
void engine_statement_free(struct engine_statement **statement);
/* Borrowed until engine_statement_free. */
const struct engine_column *engine_statement_columns(
	const struct engine_statement *statement, size_t *count_out);
/* A statement over PostgreSQL's catalogue: UINTEGER shows as oid, USMALLINT[] as int2vector,
 * UBIGINT[] as oidvector. */
void engine_statement_show_catalogue(struct engine_statement *statement);
/* Other names for its columns, where there is one for each; copied. */
void engine_statement_name_columns(
	struct engine_statement *statement, const struct slice *names, size_t count);
size_t engine_statement_param_count(const struct engine_statement *statement);
/* PostgreSQL type of parameter index (from 0), 0 when DuckDB cannot tell. */
uint32_t engine_statement_param_oid(const struct engine_statement *statement, size_t index);
/* false: the types of its columns hang on parameters that the engine cannot tell; cast those in the
 * text (engine_type_of_oid) and prepare again. */
bool engine_statement_is_settled(const struct engine_statement *statement);
/* DuckDB's spelling for a PostgreSQL type that parameters may have; VARCHAR for others. */
struct slice engine_type_of_oid(struct arena *arena, uint32_t oid);
/* Binds index (from 0). format 0 = text, 1 = binary as PostgreSQL has it for oid; none = NULL. */
bool engine_bind(struct engine_statement *statement, size_t index, uint32_t oid, int format,
	struct slice value, struct error *err) must_check;

/* Rows, chunk by chunk. Ends before its statement; one open result per engine. */
struct engine_result;

/* Starts it; rows are made as they are read. */
bool engine_execute(struct engine_statement *statement, struct engine_result **out,
	struct error *err) must_check;
/* Prepare and execute; the result owns the statement. */
bool engine_query(struct engine *engine, struct slice sql, struct engine_result **out,
	struct error *err) must_check;
void engine_result_free(struct engine_result **result);
const struct engine_column *engine_result_columns(
	const struct engine_result *result, size_t *count_out);
/* The next chunk; *rows_out 0 = the end. Values of the chunk before are gone. */
bool engine_result_next(
	struct engine_result *result, size_t *rows_out, struct error *err) must_check;

/* Values of the current chunk; row and column from 0. */
/* Any integer, boolean, date (days) or timestamp (µs); other types and NULL give fallback. */
int64_t engine_value_i64(
	const struct engine_result *result, size_t column, size_t row, int64_t fallback);
/* Any type, as PostgreSQL prints it; none = NULL. Lives in the arena. */
struct slice engine_value_text(
	const struct engine_result *result, struct arena *arena, size_t column, size_t row);
