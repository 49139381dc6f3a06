#include "cli/shell.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/client.h"
#include "cli/files.h"
#include "cli/shell-private.h"

/* The loop of the shell: lines gather in a buffer until they are a statement. */

enum { HISTORY_LINES = 5000 };

static char *prompt(EditLine *editor)
{
	struct shell *shell = NULL;

	el_get(editor, EL_CLIENTDATA, &shell);
	const char *context = shell->session->context;

	snprintf(shell->prompt, sizeof shell->prompt, "%.60s%s", context ? context : "weft",
		shell->buffer.len ? "-> " : "=> ");
	return shell->prompt;
}

/* $XDG_STATE_HOME/weft/history; NULL when there is no home. */
static const char *history_file(struct arena *arena)
{
	const char *state = getenv("XDG_STATE_HOME"); /* NOLINT(concurrency-mt-unsafe) */
	const char *home = getenv("HOME");	      /* NOLINT(concurrency-mt-unsafe) */
	struct error ignored = {0};
	const char *dir = NULL;

	if (state && *state)
		dir = arena_printf(arena, "%s/weft", state).ptr;
	else if (home && *home)
		dir = arena_printf(arena, "%s/.local/state/weft", home).ptr;
	if (!dir || !file_make_dirs(dir, 0700, &ignored))
		return NULL;
	return arena_printf(arena, "%s/history", dir).ptr;
}

/* libedit goes on reading after a signal, so Ctrl-C is a key while a line is edited. */
static unsigned char on_abort(EditLine *editor, int key)
{
	struct shell *shell = NULL;

	(void)key;
	el_get(editor, EL_CLIENTDATA, &shell);
	shell->aborted = true;
	fputs("^C", stdout);
	return CC_NEWLINE;
}

static void open_editor(struct shell *shell)
{
	HistEvent event;
	const char *file = history_file(shell->session->cli->arena);

	shell->editor = el_init("weft", stdin, stdout, stderr);
	shell->history = history_init();
	history(shell->history, &event, H_SETSIZE, HISTORY_LINES);
	history(shell->history, &event, H_SETUNIQUE, 1);
	if (file)
		history(shell->history, &event, H_LOAD, file);
	el_set(shell->editor, EL_CLIENTDATA, shell);
	el_set(shell->editor, EL_PROMPT, prompt);
	el_set(shell->editor, EL_EDITOR, "emacs");
	el_set(shell->editor, EL_HIST, history, shell->history);
	el_set(shell->editor, EL_ADDFN, "weft-complete", "complete a name", shell_complete);
	el_set(shell->editor, EL_ADDFN, "weft-abort", "drop what was typed", on_abort);
	el_set(shell->editor, EL_SETTY, "-d", "-isig", NULL);
	el_set(shell->editor, EL_BIND, "^C", "weft-abort", NULL);
	el_set(shell->editor, EL_BIND, "^I", "weft-complete", NULL);
	el_set(shell->editor, EL_BIND, "^R", "em-inc-search-prev", NULL);
	el_source(shell->editor, NULL);
}

static void close_editor(struct shell *shell)
{
	HistEvent event;
	const char *file = history_file(shell->session->cli->arena);

	if (file) {
		mode_t mask = umask(077);

		history(shell->history, &event, H_SAVE, file);
		umask(mask);
	}
	history_end(shell->history);
	el_end(shell->editor);
}

static void remember(struct shell *shell)
{
	HistEvent event;
	char *line = arena_cstr(shell->session->cli->arena, str_slice(&shell->buffer));

	history(shell->history, &event, H_ENTER, line);
}

static void report(struct shell *shell, const struct error *err)
{
	if (client_interrupted())
		fputs("cancelled\n", stderr);
	else
		cli_report(shell->session->cli, err);
	client_clear_interrupt();
}

static void take_line(struct shell *shell, struct slice line)
{
	struct error err = {0};
	struct slice trimmed = slice_trim(line);
	bool command = shell->buffer.len == 0 && trimmed.len &&
		       (trimmed.ptr[0] == '\\' || trimmed.ptr[0] == '.');

	if (shell->buffer.len == 0 && trimmed.len == 0)
		return;
	str_add(&shell->buffer, line);
	if (!command && !sql_is_complete(str_slice(&shell->buffer)))
		return;
	remember(shell);
	if (command) {
		if (!shell_command(shell, trimmed, &err))
			report(shell, &err);
	} else {
		shell->last.len = 0;
		str_add(&shell->last, str_slice(&shell->buffer));
		if (!sql_run_all(shell->session, str_slice(&shell->last), &err))
			report(shell, &err);
	}
	shell->buffer.len = 0;
}

/* At the prompt Ctrl-C drops what was typed; while a statement runs it cancels it (client.c). */
static void loop(struct shell *shell)
{
	while (!shell->ended) {
		int len = 0;

		const char *line = el_gets(shell->editor, &len);

		if (shell->aborted) {
			shell->aborted = false;
			shell->buffer.len = 0;
			continue;
		}
		if (!line || len <= 0)
			return;
		take_line(shell, slice_of(line, (size_t)len));
	}
}

bool shell_run(struct sql_session *session, bool safe, struct error *err)
{
	struct client *client = NULL;
	struct shell shell = {.session = session, .safe = safe};

	if (!cli_client(session->cli, &client, err) ||
		!client_json(client, "GET", "/api/v1/me", NULL, NULL, err))
		return false;
	shell.buffer = str_in(session->cli->arena);
	shell.last = str_in(session->cli->arena);
	fprintf(stdout, "weft " WEFT_VERSION ". \\? for help, \\q to leave.\n");
	open_editor(&shell);
	loop(&shell);
	close_editor(&shell);
	return true;
}
