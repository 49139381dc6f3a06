/*
 * SQL cursors: portals that DECLARE made, and those of Bind where FETCH or MOVE name one. Nothing
 * runs before the first FETCH. Rows of a cursor that may be read again (SCROLL, WITH HOLD) are kept
 * in a spool as they come; others stream from the worker to the client and only go forward. At the
 * end of its transaction a cursor WITH HOLD is read to its end, so that no worker is held outside
 * of transactions. Positions and counts follow PostgreSQL's DoPortalRunFetch: 0 is before the first
 * row, rows + 1 behind the last one.
 */
#include <inttypes.h>

#include "base/num.h"
#include "server/pg-private.h"

static void copy_params(struct pg_portal *cursor, const struct pg_portal *from)
{
	cursor->param_count = from->param_count;
	cursor->params = arena_array_of(cursor->arena, struct query_param, from->param_count);
	for (size_t i = 0; i < from->param_count; i++) {
		cursor->params[i] = from->params[i];
		cursor->params[i].value = arena_copy(cursor->arena, from->params[i].value);
	}
}

static void copy_columns(struct pg_portal *cursor, const struct pg_portal *from)
{
	bool binary = cursor->command.flags & COMMAND_BINARY;

	cursor->column_count = from->column_count;
	cursor->columns = arena_array_of(cursor->arena, struct pg_column, from->column_count);
	cursor->formats = arena_array_of(cursor->arena, int16_t, from->column_count);
	for (size_t i = 0; i < from->column_count; i++) {
		cursor->columns[i] = from->columns[i];
		cursor->columns[i].name = arena_copy(cursor->arena, from->columns[i].name);
		cursor->columns[i].format = cursor->formats[i] = binary;
	}
}

static bool open_spool(struct pg_session *session, struct pg_portal *cursor, struct error *err)
{
	struct pg_spool_budget *const budgets[PG_SPOOL_BUDGETS] = {
		&session->spool_budget, &session->door->spool_budget};

	return pg_spool_new(session->door->spool_dir, budgets, &cursor->spool, err);
}

