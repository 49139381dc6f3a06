/*
 * The extended protocol: Parse, Bind, Describe, Execute, Close. A query is opened at Parse, so that
 * its errors come there, and again at Bind after a Sync: nothing that was decided outlives a
 * pipeline, and an idle session holds no worker. When the columns have changed since a client was
 * told them, 0A000 with PostgreSQL's text, upon which drivers prepare again.
 */
#include "server/pg-private.h"

static bool no_statement(struct slice name, struct error *err)
{
	if (!name.len)
		return error_set(
			err, INVALID_STATEMENT_NAME, "unnamed prepared statement does not exist");
	return error_set(err, INVALID_STATEMENT_NAME, "prepared statement \"%.*s\" does not exist",
		SLICE_FMT(name));
}

static bool no_portal(struct slice name, struct error *err)
{
	error_set(err, INVALID_CURSOR_NAME, "portal \"%.*s\" does not exist", SLICE_FMT(name));
	return error_hint(err, "Portals end with their transaction.");
}

/* Opens the query inside a statement, where it is not open. */
static bool open_statement(
	struct pg_session *session, struct pg_statement *statement, struct error *err)
{
	struct slice inner;

	if (statement->query)
		return true;
	if (!pg_inner_query(session->request, &statement->command, &inner, err))
		return false;
	if (slice_is_none(inner))
		return true;
	if (pg_query_open(
		    session, inner, statement->oids, statement->oid_count, &statement->query, err))
		return true;
	pg_shift_position(&statement->command, err);
	return false;
}

bool pg_on_parse(struct pg_session *session, struct slice body, struct error *err)
{
	struct pg_parse parse;
	struct pg_statement *statement;
	struct command command;

	if (!pg_read_parse(session->request, body, &parse, err) ||
		!pg_parse_one(session->request, parse.text, &command, err) ||
		!pg_check_not_failed(session, &command, err) ||
		!pg_statement_make(session, parse.name, parse.text, &statement, err))
		return false;
	statement->oids = arena_array_of(statement->arena, uint32_t, parse.oid_count);
	for (size_t i = 0; i < parse.oid_count; i++)
		statement->oids[i] = parse.oids[i];
	statement->oid_count = parse.oid_count;
	if (!pg_parse_one(statement->arena, statement->text, &statement->command, err) ||
		!open_statement(session, statement, err)) {
		pg_statement_drop(session, statement);
		return false;
	}
	pg_put_simple(&session->out, '1');
	return true;
}

/* The message's values become parameters that live with the portal. */
static void copy_params(struct pg_portal *portal, const struct pg_bind *bind)
{
	portal->params = arena_array_of(portal->arena, struct query_param, bind->value_count);
	portal->param_count = bind->value_count;
	for (size_t i = 0; i < bind->value_count; i++) {
		int16_t format = 0;

		if (bind->param_format_count == 1)
			format = bind->param_formats[0];
		else if (bind->param_format_count > 1)
			format = bind->param_formats[i];
		portal->params[i] = (struct query_param){
			.format = format, .value = arena_copy(portal->arena, bind->values[i])};
	}
}

bool pg_on_bind(struct pg_session *session, struct slice body, struct error *err)
{
	struct pg_bind bind;
	struct pg_portal *portal;

	if (!pg_read_bind(session->request, body, &bind, err))
		return false;
	struct pg_statement *statement = pg_statement_find(session, bind.statement);

	if (!statement)
		return no_statement(bind.statement, err);
	if (!pg_check_not_failed(session, &statement->command, err) ||
		!pg_portal_make(session, bind.portal, &portal, err))
		return false;
	copy_params(portal, &bind);
	if (!pg_parse_one(portal->arena, arena_copy(portal->arena, statement->text),
		    &portal->command, err) ||
		!pg_portal_bind(session, portal, statement,
			(struct pg_formats){bind.result_formats, bind.result_format_count}, err)) {
		pg_portal_drop(session, portal);
		return false;
	}
	pg_put_simple(&session->out, '2');
	return true;
}

static void put_columns(struct pg_session *session, const struct pg_column *columns, size_t count)
{
	if (count)
		pg_put_row_description(&session->out, columns, count);
	else
		pg_put_simple(&session->out, 'n');
}

/* COPY and DECLARE hold a query, but answer with no rows of it. */
static bool gives_rows(const struct command *command)
{
	return command->kind != COMMAND_COPY && command->kind != COMMAND_DECLARE;
}

static void put_parameters(struct pg_session *session, const struct pg_statement *statement,
	const struct pg_description *description)
{
	uint32_t *oids = arena_array_of(session->request, uint32_t, description->oid_count);

	for (size_t i = 0; i < description->oid_count; i++)
		oids[i] = pg_param_oid(statement, description, i);
	pg_put_parameter_description(&session->out, oids, description->oid_count);
}

static bool describe_statement(struct pg_session *session, struct slice name, struct error *err)
{
	struct pg_statement *statement = pg_statement_find(session, name);
	struct pg_description description = {0};

	if (!statement)
		return no_statement(name, err);
	if (!pg_check_not_failed(session, &statement->command, err) ||
		!open_statement(session, statement, err))
		return false;
	if (statement->query && !pg_query_describe(session, statement->query, session->request,
					&description, err)) {
		pg_shift_position(&statement->command, err);
		return false;
	}
	statement->signature = description.signature;
	put_parameters(session, statement, &description);
	if (statement->command.kind != COMMAND_QUERY &&
		!pg_command_columns(
			session, &statement->command, session->request, &description, err))
		return false;
	put_columns(session, description.columns,
		gives_rows(&statement->command) ? description.column_count : 0);
	return true;
}

bool pg_on_describe(struct pg_session *session, struct slice body, struct error *err)
{
	struct pg_target target;

	if (!pg_read_target(body, &target, err))
		return false;
	if (target.kind == 'S')
		return describe_statement(session, target.name, err);
	struct pg_portal *portal = pg_portal_find(session, target.name);

	if (!portal)
		return no_portal(target.name, err);
	if (!pg_check_not_failed(session, &portal->command, err))
		return false;
	put_columns(session, portal->columns,
		gives_rows(&portal->command) || portal->cursor ? portal->column_count : 0);
	return true;
}

bool pg_on_execute(struct pg_session *session, struct slice body, struct error *err)
{
	struct pg_execute execute;

	if (!pg_read_execute(body, &execute, err))
		return false;
	struct pg_portal *portal = pg_portal_find(session, execute.portal);

	if (!portal)
		return no_portal(execute.portal, err);
	if (!pg_check_not_failed(session, &portal->command, err))
		return false;
	const struct pg_run run = {.portal = portal, .max_rows = execute.max_rows};

	return pg_command_run(session, &run, err);
}

bool pg_on_close(struct pg_session *session, struct slice body, struct error *err)
{
	struct pg_target target;

	if (!pg_read_target(body, &target, err))
		return false;
	struct pg_statement *statement =
		target.kind == 'S' ? pg_statement_find(session, target.name) : NULL;
	struct pg_portal *portal = target.kind == 'P' ? pg_portal_find(session, target.name) : NULL;

	if (statement)
		pg_statement_drop(session, statement);
	if (portal)
		pg_portal_drop(session, portal);
	pg_put_simple(&session->out, '3');
	return true;
}
