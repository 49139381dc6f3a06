#pragma once

#include "base/arena.h"
#include "base/error.h"
#include "base/slice.h"

/*
 * Who may see what of a table: a pure function of the principal, its purpose, the table as
 * declared, and the policies in force. Default deny; deny always wins; filters all AND together;
 * the strictest mask wins (order: null > constant > pseudonym > partial > truncate > none); a
 * domain can only tighten what the mesh says. What cannot be evaluated is refused. No I/O; any
 * thread.
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
	bool admin;	   /* node administrator: manages the node, does not see data by it */
	struct slice node; /* another one, which says who it is (server/delegate.h); none = here */
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
	MASK_TRUNCATE,	/* date to unit, number to step */
	MASK_PARTIAL,	/* keep first / last characters */
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
	struct slice constant;	 /* MASK_CONSTANT: the text of the value */
	int keep_first;		 /* MASK_PARTIAL */
	int keep_last;		 /* MASK_PARTIAL */
	struct slice keep_after; /* MASK_PARTIAL: keep what follows this text ("@") */
	struct slice truncate; /* MASK_TRUNCATE: "year", "month", "day", "hour" or a number step */
};

enum policy_level {
	POLICY_MESH,
	POLICY_DOMAIN, /* for products of its own domain only */
};

/* One entry of `to` or `unless`: every list that is not empty must hold something of the principal.
 * Where groups or users are each enough (`to: {groups, users}` in manifests), make an entry of
 * each. role: a group of the principal, or a value of its attribute "role". Names are compared
 * exactly.
 */
struct policy_who {
	struct slice *users;
	size_t user_count;
	struct slice *groups;
	size_t group_count;
	struct slice *roles;
	size_t role_count;
	struct slice *purposes;
	size_t purpose_count;
};

/*
 * A rule as data; grants and agreements are allow rules too (the caller leaves expired ones out).
 * Selectors: every list that is not empty must match; within a list one match is enough; names are
 * matched part by part between dots, ASCII case-insensitive, a part may end in '*', "*" alone is
 * everything. An allow rule with no selector is refused by manifest and never matches here.
 *	products: "product" or "domain.product"
 *	tables: "table", "domain.table" (as in SQL), "product.table" or "domain.product.table"
 *	columns: each of these with ".column", or "column"; mask and deny only
 *	tags, classifications: of the table for allow, filter and suppress; of the column for mask;
 *	for deny of the table (table denied) or, where the table has none of them, of its columns
 *	(columns left out)
 */
struct policy {
	struct slice name;
	enum policy_level level;
	struct slice domain; /* POLICY_DOMAIN: the domain that made it */
	enum policy_effect effect;

	struct slice *products;
	size_t product_count;
	struct slice *tables;
	size_t table_count;
	struct slice *columns;
	size_t column_count;
	struct slice *tags;
	size_t tag_count;
	struct slice *classifications;
	size_t classification_count;

	struct policy_who *to; /* any entry; no entry = everybody */
	size_t to_count;
	struct policy_who *unless; /* any entry lifts this rule for the principal */
	size_t unless_count;

	struct slice filter;	 /* POLICY_FILTER: SQL over the table's columns */
	struct slice filter_ast; /* struct sql_expression's ast; none = never pruned by files */
	struct mask mask;	 /* POLICY_MASK */
	int64_t min_group;	 /* POLICY_SUPPRESS */
	struct slice *group_by;	 /* POLICY_SUPPRESS: names of columns */
	size_t group_by_count;
	struct slice subject; /* POLICY_SUPPRESS: none = rows are counted */
};

struct decision_filter {
	struct slice policy;
	struct slice expression; /* SQL over the table's columns */
	struct slice ast;	 /* for policy/prune.h; none = not known */
};

struct decision_mask {
	struct slice policy; /* none = no mask on this column */
	struct mask mask;
	bool denied; /* the column is left out of the view, as if the table had none of that name */
};

/*
 * Suppression: only rows of cells (rows alike in all of group_by) with at least min_group rows, and
 * of each subject as many distinct values, are shown, and of these the columns outside group_by in
 * sums, averages and counts only. Every answer is then made of sums over whole cells: no two
 * answers differ by less than one. Several rules: the largest size, the columns common to all, each
 * subject.
 */
struct decision_suppress {
	int64_t min_group; /* 0 = none */
	struct slice *group_by;
	size_t group_by_count;
	struct slice *subjects;
	size_t subject_count;
};

enum decision_outcome {
	DECISION_ALLOW,
	DECISION_DENY,	 /* known to exist, not readable: 42501 */
	DECISION_HIDDEN, /* must look as if it did not exist: 42P01 */
};

struct decision_reason {
	struct slice policy; /* the rule, "owner" or "default deny" */
	bool applied;	   /* false: it selects this table but is lifted for, or not meant for, the
			      principal */
	struct slice text; /* one sentence for explain-access */
};

struct decision {
	enum decision_outcome outcome;
	struct decision_filter *filters;
	size_t filter_count;
	struct decision_mask *masks; /* one per table column, same order */
	struct decision_suppress suppress;
	struct decision_reason *reasons;
	size_t reason_count;
};

struct policy_request {
	const struct principal *principal;
	const struct policy_table *table;
	const struct policy *policies; /* all in force, in any order */
	size_t policy_count;
};

/*
 * What of the table the principal gets. Borrows texts from the request; arrays in the arena. Owners
 * (by name or group) are allowed without a rule; every other effect binds them too. For
 * DECISION_DENY and DECISION_HIDDEN filters and masks are empty. A filter rule without an
 * expression, a suppress rule whose subject the table lacks, a domain rule without a domain and an
 * unknown effect deny: what cannot be evaluated
 * is refused.
 */
struct decision policy_decide(struct arena *arena, const struct policy_request *request);

/* Whether the principal gets each row of the table as it is stored, all columns: only then may
 * sizes on disk be shown or decide anything that shows: they tell of what a filter hides and of
 * what lies below a mask. columns: of the table. */
bool policy_shows_all(const struct decision *decision, size_t columns);
/* Whether the principal owns the table. */
bool policy_is_owner(const struct principal *principal, const struct policy_table *table);
/* The stricter of two masks, or their combination where neither is (partial: the fewer characters
 * of each end; truncate of unlike kinds: NULL). */
struct mask policy_stricter_mask(const struct mask *a, const struct mask *b);
/* "null", "constant", … and back; false for an unknown word. */
const char *mask_method_name(enum mask_method method);
bool mask_method_parse(struct slice word, enum mask_method *out);