bool pg_run_declare(struct pg_session *session, struct pg_portal *from, struct error *err)
{
	const struct command *command = &from->command;
	bool hold = command->flags & COMMAND_HOLD;
	struct pg_portal *cursor;

	if (session->state == PG_IDLE && !hold && !session->several) {
		error_set(err, NO_ACTIVE_TRANSACTION,
			"DECLARE CURSOR can only be used in transaction blocks");
		return error_hint(err, "Send BEGIN first, or declare the cursor WITH HOLD.");
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
	copy_columns(cursor, from);
	copy_params(cursor, from);
	if ((command->flags & (COMMAND_HOLD | COMMAND_SCROLL)) &&
		!open_spool(session, cursor, err)) {
		pg_portal_drop(session, cursor);
		return false;
	}
	pg_complete(session, "DECLARE CURSOR");
	return true;
}

/* The next max_rows (0 = all) rows of the query, in the cursor's formats, to where they go. */
static bool pull(struct pg_session *session, struct pg_portal *cursor, uint64_t max_rows,
	enum pg_rows_to to, uint64_t *rows_out, struct error *err)
{
	const struct pg_rows rows = {cursor->spool ? PG_ROWS_TO_SPOOL : to, cursor->spool};
	struct pg_outcome outcome = {.end = QUERY_COMPLETE};
	bool ok = true;

	if (cursor->state == PG_PORTAL_NEW) {
		const struct query_execution how = {
			.format = cursor->spool ? QUERY_PG_BOTH : QUERY_PG,
			.column_formats = cursor->spool ? NULL : cursor->formats,
			.params = cursor->params,
			.param_count = cursor->param_count,
			.max_rows = max_rows,
		};

		ok = pg_query_run(session, cursor->query, &how, rows, &outcome, err);
	} else if (cursor->state == PG_PORTAL_OPEN) {
		const struct query_more more = {max_rows, cursor->spool ? NULL : cursor->formats};

		ok = pg_query_fetch(session, cursor->query, &more, rows, &outcome, err);
	}
	cursor->state = ok && outcome.end == QUERY_SUSPENDED ? PG_PORTAL_OPEN : PG_PORTAL_DONE;
	*rows_out = outcome.rows;
	cursor->failed = !ok;
	return ok;
}

static bool give_row(void *ctx, struct slice message, struct error *err)
{
	struct pg_session *session = ctx;

	pg_send_rows(session, message);
	if (session->broken)
		return error_set(err, CONNECTION_FAILURE, "the client is gone");
	if (atomic_load(&session->cancelled))
		return error_set(err, QUERY_CANCELED, "canceling statement due to user request");
	return true;
}

/* Rows of the spool; the first one is number 1 here. */
static bool give(struct pg_session *session, struct pg_portal *cursor, struct pg_spool_range range,
	enum pg_rows_to to, struct error *err)
{
	const struct pg_spool_sink sink = {give_row, session};

	range.formats = cursor->formats;
	range.from--;
	return to == PG_ROWS_NOWHERE || range.count == 0 ||
	       pg_spool_read(cursor->spool, &range, &sink, err);
}

/* Where the cursor stands; rows passed over or given are counted. */
struct walk {
	struct pg_session *session;
	struct pg_portal *cursor;
	enum pg_rows_to to;
	uint64_t rows;
};

/* count rows; COMMAND_COUNT_ALL: the rest. */
static bool go_forward(struct walk *walk, int64_t count, struct error *err)
{
	struct pg_portal *cursor = walk->cursor;
	uint64_t want = (uint64_t)count;
	uint64_t got = 0;

	walk->rows = 0;
	if (count == 0 || cursor->behind)
		return true;
	if (cursor->spool) {
		uint64_t known = pg_spool_count(cursor->spool);
		uint64_t ahead = known - cursor->position;

		if (ahead < want && cursor->state != PG_PORTAL_DONE &&
			!pull(walk->session, cursor, count == COMMAND_COUNT_ALL ? 0 : want - ahead,
				walk->to, &got, err))
			return false;
		got = min_of(want, pg_spool_count(cursor->spool) - cursor->position);
		if (!give(walk->session, cursor,
			    (struct pg_spool_range){.from = cursor->position + 1, .count = got},
			    walk->to, err))
			return false;
	} else if (!pull(walk->session, cursor, count == COMMAND_COUNT_ALL ? 0 : want, walk->to,
			   &got, err)) {
		return false;
	}
	cursor->position += got;
	cursor->behind = got < want;
	walk->rows = got;
	return true;
}

static bool may_go_back(const struct pg_portal *cursor, struct error *err)
{
	if (cursor->spool && !(cursor->command.flags & COMMAND_NO_SCROLL))
		return true;
	error_set(err, OBJECT_NOT_IN_PREREQUISITE_STATE, "cursor can only scan forward");
	return error_hint(err, "Declare it with SCROLL option to enable backward scan.");
}

/* The rows before the one it stands on; all of them when it stands behind the last one. */
static uint64_t before(const struct pg_portal *cursor)
{
	return cursor->position - (cursor->behind || cursor->position == 0 ? 0 : 1);
}

static bool go_backward(struct walk *walk, int64_t count, struct error *err)
{
	struct pg_portal *cursor = walk->cursor;
	uint64_t end = before(cursor);
	uint64_t got = min_of((uint64_t)count, end);

	walk->rows = 0;
	if (!may_go_back(cursor, err))
		return false;
	if (!give(walk->session, cursor,
		    (struct pg_spool_range){.from = end - got + 1, .count = got, .backward = true},
		    walk->to, err))
		return false;
	cursor->position = got < (uint64_t)count ? 0 : end - got + 1;
	cursor->behind = false;
	walk->rows = got;
	return true;
}

/* Counts the rows that it comes back over. */
static bool rewind_to_start(struct walk *walk, struct error *err)
{
	struct pg_portal *cursor = walk->cursor;

	walk->rows = before(cursor);
	if (cursor->position == 0 && !cursor->behind)
		return true;
	if (!may_go_back(cursor, err))
		return false;
	cursor->position = 0;
	cursor->behind = false;
	return true;
}

/* Passes over count rows without giving them. */
static bool skip(struct walk *walk, int64_t count, bool backward, struct error *err)
{
	enum pg_rows_to to = walk->to;

	walk->to = PG_ROWS_NOWHERE;
	bool ok = backward ? go_backward(walk, count, err) : go_forward(walk, count, err);

	walk->to = to;
	return ok;
}

static bool go_absolute(struct walk *walk, int64_t count, struct error *err)
{
	struct pg_portal *cursor = walk->cursor;

	if (count == 0) {
		bool ok = rewind_to_start(walk, err);

		walk->rows = 0;
		return ok;
	}
	if (count < 0) {
		int64_t back = count == INT64_MIN ? INT64_MAX : -count;

		return skip(walk, COMMAND_COUNT_ALL, false, err) &&
		       (back == 1 || skip(walk, back - 1, true, err)) && go_backward(walk, 1, err);
	}
	if ((uint64_t)count <= cursor->position + (cursor->behind ? 1 : 0) &&
		!rewind_to_start(walk, err))
		return false;
	return skip(walk, count - 1 - (int64_t)cursor->position, false, err) &&
	       go_forward(walk, 1, err);
}

/* The row it stands on once more. */
static bool go_nowhere(struct walk *walk, struct error *err)
{
	struct pg_portal *cursor = walk->cursor;
	bool on_row = cursor->position > 0 && !cursor->behind;

	walk->rows = on_row;
	if (!on_row || walk->to == PG_ROWS_NOWHERE)
		return true;
	return may_go_back(cursor, err) &&
	       give(walk->session, cursor,
		       (struct pg_spool_range){.from = cursor->position, .count = 1}, walk->to,
		       err);
}

static bool go_relative(struct walk *walk, int64_t count, struct error *err)
{
	bool backward = count < 0;
	int64_t steps = count == INT64_MIN ? INT64_MAX : backward ? -count : count;

	if (steps > 1 && !skip(walk, steps - 1, backward, err))
		return false;
	return backward ? go_backward(walk, 1, err) : go_forward(walk, 1, err);
}

static bool go(struct walk *walk, const struct command *command, struct error *err)
{
	switch (command->direction) {
	case FETCH_ABSOLUTE: return go_absolute(walk, command->count, err);
	case FETCH_RELATIVE:
	case FETCH_FORWARD:
	case FETCH_BACKWARD: break;
	}
	if (command->count == 0)
		return (command->direction != FETCH_BACKWARD || walk->to == PG_ROWS_NOWHERE ||
			       may_go_back(walk->cursor, err)) &&
		       go_nowhere(walk, err);
	if (command->direction == FETCH_RELATIVE)
		return go_relative(walk, command->count, err);
	if (command->direction == FETCH_FORWARD)
		return go_forward(walk, command->count, err);
	if (command->count == COMMAND_COUNT_ALL && walk->to == PG_ROWS_NOWHERE)
		return rewind_to_start(walk, err);
	return go_backward(walk, command->count, err);
}

/* The formats of this FETCH: what Bind said, or in a simple query the cursor's own. */
static void settle_formats(struct pg_portal *cursor, const struct pg_run *run)
{
	bool binary = cursor->command.flags & COMMAND_BINARY;
	/* the cursor may be another one than at Bind */
	bool asked = !run->describe && run->portal != cursor && run->portal->formats &&
		     run->portal->column_count == cursor->column_count;

	for (size_t i = 0; i < cursor->column_count; i++) {
		cursor->formats[i] = binary;
		if (asked)
			cursor->formats[i] = run->portal->formats[i];
		cursor->columns[i].format = cursor->formats[i];
	}
}

static bool walk_cursor(struct walk *walk, const struct command *command, struct error *err)
{
	struct pg_portal *cursor = walk->cursor;

	if (cursor->failed) {
		error_set(err, OBJECT_NOT_IN_PREREQUISITE_STATE, "portal \"%s\" cannot be run",
			cursor->name);
		return error_hint(err, "It failed before; declare the cursor again.");
	}
	/* of a portal of Bind's that came to its end there is no query anymore */
	return (!cursor->query || query_still_allowed(cursor->query, err)) &&
	       go(walk, command, err);
}

bool pg_run_fetch(struct pg_session *session, const struct pg_run *run, struct error *err)
{
	const struct command *command = &run->portal->command;
	struct pg_portal *cursor = pg_portal_find(session, command->name);
	bool moves = command->kind == COMMAND_MOVE;
	struct walk walk = {.session = session,
		.cursor = cursor,
		.to = moves ? PG_ROWS_NOWHERE : PG_ROWS_TO_CLIENT};

	if (!cursor || cursor == run->portal) {
		error_set(err, INVALID_CURSOR_NAME, "cursor \"%.*s\" does not exist",
			SLICE_FMT(command->name));
		return error_hint(err, "Cursors end with their transaction, those declared WITH "
				       "HOLD with their session.");
	}
	if (cursor->command.kind != COMMAND_QUERY)
		return error_set(err, OBJECT_NOT_IN_PREREQUISITE_STATE,
			"portal \"%s\" is no query's", cursor->name);
	if (!moves)
		settle_formats(cursor, run);
	if (run->describe && !moves)
		pg_put_row_description(&session->out, cursor->columns, cursor->column_count);
	if (!walk_cursor(&walk, command, err))
		return false;
	pg_complete_rows(session, command->tag, walk.rows);
	return true;
}

bool pg_run_cursor(struct pg_session *session, const struct pg_run *run, struct error *err)
{
	struct pg_portal *cursor = run->portal;
	struct walk walk = {.session = session, .cursor = cursor, .to = PG_ROWS_TO_CLIENT};
	const struct command forward = {.direction = FETCH_FORWARD,
		.count = run->max_rows ? (int64_t)run->max_rows : COMMAND_COUNT_ALL};

	settle_formats(cursor, run);
	if (!walk_cursor(&walk, &forward, err))
		return false;
	if (cursor->behind)
		pg_complete_rows(session, "SELECT", walk.rows);
	else
		pg_put_simple(&session->out, 's');
	return true;
}

bool pg_cursors_keep(struct pg_session *session, struct error *err)
{
	for (struct pg_portal *at = session->portals; at; at = at->next) {
		uint64_t rows;

		if (!at->hold || at->held)
			continue;
		if (at->state != PG_PORTAL_DONE && !at->failed &&
			!pull(session, at, 0, PG_ROWS_NOWHERE, &rows, err))
			return error_wrap(err, "cursor \"%s\"", at->name);
		at->held = true;
	}
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
