#pragma once

#include "arrow/ipc.h"
#include "catalog/model.h"

/*
 * The system tables mesh.*: governed like any other table, each with a rule who sees which rows.
 * system.def holds their columns and comments. A table is made anew for each statement that names
 * it; the result goes to the worker as a descriptor (arrow_table_to_fd).
 */
struct store;

struct system_column {
	const char *name;
	enum arrow_kind kind;
	const char *comment;
};

struct system_table {
	const char *schema; /* "mesh" */
	const char *name;
	const char *comment; /* what a row is, and who sees it */
	const struct system_column *columns;
	size_t column_count;
};

/* A statement that waits or runs. */
struct system_query {
	struct slice name;
	uint32_t pid; /* 0 = none */
	struct slice principal;
	struct slice purpose;
	struct slice door;
	struct slice session;
	struct slice request_id;
	const char *state;
	struct slice waiting_for;
	int64_t started_us; /* wall clock */
	int64_t duration_us;
	int64_t waited_us;
	uint64_t rows;
	uint64_t bytes;
	struct slice statement;
};

/* Another node of the mesh. */
struct system_node {
	struct slice name;
	struct slice url;
	const char *state;
	struct slice reason;
	struct slice version;
	int64_t seen_us; /* wall clock */
	int64_t trip_us;
	int64_t skew_us;
	int64_t mesh_version;
	int64_t policy_version; /* 0 = none */
	int64_t epoch;
	struct slice *trusted_groups;
	size_t trusted_group_count;
	struct slice *trusted_attributes;
	size_t trusted_attribute_count;
};

/* What another node publishes: a model in which nothing can be read (share.h). */
struct system_copy {
	const struct model *model;
	struct slice node;
	int64_t seen_us;
};

/* What the rows are made of. */
struct system_request {
	const struct system_query *queries; /* for mesh.queries: everybody's */
	size_t query_count;
	const struct system_node *nodes; /* for mesh.nodes: the others */
	size_t node_count;
	const struct system_copy *copies; /* for domains, products, tables, columns */
	size_t copy_count;
	struct slice mesh;	/* that the node is in; none = none */
	bool removed;		/* from it */
	int64_t policy_version; /* of this node */
	const struct model *model;
	const struct principal *principal;
	struct store *store;
	int64_t now_us;
	const char *node_name;
	const char *version; /* of Weft */
	int64_t started_us;
};

/* All of them, in the order of the reference page. */
const struct system_table *system_tables(size_t *count_out);
/* NULL when there is none: schema and name as SQL writes them. */
const struct system_table *system_table_find(struct slice schema, struct slice name);
/* DuckDB's spelling of a column's type: "VARCHAR", "TIMESTAMPTZ" … */
const char *system_kind_type(enum arrow_kind kind);
/* Whether its rows are also those of other nodes. */
bool system_table_is_shared(const struct system_table *table);
/* The rows that the principal may see; the caller frees the table. */
bool system_table_rows(const struct system_table *table, const struct system_request *request,
	struct arrow_table **out, struct error *err) must_check;
