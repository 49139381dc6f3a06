/* SET, RESET, SHOW. */
#include "server/pg-private.h"

static bool is_plain_word(struct slice text)
{
	for (size_t i = 0; i < text.len; i++) {
		char c = text.ptr[i];

		if (!(c >= 'a' && c <= 'z') && c != '_' && !(i > 0 && c >= '0' && c <= '9'))
			return false;
	}
	return text.len > 0;
}

/* The list as one text; names of the search path are quoted where they must be. */
static struct slice join_values(struct pg_session *session, const struct command *command)
{
	bool names = slice_equal_c(command->name, "search_path");
	struct str joined = str_in(session->request);

	for (size_t i = 0; i < command->value_count; i++) {
		struct slice text = command->values[i].text;

		if (i > 0)
			str_add_c(&joined, ", ");
		if (names && !is_plain_word(text))
			str_add_sql_ident(&joined, text);
		else
			str_add(&joined, text);
	}
	return str_slice(&joined);
}

static bool set_isolation(
	struct pg_session *session, const struct command *command, struct error *err)
{
	bool session_wide = command->flags & COMMAND_SESSION;
	struct slice name = session_wide ? SLICE("default_transaction_isolation")
					 : SLICE("transaction_isolation");

	return slice_is_none(command->isolation) ||
	       pg_settings_set(session->settings, name, command->isolation,
		       session_wide ? PG_SET_SESSION : PG_SET_LOCAL, err);
}

static bool set_one(struct pg_session *session, const struct command *command, struct error *err)
{
	bool local = command->flags & COMMAND_LOCAL;
	bool none = command->kind == COMMAND_RESET || (command->flags & COMMAND_DEFAULT);
	struct slice value = none ? SLICE_NONE : join_values(session, command);

	if (local && session->state == PG_IDLE)
		pg_tell(session, PG_WARNING, "25P01",
			SLICE("SET LOCAL can only be used in transaction blocks"));
	return pg_settings_set(session->settings, command->name, value,
		local ? PG_SET_LOCAL : PG_SET_SESSION, err);
}

bool pg_run_set(struct pg_session *session, const struct command *command, struct error *err)
{
	size_t mark = pg_settings_mark(session->settings);
	bool ok = true;

	if (command->kind == COMMAND_SET_TRANSACTION)
		ok = set_isolation(session, command, err);
	else if (command->flags & COMMAND_ALL)
		pg_settings_reset_all(session->settings);
	else
		ok = set_one(session, command, err);
	if (ok && !pg_sync_purpose(session, err)) {
		pg_settings_undo(session->settings, mark);
		ok = false;
	}
	if (ok)
		pg_complete(session, command->tag);
	return ok;
}

static const struct pg_column all_columns[] = {
	{SLICE("name"), PG_OID_TEXT, -1, -1, 0},
	{SLICE("setting"), PG_OID_TEXT, -1, -1, 0},
	{SLICE("description"), PG_OID_TEXT, -1, -1, 0},
};

size_t pg_show_columns(const struct command *command, const struct pg_column **out)
{
	*out = command->flags & COMMAND_ALL ? all_columns : &all_columns[1];
	return command->flags & COMMAND_ALL ? array_len(all_columns) : 1;
}

static void show_all(struct pg_session *session, const struct pg_run *run)
{
	size_t count = pg_settings_count(session->settings);

	if (run->describe)
		pg_put_row_description(&session->out, all_columns, array_len(all_columns));
	for (size_t i = 0; i < count; i++) {
		struct pg_setting_view view = pg_settings_at(session->settings, i);
		const struct slice row[] = {view.name, view.value, view.text};

		pg_put_data_row(&session->out, row, array_len(row));
	}
}

bool pg_run_show(struct pg_session *session, const struct pg_run *run, struct error *err)
{
	const struct command *command = &run->portal->command;

	if (command->flags & COMMAND_ALL) {
		show_all(session, run);
		pg_complete(session, "SHOW");
		return true;
	}
	struct slice value = pg_settings_find(session->settings, command->name);

	if (slice_is_none(value)) {
		error_set(err, UNDEFINED_OBJECT, "unrecognized configuration parameter \"%.*s\"",
			SLICE_FMT(command->name));
		return error_hint(err, "SHOW ALL lists the parameters; \\dt or "
				       "information_schema.tables the tables.");
	}
	struct pg_column column = all_columns[1];

	column.name = command->name;
	if (run->describe)
		pg_put_row_description(&session->out, &column, 1);
	pg_put_data_row(&session->out, &value, 1);
	pg_complete(session, "SHOW");
	return true;
}
