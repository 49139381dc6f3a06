/*
 * Leak-proof conjuncts: what of a WHERE may be copied below the barrier without telling anything of
 * hidden rows. A comparison of one column with constants of its own type cannot raise, so whether
 * it runs on hidden rows does not show. The constants are checked here to be values of the type, in
 * its exact form: a cast that fails would fail on hidden rows only.
 *
 * A copied conjunct must not change the answer either: it filters the table before the joins. That
 * is right for every operator but IS NULL under an inner join, and for operators that NULL fails
 * under an outer join; not for ASOF, POSITIONAL, the hidden side of SEMI and ANTI, and samples.
 */
#include <stdlib.h>

#include "base/str.h"
#include "sql/walk-private.h"

enum { MAX_LITERALS = 1000, MAX_LEAVES = 64 };

struct leaves {
	const struct tree *tables[MAX_LEAVES];
	size_t count;
	bool inner; /* no outer join */
};

static void add_leaves(struct leaves *leaves, const struct tree *table)
{
	if (tree_is(table, "type", "BASE_TABLE") && leaves->count < MAX_LEAVES &&
		tree_get(table, "sample")->kind == TREE_NULL &&
		tree_get(table, "column_name_alias")->count == 0)
		leaves->tables[leaves->count++] = table;
	if (!tree_is(table, "type", "JOIN"))
		return;
	struct slice how = tree_text(table, "ref_type");
	struct slice side = tree_text(table, "join_type");
	if (slice_equal_c(how, "POSITIONAL") || slice_equal_c(how, "ASOF"))
		return;
	if (!slice_equal_c(side, "INNER"))
		leaves->inner = false;
	add_leaves(leaves, tree_get(table, "left"));
	if (!slice_equal_c(side, "SEMI") && !slice_equal_c(side, "ANTI"))
		add_leaves(leaves, tree_get(table, "right"));
}

/* DECIMAL constants are integers and a scale: 15 with scale 1 is 1.5. */
static struct slice decimal_text(struct arena *arena, struct slice digits, struct slice scale)
{
	uint64_t places = 0;
	bool negative = slice_starts_with(digits, SLICE("-"));
	struct str out = str_in(arena);

	if (!slice_to_u64(scale, &places) || places > 38)
		return SLICE_NONE;
	digits = slice_sub(digits, negative, digits.len);
	if (negative)
		str_add_char(&out, '-');
	for (size_t i = digits.len; i <= places; i++)
		str_add_char(&out, '0');
	str_add(&out, digits);
	if (places > 0) {
		char *point = str_extend(&out, 1) - places;
		memmove(point + 1, point, places);
		*point = '.';
	}
	return str_slice(&out);
}

static bool read_constant(struct arena *arena, const struct tree *constant, struct sql_literal *out)
{
	const struct tree *value = tree_get(constant, "value");
	const struct tree *type = tree_get(value, "type");
	const struct tree *inner = tree_get(value, "value");

	if (!inner || (inner->kind != TREE_NUMBER && inner->kind != TREE_STRING))
		return false;
	out->type = tree_text(type, "id");
	out->text = inner->text;
	if (slice_equal_c(out->type, "DECIMAL")) {
		const struct tree *scale = tree_get(tree_get(type, "type_info"), "scale");
		out->text = decimal_text(arena, inner->text, scale ? scale->text : SLICE_NONE);
	}
	return !slice_is_none(out->text);
}

/* 5, 'x', DATE '2026-01-31', TRUE; a cast counts as a literal only when it is of a text. */
static bool read_literal(struct arena *arena, const struct tree *node, struct sql_literal *out)
{
	if (tree_is(node, "class", "CONSTANT"))
		return read_constant(arena, node, out);
	if (!tree_is(node, "class", "CAST") || tree_is_true(tree_get(node, "try_cast")) ||
		!tree_is(tree_get(node, "child"), "class", "CONSTANT"))
		return false;
	if (!read_constant(arena, tree_get(node, "child"), out) ||
		!slice_equal_c(out->type, "VARCHAR"))
		return false;
	out->type = tree_text(tree_get(node, "cast_type"), "id");
	return true;
}

static bool read_operator(struct slice type, bool swapped, enum sql_operator *op)
{
	static const struct {
		const char *type;
		enum sql_operator op, swapped;
	} rows[] = {
		{"COMPARE_EQUAL", SQL_EQUAL, SQL_EQUAL},
		{"COMPARE_LESSTHAN", SQL_LESS, SQL_GREATER},
		{"COMPARE_LESSTHANOREQUALTO", SQL_LESS_EQUAL, SQL_GREATER_EQUAL},
		{"COMPARE_GREATERTHAN", SQL_GREATER, SQL_LESS},
		{"COMPARE_GREATERTHANOREQUALTO", SQL_GREATER_EQUAL, SQL_LESS_EQUAL},
	};

	for (size_t i = 0; i < array_len(rows); i++) {
		if (!slice_equal_c(type, rows[i].type))
			continue;
		*op = swapped ? rows[i].swapped : rows[i].op;
		return true;
	}
	return false;
}

