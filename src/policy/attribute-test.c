#include "policy/attribute-test.h"

#include "base/str.h"

struct slice text_argument(const struct tree *call)
{
	const struct tree *children = tree_get(call, "children");
	const struct tree *argument = children && children->count == 1 ? children->first : NULL;

	if (!tree_is(argument, "class", "CONSTANT"))
		return SLICE_NONE;
	return tree_text(tree_get(argument, "value"), "value");
}

const struct attribute *attribute_of(const struct principal *principal, struct slice name)
{
	for (size_t i = 0; i < principal->attribute_count; i++)
		if (slice_equal(principal->attributes[i].name, name))
			return &principal->attributes[i];
	return NULL;
}

static bool read_call(
	const struct tree *call, const struct tree *operand, struct attribute_test *out)
{
	*out = (struct attribute_test){.attribute = text_argument(call), .operand = operand};
	return tree_is(call, "class", "FUNCTION") && tree_is(call, "function_name", "attribute") &&
	       !slice_is_none(out->attribute);
}

static bool read_list_function(const struct tree *node, struct attribute_test *out)
{
	static const char *const names[] = {
		"list_contains", "contains", "array_contains", "list_has"};
	const struct tree *children = tree_get(node, "children");

	for (size_t i = 0; i < array_len(names) && children && children->count == 2; i++)
		if (tree_is(node, "function_name", names[i]))
			return read_call(children->first, children->first->next, out);
	return false;
}

static bool read_subquery(const struct tree *node, struct attribute_test *out)
{
	const struct tree *select = tree_get(tree_get(node, "subquery"), "node");
	const struct tree *list = tree_get(select, "select_list");
	const struct tree *from = tree_get(select, "from_table");
	const struct tree *unnest = list && list->count == 1 ? list->first : NULL;
	const struct tree *calls = tree_get(unnest, "children");
	const struct tree *where = tree_get(select, "where_clause");
	const struct tree *modifiers = tree_get(select, "modifiers");

	if (!tree_is(node, "subquery_type", "ANY") ||
		!tree_is(node, "comparison_type", "COMPARE_EQUAL") ||
		!tree_is(from, "type", "EMPTY") || !tree_is(unnest, "function_name", "unnest") ||
		!calls || calls->count != 1 || !where || where->kind != TREE_NULL || !modifiers ||
		modifiers->count != 0)
		return false;
	bool ok = read_call(calls->first, tree_get(node, "child"), out);
	out->subquery = ok;
	return ok;
}

bool attribute_test_read(const struct tree *node, struct attribute_test *out)
{
	if (tree_is(node, "class", "SUBQUERY"))
		return read_subquery(node, out);
	return tree_is(node, "class", "FUNCTION") && read_list_function(node, out);
}

static struct slice in_values(
	struct arena *arena, struct slice column, const struct attribute *attribute)
{
	struct str out = str_in(arena);

	if (!attribute || attribute->value_count == 0)
		return SLICE("false");
	str_add_sql_ident(&out, column);
	for (size_t i = 0; i < attribute->value_count; i++) {
		str_add_c(&out, i ? ", " : " IN (");
		str_add_sql_literal(&out, attribute->values[i]);
	}
	str_add_char(&out, ')');
	return str_slice(&out);
}

struct slice attribute_filter_text(struct arena *arena, struct slice expression, struct slice ast,
	const struct principal *principal,
	bool (*is_text_column)(const void *ctx, struct slice name), const void *ctx)
{
	const struct tree *tree = NULL;
	struct attribute_test test;
	struct error ignored;

	if (slice_is_none(ast) || !tree_parse(arena, ast, &tree, &ignored) ||
		!attribute_test_read(tree, &test) || !test.subquery)
		return expression;
	const struct tree *names = tree_get(test.operand, "column_names");
	if (!tree_is(test.operand, "class", "COLUMN_REF") || !names || names->count != 1 ||
		!is_text_column(ctx, names->first->text))
		return expression;
	return in_values(arena, names->first->text, attribute_of(principal, test.attribute));
}
