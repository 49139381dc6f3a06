#pragma once

#include "base/arena.h"
#include "base/error.h"
#include "base/slice.h"

/*
 * Who may see what of a table: a pure function of the principal, its purpose, the table as declared, and the
 * policies in force. Default deny; deny always wins; filters all AND together; the strictest mask wins (order:
 * null > constant > pseudonym > partial > truncate > none); a domain can only tighten what the mesh says.
 * What cannot be evaluated is refused. No I/O; any thread.
 */
struct attribute {
	struct slice name;
	struct slice type; /* string, number, boolean, date */
	struct slice *values;
	size_t value_count;
};

struct principal {
	struct slice name;
	struct slice *groups;
	size_t group_count;
	struct attribute *attributes;
	size_t attribute_count;
	bool admin; /* node administrator: manages the node, does not see data by it */
	struct slice purpose;
};

enum policy_effect {
	POLICY_ALLOW,
	POLICY_DENY,
	POLICY_FILTER,
	POLICY_MASK,
	POLICY_SUPPRESS,
};

/* Strictest last; the order is the rule by which two masks on one column are settled. */
enum mask_method {
	MASK_NONE,
	MASK_TRUNCATE,  /* date to unit, number to step */
	MASK_PARTIAL,   /* keep first / last characters */
	MASK_PSEUDONYM, /* keyed, joinable */
	MASK_CONSTANT,
	MASK_NULL,
};

struct policy_column {
	struct slice name;
	struct slice type; /* DuckDB spelling */
	struct slice *tags;
	size_t tag_count;
	struct slice classification;
};

/* A table as the decision needs it. */
struct policy_table {
	struct slice domain;
	struct slice product;
	struct slice name;
	struct slice *owners; /* groups or users that own product or domain */
	size_t owner_count;
	struct slice *tags; /* of product and table */
	size_t tag_count;
	struct slice classification;
	bool hidden; /* domain or product is hidden: unknown to all but owners and those allowed */
	struct policy_column *columns;
	size_t column_count;
};

struct mask {
	enum mask_method method;
	struct slice constant;   /* MASK_CONSTANT: the text of the value */
	int keep_first;          /* MASK_PARTIAL */
	int keep_last;           /* MASK_PARTIAL */
	struct slice keep_after; /* MASK_PARTIAL: keep what follows this text ("@") */
	struct slice truncate;   /* MASK_TRUNCATE: "year", "month", "day", "hour" or a number step */
};

struct decision_filter {
	struct slice policy;
	struct slice expression; /* SQL over the table's columns */
};

struct decision_mask {
	struct slice policy; /* none = no mask on this column */
	struct mask mask;
};

enum decision_outcome {
	DECISION_ALLOW,
	DECISION_DENY,   /* known to exist, not readable: 42501 */
	DECISION_HIDDEN, /* must look as if it did not exist: 42P01 */
};

struct decision_reason {
	struct slice policy; /* the rule, or "default deny" */
	struct slice text;   /* one sentence for explain-access */
};

struct decision {
	enum decision_outcome outcome;
	struct decision_filter *filters;
	size_t filter_count;
	struct decision_mask *masks; /* one per table column, same order */
	int64_t min_group;           /* 0, or the suppression size */
	struct decision_reason *reasons;
	size_t reason_count;
};
