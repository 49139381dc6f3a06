/*
 * What the nodes mean: which names are CTEs and which are tables, which columns a table may be read
 * by, which functions are called. Scoping of names as measured on DuckDB (docs/security.md): a CTE
 * hides only unqualified names; a body sees the CTEs before it, not its own name, except in the
 * step of a recursion; names end with their query node.
 *
 * Columns are a superset on purpose: a name goes to every table that might have it, in its SELECT
 * and in all around it.
 */
#include <ctype.h>

#include "base/str.h"
#include "sql/functions.h"
#include "sql/walk-private.h"

enum { MAX_TABLES = 256, MAX_PARAMS = 65535 };

static struct slice lower(struct arena *arena, struct slice name)
{
	char *text = arena_cstr(arena, name);

	for (size_t i = 0; i < name.len; i++)
		if (text[i] >= 'A' && text[i] <= 'Z')
			text[i] = (char)(text[i] | 0x20);
	return slice_of(text, name.len);
}

static bool is_name(struct slice name, const char *other)
{
	return slice_equal_nocase(name, slice_from_c(other));
}

/* Names with a dot, slash, star … could be taken for files outside their scope. */
static bool is_plain(struct slice name)
{
	for (size_t i = 0; i < name.len; i++) {
		unsigned char c = (unsigned char)name.ptr[i];
		bool first = isalpha(c) || c == '_' || c >= 0x80;

		if (!first && (i == 0 || !(isdigit(c) || c == ' ' || c == '$')))
			return false;
	}
	return name.len > 0;
}

bool facts_name_cte(struct walk *w, struct slice name, bool using_key)
{
	struct cte_name *cte = arena_new_of(w->arena, struct cte_name);

	if (!is_plain(name)) {
		walk_refuse(w, SQLSTATE_INVALID_NAME, "WITH cannot give the name \"%.*s\"",
			SLICE_FMT(name));
		return error_hint(w->err, "Use letters, digits and underscores.");
	}
	*cte = (struct cte_name){.name = name, .using_key = using_key, .outer = w->names};
	w->names = cte;
	return true;
}

static bool is_cte(const struct walk *w, struct slice name, bool recurring)
{
	for (const struct cte_name *cte = w->names; cte; cte = cte->outer)
		if (slice_equal_nocase(cte->name, name))
			return !recurring || cte->using_key;
	return false;
}

static struct slice or_none(struct slice text)
{
	return text.len ? text : SLICE_NONE;
}

/* The constant of AT (VERSION => 3), AT (TIMESTAMP => '…' or TIMESTAMP '…'). */
static bool read_at(struct walk *w, const struct tree *at, struct sql_table *table)
{
	const struct tree *expr = tree_get(at, "expr");

	if (!at || at->kind == TREE_NULL)
		return true;
	if (is_name(tree_text(expr, "class"), "CAST"))
		expr = tree_get(expr, "child");
	const struct tree *value = tree_get(tree_get(expr, "value"), "value");
	if (!value || (value->kind != TREE_NUMBER && value->kind != TREE_STRING)) {
		walk_refuse(w, SQLSTATE_FEATURE_NOT_SUPPORTED, "AT takes a constant");
		return error_hint(w->err,
			"AT (VERSION => 3) or AT (TIMESTAMP => TIMESTAMP '2026-01-31 12:00:00')");
	}
	table->at = is_name(tree_text(at, "unit"), "VERSION") ? SQL_AT_VERSION : SQL_AT_TIMESTAMP;
	table->at_value = value->text;
	return true;
}

static int64_t location_of(const struct walk *w, const struct tree *node)
{
	const struct tree *value = tree_get(node, "query_location");
	int64_t at = 0;

	if (!value || value->kind != TREE_NUMBER || !slice_to_i64(value->text, &at) || at < 0 ||
		(uint64_t)at > w->statement.len)
		return -1;
	return at;
}

static bool is_catalogue_schema(struct slice schema)
{
	return is_name(schema, "pg_catalog") || is_name(schema, "information_schema");
}

