#include "cli/docs.h"

#include <string.h>

/*
 * Completion scripts: static words come from the table and are in the script, names of tables,
 * products and so on are asked of the node through `weft complete KIND`, which answers from a short
 * cache.
 */

/* What `weft complete` knows to list for a placeholder; NULL for the shell's own file names or
 * nothing. */
static const char *dynamic_kind(const char *placeholder)
{
	static const char *const kinds[][2] = {
		{"PRODUCT", "products"},
		{"TABLE", "tables"},
		{"DOMAIN", "domains"},
		{"RUN", "runs"},
		{"USER", "users"},
		{"PRINCIPAL", "users"},
		{"GROUP", "groups"},
		{"TOKEN", "tokens"},
		{"CONTEXT", "contexts"},
		{"KIND", "kinds"},
		{"SHELL", "shells"},
		{"CODE", "codes"},
	};

	for (size_t i = 0; i < array_len(kinds); i++)
		if (strncmp(placeholder, kinds[i][0], strlen(kinds[i][0])) == 0)
			return kinds[i][1];
	return NULL;
}

static bool is_path(const char *placeholder)
{
	return strcmp(placeholder, "FILE") == 0 || strcmp(placeholder, "DIR") == 0;
}

static void bash_values(FILE *out, const struct command_row *option)
{
	if (!option->value)
		return;
	fprintf(out, "\t\t--%s", option->name);
	if (option->letter)
		fprintf(out, "|-%c", option->letter);
	fputs(") ", out);
	if (is_path(option->value)) {
		fputs("compopt -o filenames; COMPREPLY=($(compgen -f -- \"$cur\"))", out);
	} else if (strchr(option->value, '|')) {
		fputs("COMPREPLY=($(compgen -W '", out);
		for (const char *c = option->value; *c; c++)
			fputc(*c == '|' ? ' ' : *c, out);
		fputs("' -- \"$cur\"))", out);
	} else if (dynamic_kind(option->value)) {
		fprintf(out,
			"COMPREPLY=($(compgen -W \"$(weft complete %s 2>/dev/null)\" -- \"$cur\"))",
			dynamic_kind(option->value));
	} else {
		fputc(':', out);
	}
	fputs("; return;;\n", out);
}

static void bash_options(FILE *out, const struct command_row *command)
{
	size_t count = 0;
	const struct command_row *rows = command_options(command, &count);

	for (size_t i = 0; i < count; i++) {
		fprintf(out, "--%s ", rows[i].name);
		if (rows[i].letter)
			fprintf(out, "-%c ", rows[i].letter);
	}
}

static void bash_command(FILE *out, const struct command_row *command)
{
	const char *kind = dynamic_kind(command->args + (command->args[0] == '['));

	fprintf(out, "\t'%s')\n\t\topts='", command->name);
	bash_options(out, command);
	fprintf(out, "'\n\t\twords='%s';;\n", kind ? kind : "");
}

static void bash_names(FILE *out)
{
	for (size_t i = 0; i < command_row_count; i++)
		if (command_rows[i].kind == ROW_COMMAND && command_rows[i].summary)
			fprintf(out, "%s\n", command_rows[i].name);
}

static void bash(FILE *out)
{
	fputs("# bash completion for weft; made by `weft completion bash`\n"
	      "_weft() {\n"
	      "\tlocal cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} opts= words= "
	      "cmd= word skip=\n"
	      "\tlocal all='",
		out);
	bash_names(out);
	fputs("'\n\tCOMPREPLY=()\n\tcase $prev in\n", out);
	for (size_t i = 0; i < command_row_count; i++)
		if (command_rows[i].kind == ROW_OPTION)
			bash_values(out, &command_rows[i]);
	fputs("\tesac\n"
	      "\tfor word in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n"
	      "\t\tcase $word in -*) continue;; esac\n"
	      "\t\tif grep -qE \"^${cmd:+$cmd }$word( |\\$)\" <<<\"$all\"; then cmd=\"${cmd:+$cmd "
	      "}$word\"; fi\n"
	      "\tdone\n"
	      "\tcase $cmd in\n",
		out);
	for (size_t i = 0; i < command_row_count; i++)
		if (command_rows[i].kind == ROW_COMMAND && command_rows[i].summary)
			bash_command(out, &command_rows[i]);
	fputs("\tesac\n\tif [[ $cur == -* ]]; then\n\t\tCOMPREPLY=($(compgen -W \"$opts ", out);
	bash_options(out, NULL);
	fputs("\" -- \"$cur\"))\n"
	      "\telif [ -n \"$words\" ]; then\n"
	      "\t\tCOMPREPLY=($(compgen -W \"$(weft complete $words 2>/dev/null)\" -- \"$cur\"))\n"
	      "\telse\n"
	      "\t\tCOMPREPLY=($(compgen -W \"$(sed -nE \"s/^${cmd:+$cmd }([^ ]+).*/\\\\1/p\" "
	      "<<<\"$all\")\" -- \"$cur\"))\n"
	      "\tfi\n}\ncomplete -o default -F _weft weft\n",
		out);
}

