/*
 * Queries from the inside out: each table in FROM and each query becomes a flow_rel, whose columns
 * know the columns of real tables that they come from. A WITH is looked at once, where it stands; a
 * recursion until nothing new comes.
 */
#include "sql/flow-private.h"

enum { MAX_WORK = 1000000, MAX_ROUNDS = 16 };

static bool type_is(const struct tree *node, const char *type)
{
	return tree_is(node, "type", type);
}

static void rename_columns(struct flow *f, struct flow_rel *rel, const struct tree *names)
{
	size_t i = 0;

	for (const struct tree *name = names ? names->first : NULL; name; name = name->next, i++) {
		if (i < rel->columns.len)
			rel->columns.items[i].name = name->text;
		else if (rel->open)
			flow_new_column(f, rel, name->text)->sources = rel->rest;
	}
}

/* A column more or less does not change the other one's. */
static struct flow_rel *copy_rel(struct flow *f, const struct flow_rel *from)
{
	struct flow_rel *rel = arena_new_of(f->arena, struct flow_rel);

	vec_each (struct flow_column, column, &from->columns)
		flow_add_all(f, &flow_new_column(f, rel, column->name)->sources, &column->sources,
			SQL_FLOW_IDENTITY);
	flow_add_all(f, &rel->rest, &from->rest, SQL_FLOW_IDENTITY);
	rel->open = from->open;
	return rel;
}

static struct flow_rel *read_table(struct flow *f, struct slice schema, struct slice name)
{
	struct flow_rel *rel = arena_new_of(f->arena, struct flow_rel);

	for (size_t t = 0; t < f->request->table_count; t++) {
		const struct sql_flow_table *table = &f->request->tables[t];
		if (!slice_equal_nocase(table->schema, schema) ||
			!slice_equal_nocase(table->name, name))
			continue;
		for (size_t i = 0; i < table->column_count; i++)
			flow_add(f, &flow_new_column(f, rel, table->columns[i])->sources,
				(struct flow_source){t, table->columns[i], SQL_FLOW_IDENTITY});
		return rel;
	}
	rel->open = true;
	return rel;
}

static const struct flow_cte *find_cte(const struct flow *f, struct slice name)
{
	for (const struct flow_cte *cte = f->ctes; cte; cte = cte->outer)
		if (slice_equal_nocase(cte->name, name))
			return cte;
	return NULL;
}

static struct flow_rel *read_base(struct flow *f, const struct tree *node, struct slice *schema)
{
	struct slice name = tree_text(node, "table_name");
	const struct flow_cte *cte = NULL;
	struct flow_rel *rel;

	*schema = tree_text(node, "schema_name");
	if (schema->len == 0 || slice_equal_nocase(*schema, SLICE("recurring")))
		cte = find_cte(f, name);
	if (schema->len == 0)
		*schema = f->request->schema;
	if (cte) {
		rel = copy_rel(f, cte->rel);
		flow_add_all(f, &rel->whole, &cte->rel->whole, SQL_FLOW_IDENTITY);
	} else {
		rel = read_table(f, *schema, name);
	}
	return rel;
}

static void bind(struct flow *f, struct flow_scope *scope, struct flow_rel *rel,
	const struct flow_binding *as)
{
	struct flow_binding binding = *as;

	binding.rel = rel;
	vec_push(f->arena, &scope->bindings, binding);
}

/* A function in FROM: whatever comes out comes from all that goes in. */
static struct flow_rel *read_function(
	struct flow *f, struct flow_scope *scope, const struct tree *node)
{
	struct flow_rel *rel = arena_new_of(f->arena, struct flow_rel);
	struct flow_target target = {scope, &rel->rest, SQL_FLOW_TRANSFORMATION};

	rel->open = true;
	flow_expression(f, &target, tree_get(node, "function"));
	return rel;
}

static struct flow_rel *read_values(
	struct flow *f, struct flow_scope *scope, const struct tree *node)
{
	struct flow_rel *rel = arena_new_of(f->arena, struct flow_rel);
	const struct tree *rows = tree_get(node, "values");

