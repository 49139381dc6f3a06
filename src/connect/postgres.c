/*
 * PostgreSQL by libpq. One connection exports its snapshot, further ones take it and read their
 * part of the table's pages, so that all parts are of one moment; the rows of all are appended as
 * they come.
 */
#include <arpa/inet.h>
#include <inttypes.h>
#include <libpq-fe.h>
#include <poll.h>
#include <stdlib.h>

#include "base/str.h"
#include "base/vec.h"
#include "connect/connect.h"
#include "connect/pgcopy.h"

enum {
	MAX_READERS = 8,
	DEFAULT_READERS = 2,
	PAGES_PER_READER = 2000, /* smaller tables are read by fewer */
	HEADER_BYTES = 19,
	MAX_COLUMNS = 1600,
};

struct reader {
	PGconn *conn;
	bool header_seen;
	bool done;
};

struct extract {
	const struct connect_request *request;
	struct arena *arena;
	PGconn *main;
	struct slice relation; /* quoted, for FROM */
	struct slice where;    /* cursor; none */
	struct reader readers[MAX_READERS];
	size_t reader_count;
	VEC(struct pgcopy_column) columns;
	struct engine_appender *to;
	int64_t rows;
	int64_t estimate; /* -1 = unknown */
};

static struct slice setting(const struct extract *x, const char *name)
{
	return json_get_slice(json_get_object(x->request->source, "settings"), name);
}

static void clear_result(PGresult **result)
{
	PQclear(*result);
	*result = NULL;
}

static bool fail(struct error *err, const PGresult *result, PGconn *conn)
{
	const char *code = result ? PQresultErrorField(result, PG_DIAG_SQLSTATE) : NULL;
	const char *text = result ? PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY) : NULL;
	struct slice message = slice_from_c(text ? text : PQerrorMessage(conn));

	error_set(err, CONNECTION_FAILURE, "PostgreSQL: %.*s",
		SLICE_FMT(slice_trim(slice_sub(message, 0, slice_find(message, SLICE("\n"), 0)))));
	if (code) {
		err->state = sqlstate_from_code(code);
		if (err->state == SQLSTATE_INTERNAL_ERROR)
			err->state = SQLSTATE_DATA_EXCEPTION;
	}
	return false;
}

static bool ask(PGconn *conn, struct slice sql, PGresult **out, struct error *err)
{
	*out = PQexec(conn, sql.ptr);
	ExecStatusType status = PQresultStatus(*out);

	return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK || fail(err, *out, conn);
}

static bool run(PGconn *conn, struct slice sql, struct error *err)
{
	scoped(clear_result) PGresult *result = NULL;

	return ask(conn, sql, &result, err);
}

static const char *or_null(struct extract *x, struct slice text)
{
	return slice_is_none(text) ? NULL : arena_cstr(x->arena, text);
}

static bool connect_one(struct extract *x, PGconn **out, struct error *err)
{
	const json_t *secrets = json_get_object(x->request->source, "secrets");
	const char *keys[] = {"host", "port", "dbname", "user", "password", "sslmode",
		"sslrootcert", "connect_timeout", "application_name", "client_encoding", NULL};
	const char *values[] = {or_null(x, setting(x, "host")), or_null(x, setting(x, "port")),
		or_null(x, setting(x, "database")), or_null(x, setting(x, "user")),
		or_null(x, json_get_slice(secrets, "password")), or_null(x, setting(x, "sslmode")),
		or_null(x, setting(x, "sslrootcert")), "15", "weft", "UTF8", NULL};

	*out = PQconnectdbParams(keys, values, 0);
	if (PQstatus(*out) == CONNECTION_OK)
		return true;
	bool refused = PQconnectionUsedPassword(*out) || PQconnectionNeedsPassword(*out);

	fail(err, NULL, *out);
	err->state = refused ? SQLSTATE_INVALID_AUTHORIZATION : SQLSTATE_CANNOT_CONNECT;
	return error_hint(
		err, refused ? "check user and password reference of the source"
			     : "check host and port of the source, and that the server is up");
}

/* "schema.table" or "table" with the source's schema; each part quoted. */
static struct slice quoted_relation(struct extract *x)
{
	struct slice object = json_get_slice(x->request->source, "object");
	struct slice rest = object;
	struct slice first = slice_split(&rest, '.');
	struct slice schema = slice_is_none(rest) ? setting(x, "schema") : first;
	struct str out = str_in(x->arena);

