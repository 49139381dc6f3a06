/*
 * Runs one command, whichever protocol brought it. In both a portal carries it: the simple protocol
 * makes one for each statement and drops it at once.
 */
#include <inttypes.h>

#include "base/clock.h"
#include "base/vec.h"
#include "server/pg-private.h"

static const struct pg_column plan_column = {SLICE("QUERY PLAN"), PG_OID_TEXT, -1, -1, 0};

static const struct pg_column cancel_column = {SLICE("pg_cancel_backend"), 16, -1, 1, 0};

static const struct {
	const char *name;
	uint32_t oid;
} type_names[] = {
	{"boolean", 16},
	{"bool", 16},
	{"bytea", 17},
	{"bigint", 20},
	{"int8", 20},
	{"smallint", 21},
	{"int2", 21},
	{"integer", 23},
	{"int", 23},
	{"int4", 23},
	{"text", 25},
	{"json", 114},
	{"real", 700},
	{"float4", 700},
	{"double precision", 701},
	{"float8", 701},
	{"unknown", 0},
	{"varchar", 1043},
	{"character varying", 1043},
	{"date", 1082},
	{"time", 1083},
	{"timestamp", 1114},
	{"timestamp without time zone", 1114},
	{"timestamptz", 1184},
	{"timestamp with time zone", 1184},
	{"interval", 1186},
	{"numeric", 1700},
	{"decimal", 1700},
	{"uuid", 2950},
};

/* A type of PREPARE's list; its length or precision does not matter for a parameter. */
static bool type_oid(struct slice type, uint32_t *out, struct error *err)
{
	size_t bracket = slice_find(type, SLICE("("), 0);
	struct slice name = slice_trim(slice_sub(type, 0, bracket));

	for (size_t i = 0; i < array_len(type_names); i++)
		if (slice_equal_nocase(name, slice_from_c(type_names[i].name))) {
			*out = type_names[i].oid;
			return true;
		}
	error_set(err, UNDEFINED_OBJECT, "type \"%.*s\" is not known for a parameter",
		SLICE_FMT(slice_sub(type, 0, 100)));
	return error_hint(err, "Leave the types out: they follow from the query.");
}

static bool settle_formats(struct pg_portal *portal, struct pg_formats formats, struct error *err)
{
	if (formats.count > 1 && formats.count != portal->column_count)
		return error_set(err, PROTOCOL_VIOLATION,
			"bind message has %zu result formats but query has %zu columns",
			formats.count, portal->column_count);
	portal->formats = arena_array_of(portal->arena, int16_t, portal->column_count);
	for (size_t i = 0; i < portal->column_count; i++) {
		if (formats.count)
			portal->formats[i] = formats.codes[formats.count == 1 ? 0 : i];
		portal->columns[i].format = portal->formats[i];
	}
	return true;
}

static bool check_params(struct pg_portal *portal, const struct pg_description *description,
	const struct pg_statement *prepared, struct error *err)
{
	if (portal->param_count != description->oid_count) {
		error_set(err, PROTOCOL_VIOLATION,
			"bind message supplies %zu parameters, but prepared statement \"%s\" "
			"requires %zu",
			portal->param_count, prepared ? prepared->name : "",
			description->oid_count);
		return prepared ? false
				: error_hint(err, "A simple query has no parameters; prepare the "
						  "statement.");
	}
	for (size_t i = 0; i < portal->param_count; i++)
		portal->params[i].oid = pg_param_oid(prepared, description, i);
	if (prepared && prepared->signature && description->signature &&
		prepared->signature != description->signature) {
		error_set(err, FEATURE_NOT_SUPPORTED, "cached plan must not change result type");
		return error_hint(err, "The tables have changed: prepare the statement again.");
	}
	return true;
}

/* The query of the portal's command: taken over from the statement, or opened anew. */
static bool open_portal(struct pg_session *session, struct pg_portal *portal,
	struct pg_statement *prepared, struct slice inner, struct error *err)
{
	struct pg_description description;

