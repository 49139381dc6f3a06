/* Names and expressions: see flow-private.h. */
#include "sql/flow-private.h"
#include "sql/functions.h"

/* Direct ones grow (a sum of a copy is a sum); what is indirect stays what it was first for the
 * reader: a filter on a sum is a filter, a sum over what was filtered stays filtered. */
static enum sql_flow_kind combine(enum sql_flow_kind outer, enum sql_flow_kind inner)
{
	return sql_flow_is_direct(outer) ? max_of(outer, inner) : outer;
}

static void charge(struct flow *f, size_t work)
{
	f->work -= min_of(f->work, work);
}

void flow_add(struct flow *f, struct flow_sources *to, struct flow_source source)
{
	charge(f, 1 + to->len / 64);
	if (f->work == 0)
		return;
	for (size_t i = 0; i < to->len; i++)
		if (to->items[i].table == source.table && to->items[i].kind == source.kind &&
			slice_equal(to->items[i].column, source.column))
			return;
	vec_push(f->arena, to, source);
}

void flow_add_all(struct flow *f, struct flow_sources *to, const struct flow_sources *from,
	enum sql_flow_kind kind)
{
	for (size_t i = 0; i < from->len; i++) {
		struct flow_source source = from->items[i];

		source.kind = combine(kind, source.kind);
		flow_add(f, to, source);
	}
}

struct flow_column *flow_find(const struct flow_rel *rel, struct slice name)
{
	vec_each (struct flow_column, column, &rel->columns)
		if (slice_equal_nocase(column->name, name))
			return column;
	return NULL;
}

struct flow_column *flow_new_column(struct flow *f, struct flow_rel *rel, struct slice name)
{
	charge(f, 1);
	if (f->work == 0 && rel->columns.len) /* the answer is not used */
		return &rel->columns.items[0];
	struct flow_column *column = vec_add(f->arena, &rel->columns);

	column->name = name;
	return column;
}

static void add_target(struct flow *f, const struct flow_target *t, const struct flow_sources *from)
{
	flow_add_all(f, t->sources, from, t->kind);
}

static void add_whole_row(
	struct flow *f, const struct flow_target *target, const struct flow_rel *rel)
{
	struct flow_target t = *target;

	t.kind = combine(t.kind, SQL_FLOW_TRANSFORMATION);
	vec_each (struct flow_column, column, &rel->columns)
		add_target(f, &t, &column->sources);
	add_target(f, &t, &rel->rest);
}

/* false: this relation has no such column. */
static bool add_column_of(struct flow *f, const struct flow_target *target,
	const struct flow_rel *rel, struct slice name)
{
	const struct flow_column *column = flow_find(rel, name);

	if (!column && !rel->open)
		return false;
	add_target(f, target, column ? &column->sources : &rel->rest);
	return true;
}

static bool names_binding(
	const struct flow_binding *b, const struct tree *schema, const struct tree *name)
{
	return slice_equal_nocase(b->name, name->text) &&
	       (!schema || slice_equal_nocase(b->schema, schema->text));
}

/* t.x, s.t.x and what may follow: fields of x. */
static bool add_qualified(struct flow *f, const struct flow_target *target,
	const struct flow_scope *scope, const struct tree *first)
{
	const struct tree *second = first->next;
	const struct tree *third = second ? second->next : NULL;

	vec_each (struct flow_binding, b, &scope->bindings) {
		if (third && names_binding(b, first, second) &&
			add_column_of(f, target, b->rel, third->text))
			return true;
		if (second && names_binding(b, NULL, first) &&
			add_column_of(f, target, b->rel, second->text))
			return true;
	}
	return false;
}

static bool add_known(struct flow *f, const struct flow_target *target,
	const struct flow_scope *scope, struct slice name)
{
	const struct flow_column *column = flow_find(&scope->merged, name);

	for (size_t i = 0; !column && i < scope->bindings.len; i++)
		column = flow_find(scope->bindings.items[i].rel, name);
	if (!column && scope->aliases)
		column = flow_find(scope->aliases, name);
	if (!column)
		return false;
	struct flow_sources copy = column->sources; /* may be the target, which grows */

	add_target(f, target, &copy);
	return true;
}

static bool add_open(struct flow *f, const struct flow_target *target,
	const struct flow_scope *scope, const struct tree *name)
{
	vec_each (struct flow_binding, b, &scope->bindings)
		if (names_binding(b, NULL, name)) {
			add_whole_row(f, target, b->rel);
			return true;
		}
	vec_each (struct flow_binding, b, &scope->bindings)
		if (b->rel->open) {
			add_target(f, target, &b->rel->rest);
			return true;
		}
	return false;
}

static bool is_lambda_name(const struct flow_scope *scope, struct slice name)
{
	vec_each (struct slice, lambda, &scope->lambda_names)
		if (slice_equal_nocase(*lambda, name))
			return true;
	return false;
}