	if (schema.len) {
		str_add_sql_ident(&out, schema);
		str_add_char(&out, '.');
	}
	str_add_sql_ident(&out, slice_is_none(rest) ? object : rest);
	return str_slice(&out);
}

static bool describe(struct extract *x, struct error *err)
{
	struct slice query = json_get_slice(x->request->source, "query");
	scoped(clear_result) PGresult *prepared = NULL;
	scoped(clear_result) PGresult *columns = NULL;

	x->relation = query.len ? arena_printf(x->arena, "(%.*s\n) AS q", SLICE_FMT(query))
				: quoted_relation(x);
	prepared = PQprepare(x->main, "",
		arena_printf(x->arena, "SELECT * FROM %.*s", SLICE_FMT(x->relation)).ptr, 0, NULL);
	if (PQresultStatus(prepared) != PGRES_COMMAND_OK) {
		fail(err, prepared, x->main);
		return error_hint(
			err, "check object or query in the pipeline, and the user's rights there");
	}
	columns = PQdescribePrepared(x->main, "");
	if (PQresultStatus(columns) != PGRES_COMMAND_OK)
		return fail(err, columns, x->main);
	for (int i = 0; i < PQnfields(columns); i++)
		vec_push(x->arena, &x->columns,
			(struct pgcopy_column){
				arena_copy(x->arena, slice_from_c(PQfname(columns, i))),
				PQftype(columns, i)});
	return true;
}

/* Enums travel as their label, domains as what they are made of. */
static bool resolve_type(struct extract *x, struct pgcopy_column *column, struct error *err)
{
	scoped(clear_result) PGresult *result = NULL;

	for (int depth = 0; depth < 10 && !pgcopy_type(column->oid); depth++) {
		clear_result(&result);
		if (!ask(x->main,
			    arena_printf(x->arena,
				    "SELECT typtype, typbasetype, typname FROM pg_catalog.pg_type "
				    "WHERE oid = %u",
				    column->oid),
			    &result, err))
			return false;
		char kind = (char)(PQntuples(result) == 1 ? *PQgetvalue(result, 0, 0) : '?');

		if (kind == 'e') {
			column->oid = 25;
		} else if (kind == 'd') {
			column->oid = (uint32_t)strtoul(PQgetvalue(result, 0, 1), NULL, 10);
		} else {
			error_set(err, FEATURE_NOT_SUPPORTED,
				"column %.*s has type %s, which is not read",
				SLICE_FMT(column->name),
				PQntuples(result) == 1 ? PQgetvalue(result, 0, 2) : "unknown");
			return error_hint(err,
				"read it through query: with a cast, e.g. %.60s::text",
				column->name.ptr);
		}
	}
	return true;
}

static bool make_target(struct extract *x, struct error *err)
{
	struct str sql = str_in(x->arena);

	str_add_c(&sql, "CREATE TEMP TABLE ");
	str_add_sql_ident(&sql, x->request->target);
	str_add_c(&sql, " (");
	for (size_t i = 0; i < x->columns.len; i++) {
		struct pgcopy_column *column = &x->columns.items[i];

		if (!resolve_type(x, column, err))
			return false;
		str_add_c(&sql, i ? ", " : "");
		str_add_sql_ident(&sql, column->name);
		str_printf(&sql, " %s", pgcopy_type(column->oid));
	}
	str_add_c(&sql, ")");
	return engine_run(x->request->engine, str_slice(&sql), err) &&
	       engine_append_open(
		       x->request->engine, SLICE_NONE, SLICE_NONE, x->request->target, &x->to, err);
}

/* Only rows behind the cursor. */
static void add_cursor(struct extract *x)
{
	struct str sql = str_in(x->arena);

	x->where = SLICE_NONE;
	if (slice_is_none(x->request->cursor) || slice_is_none(x->request->cursor_value))
		return;
	char *value = PQescapeLiteral(
		x->main, x->request->cursor_value.ptr, x->request->cursor_value.len);

	str_add_sql_ident(&sql, x->request->cursor);
	str_printf(&sql, " > %s", value ? value : "NULL");
	PQfreemem(value);
	x->where = str_slice(&sql);
}

