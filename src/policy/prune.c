/*
 * Three-valued evaluation of a row filter over whole files. For each condition: may some row make
 * it true, false, or null? A file is FILE_NONE when no row can be true and FILE_ALL when every row
 * must be. An unknown condition may be all three, so unclear means mixed at whatever depth it
 * stands.
 *
 * Values are compared as DuckDB compares them: integers and decimals exactly (scaled to int64_t),
 * dates and timestamps as numbers, texts by bytes. A constant must have the column's own type (or
 * be a text that DuckDB casts to it); anything else is unclear.
 */
#include "policy/prune.h"

#include "base/num.h"
#include "policy/attribute-test.h"
#include "sql/literal.h"
#include "sql/tree.h"

/* A set of the outcomes that rows of the file may have. */
enum outcomes {
	CAN_TRUE = 1,
	CAN_FALSE = 2,
	CAN_NULL = 4,
	CAN_ALL = 7,
};

struct pruner {
	struct arena *arena;
	const struct file_facts *file;
	const struct principal *principal;
	unsigned level;
};

enum { MAX_LEVEL = 200, MAX_SCALE = 18 };

/* A value in the form in which its column's type compares. */
struct value {
	bool is_text;
	int64_t number;
	struct slice text;
};

static unsigned evaluate(struct pruner *p, const struct tree *node);

static bool read_value(struct slice text, const struct type_info *type, struct value *out)
{
	bool truth = false;
	bool ok = false;

	*out = (struct value){.text = text};
	switch (type->group) {
	case TYPE_INTEGER: return slice_to_i64(text, &out->number);
	case TYPE_DECIMAL:
		return type->scale <= MAX_SCALE && decimal_parse(text, type->scale, &out->number);
	case TYPE_BOOLEAN:
		ok = boolean_parse(text, &truth);
		out->number = truth;
		return ok;
	case TYPE_DATE: return date_parse(text, &out->number);
	case TYPE_TIMESTAMP: return timestamp_parse(text, false, &out->number);
	case TYPE_TIMESTAMPTZ: return timestamp_parse(text, true, &out->number);
	case TYPE_TEXT: out->is_text = true; return true;
	case TYPE_UUID:	  /* stored bounds may be of another order than their text */
	case TYPE_DOUBLE: /* NaN stands outside minimum and maximum */
	case TYPE_OTHER: return false;
	}
	return false;
}

static int compare(const struct value *a, const struct value *b)
{
	if (a->is_text)
		return slice_compare(a->text, b->text);
	return a->number < b->number ? -1 : a->number > b->number;
}

/* 15 with scale 1 is 1.5: to the column's scale without losing a digit. */
static bool rescale(int64_t digits, int64_t from, int64_t to, int64_t *out)
{
	for (; from < to; from++)
		if (!checked_mul(digits, (int64_t)10, &digits))
			return false;
	for (; from > to; from--, digits /= 10)
		if (digits % 10 != 0)
			return false;
	*out = digits;
	return true;
}

static bool read_number(
	const struct tree *constant, const struct type_info *type, struct value *out)
{
	const struct tree *value = tree_get(constant, "value");
	const struct tree *scale =
		tree_get(tree_get(tree_get(value, "type"), "type_info"), "scale");
	struct type_info own = type_of(tree_text(tree_get(value, "type"), "id"));
	int64_t digits = 0;
	int64_t places = 0;

	if (own.group != TYPE_INTEGER && (own.group != TYPE_DECIMAL || !scale))
		return false;
	if (!slice_to_i64(tree_get(value, "value")->text, &digits) ||
		(scale && !slice_to_i64(scale->text, &places)))
		return false;
	if (type->group == TYPE_INTEGER) {
		out->number = digits;
		return own.group == TYPE_INTEGER && digits >= type->low && digits <= type->high;
	}
	return type->group == TYPE_DECIMAL && type->scale <= MAX_SCALE &&
	       rescale(digits, places, type->scale, &out->number);
}

/* A constant of the tree for a column type: a text that casts to it, or a number for a number. */
static bool read_constant(const struct tree *node, const struct type_info *type, struct value *out)
{
	const struct tree *constant = node;

	if (tree_is(node, "class", "CAST")) {
		enum type_group group = type_of(tree_text(tree_get(node, "cast_type"), "id")).group;
		if (tree_is_true(tree_get(node, "try_cast")) || group != type->group ||
			group == TYPE_INTEGER || group == TYPE_DECIMAL)
			return false; /* casts between numbers round and overflow */
		constant = tree_get(node, "child");
	}
	const struct tree *value = tree_get(constant, "value");
	const struct tree *inner = tree_get(value, "value");
	if (!tree_is(constant, "class", "CONSTANT") || !inner)
		return false;
	*out = (struct value){0};
	if (inner->kind == TREE_NUMBER)
		return constant == node && read_number(constant, type, out);
	if (inner->kind != TREE_STRING || !tree_is(tree_get(value, "type"), "id", "VARCHAR") ||
		!read_value(inner->text, type, out))
		return false;
	return type->group != TYPE_INTEGER ||
	       (out->number >= type->low && out->number <= type->high);
}

