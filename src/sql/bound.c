/*
 * How many rows a statement can give at most, as far as its outermost SELECT tells: a LIMIT, an
 * aggregate of everything, or one table whose rows nothing multiplies. Data is never looked at.
 */
#include "sql/functions.h"
#include "sql/walk-private.h"

/* More rows out than in, also in a select list. */
static bool multiplies(const struct walk *w)
{
	static const struct slice names[] = {
		SLICE("unnest"), SLICE("generate_subscripts"), SLICE("regexp_split_to_table")};

	vec_each (struct slice, name, &w->functions)
		for (size_t i = 0; i < array_len(names); i++)
			if (slice_equal(*name, names[i]))
				return true;
	return false;
}

static int64_t limit_of(const struct tree *node)
{
	tree_each (modifier, tree_get(node, "modifiers")) {
		const struct tree *constant = tree_get(tree_get(modifier, "limit"), "value");
		const struct tree *value = tree_get(constant, "value");
		int64_t rows = 0;

		if (tree_is(modifier, "type", "LIMIT_MODIFIER") && value &&
			slice_to_i64(value->text, &rows) && rows >= 0)
			return rows;
	}
	return -1;
}

/* One of its columns is an aggregate itself: without GROUP BY there is one row. */
static bool aggregates_all(const struct tree *select)
{
	tree_each (column, tree_get(select, "select_list")) {
		const struct function_row *row = function_find(tree_text(column, "function_name"));
		if (tree_is(column, "class", "FUNCTION") && row && row->kind == FUNCTION_AGGREGATE)
			return true;
	}
	return false;
}

static size_t find_table(const struct walk *w, const struct tree *from)
{
	for (size_t i = 0; i < w->tables.len; i++)
		if (w->tables.items[i].tree == from)
			return i;
	return SIZE_MAX;
}

void facts_bound(const struct walk *w, const struct tree *node, struct sql_facts *out)
{
	out->most_rows = limit_of(node);
	out->lone_table = SIZE_MAX;
	if (out->most_rows >= 0 || !tree_is(node, "type", "SELECT_NODE") || multiplies(w) ||
		tree_get(node, "group_sets")->count > 1)
		return;
	if (tree_get(node, "group_expressions")->count == 0 && aggregates_all(node))
		out->most_rows = 1;
	else
		out->lone_table = find_table(w, tree_get(node, "from_table"));
}
