#include "cli/cli.h"

#include <errno.h>
#include <locale.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "cli/client.h"

static enum output_format format_of(const char *word)
{
	static const char *const words[] = {
		[OUTPUT_TABLE] = "table",
		[OUTPUT_WIDE] = "wide",
		[OUTPUT_JSON] = "json",
		[OUTPUT_NDJSON] = "ndjson",
		[OUTPUT_YAML] = "yaml",
		[OUTPUT_CSV] = "csv",
		[OUTPUT_TSV] = "tsv",
		[OUTPUT_PARQUET] = "parquet",
		[OUTPUT_ARROW] = "arrow",
		[OUTPUT_MARKDOWN] = "md",
		[OUTPUT_NAME] = "name",
	};

	for (size_t i = 0; i < array_len(words); i++)
		if (strcmp(words[i], word) == 0)
			return (enum output_format)i;
	panic("the table allows the format \"%s\"", word);
}

static bool env_is_set(const char *name)
{
	const char *value = getenv(name); /* NOLINT(concurrency-mt-unsafe): one thread */

	return value && *value;
}

/* https://no-color.org and https://bixense.com/clicolors */
static bool wants_color(const char *option, bool tty)
{
	const char *term = getenv("TERM"); /* NOLINT(concurrency-mt-unsafe): one thread */

	if (option && strcmp(option, "auto") != 0)
		return strcmp(option, "always") == 0;
	if (env_is_set("NO_COLOR"))
		return false;
	if (env_is_set("CLICOLOR_FORCE"))
		return true;
	return tty && term && strcmp(term, "dumb") != 0;
}

static int terminal_width(void)
{
	struct winsize size;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 20)
		return size.ws_col;
	return 80;
}

bool cli_open(struct cli *cli, struct error *err)
{
	const char *format = cli_option(cli, "output");
	const char *file = cli_option(cli, "output-file");

	/* Only how wide characters are; numbers and times stay as they are. */
	setlocale(LC_CTYPE, "C.UTF-8"); /* NOLINT(concurrency-mt-unsafe): one thread */
	cli->error_tty = isatty(STDERR_FILENO);
	cli->input_tty = isatty(STDIN_FILENO) && cli->error_tty && !cli_is_set(cli, "no-input");
	cli->output_tty = isatty(STDOUT_FILENO) && !file;
	cli->color = wants_color(cli_option(cli, "color"), cli->output_tty);
	cli->error_color = wants_color(cli_option(cli, "color"), cli->error_tty);
	cli->quiet = cli_is_set(cli, "quiet");
	cli->verbose = (int)parsed_count(&cli->parsed, "verbose");
	cli->width = terminal_width();
	cli->out = stdout;
	cli->format_given = format != NULL;
	cli->format = format ? format_of(format) : cli->output_tty ? OUTPUT_TABLE : OUTPUT_TSV;
	if ((cli->format == OUTPUT_PARQUET || cli->format == OUTPUT_ARROW) && cli->output_tty) {
		error_set(err, INVALID_PARAMETER_VALUE, "%s is binary and would spoil the terminal",
			format);
		return error_hint(err, "name a file: --output-file FILE");
	}
	if (file && strcmp(file, "-") != 0) {
		cli->out = fopen(file, "we");
		if (!cli->out)
			return error_set_errno(err, errno, "write %s", file);
	}
	return true;
}

void cli_page(struct cli *cli)
{
	const char *command = getenv("WEFT_PAGER"); /* NOLINT(concurrency-mt-unsafe): one thread */

	if (!cli->output_tty || cli->pager || cli->out != stdout || cli->watching ||
		cli_is_set(cli, "no-pager"))
		return;
	if (!command)
		command = "less -FRSX";
	if (!*command || strcmp(command, "cat") == 0)
		return;
	fflush(stdout);
	cli->pager = popen(command, "we"); /* NOLINT(cert-env33-c): the user's own pager */
	if (cli->pager)
		cli->out = cli->pager;
}

bool cli_close(struct cli *cli, struct error *err)
{
	bool failed = false;

	client_free(&cli->client);
	if (cli->pager) {
		pclose(cli->pager);
		cli->pager = NULL;
	} else if (cli->out) {
		/* A reader that has enough (head) is no failure of ours. */
		failed = fflush(cli->out) != 0 && errno != EPIPE;
		if (cli->out != stdout && fclose(cli->out) != 0)
			failed = true;
	}
	cli->out = NULL;
	return failed ? error_set_errno(err, errno, "write the answer") : true;
}

void cli_note(const struct cli *cli, const char *fmt, ...)
{
	va_list args;

	if (cli->quiet)
		return;
	va_start(args, fmt);
	/* NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized): va_start is above */
	vfprintf(stderr, fmt, args);
	va_end(args);
	fputc('\n', stderr);
}

int cli_report(const struct cli *cli, const struct error *err)
{
	const struct sqlstate_row *row = &sqlstate_table[err->state];

	if (cli->format_given && (cli->format == OUTPUT_JSON || cli->format == OUTPUT_NDJSON)) {
		scoped(json_drop) json_t *body = json_object();
		json_t *error = json_object();

		json_object_set_new(body, "error", error);
		json_object_set_new(error, "code", json_string(row->code));
		json_set_slice(error, "message", slice_from_c(err->msg));
		if (err->hint[0])
			json_set_slice(error, "hint", slice_from_c(err->hint));
		if (err->position)
			json_object_set_new(error, "position", json_integer(err->position));
		fprintf(stderr, "%.*s\n", SLICE_FMT(json_print(cli->arena, body)));
		return row->exit_status;
	}
	fprintf(stderr, "%serror:%s %s\n", cli->error_color ? "\033[31m" : "",
		cli->error_color ? "\033[0m" : "", err->msg);
	if (err->hint[0])
		fprintf(stderr, "%shint:%s %s\n", cli->error_color ? "\033[36m" : "",
			cli->error_color ? "\033[0m" : "", err->hint);
	if (row->exit_status != 2)
		fprintf(stderr, "code: %s (weft explain %s)\n", row->code, row->code);
	return row->exit_status;
}

bool cli_option_number(
	const struct cli *cli, const char *name, int64_t fallback, int64_t *out, struct error *err)
{
	const char *text = cli_option(cli, name);

	*out = fallback;
	if (text && (!slice_to_i64(slice_from_c(text), out) || *out < 0))
		return error_set(err, INVALID_PARAMETER_VALUE,
			"--%s must be a whole number, not \"%.60s\"", name, text);
	return true;
}
