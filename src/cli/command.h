#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/slice.h"

/*
 * The command line as a table (commands.def) and its parser. Pure: no terminal, no network. Names
 * are whole words; a prefix is not accepted, so that a new command never changes what an old script
 * does.
 */
struct cli;

typedef bool (*command_fn)(struct cli *cli, struct error *err);

enum option_flags {
	OPTION_REPEAT = 1 << 0, /* may be given more than once; all values count */
};

enum command_row_kind { ROW_COMMAND, ROW_OPTION };

/* One row of commands.def, in its order. */
struct command_row {
	enum command_row_kind kind;
	const char *name;
	/* ROW_COMMAND */
	const char *args;
	command_fn run;
	const char *summary; /* NULL = not shown anywhere */
	/* both */
	const char *text;
	/* ROW_OPTION */
	char letter;
	const char *value; /* NULL = a switch */
	unsigned flags;
};

extern const struct command_row command_rows[];
extern const size_t command_row_count;

/* Every row's function, as commands.def names it. */
#define COMMAND(name, args, handler, summary, text) bool handler(struct cli *, struct error *);
#define OPTION(name, letter, value, flags, text)
#include "cli/commands.def"
#undef COMMAND
#undef OPTION

/* Options of a command (NULL: those that hold for all): rows [return, return + *count_out). */
const struct command_row *command_options(const struct command_row *command, size_t *count_out);
/* By its whole name ("token create"); NULL when there is none. */
const struct command_row *command_find(struct slice name);
/* Lower and upper number of arguments; SIZE_MAX = no limit. */
void command_arity(const struct command_row *command, size_t *min_out, size_t *max_out);

struct parsed_option {
	const struct command_row *option;
	const char *value; /* "" for a switch */
};

struct parsed {
	const struct command_row *command; /* NULL: none was named */
	struct slice name; /* words that name a command, also half of one ("token") */
	const char **args; /* NULL-terminated; borrowed from argv */
	size_t arg_count;
	struct parsed_option *options; /* in the order given */
	size_t option_count;
};

/* Options may stand anywhere; "--" ends them; --name=value, --name value, -xvalue, -x value, -qv.
 * 22023 or 42704 with "did you mean". --help and --version end parsing without a complaint about
 * the rest. argv without the program's name. */
bool command_parse_line(struct arena *arena, const char *const *argv, struct parsed *out,
	struct error *err) must_check;
/* The last value given, or NULL; "" for a switch. */
const char *parsed_value(const struct parsed *parsed, const char *option);
bool parsed_is_set(const struct parsed *parsed, const char *option);
/* How often the option was given. */
size_t parsed_count(const struct parsed *parsed, const char *option);
/* The index-th value given, or NULL. */
const char *parsed_nth(const struct parsed *parsed, const char *option, size_t index);
