#include "sql/functions.h"

#include <strings.h>

#include "base/num.h"

enum { MAX_NAME = 64, NEAR = 2 };

const struct function_row *function_find(struct slice name)
{
	size_t low = 0;
	size_t high = function_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct function_row *row = &function_table[middle];
		size_t len = strlen(row->name);
		int order = strncasecmp(name.ptr ? name.ptr : "", row->name, min_of(name.len, len));

		if (order == 0 && name.len == len)
			return row;
		if (order < 0 || (order == 0 && name.len < len))
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}

struct slice function_nearest(struct slice name)
{
	struct slice best = SLICE_NONE;
	size_t distance = min_of((size_t)NEAR, name.len / 3) + 1;

	if (name.len > MAX_NAME)
		return best;
	for (size_t i = 0; i < function_count && distance > 0; i++) {
		const struct function_row *row = &function_table[i];
		struct slice other = slice_from_c(row->name);
		size_t found = slice_distance(name, other, distance);

		if (row->kind <= FUNCTION_AGGREGATE && found < distance) {
			best = other;
			distance = found;
		}
	}
	return best;
}
