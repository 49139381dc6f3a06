/*
 * Versions and their files. A file is in use from version `added` until before `removed` (0 =
 * still); so any version's files are one range query, and a publish writes only what changed.
 */
#include "store/versions.h"

#include "base/num.h"
#include "base/vec.h"
#include "store/db-private.h"
#include "store/runs.h"

static bool put_files(struct db *db, const struct publish *publish,
	const struct table_publish *table, int64_t version, struct error *err)
{
	for (size_t i = 0; i < table->added_count; i++) {
		const struct file_row *file = &table->added[i];
		struct stmt s = stmt_begin(db,
			"INSERT INTO table_file (product, tbl, path, rows, bytes, stats,"
			" partitions, digest, added) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
			err);

		stmt_text(&s, publish->product);
		stmt_text(&s, table->table);
		stmt_text(&s, file->path);
		stmt_int(&s, file->rows);
		stmt_int(&s, file->bytes);
		stmt_text(&s, file->stats);
		stmt_text(&s, file->partitions);
		stmt_text(&s, file->digest);
		stmt_int(&s, version);
		if (!stmt_run(&s))
			return false;
	}
	return true;
}

static bool remove_file(struct db *db, const struct publish *publish,
	const struct table_publish *table, struct slice path, int64_t version, struct error *err)
{
	struct stmt s = stmt_begin(db,
		"UPDATE table_file SET removed = ? WHERE product = ? AND tbl = ? AND removed = 0"
		" AND (?4 IS NULL OR path = ?4)",
		err);

	stmt_int(&s, version);
	stmt_text(&s, publish->product);
	stmt_text(&s, table->table);
	stmt_text(&s, path);
	if (!stmt_run(&s))
		return false;
	if (!slice_is_none(path) && sqlite3_changes(db->handle) != 1)
		return error_set(err, DATA_CORRUPTED,
			"the file \"%.*s\" that a publish replaces is not in use", SLICE_FMT(path));
	return true;
}

static bool remove_files(struct db *db, const struct publish *publish,
	const struct table_publish *table, int64_t version, struct error *err)
{
	if (table->replace)
		return remove_file(db, publish, table, SLICE_NONE, version, err);
	for (size_t i = 0; i < table->removed_count; i++)
		if (!remove_file(db, publish, table, table->removed[i], version, err))
			return false;
	return true;
}

/*
 * When the version that is being written was made: later than every version before, of any product,
 * also where the clock went back. A time so says exactly what was there (snapshots, AT TIMESTAMP).
 */
static bool version_time(struct store *store, struct db *db, struct error *err)
{
	if (!store->version_us) {
		struct stmt s = stmt_begin(
			db, "SELECT coalesce(max(created_us), 0) FROM product_version", err);

		if (!stmt_scalar(&s, &store->version_us))
			return false;
	}
	store->version_us = max_of(store_now(store), store->version_us + 1);
	return true;
}

static bool put_table(struct store *store, struct db *db, const struct publish *publish,
	const struct table_publish *table, int64_t version, struct error *err)
{
	if (!remove_files(db, publish, table, version, err) ||
		!put_files(db, publish, table, version, err))
		return false;
	struct stmt s = stmt_begin(db,
		"INSERT INTO table_version SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7,"
		" coalesce(sum(rows), 0), coalesce(sum(bytes), 0), count(*)"
		" FROM table_file WHERE product = ?1 AND tbl = ?2 AND removed = 0",
		err);

	stmt_text(&s, publish->product);
	stmt_text(&s, table->table);
	stmt_int(&s, version);
	stmt_int(&s, table->delta_version);
	stmt_text(&s, table->location);
	stmt_text(&s, table->schema);
	stmt_int(&s, store->version_us);
	return stmt_run(&s);
}

/* 40001 when this run has published: a repeated recovery must not publish twice. */
static bool next_version(
	struct db *db, const struct publish *publish, int64_t *out, struct error *err)
{
	int64_t newest;
	int64_t before;
	struct stmt s =
		stmt_begin(db, "SELECT max(version) FROM product_version WHERE product = ?", err);

	stmt_text(&s, publish->product);
	if (!stmt_scalar(&s, &newest))
		return false;
	s = stmt_begin(
		db, "SELECT count(*) FROM product_version WHERE product = ? AND run = ?", err);
	stmt_text(&s, publish->product);
	stmt_int(&s, publish->run);
	if (!stmt_scalar(&s, &before))
		return false;
	if (before)
		return error_set(err, SERIALIZATION_FAILURE, "run %lld has published already",
			(long long)publish->run);
	*out = newest + 1;
	return true;
}

