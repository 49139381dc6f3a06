/*
 * PostgreSQL by libpq. The first connection describes the table and exports its snapshot, further
 * ones take it, and each reads its part of the table's pages, so that all parts are of one moment;
 * the rows of all are appended as they come.
 */
#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>

#include "base/str.h"
#include "connect/postgres-private.h"

enum {
	DEFAULT_READERS = 2,
	PAGES_PER_READER = 2000, /* smaller tables are read by fewer */
};

/* Pages of a plain table, and its rows as the planner believes; 0 pages for anything else. */
static bool table_size(struct pg_extract *x, int64_t *pages_out, struct error *err)
{
	scoped(pg_clear) PGresult *result = NULL;
	PGconn *conn = x->readers[0].conn;
	char *literal;

	*pages_out = 0;
	x->estimate = -1;
	if (json_get_slice(x->request->source, "query").len)
		return true;
	literal = PQescapeLiteral(conn, x->relation.ptr, x->relation.len);
	bool ok = literal &&
		  pg_ask(conn,
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

static size_t reader_count(const struct pg_extract *x, int64_t pages)
{
	int64_t wanted = DEFAULT_READERS;
	struct slice given = pg_setting(x, "parallel");

	if (!slice_is_none(given) && !slice_to_i64(given, &wanted))
		wanted = DEFAULT_READERS;
	wanted = min_of(wanted, pages / PAGES_PER_READER);
	return (size_t)max_of(min_of(wanted, (int64_t)PG_MAX_READERS), INT64_C(1));
}

/* COPY of one part: pages [from, to) of the table, or all of it. */
static struct slice copy_text(struct pg_extract *x, int64_t from, int64_t to, bool part)
{
	struct str sql = str_in(x->arena);
	const char *glue = " WHERE ";

	str_printf(&sql, "COPY (SELECT %.*s FROM %.*s", SLICE_FMT(x->selected),
		SLICE_FMT(x->relation));
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
	scoped(pg_clear) PGresult *result = PQexec(conn, sql.ptr);

	return PQresultStatus(result) == PGRES_COPY_OUT || pg_fail(err, result, conn);
}

/* The others open while the first one's transaction keeps the snapshot alive. */
static bool open_others(struct pg_extract *x, size_t count, struct error *err)
{
	scoped(pg_clear) PGresult *snapshot = NULL;

	if (count < 2)
		return true;
	if (!pg_ask(x->readers[0].conn, SLICE("SELECT pg_catalog.pg_export_snapshot()"), &snapshot,
		    err))
		return false;
	while (x->reader_count < count) {
		struct pg_reader *reader = &x->readers[x->reader_count++];

		if (!pg_connect(x, &reader->conn, err) ||
			!pg_begin(x, reader->conn, slice_from_c(PQgetvalue(snapshot, 0, 0)), err))
			return false;
	}
	return true;
}

static bool start_readers(struct pg_extract *x, struct error *err)
{
	int64_t pages;

	if (!table_size(x, &pages, err))
		return false;
	size_t count = reader_count(x, pages);

	if (!open_others(x, count, err))
		return false;
	for (size_t i = 0; i < count; i++) {
		int64_t from = pages * (int64_t)i / (int64_t)count;
		int64_t to = i + 1 == count ? -1 : pages * (int64_t)(i + 1) / (int64_t)count;

		if (!start_copy(x->readers[i].conn, copy_text(x, from, to, count > 1), err))
			return false;
	}
	return true;
}

static bool append_row(
	struct pg_extract *x, struct slice message, struct arena *scratch, struct error *err)
{
	struct pgcopy_row row;

	if (!pgcopy_row_begin(message, x->columns.len, &row, err))
		return false;
	if (row.end)
		return true;
	for (size_t i = 0; i < x->columns.len; i++) {
		struct slice value;

		if (!pgcopy_row_next(&row, &value, err))
			return false;
		if (slice_is_none(value))
			engine_append_null(x->to);
		else if (!pgcopy_append(x->to, &x->columns.items[i].copy, value, scratch, err))
			return error_wrap(err, "row %" PRId64, x->rows + 1);
	}
	x->rows++;
	if (x->rows % 10000 == 0)
		x->request->progress(x->request->ctx, x->rows, x->estimate);
	return engine_append_end_row(x->to, err) || error_wrap(err, "row %" PRId64, x->rows);
}

/* The header stands before the first row, in the same message. */
static bool append_message(struct pg_extract *x, struct pg_reader *reader, struct slice message,
	struct arena *scratch, struct error *err)
{
	if (!reader->header_seen && !pgcopy_skip_header(&message, err))
		return false;
	reader->header_seen = true;
	return message.len == 0 || append_row(x, message, scratch, err);
}

/* Takes what has arrived on one connection. */
static bool drain(
	struct pg_extract *x, struct pg_reader *reader, struct arena *scratch, struct error *err)
{
	char *buffer;
	int len;

	if (!PQconsumeInput(reader->conn))
		return pg_fail(err, NULL, reader->conn);
	while ((len = PQgetCopyData(reader->conn, &buffer, 1)) > 0) {
		bool ok = append_message(x, reader, slice_of(buffer, (size_t)len), scratch, err);

		PQfreemem(buffer);
		arena_reset(scratch);
		if (!ok)
			return false;
	}
	if (len == 0)
		return true;
	scoped(pg_clear) PGresult *result = len == -1 ? PQgetResult(reader->conn) : NULL;

	if (len != -1 || PQresultStatus(result) != PGRES_COMMAND_OK)
		return pg_fail(err, result, reader->conn);
	reader->done = true;
	return true;
}

/* Waits until one of the readers has more; false in *open when all are done. */
static void wait_for_more(const struct pg_extract *x, bool *open)
{
	struct pollfd waits[PG_MAX_READERS];
	nfds_t count = 0;

	for (size_t i = 0; i < x->reader_count; i++)
		if (!x->readers[i].done)
			waits[count++] = (struct pollfd){
				.fd = PQsocket(x->readers[i].conn), .events = POLLIN};
	*open = count > 0;
	if (*open)
		(void)poll(waits, count, -1); /* interrupted: looked at again */
}

/* Looks before it waits: rows of a small table may have come with the answer to COPY, and then the
 * socket stays silent for ever. */
static bool read_all(struct pg_extract *x, struct error *err)
{
	scoped(arena_free) struct arena *scratch = arena_new();
	bool open = true;

	while (open) {
		for (size_t i = 0; i < x->reader_count; i++)
			if (!x->readers[i].done && !drain(x, &x->readers[i], scratch, err))
				return false;
		wait_for_more(x, &open);
	}
	return engine_append_close(x->to, err);
}

bool connect_postgres(const struct connect_request *request, struct error *err)
{
	struct pg_extract x = {.request = request, .arena = request->arena, .reader_count = 1};
	bool ok = pg_connect(&x, &x.readers[0].conn, err) &&
		  pg_begin(&x, x.readers[0].conn, SLICE_NONE, err) && pg_describe(&x, err) &&
		  engine_append_open(
			  request->engine, SLICE_NONE, SLICE_NONE, request->target, &x.to, err) &&
		  start_readers(&x, err) && read_all(&x, err);

	engine_append_free(&x.to);
	for (size_t i = 0; i < x.reader_count; i++)
		PQfinish(x.readers[i].conn);
	return ok;
}
