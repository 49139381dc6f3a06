#include "manifest/shape.h"

#include <string.h>

#include "base/num.h"
#include "base/str.h"

struct walk {
	struct arena *arena;
	struct manifest_problems *problems;
	bool standard; /* the file is one of ODPS or ODCS */
};

static bool wrong(struct walk *w, struct mark at, struct slice message, struct slice expected)
{
	manifest_problem_add(w->problems, at, false, message, expected, SLICE_NONE);
	return false;
}

/* In a file of a standard: another reader of it would take this for something else. */
static void warn(struct walk *w, const struct node *node, const char *message, const char *expected)
{
	if (w->standard)
		manifest_problem_add(w->problems, node->at, true,
			arena_printf(w->arena, "%.*s %s",
				SLICE_FMT(node->key.ptr ? node->key : SLICE("item")), message),
			slice_from_c(expected), SLICE_NONE);
}

static const char *kind_name(const struct node *node)
{
	if (node->kind == NODE_MAPPING)
		return "a mapping";
	if (node->kind == NODE_SEQUENCE)
		return "a list";
	return node_is_null(node) ? "nothing" : "a value";
}

static bool wrong_kind(struct walk *w, const struct node *node, const char *expected)
{
	struct slice found =
		node->kind == NODE_SCALAR && !node_is_null(node)
			? arena_printf(w->arena, "\"%.*s\"",
				  (int)min_of(node->text.len, (size_t)60), node->text.ptr)
			: slice_from_c(kind_name(node));
	struct slice name = node->key.ptr ? node->key : SLICE("item");

	return wrong(w, node->at,
		arena_printf(w->arena, "%.*s is %.*s", SLICE_FMT(name), SLICE_FMT(found)),
		slice_from_c(expected));
}

struct nearest {
	struct slice word;
	struct slice best;
	size_t distance;
};

static void try_word(struct nearest *n, struct slice word)
{
	size_t distance = slice_distance(n->word, word, 2);

	if (distance < n->distance) {
		n->distance = distance;
		n->best = word;
	}
}

/* "did you mean …?" with the nearest word; none when all are far. */
static struct slice suggestion(struct walk *w, const struct nearest *n)
{
	if (slice_is_none(n->best))
		return SLICE_NONE;
	return arena_printf(w->arena, "did you mean \"%.*s\"?", SLICE_FMT(n->best));
}

static struct slice nearest_word(struct walk *w, struct slice word, const char *choice)
{
	struct slice rest = slice_from_c(choice);
	struct nearest n = {word, SLICE_NONE, 3};

	while (!slice_is_none(rest))
		try_word(&n, slice_split(&rest, '|'));
	return suggestion(w, &n);
}

static bool check_choice(struct walk *w, const struct field *field, const struct node *node)
{
	struct slice rest = slice_from_c(field->choice);
	struct str words = str_in(w->arena);

	while (!slice_is_none(rest)) {
		struct slice word = slice_split(&rest, '|');

		if (slice_equal(word, node->text))
			return true;
		str_add_c(&words, words.len ? ", " : "one of ");
		str_add(&words, word);
	}
	manifest_problem_add(w->problems, node->at, false,
		arena_printf(w->arena, "%s is \"%.*s\"", field->key,
			(int)min_of(node->text.len, (size_t)60), node->text.ptr),
		str_slice(&words), nearest_word(w, node->text, field->choice));
	return false;
}

bool shape_is_name(struct slice text)
{
	if (text.len == 0 || text.len > 63 || text.ptr[0] < 'a' || text.ptr[0] > 'z')
		return false;
	for (size_t i = 0; i < text.len; i++) {
		char c = text.ptr[i];

		if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'))
			return false;
	}
	return true;
}

static bool is_bool(struct slice text)
{
	return slice_equal_nocase(text, SLICE("true")) || slice_equal_nocase(text, SLICE("false"));
}

static bool is_id(struct slice text)
{
	for (size_t i = 0; i < text.len; i++) {
		char c = text.ptr[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
			    c == '-' || c == '_'))
			return false;
	}
	return text.len > 0;
}