static bool enter_base_table(struct walk *w, const struct tree *node)
{
	struct slice catalog = tree_text(node, "catalog_name");
	struct slice schema = tree_text(node, "schema_name");
	struct slice name = tree_text(node, "table_name");
	const struct tree *at = tree_get(node, "at_clause");
	const struct tree *aliases = tree_get(node, "column_name_alias");
	bool cte = catalog.len == 0 &&
		   ((schema.len == 0 && is_cte(w, name, false)) ||
			   (is_name(schema, "recurring") && is_cte(w, name, true)));

	if (cte && at && at->kind != TREE_NULL)
		return walk_refuse(w, SQLSTATE_FEATURE_NOT_SUPPORTED,
			"AT goes with a table, not with a name of WITH");
	if (cte)
		return true;
	if (w->tables.len >= MAX_TABLES) {
		walk_refuse(w, SQLSTATE_STATEMENT_TOO_COMPLEX,
			"the statement names more than %d tables", MAX_TABLES);
		return error_hint(w->err, "Split it.");
	}
	struct table_build build = {
		.tree = node, .columns = map_in(w->arena), .free_columns = map_in(w->arena)};
	build.table = (struct sql_table){.catalog = or_none(catalog),
		.schema = or_none(schema),
		.name = name,
		.alias = or_none(tree_text(node, "alias")),
		.location = location_of(w, node),
		.all_columns = aliases && aliases->count > 0};
	if (!read_at(w, at, &build.table))
		return false;
	w->catalogue = w->catalogue || is_catalogue_schema(schema) ||
		       (schema.len == 0 && slice_starts_with(lower(w->arena, name), SLICE("pg_")));
	vec_push(w->arena, &w->tables, build);
	if (w->scope)
		vec_push(w->arena, &w->scope->tables, w->tables.len - 1);
	return true;
}

static void add_reference(struct walk *w, struct reference reference)
{
	if (w->scope)
		vec_push(w->arena, &w->scope->references, reference);
}

static void add_column(struct walk *w, struct slice name)
{
	add_reference(w, (struct reference){.parts = {name}, .count = 1});
}

static void add_star(struct walk *w, struct slice relation)
{
	add_reference(w,
		(struct reference){.parts = {relation}, .count = relation.len > 0, .star = true});
}

/* An aggregate in FROM or in a subquery may be one of a single row. */
static bool is_measured(const struct walk *w, const struct tree *node)
{
	return w->measured == node && w->scope && w->scope->in_from == 0;
}

static bool enter_column_ref(struct walk *w, const struct tree *node)
{
	struct reference reference = {.measured = is_measured(w, node)};
	const struct tree *names = tree_get(node, "column_names");

	if (!names || names->kind != TREE_ARRAY || !names->first)
		return walk_refuse(w, SQLSTATE_FEATURE_NOT_SUPPORTED, "a column needs a name");
	tree_each (part, names) {
		if (reference.count < array_len(reference.parts))
			reference.parts[reference.count++] = part->text;
	}
	add_reference(w, reference);
	if (w->mode == WALK_EXPRESSION) {
		bool qualified = reference.count > 1 && is_name(reference.parts[0], "weft_row");
		vec_push(w->arena, &w->column_names, reference.parts[qualified]);
	}
	return true;
}

static bool refuse_function(struct walk *w, const struct function_row *row, struct slice name)
{
	if (!row) {
		struct slice near = function_nearest(lower(w->arena, name));
		walk_refuse(w, SQLSTATE_UNDEFINED_FUNCTION, "function %.*s does not exist",
			(int)min_of(name.len, (size_t)100), name.ptr);
		return near.len ? error_hint(w->err, "Did you mean %.*s?", SLICE_FMT(near)) : false;
	}
	walk_refuse(
		w, SQLSTATE_INSUFFICIENT_PRIVILEGE, "function %s is not available here", row->name);
	if (row->kind == FUNCTION_DENY)
		return error_hint(w->err, "It is refused because it %s.", row->reason);
	return error_hint(w->err, "It cannot stand in this place.");
}

