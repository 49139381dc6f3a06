#pragma once

#include <stdio.h>

#include "cli/cli.h"

/* "path:line:column: error: …" with what was expected and the hint, from {"path","line","column",
 * "message","expected","hint","warning"}. */
void manifest_print_error(const struct cli *cli, FILE *out, const json_t *item);
