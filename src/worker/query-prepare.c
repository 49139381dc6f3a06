/* W_PARSE, W_PARSE_CATALOG, W_PARSE_EXPRESSION and W_PREPARE. */
#include <stdlib.h>

#include "base/check.h"
#include "base/str.h"
#include "engine/pgtype.h"
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
		text = rewrite_dialect(worker->arena, text, query_database(worker));
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
	struct slice text = rewrite_dialect(
		worker->arena, json_get_slice(body, "text"), query_database(worker));
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

/* The type of a cast that is written around a parameter; text where nothing is known, since
 * clients cannot do with no type at all. */
static uint32_t written_oid(struct query_worker *worker, const struct session_statement *s,
	const struct rewrite_param *use)
{
	scoped(engine_statement_free) struct engine_statement *beside = NULL;
	size_t count;
	struct error ignored;
	if (slice_is_none(use->written) ||
		!session_prepare_beside(worker->session, s->key,
			arena_printf(worker->arena, "SELECT CAST(NULL AS %.*s)",
				SLICE_FMT(use->written)),
			&beside, &ignored))
		return PG_TEXT;
	const struct engine_column *columns = engine_statement_columns(beside, &count);
	return count == 1 && columns[0].oid ? columns[0].oid : PG_TEXT;
}

static json_t *param_oids(struct query_worker *worker, const struct session_statement *s,
	const struct engine_statement *statement)
{
	json_t *list = json_array();
	struct rewrite_param *uses = NULL; /* read once the first type is missing */
	size_t use_count = 0;
	for (size_t i = 0; i < engine_statement_param_count(statement); i++) {
		uint32_t oid = engine_statement_param_oid(statement, i);
		if (!oid && !uses)
			uses = rewrite_param_uses(worker->arena, s->text, &use_count);
		if (!oid)
			oid = i < use_count ? written_oid(worker, s, &uses[i]) : PG_TEXT;
		json_array_append_new(list, json_integer(oid));
	}
	return list;
}

static bool send_prepared(struct query_worker *worker, const struct session_statement *s,
	const struct engine_statement *statement, struct error *err)
{
	size_t count;
	const struct engine_column *columns = engine_statement_columns(statement, &count);
	json_t *list = json_array();
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
	json_object_set_new(body, "columns", list);
	json_object_set_new(body, "params", param_oids(worker, s, statement));
	return query_send_json(worker, W_PREPARED, body, err);
}

static bool prepare_cast(struct query_worker *worker, const struct session_statement *s,
	const struct rewrite_types *types, struct engine_statement **statement, struct error *err)
{
	struct session_statement cast = *s;
	cast.text = rewrite_params(worker->arena, s->text, types);
	return session_prepare(worker->session, &cast, statement, err);
}

/* The elements of lists that were declared with no type: what they are compared with. What the
 * engine learns of the other parameters on the way is kept too. */
static bool find_elements(struct query_worker *worker, const struct session_statement *s,
	const struct rewrite_param *uses, struct slice *names, size_t count, struct error *err)
{
	struct session_statement probe = *s;
	struct engine_statement *statement;
	bool needed = false;

	for (size_t i = 0; i < count; i++)
		needed |= uses[i].use == REWRITE_LIST && slice_is_none(names[i]);
	if (!needed)
		return true;
	probe.text = rewrite_lists_as_elements(worker->arena, s->text);
	if (!session_prepare(worker->session, &probe, &statement, err))
		return false;
	for (size_t i = 0; i < count && i < engine_statement_param_count(statement); i++) {
		uint32_t oid = engine_statement_param_oid(statement, i);
		struct slice type = engine_type_of_oid(worker->arena, oid);

		if (!slice_is_none(names[i]))
			continue;
		if (uses[i].use == REWRITE_LIST)
			names[i] = arena_printf(worker->arena, "%.*s[]", SLICE_FMT(type));
		else if (oid && slice_is_none(uses[i].written))
			names[i] = type;
	}
	return true;
}

/* The type of a column that the statement may mean by a name; none. */
static struct slice type_of_column(
	struct arena *arena, const struct session_statement *s, struct slice name)
{
	if (slice_starts_with(name, SLICE("\"")))
		name = slice_sub(name, 1, name.len - 1);
	for (size_t i = 0; i < s->count && name.len; i++)
		for (size_t k = 0; k < s->list[i].column_count; k++)
			if (slice_equal_nocase(s->list[i].columns[k].name, name))
				return arena_copy(arena, s->list[i].columns[k].type);
	return SLICE_NONE;
}

