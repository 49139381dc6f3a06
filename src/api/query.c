#include <string.h>

#include "api/api-private.h"
#include "api/query-job.h"
#include "api/query-params.h"
#include "base/check.h"
#include "catalog/model.h"

/* POST /api/v1/query: the statement runs on a thread of its own, its rows flow through a stream. */

enum { TIMEOUT_MAX_MS = 86400000 };

static bool read_number(
	const json_t *body, const char *key, int64_t max, int64_t *out, struct error *err)
{
	const json_t *value = json_object_get(body, key);

	*out = 0;
	if (!value || json_is_null(value))
		return true;
	*out = json_integer_value(value);
	if (json_is_integer(value) && *out > 0 && *out <= max)
		return true;
	return error_set(err, INVALID_PARAMETER_VALUE,
		"\"%s\" must be a whole number from 1 to %lld", key, (long long)max);
}

/* A text, or nothing. */
static bool read_text(struct query_job *job, const json_t *body, const char *key, struct slice *out,
	struct error *err)
{
	const json_t *value = json_object_get(body, key);

	*out = arena_copy(job->arena, json_get_slice(body, key));
	if (!value || json_is_null(value) || json_is_string(value))
		return true;
	return error_set(err, INVALID_PARAMETER_VALUE, "\"%s\" must be a text", key);
}

static bool read_snapshot(struct query_job *job, const json_t *body, struct error *err)
{
	struct slice text;
	int64_t us = 0;

	if (!read_text(job, body, "snapshot", &text, err))
		return false;
	if (slice_is_none(text))
		return true;
	if (!model_time_read(text, &us)) {
		error_set(err, INVALID_PARAMETER_VALUE, "\"snapshot\" is not a time: \"%.*s\"",
			SLICE_FMT(slice_sub(text, 0, 60)));
		return error_hint(err, "send what the header X-Weft-Snapshot of an answer, or "
				       "/api/v1/snapshot, said");
	}
	job->as_of = snapshot_text(job->arena, us);
	return true;
}

/* A limit that cuts an answer needs a form that may end anywhere. */
static bool check_limit(const struct query_job *job, struct error *err)
{
	if (!job->limit || (job->format != QUERY_ARROW && job->format != QUERY_PARQUET))
		return true;
	error_set(err, FEATURE_NOT_SUPPORTED, "\"limit\" is for JSON, NDJSON and CSV");
	return error_hint(err, "write LIMIT into the statement");
}

static bool read_body(
	struct query_job *job, struct request *request, const json_t *body, struct error *err)
{
	struct slice purpose = SLICE_NONE;
	const json_t *params = json_object_get(body, "params");
	int64_t limit = 0;

	if (!read_text(job, body, "sql", &job->text, err) ||
		!read_text(job, body, "time_zone", &job->time_zone, err) ||
		!read_text(job, body, "purpose", &purpose, err) || !read_snapshot(job, body, err))
		return false;
	if (job->text.len == 0)
		return error_set(err, INVALID_PARAMETER_VALUE, "the body has no \"sql\"");
	if (params && !json_is_array(params) && !json_is_null(params))
		return error_set(err, INVALID_PARAMETER_VALUE, "\"params\" must be a list");
	if (!slice_is_none(purpose) &&
		!auth_set_purpose(request->server, request->identity, purpose, err))
		return false;
	if (!read_number(body, "timeout_ms", TIMEOUT_MAX_MS, &job->timeout_ms, err) ||
		!read_number(body, "limit", INT64_MAX, &limit, err))
		return false;
	job->limit = (uint64_t)limit;
	if (!query_params_read(job->arena, json_is_array(params) ? params : NULL, &job->params,
		    &job->param_oids, &job->param_count, err))
		return false;
	/* The values outlive the body. */
	for (size_t i = 0; i < job->param_count; i++)
		job->params[i].value = arena_copy(job->arena, job->params[i].value);
	return true;
}

static bool start(
	struct request *request, struct query_job *job, const char *type, struct error *err)
{
	const struct stream_options options = {
		.socket = request_socket(request),
		.stall_ms = request->api->options.timeout_ms,
		.produce = query_job_produce,
		.cancel = query_job_cancel,
		.free_ctx = query_job_free,
		.ctx = job,
	};
	struct stream *stream = NULL;

	job->identity = take(request->identity);
	if (!stream_new(&options, &stream, err))
		return false;
	if (!stream_wait(stream, err)) {
		stream_free(&stream);
		return false;
	}
	reply_stream(request, type, stream);
	if (!slice_is_none(job->columns))
		reply_header(request, "X-Weft-Columns", job->columns);
	reply_header(request, "X-Weft-Snapshot", job->snapshot);
	if (!slice_is_none(job->waited_for))
		reply_header(request, "X-Weft-Queued", job->waited_for);
	for (size_t i = 0; i < job->notice_count; i++)
		reply_header(request, "X-Weft-Governance", job->notices[i]);
	return true;
}

bool api_query(struct request *request, struct error *err)
{
	static const char *const known[] = {
		"sql", "params", "purpose", "limit", "timeout_ms", "time_zone", "snapshot", NULL};
	scoped(json_drop) json_t *body = NULL;
	const char *type = NULL;

	if (!request_json(request, known, &body, err))
		return false;
	struct query_job *job = query_job_new(request);

	if (!query_format_choose(request_header(request, "Accept"), &job->format, &type)) {
		query_job_free(job);
		request->problem_status = MHD_HTTP_NOT_ACCEPTABLE;
		error_set(err, INVALID_PARAMETER_VALUE, "no form of the Accept header is known");
		return error_hint(err, "use application/json, application/x-ndjson, text/csv, "
				       "application/vnd.apache.arrow.stream or "
				       "application/vnd.apache.parquet");
	}
	if (!read_body(job, request, body, err) || !check_limit(job, err)) {
		query_job_free(job);
		return false;
	}
	return start(request, job, type, err);
}

bool api_snapshot(struct request *request, struct error *err)
{
	int64_t us = query_newest_us(request->server, &request->identity->principal);
	scoped(json_drop) json_t *value = json_object();

	(void)err;
	if (us)
		json_set_slice(value, "snapshot", snapshot_text(request->arena, us));
	else
		json_object_set_new(value, "snapshot", json_null());
	return reply_json(request, MHD_HTTP_OK, value);
}
