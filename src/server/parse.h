#pragma once

#include "base/arena.h"
#include "base/error.h"
#include "base/slice.h"

/*
 * Text to AST, and texts bound to empty tables, for our own needs (filters, transforms, checks in
 * manifests): by a worker that may read nothing. Any thread.
 */
struct pool;
struct server;
struct store;
struct wire_prepared;
struct wire_relation;

struct parser {
	struct pool *pool;
	struct store *store; /* keeps what was found by the text's digest; NULL = nothing is kept */
	int64_t memory_bytes;
};

struct parser parser_of(const struct server *server);

/* The JSON of json_serialize_sql; judge it with sql_inspect or sql_inspect_expression. In the
 * arena. */
bool parse_text(const struct parser *parser, struct slice text, struct arena *arena,
	struct slice *ast_out, struct error *err) must_check;

/* The same of one expression of a manifest, for sql_inspect_expression: read as views run it, not
 * in the dialect of statements. */
bool parse_expression(const struct parser *parser, struct slice expression, struct arena *arena,
	struct slice *ast_out, struct error *err) must_check;

/* A text that passed the gate, and its relations without files: whether names and types fit, and
 * what columns come out. */
struct parse_binding {
	struct slice text;
	const struct wire_relation *relations;
	size_t relation_count;
};

bool parse_bind(const struct parser *parser, const struct parse_binding *binding,
	struct arena *arena, struct wire_prepared *out, struct error *err) must_check;
/* A worker that cannot be had is no fault of the text. */
bool parse_is_io(const struct error *err);
