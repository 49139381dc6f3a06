/* Between the session and the enforcement path: pins the snapshot, lets other threads cancel, turns
 * columns into the wire's. */
#include <inttypes.h>

#include "base/map.h"
#include "server/auth.h"
#include "server/pg-private.h"
#include "server/server.h"

/* At once: the client may wonder why nothing comes. */
static void on_waiting(void *ctx, struct slice text)
{
	struct pg_session *session = ctx;

	pg_tell(session, PG_NOTICE, "00000", text);
	pg_flush(session);
}

bool pg_query_open(struct pg_session *session, struct slice text, const uint32_t *oids,
	size_t oid_count, struct query **out, struct error *err)
{
	const struct slice *path;
	size_t path_count = pg_settings_search_path(session->settings, session->request, &path);

	if (!session->snapshot.model)
		query_snapshot_take(session->server, &session->snapshot);
	struct query_request request = {
		.principal = &session->identity->principal,
		.session = slice_from_c(session->id),
		.door = SLICE("pg"),
		.text = text,
		.snapshot = &session->snapshot,
		.param_oids = oids,
		.param_oid_count = oid_count,
		.timeout_ms = pg_settings_ms(session->settings, "statement_timeout"),
		.time_zone = pg_settings_get(session->settings, "TimeZone"),
		.search_path = path,
		.search_path_count = path_count,
		.cancelled = &session->cancelled,
		.pid = session->pid,
		.waiting = on_waiting,
		.waiting_ctx = session,
	};

	return query_open(session->server, &request, out, err);
}

bool pg_query_describe(struct pg_session *session, struct query *query, struct arena *arena,
	struct pg_description *out, struct error *err)
{
	const struct query_column *columns;
	struct str shape = str_in(session->request);

	*out = (struct pg_description){0};
	if (!query_describe(query, &columns, &out->column_count, &out->oids, &out->oid_count, err))
		return false;
	out->columns = arena_array_of(arena, struct pg_column, out->column_count);
	for (size_t i = 0; i < out->column_count; i++) {
		out->columns[i] = (struct pg_column){
			.name = arena_copy(arena, columns[i].name),
			.oid = columns[i].oid,
			.typmod = columns[i].typmod,
			.size = columns[i].size,
		};
		str_printf(&shape, "%" PRIu32 ":%.*s;", columns[i].oid, SLICE_FMT(columns[i].name));
	}
	out->signature = hash_bytes(str_slice(&shape)) | 1;
	return true;
}

struct sink {
	struct pg_session *session;
	struct pg_rows rows;
};

static bool sink_rows(void *ctx, struct slice bytes, uint32_t rows, struct error *err)
{
	struct sink *sink = ctx;

	(void)rows;
	if (sink->rows.to == PG_ROWS_TO_SPOOL)
		return pg_spool_add(sink->rows.spool, bytes, err);
	if (sink->rows.to == PG_ROWS_TO_CLIENT)
		pg_send_rows(sink->session, bytes);
	if (sink->session->broken)
		return error_set(err, CONNECTION_FAILURE, "the client is gone");
	return true;
}

static void sink_notice(void *ctx, struct slice text)
{
	struct sink *sink = ctx;

	pg_tell(sink->session, PG_NOTICE, "00000", text);
}

static bool begin_running(struct pg_session *session, struct query *query, struct error *err)
{
	if (atomic_load(&session->cancelled))
		return error_set(err, QUERY_CANCELED, "canceling statement due to user request");
	pthread_mutex_lock(&session->lock);
	session->running = query;
	pthread_mutex_unlock(&session->lock);
	return true;
}

static void end_running(struct pg_session *session)
{
	pthread_mutex_lock(&session->lock);
	session->running = NULL;
	pthread_mutex_unlock(&session->lock);
}

bool pg_query_start(struct pg_session *session, struct query *query,
	const struct query_execution *how, struct error *err)
{
	if (!begin_running(session, query, err))
		return false;
	bool ok = query_start(query, how, err);

	end_running(session);
	return ok;
}

bool pg_query_run(struct pg_session *session, struct query *query,
	const struct query_execution *how, struct pg_rows to, struct pg_outcome *out,
	struct error *err)
{
	struct sink state = {session, to};
	const struct query_sink sink = {sink_rows, sink_notice, &state};
	const struct slice *notices;
	size_t notice_count = query_notices(query, &notices);

	for (size_t i = 0; i < notice_count; i++)
		pg_tell(session, PG_NOTICE, "00000", notices[i]);
	if (!begin_running(session, query, err))
		return false;
	bool ok = query_run(query, how, &sink, &out->end, &out->rows, err);

	end_running(session);
	return ok;
}

bool pg_query_fetch(struct pg_session *session, struct query *query, const struct query_more *more,
	struct pg_rows to, struct pg_outcome *out, struct error *err)
{
	struct sink state = {session, to};
	const struct query_sink sink = {sink_rows, sink_notice, &state};

	if (!begin_running(session, query, err))
		return false;
	bool ok = query_fetch(query, more, &sink, &out->end, &out->rows, err);

	end_running(session);
	return ok;
}
