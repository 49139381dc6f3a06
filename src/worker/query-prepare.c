/* W_PARSE, W_PARSE_CATALOG, W_PARSE_EXPRESSION and W_PREPARE. */
#include <stdlib.h>

#include "base/check.h"
#include "base/str.h"
#include "sql/column-name.h"
#include "worker/query-private.h"
#include "worker/relation-json.h"
#include "worker/rewrite.h"

/* json_serialize_sql reports a syntax error as data:
 * {"error":true,"error_message":…,"position":"12"}. */
static bool read_parse_error(struct slice ast, struct slice text, struct error *err)
{
	if (!slice_starts_with(ast, SLICE("{\"error\":true")))
		return true;
	scoped(json_drop) json_t *body = json_parse(ast, err);
	if (!body)
		return false;
	struct slice message = json_get_slice(body, "error_message");
	struct slice position = json_get_slice(body, "position");
	uint64_t byte = 0;
	bool is_select = slice_find(message, SLICE("Only SELECT statements"), 0) == SIZE_MAX;
	if (!is_select)
		return error_set(err, READ_ONLY, "SQL only reads here") ||
		       error_hint(err, "Products are written by their pipelines: see `weft apply` "
				       "and `weft run`.");
	error_set(err, SYNTAX_ERROR, "%.*s",
		SLICE_FMT(slice_sub(message, 0, slice_find(message, SLICE("\n"), 0))));
	if (slice_to_u64(position, &byte))
		err->position = rewrite_character(text, byte) + 1;
	return false;
}

static struct slice query_database(const struct query_worker *worker)
{
	return slice_from_c(worker->database);
}

/* The AST of a text as JSON, by a statement that is planned once. Lives in the frame's arena. */
static bool serialize(
	struct query_worker *worker, struct slice text, struct slice *ast_out, struct error *err)
{
	enum { VARCHAR_OID = 1043, TEXT_FORMAT = 0 };
	scoped(engine_result_free) struct engine_result *result = NULL;
	size_t rows = 0;
	if (!worker->parser && !engine_prepare(worker->engine,
				       SLICE("SELECT json_serialize_sql(CAST($1 AS VARCHAR))"),
				       &worker->parser, err))
		return false;
	if (!engine_bind(worker->parser, 0, VARCHAR_OID, TEXT_FORMAT, text, err) ||
		!engine_execute(worker->parser, &result, err) ||
		!engine_result_next(result, &rows, err))
		return false;
	check(rows == 1);
	*ast_out = engine_value_text(result, worker->arena, 0, 0);
	return true;
}

bool query_parse(struct query_worker *worker, const struct frame *frame, struct error *err)
{
	struct slice text = frame->payload;
	struct slice ast;
	if (frame->type == W_PARSE || frame->type == W_PARSE_CATALOG)
		text = rewrite_dialect(worker->arena, text);
	if (frame->type == W_PARSE_CATALOG &&
		!rewrite_catalog(worker->arena, text, query_database(worker), &text, err))
		return false;
	if (!serialize(worker, text, &ast, err)) {
		err->position = 0;
		return false;
	}
	return read_parse_error(ast, text, err) &&
	       channel_send(&worker->channel, W_AST, ast, NULL, 0, err);
}

/* Identity of a relation set; inline rows differ each time, so such a set has none. */
static struct slice identity(struct arena *arena, const json_t *relations, bool inline_rows)
{
	return inline_rows ? SLICE_NONE : json_print(arena, relations);
}

static bool read_relations(struct query_worker *worker, json_t *body, const struct frame *frame,
	struct session_statement *s, struct error *err)
{
	json_t *list = json_get_array(body, "relations");
	bool inline_rows = false;

	if (!relations_from_json(worker->arena, list, frame, &s->list, &s->count, err))
		return false;
	for (size_t i = 0; i < s->count; i++)
		inline_rows = inline_rows || s->list[i].fd >= 0;
	s->relations = identity(worker->arena, list ? list : json_null(), inline_rows);
	return true;
}

static bool read_text(
	struct query_worker *worker, json_t *body, struct slice *out, struct error *err)
{
	struct slice text = rewrite_dialect(worker->arena, json_get_slice(body, "text"));
	json_t *list = json_get_array(body, "at");
	struct rewrite_at *at =
		arena_array_of(worker->arena, struct rewrite_at, json_array_size(list));
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *item = json_array_get(list, i);
		at[i] = (struct rewrite_at){.location = json_get_i64(item, "location", -1),
			.clause = json_get_bool(item, "clause", false),
			.database = json_get_bool(item, "database", false),
			.name = json_get_slice(item, "name"),
			.alias = json_get_slice(item, "alias")};
	}
	if (json_get_bool(body, "catalog", false))
		return rewrite_catalog(worker->arena, text, query_database(worker), out, err);
	return rewrite_at(worker->arena, text, at, json_array_size(list), out, err);
}

