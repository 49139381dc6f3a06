/*
 * POST /mesh/v1/query: a statement of another node's principal. It takes the way of every
 * statement; its answer is frames (server/remote-wire.h), so that the asking node sees whether it
 * is whole.
 */
#include "api/api-private.h"
#include "api/query-job.h"
#include "ipc/worker.h"
#include "server/delegate.h"
#include "server/remote-wire.h"

/* What query_job does not hold. */
struct node_job {
	struct query_job *job;
	struct remote_ask ask;
	struct slice node;
	uint64_t rows;
	uint64_t bytes;
};

static bool send_frame(struct node_job *self, uint8_t type, struct slice head, struct slice body,
	struct error *err)
{
	unsigned char frame[REMOTE_HEAD_BYTES];

	remote_head_write(frame, type, head.len + body.len);
	return stream_write(self->job->stream, slice_of((char *)frame, sizeof frame), err) &&
	       stream_write(self->job->stream, head, err) &&
	       stream_write(self->job->stream, body, err);
}

static bool on_rows(void *ctx, struct slice bytes, uint32_t rows, struct error *err)
{
	struct node_job *self = ctx;
	const unsigned char count[] = {
		rows & 0xff, rows >> 8 & 0xff, rows >> 16 & 0xff, (unsigned char)(rows >> 24)};

	self->rows += rows;
	self->bytes += bytes.len;
	return send_frame(self, W_DATA, slice_of((const char *)count, sizeof count), bytes, err);
}

static void on_notice(void *ctx, struct slice text)
{
	struct node_job *self = ctx;
	scoped(arena_free) struct arena *arena = arena_new();
	scoped(json_drop) json_t *json = json_pack("{s:o}", "message", json_from_slice(text));
	struct error gone = {0};

	/* A client that is gone is noticed by the next rows. */
	(void)!send_frame(self, W_NOTICE, SLICE(""), json_print(arena, json), &gone);
}

static bool describe(struct node_job *self, struct query *query, struct error *err)
{
	scoped(arena_free) struct arena *arena = arena_new();
	struct remote_answer answer = {0};

	if (!query_describe(query, &answer.columns.columns, &answer.columns.column_count,
		    &answer.columns.params, &answer.columns.param_count, err))
		return false;
	answer.notice_count = query_notices(query, &answer.notices);
	answer.explain_count = query_explain(query, arena, &answer.explain);
	answer.as_of_us = query_as_of_us(query);
	answer.pin_us = query_pin_us(query);
	return send_frame(self, W_PREPARED, SLICE(""), remote_answer_print(arena, &answer), err);
}

/* The formats are counted against the columns before they are believed. */
static bool check_formats(struct node_job *self, struct query *query, struct error *err)
{
	const struct query_column *columns = NULL;
	const uint32_t *params = NULL;
	size_t column_count = 0;
	size_t param_count = 0;

	if (!self->ask.how.column_formats)
		return true;
	if (!query_describe(query, &columns, &column_count, &params, &param_count, err))
		return false;
	return column_count == self->ask.format_count ||
	       error_set(err, FEATURE_NOT_SUPPORTED, "cached plan must not change result type");
}

static bool execute(struct node_job *self, struct query *query, struct error *err)
{
	scoped(arena_free) struct arena *arena = arena_new();
	const struct query_sink sink = {on_rows, on_notice, self};
	enum query_end end = QUERY_COMPLETE;
	uint64_t rows = 0;

	if (!check_formats(self, query, err) || !query_start(query, &self->ask.how, err) ||
		!describe(self, query, err) ||
		!query_run(query, &self->ask.how, &sink, &end, &rows, err))
		return false;
	scoped(json_drop) json_t *done = json_pack(
		"{s:I, s:I}", "rows", (json_int_t)self->rows, "bytes", (json_int_t)self->bytes);

	return send_frame(self, W_DONE, SLICE(""), json_print(arena, done), err);
}

static bool open_query(struct node_job *self, struct query **out, struct error *err)
{
	struct query_job *job = self->job;
	const struct remote_ask *ask = &self->ask;

	if (!delegate_identity(job->server, self->node, &ask->principal, &job->identity, err))
		return false;
	const struct query_request request = {
		.principal = &job->identity->principal,
		.session = ask->session,
		.door = SLICE("node"),
		.request_id = job->request_id,
		.text = ask->text,
		.param_oids = ask->param_oids,
		.param_oid_count = ask->param_oid_count,
		.timeout_ms = ask->timeout_ms,
		.time_zone = ask->time_zone,
		.search_path = ask->search_path,
		.search_path_count = ask->search_path_count,
		.as_of = query_is_newest(job->server, ask->as_of) ? SLICE_NONE : ask->as_of,
		.cancelled = &job->cancelled,
	};

	if (!query_open(job->server, &request, out, err))
		return false;
	pthread_mutex_lock(&job->lock);
	job->query = *out;
	pthread_mutex_unlock(&job->lock);
	return true;
}

/* Whatever goes wrong with the statement is a frame: the exchange itself went well. */
static bool produce(void *ctx, struct stream *stream, struct error *err)
{
	struct node_job *self = ctx;
	struct query_job *job = self->job;
	struct query *query = NULL;

	job->stream = stream;
	bool ok = open_query(self, &query, err) &&
		  (self->ask.execute ? execute(self, query, err) : describe(self, query, err));

	pthread_mutex_lock(&job->lock);
	job->query = NULL;
	pthread_mutex_unlock(&job->lock);
	query_close(&query);
	if (!ok) {
		scoped(arena_free) struct arena *arena = arena_new();

		ok = send_frame(self, W_ERROR, SLICE(""), remote_error_print(arena, err), err);
	}
	query_settle(job->server);
	return ok;
}

static void cancel(void *ctx)
{
	struct node_job *self = ctx;

	query_job_cancel(self->job);
}

static void free_job(void *ctx)
{
	struct node_job *self = ctx;

	query_job_free(self->job); /* self lies in its arena */
}

static bool start(struct request *request, struct node_job *self, struct error *err)
{
	const struct stream_options options = {
		.socket = request_socket(request),
		.stall_ms = request->api->options.timeout_ms,
		.produce = produce,
		.cancel = cancel,
		.free_ctx = free_job,
		.ctx = self,
	};
	struct stream *stream = NULL;

	if (!stream_new(&options, &stream, err))
		return false;
	if (!stream_wait(stream, err)) {
		stream_free(&stream);
		return false;
	}
	return reply_stream(request, "application/vnd.weft.frames", stream);
}

bool api_node_query(struct request *request, struct error *err)
{
	scoped(json_drop) json_t *body = json_parse(str_slice(&request->body), err);

	if (!body)
		return false;
	struct query_job *job = query_job_new(request);
	struct node_job *self = arena_new_of(job->arena, struct node_job);

	self->job = job;
	self->node = arena_copy(job->arena, request->node);
	if (!remote_ask_read(job->arena, body, &self->ask, err)) {
		query_job_free(job);
		return false;
	}
	if (self->ask.request_id.len)
		job->request_id = self->ask.request_id;
	return start(request, self, err);
}
