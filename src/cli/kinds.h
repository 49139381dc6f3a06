#pragma once

#include "base/json.h"

/* What `weft get` lists. */
struct kind {
	const char *plural;
	const char *singular;
	const char *path;
	const char *name;   /* members joined by '.', as "domain.name" */
	const char *fields; /* members for a table, separated by spaces */
};

extern const struct kind kinds[];
extern const size_t kind_count;

/* By plural or singular; 22023 with "did you mean". */
bool kind_find(const char *word, const struct kind **out, struct error *err) must_check;
/* The rows of `get failures`, which is no list of things (cmd-failures.c). */
struct cli;
bool get_failures(struct cli *cli, struct error *err) must_check;
/* "sales.orders". */
struct slice kind_item_name(struct arena *arena, const struct kind *kind, const json_t *item);
