#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/client.h"
#include "cli/files.h"
#include "cli/shell-private.h"

/* The shell's own commands: one row each, with the spellings of psql and of sqlite. */

typedef bool (*shell_fn)(struct shell *shell, struct slice argument, struct error *err);

static bool do_quit(struct shell *shell, struct slice argument, struct error *err)
{
	(void)argument;
	(void)err;
	shell->ended = true;
	return true;
}

static bool do_describe(struct shell *shell, struct slice argument, struct error *err)
{
	struct arena *arena = shell->session->cli->arena;
	struct str sql = str_in(arena);
	struct slice table = argument;

	if (argument.len == 0)
		return sql_run(shell->session,
			SLICE("SELECT domain, table_name, description FROM mesh.tables ORDER BY 1, "
			      "2"),
			err);
	struct slice domain = slice_split(&table, '.');

	str_add(&sql,
		SLICE("SELECT column_name, data_type, mask, description FROM mesh.columns WHERE "));
	if (slice_is_none(table)) {
		str_add(&sql, SLICE("table_name = "));
		str_add_sql_literal(&sql, domain);
	} else {
		str_add(&sql, SLICE("domain = "));
		str_add_sql_literal(&sql, domain);
		str_add(&sql, SLICE(" AND table_name = "));
		str_add_sql_literal(&sql, table);
	}
	str_add(&sql, SLICE(" ORDER BY position"));
	return sql_run(shell->session, str_slice(&sql), err);
}

static bool do_domains(struct shell *shell, struct slice argument, struct error *err)
{
	(void)argument;
	return sql_run(shell->session,
		SLICE("SELECT domain, title, description FROM mesh.domains ORDER BY 1"), err);
}

static bool do_timing(struct shell *shell, struct slice argument, struct error *err)
{
	(void)err;
	shell->session->timing =
		argument.len ? slice_equal_c(argument, "on") : !shell->session->timing;
	printf("timing is %s\n", shell->session->timing ? "on" : "off");
	return true;
}

static bool do_mode(struct shell *shell, struct slice argument, struct error *err)
{
	static const struct {
		const char *name;
		enum output_format format;
	} modes[] = {{"table", OUTPUT_TABLE}, {"wide", OUTPUT_WIDE}, {"json", OUTPUT_JSON},
		{"ndjson", OUTPUT_NDJSON}, {"yaml", OUTPUT_YAML}, {"csv", OUTPUT_CSV},
		{"tsv", OUTPUT_TSV}, {"md", OUTPUT_MARKDOWN}};

	for (size_t i = 0; i < array_len(modes); i++)
		if (slice_equal_c(argument, modes[i].name)) {
			shell->session->cli->format = modes[i].format;
			return true;
		}
	error_set(err, INVALID_PARAMETER_VALUE, "there is no mode \"%.*s\"", SLICE_FMT(argument));
	return error_hint(err, "use table, wide, json, ndjson, yaml, csv, tsv or md");
}

static bool run_last(struct shell *shell, struct error *err)
{
	if (shell->last.len == 0)
		return error_set(err, OBJECT_NOT_IN_PREREQUISITE_STATE, "nothing was run yet");
	return sql_run_all(shell->session, str_slice(&shell->last), err);
}

static bool do_last(struct shell *shell, struct slice argument, struct error *err)
{
	enum output_format before = shell->session->cli->format;
	bool ok = argument.len == 0 || do_mode(shell, argument, err);

	ok = ok && run_last(shell, err);
	shell->session->cli->format = before;
	return ok;
}

static bool do_watch(struct shell *shell, struct slice argument, struct error *err)
{
	double seconds = 2;

	if (argument.len && (!slice_to_double(argument, &seconds) || seconds < 0.1))
		return error_set(err, INVALID_PARAMETER_VALUE, "the interval must be >= 0.1 s");
	while (!client_interrupted()) {
		if (!run_last(shell, err))
			return false;
		usleep((useconds_t)(seconds * 1e6));
	}
	client_clear_interrupt();
	return true;
}

static bool unsafe(const struct shell *shell, struct error *err)
{
	return shell->safe
		       ? error_set(err, INSUFFICIENT_PRIVILEGE, "the shell was started with --safe")
		       : true;
}