	if (prepared && prepared->query)
		portal->query = take(prepared->query);
	else if (!pg_query_open(session, inner, prepared ? prepared->oids : NULL,
			 prepared ? prepared->oid_count : 0, &portal->query, err))
		return false;
	/* A simple query is run at once, all rows as text: it need not wait for its description. */
	if (!prepared && portal->command.kind == COMMAND_QUERY &&
		!pg_query_start(
			session, portal->query, &(struct query_execution){.format = QUERY_PG}, err))
		return false;
	if (!pg_query_describe(session, portal->query, portal->arena, &description, err))
		return false;
	portal->columns = description.columns;
	portal->column_count = description.column_count;
	return check_params(portal, &description, prepared, err);
}

bool pg_portal_bind(struct pg_session *session, struct pg_portal *portal,
	struct pg_statement *prepared, struct pg_formats formats, struct error *err)
{
	struct pg_description description;
	struct slice inner;

	if (!pg_inner_query(session->request, &portal->command, &inner, err))
		return false;
	if (!slice_is_none(inner) && !open_portal(session, portal, prepared, inner, err)) {
		pg_shift_position(&portal->command, err);
		return false;
	}
	if (slice_is_none(inner) && portal->param_count)
		return error_set(err, PROTOCOL_VIOLATION,
			"bind message supplies %zu parameters, but %s takes none",
			portal->param_count, portal->command.tag);
	/* of these the formats of Bind mean nothing, and the columns are told otherwise */
	if (portal->command.kind == COMMAND_DECLARE || portal->command.kind == COMMAND_COPY)
		return true;
	if (portal->command.kind != COMMAND_QUERY) {
		if (!pg_command_columns(
			    session, &portal->command, portal->arena, &description, err))
			return false;
		portal->columns = description.columns;
		portal->column_count = description.column_count;
	}
	return portal->column_count == 0 || settle_formats(portal, formats, err);
}

/* EXECUTE: the columns of the statement that it names. */
static bool execute_columns(struct pg_session *session, const struct command *command,
	struct arena *arena, struct pg_description *out, struct error *err)
{
	struct pg_statement *statement = pg_statement_find(session, command->name);
	struct slice inner;

	if (!statement)
		return error_set(err, INVALID_STATEMENT_NAME,
			"prepared statement \"%.*s\" does not exist", SLICE_FMT(command->name));
	if (statement->command.kind != COMMAND_QUERY)
		return error_set(err, FEATURE_NOT_SUPPORTED, "EXECUTE runs queries, not %s",
			statement->command.tag);
	if (!pg_inner_query(session->request, &statement->command, &inner, err))
		return false;
	if (!statement->query && !pg_query_open(session, inner, statement->oids,
					 statement->oid_count, &statement->query, err))
		return false;
	return pg_query_describe(session, statement->query, arena, out, err);
}

static void copy_columns(struct arena *arena, const struct pg_column *columns, size_t count,
	struct pg_description *out)
{
	out->columns = arena_array_of(arena, struct pg_column, count);
	out->column_count = count;
	for (size_t i = 0; i < count; i++)
		out->columns[i] = columns[i];
}

bool pg_command_columns(struct pg_session *session, const struct command *command,
	struct arena *arena, struct pg_description *out, struct error *err)
{
	const struct pg_column *columns = &plan_column;
	size_t count = 1;

	*out = (struct pg_description){0};
	if (command->kind == COMMAND_EXECUTE)
		return execute_columns(session, command, arena, out, err);
	if (command->kind == COMMAND_SHOW) {
		count = pg_show_columns(command, &columns);
	} else if (command->kind == COMMAND_FETCH) {
		struct pg_portal *cursor = pg_portal_find(session, command->name);

		count = cursor ? cursor->column_count : 0;
		columns = cursor ? cursor->columns : NULL;
	} else if (command->kind == COMMAND_CANCEL) {
		columns = &cancel_column;
	} else if (command->kind != COMMAND_EXPLAIN) {
		return true;
	}
	copy_columns(arena, columns, count, out);
	if (command->kind == COMMAND_CANCEL ||
		(command->kind == COMMAND_SHOW && !(command->flags & COMMAND_ALL)))
		out->columns[0].name = command->name;
	return true;
}

