#pragma once

#include <stdbool.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/check.h"
#include "base/error.h"
#include "base/json.h"
#include "cli/command.h"

/*
 * One run of `weft`: what was asked, where it goes, who is at the other end. One thread. Standard
 * output carries data only; everything for people goes to standard error.
 */
struct client;

enum output_format {
	OUTPUT_TABLE,
	OUTPUT_WIDE,
	OUTPUT_JSON,
	OUTPUT_NDJSON,
	OUTPUT_YAML,
	OUTPUT_CSV,
	OUTPUT_TSV,
	OUTPUT_PARQUET,
	OUTPUT_ARROW,
	OUTPUT_MARKDOWN,
	OUTPUT_NAME,
};

struct cli {
	struct arena *arena; /* process */
	struct parsed parsed;
	enum output_format format;
	bool format_given;
	FILE *out;	 /* standard output, --output-file, or the pager */
	bool input_tty;	 /* questions can be asked: stdin and stderr are terminals, no --no-input */
	bool output_tty; /* out is a terminal */
	bool error_tty;
	bool color;	  /* on out */
	bool error_color; /* on stderr */
	bool quiet;
	int verbose;
	bool watching;	/* the answer comes in parts for ever: no pager */
	bool continued; /* what is printed goes on where it was: no header */
	int width;	/* columns of the terminal */
	int status;  /* exit status of a command that did its work and has something to say by it */
	FILE *pager; /* pclose it */
	struct client *client; /* opened by cli_client */
};

/* From --output, --color, environment and terminals. 22023. */
bool cli_open(struct cli *cli, struct error *err) must_check;
/* Ends pager, output file and client. A failure to write is reported here. */
bool cli_close(struct cli *cli, struct error *err) must_check;
/* The connection to the node, made on first use. */
bool cli_client(struct cli *cli, struct client **out, struct error *err) must_check;
/* Sends out through the pager from now on, where there is a terminal. */
void cli_page(struct cli *cli);

/* On stderr; nothing with --quiet. */
void cli_note(const struct cli *cli, const char *fmt, ...) printf_like(2, 3);
/* "error: …", hint, code, position; JSON with -o json. Returns the exit status. */
int cli_report(const struct cli *cli, const struct error *err);

/* The value of an option, or NULL. */
static inline const char *cli_option(const struct cli *cli, const char *name)
{
	return parsed_value(&cli->parsed, name);
}
static inline bool cli_is_set(const struct cli *cli, const char *name)
{
	return parsed_is_set(&cli->parsed, name);
}
/* A whole number; fallback when it was not given. 22023. */
bool cli_option_number(const struct cli *cli, const char *name, int64_t fallback, int64_t *out,
	struct error *err) must_check;