/* A statement whose parameters are to be settled; known is it as the engine understood it without
 * their types, NULL when it did not. */
struct settling {
	struct query_worker *worker;
	const struct session_statement *s;
	const json_t *oids;
	const struct engine_statement *known;
	const struct rewrite_param *uses;
	struct slice *names;
	size_t count;
};

/* Declared types first, then what the engine found, then what the text tells. What is cast in the
 * text needs no name. */
static void settle_known(const struct settling *settling)
{
	static const char *const guesses[] = {[REWRITE_INTEGER] = "INTEGER",
		[REWRITE_FRACTION] = "DOUBLE",
		[REWRITE_LIST] = NULL};
	struct arena *arena = settling->worker->arena;
	for (size_t i = 0; i < settling->count; i++) {
		const struct rewrite_param *use = &settling->uses[i];
		uint32_t oid = (uint32_t)json_integer_value(json_array_get(settling->oids, i));
		if (!oid && settling->known && i < engine_statement_param_count(settling->known))
			oid = engine_statement_param_oid(settling->known, i);
		if (oid)
			settling->names[i] = engine_type_of_oid(arena, oid);
		else if (slice_is_none(use->written))
			settling->names[i] =
				use->use == REWRITE_PLAIN
					? type_of_column(arena, settling->s, use->beside)
					: slice_from_c(guesses[use->use]);
	}
}

/* With one type for all of which nothing is known: text, as PostgreSQL does. */
static bool prepare_guess(const struct settling *settling, const char *guess, bool as_columns,
	struct engine_statement **statement, struct error *err)
{
	struct arena *arena = settling->worker->arena;
	struct slice *names = arena_copy_all(arena, settling->names, settling->count);
	for (size_t i = 0; i < settling->count; i++) {
		struct slice written = settling->uses[i].written;
		if (slice_is_none(names[i]) && slice_is_none(written))
			names[i] = slice_from_c(guess);
		else if (slice_is_none(names[i]) && as_columns)
			names[i] = written;
	}
	const struct rewrite_types types = {
		.names = names, .count = settling->count, .as_columns = as_columns};
	return prepare_cast(settling->worker, settling->s, &types, statement, err);
}

/* Text, where that fits nowhere a number: "id + $1" and "abs($1)" are. */
static bool prepare_guesses(
	const struct settling *settling, struct engine_statement **statement, struct error *err)
{
	struct error ignored;
	if (prepare_guess(settling, "VARCHAR", false, statement, err))
		return engine_statement_is_settled(*statement) ||
		       prepare_guess(settling, "VARCHAR", true, statement, err);
	return err->state == SQLSTATE_UNDEFINED_FUNCTION &&
	       (prepare_guess(settling, "DOUBLE", false, statement, &ignored) ||
		       prepare_guess(settling, "INTEGER", false, statement, &ignored));
}

/*
 * Prepares; where the engine cannot tell a parameter's type, or chooses none that fits, once more
 * with types in the text; json functions are bound only when their parameters look like columns.
 */
static bool prepare_settled(struct query_worker *worker, const json_t *body,
	struct session_statement *s, struct engine_statement **statement, struct error *err)
{
	struct settling settling = {
		.worker = worker, .s = s, .oids = json_get_array(body, "param_oids")};
	struct error guessed;
	bool ok = session_prepare(worker->session, s, statement, err);
	if (ok && engine_statement_is_settled(*statement))
		return true;
	settling.uses = rewrite_param_uses(worker->arena, s->text, &settling.count);
	settling.names = arena_array_of(worker->arena, struct slice, settling.count);
	settling.known = ok ? *statement : NULL;
	if (settling.count == 0 && !ok)
		return false;
	settle_known(&settling);
	if (find_elements(worker, s, settling.uses, settling.names, settling.count, &guessed) &&
		prepare_guesses(&settling, statement, &guessed))
		return true;
	if (ok || json_array_size(settling.oids) > 0)
		*err = guessed;
	return false;
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
	return send_prepared(worker, &s, statement, err);
}
