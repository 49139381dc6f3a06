#pragma once

#include <stdbool.h>
#include <stddef.h>

/*
 * What a syntax tree may consist of: made at build time by scripts/gen_nodes.py from DuckDB's lists
 * and reviewed.def. Nodes of a family are told apart by the text at the family's key.
 */
enum node_value {
	VALUE_SELF,   /* the family's key: names the node */
	VALUE_TYPE,   /* a word of node_kind.types */
	VALUE_ABSENT, /* known to DuckDB, not written by this version: refused */
	VALUE_TEXT,
	VALUE_LOCATION,
	VALUE_BOOL,
	VALUE_FALSE,
	VALUE_NUMBER,
	VALUE_EMPTY, /* "", null or [] */
	VALUE_WORDS,
	VALUE_COLLATION,
	VALUE_TYPE_NAME,
	VALUE_VALUE, /* a constant with its type */
	VALUE_LOGICAL_TYPE,
	VALUE_STATEMENT,
	VALUE_CTE_MAP,
	VALUE_RECURSIVE_QUERY, /* the step of a recursive CTE: sees the CTE's own name */
	VALUE_NODE,
	VALUE_STRUCT,
};

enum node_family_id {
	FAMILY_EXPRESSION,
	FAMILY_TABLE,
	FAMILY_QUERY,
	FAMILY_MODIFIER,
	FAMILY_TYPE_INFO,
};

/* One per line "node" and "custom" of reviewed.def. */
enum node_id {
	NODE_STRUCT,
	NODE_BETWEEN,
	NODE_CASE,
	NODE_CAST,
	NODE_COLLATE,
	NODE_COLUMN_REF,
	NODE_COMPARISON,
	NODE_CONJUNCTION,
	NODE_CONSTANT,
	NODE_FUNCTION,
	NODE_LAMBDA,
	NODE_LAMBDA_REF,
	NODE_OPERATOR,
	NODE_PARAMETER,
	NODE_POSITIONAL,
	NODE_STAR,
	NODE_SUBQUERY,
	NODE_WINDOW,
	NODE_BASE_TABLE,
	NODE_JOIN,
	NODE_SUBQUERY_REF,
	NODE_TABLE_FUNCTION,
	NODE_EMPTY_FROM,
	NODE_EXPRESSION_LIST,
	NODE_PIVOT,
	NODE_SHOW_REF,
	NODE_SELECT,
	NODE_SET_OPERATION,
	NODE_RECURSIVE_CTE,
	NODE_LIMIT,
	NODE_LIMIT_PERCENT,
	NODE_DISTINCT,
	NODE_ORDER,
	NODE_DECIMAL_INFO,
	NODE_STRING_INFO,
	NODE_LIST_INFO,
	NODE_ARRAY_INFO,
	NODE_STRUCT_INFO,
	NODE_INTEGER_INFO,
	NODE_UNBOUND_INFO,
	NODE_COUNT,
};

struct node_kind;
struct node_family;

struct node_field {
	const char *name; /* NULL ends the list */
	enum node_value value;
	const char *const *words;	  /* VALUE_WORDS, NULL at the end */
	const struct node_family *family; /* VALUE_NODE */
	const struct node_kind *of;	  /* VALUE_STRUCT */
	unsigned lists;			  /* lists around the value */
	bool nullable;
};

struct node_kind {
	const char *name; /* NULL ends the list */
	enum node_id id;
	const char *const *types;
	const struct node_field *fields;
};

struct node_family {
	const char *name;
	const char *key;
	const struct node_kind *kinds;
};

extern const struct node_family node_families[];
/* A value of cte_map. */
extern const struct node_kind *const node_cte;
