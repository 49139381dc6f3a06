#include <unistd.h>

#include "cli/cli.h"
#include "cli/files.h"
#include "cli/shell.h"
#include "cli/sql-run.h"
#include "cli/target.h"

/* weft sql: one statement, a file, standard input, or the shell. */

enum { SQL_FILE_MAX = 16 << 20 };

static bool read_params(struct sql_session *session, struct error *err)
{
	struct cli *cli = session->cli;

	session->params.len = parsed_count(&cli->parsed, "param");
	session->params.items = arena_array_of(cli->arena, struct sql_param, session->params.len);
	for (size_t i = 0; i < session->params.len; i++)
		if (!sql_param_parse(
			    parsed_nth(&cli->parsed, "param", i), &session->params.items[i], err))
			return false;
	return true;
}

static bool open_session(struct cli *cli, struct sql_session *session, struct error *err)
{
	struct target target;
	int64_t seconds = 0;

	*session = (struct sql_session){.cli = cli, .purpose = cli_option(cli, "purpose")};
	if (cli_is_set(cli, "fields")) {
		error_set(err, INVALID_PARAMETER_VALUE, "--fields is not for sql");
		return error_hint(err, "name the columns in the statement");
	}
	if (!target_find(cli, &target, err) || !read_params(session, err) ||
		!cli_option_number(cli, "limit", 0, &session->limit, err) ||
		!cli_option_number(cli, "timeout", 0, &seconds, err))
		return false;
	session->context = target.context;
	session->timeout_ms = seconds * 1000;
	return true;
}

static bool run_file(struct sql_session *session, const char *path, struct error *err)
{
	struct slice text = SLICE_NONE;

	return file_read(session->cli->arena, path, SQL_FILE_MAX, &text, err) &&
	       sql_run_all(session, text, err);
}

bool cmd_sql(struct cli *cli, struct error *err)
{
	struct sql_session session;
	const char *file = cli_option(cli, "file");
	const char *text = NULL;

	if (!open_session(cli, &session, err))
		return false;
	for (size_t i = 0; (text = parsed_nth(&cli->parsed, "command", i)); i++)
		if (!sql_run_all(&session, slice_from_c(text), err))
			return false;
	if (cli->parsed.arg_count && !sql_run_all(&session, slice_from_c(cli->parsed.args[0]), err))
		return false;
	if (file)
		return run_file(&session, file, err);
	if (cli_is_set(cli, "command") || cli->parsed.arg_count)
		return true;
	if (!cli->input_tty || !cli->output_tty)
		return run_file(&session, "-", err);
	return shell_run(&session, cli_is_set(cli, "safe"), err);
}