static bool send_prepared(
	struct query_worker *worker, const struct engine_statement *statement, struct error *err)
{
	size_t count;
	const struct engine_column *columns = engine_statement_columns(statement, &count);
	json_t *list = json_array();
	json_t *params = json_array();
	json_t *body = json_object();
	for (size_t i = 0; i < count; i++) {
		json_t *column = json_object();
		json_set_slice(column, "name", columns[i].name);
		json_set_slice(column, "type", columns[i].type);
		json_object_set_new(column, "oid", json_integer(columns[i].oid));
		json_object_set_new(column, "typmod", json_integer(columns[i].typmod));
		json_object_set_new(column, "size", json_integer(columns[i].size));
		json_array_append_new(list, column);
	}
	for (size_t i = 0; i < engine_statement_param_count(statement); i++)
		json_array_append_new(
			params, json_integer(engine_statement_param_oid(statement, i)));
	json_object_set_new(body, "columns", list);
	json_object_set_new(body, "params", params);
	return query_send_json(worker, W_PREPARED, body, err);
}

static bool prepare_cast(struct query_worker *worker, const struct session_statement *s,
	const struct rewrite_types *types, struct engine_statement **statement, struct error *err)
{
	struct session_statement cast = *s;
	cast.text = rewrite_params(worker->arena, s->text, types);
	return session_prepare(worker->session, &cast, statement, err);
}

/*
 * Prepares; where the engine cannot tell a parameter's type, or chooses none that fits, once more
 * with the declared types in the text (text where none is declared, as PostgreSQL does); json
 * functions are bound only when their parameters look like columns.
 */
static bool prepare_settled(struct query_worker *worker, const json_t *body,
	struct session_statement *s, struct engine_statement **statement, struct error *err)
{
	const json_t *oids = json_get_array(body, "param_oids");
	bool ok = session_prepare(worker->session, s, statement, err);
	if (ok ? engine_statement_is_settled(*statement) : json_array_size(oids) == 0)
		return ok;
	size_t count = json_array_size(oids);
	struct slice *names = arena_array_of(worker->arena, struct slice, count);
	for (size_t i = 0; i < count; i++)
		names[i] = engine_type_of_oid(
			worker->arena, (uint32_t)json_integer_value(json_array_get(oids, i)));
	struct rewrite_types types = {.names = names, .count = count};
	if (!prepare_cast(worker, s, &types, statement, err))
		return false;
	if (engine_statement_is_settled(*statement))
		return true;
	types.as_columns = true;
	return prepare_cast(worker, s, &types, statement, err);
}

/* As PostgreSQL would, from the user's own words. */
static void name_columns(struct arena *arena, struct slice text, struct engine_statement *statement)
{
	size_t count;
	const struct engine_column *columns = engine_statement_columns(statement, &count);
	struct slice *names = arena_array_of(arena, struct slice, count);
	for (size_t i = 0; i < count; i++)
		names[i] = columns[i].name;
	sql_name_columns(arena, text, names, count);
	engine_statement_name_columns(statement, names, count);
}

bool query_prepare(struct query_worker *worker, const struct frame *frame, struct error *err)
{
	scoped(json_drop) json_t *body = json_parse(frame->payload, err);
	struct session_statement s = {0};
	struct engine_statement *statement;
	if (!body)
		return false;
	if (worker->portal.open)
		return error_set(err, OBJECT_NOT_IN_PREREQUISITE_STATE,
			"a cursor is open in this worker; close it first");
	s.key = json_get_slice(body, "key");
	s.small = json_get_bool(body, "small", false);
	if (slice_is_none(s.key) || slice_is_none(json_get_slice(body, "text")))
		return error_set(err, PROTOCOL_VIOLATION, "a statement needs a key and a text");
	if (!read_text(worker, body, &s.text, err) ||
		!read_relations(worker, body, frame, &s, err) ||
		!prepare_settled(worker, body, &s, &statement, err))
		return false;
	if (json_get_bool(body, "catalog", false))
		engine_statement_show_catalogue(statement);
	name_columns(worker->arena, json_get_slice(body, "text"), statement);
	return send_prepared(worker, statement, err);
}
