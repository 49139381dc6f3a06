/*
 * SQLite by its own library, read only. SQLite types values, not columns: the declared type says
 * what the column holds (https://www.sqlite.org/datatype3.html section 3.1), and a value of another
 * storage class is refused with its row.
 */
#include <inttypes.h>
#include <sqlite3.h>
#include <sys/stat.h>

#include "base/str.h"
#include "base/vec.h"
#include "connect/connect.h"
#include "engine/append.h"

enum kind { KIND_INTEGER, KIND_REAL, KIND_BLOB, KIND_TEXT };

struct column {
	struct slice name;
	struct slice declared;
	enum kind kind;
};

struct reader {
	const struct connect_request *request;
	sqlite3 *db;
	sqlite3_stmt *rows;
	VEC(struct column) columns;
};

static bool fail(struct reader *r, enum sqlstate state, struct error *err)
{
	error_set(err, DATA_EXCEPTION, "SQLite: %s", sqlite3_errmsg(r->db));
	switch (sqlite3_errcode(r->db) & 0xff) {
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		err->state = SQLSTATE_CONNECTION_FAILURE;
		return error_hint(err,
			"another program writes to it and keeps it locked; run again "
			"later, or let it use a write-ahead log (journal_mode=WAL)");
	case SQLITE_NOTADB:
	case SQLITE_CORRUPT:
		return error_hint(err, "the file is damaged or no SQLite database: check it with "
				       "PRAGMA integrity_check, bring it back from a copy");
	default: err->state = state; return false;
	}
}

static bool has(struct slice declared, const char *word)
{
	size_t len = strlen(word);

	for (size_t i = 0; i + len <= declared.len; i++)
		if (slice_equal_nocase(slice_sub(declared, i, i + len), slice_of(word, len)))
			return true;
	return false;
}

/* Affinity rules, but NUMERIC types stay text, so that decimals and dates keep their digits. */
static enum kind kind_of(struct slice declared)
{
	if (has(declared, "INT") || has(declared, "BOOL"))
		return KIND_INTEGER;
	if (has(declared, "REAL") || has(declared, "FLOA") || has(declared, "DOUB"))
		return KIND_REAL;
	return has(declared, "BLOB") ? KIND_BLOB : KIND_TEXT;
}

static bool open_rows(struct reader *r, struct error *err)
{
	const struct connect_request *q = r->request;
	struct slice object = json_get_slice(q->source, "object");
	struct slice query = json_get_slice(q->source, "query");
	struct str sql = str_in(q->arena);

	if (query.len)
		str_printf(&sql, "SELECT * FROM (%.*s\n)", SLICE_FMT(query));
	else
		str_add_c(&sql, "SELECT * FROM ");
	if (!query.len)
		str_add_sql_ident(&sql, object);
	if (sqlite3_prepare_v2(r->db, sql.ptr, (int)sql.len, &r->rows, NULL) != SQLITE_OK) {
		fail(r, SQLSTATE_UNDEFINED_TABLE, err);
		return error_hint(err, "check object, query and cursor in the pipeline");
	}
	return true;
}

static bool make_target(struct reader *r, struct error *err)
{
	static const char *const TYPES[] = {"BIGINT", "DOUBLE", "BLOB", "VARCHAR"};
	struct arena *arena = r->request->arena;
	struct str sql = str_in(arena);

	str_add_c(&sql, "CREATE TEMP TABLE ");
	str_add_sql_ident(&sql, r->request->target);
	str_add_c(&sql, " (");
	for (int i = 0; i < sqlite3_column_count(r->rows); i++) {
		struct column c = {
			.name = arena_copy(arena, slice_from_c(sqlite3_column_name(r->rows, i))),
			.declared = arena_copy(
				arena, slice_from_c(sqlite3_column_decltype(r->rows, i))),
		};

		c.kind = kind_of(c.declared);
		vec_push(arena, &r->columns, c);
		str_add_c(&sql, i ? ", " : "");
		str_add_sql_ident(&sql, c.name);
		str_printf(&sql, " %s", TYPES[c.kind]);
	}
	str_add_c(&sql, ")");
	return engine_run(r->request->engine, str_slice(&sql), err);
}

static bool misfit(const struct column *column, int64_t row, const char *found, struct error *err)
{
	error_set(err, INVALID_TEXT_REPRESENTATION,
		"column %.*s (declared %.*s) holds %s in row %" PRId64, SLICE_FMT(column->name),
		SLICE_FMT(column->declared), found, row);
	return error_hint(
		err, "correct the value in the source, or read it through a query with a CAST");
}

static bool append_value(
	struct reader *r, struct engine_appender *to, int i, int64_t row, struct error *err)
{
	const struct column *column = &r->columns.items[i];
	int type = sqlite3_column_type(r->rows, i);
	struct slice text;

