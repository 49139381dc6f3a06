#pragma once

#include "base/json.h"

/* One named value: --param name=value. */
struct sql_param {
	struct slice name;
	struct slice type; /* none = found from the statement */
	struct slice value;
};

/* "name=value" or "name:type=value". 22023. */
bool sql_param_parse(const char *text, struct sql_param *out, struct error *err) must_check;

/*
 * :name for a known name becomes $n, outside of strings, quoted names and comments; $1 stays and
 * means the parameter named "1". *values_out is the list for the API. A name that is not known is
 * left to the engine's own parser (a[1:n], a::int). 42P02 for $n without a value.
 */
struct sql_params {
	struct sql_param *items;
	size_t len;
};
bool sql_bind(struct arena *arena, struct slice text, const struct sql_params *params,
	struct slice *text_out, json_t **values_out, struct error *err) must_check;

/* Whether a shell's buffer is a whole statement: ends with ; outside of anything open. */
bool sql_is_complete(struct slice text);
