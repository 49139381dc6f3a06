#pragma once

#include "base/json.h"
#include "cli/cli.h"

/*
 * Which node a command talks to. The first that says something wins: --url/--data, WEFT_URL/
 * WEFT_DATA, the context (--context, WEFT_CONTEXT, the current one), ./weft-data.
 */
struct target {
	const char *url;  /* NULL = the socket below data */
	const char *data; /* data folder; NULL with url */
	const char *token_file;
	const char *ca;
	const char *context; /* its name, or NULL */
	bool protected;	     /* ask before changes */
};

bool target_find(const struct cli *cli, struct target *out, struct error *err) must_check;
/* The contexts file: {"current":name|null,"contexts":{name:{"url","token_file","ca","data",
 * "protected"}}}; an empty one when there is none. */
bool target_read_contexts(const struct cli *cli, json_t **out, struct error *err) must_check;
bool target_write_contexts(
	const struct cli *cli, const json_t *contexts, struct error *err) must_check;
/* For a protected context: asks for its name. 22023 where nobody can be asked. */
bool target_confirm_change(struct cli *cli, struct error *err) must_check;
