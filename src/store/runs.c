/* Runs and what they leave behind: a state that only goes forward, logs, check results. */
#include "store/runs.h"

#include "base/num.h"
#include "base/vec.h"
#include "store/db-private.h"

const char *run_state_name(enum run_state state)
{
	static const char *const NAMES[] = {
		"queued", "running", "publishing", "succeeded", "failed", "cancelled"};

	return NAMES[state];
}

bool store_runs_add(
	struct store *store, const struct run_row *run, int64_t *id_out, struct error *err)
{
	int64_t id = 0;
	struct db *db = store_write_begin(store, err);

	if (!db)
		return false;
	struct stmt s = stmt_begin(db,
		"INSERT INTO run (product, mode, cause, reason, by, state, attempt, retry_of,"
		" queued_us, not_before_us) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
		err);

	stmt_text(&s, run->product);
	stmt_text(&s, run->mode);
	stmt_text(&s, run->trigger);
	stmt_text(&s, run->reason);
	stmt_text(&s, run->by);
	stmt_int(&s, RUN_QUEUED);
	stmt_int(&s, run->attempt ? run->attempt : 1);
	stmt_int(&s, run->retry_of);
	stmt_int(&s, store_now(store));
	stmt_int(&s, run->not_before_us);
	bool ok = stmt_run(&s);

	id = sqlite3_last_insert_rowid(db->handle);
	if (!store_write_end(store, db, ok, err))
		return false;
	*id_out = id;
	return true;
}

bool store_runs_move(struct store *store, int64_t id, unsigned from, enum run_state to,
	bool *moved_out, struct error *err)
{
	struct db *db = store_write_begin(store, err);

	if (!db)
		return false;
	struct stmt s = stmt_begin(db,
		"UPDATE run SET state = ?1, started_us = iif(?1 = 1, ?2, started_us),"
		" ended_us = iif(?1 >= 3, ?2, ended_us) WHERE id = ?3 AND (1 << state) & ?4",
		err);

	stmt_int(&s, to);
	stmt_int(&s, store_now(store));
	stmt_int(&s, id);
	stmt_int(&s, from);
	bool ok = stmt_run(&s);
	bool moved = ok && sqlite3_changes(db->handle) > 0;

	if (!store_write_end(store, db, ok, err))
		return false;
	*moved_out = moved;
	return true;
}

bool store_runs_end(struct store *store, int64_t id, enum run_state state, const struct error *why,
	struct error *err)
{
	struct db *db = store_write_begin(store, err);

	if (!db)
		return false;
	struct stmt s = stmt_begin(db,
		"UPDATE run SET state = ?, ended_us = ?, error_state = ?, error_message = ?,"
		" error_hint = ? WHERE id = ? AND state < 3",
		err);

	stmt_int(&s, state);
	stmt_int(&s, store_now(store));
	stmt_text(&s, why ? slice_from_c(sqlstate_table[why->state].code) : SLICE_NONE);
	stmt_text(&s, why ? slice_from_c(why->msg) : SLICE_NONE);
	stmt_text(&s, why && *why->hint ? slice_from_c(why->hint) : SLICE_NONE);
	stmt_int(&s, id);
	bool ok = stmt_run(&s);

	return store_write_end(store, db, ok, err);
}

bool store_runs_progress(
	struct store *store, int64_t id, int64_t rows, int64_t bytes, struct error *err)
{
	struct db *db = store_write_begin_relaxed(store, err);

	if (!db)
		return false;
	struct stmt s = stmt_begin(
		db, "UPDATE run SET rows = ?, bytes = ? WHERE id = ? AND state < 3", err);

	stmt_int(&s, rows);
	stmt_int(&s, bytes);
	stmt_int(&s, id);
	return store_write_end(store, db, stmt_run(&s), err);
}

#define RUN_COLUMNS                                                                                \
	"SELECT id, product, mode, cause, reason, by, state, attempt, retry_of, queued_us,"        \
	" not_before_us, started_us, ended_us, rows, bytes, version, error_state, error_message,"  \
	" error_hint FROM run"

static void read_run(struct stmt *s, struct arena *arena, struct run_row *out)
{
	out->id = stmt_get_int(s);
	out->product = stmt_get_text(s, arena);
	out->mode = stmt_get_text(s, arena);
	out->trigger = stmt_get_text(s, arena);
	out->reason = stmt_get_text(s, arena);
	out->by = stmt_get_text(s, arena);
	out->state = (enum run_state)stmt_get_int(s);
	out->attempt = (int)stmt_get_int(s);
	out->retry_of = stmt_get_int(s);
	out->queued_us = stmt_get_int(s);
	out->not_before_us = stmt_get_int(s);
	out->started_us = stmt_get_int(s);
	out->ended_us = stmt_get_int(s);
	out->rows = stmt_get_int(s);
	out->bytes = stmt_get_int(s);
	out->version = stmt_get_int(s);
	out->error_state = stmt_get_text(s, arena);
	out->error_message = stmt_get_text(s, arena);
	out->error_hint = stmt_get_text(s, arena);
}

bool store_runs_get(struct store *store, int64_t id, struct arena *arena, struct run_row *out,
	bool *found_out, struct error *err)
{
	struct db *db = store_read_begin(store, err);

	if (!db)
		return false;
	struct stmt s = stmt_begin(db, RUN_COLUMNS " WHERE id = ?", err);

	stmt_int(&s, id);
	bool found = stmt_row(&s);

	if (found)
		read_run(&s, arena, out);
	bool ok = stmt_end(&s);

	store_read_end(store, db);
	if (ok)
		*found_out = found;
	return ok;
}

