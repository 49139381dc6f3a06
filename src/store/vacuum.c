/* What no kept version needs: intents that ended, old files, old versions, removed products. */
#include "base/vec.h"
#include "store/db-private.h"
#include "store/versions.h"

bool intents_put(struct store *store, const struct intent_row *intent, struct error *err)
{
	struct db *db = store_write_begin(store, err);

	if (!db)
		return false;
	struct stmt s = stmt_begin(db, "INSERT INTO publish_intent VALUES (?, ?, ?, ?, ?)", err);

	stmt_int(&s, intent->run);
	stmt_text(&s, intent->product);
	stmt_int(&s, intent->phase);
	stmt_text(&s, intent->payload);
	stmt_int(&s, store_now(store));
	return store_write_end(store, db, stmt_run(&s), err);
}

bool intents_set_phase(struct store *store, int64_t run, enum intent_phase phase, struct error *err)
{
	struct db *db = store_write_begin(store, err);

	if (!db)
		return false;
	struct stmt s = stmt_begin(db, "UPDATE publish_intent SET phase = ? WHERE run = ?", err);

	stmt_int(&s, phase);
	stmt_int(&s, run);
	return store_write_end(store, db, stmt_run(&s), err);
}

bool intents_remove(struct store *store, int64_t run, struct error *err)
{
	struct db *db = store_write_begin(store, err);

	if (!db)
		return false;
	struct stmt s = stmt_begin(db, "DELETE FROM publish_intent WHERE run = ?", err);

	stmt_int(&s, run);
	return store_write_end(store, db, stmt_run(&s), err);
}

bool intents_list(struct store *store, struct arena *arena, struct intent_row **out,
	size_t *count_out, struct error *err)
{
	VEC(struct intent_row) rows = {0};
	struct db *db = store_read_begin(store, err);

	if (!db)
		return false;
	struct stmt s = stmt_begin(db,
		"SELECT run, product, phase, payload, created_us FROM publish_intent ORDER BY run",
		err);

	while (stmt_row(&s)) {
		struct intent_row *row = vec_add(arena, &rows);

		row->run = stmt_get_int(&s);
		row->product = stmt_get_text(&s, arena);
		row->phase = (enum intent_phase)stmt_get_int(&s);
		row->payload = stmt_get_text(&s, arena);
		row->created_us = stmt_get_int(&s);
	}
	bool ok = stmt_end(&s);

	store_read_end(store, db);
	if (ok) {
		*out = rows.items;
		*count_out = rows.len;
	}
	return ok;
}

/* The oldest version that stays readable: the one that was the newest at keep_us, since AT
 * (TIMESTAMP => …) within the retention reads it; or the first. */
#define KEPT_VERSION                                                                               \
	"coalesce((SELECT max(version) FROM product_version WHERE product = ?1"                    \
	" AND created_us <= ?2), (SELECT min(version) FROM product_version WHERE product = ?1))"

bool versions_dead_files(struct store *store, struct slice product, int64_t keep_us,
	struct arena *arena, struct dead_file_list *out, struct error *err)
{
	VEC(struct dead_file) rows = {0};
	struct db *db = store_read_begin(store, err);

	if (!db)
		return false;
	struct stmt s = stmt_begin(db,
		"SELECT (SELECT location FROM table_version t WHERE t.product = f.product"
		" AND t.tbl = f.tbl ORDER BY version DESC LIMIT 1), path FROM table_file f"
		" WHERE product = ?1 AND removed > 0 AND removed <= " KEPT_VERSION " ORDER BY id",
		err);

	stmt_text(&s, product);
	stmt_int(&s, keep_us);
	while (stmt_row(&s)) {
		struct dead_file *row = vec_add(arena, &rows);

		row->location = stmt_get_text(&s, arena);
		row->path = stmt_get_text(&s, arena);
	}
	bool ok = stmt_end(&s);

	store_read_end(store, db);
	if (ok)
		*out = (struct dead_file_list){rows.items, rows.len};
	return ok;
}

bool versions_all_files(struct store *store, const struct table_version_row *table,
	struct arena *arena, struct file_list *out, struct error *err)
{
	VEC(struct file_row) rows = {0};
	struct db *db = store_read_begin(store, err);

	if (!db)
		return false;
	struct stmt s =
		stmt_begin(db, "SELECT path FROM table_file WHERE product = ? AND tbl = ?", err);

	stmt_text(&s, table->product);
	stmt_text(&s, table->table);
	while (stmt_row(&s))
		*vec_add(arena, &rows) = (struct file_row){.path = stmt_get_text(&s, arena)};
	bool ok = stmt_end(&s);

	store_read_end(store, db);
	if (ok)
		*out = (struct file_list){rows.items, rows.len};
	return ok;
}

static bool run_for(
	struct db *db, const char *sql, struct slice product, int64_t keep_us, struct error *err)
{
	struct stmt s = stmt_begin(db, sql, err);

	stmt_text(&s, product);
	stmt_int(&s, keep_us);
	return stmt_run(&s);
}

bool versions_forget(struct store *store, struct slice product, int64_t keep_us, struct error *err)
{
	struct db *db = store_write_begin(store, err);

	if (!db)
		return false;
	/* A table's state stays while a kept version reads it: the newest at or before the oldest
	 * kept one. */
	bool ok = run_for(db,
			  "DELETE FROM table_file WHERE product = ?1 AND removed > 0"
			  " AND removed <= " KEPT_VERSION,
			  product, keep_us, err) &&
		  run_for(db,
			  "DELETE FROM table_version AS t WHERE product = ?1 AND version <"
			  " (SELECT max(version) FROM table_version n WHERE n.product = ?1"
			  " AND n.tbl = t.tbl AND n.version <= " KEPT_VERSION ")",
			  product, keep_us, err) &&
		  run_for(db,
			  "DELETE FROM product_version WHERE product = ?1"
			  " AND version < " KEPT_VERSION,
			  product, keep_us, err) &&
		  store_bump_epoch(db, err);

	return store_write_end(store, db, ok, err);
}

bool versions_drop_in(struct db *db, struct slice product, struct error *err)
{
	static const char *const STATEMENTS[] = {
		"DELETE FROM table_file WHERE product = ?",
		"DELETE FROM table_version WHERE product = ?",
		"DELETE FROM product_version WHERE product = ?",
		"DELETE FROM publish_intent WHERE product = ?",
		"DELETE FROM ingest WHERE product = ?",
		"DELETE FROM schedule WHERE product = ?",
	};
	bool ok = true;

	for (size_t i = 0; ok && i < array_len(STATEMENTS); i++) {
		struct stmt s = stmt_begin(db, STATEMENTS[i], err);

		stmt_text(&s, product);
		ok = stmt_run(&s);
	}
	return ok;
}

bool versions_domain_bytes(
	struct store *store, struct slice domain, int64_t *bytes_out, struct error *err)
{
	struct db *db = store_read_begin(store, err);

	if (!db)
		return false;
	struct stmt s = stmt_begin(db,
		"SELECT sum(bytes) FROM table_file WHERE removed = 0"
		" AND substr(product, 1, length(?1) + 1) = ?1 || '.'",
		err);

	stmt_text(&s, domain);
	bool ok = stmt_scalar(&s, bytes_out);

	store_read_end(store, db);
	return ok;
}
