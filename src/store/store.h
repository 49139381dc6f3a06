#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/slice.h"

/*
 * The node's metadata: one SQLite file in WAL mode. What is acknowledged is on the disk
 * (synchronous=FULL). One writer connection behind a mutex, a small pool of reader connections; all
 * calls from any thread. Aggregates, a header each: manifests.h, accounts.h, versions.h, runs.h,
 * audit.h, ingest.h. Slices in results live in the arena that the call was given.
 *
 * Errors: 53100 disk full, XX001 the file is damaged, 55000 its layout is of a newer Weft, 58030
 * other I/O. Times are microseconds since 1970 UTC; 0 = never or not yet.
 */
struct store;

struct store_options {
	const char *path;	   /* created when absent (0600) with create only */
	const struct clock *clock; /* NULL = the system's */
	bool create;
	bool keep_layout; /* only looks (doctor): 55000 for an older layout, no migration */
};

/* Migrates an older layout in one transaction. 58P01 when the file is absent. *migrated_from_out
 * (may be NULL): the layout found, equal to store_layout() when nothing was to do, 0 when new. */
bool store_open(const struct store_options *options, struct store **out, int *migrated_from_out,
	struct error *err) must_check;
void store_close(struct store **store);
int store_layout(void);
/* Answers and can be written. */
bool store_ping(struct store *store, struct error *err) must_check;
/* Full integrity check, for `weft doctor`: XX001 with the first finding. */
bool store_verify(struct store *store, struct error *err) must_check;
/* A consistent copy (0600), also while the node runs, to a path that must not exist. */
bool store_backup(struct store *store, const char *path, struct error *err) must_check;

/* Grows with every change of what can be seen (manifests, versions, accounts): the model's epoch.
 */
bool store_epoch(struct store *store, int64_t *epoch_out, struct error *err) must_check;

/* Counts durable changes made through this store: as long as it is equal, what was read before
 * still holds (but for audit, progress and logs of runs). Any thread. */
uint64_t store_generation(const struct store *store);
/* Small settings of the node itself ("node.name", "scheduler.seen"); none when absent. */
bool store_meta_get(struct store *store, struct slice key, struct arena *arena,
	struct slice *value_out, struct error *err) must_check;
bool store_meta_put(
	struct store *store, struct slice key, struct slice value, struct error *err) must_check;
/* What was worked out from a text (its tree, its tables) and may be worked out again: not flushed
 * to the disk one by one, and only the newest 20,000 stay. none when absent. */
bool store_derived_get(struct store *store, struct slice key, struct arena *arena,
	struct slice *value_out, struct error *err) must_check;
bool store_derived_put(
	struct store *store, struct slice key, struct slice value, struct error *err) must_check;
