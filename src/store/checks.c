/* Results of quality checks, a row per run and rule. */
#include "base/vec.h"
#include "store/db-private.h"
#include "store/runs.h"

static bool put_check(
	struct store *store, struct db *db, const struct check_row *check, struct error *err)
{
	struct stmt s = stmt_begin(db,
		"INSERT INTO check_result (run, product, tbl, name, col, dimension, severity, ok,"
		" value, expected, message, failing_rows, failing_path, time_us)"
		" VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
		err);

	stmt_int(&s, check->run);
	stmt_text(&s, check->product);
	stmt_text(&s, check->table);
	stmt_text(&s, check->name);
	stmt_text(&s, check->column);
	stmt_text(&s, check->dimension);
	stmt_text(&s, check->severity);
	stmt_int(&s, check->ok);
	stmt_text(&s, check->value);
	stmt_text(&s, check->expected);
	stmt_text(&s, check->message);
	stmt_int(&s, check->failing_rows);
	stmt_text(&s, check->failing_path);
	stmt_int(&s, check->time_us ? check->time_us : store_now(store));
	return stmt_run(&s);
}

bool checks_add(
	struct store *store, const struct check_row *checks, size_t check_count, struct error *err)
{
	bool ok = true;
	struct db *db = store_write_begin(store, err);

	if (!db)
		return false;
	for (size_t i = 0; ok && i < check_count; i++)
		ok = put_check(store, db, &checks[i], err);
	return store_write_end(store, db, ok, err);
}

static void read_check(struct stmt *s, struct arena *arena, struct check_row *out)
{
	out->run = stmt_get_int(s);
	out->product = stmt_get_text(s, arena);
	out->table = stmt_get_text(s, arena);
	out->name = stmt_get_text(s, arena);
	out->column = stmt_get_text(s, arena);
	out->dimension = stmt_get_text(s, arena);
	out->severity = stmt_get_text(s, arena);
	out->ok = stmt_get_int(s) != 0;
	out->value = stmt_get_text(s, arena);
	out->expected = stmt_get_text(s, arena);
	out->message = stmt_get_text(s, arena);
	out->failing_rows = stmt_get_int(s);
	out->failing_path = stmt_get_text(s, arena);
	out->time_us = stmt_get_int(s);
}

#define COLUMNS                                                                                    \
	"run, product, tbl, name, col, dimension, severity, ok, value, expected, message,"         \
	" failing_rows, failing_path, time_us"

/* Reads what s gives, ends it and the reading of db. */
static bool read_checks(struct store *store, struct db *db, struct stmt *s, struct arena *arena,
	struct check_row **out, size_t *count_out)
{
	VEC(struct check_row) rows = {0};

	while (stmt_row(s))
		read_check(s, arena, vec_add(arena, &rows));
	bool ok = stmt_end(s);

	store_read_end(store, db);
	if (ok) {
		*out = rows.items;
		*count_out = rows.len;
	}
	return ok;
}

bool checks_list(struct store *store, int64_t run, struct arena *arena, struct check_row **out,
	size_t *count_out, struct error *err)
{
	struct db *db = store_read_begin(store, err);

	if (!db)
		return false;
	/* Two texts: with an OR no index would be used. */
	struct stmt s = stmt_begin(db,
		run ? "SELECT " COLUMNS " FROM check_result WHERE run = ? ORDER BY id"
		    : "SELECT " COLUMNS " FROM check_result WHERE run >= (SELECT min(id) FROM"
		      " (SELECT id FROM run ORDER BY id DESC LIMIT ?)) ORDER BY run DESC, id",
		err);

	stmt_int(&s, run ? run : CHECKS_OF_RUNS);
	return read_checks(store, db, &s, arena, out, count_out);
}

bool checks_failing(struct store *store, const struct check_table *of, struct arena *arena,
	struct check_row **out, size_t *count_out, struct error *err)
{
	struct db *db = store_read_begin(store, err);

	if (!db)
		return false;
	struct stmt s = stmt_begin(db,
		"SELECT " COLUMNS " FROM check_result"
		" WHERE product = ?1 AND tbl = ?2 AND failing_path IS NOT NULL AND ok = 0"
		" ORDER BY run DESC, id",
		err);

	stmt_text(&s, of->product);
	stmt_text(&s, of->table);
	return read_checks(store, db, &s, arena, out, count_out);
}