static bool do_export(struct shell *shell, struct slice argument, struct error *err)
{
	static const struct {
		const char *ending;
		enum output_format format;
	} endings[] = {{".csv", OUTPUT_CSV}, {".tsv", OUTPUT_TSV}, {".json", OUTPUT_JSON},
		{".ndjson", OUTPUT_NDJSON}, {".parquet", OUTPUT_PARQUET}, {".arrow", OUTPUT_ARROW},
		{".md", OUTPUT_MARKDOWN}, {".yaml", OUTPUT_YAML}};
	struct cli *cli = shell->session->cli;
	struct cli before = *cli;
	const char *path = arena_cstr(cli->arena, argument);

	if (!unsafe(shell, err))
		return false;
	for (size_t i = 0; i < array_len(endings); i++)
		if (slice_ends_with(argument, slice_from_c(endings[i].ending)))
			cli->format = endings[i].format;
	cli->out = argument.len ? fopen(path, "we") : NULL;
	cli->output_tty = false;
	cli->color = false;
	bool ok = cli->out ? run_last(shell, err)
			   : error_set_errno(err, argument.len ? errno : EINVAL, "write %s", path);

	if (cli->out && fclose(cli->out) != 0 && ok)
		ok = error_set_errno(err, errno, "write %s", path);
	cli->out = before.out;
	cli->output_tty = before.output_tty;
	cli->color = before.color;
	cli->format = before.format;
	return ok;
}

static bool run_editor(const char *path, struct error *err)
{
	const char *editor = getenv("VISUAL"); /* NOLINT(concurrency-mt-unsafe): one thread */

	if (!editor || !*editor)
		editor = getenv("EDITOR"); /* NOLINT(concurrency-mt-unsafe): one thread */
	if (!editor || !*editor)
		editor = "vi";
	pid_t pid = fork();
	int status = 0;

	if (pid < 0)
		return error_set_errno(err, errno, "start %s", editor);
	if (pid == 0) {
		/* The variable may hold arguments, as in EDITOR="code --wait". */
		execl("/bin/sh", "sh", "-c", "exec $0 \"$1\"", editor, path, (char *)NULL);
		_exit(127);
	}
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return status == 0 || error_set(err, IO_ERROR, "%s failed", editor);
}

static bool do_edit(struct shell *shell, struct slice argument, struct error *err)
{
	enum { EDIT_MAX = 1 << 20 };
	struct arena *arena = shell->session->cli->arena;
	char path[] = "/tmp/weft-edit-XXXXXX.sql";
	struct slice text = SLICE_NONE;

	(void)argument;
	if (!unsafe(shell, err))
		return false;
	int fd = mkostemps(path, 4, O_CLOEXEC);

	if (fd < 0)
		return error_set_errno(err, errno, "make a file to edit");
	close(fd);
	bool ok = file_write(path, str_slice(&shell->last), 0600, err) && run_editor(path, err) &&
		  file_read(arena, path, EDIT_MAX, &text, err);

	unlink(path);
	if (!ok || slice_trim(text).len == 0)
		return ok;
	printf("%.*s", SLICE_FMT(text));
	shell->last.len = 0;
	str_add(&shell->last, text);
	return run_last(shell, err);
}

static bool do_include(struct shell *shell, struct slice argument, struct error *err)
{
	enum { FILE_MAX = 1 << 20 };
	struct arena *arena = shell->session->cli->arena;
	struct slice text = SLICE_NONE;

	if (argument.len == 0)
		return error_set(err, INVALID_PARAMETER_VALUE, "which file?");
	return file_read(arena, arena_cstr(arena, argument), FILE_MAX, &text, err) &&
	       sql_run_all(shell->session, text, err);
}

static bool do_who(struct shell *shell, struct slice argument, struct error *err)
{
	struct client *client = NULL;
	scoped(json_drop) json_t *me = NULL;

	(void)argument;
	if (!cli_client(shell->session->cli, &client, err) ||
		!client_json(client, "GET", "/api/v1/me", NULL, &me, err))
		return false;
	printf("You are %.*s on the mesh %.*s; context: %s; purpose: %s.\n",
		SLICE_FMT(json_get_slice(me, "name")), SLICE_FMT(json_get_slice(me, "mesh")),
		shell->session->context ? shell->session->context : "none",
		shell->session->purpose ? shell->session->purpose : "none");
	return true;
}