/* Pages of a plain table, and its rows as the planner believes; 0 pages for anything else. */
static bool table_size(struct extract *x, int64_t *pages_out, struct error *err)
{
	scoped(clear_result) PGresult *result = NULL;
	char *literal;

	*pages_out = 0;
	x->estimate = -1;
	if (json_get_slice(x->request->source, "query").len)
		return true;
	literal = PQescapeLiteral(x->main, x->relation.ptr, x->relation.len);
	bool ok = literal &&
		  ask(x->main,
			  arena_printf(x->arena,
				  "SELECT pg_catalog.pg_relation_size(oid) / 8192, "
				  "reltuples::bigint FROM pg_catalog.pg_class "
				  "WHERE oid = pg_catalog.to_regclass(%s) AND relkind = 'r'",
				  literal),
			  &result, err);

	PQfreemem(literal);
	if (!ok)
		return false;
	if (PQntuples(result) == 1) {
		*pages_out = strtoll(PQgetvalue(result, 0, 0), NULL, 10);
		x->estimate = strtoll(PQgetvalue(result, 0, 1), NULL, 10);
	}
	return true;
}

static size_t reader_count(const struct extract *x, int64_t pages)
{
	int64_t wanted = DEFAULT_READERS;
	struct slice given = setting(x, "parallel");

	if (!slice_is_none(given) && !slice_to_i64(given, &wanted))
		wanted = DEFAULT_READERS;
	wanted = min_of(wanted, pages / PAGES_PER_READER);
	return (size_t)max_of(min_of(wanted, (int64_t)MAX_READERS), INT64_C(1));
}

/* COPY of one part: pages [from, to) of the table, or all of it. */
static struct slice copy_text(struct extract *x, int64_t from, int64_t to, bool part)
{
	struct str sql = str_in(x->arena);
	const char *glue = " WHERE ";

	str_printf(&sql, "COPY (SELECT * FROM %.*s", SLICE_FMT(x->relation));
	if (part) {
		str_printf(&sql, "%sctid >= '(%" PRId64 ",0)'", glue, from);
		glue = " AND ";
		if (to >= 0)
			str_printf(&sql, "%sctid < '(%" PRId64 ",0)'", glue, to);
	}
	if (x->where.len)
		str_printf(&sql, "%s%.*s", glue, SLICE_FMT(x->where));
	str_add_c(&sql, ") TO STDOUT (FORMAT binary)");
	return str_slice(&sql);
}

static bool start_copy(PGconn *conn, struct slice sql, struct error *err)
{
	scoped(clear_result) PGresult *result = PQexec(conn, sql.ptr);

	return PQresultStatus(result) == PGRES_COPY_OUT || fail(err, result, conn);
}

static bool start_readers(struct extract *x, struct error *err)
{
	scoped(clear_result) PGresult *snapshot = NULL;
	int64_t pages;

	if (!table_size(x, &pages, err) ||
		!ask(x->main, SLICE("SELECT pg_catalog.pg_export_snapshot()"), &snapshot, err))
		return false;
	size_t count = reader_count(x, pages);

	for (size_t i = 0; i < count; i++) {
		struct reader *reader = &x->readers[x->reader_count++];
		int64_t from = pages * (int64_t)i / (int64_t)count;
		int64_t to = i + 1 == count ? -1 : pages * (int64_t)(i + 1) / (int64_t)count;

		if (!connect_one(x, &reader->conn, err) ||
			!run(reader->conn, SLICE("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"),
				err) ||
			!run(reader->conn,
				arena_printf(x->arena, "SET TRANSACTION SNAPSHOT '%s'",
					PQgetvalue(snapshot, 0, 0)),
				err) ||
			!start_copy(reader->conn, copy_text(x, from, to, count > 1), err))
			return false;
	}
	return true;
}

static bool append_tuple(
	struct extract *x, struct slice row, struct arena *scratch, struct error *err)
{
	uint16_t fields;

