#include <errno.h>
#include <string.h>

#include "base/str.h"
#include "cli/cli.h"
#include "cli/docs.h"
#include "cli/files.h"
#include "cli/output.h"

/* Commands about the program itself: help, man, completion, version, explain. */

bool cmd_version(struct cli *cli, struct error *err)
{
	if (cli->format_given && cli->format != OUTPUT_TABLE) {
		scoped(json_drop) json_t *value = json_pack("{s:s}", "version", WEFT_VERSION);

		return output_value(cli, value, err);
	}
	fprintf(cli->out, "weft " WEFT_VERSION "\n");
	return true;
}

bool cmd_help(struct cli *cli, struct error *err)
{
	struct str name = str_in(cli->arena);
	const struct command_row *command = NULL;

	if (cli_is_set(cli, "json")) {
		scoped(json_drop) json_t *value = docs_json();

		fprintf(cli->out, "%.*s\n", SLICE_FMT(json_print(cli->arena, value)));
		return true;
	}
	for (size_t i = 0; i < cli->parsed.arg_count; i++) {
		if (i)
			str_add_char(&name, ' ');
		str_add_c(&name, cli->parsed.args[i]);
	}
	command = command_find(str_slice(&name));
	if (name.len && !command) {
		const char *argv[] = {cli->parsed.args[0], "--help", NULL};
		struct parsed group = {0};

		if (cli->parsed.arg_count > 1 || !command_parse_line(cli->arena, argv, &group, err))
			return error_set(err, INVALID_PARAMETER_VALUE, "there is no command \"%s\"",
				name.ptr);
	}
	docs_help(cli->out, command, str_slice(&name));
	return true;
}

static bool write_page(
	struct cli *cli, const char *dir, const struct command_row *command, struct error *err)
{
	char *path =
		arena_cstr(cli->arena, arena_printf(cli->arena, "%s/weft%s%s.1", dir,
					       command ? "-" : "", command ? command->name : ""));

	for (char *c = path + strlen(dir); *c; c++)
		*c = (char)(*c == ' ' ? '-' : *c);
	FILE *page = fopen(path, "we");

	if (!page)
		return error_set_errno(err, errno, "write %s", path);
	docs_man(page, command);
	bool failed = ferror(page);

	if (fclose(page) != 0 || failed)
		return error_set_errno(err, errno, "write %s", path);
	return true;
}

bool cmd_man(struct cli *cli, struct error *err)
{
	const char *dir = cli_is_set(cli, "out") ? cli_option(cli, "out") : ".";

	if (cli_is_set(cli, "markdown")) {
		docs_markdown(cli->out);
		return true;
	}
	if (!file_make_dirs(dir, 0777, err) || !write_page(cli, dir, NULL, err))
		return false;
	for (size_t i = 0; i < command_row_count; i++)
		if (command_rows[i].kind == ROW_COMMAND && command_rows[i].summary &&
			!write_page(cli, dir, &command_rows[i], err))
			return false;
	return true;
}

bool cmd_completion(struct cli *cli, struct error *err)
{
	if (docs_completion(cli->out, cli->parsed.args[0]))
		return true;
	error_set(err, INVALID_PARAMETER_VALUE, "there is no completion for \"%.60s\"",
		cli->parsed.args[0]);
	return error_hint(err, "use bash, zsh or fish");
}

bool cmd_explain(struct cli *cli, struct error *err)
{
	const char *code = cli->parsed.args[0];
	const struct sqlstate_row *row = &sqlstate_table[sqlstate_from_code(code)];

	if (strcmp(row->code, code) != 0) {
		error_set(err, UNDEFINED_OBJECT, "there is no error code \"%.20s\"", code);
		return error_hint(err, "codes have five characters, as 42501");
	}
	if (cli->format_given && cli->format != OUTPUT_TABLE) {
		scoped(json_drop) json_t *value = json_pack("{s:s, s:s, s:s, s:i, s:i}", "code",
			row->code, "name", row->name, "meaning", row->meaning, "exit_status",
			row->exit_status, "http_status", row->http_status);

		return output_value(cli, value, err);
	}
	fprintf(cli->out, "%s  %s\n%s\nexit status %d, HTTP status %d\n", row->code, row->name,
		row->meaning, row->exit_status, row->http_status);
	return true;
}