static void add_reference(struct flow *f, const struct flow_target *target, const struct tree *node)
{
	const struct tree *names = tree_get(node, "column_names");
	struct flow_target t = *target;

	if (!names || !names->first || is_lambda_name(t.scope, names->first->text))
		return;
	for (const struct flow_scope *scope = t.scope; scope; scope = scope->outer) {
		if (add_qualified(f, &t, scope, names->first))
			return;
		if (names->first->next) /* a field of a column */
			t.kind = combine(target->kind, SQL_FLOW_TRANSFORMATION);
		if (add_known(f, &t, scope, names->first->text) ||
			add_open(f, &t, scope, names->first))
			return;
		t.kind = target->kind;
	}
}

static void each_child(struct flow *f, const struct flow_target *target, const struct tree *node,
	enum sql_flow_kind kind)
{
	struct flow_target t = *target;

	t.kind = combine(t.kind, kind);
	if (node && (node->kind == TREE_ARRAY || node->kind == TREE_OBJECT))
		tree_each (child, node)
			flow_expression(f, &t, child);
}

static void member(struct flow *f, const struct flow_target *target, const struct tree *node,
	const char *name, enum sql_flow_kind kind)
{
	struct flow_target t = *target;

	t.kind = sql_flow_is_direct(t.kind) && !sql_flow_is_direct(kind) ? kind
									 : combine(t.kind, kind);
	flow_expression(f, &t, tree_get(node, name));
}

static void add_function(struct flow *f, const struct flow_target *target, const struct tree *node)
{
	const struct function_row *row = function_find(tree_text(node, "function_name"));
	bool aggregate = row && row->kind == FUNCTION_AGGREGATE;

	member(f, target, node, "children",
		aggregate ? SQL_FLOW_AGGREGATION : SQL_FLOW_TRANSFORMATION);
	member(f, target, node, "filter", SQL_FLOW_CONDITIONAL);
	member(f, target, node, "order_bys", SQL_FLOW_SORT);
}

static void add_window(struct flow *f, const struct flow_target *target, const struct tree *node)
{
	static const char *const FRAME[] = {
		"partitions", "orders", "start_expr", "end_expr", "offset_expr", "arg_orders"};
	bool aggregate = tree_is(node, "type", "WINDOW_AGGREGATE");

	member(f, target, node, "children",
		aggregate ? SQL_FLOW_AGGREGATION : SQL_FLOW_TRANSFORMATION);
	member(f, target, node, "default_expr", SQL_FLOW_TRANSFORMATION);
	member(f, target, node, "filter_expr", SQL_FLOW_CONDITIONAL);
	for (size_t i = 0; i < array_len(FRAME); i++)
		member(f, target, node, FRAME[i], SQL_FLOW_WINDOW);
}

static void add_case(struct flow *f, const struct flow_target *target, const struct tree *node)
{
	const struct tree *checks = tree_get(node, "case_checks");

	for (const struct tree *check = checks ? checks->first : NULL; check; check = check->next) {
		member(f, target, check, "when_expr", SQL_FLOW_CONDITIONAL);
		member(f, target, check, "then_expr", SQL_FLOW_TRANSFORMATION);
	}
	member(f, target, node, "else_expr", SQL_FLOW_TRANSFORMATION);
}

/* A scalar one gives its column, the others only whether there is a row. */
static void add_subquery(struct flow *f, const struct flow_target *target, const struct tree *node)
{
	struct flow_target t = *target;
	bool scalar = tree_is(node, "subquery_type", "SCALAR");
	const struct flow_rel *rel =
		flow_query(f, t.scope, tree_get(tree_get(node, "subquery"), "node"));

	t.kind = scalar || !sql_flow_is_direct(t.kind) ? combine(t.kind, SQL_FLOW_TRANSFORMATION)
						       : SQL_FLOW_CONDITIONAL;
	if (rel->columns.len) /* a list of more is a row */
		vec_each (struct flow_column, column, &rel->columns)
			add_target(f, &t, &column->sources);
	add_target(f, &t, &rel->rest);
	add_target(f, &t, &rel->whole);
	flow_expression(f, &t, tree_get(node, "child"));
}

static void add_lambda(struct flow *f, const struct flow_target *target, const struct tree *node)
{
	const struct tree *lhs = tree_get(node, "lhs");
	const struct tree *row = tree_get(lhs, "children");
	const struct tree *names = tree_get(lhs, "column_names");
	size_t before = target->scope->lambda_names.len;

	if (names && names->first)
		vec_push(f->arena, &target->scope->lambda_names, names->first->text);
	for (const struct tree *one = row ? row->first : NULL; one; one = one->next) {
		names = tree_get(one, "column_names");
		if (names && names->first)
			vec_push(f->arena, &target->scope->lambda_names, names->first->text);
	}
	member(f, target, node, "expr", SQL_FLOW_TRANSFORMATION);
	target->scope->lambda_names.len = before;
}

static bool lists(const struct tree *list, struct slice name)
{
	for (const struct tree *one = list ? list->first : NULL; one; one = one->next) {
		struct slice text = one->kind == TREE_OBJECT ? tree_text(one, "column") : one->text;
		if (slice_equal_nocase(text, name))
			return true;
	}
	return false;
}