/* What the file says of one column. */
struct known {
	bool bounded; /* every value lies from low to high */
	bool low_exact;
	struct type_info type;
	struct value low;
	struct value high;
	bool may_be_null;
	bool may_have_value;
};

static const struct file_column *find_column(const struct file_facts *file, struct slice name)
{
	for (size_t i = 0; i < file->column_count; i++)
		if (slice_equal_nocase(file->columns[i].name, name))
			return &file->columns[i];
	return NULL;
}

/* column, or weft_row.column as filters may write it. */
static bool read_column(const struct pruner *p, const struct tree *node, struct known *out)
{
	const struct tree *names = tree_get(node, "column_names");
	const struct tree *name = names ? names->first : NULL;

	*out = (struct known){0};
	if (!tree_is(node, "class", "COLUMN_REF") || !name)
		return false;
	if (names->count == 2 && slice_equal_nocase(name->text, SLICE("weft_row")))
		name = name->next;
	else if (names->count != 1)
		return false;
	const struct file_column *column = find_column(p->file, name->text);
	if (!column)
		return false;
	out->type = type_of(column->type);
	out->may_be_null = column->null_count != 0;
	out->may_have_value =
		column->null_count < 0 || p->file->rows < 0 || column->null_count < p->file->rows;
	out->bounded = !slice_is_none(column->min) && !slice_is_none(column->max) &&
		       read_value(column->min, &out->type, &out->low) &&
		       read_value(column->max, &out->type, &out->high) &&
		       compare(&out->low, &out->high) <= 0 &&
		       !column->max_is_cut; /* smaller than what it was cut from: no bound */
	out->low_exact = !column->min_is_cut;
	/* Delta's statistics cut timestamps to milliseconds, downwards. */
	if (out->type.group == TYPE_TIMESTAMP || out->type.group == TYPE_TIMESTAMPTZ)
		out->high.number += 999;
	return true;
}

/* Of a condition that NULL makes NULL. */
static unsigned with_null(const struct known *column, unsigned of_values)
{
	return (column->may_have_value ? of_values : 0) | (column->may_be_null ? CAN_NULL : 0);
}

/* column = constant */
static unsigned equal(const struct known *column, const struct value *constant)
{
	int low = compare(&column->low, constant);
	int high = compare(&column->high, constant);

	if (low > 0 || high < 0)
		return CAN_FALSE;
	return low == 0 && high == 0 && column->low_exact ? CAN_TRUE : CAN_TRUE | CAN_FALSE;
}

/* column < constant, column <= constant */
static unsigned less(const struct known *column, const struct value *constant, bool or_equal)
{
	int low = compare(&column->low, constant);
	int high = compare(&column->high, constant);

	if (or_equal ? high <= 0 : high < 0)
		return CAN_TRUE;
	return (or_equal ? low > 0 : low >= 0) ? CAN_FALSE : CAN_TRUE | CAN_FALSE;
}

static unsigned negate(unsigned outcomes)
{
	return (outcomes & CAN_NULL) | (outcomes & CAN_TRUE ? CAN_FALSE : 0) |
	       (outcomes & CAN_FALSE ? CAN_TRUE : 0);
}

static unsigned conjoin(unsigned a, unsigned b)
{
	unsigned out = (a | b) & CAN_FALSE;

	if ((a & CAN_TRUE) && (b & CAN_TRUE))
		out |= CAN_TRUE;
	if (((a & CAN_NULL) && (b & (CAN_NULL | CAN_TRUE))) || ((b & CAN_NULL) && (a & CAN_TRUE)))
		out |= CAN_NULL;
	return out;
}

static unsigned disjoin(unsigned a, unsigned b)
{
	return negate(conjoin(negate(a), negate(b)));
}