/* Digits where the pattern has 0, else its very character; the text may go on. */
static bool looks_like(struct slice text, const char *pattern)
{
	for (size_t i = 0; pattern[i]; i++) {
		bool digit = i < text.len && text.ptr[i] >= '0' && text.ptr[i] <= '9';

		if (i >= text.len || (pattern[i] == '0' ? !digit : text.ptr[i] != pattern[i]))
			return false;
	}
	return true;
}

static bool is_date(struct slice text)
{
	return text.len == strlen("0000-00-00") && looks_like(text, "0000-00-00");
}

/* RFC 3339, as JSON schema's date-time: with its offset. */
static bool is_time(struct slice text)
{
	const size_t seconds = strlen("0000-00-00T00:00:00");
	struct slice zone;

	if (!looks_like(text, "0000-00-00T00:00:00"))
		return false;
	zone = slice_sub(text, seconds, text.len);
	if (zone.len && zone.ptr[0] == '.')
		do
			zone = slice_sub(zone, 1, zone.len);
		while (zone.len && zone.ptr[0] >= '0' && zone.ptr[0] <= '9');
	return slice_equal_c(zone, "Z") || slice_equal_c(zone, "z") ||
	       (zone.len == strlen("+00:00") &&
		       (looks_like(zone, "+00:00") || looks_like(zone, "-00:00")));
}

static bool reads_as_value(struct slice text)
{
	double number;

	return slice_to_double(text, &number) || is_bool(text);
}

/* Text without quotes that YAML takes for a number or a boolean, and the other way round. */
static void check_quotes(struct walk *w, const struct field *field, const struct node *node)
{
	bool value = field->kind == FIELD_BOOL || field->kind == FIELD_INT ||
		     field->kind == FIELD_INTEGER || field->kind == FIELD_NUMBER ||
		     field->kind == FIELD_POSITIVE;

	if (value && !node->plain)
		warn(w, node, "is text because of its quotes", "the value without quotes");
	else if (!value && node->plain && reads_as_value(node->text))
		warn(w, node, "is a number or boolean to other readers", "text in quotes");
}

static bool check_value(struct walk *w, const struct field *field, const struct node *node)
{
	int64_t integer;
	double number;

	switch (field->kind) {
	case FIELD_NAME:
		return shape_is_name(node->text) ||
		       wrong_kind(
			       w, node, "a name: lower-case letters, digits and _, a letter first");
	case FIELD_BOOL: return is_bool(node->text) || wrong_kind(w, node, "true or false");
	case FIELD_INT:
		return (slice_to_i64(node->text, &integer) && integer >= 0) ||
		       wrong_kind(w, node, "a whole number, 0 or more");
	case FIELD_INTEGER:
		return slice_to_i64(node->text, &integer) || wrong_kind(w, node, "a whole number");
	case FIELD_NUMBER:
		return slice_to_double(node->text, &number) || wrong_kind(w, node, "a number");
	case FIELD_POSITIVE:
		return (slice_to_double(node->text, &number) && number > 0) ||
		       wrong_kind(w, node, "a number above 0");
	case FIELD_SIZE:
		return manifest_size(node->text, &integer) ||
		       wrong_kind(w, node, "a size such as 512MB or 10GiB");
	case FIELD_DURATION:
		return manifest_duration(node->text, &integer) ||
		       wrong_kind(w, node, "a time such as 30s, 5min, 2h or 7d");
	case FIELD_CHOICE: return check_choice(w, field, node);
	case FIELD_ID:
		return is_id(node->text) ||
		       wrong_kind(w, node, "an id of letters, digits, - and _");
	case FIELD_DATE:
		return is_date(node->text) || wrong_kind(w, node, "a date such as \"2026-01-31\"");
	case FIELD_TIME:
		return is_time(node->text) ||
		       wrong_kind(w, node, "a time such as \"2026-01-31T12:00:00Z\"");
	default:
		return node->text.len > 0 || !(field->flags & FIELD_REQUIRED) ||
		       wrong_kind(w, node, "text");
	}
}

static bool check_scalar(struct walk *w, const struct field *field, const struct node *node)
{
	if (node->kind != NODE_SCALAR)
		return wrong_kind(w, node, field->kind == FIELD_TEXT ? "text" : "a single value");
	if (node_is_null(node) && !(field->flags & FIELD_REQUIRED)) {
		warn(w, node, "has no value", "a value, or leave it out");
		return true; /* as if it were not there */
	}
	check_quotes(w, field, node);
	return check_value(w, field, node);
}

