/*
 * Statements over SQLite. A statement is prepared once per connection (keyed by the address of its
 * literal) and kept. Errors are told in the words of the node's keeper: full disk, damaged file.
 */
#include <errno.h>

#include "base/check.h"
#include "store/db-private.h"

static bool full_disk(int code, int system_errno)
{
	return code == SQLITE_FULL ||
	       (code == SQLITE_IOERR && (system_errno == ENOSPC || system_errno == EDQUOT));
}

bool db_fail_at(struct db *db, const char *file, int line, const char *what, struct error *err)
{
	int code = sqlite3_errcode(db->handle) & 0xff;
	const char *text = sqlite3_errmsg(db->handle);

	if (full_disk(code, sqlite3_system_errno(db->handle))) {
		error_set_at(err, file, line, SQLSTATE_DISK_FULL,
			"the metadata cannot be written: the disk is full");
		return error_hint(err, "free some space where the data folder is, then try again");
	}
	if (code == SQLITE_CORRUPT || code == SQLITE_NOTADB) {
		error_set_at(err, file, line, SQLSTATE_DATA_CORRUPTED,
			"the metadata file weft.db is damaged: %s", text);
		return error_hint(err, "stop the node and put a backup of weft.db in its place");
	}
	if (code == SQLITE_BUSY || code == SQLITE_LOCKED) {
		error_set_at(err, file, line, SQLSTATE_OBJECT_NOT_IN_PREREQUISITE_STATE,
			"another process holds the metadata file");
		return error_hint(err, "end other programs that have weft.db open");
	}
	if (code == SQLITE_CONSTRAINT) {
		error_set_at(err, file, line, SQLSTATE_CONSTRAINT_VIOLATION, "%s: %s", what, text);
		return false;
	}
	return error_set_at(err, file, line, SQLSTATE_IO_ERROR, "metadata: %s: %s", what, text);
}

static struct db_cached *find_cached(struct db *db, const char *sql)
{
	for (size_t i = 0; i < db->cached; i++)
		if (db->cache[i].sql == sql && !db->cache[i].busy)
			return &db->cache[i];
	if (db->cached == DB_CACHED_STATEMENTS)
		return NULL;
	struct db_cached *entry = &db->cache[db->cached];

	if (sqlite3_prepare_v3(db->handle, sql, -1, SQLITE_PREPARE_PERSISTENT, &entry->stmt,
		    NULL) != SQLITE_OK)
		return NULL;
	entry->sql = sql;
	db->cached++;
	return entry;
}

struct stmt stmt_begin(struct db *db, const char *sql, struct error *err)
{
	struct stmt s = {.db = db, .err = err, .cached = find_cached(db, sql)};

	if (s.cached) {
		s.handle = s.cached->stmt;
		s.cached->busy = true;
	} else if (sqlite3_prepare_v2(db->handle, sql, -1, &s.handle, NULL) != SQLITE_OK) {
		s.failed = true;
		db_fail(db, "prepare", err);
	}
	return s;
}

static void check_bind(struct stmt *s, int code)
{
	if (code != SQLITE_OK && !s->failed) {
		s->failed = true;
		db_fail(s->db, "bind", s->err);
	}
}

void stmt_text(struct stmt *s, struct slice text)
{
	if (s->failed)
		return;
	check_bind(s, slice_is_none(text) ? sqlite3_bind_null(s->handle, ++s->bound)
					  : sqlite3_bind_text64(s->handle, ++s->bound, text.ptr,
						    text.len, SQLITE_STATIC, SQLITE_UTF8));
}

void stmt_int(struct stmt *s, int64_t n)
{
	if (!s->failed)
		check_bind(s, sqlite3_bind_int64(s->handle, ++s->bound, n));
}

void stmt_blob(struct stmt *s, const void *bytes, size_t len)
{
	if (!s->failed)
		check_bind(
			s, sqlite3_bind_blob64(s->handle, ++s->bound, bytes, len, SQLITE_STATIC));
}

bool stmt_row(struct stmt *s)
{
	if (s->failed)
		return false;
	int code = sqlite3_step(s->handle);

	s->column = 0;
	if (code == SQLITE_ROW)
		return true;
	if (code != SQLITE_DONE) {
		s->failed = true;
		db_fail(s->db, "run", s->err);
	}
	return false;
}

struct slice stmt_get_text(struct stmt *s, struct arena *arena)
{
	int column = s->column++;
	const char *text = (const char *)sqlite3_column_text(s->handle, column);

	if (!text)
		return SLICE_NONE;
	return arena_copy(arena, slice_of(text, (size_t)sqlite3_column_bytes(s->handle, column)));
}

int64_t stmt_get_int(struct stmt *s)
{
	return sqlite3_column_int64(s->handle, s->column++);
}

bool stmt_end(struct stmt *s)
{
	if (s->cached) {
		sqlite3_reset(s->handle);
		sqlite3_clear_bindings(s->handle);
		s->cached->busy = false;
	} else {
		sqlite3_finalize(s->handle);
	}
	return !s->failed;
}

bool stmt_run(struct stmt *s)
{
	while (stmt_row(s))
		continue;
	return stmt_end(s);
}

bool stmt_scalar(struct stmt *s, int64_t *out)
{
	int64_t n = stmt_row(s) ? stmt_get_int(s) : 0;

	if (!stmt_end(s))
		return false;
	*out = n;
	return true;
}

bool db_exec(struct db *db, const char *sql, struct error *err)
{
	if (sqlite3_exec(db->handle, sql, NULL, NULL, NULL) != SQLITE_OK)
		return db_fail(db, "exec", err);
	return true;
}

struct slice *json_slices(struct arena *arena, const json_t *list, size_t *count_out)
{
	size_t count = json_array_size(list);
	struct slice *items = arena_array_of(arena, struct slice, count);

	for (size_t i = 0; i < count; i++)
		items[i] = arena_copy(arena, json_to_slice(json_array_get(list, i)));
	*count_out = count;
	return items;
}