static bool put_version(struct store *store, struct db *db, const struct publish *publish,
	int64_t version, struct error *err)
{
	if (!version_time(store, db, err))
		return false;
	struct stmt s = stmt_begin(db, "INSERT INTO product_version VALUES (?, ?, ?, ?)", err);

	stmt_text(&s, publish->product);
	stmt_int(&s, version);
	stmt_int(&s, store->version_us);
	stmt_int(&s, publish->run);
	if (!stmt_run(&s))
		return false;
	for (size_t i = 0; i < publish->table_count; i++)
		if (!put_table(store, db, publish, &publish->tables[i], version, err))
			return false;
	return true;
}

static bool end_run(struct store *store, struct db *db, const struct publish *publish,
	int64_t version, struct error *err)
{
	int64_t rows = 0;
	int64_t bytes = 0;

	for (size_t t = 0; t < publish->table_count; t++)
		for (size_t i = 0; i < publish->tables[t].added_count; i++) {
			rows += publish->tables[t].added[i].rows;
			bytes += publish->tables[t].added[i].bytes;
		}
	struct stmt s = stmt_begin(db,
		"UPDATE run SET state = ?, ended_us = ?, rows = ?, bytes = ?, version = ?"
		" WHERE id = ?",
		err);

	stmt_int(&s, RUN_SUCCEEDED);
	stmt_int(&s, store_now(store));
	stmt_int(&s, rows);
	stmt_int(&s, bytes);
	stmt_int(&s, version);
	stmt_int(&s, publish->run);
	if (!stmt_run(&s))
		return false;
	s = stmt_begin(db, "DELETE FROM publish_intent WHERE run = ?", err);
	stmt_int(&s, publish->run);
	return stmt_run(&s);
}

static bool put_cursors(struct db *db, const struct publish *publish, struct error *err)
{
	if (slice_is_none(publish->cursors))
		return true;
	struct stmt s = stmt_begin(db, "INSERT OR REPLACE INTO ingest VALUES (?, ?)", err);

	stmt_text(&s, publish->product);
	stmt_text(&s, publish->cursors);
	return stmt_run(&s);
}

bool versions_publish(
	struct store *store, const struct publish *publish, int64_t *version_out, struct error *err)
{
	int64_t version = 0;
	struct db *db = store_write_begin(store, err);

	if (!db)
		return false;
	bool ok = next_version(db, publish, &version, err) &&
		  put_version(store, db, publish, version, err) && put_cursors(db, publish, err) &&
		  end_run(store, db, publish, version, err) && store_bump_epoch(db, err);

	if (!store_write_end(store, db, ok, err))
		return false;
	*version_out = version;
	return true;
}

bool versions_list(struct store *store, struct slice product, int64_t limit, struct arena *arena,
	struct version_list *out, struct error *err)
{
	VEC(struct version_row) rows = {0};
	struct db *db = store_read_begin(store, err);

	if (!db)
		return false;
	struct stmt s = stmt_begin(db,
		"SELECT product, version, created_us, run FROM product_version"
		" WHERE ?1 IS NULL OR product = ?1 ORDER BY created_us DESC, product, version DESC"
		" LIMIT ?2",
		err);

	stmt_text(&s, product);
	stmt_int(&s, limit ? limit : -1);
	while (stmt_row(&s)) {
		struct version_row *row = vec_add(arena, &rows);

		row->product = stmt_get_text(&s, arena);
		row->version = stmt_get_int(&s);
		row->created_us = stmt_get_int(&s);
		row->run = stmt_get_int(&s);
	}
	bool ok = stmt_end(&s);

	store_read_end(store, db);
	if (ok)
		*out = (struct version_list){rows.items, rows.len};
	return ok;
}

bool versions_made_us(struct store *store, struct slice product, int64_t version,
	int64_t *made_us_out, struct error *err)
{
	struct db *db = store_read_begin(store, err);

	if (!db)
		return false;
	struct stmt s = stmt_begin(db,
		"SELECT created_us FROM product_version WHERE product = ? AND version = ?", err);

	stmt_text(&s, product);
	stmt_int(&s, version);
	bool ok = stmt_scalar(&s, made_us_out);

	store_read_end(store, db);
	return ok;
}

bool versions_at(struct store *store, struct slice product, int64_t time_us, int64_t *version_out,
	struct error *err)
{
	struct db *db = store_read_begin(store, err);

