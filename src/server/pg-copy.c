/* COPY … TO STDOUT: the worker makes whole CopyData messages; here stand what comes before and
 * after them. */
#include "base/json.h"
#include "server/pg-private.h"

static void set_char(json_t *object, const char *key, char value)
{
	json_set_slice(object, key, slice_of(&value, 1));
}

/* options of W_EXECUTE (ipc/worker.h) */
static struct slice copy_options(struct arena *arena, const struct command_copy *copy)
{
	scoped(json_drop) json_t *options = json_object();

	if (copy->format == COMMAND_COPY_BINARY)
		return SLICE_NONE;
	json_object_set_new(options, "header", json_boolean(copy->header));
	set_char(options, "delimiter", copy->delimiter);
	json_set_slice(options, "null", copy->null_text);
	if (copy->format == COMMAND_COPY_CSV) {
		json_t *names = json_array();

		set_char(options, "quote", copy->quote);
		set_char(options, "escape", copy->escape);
		for (size_t i = 0; i < copy->force_quote_count; i++)
			json_array_append_new(names, json_from_slice(copy->force_quote[i]));
		if (copy->force_quote_all)
			json_object_set_new(options, "force_quote", json_true());
		else if (copy->force_quote_count)
			json_object_set(options, "force_quote", names);
		json_decref(names);
	}
	return json_print(arena, options);
}

static bool check_force_quote(const struct pg_portal *portal, struct error *err)
{
	const struct command_copy *copy = &portal->command.copy;

	for (size_t i = 0; i < copy->force_quote_count; i++) {
		bool found = false;

		for (size_t k = 0; k < portal->column_count; k++)
			found |= slice_equal(portal->columns[k].name, copy->force_quote[i]);
		if (!found)
			return error_set(err, UNDEFINED_COLUMN,
				"column \"%.*s\" of FORCE_QUOTE does not exist",
				SLICE_FMT(copy->force_quote[i]));
	}
	return true;
}

bool pg_run_copy(struct pg_session *session, struct pg_portal *portal, struct error *err)
{
	static const enum query_format formats[] = {
		[COMMAND_COPY_TEXT] = QUERY_COPY_TEXT,
		[COMMAND_COPY_CSV] = QUERY_COPY_CSV,
		[COMMAND_COPY_BINARY] = QUERY_COPY_BINARY,
	};
	enum command_copy_format format = portal->command.copy.format;
	const struct query_execution how = {
		.format = formats[format],
		.options = copy_options(session->request, &portal->command.copy),
		.params = portal->params,
		.param_count = portal->param_count,
	};
	struct pg_outcome outcome = {0};
	int16_t binary = 0;

	if (!check_force_quote(portal, err))
		return false;
	if (format == COMMAND_COPY_BINARY)
		binary = 1;
	pg_put_copy_out(&session->out, binary, portal->column_count);
	bool ok = pg_query_run(session, portal->query, &how,
		(struct pg_rows){.to = PG_ROWS_TO_CLIENT}, &outcome, err);

	query_close(&portal->query);
	if (!ok)
		return false;
	pg_put_simple(&session->out, 'c');
	pg_complete_rows(session, "COPY", outcome.rows);
	return true;
}
