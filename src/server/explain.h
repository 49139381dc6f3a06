#pragma once

#include "base/error.h"
#include "base/json.h"
#include "base/slice.h"

/*
 * `weft explain-access PRINCIPAL TABLE`: the same decision as for a query, with the reasons. Asked
 * by the principal itself, an owner of the table, or an administrator; to others the table looks
 * absent.
 */
struct server;
struct auth_identity;

struct explain_request {
	const struct auth_identity *caller;
	struct slice principal;
	struct slice table;   /* "domain.table" */
	struct slice purpose; /* none = none */
};

/* {"principal","table","purpose","outcome":"allow|deny|hidden",
 *  "filters":[{"policy","expression"}],"columns":[{"name","type","mask","policy"}],"min_group":n,
 *  "group_by":["column"…],"subjects":["column"…],
 *  "reasons":[{"policy","applied","text"}],"files":{"all":n,"none":n,"mixed":n}}. Any thread. */
bool explain_access(struct server *server, const struct explain_request *request, json_t **out,
	struct error *err) must_check;
