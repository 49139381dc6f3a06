#include "base/json.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/str.h"

void json_drop(json_t **value)
{
	json_decref(*value);
	*value = NULL;
}

json_t *json_parse(struct slice text, struct error *err)
{
	json_error_t why;
	json_t *value = json_loadb(text.ptr ? text.ptr : "", text.len,
		JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | JSON_ALLOW_NUL, &why);

	if (!value)
		error_set(err, SYNTAX_ERROR, "not valid JSON: line %d, column %d: %s", why.line,
			why.column, why.text);
	return value;
}

static int add_piece(const char *piece, size_t len, void *ctx)
{
	str_add(ctx, slice_of(piece, len));
	return 0;
}

static struct slice print_with(struct arena *arena, const json_t *value, size_t flags)
{
	struct str out = str_in(arena);

	check(json_dump_callback(value, add_piece, &out, flags | JSON_ENCODE_ANY) == 0);
	return str_slice(&out);
}

struct slice json_print(struct arena *arena, const json_t *value)
{
	return print_with(arena, value, JSON_COMPACT);
}

struct slice json_print_pretty(struct arena *arena, const json_t *value)
{
	return print_with(arena, value, JSON_INDENT(2) | JSON_SORT_KEYS);
}

struct slice json_to_slice(const json_t *string)
{
	if (!json_is_string(string))
		return SLICE_NONE;
	return slice_of(json_string_value(string), json_string_length(string));
}

struct slice json_get_slice(const json_t *object, const char *key)
{
	return json_to_slice(json_object_get(object, key));
}

int64_t json_get_i64(const json_t *object, const char *key, int64_t fallback)
{
	const json_t *value = json_object_get(object, key);

	return json_is_integer(value) ? json_integer_value(value) : fallback;
}

bool json_get_bool(const json_t *object, const char *key, bool fallback)
{
	const json_t *value = json_object_get(object, key);

	return json_is_boolean(value) ? json_is_true(value) : fallback;
}

json_t *json_get_array(const json_t *object, const char *key)
{
	json_t *value = json_object_get(object, key);

	return json_is_array(value) ? value : NULL;
}

json_t *json_get_object(const json_t *object, const char *key)
{
	json_t *value = json_object_get(object, key);

	return json_is_object(value) ? value : NULL;
}

json_t *json_from_slice(struct slice text)
{
	if (slice_is_none(text))
		return json_null();
	json_t *value = json_stringn(text.ptr, text.len);

	if (value)
		return value;
	scoped(arena_free) struct arena *arena = arena_new();
	struct str clean = str_in(arena);

	for (size_t i = 0; i < text.len; i++) {
		if ((unsigned char)text.ptr[i] < 0x80)
			str_add_char(&clean, text.ptr[i]);
		else
			str_add_c(&clean, "\xef\xbf\xbd");
	}
	value = json_stringn(str_slice(&clean).ptr, clean.len);
	check(value);
	return value;
}

void json_set_slice(json_t *object, const char *key, struct slice text)
{
	check(json_object_set_new(object, key, json_from_slice(text)) == 0);
}

json_t *json_from_slices(const struct slice *items, size_t count)
{
	json_t *list = json_array();

	for (size_t i = 0; i < count; i++)
		check(json_array_append_new(list, json_from_slice(items[i])) == 0);
	return list;
}
