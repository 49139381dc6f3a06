#pragma once

#include "base/arena.h"
#include "base/slice.h"
#include "policy/policy.h"
#include "sql/tree.h"

/*
 * Conditions that compare a column with an attribute of the principal, as they stand in the tree of
 * a row filter: list_contains(attribute('x'), col) and its other names; col = ANY(attribute('x'))
 * and col IN (SELECT unnest(attribute('x'))), which are one subquery for DuckDB. Pure; any thread.
 */
struct attribute_test {
	struct slice attribute;	    /* its name */
	const struct tree *operand; /* what is looked for in its values */
	bool subquery;
};

bool attribute_test_read(const struct tree *node, struct attribute_test *out);
/* NULL when the principal has none of that name. */
const struct attribute *attribute_of(const struct principal *principal, struct slice name);
/* The text constant that is a call's only argument; none for another call. */
struct slice text_argument(const struct tree *call);

/*
 * A filter's text for one principal. DuckDB plans the subquery of = ANY as a join, for
 * milliseconds; where the whole filter is one over a text column, the text has the values in its
 * place, which means the same: IN over constants. The expression itself otherwise.
 */
struct slice attribute_filter_text(struct arena *arena, struct slice expression, struct slice ast,
	const struct principal *principal,
	bool (*is_text_column)(const void *ctx, struct slice name), const void *ctx);
