#pragma once

#include "base/json.h"
#include "server/query.h"

/*
 * Parameters of a statement as JSON: null, true, 1, 1.5, "text" (its type is found from the
 * statement), or {"type":"date","value":"2026-01-31"} with a PostgreSQL type name. In the arena;
 * borrows texts of params. 22023 and 42704 name the parameter.
 */
bool query_params_read(struct arena *arena, const json_t *params, struct query_param **out,
	uint32_t **oids_out, size_t *count_out, struct error *err) must_check;

/* The best of our forms for an Accept header; false when none fits. none = JSON. */
bool query_format_choose(struct slice accept, enum query_format *out, const char **type_out);
