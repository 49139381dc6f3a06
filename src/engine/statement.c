/* Statements and their results: prepare, run, read chunk by chunk. bind.c has the parameters. */
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "engine/buffer.h"
#include "engine/encode.h"
#include "engine/engine-private.h"

static struct slice text_of(const struct engine_statement *statement)
{
	return slice_from_c(statement->text);
}

static bool prepare(struct engine_statement *s, struct error *err)
{
	duckdb_extracted_statements parts = NULL;
	idx_t count = duckdb_extract_statements(s->engine->conn, s->text, &parts);
	bool ok = count == 1;
	if (count == 0) {
		const char *why = duckdb_extract_statements_error(parts);
		ok = why ? engine_error(DUCKDB_ERROR_PARSER, why, text_of(s), err)
			 : error_set(err, SYNTAX_ERROR, "the statement is empty");
	} else if (count > 1) {
		ok = error_set(err, SYNTAX_ERROR, "more than one statement where one is expected");
	}
	if (ok && duckdb_prepare_extracted_statement(s->engine->conn, parts, 0, &s->prepared) !=
			  DuckDBSuccess)
		ok = engine_error_text(duckdb_prepare_error(s->prepared), text_of(s), err);
	duckdb_destroy_extracted(&parts);
	return ok;
}

static void set_column(
	struct engine_statement *s, size_t index, const char *name, duckdb_logical_type logical)
{
	struct type *type = type_read(s->arena, logical);
	if (s->catalogue)
		type_show_catalogue(type);
	view_init(&s->views[index], s->arena, type);
	bool named = s->column_count == s->name_count;
	s->columns[index] = (struct engine_column){
		.name = named ? s->names[index] : arena_copy(s->arena, slice_from_c(name)),
		.type = type->spelling,
		.oid = type->oid,
		.typmod = type->typmod,
		.size = type->size};
}

bool engine_statement_is_settled(const struct engine_statement *statement)
{
	for (size_t i = 0; i < statement->column_count; i++)
		if (statement->views[i].type->id == DUCKDB_TYPE_INVALID ||
			statement->views[i].type->id == DUCKDB_TYPE_ANY)
			return false;
	return true;
}

static void read_result_columns(struct engine_statement *s, duckdb_result *result)
{
	s->column_count = duckdb_column_count(result);
	s->columns = arena_array_of(s->arena, struct engine_column, s->column_count);
	s->views = arena_array_of(s->arena, struct view, s->column_count);
	for (size_t i = 0; i < s->column_count; i++) {
		duckdb_logical_type logical = duckdb_column_logical_type(result, i);
		set_column(s, i, duckdb_column_name(result, i), logical);
		duckdb_destroy_logical_type(&logical);
	}
}

/* A value bound with another type than was expected can change the types of columns. */
static bool is_changed(const struct type *type, duckdb_logical_type now)
{
	return type->id != duckdb_get_type_id(now) ||
	       (type->id == DUCKDB_TYPE_DECIMAL &&
		       (type->width != duckdb_decimal_width(now) ||
			       type->scale != duckdb_decimal_scale(now)));
}

static void settle_columns(struct engine_statement *s, duckdb_result *result)
{
	size_t count = duckdb_column_count(result);
	bool changed = count != s->column_count;
	for (size_t i = 0; i < count && !changed; i++) {
		duckdb_logical_type now = duckdb_column_logical_type(result, i);
		changed = is_changed(s->views[i].type, now);
		duckdb_destroy_logical_type(&now);
	}
	if (changed)
		read_result_columns(s, result);
}

static void read_columns(struct engine_statement *s)
{
	if (!s->prepared) {
		read_result_columns(s, &s->first);
		return;
	}
	s->column_count = duckdb_prepared_statement_column_count(s->prepared);
	s->columns = arena_array_of(s->arena, struct engine_column, s->column_count);
	s->views = arena_array_of(s->arena, struct view, s->column_count);
	for (size_t i = 0; i < s->column_count; i++) {
		const char *name = duckdb_prepared_statement_column_name(s->prepared, i);
		duckdb_logical_type logical =
			duckdb_prepared_statement_column_logical_type(s->prepared, i);
		set_column(s, i, name, logical);
		duckdb_destroy_logical_type(&logical);
		union {
			const char *from;
			void *to;
		} freed = {.from = name};
		duckdb_free(freed.to);
	}
}

