#pragma once

#include "base/arena.h"
#include "base/error.h"
#include "base/slice.h"

/*
 * What transforms read, told from their SQL by the parser and the gate, and kept in the store by
 * the text's digest, so that a start of the node parses nothing. Any thread.
 */
struct server;
struct model;

/* "domain.table" of each table that the text reads, each once; bare names are the domain's own. */
bool lineage_tables(struct server *server, struct arena *arena, struct slice domain,
	struct slice sql, struct slice **out, size_t *count_out, struct error *err) must_check;
/* Fills inputs and table edges of a model that nobody else sees yet, where they are not there. */
void lineage_compile(struct server *server, const struct model *model);
