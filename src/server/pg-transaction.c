/*
 * Transactions of a session that only reads: a block pins one snapshot from its first query to its
 * end, holds cursors, and undoes SET when it is rolled back. Outside of a block each Query message,
 * or each pipeline up to its Sync, is one of its own.
 */
#include <stdlib.h>

#include "base/check.h"
#include "server/auth.h"
#include "server/pg-private.h"
#include "server/server.h"

static void pop_savepoint(struct pg_session *session)
{
	struct pg_savepoint *top = session->savepoints;

	session->savepoints = top->next;
	session->savepoint_count--;
	free(top->name);
	free(top);
}

/* What commit and rollback share. */
static void end(struct pg_session *session)
{
	struct error ignored;

	pg_portals_drop(session, PG_PORTALS_OF_TRANSACTION, 0);
	pg_statements_rest(session);
	while (session->savepoints)
		pop_savepoint(session);
	if (session->snapshot.model)
		query_snapshot_drop(session->server, &session->snapshot);
	session->state = PG_IDLE;
	(void)!pg_sync_purpose(session, &ignored);
}

void pg_begin(struct pg_session *session)
{
	session->state = PG_IN_TRANSACTION;
}

bool pg_commit(struct pg_session *session, struct error *err)
{
	bool ok = session->state == PG_FAILED || pg_cursors_keep(session, err);

	if (!ok || session->state == PG_FAILED) {
		pg_rollback(session);
		return ok;
	}
	pg_settings_commit(session->settings);
	end(session);
	return true;
}

void pg_rollback(struct pg_session *session)
{
	pg_settings_undo(session->settings, 0);
	end(session);
}

bool pg_end_implicit(struct pg_session *session, struct error *err)
{
	bool ok = session->state != PG_IDLE || pg_commit(session, err);

	pg_statements_rest(session);
	return ok;
}

static struct pg_savepoint *find(struct pg_session *session, struct slice name)
{
	for (struct pg_savepoint *at = session->savepoints; at; at = at->next)
		if (slice_equal_c(name, at->name))
			return at;
	return NULL;
}

static void push_savepoint(struct pg_session *session, struct slice name)
{
	struct pg_savepoint *made = calloc(1, sizeof *made);

	if (!made)
		panic("out of memory");
	made->name = strndup(name.ptr, name.len);
	made->mark = pg_settings_mark(session->settings);
	made->next = session->savepoints;
	session->savepoints = made;
	session->savepoint_count++;
}

bool pg_savepoint(struct pg_session *session, const struct command *command, struct error *err)
{
	if (session->state == PG_IDLE)
		return error_set(err, NO_ACTIVE_TRANSACTION,
			"%s can only be used in transaction blocks", command->tag);
	if (command->kind == COMMAND_SAVEPOINT) {
		if (session->savepoint_count >= 1000)
			return error_set(err, LIMIT_EXCEEDED, "more than 1000 savepoints");
		push_savepoint(session, command->name);
		return true;
	}
	struct pg_savepoint *to = find(session, command->name);

	if (!to)
		return error_set(err, INVALID_SAVEPOINT, "savepoint \"%.*s\" does not exist",
			SLICE_FMT(command->name));
	while (session->savepoints != to)
		pop_savepoint(session);
	if (command->kind == COMMAND_RELEASE) {
		pop_savepoint(session);
		return true;
	}
	pg_portals_drop(session, PG_PORTALS_OF_TRANSACTION, session->savepoint_count);
	pg_settings_undo(session->settings, to->mark);
	session->state = PG_IN_TRANSACTION;
	return pg_sync_purpose(session, err);
}

bool pg_check_not_failed(
	const struct pg_session *session, const struct command *command, struct error *err)
{
	if (session->state != PG_FAILED || command->kind == COMMAND_COMMIT ||
		command->kind == COMMAND_ROLLBACK || command->kind == COMMAND_ROLLBACK_TO ||
		command->kind == COMMAND_EMPTY)
		return true;
	error_set(err, IN_FAILED_TRANSACTION,
		"current transaction is aborted, commands ignored "
		"until end of transaction block");
	return error_hint(err, "Send ROLLBACK.");
}

bool pg_sync_purpose(struct pg_session *session, struct error *err)
{
	struct slice wanted = pg_settings_get(session->settings, "weft.purpose");
	struct slice now = session->identity->principal.purpose;

	if (wanted.len == now.len && slice_equal(wanted, now))
		return true;
	if (!wanted.len && !now.len)
		return true;
	return auth_set_purpose(session->server, session->identity, wanted, err);
}