static bool do_purpose(struct shell *shell, struct slice argument, struct error *err)
{
	(void)err;
	shell->session->purpose =
		argument.len ? arena_cstr(shell->session->cli->arena, argument) : NULL;
	return true;
}

static bool do_param(struct shell *shell, struct slice argument, struct error *err)
{
	struct sql_session *session = shell->session;
	struct arena *arena = session->cli->arena;
	struct sql_param param = {0};

	if (!sql_param_parse(arena_cstr(arena, argument), &param, err))
		return false;
	for (size_t i = 0; i < session->params.len; i++)
		if (slice_equal(session->params.items[i].name, param.name)) {
			session->params.items[i] = param;
			return true;
		}
	session->params.items = arena_grow(arena, session->params.items,
		session->params.len * sizeof param, (session->params.len + 1) * sizeof param);
	session->params.items[session->params.len++] = param;
	return true;
}

static bool do_help(struct shell *shell, struct slice argument, struct error *err);

static const struct shell_row {
	const char *slash; /* psql's spelling, or "" */
	const char *dot;
	const char *argument;
	shell_fn run;
	const char *text;
} rows[] = {
	{"\\?", ".help", "", do_help, "this list"},
	{"\\q", ".quit", "", do_quit, "leave (also Ctrl-D)"},
	{"\\d", ".schema", "[TABLE]", do_describe, "tables, or the columns of one"},
	{"\\dt", ".tables", "", do_describe, "tables"},
	{"\\l", ".domains", "", do_domains, "domains"},
	{"\\dn", "", "", do_domains, "domains"},
	{"\\e", ".edit", "", do_edit, "edit the last statement, then run it"},
	{"\\g", ".last", "[MODE]", do_last, "run the last statement again, in another mode"},
	{"\\i", ".read", "FILE", do_include, "run the statements of a file"},
	{"\\watch", ".watch", "[SECONDS]", do_watch, "run it again and again, until Ctrl-C"},
	{"\\o", ".export", "FILE", do_export, "run it into a file, in the form of its ending"},
	{"\\timing", ".timing", "[on|off]", do_timing, "show times"},
	{"\\mode", ".mode", "MODE", do_mode, "table, wide, json, ndjson, yaml, csv, tsv, md"},
	{"\\set", ".param", "NAME=VALUE", do_param, "a value for :name"},
	{"\\purpose", ".purpose", "[PURPOSE]", do_purpose, "why you ask"},
	{"\\conninfo", ".whoami", "", do_who, "who you are, and where"},
};

static bool do_help(struct shell *shell, struct slice argument, struct error *err)
{
	(void)shell;
	(void)argument;
	(void)err;
	for (size_t i = 0; i < array_len(rows); i++)
		printf("  %-9s %-9s %-12s %s\n", rows[i].slash, rows[i].dot, rows[i].argument,
			rows[i].text);
	puts("  Statements end with ;  Tab completes, Ctrl-R searches, Ctrl-C cancels.");
	return true;
}

/* A command that may have been meant, or NULL. */
static const char *nearest(struct slice name)
{
	const char *best = NULL;
	size_t distance = 3;

	for (size_t i = 0; i < array_len(rows); i++) {
		const char *spellings[] = {rows[i].slash, rows[i].dot};

		for (size_t s = 0; s < array_len(spellings); s++) {
			size_t far = slice_distance(name, slice_from_c(spellings[s]), 3);

			/* short names are all near to each other */
			if (far < distance && far * 2 < strlen(spellings[s])) {
				distance = far;
				best = spellings[s];
			}
		}
	}
	return best;
}

bool shell_command(struct shell *shell, struct slice line, struct error *err)
{
	struct slice argument = line;
	struct slice name = slice_split(&argument, ' ');

	argument = slice_is_none(argument) ? SLICE("") : slice_trim(argument);
	while (argument.len && argument.ptr[argument.len - 1] == ';')
		argument.len--;
	for (size_t i = 0; i < array_len(rows); i++)
		if (slice_equal_c(name, rows[i].slash) || slice_equal_c(name, rows[i].dot))
			return rows[i].run(shell, argument, err);
	error_set(err, INVALID_PARAMETER_VALUE, "there is no command %.*s", SLICE_FMT(name));
	const char *near = nearest(name);

	return near ? error_hint(err, "did you mean %s? \\? lists the commands", near)
		    : error_hint(err, "\\? lists the commands");
}
