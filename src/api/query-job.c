#include "api/query-job.h"

#include <time.h>

#include "base/check.h"

enum { COLUMNS_HEADER_MAX = 32 * 1024 };

struct slice snapshot_text(struct arena *arena, int64_t us)
{
	time_t seconds = us / 1000000;
	struct tm parts;
	char text[32];

	strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", gmtime_r(&seconds, &parts));
	return arena_printf(arena, "%s.%06dZ", text, (int)(us % 1000000));
}

struct query_job *query_job_new(const struct request *request)
{
	struct arena *arena = arena_new();
	struct query_job *job = arena_new_of(arena, struct query_job);

	job->arena = arena;
	job->server = request->server;
	job->request_id = arena_copy(arena, slice_from_c(request->request_id));
	job->door = request->control ? SLICE("cli") : SLICE("http");
	pthread_mutex_init(&job->lock, NULL);
	return job;
}

void query_job_cancel(void *ctx)
{
	struct query_job *job = ctx;

	atomic_store(&job->cancelled, true);
	pthread_mutex_lock(&job->lock);
	if (job->query)
		query_cancel(job->query);
	pthread_mutex_unlock(&job->lock);
}

void query_job_free(void *ctx)
{
	struct query_job *job = ctx;
	struct arena *arena = job->arena;

	auth_identity_free(&job->identity);
	pthread_mutex_destroy(&job->lock);
	arena_free(&arena);
}

static bool on_rows(void *ctx, struct slice bytes, uint32_t rows, struct error *err)
{
	struct query_job *job = ctx;

	(void)rows;
	job->bytes += bytes.len;
	return stream_write(job->stream, bytes, err);
}

/* What the run itself has to say comes too late for a header, and governance has spoken before. */
static void on_notice(void *ctx, struct slice text)
{
	(void)ctx;
	(void)text;
}

static void note_columns(struct query_job *job, const struct query_column *columns, size_t count)
{
	scoped(json_drop) json_t *list = json_array();

	for (size_t i = 0; i < count; i++) {
		json_t *item = json_object();

		json_set_slice(item, "name", columns[i].name);
		json_set_slice(item, "type", columns[i].type);
		json_array_append_new(list, item);
	}
	/* Headers are ASCII: other characters as \u escapes. */
	char *text = json_dumps(list, JSON_COMPACT | JSON_ENSURE_ASCII);
	struct slice all = slice_from_c(text);

	job->columns = all.len <= COLUMNS_HEADER_MAX ? arena_copy(job->arena, all) : SLICE_NONE;
	free(text);
}

static void note_governance(struct query_job *job, const struct query *query)
{
	const struct slice *notices = NULL;
	size_t count = query_notices(query, &notices);

	job->notices = arena_array_of(job->arena, struct slice, count);
	for (size_t i = 0; i < count; i++)
		job->notices[i] = arena_copy(job->arena, notices[i]);
	job->notice_count = count;
}

static void note_snapshot(struct query_job *job, const struct query *query)
{
	int64_t us = query_as_of_us(query);

	job->snapshot = job->as_of;
	if (!job->as_of.len && us)
		job->snapshot = snapshot_text(job->arena, us);
}

static void on_waiting(void *ctx, struct slice text)
{
	struct query_job *job = ctx;

	job->waited_for = arena_copy(job->arena, text);
}

static struct query_execution execution_of(const struct query_job *job)
{
	return (struct query_execution){
		.format = job->format,
		.params = job->params,
		.param_count = job->param_count,
		.max_rows = job->limit,
	};
}

static bool open_query(struct query_job *job, struct query **out, struct error *err)
{
	const struct query_request request = {
		.principal = &job->identity->principal,
		.session = job->request_id,
		.door = job->door,
		.request_id = job->request_id,
		.text = job->text,
		.param_oids = job->param_oids,
		.param_oid_count = job->param_count,
		.timeout_ms = job->timeout_ms,
		.time_zone = job->time_zone,
		.as_of = job->as_of,
		.cancelled = &job->cancelled,
		.waiting = on_waiting,
		.waiting_ctx = job,
	};
	const struct query_column *columns = NULL;
	size_t column_count = 0;
	const uint32_t *oids = NULL;
	size_t wanted = 0;
	struct query *query = NULL;

	if (!query_open(job->server, &request, &query, err))
		return false;
	*out = query;
	pthread_mutex_lock(&job->lock);
	job->query = query;
	pthread_mutex_unlock(&job->lock);
	const struct query_execution how = execution_of(job);

	if (job->param_count == 0 && !query_start(query, &how, err))
		return false;
	if (!query_describe(query, &columns, &column_count, &oids, &wanted, err))
		return false;
	if (wanted != job->param_count)
		return error_set(err, UNDEFINED_PARAMETER,
			"the statement has %zu parameters and %zu values came with it", wanted,
			job->param_count);
	note_columns(job, columns, column_count);
	note_governance(job, query);
	note_snapshot(job, query);
	return true;
}

/* Behind the first bytes the status cannot change; only a form of lines can still say what
 * happened, the others break off. */
static bool end_late(struct query_job *job, struct error *err)
{
	scoped(json_drop) json_t *line = NULL;

	if (job->format != QUERY_NDJSON || atomic_load(&job->cancelled))
		return false;
	line = json_pack("{s:{s:s, s:s, s:s}}", "error", "code", sqlstate_table[err->state].code,
		"message", err->msg, "hint", err->hint);
	struct slice text =
		arena_printf(job->arena, "%.*s\n", SLICE_FMT(json_print(job->arena, line)));

	return stream_write(job->stream, text, err);
}

static bool run_query(struct query_job *job, struct query *query, struct error *err)
{
	const struct query_sink sink = {on_rows, on_notice, job};
	const struct query_execution how = execution_of(job);
	enum query_end end = QUERY_COMPLETE;
	uint64_t rows = 0;

	if (query_run(query, &how, &sink, &end, &rows, err))
		/* Cut by the limit: the list of objects has no end yet. */
		return end == QUERY_COMPLETE || job->format != QUERY_JSON ||
		       stream_write(job->stream, SLICE("\n]\n"), err);
	return job->bytes > 0 && end_late(job, err);
}

bool query_job_produce(void *ctx, struct stream *stream, struct error *err)
{
	struct query_job *job = ctx;
	struct query *query = NULL;

	job->stream = stream;
	bool ok = open_query(job, &query, err) && run_query(job, query, err);

	pthread_mutex_lock(&job->lock);
	job->query = NULL;
	pthread_mutex_unlock(&job->lock);
	query_close(&query);
	query_settle(job->server);
	return ok;
}
