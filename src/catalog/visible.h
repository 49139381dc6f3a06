#pragma once

#include "catalog/model.h"
#include "catalog/pgcatalog.h"

struct system_copy;

/*
 * The part of the mesh that one principal may see, as pg_catalog and information_schema show it:
 * domains as schemas, tables that it may read (denied columns left out, masked ones marked in
 * their comment), the system tables as views; of other nodes what they publish, since they decide
 * themselves who reads it. Everything in the arena, but for what lies in the models.
 */
struct visible {
	const struct model *model;
	const struct principal *principal;
	const struct system_copy *copies; /* of other nodes */
	size_t copy_count;
};
void pgcatalog_input_of(
	struct arena *arena, const struct visible *visible, struct pgcatalog_input *out);