static bool is_allowed(struct walk *w, const struct function_row *row, bool in_from)
{
	bool expression = w->mode == WALK_EXPRESSION;

	if (in_from)
		return row->in_from;
	switch (row->kind) {
	case FUNCTION_ALLOW:
	case FUNCTION_STABLE:
	case FUNCTION_WEFT: return true;
	case FUNCTION_VOLATILE: return !expression;
	case FUNCTION_AGGREGATE:
		return !expression ||
		       (w->flags & (SQL_EXPRESSION_AGGREGATE | SQL_EXPRESSION_SUBQUERY));
	case FUNCTION_CATALOGUE: w->catalogue = true; return !expression;
	case FUNCTION_POLICY: return expression && !(w->flags & SQL_EXPRESSION_NO_PRINCIPAL);
	case FUNCTION_TABLE:
	case FUNCTION_DENY: return false;
	}
	return false;
}

bool facts_function(struct walk *w, const struct tree *call, bool in_from)
{
	struct slice name = tree_text(call, "function_name");
	struct slice schema = tree_text(call, "schema");
	struct slice catalog = tree_text(call, "catalog");
	const struct function_row *row = function_find(name);

	/* system.main.x and pg_catalog.x are DuckDB's own, behind the macros that workers put
	 * before them. */
	if (catalog.len > 0)
		return walk_refuse(w, SQLSTATE_FEATURE_NOT_SUPPORTED,
			"functions have no database in their name");
	if (w->mode != WALK_STATEMENT && is_catalogue_schema(schema))
		return walk_refuse(w, SQLSTATE_FEATURE_NOT_SUPPORTED,
			"this function of the catalogue is not available");
	if (is_catalogue_schema(schema))
		w->catalogue = true;
	else if (schema.len > 0 && !is_name(schema, "main"))
		add_column(w, schema); /* x.lower() is lower(x) */
	if (!row || !is_allowed(w, row, in_from))
		return refuse_function(w, row, name);
	for (size_t i = 0; i < w->functions.len; i++)
		if (slice_equal_c(w->functions.items[i], row->name))
			return true;
	w->picks_rows = w->picks_rows || row->kind == FUNCTION_VOLATILE;
	vec_push(w->arena, &w->functions, slice_from_c(row->name));
	return true;
}

/*
 * The column of sum(x), avg(x), mean(x), count(x) or count(DISTINCT x). No expressions: the sums of
 * enough powers of x give back every x. No other aggregate: most give back a value of one row.
 */
static const struct tree *measured_column(const struct tree *call)
{
	static const char *const names[] = {"sum", "avg", "mean", "count"};
	const struct tree *children = tree_get(call, "children");
	const struct tree *orders = tree_get(tree_get(call, "order_bys"), "orders");
	struct slice name = tree_text(call, "function_name");
	bool distinct = tree_is_true(tree_get(call, "distinct"));

	if (!children || children->count != 1 || (orders && orders->count > 0) ||
		!tree_is_empty_text(call, "schema") || (distinct && !is_name(name, "count")) ||
		!tree_is(children->first, "class", "COLUMN_REF"))
		return NULL;
	for (size_t i = 0; i < array_len(names); i++)
		if (is_name(name, names[i]))
			return children->first;
	return NULL;
}

static bool enter_function(struct walk *w, const struct tree *node)
{
	w->measured = measured_column(node);
	return facts_function(w, node, w->table_function == node);
}

static bool enter_table_function(struct walk *w, const struct tree *node)
{
	const struct tree *call = tree_get(node, "function");

	if (!tree_is(call, "class", "FUNCTION"))
		return walk_refuse(
			w, SQLSTATE_FEATURE_NOT_SUPPORTED, "FROM takes a table or a function");
	w->table_function = call;
	return true;
}

