/*
 * The walk over DuckDB's syntax tree: exact key sets, every value read by its kind, nothing
 * skipped, default deny. It knows only the generated tables; what a node means is in facts.c.
 * Recursion is bounded by MAX_DEPTH here and by the limits of tree.c below it.
 */
#include <stdarg.h>
#include <stdio.h>

#include "sql/text-private.h"
#include "sql/walk-private.h"

enum { MAX_DEPTH = 200, MAX_NODES = 300000 };

static const char *const logical_types[] = {"NULL", "BOOLEAN", "TINYINT", "SMALLINT", "INTEGER",
	"BIGINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "HUGEINT", "UHUGEINT", "BIGNUM",
	"FLOAT", "DOUBLE", "DECIMAL", "VARCHAR", "CHAR", "BLOB", "BIT", "UUID", "DATE", "TIME",
	"TIME_NS", "TIME WITH TIME ZONE", "TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS",
	"TIMESTAMP_NS", "TIMESTAMP WITH TIME ZONE", "INTERVAL", "LIST", "ARRAY", "STRUCT", "MAP",
	"UNION", "INTEGER_LITERAL", "STRING_LITERAL", "UNBOUND", NULL};

/* Types that the parser leaves open and DuckDB has built in. */
static const char *const open_types[] = {"json", NULL};

static bool walk_field(struct walk *w, const struct node_field *field, const struct tree *object,
	const struct tree *value);

bool walk_refuse(struct walk *w, enum sqlstate state, const char *fmt, ...)
{
	char text[sizeof w->err->msg];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof text, fmt, args);
	va_end(args);
	error_set_at(w->err, __FILE__, __LINE__, state, "%s", text);
	if (w->location >= 0)
		w->err->position = text_position(w->statement, (size_t)w->location);
	return false;
}

static bool refuse_construct(struct walk *w, const char *where, struct slice what)
{
	walk_refuse(w, SQLSTATE_FEATURE_NOT_SUPPORTED,
		"this statement uses something that Weft does not allow (%s %.*s)", where,
		(int)min_of(what.len, (size_t)60), what.ptr ? what.ptr : "");
	return error_hint(w->err, "Write it another way; docs/sql.md lists what SQL here can do.");
}

static bool is_word(const char *const *words, struct slice text)
{
	for (; *words; words++)
		if (slice_equal_c(text, *words))
			return true;
	return false;
}

static bool expect(
	struct walk *w, const struct node_field *field, const struct tree *value, bool fits)
{
	return fits || refuse_construct(w, field->name,
			       value->kind == TREE_STRING ? value->text : SLICE("value"));
}

/* Exactly the keys of the list, in any order. */
static bool has_keys(const struct tree *object, const char *const *keys)
{
	size_t count = 0;

	for (; keys[count]; count++)
		if (!tree_get(object, keys[count]))
			return false;
	return object->kind == TREE_OBJECT && object->count == count;
}

static bool walk_fields(struct walk *w, const struct node_kind *kind, const struct tree *object)
{
	size_t found = 0;

	for (const struct node_field *field = kind->fields; field->name; field++) {
		const struct tree *value = tree_get(object, field->name);
		if (!value && field->value != VALUE_ABSENT)
			return refuse_construct(w, kind->name, slice_from_c(field->name));
		if (!value)
			continue;
		found++;
		if (field->value == VALUE_TYPE && !kind->types)
			return refuse_construct(w, kind->name, SLICE("type"));
		if (field->value == VALUE_TYPE &&
			!expect(w, field, value,
				value->kind == TREE_STRING && is_word(kind->types, value->text)))
			return false;
		if (!walk_field(w, field, object, value))
			return false;
	}
	return found == object->count ||
	       refuse_construct(w, kind->name, SLICE("with unknown parts"));
}

static bool walk_kind(struct walk *w, const struct node_kind *kind, const struct tree *object)
{
	struct visit visit = {0};

	if (object->kind != TREE_OBJECT)
		return refuse_construct(w, kind->name, SLICE_NONE);
	if (++w->nodes > MAX_NODES || w->depth >= MAX_DEPTH) {
		walk_refuse(w, SQLSTATE_STATEMENT_TOO_COMPLEX,
			"the statement is too large or too deep");
		return error_hint(
			w->err, "At most %d parts, nested at most %d deep.", MAX_NODES, MAX_DEPTH);
	}
	w->depth++;
	if (!facts_enter(w, kind, object, &visit) || !walk_fields(w, kind, object))
		return false;
	facts_leave(w, kind, object, &visit);
	w->depth--;
	return true;
}