static bool run_query(struct pg_session *session, const struct pg_run *run, struct error *err)
{
	struct pg_portal *portal = run->portal;
	const struct pg_rows to_client = {.to = PG_ROWS_TO_CLIENT};
	struct pg_outcome outcome = {0};
	bool ok = true;

	if (portal->cursor)
		return pg_run_cursor(session, run, err);
	if (run->describe)
		pg_put_row_description(&session->out, portal->columns, portal->column_count);
	if (portal->state == PG_PORTAL_NEW) {
		const struct query_execution how = {
			.format = QUERY_PG,
			.column_formats = portal->formats,
			.params = portal->params,
			.param_count = portal->param_count,
			.max_rows = run->max_rows,
		};

		ok = pg_query_run(session, portal->query, &how, to_client, &outcome, err);
	} else if (portal->state == PG_PORTAL_OPEN) {
		const struct query_more more = {.max_rows = run->max_rows};

		ok = pg_query_fetch(session, portal->query, &more, to_client, &outcome, err);
	}
	portal->position += outcome.rows;
	portal->behind = !ok || outcome.end == QUERY_COMPLETE;
	if (portal->behind) {
		query_close(&portal->query);
		portal->state = PG_PORTAL_DONE;
	} else {
		portal->state = PG_PORTAL_OPEN;
	}
	if (!ok)
		return false;
	if (portal->state == PG_PORTAL_OPEN)
		pg_put_simple(&session->out, 's');
	else
		pg_complete_rows(session, "SELECT", outcome.rows);
	return true;
}

static void put_line(struct pg_session *session, struct slice line)
{
	pg_put_data_row(&session->out, &line, 1);
}

static bool run_explain(struct pg_session *session, const struct pg_run *run, struct error *err)
{
	struct pg_portal *portal = run->portal;
	const struct query_execution how = {
		.format = QUERY_PG, .params = portal->params, .param_count = portal->param_count};
	struct pg_outcome outcome = {0};
	const struct slice *lines;
	int64_t began_us = clock_mono_us(&clock_system);
	bool analyze = portal->command.flags & COMMAND_ANALYZE;

	if (analyze && !pg_query_run(session, portal->query, &how,
			       (struct pg_rows){.to = PG_ROWS_NOWHERE}, &outcome, err))
		return false;
	int64_t took_us = clock_mono_us(&clock_system) - began_us;
	size_t count = query_explain(portal->query, session->request, &lines);

	if (run->describe)
		pg_put_row_description(&session->out, &plan_column, 1);
	for (size_t i = 0; i < count; i++)
		put_line(session, lines[i]);
	if (analyze) {
		put_line(session, arena_printf(session->request, "Rows: %" PRIu64, outcome.rows));
		put_line(session, arena_printf(session->request, "Execution Time: %.3f ms",
					  (double)took_us / 1000));
	}
	query_close(&portal->query);
	pg_complete(session, "EXPLAIN");
	return true;
}

static bool run_prepare(
	struct pg_session *session, const struct command *command, struct error *err)
{
	struct pg_statement *statement;
	struct slice inner;

	if (!pg_statement_make(session, command->name, command->query, &statement, err))
		return false;
	statement->oids = arena_array_of(statement->arena, uint32_t, command->type_count);
	statement->oid_count = command->type_count;
	bool ok = true;

	for (size_t i = 0; ok && i < command->type_count; i++)
		ok = type_oid(command->types[i], &statement->oids[i], err);
	ok = ok && pg_parse_one(statement->arena, statement->text, &statement->command, err) &&
	     pg_inner_query(session->request, &statement->command, &inner, err);
	if (ok && statement->command.kind != COMMAND_QUERY)
		ok = error_set(
			err, SYNTAX_ERROR, "PREPARE takes a query, not %s", statement->command.tag);
	if (ok && !pg_query_open(session, inner, statement->oids, statement->oid_count,
			  &statement->query, err)) {
		pg_shift_position(command, err);
		ok = false;
	}
	if (!ok) {
		pg_statement_drop(session, statement);
		return false;
	}
	pg_complete(session, "PREPARE");
	return true;
}

