#pragma once

#include "base/arena.h"
#include "base/error.h"
#include "base/slice.h"

/*
 * What a transform reads, told from its SQL by the parser and the gate, and kept in the store by
 * the text's digest, so that the next apply parses only what is new. Any thread.
 */
struct parser;
struct sql_flow_request;

struct lineage_text {
	struct slice domain; /* that bare names belong to */
	struct slice sql;
};

struct lineage_names {
	struct slice *items; /* "domain.table", each once */
	size_t count;
	bool versions; /* a table is read at a version of its own */
};

/* In the arena. The parser's and the gate's errors. */
bool lineage_tables(const struct parser *parser, struct arena *arena,
	const struct lineage_text *text, struct lineage_names *out, struct error *err) must_check;
/* Finds the flows of columns and keeps them for mesh.lineage (catalog/flow.h); the parser has a
 * store. sql passed the gate; request without its tree. */
bool lineage_columns(const struct parser *parser, struct arena *arena,
	struct sql_flow_request *request, struct slice sql, struct error *err) must_check;
