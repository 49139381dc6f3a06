#pragma once

#include "base/arena.h"
#include "base/error.h"
#include "sql/flow.h"

/*
 * Column lineage between the one who finds it (the server, with a worker that parses) and the one
 * who shows it (mesh.lineage): kept in the store's derived texts by a digest of the transform's SQL
 * and of all columns that were known when it was found, so that it is never shown for others. Pure;
 * any thread.
 */

/* Key of what was found out about a domain's text. */
struct slice flow_text_key(
	struct arena *arena, const char *what, struct slice domain, struct slice text);
/* Key of the flows of sql; of request everything but the syntax tree counts. */
struct slice flow_key(
	struct arena *arena, const struct sql_flow_request *request, struct slice sql);
/* JSON: [[table, from, to | null, kind], …]. */
struct slice flow_print(struct arena *arena, const struct sql_flows *flows);
/* XX000 for what flow_print did not write. Slices in the arena. */
bool flow_parse(struct arena *arena, struct slice text, size_t table_count, struct sql_flows *out,
	struct error *err) must_check;
