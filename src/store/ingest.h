#pragma once

#include "store/store.h"

/* State between runs: where incremental ingest stands (written by versions_publish in the same
 * transaction as the data), and when each schedule last fired. */

/* JSON of the publisher; none = nothing was ingested yet. */
bool ingest_get(struct store *store, struct slice product, struct arena *arena,
	struct slice *cursors_out, struct error *err) must_check;

struct schedule_row {
	struct slice product;
	int64_t fired_us;    /* the time that the schedule named, not when it was noticed */
	int64_t inputs_seen; /* greatest version id of an input that triggered */
};
bool schedules_put(
	struct store *store, const struct schedule_row *schedule, struct error *err) must_check;
bool schedules_list(struct store *store, struct arena *arena, struct schedule_row **out,
	size_t *count_out, struct error *err) must_check;
