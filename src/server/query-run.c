/*
 * Running a statement that query.c opened: prepare where needed, audit, execute, hand rows on. The
 * worker is held only while something runs or a portal is open. A statement that was interrupted
 * never gives its worker back to others.
 */
#include <unistd.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/num.h"
#include "catalog/model.h"
#include "ipc/worker.h"
#include "server/audit.h"
#include "server/govern.h"
#include "server/query-private.h"
#include "server/server-private.h"

enum { PREPARE_TIMEOUT_MS = 30000, PORTAL = 1 };

/* small: W_EXECUTE follows at once, for a plan that is. */
static bool send_prepare(struct query *q, bool small, struct error *err)
{
	scoped(arena_free) struct arena *scratch = arena_new();
	struct plan *plan = q->plan;
	int fds[FRAME_MAX_FDS];
	size_t fd_count = 0;
	if (plan->fresh) {
		struct govern_request request = query_govern_request(q, NULL);
		if (!govern_system_rows(&request, plan, fds, &fd_count, err))
			return false;
		query_parts_attach(q, fds, &fd_count);
	}
	struct wire_prepare p = {.key = plan->id,
		.text = plan->text,
		.relations = plan->relations,
		.relation_count = plan->relation_count,
		.param_oids = plan->param_oids,
		.param_oid_count = plan->param_oid_count,
		.catalogue = plan->catalogue,
		.small = small,
		.ats = plan->ats,
		.at_count = plan->at_count};
	bool ok = worker_send(
		q->worker, W_PREPARE, wire_prepare_json(scratch, &p), fds, fd_count, err);
	for (size_t i = 0; i < fd_count; i++)
		close(fds[i]);
	return ok;
}

static bool take_description(struct query *q, struct slice payload, struct error *err)
{
	if (atomic_load(&q->plan->description))
		return true;
	struct arena *arena = arena_new();
	struct wire_prepared *d = arena_new_of(arena, struct wire_prepared);
	if (!wire_prepared_parse(arena, payload, d, err)) {
		arena_free(&arena);
		return false;
	}
	plan_describe_take(q->plan, d, arena);
	return true;
}

static bool receive_prepared(struct query *q, struct error *err)
{
	scoped(arena_free) struct arena *scratch = arena_new();
	struct frame frame = {0};
	if (!worker_receive(q->worker, scratch, &frame, err))
		return false;
	frame_close_fds(&frame);
	if (frame.type == W_ERROR)
		return worker_error(q->worker, &frame, err);
	if (frame.type != W_PREPARED)
		return error_set(
			err, INTERNAL_ERROR, "a worker answered with frame %d", frame.type);
	worker_note_plan(q->worker, q->plan->id);
	return take_description(q, frame.payload, err);
}

int64_t query_timeout(const struct query *q)
{
	int64_t limit = q->server->config->query_timeout_ms;
	int64_t wanted = q->request.timeout_ms;
	if (wanted == 0)
		return limit;
	return limit == 0 ? wanted : min_of(limit, wanted);
}

/* The planner computes what is constant, so that repeat('x', 2000000000) takes its time there. */
static int64_t plan_timeout_of(const struct query *q)
{
	int64_t limit = query_timeout(q);
	return limit == 0 ? PREPARE_TIMEOUT_MS : min_of(limit, PREPARE_TIMEOUT_MS);
}

/* The worker that q holds knows the plan afterwards. */
static bool prepare(struct query *q, struct error *err)
{
	if (worker_has_plan(q->worker, q->plan->id))
		return true;
	worker_begin(q->worker, plan_timeout_of(q));
	bool ok = send_prepare(q, false, err) && receive_prepared(q, err);
	worker_end(q->worker);
	return ok;
}

bool query_cancelled_error(const struct query *q, struct error *err)
{
	if (!atomic_load(&q->revoked))
		return error_set(err, QUERY_CANCELED, "canceling statement due to user request");
	error_set(err, INSUFFICIENT_PRIVILEGE, "canceling statement because access was changed");
	return error_hint(err, "Run it again to see what you may read now.");
}

static bool lend(struct query *q, struct error *err)
{
	if (atomic_load(&q->cancelled))
		return query_cancelled_error(q, err);
	if (!query_lend_worker(q, q->plan->worker_key, err))
		return atomic_load(&q->cancelled) ? query_cancelled_error(q, err) : false;
	if (!atomic_load(&q->cancelled))
		return true;
	query_return_worker(q, WORKER_CLEAN);
	return query_cancelled_error(q, err);
}

static bool describe_here(struct query *q, struct error *err)
{
	if (q->plan->part_count && !query_parts_describe(q, err))
		return false;
	bool lent = lend(q, err);
	bool ok = lent && prepare(q, err);
	/* What it knows has no rows of other nodes. */
	if (q->plan->part_count && q->worker)
		worker_forget_plan(q->worker, q->plan->id);
	if (lent)
		query_return_worker(q, WORKER_CLEAN);
	return ok;
}