	if (!db)
		return false;
	struct stmt s = stmt_begin(db,
		"SELECT max(version) FROM product_version WHERE product = ? AND created_us <= ?",
		err);

	stmt_text(&s, product);
	stmt_int(&s, time_us);
	bool ok = stmt_scalar(&s, version_out);

	store_read_end(store, db);
	return ok;
}

#define TABLE_COLUMNS                                                                              \
	"SELECT product, tbl, version, delta_version, location, schema, created_us, rows, bytes,"  \
	" files FROM table_version t"

static bool list_tables(struct stmt *s, struct arena *arena, struct table_version_list *out)
{
	VEC(struct table_version_row) rows = {0};

	while (stmt_row(s)) {
		struct table_version_row *row = vec_add(arena, &rows);

		row->product = stmt_get_text(s, arena);
		row->table = stmt_get_text(s, arena);
		row->version = stmt_get_int(s);
		row->delta_version = stmt_get_int(s);
		row->location = stmt_get_text(s, arena);
		row->schema = stmt_get_text(s, arena);
		row->created_us = stmt_get_int(s);
		row->rows = stmt_get_int(s);
		row->bytes = stmt_get_int(s);
		row->files = stmt_get_int(s);
	}
	if (!stmt_end(s))
		return false;
	*out = (struct table_version_list){rows.items, rows.len};
	return true;
}

bool versions_newest_tables(
	struct store *store, struct arena *arena, struct table_version_list *out, struct error *err)
{
	struct db *db = store_read_begin(store, err);

	if (!db)
		return false;
	struct stmt s = stmt_begin(db,
		TABLE_COLUMNS
		" WHERE version = (SELECT max(version) FROM table_version n"
		" WHERE n.product = t.product AND n.tbl = t.tbl) ORDER BY product, tbl",
		err);
	bool ok = list_tables(&s, arena, out);

	store_read_end(store, db);
	return ok;
}

bool versions_tables(struct store *store, struct slice product, int64_t version,
	struct arena *arena, struct table_version_list *out, struct error *err)
{
	struct db *db = store_read_begin(store, err);

	if (!db)
		return false;
	struct stmt s = stmt_begin(db,
		TABLE_COLUMNS
		" WHERE product = ?1 AND version = (SELECT max(version) FROM table_version n"
		" WHERE n.product = ?1 AND n.tbl = t.tbl AND n.version <= ?2) ORDER BY tbl",
		err);

	stmt_text(&s, product);
	stmt_int(&s, version);
	bool ok = list_tables(&s, arena, out);

	store_read_end(store, db);
	return ok;
}

bool versions_of_table(struct store *store, struct slice product, struct slice table,
	struct arena *arena, struct table_version_list *out, struct error *err)
{
	struct db *db = store_read_begin(store, err);

	if (!db)
		return false;
	struct stmt s = stmt_begin(
		db, TABLE_COLUMNS " WHERE product = ? AND tbl = ? ORDER BY version DESC", err);

	stmt_text(&s, product);
	stmt_text(&s, table);
	bool ok = list_tables(&s, arena, out);

	store_read_end(store, db);
	return ok;
}

bool versions_files(struct store *store, const struct table_version_row *state, int64_t version,
	struct arena *arena, struct file_list *out, struct error *err)
{
	VEC(struct file_row) rows = {0};
	struct db *db = store_read_begin(store, err);

	if (!db)
		return false;
	struct stmt s = stmt_begin(db,
		"SELECT path, rows, bytes, stats, partitions, digest, added, removed"
		" FROM table_file WHERE product = ? AND tbl = ? AND added <= ?3"
		" AND (removed = 0 OR removed > ?3) ORDER BY path",
		err);

	stmt_text(&s, state->product);
	stmt_text(&s, state->table);
	stmt_int(&s, version);
	while (stmt_row(&s)) {
		struct file_row *row = vec_add(arena, &rows);

		row->path = stmt_get_text(&s, arena);
		row->rows = stmt_get_int(&s);
		row->bytes = stmt_get_int(&s);
		row->stats = stmt_get_text(&s, arena);
		row->partitions = stmt_get_text(&s, arena);
		row->digest = stmt_get_text(&s, arena);
		row->added = stmt_get_int(&s);
		row->removed = stmt_get_int(&s);
	}
	bool ok = stmt_end(&s);

	store_read_end(store, db);
	if (ok)
		*out = (struct file_list){rows.items, rows.len};
	return ok;
}