/* What a star leaves of a column: REPLACE and RENAME. */
static void add_starred(struct flow *f, const struct flow_target *target, const struct tree *star,
	const struct flow_column *column, struct flow_rel *out)
{
	const struct tree *replaced = tree_get(star, "replace_list");
	const struct tree *renamed = tree_get(star, "rename_list");
	struct slice name = column->name;
	struct flow_sources sources = {0};
	const struct tree *by = NULL;

	if (lists(tree_get(star, "exclude_list"), name) ||
		lists(tree_get(star, "qualified_exclude_list"), name))
		return;
	for (const struct tree *r = replaced ? replaced->first : NULL; r; r = r->next)
		if (slice_equal_nocase(tree_text(r, "key"), name))
			by = tree_get(r, "value");
	for (const struct tree *r = renamed ? renamed->first : NULL; r; r = r->next)
		if (slice_equal_nocase(tree_text(tree_get(r, "key"), "column"), name))
			name = tree_text(r, "value");
	if (by)
		flow_expression(
			f, &(struct flow_target){target->scope, &sources, SQL_FLOW_IDENTITY}, by);
	else
		flow_add_all(f, &sources, &column->sources, SQL_FLOW_IDENTITY);
	if (out)
		flow_new_column(f, out, name)->sources = sources;
	else
		add_target(f, target, &sources);
}

/* Into out as columns of their own, or all into the target. A column of USING comes once. */
static void add_star(struct flow *f, const struct flow_target *target, const struct tree *star,
	struct flow_rel *out)
{
	struct flow_scope *scope = target->scope;
	struct slice relation = tree_text(star, "relation_name");
	struct flow_rel seen = {0};

	vec_each (struct flow_binding, b, &scope->bindings) {
		if (relation.len && !slice_equal_nocase(relation, b->name))
			continue;
		vec_each (struct flow_column, column, &b->rel->columns) {
			const struct flow_column *merged =
				relation.len ? NULL : flow_find(&scope->merged, column->name);
			if (merged && flow_find(&seen, column->name))
				continue;
			if (merged)
				flow_new_column(f, &seen, column->name);
			add_starred(f, target, star, merged ? merged : column, out);
		}
		if (out && b->rel->open) {
			out->open = true;
			flow_add_all(f, &out->rest, &b->rel->rest, SQL_FLOW_IDENTITY);
		}
	}
}

static void add_positional(
	struct flow *f, const struct flow_target *target, const struct tree *node)
{
	const struct tree *index = tree_get(node, "index");
	int64_t at = 0;

	if (!index || !slice_to_i64(index->text, &at) || at < 1)
		return;
	vec_each (struct flow_binding, b, &target->scope->bindings) {
		if ((size_t)at <= b->rel->columns.len) {
			add_target(f, target, &b->rel->columns.items[at - 1].sources);
			return;
		}
		at -= (int64_t)b->rel->columns.len;
	}
}

void flow_expression(struct flow *f, const struct flow_target *target, const struct tree *node)
{
	static const struct {
		const char *class;
		void (*add)(struct flow *, const struct flow_target *, const struct tree *);
	} CLASSES[] = {
		{"COLUMN_REF", add_reference},
		{"FUNCTION", add_function},
		{"WINDOW", add_window},
		{"CASE", add_case},
		{"SUBQUERY", add_subquery},
		{"LAMBDA", add_lambda},
		{"POSITIONAL_REFERENCE", add_positional},
	};
	struct slice class = tree_text(node, "class");

	if (!node || f->work == 0)
		return;
	f->work--;
	for (size_t i = 0; i < array_len(CLASSES); i++)
		if (slice_equal_c(class, CLASSES[i].class)) {
			CLASSES[i].add(f, target, node);
			return;
		}
	if (slice_equal_c(class, "STAR"))
		add_star(f, target, node, NULL);
	else
		each_child(
			f, target, node, class.len ? SQL_FLOW_TRANSFORMATION : SQL_FLOW_IDENTITY);
}

/* As DuckDB names it, where the name can be one of a contract. */
static struct slice name_of(const struct tree *item)
{
	struct slice alias = tree_text(item, "alias");
	const struct tree *names = tree_get(item, "column_names");

	if (alias.len)
		return alias;
	if (tree_is(item, "class", "CAST"))
		return name_of(tree_get(item, "child"));
	for (const struct tree *name = names ? names->first : NULL; name; name = name->next)
		alias = name->text;
	return alias.len ? alias : tree_text(item, "function_name");
}

void flow_select_list(
	struct flow *f, struct flow_scope *scope, const struct tree *list, struct flow_rel *rel)
{
	scope->aliases = rel;
	for (const struct tree *item = list ? list->first : NULL; item; item = item->next) {
		struct flow_sources sources = {0};
		struct flow_target target = {scope, &sources, SQL_FLOW_IDENTITY};

		if (tree_is(item, "class", "STAR")) {
			add_star(f, &target, item, rel);
			continue;
		}
		flow_expression(f, &target, item);
		flow_new_column(f, rel, name_of(item))->sources = sources;
	}
}
