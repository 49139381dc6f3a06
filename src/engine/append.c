/* Filling tables; see append.h. */
#include "engine/append.h"

#include <stdlib.h>

#include "arrow/abi.h"
#include "base/check.h"
#include "engine/engine-private.h"

struct engine_appender {
	struct engine *engine;
	struct arena *arena;
	duckdb_appender appender;
	duckdb_arrow_converted_schema schema; /* of the batches, made with the first */
	bool failed;
};

static bool fail(struct engine_appender *a, struct error *err)
{
	duckdb_error_data data = duckdb_appender_error_data(a->appender);
	engine_error(duckdb_error_data_error_type(data), duckdb_error_data_message(data),
		SLICE_NONE, err);
	duckdb_destroy_error_data(&data);
	return false;
}

bool engine_append_open(struct engine *engine, struct slice catalog, struct slice schema,
	struct slice table, struct engine_appender **out, struct error *err)
{
	scoped(engine_append_free) struct engine_appender *a = calloc(1, sizeof *a);
	check(a);
	a->engine = engine;
	a->arena = arena_new();
	const char *catalog_name = slice_is_none(catalog) ? NULL : arena_cstr(a->arena, catalog);
	const char *schema_name = slice_is_none(schema) ? NULL : arena_cstr(a->arena, schema);
	if (duckdb_appender_create_ext(engine->conn, catalog_name, schema_name,
		    arena_cstr(a->arena, table), &a->appender) != DuckDBSuccess)
		return fail(a, err);
	*out = take(a);
	return true;
}

static void note(struct engine_appender *a, duckdb_state state)
{
	a->failed |= state != DuckDBSuccess;
}

void engine_append_null(struct engine_appender *appender)
{
	note(appender, duckdb_append_null(appender->appender));
}

void engine_append_bool(struct engine_appender *appender, bool value)
{
	note(appender, duckdb_append_bool(appender->appender, value));
}

void engine_append_i64(struct engine_appender *appender, int64_t value)
{
	note(appender, duckdb_append_int64(appender->appender, value));
}

void engine_append_double(struct engine_appender *appender, double value)
{
	note(appender, duckdb_append_double(appender->appender, value));
}

void engine_append_date(struct engine_appender *appender, int32_t days)
{
	note(appender, duckdb_append_date(appender->appender, (duckdb_date){days}));
}

void engine_append_time(struct engine_appender *appender, int64_t us)
{
	note(appender, duckdb_append_time(appender->appender, (duckdb_time){us}));
}

void engine_append_timestamp(struct engine_appender *appender, int64_t us)
{
	note(appender, duckdb_append_timestamp(appender->appender, (duckdb_timestamp){us}));
}

void engine_append_interval(
	struct engine_appender *appender, int32_t months, int32_t days, int64_t us)
{
	duckdb_interval value = {months, days, us};
	note(appender, duckdb_append_interval(appender->appender, value));
}

void engine_append_text(struct engine_appender *appender, struct slice value)
{
	note(appender, duckdb_append_varchar_length(appender->appender, value.ptr, value.len));
}

void engine_append_blob(struct engine_appender *appender, struct slice value)
{
	note(appender, duckdb_append_blob(appender->appender, value.ptr, value.len));
}

bool engine_append_end_row(struct engine_appender *a, struct error *err)
{
	if (!a->failed && duckdb_appender_end_row(a->appender) == DuckDBSuccess)
		return true;
	return fail(a, err);
}

static bool failed(duckdb_error_data data, struct error *err)
{
	bool bad = data && duckdb_error_data_has_error(data);
	if (bad)
		engine_error(duckdb_error_data_error_type(data), duckdb_error_data_message(data),
			SLICE_NONE, err);
	duckdb_destroy_error_data(&data);
	return bad;
}

static void keep(struct ArrowArray *array)
{
	array->release = NULL; /* what a view shows is its owner's */
}

/* Rows at … at + count of array, which stays the owner. */
static bool append_part(struct engine_appender *a, const struct ArrowArray *array, int64_t at,
	int64_t count, struct error *err)
{
	size_t columns = (size_t)array->n_children;
	struct ArrowArray *children = calloc(columns + 1, sizeof *children);
	struct ArrowArray **list = calloc(columns + 1, sizeof(struct ArrowArray *));
	check(children && list);
	struct ArrowArray view = *array;
	duckdb_data_chunk chunk = NULL;
	for (size_t i = 0; i < columns; i++) {
		children[i] = *array->children[i];
		children[i].offset += at;
		children[i].length = count;
		children[i].release = keep;
		list[i] = &children[i];
	}
	view.children = list;
	view.length = count;
	view.release = keep;
	bool ok = !failed(
		duckdb_data_chunk_from_arrow(a->engine->conn, &view, a->schema, &chunk), err);
	if (ok && duckdb_append_data_chunk(a->appender, chunk) != DuckDBSuccess)
		ok = fail(a, err);
	if (chunk)
		duckdb_destroy_data_chunk(&chunk);
	free(list);
	free(children);
	return ok;
}

bool engine_append_arrow(struct engine_appender *a, struct ArrowSchema *schema,
	struct ArrowArray *array, struct error *err)
{
	/* Where it has to cast, the appender has room for one vector, and does not look. */
	int64_t most = (int64_t)duckdb_vector_size();
	bool ok = a->schema ||
		  !failed(duckdb_schema_from_arrow(a->engine->conn, schema, &a->schema), err);
	for (int64_t at = 0; ok && at < array->length; at += most) {
		int64_t left = array->length - at;
		ok = append_part(a, array, at, left < most ? left : most, err);
	}
	if (array->release)
		array->release(array);
	return ok;
}

bool engine_append_close(struct engine_appender *a, struct error *err)
{
	return (!a->failed && duckdb_appender_close(a->appender) == DuckDBSuccess) || fail(a, err);
}

void engine_append_free(struct engine_appender **appender)
{
	struct engine_appender *a = *appender;
	*appender = NULL;
	if (!a)
		return;
	if (a->schema)
		duckdb_destroy_arrow_converted_schema(&a->schema);
	if (a->appender)
		duckdb_appender_destroy(&a->appender);
	arena_free(&a->arena);
	free(a);
}
