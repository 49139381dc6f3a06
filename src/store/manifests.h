#pragma once

#include "store/store.h"

/* The applied manifests, byte for byte, with their history: one row per path and apply. */
struct manifest_row {
	struct slice path; /* "domains/sales/domain.yaml" */
	struct slice kind; /* "Domain" */
	struct slice name; /* "sales", "sales.orders" */
	struct slice text;
	struct slice digest; /* SHA-256 of text, 64 hex digits; made by the store */
	int64_t apply;	     /* that brought this text */
	int64_t applied_us;
	struct slice applied_by;
};

struct stored_change {
	struct slice path;
	struct slice kind;
	struct slice name;
	struct slice text; /* none = remove */
};

/* All or nothing. base: id of the newest apply that the caller planned against, -1 = any; 40001
 * when another one came first. Also bumps the epoch. */
struct manifest_apply {
	const struct stored_change *changes;
	size_t change_count;
	struct slice by;
	struct slice summary;
	int64_t base;
	/* Products that are gone or new ("sales.orders"): versions, files and cursors of one that
	 * had the name before go in the same transaction. */
	const struct slice *forgotten;
	size_t forgotten_count;
};
bool manifests_apply(struct store *store, const struct manifest_apply *apply, int64_t *apply_out,
	struct error *err) must_check;
/* What is in force, ordered by path. */
bool manifests_list(struct store *store, struct arena *arena, struct manifest_row **out,
	size_t *count_out, struct error *err) must_check;
/* 0 when nothing was applied yet. */
bool manifests_newest_apply(struct store *store, int64_t *apply_out, struct error *err) must_check;