/* The type is one of the six operators. */
static unsigned compare_with(
	struct slice type, const struct known *column, const struct value *constant)
{
	if (slice_equal_c(type, "COMPARE_EQUAL"))
		return equal(column, constant);
	if (slice_equal_c(type, "COMPARE_NOTEQUAL"))
		return negate(equal(column, constant));
	if (slice_equal_c(type, "COMPARE_LESSTHAN"))
		return less(column, constant, false);
	if (slice_equal_c(type, "COMPARE_LESSTHANOREQUALTO"))
		return less(column, constant, true);
	if (slice_equal_c(type, "COMPARE_GREATERTHAN"))
		return negate(less(column, constant, true));
	return negate(less(column, constant, false));
}

static bool is_strict(struct slice type)
{
	static const char *const types[] = {"COMPARE_EQUAL", "COMPARE_NOTEQUAL", "COMPARE_LESSTHAN",
		"COMPARE_LESSTHANOREQUALTO", "COMPARE_GREATERTHAN", "COMPARE_GREATERTHANOREQUALTO"};

	for (size_t i = 0; i < array_len(types); i++)
		if (slice_equal_c(type, types[i]))
			return true;
	return false;
}

static struct slice mirrored(struct slice type)
{
	static const char *const pairs[][2] = {{"COMPARE_LESSTHAN", "COMPARE_GREATERTHAN"},
		{"COMPARE_LESSTHANOREQUALTO", "COMPARE_GREATERTHANOREQUALTO"}};

	for (size_t i = 0; i < array_len(pairs); i++) {
		if (slice_equal_c(type, pairs[i][0]))
			return slice_from_c(pairs[i][1]);
		if (slice_equal_c(type, pairs[i][1]))
			return slice_from_c(pairs[i][0]);
	}
	return type;
}

static unsigned evaluate_comparison(struct pruner *p, const struct tree *node)
{
	const struct tree *left = tree_get(node, "left");
	const struct tree *right = tree_get(node, "right");
	struct slice type = tree_text(node, "type");
	struct known column;
	struct value constant;

	if (!tree_is(left, "class", "COLUMN_REF")) {
		const struct tree *swap = left;
		left = right;
		right = swap;
		type = mirrored(type);
	}
	if (!is_strict(type) || !read_column(p, left, &column) ||
		!read_constant(right, &column.type, &constant))
		return CAN_ALL;
	if (!column.may_have_value)
		return with_null(&column, 0);
	if (!column.bounded)
		return CAN_ALL;
	return with_null(&column, compare_with(type, &column, &constant));
}

static unsigned evaluate_between(struct pruner *p, const struct tree *node)
{
	struct known column;
	struct value low;
	struct value high;

	if (!read_column(p, tree_get(node, "input"), &column) || !column.bounded ||
		!read_constant(tree_get(node, "lower"), &column.type, &low) ||
		!read_constant(tree_get(node, "upper"), &column.type, &high))
		return CAN_ALL;
	unsigned out = with_null(
		&column, conjoin(negate(less(&column, &low, false)), less(&column, &high, true)));
	return tree_is(node, "type", "COMPARE_BETWEEN") ? out : negate(out);
}

static unsigned evaluate_in(struct pruner *p, const struct tree *first)
{
	struct known column;
	unsigned out = CAN_FALSE;

	if (!first || !read_column(p, first, &column) || !column.bounded)
		return CAN_ALL;
	for (const struct tree *item = first->next; item; item = item->next) {
		struct value constant;
		if (!read_constant(item, &column.type, &constant))
			return CAN_ALL;
		out = disjoin(out, equal(&column, &constant));
	}
	return with_null(&column, out);
}

static unsigned evaluate_is_null(struct pruner *p, const struct tree *child)
{
	struct known column;

	if (!child || !read_column(p, child, &column))
		return CAN_ALL;
	return (column.may_be_null ? CAN_TRUE : 0) | (column.may_have_value ? CAN_FALSE : 0);
}

/* The column is one of the principal's values: a text column only, as attribute() gives VARCHAR[].
 */
static unsigned evaluate_attribute(struct pruner *p, const struct tree *node)
{
	struct attribute_test test;
	struct known column;
	const struct attribute *attribute = NULL;
	unsigned out = CAN_FALSE;

	if (!attribute_test_read(node, &test) || !read_column(p, test.operand, &column) ||
		column.type.group != TYPE_TEXT)
		return CAN_ALL;
	attribute = attribute_of(p->principal, test.attribute);
	if (!attribute || attribute->value_count == 0)
		return CAN_FALSE | CAN_NULL; /* never true, whatever the column is */
	if (!column.bounded)
		return CAN_ALL;
	for (size_t i = 0; i < attribute->value_count; i++) {
		struct value value = {.is_text = true, .text = attribute->values[i]};
		out = disjoin(out, equal(&column, &value));
	}
	/* Whether a list contains NULL may be NULL or false. */
	return with_null(&column, out) | (column.may_be_null ? CAN_FALSE : 0);
}

