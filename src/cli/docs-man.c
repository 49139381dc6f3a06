#include "cli/docs.h"

#include <string.h>

#include "base/error.h"

/* Manual pages (man(7)) and docs/cli.md, from the command table. */

static const char *const exit_lines[][2] = {
	{"0", "it worked"},
	{"1", "it failed, or (diff, fmt --check, doctor) something differs"},
	{"2", "the command line or a setting is wrong, or an answer was needed and nobody to ask"},
	{"3", "not found"},
	{"4", "not signed in, or not allowed"},
	{"5", "conflict: somebody else changed it first, or it exists"},
	{"6", "a contract or quality check does not hold"},
	{"7", "timeout or cancelled by the node"},
	{"8", "the node cannot be reached or has no room now"},
	{"130", "interrupted"},
};

/* roff: backslashes and leading dots or quotes are not text. */
static void man_text(FILE *out, const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if ((text[i] == '.' || text[i] == '\'') && (i == 0 || text[i - 1] == '\n'))
			fputs("\\&", out);
		if (text[i] == '\\')
			fputs("\\e", out);
		else if (text[i] == '-')
			fputs("\\-", out);
		else
			fputc(text[i], out);
	}
}

static void man_c(FILE *out, const char *text)
{
	man_text(out, text, strlen(text));
}

static void man_options(FILE *out, const struct command_row *command, const char *title)
{
	size_t count = 0;
	const struct command_row *rows = command_options(command, &count);

	if (count == 0)
		return;
	fprintf(out, ".SH %s\n", title);
	for (size_t i = 0; i < count; i++) {
		fputs(".TP\n", out);
		if (rows[i].letter)
			fprintf(out, "\\fB\\-%c\\fR, ", rows[i].letter);
		fputs("\\fB\\-\\-", out);
		man_c(out, rows[i].name);
		fputs("\\fR", out);
		if (rows[i].value) {
			fputs(" \\fI", out);
			man_c(out, rows[i].value);
			fputs("\\fR", out);
		}
		fputc('\n', out);
		man_c(out, rows[i].text);
		fputs(rows[i].flags & OPTION_REPEAT ? " (may be repeated)\n" : "\n", out);
	}
}

static void man_body(FILE *out, const char *text)
{
	struct slice rest = slice_from_c(text);

	while (rest.len) {
		struct slice line = slice_split(&rest, '\n');
		bool example = line.len && line.ptr[0] == '$';

		if (line.len == 0) {
			fputs(".PP\n", out);
			continue;
		}
		if (example)
			fputs(".RS 4\n.nf\n", out);
		man_text(out, line.ptr, line.len);
		fputs(example ? "\n.fi\n.RE\n" : "\n", out);
	}
}

static void man_exit(FILE *out)
{
	fputs(".SH EXIT STATUS\n", out);
	for (size_t i = 0; i < array_len(exit_lines); i++)
		fprintf(out, ".TP\n%s\n%s\n", exit_lines[i][0], exit_lines[i][1]);
}

static void man_main(FILE *out)
{
	fputs(".TH WEFT 1 \"\" \"weft " WEFT_VERSION "\" \"Weft\"\n.SH NAME\n"
	      "weft \\- a self\\-serve data mesh in one program\n.SH SYNOPSIS\n"
	      ".B weft\n\\fICOMMAND\\fR [\\fIoptions\\fR]\n.SH COMMANDS\n",
		out);
	for (size_t i = 0; i < command_row_count; i++) {
		const struct command_row *row = &command_rows[i];

		if (row->kind != ROW_COMMAND || !row->summary)
			continue;
		fputs(".TP\n\\fB", out);
		man_c(out, row->name);
		fputs("\\fR ", out);
		man_c(out, row->args);
		fputc('\n', out);
		man_c(out, row->summary);
		fputc('\n', out);
	}
	man_options(out, NULL, "OPTIONS");
	man_exit(out);
}

