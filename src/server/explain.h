#pragma once

#include "base/error.h"
#include "base/json.h"
#include "base/slice.h"

/*
 * `weft explain-access PRINCIPAL TABLE`: the same decision as for a query, with the reasons. Asked
 * by the principal itself, an owner of the table, or an administrator; to others the table looks
 * absent. Any thread.
 */
struct server;
struct auth_identity;

/* {"principal","table","purpose","outcome":"allow|deny|hidden","filters":[{"policy","expression"}],
 *  "columns":[{"name","type","mask","policy"}],"min_group":n,"reasons":[{"policy","text"}],"files":{"all":n,
 *  "none":n,"mixed":n}}. purpose may be none. */
bool explain_access(struct server *server, const struct auth_identity *caller,
	struct slice principal, struct slice table, struct slice purpose, json_t **out,
	struct error *err) must_check;