	for (const struct tree *row = rows ? rows->first : NULL; row; row = row->next) {
		size_t i = 0;

		for (const struct tree *value = row->first; value; value = value->next, i++) {
			if (i == rel->columns.len)
				flow_new_column(f, rel, arena_printf(f->arena, "col%zu", i));
			flow_expression(f,
				&(struct flow_target){
					scope, &rel->columns.items[i].sources, SQL_FLOW_IDENTITY},
				value);
		}
	}
	rename_columns(f, rel, tree_get(node, "expected_names"));
	return rel;
}

static void read_from(struct flow *f, struct flow_scope *scope, const struct tree *node);

/* Its source's columns stay what they are; a new one comes from all that makes it. */
static struct flow_rel *read_pivot(
	struct flow *f, const struct flow_scope *outer, const struct tree *node)
{
	struct flow_scope scope = {.outer = outer};
	struct flow_rel *rel = arena_new_of(f->arena, struct flow_rel);
	const struct tree *unpivot = tree_get(node, "unpivot_names");
	struct flow_target target = {&scope, &rel->rest, SQL_FLOW_TRANSFORMATION};

	read_from(f, &scope, tree_get(node, "source"));
	vec_each (struct flow_binding, b, &scope.bindings)
		vec_each (struct flow_column, column, &b->rel->columns) {
			flow_new_column(f, rel, column->name)->sources = column->sources;
			if (unpivot && unpivot->first)
				flow_add_all(f, &rel->rest, &column->sources, target.kind);
		}
	rel->open = true;
	flow_expression(f, &target, tree_get(node, "aggregates"));
	target.kind = SQL_FLOW_CONDITIONAL;
	flow_expression(f, &target, tree_get(node, "pivots"));
	vec_each (struct flow_binding, b, &scope.bindings)
		flow_add_all(f, &rel->whole, &b->rel->whole, SQL_FLOW_IDENTITY);
	return rel;
}

static const struct flow_column *find_between(
	const struct flow_scope *scope, struct slice name, size_t from, size_t to)
{
	for (size_t i = from; i < to; i++) {
		const struct flow_column *column = flow_find(scope->bindings.items[i].rel, name);
		if (column)
			return column;
	}
	return NULL;
}

struct join {
	struct flow_scope *scope;
	struct slice type;
	size_t left; /* first binding of each side */
	size_t right;
	struct flow_sources *whole;
};

static void merge_column(struct flow *f, const struct join *join, struct slice name)
{
	struct flow_scope *scope = join->scope;
	struct flow_column *known = flow_find(&scope->merged, name);
	const struct flow_column *left =
		known ? known : find_between(scope, name, join->left, join->right);
	const struct flow_column *right =
		find_between(scope, name, join->right, scope->bindings.len);
	struct flow_sources sources = {0};

	if (!left || !right)
		return;
	flow_add_all(f, join->whole, &left->sources, SQL_FLOW_JOIN);
	flow_add_all(f, join->whole, &right->sources, SQL_FLOW_JOIN);
	if (!slice_equal_c(join->type, "RIGHT"))
		flow_add_all(f, &sources, &left->sources, SQL_FLOW_IDENTITY);
	if (slice_equal_c(join->type, "RIGHT") || slice_equal_c(join->type, "FULL"))
		flow_add_all(f, &sources, &right->sources, SQL_FLOW_IDENTITY);
	if (!known)
		known = flow_new_column(f, &scope->merged, name);
	known->sources = sources;
}

static void merge_natural(struct flow *f, const struct join *join)
{
	for (size_t i = join->left; i < join->right; i++)
		vec_each (struct flow_column, column, &join->scope->bindings.items[i].rel->columns)
			merge_column(f, join, column->name);
}