static bool walk_node(struct walk *w, const struct node_family *family, const struct tree *object)
{
	struct slice name = tree_text(object, family->key);

	for (const struct node_kind *kind = family->kinds; kind->name; kind++)
		if (slice_equal_c(name, kind->name))
			return walk_kind(w, kind, object);
	return refuse_construct(w, family->name, name);
}

static bool walk_type(struct walk *w, const struct tree *type)
{
	static const char *const keys[] = {"id", "type_info", NULL};
	const struct tree *info = tree_get(type, "type_info");
	struct slice id = tree_text(type, "id");

	if (!has_keys(type, keys) || !is_word(logical_types, id))
		return refuse_construct(w, "type", id);
	return info->kind == TREE_NULL || walk_node(w, &node_families[FAMILY_TYPE_INFO], info);
}

/* The value of a constant: scalars, the two halves of a HUGEINT, the parts of an INTERVAL, []. */
static bool is_constant(const struct tree *value)
{
	static const char *const huge[] = {"upper", "lower", NULL};
	static const char *const interval[] = {"months", "days", "micros", NULL};
	static const char *const list[] = {"children", NULL};

	if (has_keys(value, list))
		return value->first->kind == TREE_ARRAY && value->first->count == 0;
	if (has_keys(value, huge) || has_keys(value, interval)) {
		tree_each (part, value)
			if (part->kind != TREE_NUMBER)
				return false;
		return true;
	}
	return value->kind == TREE_NUMBER || value->kind == TREE_STRING || value->kind == TREE_BOOL;
}

static bool walk_value(struct walk *w, const struct tree *value)
{
	static const char *const with[] = {"type", "is_null", "value", NULL};
	static const char *const null[] = {"type", "is_null", NULL};
	bool is_null = tree_is_true(tree_get(value, "is_null"));

	if (!has_keys(value, is_null ? null : with) ||
		tree_get(value, "is_null")->kind != TREE_BOOL ||
		(!is_null && !is_constant(tree_get(value, "value"))))
		return refuse_construct(w, "constant", SLICE_NONE);
	return walk_type(w, tree_get(value, "type"));
}

/* {"node": query, "named_param_map": [{"key","value"}]} */
static bool walk_statement(struct walk *w, const struct tree *statement)
{
	static const char *const keys[] = {"node", "named_param_map", NULL};
	static const char *const param_keys[] = {"key", "value", NULL};
	const struct tree *params = tree_get(statement, "named_param_map");

	if (!has_keys(statement, keys) || params->kind != TREE_ARRAY)
		return refuse_construct(w, "statement", SLICE_NONE);
	tree_each (param, params)
		if (!has_keys(param, param_keys) || tree_get(param, "key")->kind != TREE_STRING ||
			tree_get(param, "value")->kind != TREE_NUMBER)
			return refuse_construct(w, "parameter", SLICE_NONE);
	return walk_node(w, &node_families[FAMILY_QUERY], tree_get(statement, "node"));
}

/* A body sees the CTEs before it; its own name only in the step of a recursion. */
static bool walk_cte(struct walk *w, const struct tree *entry)
{
	static const char *const keys[] = {"key", "value", NULL};
	const struct tree *info = tree_get(entry, "value");
	const struct tree *node = tree_get(tree_get(info, "query"), "node");
	struct slice name = tree_text(entry, "key");

	if (!has_keys(entry, keys) || name.len == 0)
		return refuse_construct(w, "WITH", SLICE_NONE);
	if (slice_equal(tree_text(node, "cte_name"), name))
		w->recursive = node;
	if (!walk_kind(w, node_cte, info))
		return false;
	return facts_name_cte(w, name, false);
}

static bool walk_cte_map(struct walk *w, const struct tree *map)
{
	static const char *const keys[] = {"map", NULL};

	if (!has_keys(map, keys) || map->first->kind != TREE_ARRAY)
		return refuse_construct(w, "WITH", SLICE_NONE);
	tree_each (entry, map->first)
		if (!walk_cte(w, entry))
			return false;
	return true;
}

static bool walk_recursive(struct walk *w, const struct tree *object, const struct tree *step)
{
	const struct cte_name *names = w->names;
	bool using_key =
		tree_get(object, "key_targets") && tree_get(object, "key_targets")->count > 0;

	if (!facts_name_cte(w, tree_text(object, "cte_name"), using_key) ||
		!walk_node(w, &node_families[FAMILY_QUERY], step))
		return false;
	w->names = names;
	return true;
}

static bool is_collation(struct slice text)
{
	for (size_t i = 0; i < text.len; i++)
		if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-",
			    text.ptr[i]) ||
			!text.ptr[i])
			return false;
	return text.len <= 64;
}

static bool is_location(struct walk *w, const struct tree *value)
{
	int64_t at = 0;

	if (value->kind != TREE_NUMBER)
		return false;
	if (slice_to_i64(value->text, &at) && at >= 0 && (uint64_t)at <= w->statement.len)
		w->location = at;
	return true;
}