/* 'text' in single quotes, for zsh and fish. */
static void quoted(FILE *out, const char *text)
{
	fputc('\'', out);
	for (; *text; text++)
		if (*text == '\'')
			fputs("'\\''", out);
		else
			fputc(*text, out);
	fputc('\'', out);
}

static void fish_option(FILE *out, const struct command_row *option, const char *condition)
{
	fputs("complete -c weft", out);
	if (condition)
		fprintf(out, " -n \"__fish_seen_subcommand_from %s\"", condition);
	fprintf(out, " -l %s", option->name);
	if (option->letter)
		fprintf(out, " -s %c", option->letter);
	if (option->value && is_path(option->value)) {
		fputs(" -r -F", out);
	} else if (option->value) {
		fputs(" -x", out);
		if (strchr(option->value, '|')) {
			fputs(" -a '", out);
			for (const char *c = option->value; *c; c++)
				fputc(*c == '|' ? ' ' : *c, out);
			fputc('\'', out);
		} else if (dynamic_kind(option->value)) {
			fprintf(out, " -a '(weft complete %s 2>/dev/null)'",
				dynamic_kind(option->value));
		}
	}
	fputs(" -d ", out);
	quoted(out, option->text);
	fputc('\n', out);
}

static void fish_command(FILE *out, const struct command_row *command)
{
	char first[64];
	const char *second = strchr(command->name, ' ');
	const char *kind = dynamic_kind(command->args + (command->args[0] == '['));
	size_t count = 0;
	const struct command_row *rows = command_options(command, &count);

	snprintf(first, sizeof first, "%.*s",
		(int)(second ? (size_t)(second - command->name) : strlen(command->name)),
		command->name);
	if (second) {
		fprintf(out, "complete -c weft -f -n __fish_use_subcommand -a %s\n", first);
		fprintf(out, "complete -c weft -f -n \"__fish_seen_subcommand_from %s\" -a %s -d ",
			first, second + 1);
	} else {
		fprintf(out, "complete -c weft -f -n __fish_use_subcommand -a %s -d ", first);
	}
	quoted(out, command->summary);
	fputc('\n', out);
	if (kind)
		fprintf(out,
			"complete -c weft -f -n \"__fish_seen_subcommand_from %s\" -a '(weft "
			"complete %s 2>/dev/null)'\n",
			second ? second + 1 : first, kind);
	for (size_t i = 0; i < count; i++)
		fish_option(out, &rows[i], second ? second + 1 : first);
}

static void fish(FILE *out)
{
	size_t count = 0;
	const struct command_row *rows = command_options(NULL, &count);

	fputs("# fish completion for weft; made by `weft completion fish`\n", out);
	for (size_t i = 0; i < count; i++)
		fish_option(out, &rows[i], NULL);
	for (size_t i = 0; i < command_row_count; i++)
		if (command_rows[i].kind == ROW_COMMAND && command_rows[i].summary)
			fish_command(out, &command_rows[i]);
}

/* zsh runs bash's script through bashcompinit. */
static void zsh(FILE *out)
{
	fputs("#compdef weft\nautoload -U +X bashcompinit && bashcompinit\n", out);
	bash(out);
}

bool docs_completion(FILE *out, const char *shell)
{
	static const struct {
		const char *name;
		void (*print)(FILE *out);
	} shells[] = {{"bash", bash}, {"zsh", zsh}, {"fish", fish}};

	for (size_t i = 0; i < array_len(shells); i++)
		if (strcmp(shells[i].name, shell) == 0) {
			shells[i].print(out);
			return true;
		}
	return false;
}