/* Of a semi or anti join only the left side is there afterwards. */
static void read_join(struct flow *f, struct flow_scope *scope, const struct tree *node)
{
	struct flow_rel *decides = arena_new_of(f->arena, struct flow_rel);
	struct join join = {.scope = scope,
		.type = tree_text(node, "join_type"),
		.left = scope->bindings.len,
		.whole = &decides->whole};
	const struct tree *names = tree_get(node, "using_columns");
	bool half = slice_equal_c(join.type, "SEMI") || slice_equal_c(join.type, "ANTI");
	struct flow_target target = {scope, join.whole, half ? SQL_FLOW_FILTER : SQL_FLOW_JOIN};

	read_from(f, scope, tree_get(node, "left"));
	join.right = scope->bindings.len;
	read_from(f, scope, tree_get(node, "right"));
	flow_expression(f, &target, tree_get(node, "condition"));
	for (const struct tree *name = names ? names->first : NULL; name; name = name->next)
		merge_column(f, &join, name->text);
	if (tree_is(node, "ref_type", "NATURAL"))
		merge_natural(f, &join);
	if (half) {
		for (size_t i = join.right; i < scope->bindings.len; i++)
			flow_add_all(f, join.whole, &scope->bindings.items[i].rel->whole,
				SQL_FLOW_IDENTITY);
		scope->bindings.len = join.right;
	}
	/* a relation without columns carries what decides */
	bind(f, scope, decides, &(struct flow_binding){.name = SLICE("")});
}

static void read_from(struct flow *f, struct flow_scope *scope, const struct tree *node)
{
	struct flow_binding as = {.name = tree_text(node, "alias")};
	struct slice fallback = SLICE("");
	struct flow_rel *rel;

	if (!node || f->work == 0)
		return;
	f->work--;
	if (type_is(node, "JOIN")) {
		read_join(f, scope, node);
		return;
	}
	if (type_is(node, "BASE_TABLE")) {
		rel = read_base(f, node, &as.schema);
		fallback = tree_text(node, "table_name");
	} else if (type_is(node, "SUBQUERY")) {
		rel = flow_query(f, scope, tree_get(tree_get(node, "subquery"), "node"));
	} else if (type_is(node, "TABLE_FUNCTION")) {
		rel = read_function(f, scope, node);
		fallback = tree_text(tree_get(node, "function"), "function_name");
	} else if (type_is(node, "EXPRESSION_LIST")) {
		rel = read_values(f, scope, node);
	} else if (type_is(node, "PIVOT")) {
		rel = read_pivot(f, scope, node);
	} else {
		return; /* none, or DESCRIBE: nothing of a table */
	}
	rename_columns(f, rel, tree_get(node, "column_name_alias"));
	if (as.name.len == 0)
		as.name = fallback;
	bind(f, scope, rel, &as);
}

/* GROUP BY 1, ORDER BY 2: the column of the select list. */
static const struct flow_column *by_number(const struct flow_rel *rel, const struct tree *node)
{
	const struct tree *value = tree_get(tree_get(node, "value"), "value");
	int64_t at = 0;

	if (!tree_is(node, "class", "CONSTANT") || !value || value->kind != TREE_NUMBER ||
		!slice_to_i64(value->text, &at) || at < 1 || (size_t)at > rel->columns.len)
		return NULL;
	return &rel->columns.items[at - 1];
}

static void read_key(struct flow *f, struct flow_scope *scope, struct flow_rel *rel,
	const struct tree *node, enum sql_flow_kind kind)
{
	const struct flow_column *column = by_number(rel, node);
	struct flow_target target = {scope, &rel->whole, kind};

	if (column)
		flow_add_all(f, &rel->whole, &column->sources, kind);
	else
		flow_expression(f, &target, node);
}

static void read_groups(
	struct flow *f, struct flow_scope *scope, struct flow_rel *rel, const struct tree *node)
{
	const struct tree *groups = tree_get(node, "group_expressions");

	for (const struct tree *one = groups ? groups->first : NULL; one; one = one->next)
		read_key(f, scope, rel, one, SQL_FLOW_GROUP_BY);
	if (!tree_is(node, "aggregate_handling", "FORCE_AGGREGATES"))
		return;
	/* GROUP BY ALL: every column that is no aggregate */
	vec_each (struct flow_column, column, &rel->columns) {
		bool plain = true;
		for (size_t i = 0; i < column->sources.len; i++)
			plain &= column->sources.items[i].kind != SQL_FLOW_AGGREGATION;
		if (plain)
			flow_add_all(f, &rel->whole, &column->sources, SQL_FLOW_GROUP_BY);
	}
}