static bool is_empty(const struct tree *value)
{
	return value->kind == TREE_NULL || (value->kind == TREE_STRING && value->text.len == 0) ||
	       (value->kind == TREE_ARRAY && value->count == 0);
}

static bool walk_leaf(struct walk *w, const struct node_field *field, const struct tree *value)
{
	bool text = value->kind == TREE_STRING;

	switch (field->value) {
	case VALUE_SELF:
	case VALUE_TYPE: /* judged with its kind */
	case VALUE_TEXT: return expect(w, field, value, text);
	case VALUE_LOCATION: return expect(w, field, value, is_location(w, value));
	case VALUE_BOOL: return expect(w, field, value, value->kind == TREE_BOOL);
	case VALUE_FALSE:
		return expect(w, field, value, value->kind == TREE_BOOL && !tree_is_true(value));
	case VALUE_NUMBER: return expect(w, field, value, value->kind == TREE_NUMBER);
	case VALUE_EMPTY: return expect(w, field, value, is_empty(value));
	case VALUE_WORDS:
		return expect(w, field, value, text && is_word(field->words, value->text));
	case VALUE_COLLATION: return expect(w, field, value, text && is_collation(value->text));
	case VALUE_TYPE_NAME:
		for (size_t i = 0; open_types[i]; i++)
			if (slice_equal_nocase(value->text, slice_from_c(open_types[i])))
				return true;
		return refuse_construct(w, "type", value->text);
	default: /* VALUE_ABSENT, and any kind not handled: deny */
		return refuse_construct(w, field->name, SLICE_NONE);
	}
}

static bool walk_one(struct walk *w, const struct node_field *field, const struct tree *object,
	const struct tree *value)
{
	if (field->nullable && value->kind == TREE_NULL)
		return true;
	switch (field->value) {
	case VALUE_VALUE: return walk_value(w, value);
	case VALUE_LOGICAL_TYPE: return walk_type(w, value);
	case VALUE_STATEMENT: return walk_statement(w, value);
	case VALUE_CTE_MAP: return walk_cte_map(w, value);
	case VALUE_RECURSIVE_QUERY: return walk_recursive(w, object, value);
	case VALUE_NODE: return walk_node(w, field->family, value);
	case VALUE_STRUCT: return walk_kind(w, field->of, value);
	default: return walk_leaf(w, field, value);
	}
}

static bool walk_list(
	struct walk *w, const struct node_field *field, const struct tree *value, unsigned lists)
{
	if (lists == 0)
		return walk_one(w, field, NULL, value);
	if (value->kind != TREE_ARRAY)
		return refuse_construct(w, field->name, SLICE("is not a list"));
	tree_each (child, value)
		if (!walk_list(w, field, child, lists - 1))
			return false;
	return true;
}

static bool walk_field(struct walk *w, const struct node_field *field, const struct tree *object,
	const struct tree *value)
{
	return field->lists ? walk_list(w, field, value, field->lists)
			    : walk_one(w, field, object, value);
}

/* {"error":true,...} as DuckDB's parser says it. The text shows only the statement's own words. */
static bool refuse_parse(struct walk *w, const struct tree *document)
{
	struct slice why = tree_text(document, "error_message");
	struct slice line = slice_split(&why, '\n');
	uint64_t at = 0;

	if (tree_is(document, "error_type", "not implemented")) {
		walk_refuse(w, SQLSTATE_READ_ONLY, "only a SELECT can be run here");
		return error_hint(w->err,
			"Products are written by their pipelines; a PIVOT needs its "
			"values listed with IN (...).");
	}
	if (slice_to_u64(tree_text(document, "position"), &at) && at <= w->statement.len)
		w->location = (int64_t)at;
	return walk_refuse(w, SQLSTATE_SYNTAX_ERROR, "%.*s", SLICE_FMT(line));
}

bool walk_document(struct walk *w, const struct tree *document, const struct tree **node_out)
{
	static const char *const keys[] = {"error", "statements", NULL};
	const struct tree *statements = tree_get(document, "statements");

	if (tree_is_true(tree_get(document, "error")))
		return refuse_parse(w, document);
	if (!has_keys(document, keys) || tree_get(document, "error")->kind != TREE_BOOL ||
		statements->kind != TREE_ARRAY)
		return refuse_construct(w, "document", SLICE_NONE);
	if (statements->count != 1)
		return walk_refuse(
			w, SQLSTATE_SYNTAX_ERROR, "exactly one statement can be run at a time");
	if (!walk_statement(w, statements->first))
		return false;
	*node_out = tree_get(statements->first, "node");
	return true;
}