bool store_runs_list(struct store *store, const struct run_filter *filter, struct arena *arena,
	struct run_row **out, size_t *count_out, struct error *err)
{
	VEC(struct run_row) rows = {0};
	struct db *db = store_read_begin(store, err);

	if (!db)
		return false;
	struct stmt s = stmt_begin(db,
		RUN_COLUMNS " WHERE (?1 IS NULL OR product = ?1) AND (?2 = 0 OR (1 << state) & ?2)"
			    " AND (?3 = 0 OR id < ?3) ORDER BY id DESC LIMIT ?4",
		err);

	stmt_text(&s, filter->product);
	stmt_int(&s, filter->states);
	stmt_int(&s, filter->before_id);
	stmt_int(&s, filter->limit ? filter->limit : 1000);
	while (stmt_row(&s))
		read_run(&s, arena, vec_add(arena, &rows));
	bool ok = stmt_end(&s);

	store_read_end(store, db);
	if (ok) {
		*out = rows.items;
		*count_out = rows.len;
	}
	return ok;
}

bool store_runs_recover(struct store *store, int64_t *failed_out, struct error *err)
{
	struct db *db = store_write_begin(store, err);

	if (!db)
		return false;
	struct stmt s = stmt_begin(db,
		"UPDATE run SET state = 4, ended_us = ?, error_state = '57P02',"
		" error_message = 'the node was stopped while this ran',"
		" error_hint = 'start it again with weft run' WHERE state = 1",
		err);

	stmt_int(&s, store_now(store));
	bool ok = stmt_run(&s);
	int64_t failed = ok ? sqlite3_changes(db->handle) : 0;

	if (!store_write_end(store, db, ok, err))
		return false;
	*failed_out = failed;
	return true;
}

typedef VEC(int64_t) ids_vec;

static bool old_runs(
	struct store *store, int64_t keep, struct arena *arena, ids_vec *out, struct error *err)
{
	struct db *db = store_read_begin(store, err);

	if (!db)
		return false;
	struct stmt s = stmt_begin(db,
		"SELECT id FROM (SELECT id, row_number() OVER (PARTITION BY product"
		" ORDER BY id DESC) n FROM run WHERE state >= 3) WHERE n > ? ORDER BY id",
		err);

	stmt_int(&s, keep);
	while (stmt_row(&s))
		vec_push(arena, out, stmt_get_int(&s));
	bool ok = stmt_end(&s);

	store_read_end(store, db);
	return ok;
}

static bool drop_runs(struct store *store, const int64_t *ids, size_t count, struct error *err)
{
	struct db *db = store_write_begin(store, err);
	bool ok = db != NULL;

	for (size_t i = 0; ok && i < count; i++) {
		struct stmt s = stmt_begin(db, "DELETE FROM run WHERE id = ? AND state >= 3", err);

		stmt_int(&s, ids[i]);
		ok = stmt_run(&s);
	}
	return db && store_write_end(store, db, ok, err);
}

bool store_runs_trim(struct store *store, int64_t keep, struct error *err)
{
	scoped(arena_free) struct arena *arena = arena_new();
	ids_vec ids = {0};

	if (!old_runs(store, keep, arena, &ids, err))
		return false;
	for (size_t at = 0; at < ids.len; at += TRIM_AT_ONCE)
		if (!drop_runs(
			    store, ids.items + at, min_of(ids.len - at, (size_t)TRIM_AT_ONCE), err))
			return false;
	return true;
}

bool run_logs_add(struct store *store, int64_t run, struct slice level, struct slice message,
	struct error *err)
{
	struct db *db = store_write_begin_relaxed(store, err);

	if (!db)
		return false;
	struct stmt s = stmt_begin(db,
		"INSERT INTO run_log SELECT ?1, coalesce(max(number), 0) + 1, ?2, ?3, ?4"
		" FROM run_log WHERE run = ?1",
		err);

	stmt_int(&s, run);
	stmt_int(&s, store_now(store));
	stmt_text(&s, level);
	stmt_text(&s, message);
	return store_write_end(store, db, stmt_run(&s), err);
}

bool run_logs_list(struct store *store, int64_t run, int64_t after_number, struct arena *arena,
	struct run_log_list *out, struct error *err)
{
	VEC(struct run_log_row) rows = {0};
	struct db *db = store_read_begin(store, err);

	if (!db)
		return false;
	struct stmt s = run ? stmt_begin(db,
				      "SELECT run, number, time_us, level, message FROM run_log"
				      " WHERE run = ? AND number > ? ORDER BY number",
				      err)
			    : stmt_begin(db,
				      "SELECT run, number, time_us, level, message FROM run_log"
				      " WHERE ? = 0 AND number > ? ORDER BY run, number",
				      err);

	stmt_int(&s, run);
	stmt_int(&s, after_number);
	while (stmt_row(&s)) {
		struct run_log_row *row = vec_add(arena, &rows);

		row->run = stmt_get_int(&s);
		row->number = stmt_get_int(&s);
		row->time_us = stmt_get_int(&s);
		row->level = stmt_get_text(&s, arena);
		row->message = stmt_get_text(&s, arena);
	}
	bool ok = stmt_end(&s);

	store_read_end(store, db);
	if (ok)
		*out = (struct run_log_list){rows.items, rows.len};
	return ok;
}
