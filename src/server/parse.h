#pragma once

#include "base/arena.h"
#include "base/error.h"
#include "base/slice.h"

/*
 * Text to AST for the server's own needs (filters, transforms, checks in manifests): by a worker
 * that may read nothing. Any thread.
 */
struct server;

struct parse_request {
	struct server *server;
	struct slice text;
};

/* The JSON of json_serialize_sql; judge it with sql_inspect or sql_inspect_expression. In the
 * arena. */
bool parse_text(const struct parse_request *request, struct arena *arena, struct slice *ast_out,
	struct error *err) must_check;