static struct engine_statement *statement_new(struct engine *engine, struct slice sql)
{
	struct arena *arena = arena_new();
	struct engine_statement *s = arena_new_of(arena, struct engine_statement);
	s->arena = arena;
	s->engine = engine;
	s->text = arena_cstr(arena, sql);
	return s;
}

bool engine_prepare(
	struct engine *engine, struct slice sql, struct engine_statement **out, struct error *err)
{
	scoped(engine_statement_free) struct engine_statement *s = statement_new(engine, sql);
	if (!prepare(s, err))
		return false;
	s->param_count = duckdb_nparams(s->prepared);
	read_columns(s);
	*out = take(s);
	return true;
}

static bool run_text(struct engine_statement *s, duckdb_result *result, struct error *err)
{
	if (engine_query_text(s->engine, s->text, result))
		return true;
	engine_error(
		duckdb_result_error_type(result), duckdb_result_error(result), text_of(s), err);
	duckdb_destroy_result(result);
	return false;
}

bool engine_run_small(
	struct engine *engine, struct slice sql, struct engine_statement **out, struct error *err)
{
	scoped(engine_statement_free) struct engine_statement *s = statement_new(engine, sql);
	s->has_first = run_text(s, &s->first, err);
	if (!s->has_first)
		return false;
	read_columns(s);
	*out = take(s);
	return true;
}

void engine_statement_free(struct engine_statement **statement)
{
	struct engine_statement *s = *statement;
	*statement = NULL;
	if (!s)
		return;
	if (s->has_first)
		duckdb_destroy_result(&s->first);
	duckdb_destroy_prepare(&s->prepared);
	struct arena *arena = s->arena;
	arena_free(&arena);
}

const struct engine_column *engine_statement_columns(
	const struct engine_statement *statement, size_t *count_out)
{
	*count_out = statement->column_count;
	return statement->columns;
}

void engine_statement_show_catalogue(struct engine_statement *statement)
{
	statement->catalogue = true;
	read_columns(statement);
}

void engine_statement_name_columns(
	struct engine_statement *statement, const struct slice *names, size_t count)
{
	struct slice *copy = arena_array_of(statement->arena, struct slice, count);
	for (size_t i = 0; i < count; i++)
		copy[i] = arena_copy(statement->arena, names[i]);
	statement->names = copy;
	statement->name_count = count;
	read_columns(statement);
}

size_t engine_statement_param_count(const struct engine_statement *statement)
{
	return statement->param_count;
}

void engine_result_free(struct engine_result **result)
{
	struct engine_result *r = *result;
	*result = NULL;
	if (!r)
		return;
	if (r->chunk)
		duckdb_destroy_data_chunk(&r->chunk);
	crew_end(r->statement->engine->crew);
	duckdb_destroy_result(&r->result);
	if (r->owns_statement)
		engine_statement_free(&r->statement);
	free(r);
}

/* Streaming, so that rows are made as they are read and nothing is kept. */
static bool run(struct engine_statement *s, duckdb_result *result, struct error *err)
{
	duckdb_pending_result pending = NULL;
	if (s->has_first) {
		s->has_first = false;
		*result = s->first;
		return true;
	}
	if (!s->prepared)
		return run_text(s, result, err);
	crew_begin(s->engine->crew);
	bool ok = duckdb_pending_prepared_streaming(s->prepared, &pending) == DuckDBSuccess;
	if (!ok)
		engine_error_text(duckdb_pending_error(pending), text_of(s), err);
	if (ok && duckdb_execute_pending(pending, result) != DuckDBSuccess) {
		ok = engine_error(duckdb_result_error_type(result), duckdb_result_error(result),
			text_of(s), err);
		duckdb_destroy_result(result);
	}
	duckdb_destroy_pending(&pending);
	if (!ok)
		crew_end(s->engine->crew);
	return ok;
}