/* EXECUTE name (constants): a portal of the named statement, run at once. */
static bool run_execute(struct pg_session *session, const struct pg_run *run, struct error *err)
{
	const struct command *command = &run->portal->command;
	struct pg_statement *statement = pg_statement_find(session, command->name);
	struct pg_portal *portal;

	if (!statement)
		return error_set(err, INVALID_STATEMENT_NAME,
			"prepared statement \"%.*s\" does not exist", SLICE_FMT(command->name));
	if (!pg_portal_make(session, SLICE("weft execute"), &portal, err))
		return false;
	portal->params = arena_array_of(portal->arena, struct query_param, command->value_count);
	portal->param_count = command->value_count;
	for (size_t i = 0; i < command->value_count; i++)
		portal->params[i].value = command->values[i].text;
	struct pg_formats formats = {run->portal->formats, run->portal->column_count};
	const struct pg_run inside = {.portal = portal, .describe = run->describe};
	bool ok = pg_parse_one(portal->arena, statement->text, &portal->command, err) &&
		  pg_portal_bind(session, portal, statement, formats, err) &&
		  pg_command_run(session, &inside, err);

	pg_portal_drop(session, portal);
	return ok;
}

static bool run_discard(
	struct pg_session *session, const struct command *command, struct error *err)
{
	if (command->flags & COMMAND_ALL) {
		if (session->state != PG_IDLE)
			return error_set(err, INVALID_TRANSACTION_STATE,
				"DISCARD ALL cannot run inside a transaction block");
		/* the portal that carries this command stays until it has been told */
		for (struct pg_portal *at = session->portals, *next; at; at = next) {
			next = at->next;
			if (at->cursor)
				pg_portal_drop(session, at);
		}
		pg_settings_reset_all(session->settings);
		pg_statements_drop_all(session);
		if (!pg_sync_purpose(session, err))
			return false;
	}
	pg_complete(session, command->tag);
	return true;
}

static bool run_deallocate(
	struct pg_session *session, const struct command *command, struct error *err)
{
	struct pg_statement *statement = pg_statement_find(session, command->name);

	if (command->flags & COMMAND_ALL)
		pg_statements_drop_all(session);
	else if (statement)
		pg_statement_drop(session, statement);
	else
		return error_set(err, INVALID_STATEMENT_NAME,
			"prepared statement \"%.*s\" does not exist", SLICE_FMT(command->name));
	pg_complete(session, command->tag);
	return true;
}

static void apply_isolation(struct pg_session *session, const struct command *command)
{
	struct error ignored;

	if (!slice_is_none(command->isolation))
		(void)!pg_settings_set(session->settings, SLICE("transaction_isolation"),
			command->isolation, PG_SET_LOCAL, &ignored);
}

static void run_begin(struct pg_session *session, const struct command *command)
{
	if (session->state == PG_IN_TRANSACTION)
		pg_tell(session, PG_WARNING, "25001",
			SLICE("there is already a transaction in progress"));
	pg_begin(session);
	apply_isolation(session, command);
	pg_complete(session, command->tag);
}

static bool run_end(struct pg_session *session, const struct command *command, struct error *err)
{
	bool commits = command->kind == COMMAND_COMMIT && session->state != PG_FAILED;
	bool idle = session->state == PG_IDLE;

	if (idle)
		pg_tell(session, PG_WARNING, "25P01", SLICE("there is no transaction in progress"));
	else if (!commits)
		pg_rollback(session);
	else if (!pg_commit(session, err))
		return false;
	if (command->flags & COMMAND_CHAIN)
		pg_begin(session);
	pg_complete(session, commits || idle ? command->tag : "ROLLBACK");
	return true;
}

