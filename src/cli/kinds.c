#include "cli/kinds.h"

#include "base/str.h"
#include "cli/output.h"

const struct kind kinds[] = {
#define KIND(plural, singular, path, name, fields) {(plural), (singular), (path), (name), (fields)},
#include "cli/kinds.def"
#undef KIND
};

const size_t kind_count = array_len(kinds);

bool kind_find(const char *word, const struct kind **out, struct error *err)
{
	const char *best = NULL;
	size_t distance = 3;

	for (size_t i = 0; i < kind_count; i++) {
		size_t far = slice_distance(slice_from_c(word), slice_from_c(kinds[i].plural), 3);

		if (strcmp(word, kinds[i].plural) == 0 || strcmp(word, kinds[i].singular) == 0) {
			*out = &kinds[i];
			return true;
		}
		if (far < distance) {
			distance = far;
			best = kinds[i].plural;
		}
	}
	error_set(err, INVALID_PARAMETER_VALUE, "there is no kind \"%.60s\"", word);
	if (best)
		return error_hint(err, "did you mean %s?", best);
	return error_hint(err, "weft get --help lists the kinds");
}

struct slice kind_item_name(struct arena *arena, const struct kind *kind, const json_t *item)
{
	struct slice rest = slice_from_c(kind->name);
	struct str name = str_in(arena);

	while (!slice_is_none(rest)) {
		const char *key = arena_cstr(arena, slice_split(&rest, '.'));

		if (name.len)
			str_add_char(&name, '.');
		str_add(&name, output_cell(arena, json_object_get(item, key)));
	}
	return str_slice(&name);
}