bool engine_execute(
	struct engine_statement *statement, struct engine_result **out, struct error *err)
{
	struct engine_result *r = calloc(1, sizeof *r);
	check(r);
	r->statement = statement;
	if (!run(statement, &r->result, err)) {
		free(r);
		return false;
	}
	if (statement->param_count > 0)
		settle_columns(statement, &r->result);
	r->views = statement->views;
	*out = r;
	return true;
}

bool engine_query(
	struct engine *engine, struct slice sql, struct engine_result **out, struct error *err)
{
	scoped(engine_statement_free) struct engine_statement *s = NULL;
	if (!engine_prepare(engine, sql, &s, err) || !engine_execute(s, out, err))
		return false;
	(*out)->owns_statement = true;
	take(s);
	return true;
}

const struct engine_column *engine_result_columns(
	const struct engine_result *result, size_t *count_out)
{
	return engine_statement_columns(result->statement, count_out);
}

bool engine_result_next(struct engine_result *r, size_t *rows_out, struct error *err)
{
	do {
		if (r->chunk)
			duckdb_destroy_data_chunk(&r->chunk);
		r->chunk = duckdb_fetch_chunk(r->result);
	} while (r->chunk && duckdb_data_chunk_get_size(r->chunk) == 0);
	const char *message = duckdb_result_error(&r->result);
	if (message)
		return engine_error(
			duckdb_result_error_type(&r->result), message, text_of(r->statement), err);
	*rows_out = r->chunk ? duckdb_data_chunk_get_size(r->chunk) : 0;
	for (size_t i = 0; r->chunk && i < r->statement->column_count; i++)
		view_load(&r->views[i], duckdb_data_chunk_get_vector(r->chunk, i));
	return true;
}

int64_t engine_value_i64(
	const struct engine_result *result, size_t column, size_t row, int64_t fallback)
{
	const struct view *view = &result->views[column];
	const void *data = view->data;
	if (view_is_null(view, row))
		return fallback;
	switch ((int)view->type->id) {
	case DUCKDB_TYPE_BOOLEAN:
	case DUCKDB_TYPE_UTINYINT: return ((const uint8_t *)data)[row];
	case DUCKDB_TYPE_TINYINT: return ((const int8_t *)data)[row];
	case DUCKDB_TYPE_SMALLINT: return ((const int16_t *)data)[row];
	case DUCKDB_TYPE_USMALLINT: return ((const uint16_t *)data)[row];
	case DUCKDB_TYPE_INTEGER:
	case DUCKDB_TYPE_DATE: return ((const int32_t *)data)[row];
	case DUCKDB_TYPE_UINTEGER: return ((const uint32_t *)data)[row];
	case DUCKDB_TYPE_BIGINT:
	case DUCKDB_TYPE_TIMESTAMP:
	case DUCKDB_TYPE_TIMESTAMP_TZ:
	case DUCKDB_TYPE_TIME: return ((const int64_t *)data)[row];
	case DUCKDB_TYPE_UBIGINT: {
		uint64_t value = ((const uint64_t *)data)[row];
		return value > INT64_MAX ? fallback : (int64_t)value;
	}
	case DUCKDB_TYPE_HUGEINT: {
		duckdb_hugeint value = ((const duckdb_hugeint *)data)[row];
		bool fits = value.upper == (int64_t)value.lower >> 63;
		return fits ? (int64_t)value.lower : fallback;
	}
	default: return fallback;
	}
}

struct slice engine_value_text(
	const struct engine_result *result, struct arena *arena, size_t column, size_t row)
{
	const struct view *view = &result->views[column];
	if (view_is_null(view, row))
		return SLICE_NONE;
	scoped(buffer_fini) struct buffer buffer = {0};
	encode_text(&buffer, view, row);
	return arena_copy(arena, slice_of(buffer.ptr, buffer.len));
}
