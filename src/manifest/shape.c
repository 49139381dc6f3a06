#include "manifest/shape.h"

#include "base/num.h"
#include "base/str.h"

struct walk {
	struct arena *arena;
	struct manifest_problems *problems;
};

static bool wrong(struct walk *w, struct mark at, struct slice message, struct slice expected)
{
	manifest_problem_add(w->problems, at, false, message, expected, SLICE_NONE);
	return false;
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

/* The nearest of the words, for "did you mean"; none when all are far. */
static struct slice nearest(struct walk *w, struct slice word, const struct shape *shape)
{
	struct slice best = SLICE_NONE;
	size_t best_distance = 3;

	for (size_t i = 0; i < shape->count; i++) {
		struct slice key = slice_from_c(shape->fields[i].key);
		size_t distance = slice_distance(word, key, 2);

		if (distance < best_distance) {
			best_distance = distance;
			best = key;
		}
	}
	if (slice_is_none(best))
		return SLICE_NONE;
	return arena_printf(w->arena, "did you mean \"%.*s\"?", SLICE_FMT(best));
}

static struct slice nearest_word(struct walk *w, struct slice word, const char *choice)
{
	struct slice rest = slice_from_c(choice);
	struct slice best = SLICE_NONE;
	size_t best_distance = 3;

	while (!slice_is_none(rest)) {
		struct slice one = slice_split(&rest, '|');
		size_t distance = slice_distance(word, one, 2);

		if (distance < best_distance) {
			best_distance = distance;
			best = one;
		}
	}
	if (slice_is_none(best))
		return SLICE_NONE;
	return arena_printf(w->arena, "did you mean \"%.*s\"?", SLICE_FMT(best));
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

static bool is_name(struct slice text)
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

static bool check_scalar(struct walk *w, const struct field *field, const struct node *node)
{
	int64_t integer;
	double number;

	if (node->kind != NODE_SCALAR)
		return wrong_kind(w, node, field->kind == FIELD_TEXT ? "text" : "a single value");
	if (node_is_null(node) && !(field->flags & FIELD_REQUIRED))
		return true; /* as if it were not there */
	switch (field->kind) {
	case FIELD_NAME:
		return is_name(node->text) ||
		       wrong_kind(
			       w, node, "a name: lower-case letters, digits and _, a letter first");
	case FIELD_BOOL: return is_bool(node->text) || wrong_kind(w, node, "true or false");
	case FIELD_INT:
		return (slice_to_i64(node->text, &integer) && integer >= 0) ||
		       wrong_kind(w, node, "a whole number, 0 or more");
	case FIELD_NUMBER:
		return slice_to_double(node->text, &number) || wrong_kind(w, node, "a number");
	case FIELD_SIZE:
		return manifest_size(node->text, &integer) ||
		       wrong_kind(w, node, "a size such as 512MB or 10GiB");
	case FIELD_DURATION:
		return manifest_duration(node->text, &integer) ||
		       wrong_kind(w, node, "a time such as 30s, 5min, 2h or 7d");
	case FIELD_CHOICE: return check_choice(w, field, node);
	default:
		return node->text.len > 0 || !(field->flags & FIELD_REQUIRED) ||
		       wrong_kind(w, node, "text");
	}
}

static bool check_texts(struct walk *w, const struct node *node)
{
	bool ok = true;

	if (node->kind == NODE_SCALAR)
		return true;
	if (node->kind != NODE_SEQUENCE)
		return wrong_kind(w, node, "a list of texts");
	for (const struct node *item = node->first; item; item = item->next)
		if (item->kind != NODE_SCALAR || node_is_null(item))
			ok = wrong_kind(w, item, "text");
	return ok;
}

static bool check_two(struct walk *w, const struct node *node)
{
	double low;
	double high;

	if (node->kind != NODE_SEQUENCE || node->count != 2 ||
		!slice_to_double(node_text(node->first), &low) ||
		!slice_to_double(node_text(node->last), &high) || low > high)
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

	if (node_is_null(node))
		return true;
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
	case FIELD_OBJECT: return check_object(w, field->shape, node);
	case FIELD_OBJECTS: return check_objects(w, field, node);
	case FIELD_ONE_OR_MORE:
		return node->kind == NODE_SEQUENCE ? check_objects(w, field, node)
						   : check_object(w, field->shape, node);
	case FIELD_ANY: return true;
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

static bool check_object(struct walk *w, const struct shape *shape, const struct node *node)
{
	bool ok = true;

	if (node->kind != NODE_MAPPING)
		return wrong_kind(
			w, node, arena_printf(w->arena, "a mapping: %s", shape->name).ptr);
	for (const struct node *item = node->first; item; item = item->next) {
		const struct field *field = find_field(shape, item->key);

		if (field) {
			ok = check_field(w, field, item) && ok;
			continue;
		}
		ok = false;
		manifest_problem_add(w->problems, item->key_at, false,
			arena_printf(w->arena, "%s has no key \"%.*s\"", shape->name,
				(int)min_of(item->key.len, (size_t)60), item->key.ptr),
			SLICE_NONE, nearest(w, item->key, shape));
	}
	for (size_t i = 0; i < shape->count; i++) {
		const struct field *field = &shape->fields[i];

		if (field->flags & FIELD_REQUIRED && !node_get(node, field->key))
			ok = wrong(w, node->at,
				arena_printf(w->arena, "%s lacks \"%s\"", shape->name, field->key),
				SLICE_NONE);
	}
	return ok;
}

bool shape_check(struct arena *arena, const struct shape *shape, const struct node *node,
	struct manifest_problems *problems)
{
	struct walk w = {arena, problems};

	return check_object(&w, shape, node);
}
