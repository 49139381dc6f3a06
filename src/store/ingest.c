#include "store/ingest.h"

#include "base/vec.h"
#include "store/db-private.h"

bool ingest_get(struct store *store, struct slice product, struct arena *arena,
	struct slice *cursors_out, struct error *err)
{
	struct db *db = store_read_begin(store, err);

	if (!db)
		return false;
	struct stmt s = stmt_begin(db, "SELECT cursors FROM ingest WHERE product = ?", err);

	stmt_text(&s, product);
	struct slice cursors = stmt_row(&s) ? stmt_get_text(&s, arena) : SLICE_NONE;
	bool ok = stmt_end(&s);

	store_read_end(store, db);
	if (ok)
		*cursors_out = cursors;
	return ok;
}

bool schedules_put(struct store *store, const struct schedule_row *schedule, struct error *err)
{
	struct db *db = store_write_begin(store, err);

	if (!db)
		return false;
	struct stmt s = stmt_begin(db, "INSERT OR REPLACE INTO schedule VALUES (?, ?, ?)", err);

	stmt_text(&s, schedule->product);
	stmt_int(&s, schedule->fired_us);
	stmt_int(&s, schedule->inputs_seen);
	return store_write_end(store, db, stmt_run(&s), err);
}

bool schedules_list(struct store *store, struct arena *arena, struct schedule_row **out,
	size_t *count_out, struct error *err)
{
	VEC(struct schedule_row) rows = {0};
	struct db *db = store_read_begin(store, err);

	if (!db)
		return false;
	struct stmt s = stmt_begin(
		db, "SELECT product, fired_us, inputs_seen FROM schedule ORDER BY product", err);

	while (stmt_row(&s)) {
		struct schedule_row *row = vec_add(arena, &rows);

		row->product = stmt_get_text(&s, arena);
		row->fired_us = stmt_get_int(&s);
		row->inputs_seen = stmt_get_int(&s);
	}
	bool ok = stmt_end(&s);

	store_read_end(store, db);
	if (ok) {
		*out = rows.items;
		*count_out = rows.len;
	}
	return ok;
}
