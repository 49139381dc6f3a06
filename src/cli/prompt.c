#include "cli/prompt.h"

#include <signal.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "cli/files.h"

enum { ANSWER_MAX = 1024 };

static bool nobody(const char *otherwise, struct error *err)
{
	error_set(err, INVALID_PARAMETER_VALUE,
		"this needs an answer and there is no terminal to ask on");
	return error_hint(err, "%s", otherwise);
}

/* A line without its end; false at end of file. */
static bool read_line(char *line)
{
	size_t len = 0;
	char c = 0;

	while (read(STDIN_FILENO, &c, 1) == 1) {
		if (c == '\n') {
			line[len] = 0;
			return true;
		}
		if (len < ANSWER_MAX - 1)
			line[len++] = c;
	}
	line[len] = 0;
	return len > 0;
}

static bool declined(struct error *err)
{
	return error_set(err, QUERY_CANCELED, "nothing was changed");
}

bool prompt_yes(struct cli *cli, const char *question, const char *otherwise, struct error *err)
{
	char line[ANSWER_MAX];

	if (!cli->input_tty)
		return nobody(otherwise, err);
	fprintf(stderr, "%s [y/N] ", question);
	if (!read_line(line) || (line[0] != 'y' && line[0] != 'Y'))
		return declined(err);
	return true;
}

bool prompt_name(struct cli *cli, const char *name, const char *what, const char *otherwise,
	struct error *err)
{
	char line[ANSWER_MAX];

	if (!cli->input_tty)
		return nobody(otherwise, err);
	fprintf(stderr, "%s. Type \"%s\" to go on: ", what, name);
	if (!read_line(line) || strcmp(line, name) != 0)
		return declined(err);
	return true;
}

/* The terminal as it was comes back also after Ctrl-C: the signal is held until then. */
static bool read_hidden(const char *question, char *line)
{
	struct termios old;
	sigset_t hold;
	sigset_t before;

	if (tcgetattr(STDIN_FILENO, &old) != 0)
		return false;
	struct termios silent = old;

	silent.c_lflag &= ~(tcflag_t)(ECHO | ISIG);
	sigemptyset(&hold);
	sigaddset(&hold, SIGTSTP);
	/* One thread. NOLINTNEXTLINE(concurrency-mt-unsafe) */
	sigprocmask(SIG_BLOCK, &hold, &before);
	tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent);
	fputs(question, stderr);
	bool got = read_line(line) && !strchr(line, 3);

	tcsetattr(STDIN_FILENO, TCSAFLUSH, &old);
	/* One thread. NOLINTNEXTLINE(concurrency-mt-unsafe) */
	sigprocmask(SIG_SETMASK, &before, NULL);
	fputc('\n', stderr);
	return got;
}

static bool ask_twice(struct cli *cli, const char *user, struct slice *out, struct error *err)
{
	char first[ANSWER_MAX];
	char second[ANSWER_MAX];
	const char *question = arena_printf(cli->arena, "Password for %s: ", user).ptr;

	if (!read_hidden(question, first) || !read_hidden("Again: ", second))
		return declined(err);
	if (strcmp(first, second) != 0)
		return error_set(err, INVALID_PARAMETER_VALUE, "the two passwords differ");
	*out = arena_copy(cli->arena, slice_from_c(first));
	explicit_bzero(first, sizeof first);
	explicit_bzero(second, sizeof second);
	return true;
}

bool prompt_password(struct cli *cli, const char *user, struct slice *out, struct error *err)
{
	const char *file = cli_option(cli, "password-file");

	if (file) {
		if (!file_read(cli->arena, file, ANSWER_MAX, out, err))
			return false;
		while (out->len && strchr("\r\n", out->ptr[out->len - 1]))
			out->len--;
	} else if (!cli->input_tty) {
		return nobody("use --password-file FILE (- is standard input)", err);
	} else if (!ask_twice(cli, user, out, err)) {
		return false;
	}
	if (out->len == 0)
		return error_set(err, INVALID_PARAMETER_VALUE, "the password is empty");
	return true;
}
