#pragma once

#include "base/error.h"
#include "base/json.h"
#include "base/slice.h"

/*
 * Statements that wait or run now: one's own, everybody's for administrators. Answered without a
 * worker, so that one can see and end what holds all of them. Any thread. As SQL: mesh.queries.
 */
struct server;
struct auth_identity;

/* [{"query":"q17","state":…}]: the columns of mesh.queries; the caller's reference. */
json_t *queries_list(struct server *server, const struct auth_identity *identity);
/* Ends the statement q<number> with 57014; 42704 when there is none that the identity may end. */
bool queries_cancel(struct server *server, const struct auth_identity *identity, struct slice name,
	struct error *err) must_check;
