#pragma once

#include "base/arena.h"
#include "base/error.h"
#include "base/slice.h"

/*
 * Where the columns of a statement come from. Pure: the AST of a statement that passed the gate
 * (sql_inspect) in, flows out. Any thread. The kinds are the subtypes of OpenLineage's column
 * lineage facet (spec 1-2-0): the first three are its DIRECT ones (a value comes from the column),
 * the others INDIRECT (the column decides which rows or values are there).
 *
 * It tells as far as the text does: of PIVOT, UNPIVOT and functions in FROM each new column comes
 * from everything that they read.
 */
enum sql_flow_kind {
	SQL_FLOW_IDENTITY,
	SQL_FLOW_TRANSFORMATION,
	SQL_FLOW_AGGREGATION,
	SQL_FLOW_JOIN,
	SQL_FLOW_FILTER,
	SQL_FLOW_GROUP_BY,
	SQL_FLOW_SORT,
	SQL_FLOW_WINDOW,
	SQL_FLOW_CONDITIONAL,
	SQL_FLOW_COUNT,
};

/* A table that the statement reads. Names are compared without case. */
struct sql_flow_table {
	struct slice schema;
	struct slice name;
	const struct slice *columns;
	size_t column_count;
};

struct sql_flow_request {
	struct slice ast;
	struct slice schema; /* of bare names */
	const struct sql_flow_table *tables;
	size_t table_count;
	const struct slice *wanted; /* columns of the table that is made */
	size_t wanted_count;
};

struct sql_flow {
	size_t table; /* index into the request's tables */
	struct slice from;
	struct slice to; /* one of wanted; none = every column, by deciding the rows */
	enum sql_flow_kind kind;
};

struct sql_flows {
	struct sql_flow *items;
	size_t count;
};

/* In the arena; each flow once. 54001 when the statement is too large to be told. */
bool sql_flows_find(struct arena *arena, const struct sql_flow_request *request,
	struct sql_flows *out, struct error *err) must_check;
/* "IDENTITY", … */
const char *sql_flow_name(enum sql_flow_kind kind);
bool sql_flow_is_direct(enum sql_flow_kind kind);
