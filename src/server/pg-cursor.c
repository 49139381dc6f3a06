/*
 * SQL cursors: portals that DECLARE made. They only go forward: rows stream from a worker. The
 * query runs at the first FETCH, in the formats that this one asked for, which all later ones must
 * ask for as well.
 */
#include <inttypes.h>

#include "base/num.h"
#include "server/pg-private.h"

bool pg_run_declare(struct pg_session *session, struct pg_portal *from, struct error *err)
{
	const struct command *command = &from->command;
	bool hold = command->flags & COMMAND_HOLD;
	struct pg_portal *cursor;

	if (session->state == PG_IDLE && !hold) {
		error_set(err, NO_ACTIVE_TRANSACTION,
			"DECLARE CURSOR can only be used in transaction blocks");
		return error_hint(err, "Send BEGIN first, or declare the cursor WITH HOLD.");
	}
	if (command->flags & COMMAND_SCROLL) {
		error_set(err, FEATURE_NOT_SUPPORTED, "scrollable cursors are not supported");
		return error_hint(err, "Leave SCROLL out: the cursor then goes forward.");
	}
	if (!pg_portal_make(session, command->name, &cursor, err))
		return false;
	cursor->cursor = true;
	cursor->hold = hold;
	cursor->command = (struct command){.kind = COMMAND_QUERY,
		.tag = "SELECT",
		.flags = command->flags,
		.text = arena_copy(cursor->arena, command->query)};
	cursor->query = take(from->query);
	cursor->column_count = from->column_count;
	cursor->columns = arena_array_of(cursor->arena, struct pg_column, from->column_count);
	for (size_t i = 0; i < from->column_count; i++) {
		cursor->columns[i] = from->columns[i];
		cursor->columns[i].name = arena_copy(cursor->arena, from->columns[i].name);
	}
	cursor->param_count = from->param_count;
	cursor->params = arena_array_of(cursor->arena, struct query_param, from->param_count);
	for (size_t i = 0; i < from->param_count; i++) {
		cursor->params[i] = from->params[i];
		cursor->params[i].value = arena_copy(cursor->arena, from->params[i].value);
	}
	pg_complete(session, "DECLARE CURSOR");
	return true;
}

/* The formats of a FETCH: what Bind said, or binary for a BINARY cursor in a simple query. */
static bool settle_formats(struct pg_portal *cursor, const struct pg_run *run, struct error *err)
{
	bool binary = run->describe && (cursor->command.flags & COMMAND_BINARY);
	bool first = cursor->state == PG_PORTAL_NEW && !cursor->formats;
	/* the cursor may be another one than at Bind */
	bool asked = !run->describe && run->portal->column_count == cursor->column_count;

	if (first)
		cursor->formats = arena_array_of(cursor->arena, int16_t, cursor->column_count);
	for (size_t i = 0; i < cursor->column_count; i++) {
		int16_t format = binary;

		if (asked)
			format = run->portal->formats[i];
		if (first)
			cursor->formats[i] = format;
		else if (cursor->formats[i] != format) {
			error_set(err, FEATURE_NOT_SUPPORTED,
				"the cursor is being read in other formats (text, binary)");
			return error_hint(err, "Ask for the same formats in each FETCH.");
		}
		cursor->columns[i].format = cursor->formats[i];
	}
	return true;
}

/* Reads count rows (COMMAND_COUNT_ALL: the rest). */
static bool advance(struct pg_session *session, struct pg_portal *cursor, int64_t count,
	enum pg_rows_to to, struct pg_outcome *out, struct error *err)
{
	uint64_t max_rows = count == COMMAND_COUNT_ALL ? 0 : (uint64_t)count;
	bool ok;

	*out = (struct pg_outcome){.end = QUERY_COMPLETE};
	if (cursor->state == PG_PORTAL_DONE || count == 0)
		return true;
	if (cursor->state == PG_PORTAL_NEW) {
		const struct query_execution how = {
			.format = QUERY_PG,
			.column_formats = cursor->formats,
			.params = cursor->params,
			.param_count = cursor->param_count,
			.max_rows = max_rows,
		};

		ok = pg_query_run(session, cursor->query, &how, to, out, err);
	} else {
		ok = pg_query_fetch(session, cursor->query, max_rows, to, out, err);
	}
	cursor->state = ok && out->end == QUERY_SUSPENDED ? PG_PORTAL_OPEN : PG_PORTAL_DONE;
	if (cursor->state == PG_PORTAL_DONE)
		query_close(&cursor->query);
	cursor->position += (int64_t)out->rows;
	return ok;
}

/* How many rows to pass over and how many to give. */
static bool plan_steps(const struct pg_portal *cursor, const struct command *command,
	int64_t *skip_out, int64_t *give_out, struct error *err)
{
	int64_t to = command->count;

	*skip_out = 0;
	*give_out = to;
	if (command->direction == FETCH_FORWARD)
		return true;
	if (command->direction == FETCH_ABSOLUTE && to > 0)
		to -= cursor->position;
	if (command->direction != FETCH_BACKWARD && to > 0) {
		*skip_out = to - 1;
		*give_out = 1;
		return true;
	}
	error_set(err, OBJECT_NOT_IN_PREREQUISITE_STATE, "cursor can only scan forward");
	return error_hint(err, "Declare the cursor again to begin from its first row.");
}

bool pg_run_fetch(struct pg_session *session, const struct pg_run *run, struct error *err)
{
	const struct command *command = &run->portal->command;
	struct pg_portal *cursor = pg_portal_find(session, command->name);
	bool moves = command->kind == COMMAND_MOVE;
	struct pg_outcome passed;
	struct pg_outcome given;
	int64_t skip;
	int64_t give;

	if (!cursor || cursor == run->portal) {
		error_set(err, INVALID_CURSOR_NAME, "cursor \"%.*s\" does not exist",
			SLICE_FMT(command->name));
		return error_hint(err, "Cursors end with their transaction, and when they are "
				       "left idle for long.");
	}
	if (!plan_steps(cursor, command, &skip, &give, err) ||
		(!moves && !settle_formats(cursor, run, err)))
		return false;
	if (run->describe && !moves)
		pg_put_row_description(&session->out, cursor->columns, cursor->column_count);
	if (!advance(session, cursor, skip, PG_ROWS_NOWHERE, &passed, err) ||
		!advance(session, cursor, give, moves ? PG_ROWS_NOWHERE : PG_ROWS_TO_CLIENT, &given,
			err))
		return false;
	pg_complete_rows(session, command->tag, given.rows);
	return true;
}

bool pg_run_close(struct pg_session *session, const struct command *command, struct error *err)
{
	struct pg_portal *next;

	for (struct pg_portal *at = session->portals; at && (command->flags & COMMAND_ALL);
		at = next) {
		next = at->next;
		if (at->cursor)
			pg_portal_drop(session, at);
	}
	if (!(command->flags & COMMAND_ALL)) {
		struct pg_portal *cursor = pg_portal_find(session, command->name);

		if (!cursor || !cursor->cursor)
			return error_set(err, INVALID_CURSOR_NAME, "cursor \"%.*s\" does not exist",
				SLICE_FMT(command->name));
		pg_portal_drop(session, cursor);
	}
	pg_complete(session, command->tag);
	return true;
}
