/* One instance: opening, limits, locking. statement.c runs things in it. */
#include "engine/engine.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/str.h"
#include "engine/dialect.h"
#include "engine/engine-private.h"

/* Set at open; nothing of it may change later (engine_lock). */
static const char *const fixed_settings[][2] = {
	{"autoinstall_known_extensions", "false"},
	{"autoload_known_extensions", "false"},
	{"default_null_order", "postgres"},
	{"integer_division", "true"},
	/* The barrier relies on the first (docs/security.md), its speed on the second. */
	{"disabled_optimizers", "top_n_window_elimination"},
	{"preserve_insertion_order", "false"},
	{"max_expression_depth", "250"},
	{"parquet_metadata_cache", "true"},
	{"allow_community_extensions", "false"},
};

bool engine_query_text(struct engine *engine, const char *text, duckdb_result *result)
{
	crew_begin(engine->crew);
	bool ok = duckdb_query(engine->conn, text, result) == DuckDBSuccess;
	crew_end(engine->crew);
	return ok;
}

bool engine_run(struct engine *engine, struct slice sql, struct error *err)
{
	scoped(arena_free) struct arena *arena = arena_new();
	duckdb_result result;
	bool ok = engine_query_text(engine, arena_cstr(arena, sql), &result);
	if (!ok)
		engine_error(
			duckdb_result_error_type(&result), duckdb_result_error(&result), sql, err);
	duckdb_destroy_result(&result);
	return ok;
}

static bool open_database(struct engine *engine, struct error *err)
{
	duckdb_config config;
	check(duckdb_create_config(&config) == DuckDBSuccess);
	check(duckdb_set_config(config, "threads", "1") == DuckDBSuccess);
	char *text = NULL;
	bool ok = duckdb_open_ext(NULL, &engine->db, config, &text) == DuckDBSuccess;
	if (!ok)
		engine_error_text(text, SLICE_NONE, err);
	duckdb_free(text);
	duckdb_destroy_config(&config);
	if (ok && duckdb_connect(engine->db, &engine->conn) != DuckDBSuccess)
		ok = error_set(err, INTERNAL_ERROR, "the engine gave no connection");
	return ok;
}

static bool set(struct engine *engine, const char *name, struct slice value, struct error *err)
{
	scoped(arena_free) struct arena *arena = arena_new();
	struct str sql = str_in(arena);
	str_printf(&sql, "SET GLOBAL %s = ", name);
	str_add_sql_literal(&sql, value);
	return engine_run(engine, str_slice(&sql), err) || error_wrap(err, "setting %s", name);
}

/* All of DuckDB's threads are ours: the calling one and the crew. */
static bool set_threads(struct engine *engine, int threads, struct error *err)
{
	char number[16];
	snprintf(number, sizeof number, "%d", threads);
	crew_stop(&engine->crew);
	return set(engine, "external_threads", SLICE("1"), err) &&
	       set(engine, "threads", slice_from_c(number), err) &&
	       set(engine, "external_threads", slice_from_c(number), err) &&
	       crew_start(engine->db, threads - 1, &engine->crew, err);
}

bool engine_set_options(
	struct engine *engine, const struct engine_options *options, struct error *err)
{
	char number[32];
	const char *zone = options->time_zone ? options->time_zone : "UTC";
	if (!set_threads(engine, options->threads > 0 ? options->threads : 1, err) ||
		!set(engine, "TimeZone", slice_from_c(zone), err))
		return false;
	snprintf(number, sizeof number, "%lluB", (unsigned long long)options->memory_bytes);
	if (options->memory_bytes && !set(engine, "memory_limit", slice_from_c(number), err))
		return false;
	const char *spill = options->spill_dir ? options->spill_dir : "";
	if (!set(engine, "temp_directory", slice_from_c(spill), err))
		return false;
	snprintf(number, sizeof number, "%lluB", (unsigned long long)options->spill_bytes);
	return !options->spill_bytes ||
	       set(engine, "max_temp_directory_size", slice_from_c(number), err);
}

bool engine_open(const struct engine_options *options, struct engine **out, struct error *err)
{
	scoped(engine_close) struct engine *engine = calloc(1, sizeof *engine);
	check(engine);
	engine->arena = arena_new();
	engine->barriers = map_in(engine->arena);
	engine->sources = map_in(engine->arena);
	if (!open_database(engine, err))
		return false;
	for (size_t i = 0; i < array_len(fixed_settings); i++)
		if (!set(engine, fixed_settings[i][0], slice_from_c(fixed_settings[i][1]), err))
			return false;
	if (!engine_set_options(engine, options, err) || !dialect_register(engine, err))
		return false;
	*out = take(engine);
	return true;
}

void engine_close(struct engine **engine)
{
	if (!*engine)
		return;
	crew_stop(&(*engine)->crew);
	duckdb_disconnect(&(*engine)->conn);
	duckdb_close(&(*engine)->db);
	arena_free(&(*engine)->arena);
	free(*engine);
	*engine = NULL;
}

static void add_list(struct str *sql, const char *name, const struct slice *paths, size_t count)
{
	str_printf(sql, "SET GLOBAL %s = [", name);
	for (size_t i = 0; i < count; i++) {
		str_add_c(sql, i ? ", " : "");
		str_add_sql_literal(sql, paths[i]);
	}
	str_add_c(sql, "];");
}

bool engine_lock(struct engine *engine, const struct slice *files, size_t file_count,
	const struct slice *dirs, size_t dir_count, struct error *err)
{
	scoped(arena_free) struct arena *arena = arena_new();
	struct str sql = str_in(arena);
	add_list(&sql, "allowed_paths", files, file_count);
	add_list(&sql, "allowed_directories", dirs, dir_count);
	str_add_c(&sql, "SET GLOBAL enable_external_access = false;");
	str_add_c(&sql, "SET GLOBAL lock_configuration = true;");
	return engine_run(engine, str_slice(&sql), err);
}

void engine_interrupt(struct engine *engine)
{
	duckdb_interrupt(engine->conn);
}