static const struct wire_prepared *known_columns(const struct query *q)
{
	return q->plan->node.len ? query_remote_columns(q) : atomic_load(&q->plan->description);
}

static bool describe(struct query *q, const struct wire_prepared **out, struct error *err)
{
	*out = known_columns(q);
	if (*out)
		return true;
	atomic_store(&q->state, QUERY_PLANNING);
	bool ok = q->plan->node.len ? query_remote_describe(q, err) : describe_here(q, err);
	atomic_store(&q->state, QUERY_OPEN);
	*out = known_columns(q);
	return ok;
}

bool query_describe(struct query *q, const struct query_column **columns_out,
	size_t *column_count_out, const uint32_t **param_oids_out, size_t *param_count_out,
	struct error *err)
{
	const struct wire_prepared *d = NULL;
	if (!describe(q, &d, err))
		return false;
	*columns_out = d->columns;
	*column_count_out = d->column_count;
	*param_oids_out = d->params;
	*param_count_out = d->param_count;
	return true;
}

/* One W_DATA to the sink. */
static bool pass_rows(
	struct query *q, struct slice payload, const struct query_sink *sink, struct error *err)
{
	if (payload.len < 4)
		return error_set(err, INTERNAL_ERROR, "a worker sent rows without their number");
	const unsigned char *p = (const unsigned char *)payload.ptr;
	uint32_t rows = p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
	struct slice bytes = slice_sub(payload, 4, payload.len);
	q->rows += rows;
	q->bytes += bytes.len;
	return sink->rows(sink->ctx, bytes, rows, err);
}

void query_pass_notice(struct slice payload, const struct query_sink *sink)
{
	struct error ignored;
	scoped(json_drop) json_t *json = json_parse(payload, &ignored);
	if (json && sink->notice)
		sink->notice(sink->ctx, json_get_slice(json, "message"));
}

enum step { STEP_MORE, STEP_END, STEP_FAILED };

static enum step take_frame(struct query *q, const struct frame *frame,
	const struct query_sink *sink, enum query_end *end_out, struct error *err)
{
	switch (frame->type) {
	case W_DATA: return pass_rows(q, frame->payload, sink, err) ? STEP_MORE : STEP_FAILED;
	case W_NOTICE: query_pass_notice(frame->payload, sink); return STEP_MORE;
	case W_DONE: *end_out = QUERY_COMPLETE; return STEP_END;
	case W_SUSPENDED: *end_out = QUERY_SUSPENDED; return STEP_END;
	case W_ERROR: worker_error(q->worker, frame, err); return STEP_FAILED;
	default:
		error_set(err, INTERNAL_ERROR, "a worker answered with frame %d", frame->type);
		return STEP_FAILED;
	}
}

/* Until the request is answered. A sink that fails leaves frames unread: the worker is spoilt then.
 */
static bool pump(struct query *q, const struct query_sink *sink, enum query_end *end_out,
	bool *answered_out, struct error *err)
{
	scoped(arena_free) struct arena *scratch = arena_new();
	*answered_out = false;
	for (;;) {
		struct frame frame = {0};
		if (!worker_receive(q->worker, scratch, &frame, err))
			return false;
		frame_close_fds(&frame);
		enum step step = take_frame(q, &frame, sink, end_out, err);
		*answered_out = step == STEP_END || frame.type == W_ERROR;
		if (step != STEP_MORE)
			return step == STEP_END;
		arena_reset(scratch);
	}
}

static bool send_execute(struct query *q, const struct query_execution *how, struct error *err)
{
	scoped(arena_free) struct arena *scratch = arena_new();
	const struct wire_prepared *d = atomic_load(&q->plan->description);
	const struct config *config = q->server->config;
	struct wire_execute e = {.key = q->plan->id,
		.portal = PORTAL,
		.how = how,
		.column_count = d ? d->column_count : 0,
		.param_oids = d && how->param_count <= d->param_count ? d->params : NULL,
		.limit_rows = (uint64_t)config->query_max_rows,
		.limit_bytes = (uint64_t)config->query_max_bytes};
	return worker_send(q->worker, W_EXECUTE, wire_execute_json(scratch, &e), NULL, 0, err);
}

/* The answer to a W_EXECUTE that nobody wants any more. Its worker is good again afterwards. */
static bool drain(struct query *q, struct error *err)
{
	scoped(arena_free) struct arena *scratch = arena_new();
	struct frame frame = {.type = W_DATA};
	while (frame.type == W_DATA || frame.type == W_NOTICE) {
		arena_reset(scratch);
		if (!worker_receive(q->worker, scratch, &frame, err))
			return false;
		frame_close_fds(&frame);
	}
	return frame.type == W_ERROR ||
	       error_set(err, INTERNAL_ERROR, "a worker ran what it could not prepare");
}

