/* The gate's entrances: a statement, a translated catalogue statement, an expression of a manifest.
 */
#include "base/str.h"
#include "sql/sql.h"
#include "sql/text-private.h"
#include "sql/walk-private.h"

static bool walk_text(struct walk *w, struct slice ast_json, const struct tree **node_out)
{
	const struct tree *document = NULL;

	w->location = -1;
	if (!tree_parse(w->arena, ast_json, &document, w->err))
		return false;
	return walk_document(w, document, node_out);
}

bool sql_inspect(struct arena *arena, struct slice ast_json, struct slice statement,
	struct sql_facts *out, struct error *err)
{
	struct walk w = {
		.arena = arena, .statement = statement, .err = err, .mode = WALK_STATEMENT};
	const struct tree *node = NULL;

	if (!walk_text(&w, ast_json, &node))
		return false;
	facts_finish(&w, node, out);
	return true;
}

static bool is_catalogue_table(const struct sql_table *table)
{
	return slice_is_none(table->catalog) &&
	       (slice_equal_c(table->schema, "__pg_catalog") ||
		       slice_equal_c(table->schema, "__information_schema"));
}

bool sql_inspect_catalogue(struct arena *arena, struct slice ast_json, struct slice statement,
	struct sql_facts *out, struct error *err)
{
	struct walk w = {
		.arena = arena, .statement = statement, .err = err, .mode = WALK_CATALOGUE};
	const struct tree *node = NULL;
	struct sql_facts facts;

	if (!walk_text(&w, ast_json, &node))
		return false;
	facts_finish(&w, node, &facts);
	facts.catalogue = true;
	for (size_t i = 0; i < facts.table_count; i++) {
		if (is_catalogue_table(&facts.tables[i]))
			continue;
		error_set(err, FEATURE_NOT_SUPPORTED,
			"the catalogue and the tables of products cannot be read in one statement");
		return error_hint(
			err, "Read pg_catalog or information_schema in a statement of its own.");
	}
	*out = facts;
	return true;
}

struct slice sql_expression_statement(struct arena *arena, struct slice expression)
{
	return arena_printf(
		arena, "SELECT 1 FROM weft_row WHERE (\n%.*s\n)", SLICE_FMT(expression));
}

static bool is_empty_list(const struct tree *tree)
{
	return tree && tree->kind == TREE_ARRAY && tree->count == 0;
}

static bool is_null(const struct tree *tree)
{
	return tree && tree->kind == TREE_NULL;
}

/* Still the statement that sql_expression_statement wrote: the text cannot have left its
 * parentheses to add clauses, tables or columns. */
static bool is_one_expression(const struct tree *select)
{
	const struct tree *from = tree_get(select, "from_table");
	const struct tree *list = tree_get(select, "select_list");

	return tree_is(select, "type", "SELECT_NODE") &&
	       is_empty_list(tree_get(select, "modifiers")) &&
	       is_empty_list(tree_get(tree_get(select, "cte_map"), "map")) &&
	       is_empty_list(tree_get(select, "group_expressions")) &&
	       is_empty_list(tree_get(select, "group_sets")) &&
	       is_null(tree_get(select, "having")) && is_null(tree_get(select, "qualify")) &&
	       is_null(tree_get(select, "sample")) && !is_null(tree_get(select, "where_clause")) &&
	       tree_is(select, "aggregate_handling", "STANDARD_HANDLING") &&
	       tree_is(from, "type", "BASE_TABLE") && is_null(tree_get(from, "sample")) &&
	       is_null(tree_get(from, "at_clause")) && tree_is_empty_text(from, "alias") &&
	       list->count == 1 && tree_is(list->first, "class", "CONSTANT");
}

static bool is_listed(const struct slice *names, size_t count, struct slice name)
{
	for (size_t i = 0; i < count; i++)
		if (slice_equal_nocase(names[i], name))
			return true;
	return false;
}

static struct slice nearest(const struct slice *names, size_t count, struct slice name)
{
	struct slice best = SLICE_NONE;
	size_t distance = 3;

	for (size_t i = 0; i < count; i++) {
		size_t found = slice_distance(names[i], name, distance);
		if (found < distance) {
			best = names[i];
			distance = found;
		}
	}
	return best;
}

/* Values that are written like columns. */
static bool is_clock(struct slice name)
{
	static const struct slice names[] = {SLICE("current_date"), SLICE("current_time"),
		SLICE("current_timestamp"), SLICE("localtime"), SLICE("localtimestamp")};

	return is_listed(names, array_len(names), name);
}

static bool check_columns(struct walk *w, const struct slice *columns, size_t column_count,
	struct sql_expression *out)
{
	VEC(struct slice) used = {0};

	vec_each (struct slice, name, &w->column_names) {
		if (is_listed(w->lambda_names.items, w->lambda_names.len, *name) ||
			is_listed(used.items, used.len, *name))
			continue;
		if (!is_listed(columns, column_count, *name) && is_clock(*name))
			continue;
		if (!is_listed(columns, column_count, *name)) {
			struct slice near = nearest(columns, column_count, *name);
			error_set(w->err, UNDEFINED_COLUMN, "there is no column \"%.*s\" here",
				SLICE_FMT(*name));
			return near.len &&
			       error_hint(w->err, "Did you mean \"%.*s\"?", SLICE_FMT(near));
		}
		vec_push(w->arena, &used, *name);
	}
	out->columns = used.items;
	out->column_count = used.len;
	return true;
}

bool sql_inspect_expression(struct arena *arena, struct slice ast_json,
	const struct sql_expression_rules *rules, struct sql_expression *out, struct error *err)
{
	unsigned flags = rules->flags;
	struct walk w = {.arena = arena,
		.statement = SLICE(""),
		.err = err,
		.mode = WALK_EXPRESSION,
		.flags = flags};
	const struct tree *node = NULL;
	struct sql_facts facts;
	struct sql_expression found = {0};

	if (!walk_text(&w, ast_json, &node))
		return false;
	if (!is_one_expression(node))
		return error_set(err, SYNTAX_ERROR, "this is not one expression");
	facts_finish(&w, node, &facts);
	if (facts.table_count == 0 || !slice_equal_c(facts.tables[0].name, "weft_row"))
		return error_set(err, SYNTAX_ERROR, "this is not one expression");
	if (facts.table_count > 1 && !(flags & SQL_EXPRESSION_SUBQUERY))
		return error_set(err, FEATURE_NOT_SUPPORTED, "this expression may not read tables");
	if (facts.catalogue)
		return error_set(
			err, FEATURE_NOT_SUPPORTED, "an expression may not ask the catalogue");
	if (!(flags & SQL_EXPRESSION_SUBQUERY) && facts.tables[0].all_columns)
		return error_set(err, FEATURE_NOT_SUPPORTED, "name the columns instead of *");
	if (!(flags & SQL_EXPRESSION_SUBQUERY) &&
		!check_columns(&w, rules->columns, rules->column_count, &found))
		return false;
	found.ast = tree_get(node, "where_clause")->raw;
	found.tables = facts.tables + 1;
	found.table_count = facts.table_count - 1;
	*out = found;
	return true;
}