/* One conjunct taken apart: its column and the values that must be literals. */
struct parts {
	const struct tree *column;
	const struct tree *values[2];
	const struct tree *list; /* IN: the values after the first child */
	enum sql_operator op;
};

static bool take_apart(const struct tree *node, struct parts *out)
{
	struct slice class = tree_text(node, "class");
	struct slice type = tree_text(node, "type");
	const struct tree *first = tree_get(node, "children");

	*out = (struct parts){0};
	first = first ? first->first : NULL;
	if (slice_equal_c(class, "COMPARISON")) {
		bool swapped = !tree_is(tree_get(node, "left"), "class", "COLUMN_REF");
		out->column = tree_get(node, swapped ? "right" : "left");
		out->values[0] = tree_get(node, swapped ? "left" : "right");
		return read_operator(type, swapped, &out->op);
	}
	out->column = first;
	if (slice_equal_c(type, "COMPARE_BETWEEN")) {
		*out = (struct parts){tree_get(node, "input"),
			{tree_get(node, "lower"), tree_get(node, "upper")}, NULL, SQL_BETWEEN};
		return true;
	}
	if (slice_equal_c(type, "COMPARE_IN")) {
		out->op = SQL_IN;
		out->list = first ? first->next : NULL;
		return out->list != NULL;
	}
	out->op = slice_equal_c(type, "OPERATOR_IS_NULL") ? SQL_IS_NULL : SQL_IS_NOT_NULL;
	return out->op == SQL_IS_NULL || slice_equal_c(type, "OPERATOR_IS_NOT_NULL");
}

static bool read_literals(struct arena *arena, const struct parts *parts, struct sql_conjunct *out)
{
	VEC(struct sql_literal) literals = {0};

	for (size_t i = 0; i < array_len(parts->values) && parts->values[i]; i++)
		if (!read_literal(arena, parts->values[i], vec_add(arena, &literals)))
			return false;
	for (const struct tree *value = parts->list; value; value = value->next)
		if (literals.len >= MAX_LITERALS ||
			!read_literal(arena, value, vec_add(arena, &literals)))
			return false;
	out->literals = literals.items;
	out->literal_count = literals.len;
	return true;
}

static struct table_build *build_of(struct walk *w, const struct tree *table)
{
	for (size_t i = 0; i < w->tables.len; i++)
		if (w->tables.items[i].tree == table)
			return &w->tables.items[i];
	return NULL; /* a CTE */
}

static bool may_mean(const struct sql_table *table, const struct tree *names)
{
	const struct tree *name = names->first;

	if (names->count == 1)
		return true;
	return name && names->count == 2 &&
	       slice_equal_nocase(
		       name->text, slice_is_none(table->alias) ? table->name : table->alias);
}

static void add_conjunct(struct walk *w, const struct leaves *leaves, const struct tree *node)
{
	struct parts parts;
	struct sql_conjunct conjunct = {0};

	if (!take_apart(node, &parts) || !tree_is(parts.column, "class", "COLUMN_REF") ||
		(parts.op == SQL_IS_NULL && !leaves->inner) ||
		!read_literals(w->arena, &parts, &conjunct))
		return;
	const struct tree *names = tree_get(parts.column, "column_names");
	conjunct.op = parts.op;
	for (const struct tree *name = names->first; name; name = name->next)
		conjunct.column = name->text;
	for (size_t i = 0; i < leaves->count; i++) {
		struct table_build *build = build_of(w, leaves->tables[i]);
		if (build && may_mean(&build->table, names))
			vec_push(w->arena, &build->conjuncts, conjunct);
	}
}

static void add_conjuncts(struct walk *w, const struct leaves *leaves, const struct tree *node)
{
	if (!tree_is(node, "type", "CONJUNCTION_AND")) {
		add_conjunct(w, leaves, node);
		return;
	}
	tree_each (child, tree_get(node, "children"))
		add_conjuncts(w, leaves, child);
}

void conjuncts_collect(struct walk *w, const struct tree *select)
{
	struct leaves leaves = {.inner = true};
	const struct tree *where = tree_get(select, "where_clause");

	if (where->kind == TREE_NULL || tree_get(select, "sample")->kind != TREE_NULL)
		return;
	add_leaves(&leaves, tree_get(select, "from_table"));
	if (leaves.count > 0)
		add_conjuncts(w, &leaves, where);
}