/* W_PREPARE and W_EXECUTE are under way: the description, or the failure of both. */
static bool settle_prepared(
	struct query *q, const struct query_execution *how, bool *answered_out, struct error *err)
{
	struct error ignored;
	bool prepared = receive_prepared(q, err);
	const struct wire_prepared *d = atomic_load(&q->plan->description);
	q->started = prepared && d->param_count == how->param_count;
	/* Too few parameters: the door says so in its own words. */
	*answered_out = q->started || drain(q, &ignored);
	return prepared;
}

static bool check_params(
	const struct query *q, const struct query_execution *how, struct error *err)
{
	const struct wire_prepared *d = known_columns(q);
	if (how->param_count == d->param_count)
		return true;
	return error_set(err, PROTOCOL_VIOLATION,
		"the statement has %zu parameters, %zu were given", d->param_count,
		how->param_count);
}

/*
 * Sends the statement and writes the audit record while the worker is busy with it; nothing of the
 * answer is passed on before. Where the plan is new to the worker, W_EXECUTE follows W_PREPARE
 * without waiting, unless it needs the description.
 */
static bool start_once(
	struct query *q, const struct query_execution *how, bool *answered_out, struct error *err)
{
	bool described = atomic_load(&q->plan->description) != NULL;
	*answered_out = true;
	if (!described && (how->param_count || how->column_formats) && !prepare(q, err))
		return false;
	bool known = worker_has_plan(q->worker, q->plan->id);
	if ((described || known) && !check_params(q, how, err))
		return false;
	bool small = q->plan->small && how->format != QUERY_PARQUET;
	worker_begin(q->worker, known || small ? query_timeout(q) : plan_timeout_of(q));
	q->started = (known || send_prepare(q, small, err)) && send_execute(q, how, err);
	bool ok = q->started && (q->audit || query_audit_begin(q, err));
	*answered_out = ok || !q->started;
	if (ok && !known) {
		ok = settle_prepared(q, how, answered_out, err);
		worker_begin(q->worker, query_timeout(q));
	}
	if (!q->started)
		worker_end(q->worker);
	return ok;
}

/* A worker keeps the tables of its last statements: those of other nodes' rows may be large. */
static enum worker_state worker_left(const struct query *q)
{
	return q->plan->part_count ? WORKER_SPOILT : WORKER_CLEAN;
}

/* A failure's worker and text. */
static bool settle_failure(struct query *q, bool answered, struct error *err)
{
	query_remote_end(q);
	query_parts_end(q);
	if (!answered && q->worker)
		worker_interrupt(q->worker);
	query_return_worker(q, answered ? worker_left(q) : WORKER_SPOILT);
	q->portal_open = false;
	atomic_store(&q->state, QUERY_OPEN);
	if (err->state == SQLSTATE_QUERY_CANCELED && atomic_load(&q->revoked))
		query_cancelled_error(q, err);
	query_audit_end(q, err);
	return false;
}

static void settle_success(struct query *q, enum query_end end)
{
	q->portal_open = end == QUERY_SUSPENDED;
	atomic_store(&q->state, q->portal_open ? QUERY_PORTAL : QUERY_OPEN);
	query_parts_end(q);
	if (q->portal_open)
		return;
	query_remote_end(q);
	query_return_worker(q, worker_left(q));
	query_audit_end(q, NULL);
}

/* A statement that does not come to run is on record like one that does. */
static bool fail_start(struct query *q, bool answered, struct error *err)
{
	struct error ignored;
	if (!q->audit)
		(void)!query_audit_begin(q, &ignored);
	q->started = false;
	return settle_failure(q, answered, err);
}

static bool start_here(
	struct query *q, const struct query_execution *how, bool *answered_out, struct error *err)
{
	/* Other nodes are not asked for what is on no record. */
	if (q->plan->part_count &&
		((!q->audit && !query_audit_begin(q, err)) || !query_parts_fetch(q, err)))
		return false;
	if (!lend(q, err))
		return false;
	if (q->plan->part_count)
		worker_forget_plan(q->worker, q->plan->id);
	return start_once(q, how, answered_out, err);
}

bool query_start(struct query *q, const struct query_execution *how, struct error *err)
{
	bool answered = true;
	check(!q->portal_open && !q->started);
	q->rows = 0;
	q->bytes = 0;
	atomic_store(&q->state, QUERY_RUNNING);
	bool ok = q->plan->node.len ? query_remote_start(q, how, err)
				    : start_here(q, how, &answered, err);
	if (!ok)
		return fail_start(q, answered, err);
	if (!q->started) {
		struct error mismatch = {0};
		(void)!check_params(q, how, &mismatch);
		settle_failure(q, answered, &mismatch);
	}
	return true;
}