	if (row.len < 2)
		return error_set(err, PROTOCOL_VIOLATION, "PostgreSQL: a COPY row is cut");
	memcpy(&fields, row.ptr, 2);
	fields = ntohs(fields);
	if (fields == 0xffff) /* the trailer */
		return true;
	if (fields != x->columns.len)
		return error_set(
			err, PROTOCOL_VIOLATION, "PostgreSQL: a COPY row has %u columns", fields);
	row = slice_sub(row, 2, row.len);
	for (size_t i = 0; i < fields; i++) {
		uint32_t raw = 0;

		if (row.len < 4)
			return error_set(err, PROTOCOL_VIOLATION, "PostgreSQL: a COPY row is cut");
		memcpy(&raw, row.ptr, 4);
		int32_t len = (int32_t)ntohl(raw);

		row = slice_sub(row, 4, row.len);
		if (len < 0) {
			engine_append_null(x->to);
			continue;
		}
		if ((size_t)len > row.len)
			return error_set(err, PROTOCOL_VIOLATION, "PostgreSQL: a COPY row is cut");
		if (!pgcopy_append(x->to, &x->columns.items[i], slice_of(row.ptr, (size_t)len),
			    scratch, err))
			return error_wrap(err, "row %" PRId64, x->rows + 1);
		row = slice_sub(row, (size_t)len, row.len);
	}
	x->rows++;
	if (x->rows % 10000 == 0)
		x->request->progress(x->request->ctx, x->rows, x->estimate);
	return engine_append_end_row(x->to, err);
}

/* The header stands before the first row, in the same message. */
static bool skip_header(struct reader *reader, struct slice *row, struct error *err)
{
	uint32_t extension;

	if (reader->header_seen)
		return true;
	if (row->len < HEADER_BYTES || memcmp(row->ptr, "PGCOPY\n\377\r\n\0", 11) != 0)
		return error_set(err, PROTOCOL_VIOLATION, "PostgreSQL: no binary COPY came");
	memcpy(&extension, row->ptr + 15, 4);
	*row = slice_sub(*row, HEADER_BYTES + (size_t)ntohl(extension), row->len);
	reader->header_seen = true;
	return true;
}

/* Takes what has arrived on one connection. */
static bool drain(
	struct extract *x, struct reader *reader, struct arena *scratch, struct error *err)
{
	char *buffer;
	int len;

	if (!PQconsumeInput(reader->conn))
		return fail(err, NULL, reader->conn);
	while ((len = PQgetCopyData(reader->conn, &buffer, 1)) > 0) {
		struct slice row = slice_of(buffer, (size_t)len);
		bool ok = skip_header(reader, &row, err) &&
			  (row.len == 0 || append_tuple(x, row, scratch, err));

		PQfreemem(buffer);
		arena_reset(scratch);
		if (!ok)
			return false;
	}
	if (len == 0)
		return true;
	scoped(clear_result) PGresult *result = len == -1 ? PQgetResult(reader->conn) : NULL;

	if (len != -1 || PQresultStatus(result) != PGRES_COMMAND_OK)
		return fail(err, result, reader->conn);
	reader->done = true;
	return true;
}

static bool read_all(struct extract *x, struct error *err)
{
	scoped(arena_free) struct arena *scratch = arena_new();

	for (;;) {
		struct pollfd waits[MAX_READERS];
		struct reader *who[MAX_READERS];
		nfds_t open = 0;

		for (size_t i = 0; i < x->reader_count; i++) {
			if (x->readers[i].done)
				continue;
			waits[open] = (struct pollfd){
				.fd = PQsocket(x->readers[i].conn), .events = POLLIN};
			who[open++] = &x->readers[i];
		}
		if (open == 0)
			return engine_append_close(x->to, err);
		if (poll(waits, open, -1) < 0)
			continue;
		for (nfds_t i = 0; i < open; i++)
			if (waits[i].revents && !drain(x, who[i], scratch, err))
				return false;
	}
}

bool connect_postgres(const struct connect_request *request, struct error *err)
{
	struct extract x = {.request = request, .arena = request->arena};
	bool ok = connect_one(&x, &x.main, err) &&
		  run(x.main, SLICE("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"), err) &&
		  describe(&x, err) && make_target(&x, err);

	if (ok) {
		add_cursor(&x);
		ok = start_readers(&x, err) && read_all(&x, err);
	}
	engine_append_free(&x.to);
	for (size_t i = 0; i < x.reader_count; i++)
		PQfinish(x.readers[i].conn);
	PQfinish(x.main);
	return ok;
}