static bool check_texts(struct walk *w, const struct node *node)
{
	static const struct field text = {.key = "item", .kind = FIELD_TEXT};
	bool ok = true;

	if (node->kind == NODE_SCALAR && !(w->standard && !node_is_null(node))) {
		if (node_is_null(node))
			warn(w, node, "has no value", "a list, or leave it out");
		return true;
	}
	if (node->kind != NODE_SEQUENCE)
		return wrong_kind(w, node, "a list of texts");
	for (const struct node *item = node->first; item; item = item->next) {
		if (item->kind != NODE_SCALAR || node_is_null(item))
			ok = wrong_kind(w, item, "text");
		else
			check_quotes(w, &text, item);
	}
	return ok;
}

static bool check_keys(struct walk *w, const struct node *node)
{
	if (node->kind != NODE_SEQUENCE || node->count == 0)
		return wrong_kind(w, node, "a list of names");
	if (!check_texts(w, node))
		return false;
	for (const struct node *a = node->first; a; a = a->next)
		for (const struct node *b = node->first; b != a; b = b->next)
			if (slice_equal(a->text, b->text))
				return wrong(w, a->at,
					arena_printf(w->arena, "\"%.*s\" stands here twice",
						SLICE_FMT(a->text)),
					SLICE("each name once"));
	return true;
}

/* [A-Za-z_][A-Za-z0-9_]*, or what fully qualified names have in its place. */
static bool is_word(struct slice text, bool digits_first)
{
	bool digit = text.len && text.ptr[0] >= '0' && text.ptr[0] <= '9';
	bool dash = slice_find(text, SLICE("-"), 0) != SIZE_MAX;

	return is_id(text) && (digits_first || (!digit && !dash));
}

/* ODCS 3.1, chapter "References": table.column, or [file.yaml#]/schema/<id>/properties/<id>. */
static bool is_reference(struct slice text)
{
	struct slice rest = text;
	struct slice first = slice_split(&rest, '.');
	size_t file = slice_find(text, SLICE(".yaml#"), 0);
	int parts = 0;

	if (!slice_is_none(rest) && is_word(first, false) && is_word(rest, false))
		return true;
	rest = file == SIZE_MAX ? text : slice_sub(text, file + strlen(".yaml#"), text.len);
	if (rest.len && rest.ptr[0] == '/')
		rest = slice_sub(rest, 1, rest.len);
	while (!slice_is_none(rest))
		if (!is_word(slice_split(&rest, '/'), parts++ % 2 == 1))
			return false;
	return parts > 0 && parts % 2 == 0;
}

static bool check_reference(struct walk *w, const struct node *node)
{
	return is_reference(node_text(node)) ||
	       wrong_kind(w, node, "table.column or schema/<id>/properties/<id>");
}

static bool check_references(struct walk *w, const struct node *node)
{
	bool ok = true;

	if (node->kind == NODE_SCALAR)
		return check_reference(w, node);
	if (node->kind != NODE_SEQUENCE || node->count == 0)
		return wrong_kind(w, node, "table.column, or a list of them");
	for (const struct node *item = node->first; item; item = item->next)
		ok = check_reference(w, item) && ok;
	return ok;
}

static bool check_two(struct walk *w, const struct node *node)
{
	double low;
	double high;

	if (node->kind != NODE_SEQUENCE || node->count != 2 ||
		!slice_to_double(node_text(node->first), &low) ||
		!slice_to_double(node_text(node->last), &high) || low >= high)
		return wrong_kind(w, node, "two numbers in a list, the smaller first");
	return true;
}

static bool check_settings(struct walk *w, const struct node *node)
{
	bool ok = true;

	if (node->kind != NODE_MAPPING)
		return wrong_kind(w, node, "a mapping of names to values");
	for (const struct node *item = node->first; item; item = item->next)
		if (item->kind != NODE_SCALAR)
			ok = wrong_kind(w, item, "a single value");
	return ok;
}

static bool check_object(struct walk *w, const struct shape *shape, const struct node *node);