	if (type == SQLITE_NULL) {
		engine_append_null(to);
		return true;
	}
	if (column->kind == KIND_INTEGER) {
		if (type != SQLITE_INTEGER)
			return misfit(
				column, row, type == SQLITE_TEXT ? "text" : "no whole number", err);
		engine_append_i64(to, sqlite3_column_int64(r->rows, i));
		return true;
	}
	if (column->kind == KIND_REAL) {
		if (type != SQLITE_FLOAT && type != SQLITE_INTEGER)
			return misfit(column, row, "no number", err);
		engine_append_double(to, sqlite3_column_double(r->rows, i));
		return true;
	}
	if (column->kind == KIND_TEXT && type == SQLITE_BLOB)
		return misfit(column, row, "bytes", err);
	if (type == SQLITE_BLOB)
		text = slice_of(
			sqlite3_column_blob(r->rows, i), (size_t)sqlite3_column_bytes(r->rows, i));
	else
		text = slice_of((const char *)sqlite3_column_text(r->rows, i),
			(size_t)sqlite3_column_bytes(r->rows, i));
	if (column->kind == KIND_BLOB) {
		engine_append_blob(to, text.ptr ? text : SLICE(""));
		return true;
	}
	if (!slice_is_utf8(text))
		return misfit(column, row, "text that is not UTF-8", err);
	engine_append_text(to, text.ptr ? text : SLICE(""));
	return true;
}

static bool copy_rows(struct reader *r, struct error *err)
{
	scoped(engine_append_free) struct engine_appender *to = NULL;
	int64_t row = 0;
	int state;

	if (!engine_append_open(
		    r->request->engine, SLICE_NONE, SLICE_NONE, r->request->target, &to, err))
		return false;
	while ((state = sqlite3_step(r->rows)) == SQLITE_ROW) {
		row++;
		for (size_t i = 0; i < r->columns.len; i++)
			if (!append_value(r, to, (int)i, row, err))
				return false;
		if (!engine_append_end_row(to, err))
			return false;
		if (row % 10000 == 0)
			r->request->progress(r->request->ctx, row, -1);
	}
	if (state != SQLITE_DONE)
		return fail(r, SQLSTATE_CONNECTION_FAILURE, err);
	return engine_append_close(to, err);
}

/* RFC 3986: what would end the path in a URI is escaped. */
static struct slice uri_path(struct reader *r)
{
	struct slice path = r->request->path;
	struct str out = str_in(r->request->arena);

	for (size_t i = 0; i < path.len; i++) {
		if (strchr("?#%", path.ptr[i]))
			str_printf(&out, "%%%02X", (unsigned char)path.ptr[i]);
		else
			str_add_char(&out, path.ptr[i]);
	}
	return str_slice(&out);
}

static bool has_log(const struct reader *r)
{
	struct slice path = r->request->path;
	struct stat info;
	return stat(arena_printf(r->request->arena, "%.*s-wal", SLICE_FMT(path)).ptr, &info) == 0;
}

/*
 * Read only and with SQLite's locks, so that a program that writes meanwhile does no harm; its
 * write-ahead log is read too. A file in that mode which nobody has open has no log beside it, and
 * SQLite would want to make one: there is nothing to lock then, so it is opened as immutable.
 */
static bool open_file(struct reader *r, struct error *err)
{
	static const char *const MODES[] = {"mode=ro", "mode=ro&immutable=1"};
	int state = SQLITE_ERROR;

	for (size_t i = 0; i < array_len(MODES); i++) {
		/* never where it is locked: somebody writes right now */
		if (i > 0 && ((state != SQLITE_CANTOPEN && state != SQLITE_READONLY) || has_log(r)))
			break;
		struct slice uri = arena_printf(
			r->request->arena, "file:%.*s?%s", SLICE_FMT(uri_path(r)), MODES[i]);

		sqlite3_close(r->db);
		r->db = NULL;
		state = sqlite3_open_v2(
			uri.ptr, &r->db, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, NULL);
		if (state == SQLITE_OK)
			state = sqlite3_exec(r->db,
				"PRAGMA trusted_schema=OFF; PRAGMA cell_size_check=ON; "
				"PRAGMA busy_timeout=10000; BEGIN; SELECT 1 FROM sqlite_schema",
				NULL, NULL, NULL);
	}
	return state == SQLITE_OK || fail(r, SQLSTATE_CANNOT_CONNECT, err);
}

bool connect_sqlite(const struct connect_request *request, struct error *err)
{
	struct reader r = {.request = request};
	bool ok = open_file(&r, err) && open_rows(&r, err) && make_target(&r, err) &&
		  copy_rows(&r, err);

	sqlite3_finalize(r.rows);
	sqlite3_close(r.db);
	return ok;
}
