#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/client.h"
#include "cli/docs.h"

/* main() of weft: parse, find the command, run it, say what went wrong. */

enum { EXIT_INTERRUPTED = 130, EXIT_USAGE = 2 };

static int show_help(const struct cli *cli)
{
	docs_help(stdout, cli->parsed.command, cli->parsed.name);
	return fflush(stdout) == 0 ? 0 : 1;
}

static int run(struct cli *cli, const char *const *argv)
{
	struct error err = {0};

	if (!command_parse_line(cli->arena, argv, &cli->parsed, &err))
		return cli_report(cli, &err);
	if (cli_is_set(cli, "help"))
		return show_help(cli);
	if (!cli->parsed.command) {
		docs_help(stderr, NULL, SLICE_NONE);
		return EXIT_USAGE;
	}
	if (!cli_open(cli, &err))
		return cli_report(cli, &err);
	bool ok = cli->parsed.command->run(cli, &err);

	if (ok)
		ok = cli_close(cli, &err);
	int status = ok ? cli->status : cli_report(cli, &err);

	if (!ok) {
		struct error ignored = {0};

		if (!cli_close(cli, &ignored))
			status = status ? status : 1;
	}
	return client_interrupted() ? EXIT_INTERRUPTED : status;
}

int main(int argc, char **argv)
{
	scoped(arena_free) struct arena *arena = NULL;
	struct cli cli = {0};

	/* The one answer that must come in milliseconds. */
	if (argc == 2 && strcmp(argv[1], "--version") == 0)
		return puts("weft " WEFT_VERSION) < 0 || fflush(stdout) != 0;
	signal(SIGPIPE, SIG_IGN);
	arena = arena_new();
	cli.arena = arena;
	return run(&cli, (const char *const *)argv + (argc > 0));
}
