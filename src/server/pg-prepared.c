/* Prepared statements and portals by name, and what both need: one command out of a text, the query
 * inside it. */
#include <stdlib.h>

#include "base/check.h"
#include "server/pg-private.h"

struct pg_statement *pg_statement_find(struct pg_session *session, struct slice name)
{
	for (struct pg_statement *at = session->statements; at; at = at->next)
		if (slice_equal_c(name, at->name))
			return at;
	return NULL;
}

/* "" is the unnamed one. */
static char *copy_name(struct slice name)
{
	char *copy = strndup(name.ptr ? name.ptr : "", name.len);

	if (!copy)
		panic("out of memory");
	return copy;
}

bool pg_statement_make(struct pg_session *session, struct slice name, struct slice text,
	struct pg_statement **out, struct error *err)
{
	struct pg_statement *old = pg_statement_find(session, name);

	if (old && name.len) {
		error_set(err, DUPLICATE_PREPARED_STATEMENT,
			"prepared statement \"%.*s\" already exists", SLICE_FMT(name));
		return error_hint(err, "DEALLOCATE it, or use another name.");
	}
	if (old)
		pg_statement_drop(session, old);
	if (session->statement_count >= PG_STATEMENTS_MAX) {
		error_set(err, LIMIT_EXCEEDED, "a session has at most %d prepared statements",
			PG_STATEMENTS_MAX);
		return error_hint(err, "DEALLOCATE those that are no longer needed.");
	}
	struct pg_statement *made = calloc(1, sizeof *made);

	if (!made)
		panic("out of memory");
	made->name = copy_name(name);
	made->arena = arena_new();
	made->text = arena_copy(made->arena, text);
	made->next = session->statements;
	session->statements = made;
	session->statement_count++;
	*out = made;
	return true;
}

void pg_statement_drop(struct pg_session *session, struct pg_statement *statement)
{
	struct pg_statement **link = &session->statements;

	while (*link != statement)
		link = &(*link)->next;
	*link = statement->next;
	session->statement_count--;
	query_close(&statement->query);
	arena_free(&statement->arena);
	free(statement->name);
	free(statement);
}

void pg_statements_drop_all(struct pg_session *session)
{
	while (session->statements)
		pg_statement_drop(session, session->statements);
}

uint32_t pg_param_oid(
	const struct pg_statement *prepared, const struct pg_description *description, size_t index)
{
	if (prepared && index < prepared->oid_count && prepared->oids[index])
		return prepared->oids[index];
	return description->oids[index];
}

void pg_statements_rest(struct pg_session *session)
{
	for (struct pg_statement *at = session->statements; at; at = at->next)
		query_close(&at->query);
}

struct pg_portal *pg_portal_find(struct pg_session *session, struct slice name)
{
	for (struct pg_portal *at = session->portals; at; at = at->next)
		if (slice_equal_c(name, at->name))
			return at;
	return NULL;
}

bool pg_portal_make(
	struct pg_session *session, struct slice name, struct pg_portal **out, struct error *err)
{
	struct pg_portal *old = pg_portal_find(session, name);

	if (old && name.len)
		return error_set(
			err, DUPLICATE_CURSOR, "cursor \"%.*s\" already exists", SLICE_FMT(name));
	if (old)
		pg_portal_drop(session, old);
	if (session->portal_count >= PG_PORTALS_MAX) {
		error_set(err, LIMIT_EXCEEDED, "a session has at most %d portals and cursors",
			PG_PORTALS_MAX);
		return error_hint(err, "CLOSE those that are no longer needed.");
	}
	struct pg_portal *made = calloc(1, sizeof *made);

	if (!made)
		panic("out of memory");
	made->name = copy_name(name);
	made->arena = arena_new();
	made->savepoints = session->savepoint_count;
	made->next = session->portals;
	session->portals = made;
	session->portal_count++;
	*out = made;
	return true;
}

void pg_portal_drop(struct pg_session *session, struct pg_portal *portal)
{
	struct pg_portal **link = &session->portals;

	while (*link != portal)
		link = &(*link)->next;
	*link = portal->next;
	session->portal_count--;
	query_close(&portal->query);
	pg_spool_free(&portal->spool);
	arena_free(&portal->arena);
	free(portal->name);
	free(portal);
}

void pg_portals_drop(struct pg_session *session, enum pg_portals which, size_t savepoints)
{
	struct pg_portal *next;

	for (struct pg_portal *at = session->portals; at; at = next) {
		next = at->next;
		if (at->savepoints >= savepoints && (which == PG_PORTALS_ALL || !at->held))
			pg_portal_drop(session, at);
	}
}

bool pg_parse_one(struct arena *arena, struct slice text, struct command *out, struct error *err)
{
	struct slice *statements;
	size_t count;

	*out = (struct command){0};
	if (!command_split(arena, text, &statements, &count, err))
		return false;
	if (count > 1) {
		error_set(err, SYNTAX_ERROR,
			"cannot insert multiple commands into a prepared statement");
		return error_hint(err, "Send one statement at a time, or a simple query.");
	}
	if (!command_parse(arena, count ? statements[0] : SLICE(""), out, err)) {
		if (err->position > 0)
			err->position +=
				command_position(text, (size_t)(statements[0].ptr - text.ptr)) - 1;
		return false;
	}
	return true;
}

static bool refuse_write(const struct command *command, struct error *err)
{
	if (command->kind == COMMAND_REFUSED) {
		error_set(err, FEATURE_NOT_SUPPORTED, "%s is not supported", command->tag);
		return error_hint(err, "Statements here only read. Nodes and products are managed "
				       "by manifests: weft plan, weft apply.");
	}
	error_set(err, READ_ONLY, "cannot execute %s: SQL only reads", command->tag);
	return error_hint(err, "Products are written by their pipelines: change the manifests and "
			       "run \"weft apply\", or start a run with \"weft run\".");
}

bool pg_inner_query(
	struct arena *arena, const struct command *command, struct slice *out, struct error *err)
{
	struct command inner;

	*out = SLICE_NONE;
	if (command->kind == COMMAND_WRITE || command->kind == COMMAND_REFUSED)
		return refuse_write(command, err);
	if (command->kind == COMMAND_QUERY) {
		*out = command->text;
		return true;
	}
	if (slice_is_none(command->query) || command->kind == COMMAND_PREPARE)
		return true;
	if (!pg_parse_one(arena, command->query, &inner, err)) {
		pg_shift_position(command, err);
		return false;
	}
	if (inner.kind == COMMAND_WRITE || inner.kind == COMMAND_REFUSED)
		return refuse_write(&inner, err);
	if (inner.kind != COMMAND_QUERY) {
		error_set(err, FEATURE_NOT_SUPPORTED, "%s takes a query, not %s", command->tag,
			inner.tag);
		return error_hint(err, "Write a SELECT there.");
	}
	*out = command->query;
	return true;
}

void pg_shift_position(const struct command *command, struct error *err)
{
	if (err->position <= 0 || command->kind == COMMAND_QUERY)
		return;
	if (command->query_at < 0)
		err->position = 0;
	else
		err->position += command_position(command->text, (size_t)command->query_at) - 1;
}