static bool check_objects(struct walk *w, const struct field *field, const struct node *node)
{
	bool ok = true;

	if (node_is_null(node)) {
		warn(w, node, "has no value", "a list, or leave it out");
		return true;
	}
	if (node->kind != NODE_SEQUENCE)
		return wrong_kind(w, node, "a list");
	for (const struct node *item = node->first; item; item = item->next)
		ok = check_object(w, field->shape, item) && ok;
	return ok;
}

static bool check_field(struct walk *w, const struct field *field, const struct node *node)
{
	switch (field->kind) {
	case FIELD_TEXTS: return check_texts(w, node);
	case FIELD_TWO: return check_two(w, node);
	case FIELD_SETTINGS: return check_settings(w, node);
	case FIELD_OBJECT:
		if (!field->shape)
			return node->kind == NODE_MAPPING || wrong_kind(w, node, "a mapping");
		return check_object(w, field->shape, node);
	case FIELD_OBJECTS: return check_objects(w, field, node);
	case FIELD_ONE_OR_MORE:
		return node->kind == NODE_SEQUENCE ? check_objects(w, field, node)
						   : check_object(w, field->shape, node);
	case FIELD_ANY: return true;
	case FIELD_SCALAR:
		return node->kind == NODE_SCALAR || wrong_kind(w, node, "a single value");
	case FIELD_LIST: return node->kind == NODE_SEQUENCE || wrong_kind(w, node, "a list");
	case FIELD_KEYS: return check_keys(w, node);
	case FIELD_TEXT_OR_OBJECT:
		return node->kind == NODE_MAPPING || check_scalar(w, field, node);
	case FIELD_REFERENCES: return check_references(w, node);
	default: return check_scalar(w, field, node);
	}
}

static const struct field *find_field(const struct shape *shape, struct slice key)
{
	for (size_t i = 0; i < shape->count; i++)
		if (slice_equal_c(key, shape->fields[i].key))
			return &shape->fields[i];
	return NULL;
}

static bool unknown_key(struct walk *w, const struct shape *shape, const struct shape *variant,
	const struct node *item)
{
	struct nearest n = {item->key, SLICE_NONE, 3};

	for (size_t i = 0; i < shape->count; i++)
		try_word(&n, slice_from_c(shape->fields[i].key));
	for (size_t i = 0; variant && i < variant->count; i++)
		try_word(&n, slice_from_c(variant->fields[i].key));
	manifest_problem_add(w->problems, item->key_at, shape->open,
		arena_printf(w->arena, "%s has no key \"%.*s\"",
			variant ? variant->name : shape->name,
			(int)min_of(item->key.len, (size_t)60), item->key.ptr),
		SLICE_NONE, suggestion(w, &n));
	return shape->open;
}

static bool check_required(struct walk *w, const struct shape *shape, const struct node *node)
{
	bool ok = true;

	for (size_t i = 0; shape && i < shape->count; i++) {
		const struct field *field = &shape->fields[i];

		if (field->flags & FIELD_REQUIRED && !node_get(node, field->key))
			ok = wrong(w, node->at,
				arena_printf(w->arena, "%s lacks \"%s\"", shape->name, field->key),
				SLICE_NONE);
	}
	return ok;
}

static bool check_object(struct walk *w, const struct shape *shape, const struct node *node)
{
	const struct shape *variant = NULL;
	bool ok = true;

	if (node->kind != NODE_MAPPING)
		return wrong_kind(
			w, node, arena_printf(w->arena, "a mapping: %s", shape->name).ptr);
	if (shape->variant)
		variant = shape->variant(node);
	for (const struct node *item = node->first; item; item = item->next) {
		const struct field *field = find_field(shape, item->key);

		if (!field && variant)
			field = find_field(variant, item->key);
		ok = (field ? check_field(w, field, item) : unknown_key(w, shape, variant, item)) &&
		     ok;
	}
	ok = check_required(w, shape, node) && ok;
	return check_required(w, variant, node) && ok;
}

bool shape_check(struct arena *arena, const struct shape *shape, const struct node *node,
	struct manifest_problems *problems)
{
	struct walk w = {arena, problems, shape->standard};

	return check_object(&w, shape, node);
}