static bool run_cancel(struct pg_session *session, const struct pg_run *run)
{
	const struct command *command = &run->portal->command;
	bool terminate = slice_equal(command->name, SLICE("pg_terminate_backend"));
	struct pg_column column = cancel_column;
	bool binary = run->portal->formats && run->portal->formats[0] == 1;
	bool done = pg_door_signal(
		session, command->count, terminate ? PG_SIGNAL_TERMINATE : PG_SIGNAL_CANCEL);
	const struct slice values[] = {
		binary ? slice_of(done ? "\1" : "\0", 1) : slice_of(done ? "t" : "f", 1)};

	column.name = command->name;
	if (!done)
		pg_tell(session, PG_WARNING, "01000",
			arena_printf(session->request, "PID %" PRId64 " is no session of yours",
				command->count));
	if (run->describe)
		pg_put_row_description(&session->out, &column, 1);
	pg_put_data_row(&session->out, values, 1);
	pg_complete_rows(session, "SELECT", 1);
	return true;
}

bool pg_command_run(struct pg_session *session, const struct pg_run *run, struct error *err)
{
	/* a transaction's end drops the portal: what is needed of it stays in the request's arena
	 */
	struct command command = run->portal->command;
	bool uses_query = command.kind == COMMAND_DECLARE || command.kind == COMMAND_COPY ||
			  command.kind == COMMAND_EXPLAIN;

	if (uses_query && !run->portal->query)
		return error_set(err, OBJECT_NOT_IN_PREREQUISITE_STATE,
			"portal \"%s\" cannot be run anymore", run->portal->name);
	switch (command.kind) {
	case COMMAND_EMPTY: pg_put_simple(&session->out, 'I'); return true;
	case COMMAND_QUERY: return run_query(session, run, err);
	case COMMAND_WRITE:
	case COMMAND_REFUSED:
		return pg_inner_query(session->request, &command, &(struct slice){0}, err);
	case COMMAND_SET:
	case COMMAND_SET_TRANSACTION:
	case COMMAND_RESET: return pg_run_set(session, &command, err);
	case COMMAND_SHOW: return pg_run_show(session, run, err);
	case COMMAND_DISCARD: return run_discard(session, &command, err);
	case COMMAND_BEGIN: run_begin(session, &command); return true;
	case COMMAND_COMMIT:
	case COMMAND_ROLLBACK: return run_end(session, &command, err);
	case COMMAND_SAVEPOINT:
	case COMMAND_RELEASE:
	case COMMAND_ROLLBACK_TO:
		if (!pg_savepoint(session, &command, err))
			return false;
		pg_complete(session, command.tag);
		return true;
	case COMMAND_DECLARE: return pg_run_declare(session, run->portal, err);
	case COMMAND_FETCH:
	case COMMAND_MOVE: return pg_run_fetch(session, run, err);
	case COMMAND_CLOSE: return pg_run_close(session, &command, err);
	case COMMAND_COPY: return pg_run_copy(session, run->portal, err);
	case COMMAND_PREPARE: return run_prepare(session, &command, err);
	case COMMAND_EXECUTE: return run_execute(session, run, err);
	case COMMAND_DEALLOCATE: return run_deallocate(session, &command, err);
	case COMMAND_EXPLAIN: return run_explain(session, run, err);
	case COMMAND_LISTEN:
		pg_tell(session, PG_WARNING, "01000",
			SLICE("this server sends no notifications; LISTEN has no effect"));
		pg_complete(session, command.tag);
		return true;
	case COMMAND_CANCEL: return run_cancel(session, run);
	case COMMAND_UNLISTEN: pg_complete(session, command.tag); return true;
	}
	return true;
}

bool pg_run_simple(struct pg_session *session, struct slice text, struct error *err)
{
	struct pg_portal *portal;

	if (!pg_portal_make(session, SLICE("weft simple"), &portal, err))
		return false;
	bool ok = pg_parse_one(
			  portal->arena, arena_copy(portal->arena, text), &portal->command, err) &&
		  pg_check_not_failed(session, &portal->command, err) &&
		  pg_portal_bind(session, portal, NULL, (struct pg_formats){0}, err);
	const struct pg_run run = {.portal = portal, .describe = true};

	ok = ok && pg_command_run(session, &run, err);
	portal = pg_portal_find(session, SLICE("weft simple"));
	if (portal)
		pg_portal_drop(session, portal);
	return ok;
}
