#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/slice.h"

/* The reviewed functions (functions.def), sorted by name in lower case. */
enum function_class {
	FUNCTION_ALLOW,
	FUNCTION_STABLE,
	FUNCTION_VOLATILE,
	FUNCTION_AGGREGATE,
	FUNCTION_TABLE, /* only in FROM */
	FUNCTION_CATALOGUE,
	FUNCTION_POLICY,
	FUNCTION_WEFT,
	FUNCTION_DENY,
};

struct function_row {
	const char *name;
	enum function_class kind;
	bool in_from; /* also allowed as a table function */
	const char *reason;
};

extern const struct function_row function_table[];
extern const size_t function_count;

/* NULL for a name that was never reviewed; ASCII case-insensitive. */
const struct function_row *function_find(struct slice name);
/* The allowed name nearest to a misspelt one; none when nothing is near. */
struct slice function_nearest(struct slice name);