static unsigned evaluate_function(struct pruner *p, const struct tree *node)
{
	struct slice name = tree_text(node, "function_name");
	struct slice group = text_argument(node);

	if (slice_equal_c(name, "in_group") && !slice_is_none(group)) {
		for (size_t i = 0; i < p->principal->group_count; i++)
			if (slice_equal(p->principal->groups[i], group))
				return CAN_TRUE;
		return CAN_FALSE;
	}
	return evaluate_attribute(p, node);
}

static unsigned evaluate_constant(const struct tree *node)
{
	const struct tree *child = tree_is(node, "class", "CAST") ? tree_get(node, "child") : node;
	const struct tree *value = tree_get(tree_get(child, "value"), "value");
	bool truth = false;

	if (tree_is(node, "class", "CAST") &&
		!tree_is(tree_get(node, "cast_type"), "id", "BOOLEAN"))
		return CAN_ALL;
	if (!value || (value->kind != TREE_STRING && value->kind != TREE_BOOL) ||
		!boolean_parse(value->text, &truth))
		return CAN_ALL;
	return truth ? CAN_TRUE : CAN_FALSE;
}

static unsigned evaluate_conjunction(struct pruner *p, const struct tree *node)
{
	bool all = tree_is(node, "type", "CONJUNCTION_AND");
	const struct tree *children = tree_get(node, "children");
	unsigned out = all ? CAN_TRUE : CAN_FALSE;

	if (!children || (!all && !tree_is(node, "type", "CONJUNCTION_OR")))
		return CAN_ALL;
	tree_each (child, children)
		out = all ? conjoin(out, evaluate(p, child)) : disjoin(out, evaluate(p, child));
	return out;
}

static unsigned evaluate_operator(struct pruner *p, const struct tree *node)
{
	struct slice type = tree_text(node, "type");
	const struct tree *children = tree_get(node, "children");
	const struct tree *first = children ? children->first : NULL;

	if (slice_equal_c(type, "OPERATOR_NOT"))
		return first ? negate(evaluate(p, first)) : CAN_ALL;
	if (slice_equal_c(type, "COMPARE_IN"))
		return evaluate_in(p, first);
	if (slice_equal_c(type, "COMPARE_NOT_IN"))
		return negate(evaluate_in(p, first));
	if (slice_equal_c(type, "OPERATOR_IS_NULL"))
		return evaluate_is_null(p, first);
	if (slice_equal_c(type, "OPERATOR_IS_NOT_NULL"))
		return negate(evaluate_is_null(p, first));
	return CAN_ALL;
}

static unsigned evaluate_class(struct pruner *p, const struct tree *node)
{
	static const struct {
		const char *class;
		unsigned (*evaluate)(struct pruner *p, const struct tree *node);
	} rows[] = {{"COMPARISON", evaluate_comparison}, {"BETWEEN", evaluate_between},
		{"CONJUNCTION", evaluate_conjunction}, {"OPERATOR", evaluate_operator},
		{"FUNCTION", evaluate_function}, {"SUBQUERY", evaluate_attribute}};
	struct slice class = tree_text(node, "class");

	for (size_t i = 0; i < array_len(rows); i++)
		if (slice_equal_c(class, rows[i].class))
			return rows[i].evaluate(p, node);
	if (slice_equal_c(class, "CONSTANT") || slice_equal_c(class, "CAST"))
		return evaluate_constant(node);
	return CAN_ALL;
}

static unsigned evaluate(struct pruner *p, const struct tree *node)
{
	if (p->level >= MAX_LEVEL)
		return CAN_ALL;
	p->level++;
	unsigned out = evaluate_class(p, node);
	p->level--;
	return out;
}

enum file_verdict policy_file_verdict(struct arena *scratch, struct slice filter_ast,
	const struct file_facts *file, const struct principal *principal)
{
	struct pruner p = {.arena = scratch, .file = file, .principal = principal};
	const struct tree *tree = NULL;
	struct error err;

	if (slice_is_none(filter_ast) || !tree_parse(scratch, filter_ast, &tree, &err))
		return FILE_MIXED;
	unsigned outcomes = evaluate(&p, tree);
	if (!(outcomes & CAN_TRUE))
		return FILE_NONE;
	return outcomes == CAN_TRUE ? FILE_ALL : FILE_MIXED;
}