static void read_modifiers(
	struct flow *f, struct flow_scope *scope, struct flow_rel *rel, const struct tree *node)
{
	const struct tree *modifiers = tree_get(node, "modifiers");

	for (const struct tree *m = modifiers ? modifiers->first : NULL; m; m = m->next) {
		const struct tree *orders = tree_get(m, "orders");
		const struct tree *targets = tree_get(m, "distinct_on_targets");
		struct flow_target target = {scope, &rel->whole, SQL_FLOW_FILTER};

		for (const struct tree *one = orders ? orders->first : NULL; one; one = one->next)
			read_key(f, scope, rel, tree_get(one, "expression"), SQL_FLOW_SORT);
		for (const struct tree *one = targets ? targets->first : NULL; one; one = one->next)
			read_key(f, scope, rel, one, SQL_FLOW_GROUP_BY);
		flow_expression(f, &target, tree_get(m, "limit"));
		flow_expression(f, &target, tree_get(m, "offset"));
	}
}

static struct flow_rel *read_select(
	struct flow *f, const struct flow_scope *outer, const struct tree *node)
{
	static const char *const FILTERS[] = {"where_clause", "having", "qualify"};
	struct flow_scope scope = {.outer = outer};
	struct flow_rel *rel = arena_new_of(f->arena, struct flow_rel);
	struct flow_target filter = {&scope, &rel->whole, SQL_FLOW_FILTER};

	read_from(f, &scope, tree_get(node, "from_table"));
	vec_each (struct flow_binding, b, &scope.bindings)
		flow_add_all(f, &rel->whole, &b->rel->whole, SQL_FLOW_IDENTITY);
	flow_select_list(f, &scope, tree_get(node, "select_list"), rel);
	for (size_t i = 0; i < array_len(FILTERS); i++)
		flow_expression(f, &filter, tree_get(node, FILTERS[i]));
	read_groups(f, &scope, rel, node);
	read_modifiers(f, &scope, rel, node);
	return rel;
}

static void add_side(
	struct flow *f, struct flow_rel *rel, const struct flow_rel *side, bool by_name)
{
	for (size_t i = 0; i < side->columns.len; i++) {
		const struct flow_column *from = &side->columns.items[i];
		struct flow_column *to = by_name		? flow_find(rel, from->name)
					 : i < rel->columns.len ? &rel->columns.items[i]
								: NULL;
		if (!to)
			to = flow_new_column(f, rel, from->name);
		flow_add_all(f, &to->sources, &from->sources, SQL_FLOW_IDENTITY);
	}
	rel->open |= side->open;
	flow_add_all(f, &rel->rest, &side->rest, SQL_FLOW_IDENTITY);
	flow_add_all(f, &rel->whole, &side->whole, SQL_FLOW_IDENTITY);
}

/* EXCEPT and INTERSECT give rows of the left side, which those of the right decide. */
static struct flow_rel *read_set(
	struct flow *f, const struct flow_scope *outer, const struct tree *node)
{
	struct slice type = tree_text(node, "setop_type");
	struct flow_rel *rel = arena_new_of(f->arena, struct flow_rel);
	struct flow_scope scope = {.outer = outer, .aliases = rel};
	const struct flow_rel *left = flow_query(f, outer, tree_get(node, "left"));
	const struct flow_rel *right = flow_query(f, outer, tree_get(node, "right"));

	add_side(f, rel, left, false);
	if (slice_starts_with(type, SLICE("UNION"))) {
		add_side(f, rel, right, slice_equal_c(type, "UNION_BY_NAME"));
	} else {
		vec_each (struct flow_column, column, &right->columns)
			flow_add_all(f, &rel->whole, &column->sources, SQL_FLOW_FILTER);
		flow_add_all(f, &rel->whole, &right->whole, SQL_FLOW_IDENTITY);
	}
	read_modifiers(f, &scope, rel, node);
	return rel;
}

static size_t weight(const struct flow_rel *rel)
{
	size_t sum = rel->whole.len + rel->rest.len;

	vec_each (struct flow_column, column, &rel->columns)
		sum += column->sources.len;
	return sum;
}