/* The worker has dropped the plan in the meantime (its list of them is short). */
static bool is_forgotten(const struct query *q, const struct error *err)
{
	return err->state == SQLSTATE_INVALID_STATEMENT_NAME && q->rows == 0;
}

static bool run_started(struct query *q, const struct query_sink *sink, enum query_end *end_out,
	bool *answered_out, struct error *err)
{
	bool ok = pump(q, sink, end_out, answered_out, err);
	worker_end(q->worker);
	q->started = false;
	return ok;
}

bool query_run(struct query *q, const struct query_execution *how, const struct query_sink *sink,
	enum query_end *end_out, uint64_t *rows_out, struct error *err)
{
	bool answered = !q->plan->node.len; /* a worker */
	size_t told = q->notice_count;
	if (!q->started && !query_start(q, how, err))
		return false;
	if (!q->started)
		return check_params(q, how, err);
	for (size_t i = told; sink->notice && i < q->notice_count; i++)
		sink->notice(sink->ctx, q->notices[i]);
	bool ok = q->plan->node.len ? query_remote_pump(q, how->max_rows, sink, end_out, err)
				    : run_started(q, sink, end_out, &answered, err);
	q->started = false;
	if (!ok && answered && is_forgotten(q, err)) {
		worker_forget_plan(q->worker, q->plan->id);
		if (!start_once(q, how, &answered, err))
			return fail_start(q, answered, err);
		ok = run_started(q, sink, end_out, &answered, err);
	}
	*rows_out = q->rows;
	if (!ok)
		return settle_failure(q, answered, err);
	settle_success(q, *end_out);
	return true;
}

void query_abandon(struct query *q)
{
	struct error err;
	error_set(&err, QUERY_CANCELED, "the client did not wait for the answer");
	if (q->worker)
		worker_end(q->worker);
	(void)!fail_start(q, false, &err);
}

static bool fetch_here(struct query *q, const struct query_more *more,
	const struct query_sink *sink, enum query_end *end_out, bool *answered_out,
	struct error *err)
{
	scoped(arena_free) struct arena *scratch = arena_new();
	const struct wire_prepared *d = atomic_load(&q->plan->description);
	const struct wire_fetch fetch = {
		.portal = PORTAL, .more = more, .column_count = d ? d->column_count : 0};
	worker_begin(q->worker, query_timeout(q));
	bool ok = worker_send(q->worker, W_FETCH, wire_fetch_json(scratch, &fetch), NULL, 0, err) &&
		  pump(q, sink, end_out, answered_out, err);
	worker_end(q->worker);
	return ok;
}

bool query_fetch(struct query *q, const struct query_more *more, const struct query_sink *sink,
	enum query_end *end_out, uint64_t *rows_out, struct error *err)
{
	if (!q->portal_open)
		return error_set(err, INVALID_CURSOR_STATE, "the portal is at its end");
	uint64_t before = q->rows;
	bool answered = false;
	atomic_store(&q->state, QUERY_RUNNING);
	bool ok = q->plan->node.len
			  ? query_remote_check_formats(q, more->column_formats, err) &&
				    query_remote_pump(q, more->max_rows, sink, end_out, err)
			  : fetch_here(q, more, sink, end_out, &answered, err);
	*rows_out = q->rows - before;
	if (!ok)
		return settle_failure(q, answered, err);
	settle_success(q, *end_out);
	return true;
}

static void end_portal_here(struct query *q)
{
	scoped(arena_free) struct arena *scratch = arena_new();
	struct frame frame = {0};
	struct error ignored;
	worker_begin(q->worker, PREPARE_TIMEOUT_MS);
	bool ok = worker_send(q->worker, W_CLOSE, wire_close_json(scratch, PORTAL), NULL, 0,
			  &ignored) &&
		  worker_receive(q->worker, scratch, &frame, &ignored);
	worker_end(q->worker);
	frame_close_fds(&frame);
	query_return_worker(q, ok && frame.type == W_FINE ? worker_left(q) : WORKER_SPOILT);
}

void query_end_portal(struct query *q)
{
	if (q->plan->node.len)
		query_remote_end(q);
	else
		end_portal_here(q);
	q->portal_open = false;
	query_audit_end(q, NULL);
}

bool query_still_allowed(const struct query *q, struct error *err)
{
	return !atomic_load(&q->cancelled) || query_cancelled_error(q, err);
}

void query_cancel(struct query *q)
{
	atomic_store(&q->cancelled, true);
	pthread_mutex_lock(&q->lock);
	if (q->worker)
		worker_interrupt(q->worker);
	query_remote_stop(q);
	query_parts_stop(q);
	pthread_mutex_unlock(&q->lock);
}