void docs_man(FILE *out, const struct command_row *command)
{
	char title[64];

	if (!command) {
		man_main(out);
		return;
	}
	snprintf(title, sizeof title, "weft-%s", command->name);
	for (char *c = title; *c; c++)
		*c = (char)(*c == ' ' ? '-' : *c);
	fputs(".TH \"", out);
	man_c(out, title);
	fputs("\" 1 \"\" \"weft " WEFT_VERSION "\" \"Weft\"\n.SH NAME\n", out);
	man_c(out, title);
	fputs(" \\- ", out);
	man_c(out, command->summary ? command->summary : command->text);
	fputs("\n.SH SYNOPSIS\n.B weft ", out);
	man_c(out, command->name);
	fputs("\n", out);
	man_c(out, command->args);
	fputs(" [\\fIoptions\\fR]\n", out);
	if (command->text[0]) {
		fputs(".SH DESCRIPTION\n", out);
		man_body(out, command->text);
	}
	man_options(out, command, "OPTIONS");
	fputs(".SH SEE ALSO\n.BR weft (1)\nfor the options of all commands and the exit status\n",
		out);
}

static void markdown_options(FILE *out, const struct command_row *command)
{
	size_t count = 0;
	const struct command_row *rows = command_options(command, &count);

	if (count == 0)
		return;
	fputs("\n| option | |\n|---|---|\n", out);
	for (size_t i = 0; i < count; i++) {
		fputs("| `", out);
		if (rows[i].letter)
			fprintf(out, "-%c`, `", rows[i].letter);
		fprintf(out, "--%s", rows[i].name);
		if (rows[i].value)
			fputc(' ', out);
		for (const char *c = rows[i].value; c && *c; c++)
			fprintf(out, *c == '|' ? "\\|" : "%c", *c);
		fprintf(out, "` | %s |\n", rows[i].text);
	}
}

static void markdown_text(FILE *out, const char *text)
{
	struct slice rest = slice_from_c(text);
	bool code = false;

	while (rest.len) {
		struct slice line = slice_split(&rest, '\n');
		bool example = line.len && line.ptr[0] == '$';

		if (example != code)
			fputs("```\n", out);
		code = example;
		fprintf(out, "%.*s\n", SLICE_FMT(line));
	}
	if (code)
		fputs("```\n", out);
}

void docs_markdown(FILE *out)
{
	fputs("# weft: the command line\n\n"
	      "Made from `src/cli/commands.def` by `weft man --markdown`; a test keeps them "
	      "equal.\n"
	      "\n## Options of all commands\n",
		out);
	markdown_options(out, NULL);
	fputs("\n## Exit status\n\n| status | |\n|---|---|\n", out);
	for (size_t i = 0; i < array_len(exit_lines); i++)
		fprintf(out, "| %s | %s |\n", exit_lines[i][0], exit_lines[i][1]);
	for (size_t i = 0; i < command_row_count; i++) {
		const struct command_row *row = &command_rows[i];

		if (row->kind != ROW_COMMAND || !row->summary)
			continue;
		fprintf(out, "\n## weft %s\n\n%s.\n\n```\nweft %s%s%s [options]\n```\n", row->name,
			row->summary, row->name, row->args[0] ? " " : "", row->args);
		if (row->text[0]) {
			fputc('\n', out);
			markdown_text(out, row->text);
		}
		markdown_options(out, row);
	}
}

static json_t *json_options(const struct command_row *command)
{
	size_t count = 0;
	const struct command_row *rows = command_options(command, &count);
	json_t *list = json_array();

	for (size_t i = 0; i < count; i++) {
		char letter[2] = {rows[i].letter, 0};

		json_array_append_new(list,
			json_pack("{s:s, s:s*, s:s*, s:b, s:s}", "name", rows[i].name, "letter",
				rows[i].letter ? letter : NULL, "value", rows[i].value, "repeat",
				(rows[i].flags & OPTION_REPEAT) != 0, "text", rows[i].text));
	}
	return list;
}

json_t *docs_json(void)
{
	json_t *commands = json_array();

	for (size_t i = 0; i < command_row_count; i++) {
		const struct command_row *row = &command_rows[i];

		if (row->kind == ROW_COMMAND && row->summary)
			json_array_append_new(
				commands, json_pack("{s:s, s:s, s:s, s:s, s:o}", "name", row->name,
						  "args", row->args, "summary", row->summary,
						  "text", row->text, "options", json_options(row)));
	}
	return json_pack("{s:s, s:o, s:o}", "version", WEFT_VERSION, "options", json_options(NULL),
		"commands", commands);
}
