#pragma once

#include "catalog/model.h"
#include "catalog/pgcatalog.h"

/*
 * The part of the model that one principal may see, as pg_catalog and information_schema show it:
 * domains as schemas, tables that it may read (denied columns left out, masked ones marked in
 * their comment), the system tables as views. Everything in the arena.
 */
void pgcatalog_input_of(struct arena *arena, const struct model *model,
	const struct principal *principal, struct pgcatalog_input *out);