static struct flow_rel *read_recursive(
	struct flow *f, const struct flow_scope *outer, const struct tree *node)
{
	struct flow_rel *rel = arena_new_of(f->arena, struct flow_rel);
	struct flow_cte self = {tree_text(node, "cte_name"), rel, f->ctes};
	size_t before;

	add_side(f, rel, flow_query(f, outer, tree_get(node, "left")), false);
	rename_columns(f, rel, tree_get(node, "aliases"));
	for (int round = 0; round < MAX_ROUNDS; round++) {
		before = weight(rel);
		f->ctes = &self;
		const struct flow_rel *step = flow_query(f, outer, tree_get(node, "right"));
		f->ctes = self.outer;
		add_side(f, rel, step, false);
		if (weight(rel) == before)
			break;
	}
	return rel;
}

static void read_ctes(struct flow *f, const struct flow_scope *outer, const struct tree *node)
{
	const struct tree *map = tree_get(tree_get(node, "cte_map"), "map");

	for (const struct tree *one = map ? map->first : NULL; one; one = one->next) {
		const struct tree *value = tree_get(one, "value");
		struct flow_cte *cte = arena_new_of(f->arena, struct flow_cte);
		struct flow_rel *rel =
			flow_query(f, outer, tree_get(tree_get(value, "query"), "node"));

		rename_columns(f, rel, tree_get(value, "aliases"));
		*cte = (struct flow_cte){tree_text(one, "key"), rel, f->ctes};
		f->ctes = cte;
	}
}

struct flow_rel *flow_query(struct flow *f, const struct flow_scope *outer, const struct tree *node)
{
	const struct flow_cte *before = f->ctes;
	struct flow_rel *rel;

	if (!node || f->work == 0)
		return arena_new_of(f->arena, struct flow_rel);
	f->work--;
	read_ctes(f, outer, node);
	if (type_is(node, "SELECT_NODE"))
		rel = read_select(f, outer, node);
	else if (type_is(node, "SET_OPERATION_NODE"))
		rel = read_set(f, outer, node);
	else if (type_is(node, "RECURSIVE_CTE_NODE"))
		rel = read_recursive(f, outer, node);
	else
		rel = arena_new_of(f->arena, struct flow_rel);
	f->ctes = before;
	return rel;
}

typedef VEC(struct sql_flow) flows_vec;

static void put_flows(
	struct flow *f, flows_vec *out, const struct flow_sources *sources, struct slice to)
{
	for (size_t i = 0; i < sources->len; i++)
		vec_push(f->arena, out,
			((struct sql_flow){sources->items[i].table, sources->items[i].column, to,
				sources->items[i].kind}));
}

bool sql_flows_find(struct arena *arena, const struct sql_flow_request *request,
	struct sql_flows *out, struct error *err)
{
	struct flow f = {.arena = arena, .request = request, .work = MAX_WORK};
	const struct tree *document = NULL;
	flows_vec flows = {0};

	if (!tree_parse(arena, request->ast, &document, err))
		return false;
	const struct tree *statements = tree_get(document, "statements");
	const struct tree *first = statements ? statements->first : NULL;
	const struct flow_rel *rel = flow_query(&f, NULL, tree_get(first, "node"));

	for (size_t i = 0; i < request->wanted_count; i++) {
		const struct flow_column *column = flow_find(rel, request->wanted[i]);
		put_flows(&f, &flows, column ? &column->sources : &rel->rest, request->wanted[i]);
	}
	put_flows(&f, &flows, &rel->whole, SLICE_NONE);
	if (f.work == 0)
		return error_set(err, STATEMENT_TOO_COMPLEX,
			       "the statement is too large to tell where its columns come from") ||
		       error_hint(err, "Split it into tables that are made of each other.");
	*out = (struct sql_flows){flows.items, flows.len};
	return true;
}

bool sql_flow_is_direct(enum sql_flow_kind kind)
{
	return kind < SQL_FLOW_JOIN;
}

const char *sql_flow_name(enum sql_flow_kind kind)
{
	static const char *const NAMES[SQL_FLOW_COUNT] = {"IDENTITY", "TRANSFORMATION",
		"AGGREGATION", "JOIN", "FILTER", "GROUP_BY", "SORT", "WINDOW", "CONDITIONAL"};

	return NAMES[kind];
}