static bool enter_parameter(struct walk *w, const struct tree *node)
{
	uint64_t number = 0;

	if (w->mode == WALK_EXPRESSION)
		return walk_refuse(
			w, SQLSTATE_FEATURE_NOT_SUPPORTED, "an expression has no parameters");
	if (!slice_to_u64(tree_text(node, "identifier"), &number) || number == 0) {
		walk_refuse(
			w, SQLSTATE_FEATURE_NOT_SUPPORTED, "parameters have numbers, not names");
		return error_hint(w->err, "Write $1, $2, …");
	}
	if (number > MAX_PARAMS) {
		walk_refuse(w, SQLSTATE_STATEMENT_TOO_COMPLEX,
			"a statement has at most %d parameters", MAX_PARAMS);
		return error_hint(w->err, "Send long lists of values as one array parameter.");
	}
	w->param_count = max_of(w->param_count, (size_t)number);
	return true;
}

static void enter_lambda(struct walk *w, const struct tree *node)
{
	const struct tree *lhs = tree_get(node, "lhs");
	const struct tree *names = tree_get(lhs, "column_names");
	const struct tree *row = tree_get(lhs, "children");

	if (names && names->first)
		vec_push(w->arena, &w->lambda_names, names->first->text);
	if (!row)
		return;
	tree_each (child, row) {
		names = tree_get(child, "column_names");
		if (names && names->first)
			vec_push(w->arena, &w->lambda_names, names->first->text);
	}
}

static void enter_join(struct walk *w, const struct tree *node)
{
	const struct tree *columns = tree_get(node, "using_columns");
	struct slice kind = tree_text(node, "ref_type");

	if (slice_equal_c(kind, "POSITIONAL") || slice_equal_c(kind, "ASOF"))
		w->picks_rows = true;
	if (columns)
		tree_each (column, columns)
			add_column(w, column->text);
}

static void enter_star(struct walk *w, const struct tree *node)
{
	add_star(w, tree_is_true(tree_get(node, "columns")) ? SLICE_NONE
							    : tree_text(node, "relation_name"));
}

static void enter_select(struct walk *w)
{
	struct scope *scope = arena_new_of(w->arena, struct scope);

	scope->outer = w->scope;
	w->scope = scope;
}

/* What stands in FROM and holds expressions. */
static bool is_of_from(const struct node_kind *kind)
{
	return kind->id == NODE_JOIN || kind->id == NODE_TABLE_FUNCTION || kind->id == NODE_PIVOT ||
	       kind->id == NODE_EXPRESSION_LIST;
}

bool facts_enter(
	struct walk *w, const struct node_kind *kind, const struct tree *node, struct visit *visit)
{
	int64_t location = location_of(w, node);

	const struct tree *sample = tree_get(node, "sample");

	*visit = (struct visit){w->scope, w->names, w->tables.len};
	if (location >= 0)
		w->location = location;
	if (sample && sample->kind != TREE_NULL)
		w->picks_rows = true;
	if (w->scope && is_of_from(kind))
		w->scope->in_from++;
	switch (kind->id) {
	case NODE_BASE_TABLE: return enter_base_table(w, node);
	case NODE_COLUMN_REF: enter_column_ref(w, node); return true;
	case NODE_FUNCTION: return enter_function(w, node);
	case NODE_WINDOW: return facts_function(w, node, false);
	case NODE_TABLE_FUNCTION: return enter_table_function(w, node);
	case NODE_PARAMETER: return enter_parameter(w, node);
	case NODE_STAR: enter_star(w, node); return true;
	case NODE_POSITIONAL: add_star(w, SLICE_NONE); return true;
	case NODE_LAMBDA: enter_lambda(w, node); return true;
	case NODE_JOIN: enter_join(w, node); return true;
	case NODE_SELECT: enter_select(w); return true;
	case NODE_RECURSIVE_CTE:
		return w->recursive == node || walk_refuse(w, SQLSTATE_FEATURE_NOT_SUPPORTED,
						       "recursion stands only in WITH");
	default: /* nodes that only hold others */ return true;
	}
}

static void add_to_table(
	struct walk *w, struct table_build *build, struct slice column, bool measured)
{
	struct slice name = lower(w->arena, column);

	map_put(&build->columns, name, build);
	if (!measured)
		map_put(&build->free_columns, name, build);
}

