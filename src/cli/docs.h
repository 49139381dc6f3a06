#pragma once

#include <stdio.h>

#include "base/json.h"
#include "cli/command.h"

/* What is made from the command table. All write to out; write errors are the caller's (ferror). */

/* Help for a command; for a group of them ("token"); for all when both are none. */
void docs_help(FILE *out, const struct command_row *command, struct slice group);
/* roff (man(7)) of one command, or of weft itself for NULL. */
void docs_man(FILE *out, const struct command_row *command);
/* docs/cli.md. */
void docs_markdown(FILE *out);
/* {"version","options":[…],"commands":[{"name","args","summary","text","options":[…]}]} */
json_t *docs_json(void);
/* A completion script; false for an unknown shell. */
bool docs_completion(FILE *out, const char *shell);
