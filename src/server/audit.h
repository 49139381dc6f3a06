#pragma once

#include "base/error.h"

/*
 * The audit record of a statement: written before its first row leaves (who, purpose, door, text,
 * tables, columns, decisions), completed at its end (rows, bytes, time, outcome): kept in memory
 * until query_settle, so that the client has its answer first. A record that cannot be begun
 * refuses the statement. The thread of the query.
 */
struct query;

bool query_audit_begin(struct query *query, struct error *err) must_check;
/* failure NULL = it went well. Does nothing when the record was not begun or is complete. */
void query_audit_end(struct query *query, const struct error *failure);
/* A statement that never came to run. */
void query_audit_refused(struct query *query, const struct error *failure);
