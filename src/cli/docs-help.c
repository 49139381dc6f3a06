#include "cli/docs.h"

#include <string.h>

/* Help texts for terminals, 80 columns. */
enum { HELP_COLUMNS = 80, HELP_LEFT = 28 };

/* Words of text from column `left` on, broken before HELP_COLUMNS; the cursor stands at `left`. */
static void print_wrapped(FILE *out, const char *text, int left)
{
	struct slice rest = slice_from_c(text);
	int column = left;

	while (!slice_is_none(rest)) {
		struct slice word = slice_split(&rest, ' ');

		if (column > left && column + 1 + (int)word.len > HELP_COLUMNS) {
			fprintf(out, "\n%*s", left, "");
			column = left;
		} else if (column > left) {
			fputc(' ', out);
			column++;
		}
		fprintf(out, "%.*s", SLICE_FMT(word));
		column += (int)word.len;
	}
	fputc('\n', out);
}

static void print_row(FILE *out, const char *left, const char *text)
{
	int used = fprintf(out, "  %-*s", HELP_LEFT - 4, left);

	if (used > HELP_LEFT - 2)
		fprintf(out, "\n%*s", HELP_LEFT, "");
	else
		fputs("  ", out);
	print_wrapped(out, text, HELP_LEFT);
}

static void print_options(FILE *out, const struct command_row *command, const char *title)
{
	size_t count = 0;
	const struct command_row *rows = command_options(command, &count);

	if (count == 0)
		return;
	fprintf(out, "\n%s\n", title);
	for (size_t i = 0; i < count; i++) {
		char left[160];
		char letter[8] = "    ";

		if (rows[i].letter)
			snprintf(letter, sizeof letter, "-%c, ", rows[i].letter);
		snprintf(left, sizeof left, "%s--%s%s%s", letter, rows[i].name,
			rows[i].value ? " " : "", rows[i].value ? rows[i].value : "");
		print_row(out, left, rows[i].text);
	}
}

static void print_text(FILE *out, const char *text)
{
	struct slice rest = slice_from_c(text);
	char line[2048];

	while (rest.len) {
		struct slice part = slice_split(&rest, '\n');

		snprintf(line, sizeof line, "%.*s", SLICE_FMT(part));
		if (part.len && part.ptr[0] == '$')
			fprintf(out, "  %s\n", line);
		else if (part.len)
			print_wrapped(out, line, 0);
		else
			fputc('\n', out);
	}
}

static void print_command(FILE *out, const struct command_row *command)
{
	fprintf(out, "weft %s - %s\n\nUsage: weft %s%s%s [options]\n", command->name,
		command->summary ? command->summary : command->text, command->name,
		command->args[0] ? " " : "", command->args);
	if (command->text[0]) {
		fputc('\n', out);
		print_text(out, command->text);
	}
	print_options(out, command, "Options:");
	print_options(out, NULL, "Options of all commands:");
}

static void print_list(FILE *out, struct slice group)
{
	for (size_t i = 0; i < command_row_count; i++) {
		const struct command_row *row = &command_rows[i];
		char left[160];

		if (row->kind != ROW_COMMAND || !row->summary)
			continue;
		if (group.len && !slice_starts_with(slice_from_c(row->name), group))
			continue;
		snprintf(left, sizeof left, "%s %s", row->name, row->args);
		print_row(out, left, row->summary);
	}
}

void docs_help(FILE *out, const struct command_row *command, struct slice group)
{
	if (command) {
		print_command(out, command);
		return;
	}
	if (group.len) {
		fprintf(out, "Usage: weft %.*s COMMAND [options]\n\nCommands:\n", SLICE_FMT(group));
		print_list(out, group);
		return;
	}
	fputs("weft - a self-serve data mesh in one program\n\nUsage: weft COMMAND [options]\n\n"
	      "Commands:\n",
		out);
	print_list(out, SLICE_NONE);
	print_options(out, NULL, "Options of all commands:");
	fputs("\nExit status: 0 ok, 1 failed or different, 2 usage, 3 not found, 4 not allowed,\n"
	      "5 conflict, 6 contract or quality, 7 timeout, 8 unavailable, 130 interrupted.\n"
	      "`weft COMMAND --help` says more; `weft explain CODE` explains an error.\n",
		out);
}
