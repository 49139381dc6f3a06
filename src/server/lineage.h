#pragma once

#include "base/arena.h"
#include "base/error.h"
#include "base/slice.h"

/*
 * What a transform reads, told from its SQL by the parser and the gate, and kept in the store by
 * the text's digest, so that the next apply parses only what is new. Any thread.
 */
struct server;

struct lineage_text {
	struct slice domain; /* that bare names belong to */
	struct slice sql;
};

struct lineage_names {
	struct slice *items; /* "domain.table", each once */
	size_t count;
};

/* In the arena. The parser's and the gate's errors. */
bool lineage_tables(struct server *server, struct arena *arena, const struct lineage_text *text,
	struct lineage_names *out, struct error *err) must_check;