static bool names_table(const struct sql_table *table, struct slice name)
{
	return slice_equal_nocase(name, slice_is_none(table->alias) ? table->name : table->alias);
}

/* What a reference may mean in a table: t.x, s.t.x, c.s.t.x, x, x.field, t (the whole row). */
static void apply(struct walk *w, struct table_build *build, const struct reference *reference)
{
	struct sql_table *table = &build->table;

	if (reference->star) {
		if (reference->count == 0 || names_table(table, reference->parts[0]))
			table->all_columns = true;
		return;
	}
	for (size_t i = 0; i + 1 < reference->count; i++)
		if (names_table(table, reference->parts[i]))
			add_to_table(w, build, reference->parts[i + 1], reference->measured);
	if (reference->count == 1 && names_table(table, reference->parts[0]))
		table->all_columns = true;
	add_to_table(w, build, reference->parts[0], reference->measured);
}

static void leave_select(struct walk *w, const struct tree *node)
{
	struct scope *scope = w->scope;

	vec_each (struct reference, reference, &scope->references) {
		for (size_t i = 0; i < scope->tables.len; i++)
			apply(w, &w->tables.items[scope->tables.items[i]], reference);
		reference->measured = false; /* there it is a column of another SELECT */
		if (scope->outer && (!reference->star || reference->count > 0))
			vec_push(w->arena, &scope->outer->references, *reference);
	}
	conjuncts_collect(w, node);
}

static void read_all(struct walk *w, size_t from)
{
	for (size_t i = from; i < w->tables.len; i++)
		w->tables.items[i].table.all_columns = true;
}

void facts_leave(struct walk *w, const struct node_kind *kind, const struct tree *node,
	const struct visit *visit)
{
	if (kind->id == NODE_SELECT)
		leave_select(w, node);
	/* PIVOT groups by what it does not name; NATURAL compares what both sides have. */
	if (kind->id == NODE_PIVOT ||
		(kind->id == NODE_JOIN && tree_is(node, "ref_type", "NATURAL")))
		read_all(w, visit->table_count);
	w->scope = visit->scope;
	if (w->scope && is_of_from(kind))
		w->scope->in_from--;
	if (kind->id == NODE_SELECT || kind->id == NODE_SET_OPERATION ||
		kind->id == NODE_RECURSIVE_CTE)
		w->names = visit->names;
}

static bool is_named_again(const struct walk *w, size_t index)
{
	for (size_t i = 0; i < w->tables.len; i++)
		if (i != index && slice_equal_nocase(w->tables.items[i].table.name,
					  w->tables.items[index].table.name))
			return true;
	return false;
}

static bool has_order(const struct tree *node)
{
	tree_each (modifier, tree_get(node, "modifiers"))
		if (tree_is(modifier, "type", "ORDER_MODIFIER"))
			return true;
	return false;
}

static struct slice *names_of(struct arena *arena, const struct map *map, size_t *count_out)
{
	struct slice *names = arena_array_of(arena, struct slice, map->len);

	for (size_t i = 0; i < map->len; i++)
		names[i] = map->entries[i].key;
	*count_out = map->len;
	return names;
}

void facts_finish(struct walk *w, const struct tree *node, struct sql_facts *out)
{
	*out = (struct sql_facts){.table_count = w->tables.len,
		.tables = arena_array_of(w->arena, struct sql_table, w->tables.len),
		.functions = w->functions.items,
		.function_count = w->functions.len,
		.param_count = w->param_count,
		.ordered = has_order(node),
		.picks_rows = w->picks_rows,
		.catalogue = w->catalogue};
	facts_bound(w, node, out);
	for (size_t i = 0; i < w->tables.len; i++) {
		struct table_build *build = &w->tables.items[i];
		struct sql_table *table = &out->tables[i];

		*table = build->table;
		table->columns = names_of(w->arena, &build->columns, &table->column_count);
		table->free_columns =
			names_of(w->arena, &build->free_columns, &table->free_column_count);
		if (is_named_again(w, i))
			continue;
		table->conjuncts = build->conjuncts.items;
		table->conjunct_count = build->conjuncts.len;
	}
}
