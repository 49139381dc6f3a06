#pragma once

#include "base/arena.h"
#include "base/error.h"
#include "base/slice.h"
#include "store/store.h"

/* For `weft doctor`: whether metadata, Delta logs and files agree on the newest version of every
 * table. Reads only. */
struct doctor_lake {
	size_t tables;
	size_t files;
	size_t finding_count;
	struct slice finding; /* the first one; none */
};

bool doctor_lake_check(struct store *store, struct arena *arena, struct doctor_lake *out,
	struct error *err) must_check;
