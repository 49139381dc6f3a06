/*
 * One run on its thread: request, job process, checks, publish, what follows. The state in the
 * store goes queued -> running -> publishing -> succeeded, or failed / cancelled from anywhere
 * before the publish.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/num.h"
#include "base/str.h"
#include "catalog/model.h"
#include "server/audit.h"
#include "server/checkpoint.h"
#include "server/files.h"
#include "server/job-request.h"
#include "server/job.h"
#include "server/runs-private.h"
#include "server/server-private.h"
#include "server/tend.h"
#include "store/runs.h"
#include "store/versions.h"

static const int64_t retry_most_us = 3600LL * 1000000;

static void tell(struct active_run *run, json_t *event)
{
	watchers_tell(runs_watchers(run->runs), run->id, event);
	json_decref(event);
}

static void tell_state(struct active_run *run, enum run_state state)
{
	tell(run, json_pack("{s:s,s:s}", "event", "state", "state", run_state_name(state)));
}

static void note(struct active_run *run, const char *level, const char *text)
{
	struct error ignored;
	if (!run_logs_add(
		    run->server->store, run->id, slice_from_c(level), slice_from_c(text), &ignored))
		log_failure(
			run->server->log, EVENT_STORE_FAILED, NULL, "keep a run's log", &ignored);
	tell(run, json_pack("{s:s,s:s,s:s%}", "event", "log", "level", level, "message", text,
			  strlen(text)));
}

static void on_progress(void *ctx, const json_t *progress)
{
	struct active_run *run = ctx;
	struct error ignored;
	run->rows = json_get_i64(progress, "rows", run->rows);
	run->bytes = json_get_i64(progress, "bytes", run->bytes);
	if (!store_runs_progress(run->server->store, run->id, run->rows, run->bytes, &ignored))
		log_failure(run->server->log, EVENT_STORE_FAILED, NULL, "keep progress", &ignored);
	json_t *event = json_copy((json_t *)(uintptr_t)progress);
	json_object_set_new(event, "event", json_string("progress"));
	tell(run, event);
}

static void on_log(void *ctx, struct slice level, struct slice message)
{
	struct active_run *run = ctx;
	scoped(arena_free) struct arena *scratch = arena_new();
	char *text = arena_cstr(scratch, message);
	log_redact(text, strlen(text));
	note(run, level.len ? arena_cstr(scratch, level) : "info", text);
}

static bool call_job(
	struct active_run *run, const struct job_plan *plan, json_t **result, struct error *err)
{
	const struct config *config = run->server->config;
	struct job_call call = {.server = run->server,
		.request = plan->request,
		.timeout_ms = config->run_timeout_ms,
		.cancelled = &run->cancelled,
		.progress = on_progress,
		.log = on_log,
		.ctx = run};
	for (size_t i = 0; i < plan->query_count; i++)
		if (!query_audit_begin(plan->queries[i], err))
			return false;
	bool ok = job_call(&call, result, err);
	for (size_t i = 0; i < plan->query_count; i++)
		query_audit_end(plan->queries[i], ok ? NULL : err);
	return ok;
}

/* Where failing rows are kept, or none. */
static struct slice keep_failing_rows(struct active_run *run, const struct job_plan *plan,
	struct arena *arena, struct slice file, struct error *err)
{
	if (!file.len || slice_find(file, SLICE(".."), 0) != SIZE_MAX)
		return SLICE_NONE;
	size_t slash = slice_find(file, SLICE("/"), 0);
	struct slice base = slash == SIZE_MAX ? file : slice_sub(file, slash + 1, file.len);
	struct slice to = arena_printf(arena, "%s/lake/%.*s/%.*s/_failed/%lld/%.*s",
		run->server->data_dir, SLICE_FMT(plan->product->domain->name),
		SLICE_FMT(plan->product->name), (long long)run->id, SLICE_FMT(base));
	struct slice from = arena_printf(arena, "%s/%.*s", plan->staging, SLICE_FMT(file));
	if (!files_make_parents(to.ptr, err) || !files_move(from.ptr, to.ptr, err)) {
		note(run, "warn", err->msg);
		return SLICE_NONE;
	}
	return to;
}

struct check_results {
	struct check_row *rows;
	size_t count;
	size_t errors; /* failed with severity error */
	const struct check_row *first_error;
};

static struct slice expected_text(struct arena *arena, const struct manifest_quality *q)
{
	if (!q->operator_.len)
		return SLICE_NONE;
	return arena_printf(arena, "%.*s %g%s%s", SLICE_FMT(q->operator_), q->value,
		q->percent ? " %" : "",
		slice_find(q->operator_, SLICE("Between"), 0) == SIZE_MAX
			? ""
			: arena_cstr(arena, arena_printf(arena, " and %g", q->value_high)));
}

/* The rule of a check, or what the schema promises by itself (required, unique, primary key). */
static struct check_row check_base(
	const struct publish_table *table, const json_t *json, struct arena *arena)
{
	int64_t id = json_get_i64(json, "id", -1);
	if (id < 0 || (size_t)id >= table->schema->quality_count)
		return (struct check_row){
			.name = json_get_slice(json, "name"), .severity = SLICE("error")};
	const struct manifest_quality *q = &table->schema->quality[id];
	return (struct check_row){.name = q->name,
		.column = q->column,
		.dimension = q->dimension,
		.severity = q->severity,
		.expected = expected_text(arena, q)};
}

static void tell_check(struct active_run *run, const struct check_row *row, struct slice table)
{
	json_t *event = json_object();
	json_object_set_new(event, "event", json_string("check"));
	json_set_slice(event, "name", row->name);
	json_set_slice(event, "table", table);
	json_object_set_new(event, "ok", json_boolean(row->ok));
	json_set_slice(event, "severity", row->severity);
	json_set_slice(event, "message", row->message);
	tell(run, event);
	if (row->ok)
		return;
	struct log_context where = {.run = run->id};
	log_say(run->server->log, CHECK_FAILED, &where, log_str("check", row->name),
		log_str("severity", row->severity), log_int("rows", row->failing_rows));
}

static void take_check(struct active_run *run, const struct job_plan *plan, struct arena *arena,
	const struct publish_table *table, const json_t *json, struct check_results *out)
{
	struct error ignored;
	struct check_row *row = &out->rows[out->count++];
	json_t *value = json_object_get(json, "value");
	*row = check_base(table, json, arena);
	row->run = run->id;
	row->product = plan->product->full_name;
	row->table = table->key;
	row->ok = json_get_bool(json, "ok", false);
	row->value = value && !json_is_null(value) ? json_print(arena, value) : SLICE_NONE;
	row->message = json_get_slice(json, "message");
	row->failing_rows = json_get_i64(json, "failing_rows", -1);
	row->failing_path =
		keep_failing_rows(run, plan, arena, json_get_slice(json, "failing_file"), &ignored);
	row->time_us = clock_wall_us(&clock_system);
	if (!row->ok && slice_equal_c(row->severity, "error") && out->errors++ == 0)
		out->first_error = row;
	metrics_add(run->server->metrics, METRIC_CHECKS_TOTAL, run->domain,
		row->ok ? "ok" : "failed", 1);
	tell_check(run, row, table->job_name);
}

static const json_t *table_result(const json_t *result, struct slice name)
{
	json_t *tables = json_get_array(result, "tables");
	size_t i;
	json_t *table;
	json_array_foreach(tables, i,
		table) if (slice_equal(json_get_slice(table, "name"), name)) return table;
	return NULL;
}

static bool take_checks(struct active_run *run, const struct job_plan *plan, struct arena *arena,
	const json_t *result, struct check_results *out, struct error *err)
{
	size_t most = 0;
	json_t *tables = json_get_array(result, "tables");
	for (size_t i = 0; i < json_array_size(tables); i++)
		most += json_array_size(json_get_array(json_array_get(tables, i), "checks"));
	out->rows = arena_array_of(arena, struct check_row, most);
	for (size_t i = 0; i < plan->table_count; i++) {
		const json_t *table = table_result(result, plan->tables[i].job_name);
		json_t *checks = json_get_array(table, "checks");
		for (size_t j = 0; j < json_array_size(checks) && out->count < most; j++)
			take_check(
				run, plan, arena, &plan->tables[i], json_array_get(checks, j), out);
	}
	return out->count == 0 || checks_add(run->server->store, out->rows, out->count, err);
}

static bool judge(struct active_run *run, const struct check_results *checks, struct error *err)
{
	if (checks->errors == 0)
		return true;
	const struct check_row *first = checks->first_error;
	error_set(err, CONSTRAINT_VIOLATION, "%zu quality check%s failed: %.*s: %.*s",
		checks->errors, checks->errors == 1 ? "" : "s", SLICE_FMT(first->name),
		SLICE_FMT(first->message));
	return error_hint(err,
		"The last good version keeps serving. Failing rows: weft get failures %lld",
		(long long)run->id);
}

static bool move_to(struct active_run *run, unsigned from, enum run_state to, struct error *err)
{
	bool moved;
	if (!store_runs_move(run->server->store, run->id, from, to, &moved, err))
		return false;
	if (!moved)
		return error_set(err, QUERY_CANCELED, "the run was cancelled");
	tell_state(run, to);
	return true;
}

static bool publish(struct active_run *run, const struct job_plan *plan, const json_t *result,
	struct error *err)
{
	struct publish_request request = {.server = run->server,
		.product = plan->product,
		.run = run->id,
		.staging = plan->staging,
		.tables = plan->tables,
		.table_count = plan->table_count,
		.result = result};
	int64_t version;
	if (!move_to(run, 1U << RUN_RUNNING, RUN_PUBLISHING, err) ||
		!publish_result(&request, &version, err))
		return false;
	metrics_add(run->server->metrics, METRIC_PUBLISHES, run->domain, NULL, 1);
	struct log_context where = {.run = run->id};
	log_say(run->server->log, PUBLISHED, &where, log_cstr("product", run->product),
		log_int("version", version));
	struct error ignored;
	if (!server_model_refresh(run->server, &ignored))
		note(run, "error", ignored.msg);
	return true;
}

/* What the job wrote in all; progress was on its way only. */
static bool note_totals(struct active_run *run, const json_t *result, struct error *err)
{
	json_t *tables = json_get_array(result, "tables");
	run->rows = run->bytes = 0;
	for (size_t i = 0; i < json_array_size(tables); i++) {
		run->rows += json_get_i64(json_array_get(tables, i), "rows", 0);
		run->bytes += json_get_i64(json_array_get(tables, i), "bytes", 0);
	}
	return store_runs_progress(run->server->store, run->id, run->rows, run->bytes, err);
}

static bool work(struct active_run *run, struct error *err)
{
	scoped(arena_free) struct arena *arena = arena_new();
	scoped(job_plan_free) struct job_plan *plan = NULL;
	scoped(json_drop) json_t *result = NULL;
	struct check_results checks = {0};
	if (!job_plan_make(run->server, slice_from_c(run->product), run->id, run->mode, &plan, err))
		return false;
	bool ok = call_job(run, plan, &result, err) && note_totals(run, result, err) &&
		  take_checks(run, plan, arena, result, &checks, err) && judge(run, &checks, err);
	if (ok && run->mode == RUN_CHECK)
		ok = store_runs_end(run->server->store, run->id, RUN_SUCCEEDED, NULL, err);
	else if (ok)
		ok = publish(run, plan, result, err);
	remove_tree(plan->staging);
	if (ok && run->mode != RUN_CHECK)
		checkpoint_after(run->server, plan, run->id);
	return ok;
}

/* Pipelines say how often; checks that fail and rights that lack do not get better by themselves.
 */
static bool worth_retrying(const struct error *err)
{
	switch (err->state) {
	case SQLSTATE_CONNECTION_FAILURE:
	case SQLSTATE_CANNOT_CONNECT:
	case SQLSTATE_CRASH_SHUTDOWN:
	case SQLSTATE_DISK_FULL:
	case SQLSTATE_SERIALIZATION_FAILURE:
	case SQLSTATE_IO_ERROR:
	case SQLSTATE_INSUFFICIENT_RESOURCES: return true;
	default: return false;
	}
}

static void retry_later(struct active_run *run, const struct error *why)
{
	const struct model *model = server_model(run->server);
	const struct model_product *product = model_product_find(model, slice_from_c(run->product));
	if (product && run->attempt <= product->retry_max && worth_retrying(why)) {
		int64_t delay = max_of(product->retry_delay_us, 1000000);
		delay = min_of(delay << min_of(run->attempt - 1, 10), retry_most_us);
		struct run_order order = {.product = slice_from_c(run->product),
			.mode = run->mode,
			.trigger = SLICE("retry"),
			.reason = SLICE("the attempt before failed"),
			.by = SLICE("weft"),
			.retry_of = run->id,
			.attempt = run->attempt + 1,
			.not_before_us = clock_wall_us(&clock_system) + delay};
		int64_t id;
		struct error err;
		struct log_context where = {.run = run->id};
		if (runs_enqueue(run->server, &order, &id, &err))
			log_say(run->server->log, RUN_RETRY, &where, log_int("next", id),
				log_int("wait_ms", delay / 1000));
		else
			log_failure(run->server->log, EVENT_STORE_FAILED, &where, "retry", &err);
	}
	server_model_release(run->server, &model);
}

/* The store could not be written, most likely since the disk is full: says so to who follows the
 * run and pauses, for who calls tries again. */
static void wait_for_store(struct active_run *run, const char *what, const struct error *why)
{
	static const struct timespec try_every = {.tv_sec = 1};
	tend_store_failed(run->server, what, why);
	if (runs_stopping(run->runs))
		return;
	runs_tell_waiting(run->runs, run->id, why->msg);
	nanosleep(&try_every, NULL);
}

/* A run whose end is not written down would run for ever: while the disk is full it is tried again.
 */
static void end_run(struct active_run *run, enum run_state state, const struct error *failure)
{
	struct error err;
	while (!store_runs_end(run->server->store, run->id, state, failure, &err)) {
		wait_for_store(run, "end a run", &err);
		if (err.state != SQLSTATE_DISK_FULL || runs_stopping(run->runs))
			return;
	}
}

static void finish(struct active_run *run, const struct error *failure)
{
	struct server *server = run->server;
	struct log_context where = {.run = run->id};
	bool cancelled = failure && atomic_load(&run->cancelled);
	enum run_state state = !failure ? RUN_SUCCEEDED : cancelled ? RUN_CANCELLED : RUN_FAILED;
	if (failure)
		end_run(run, state, failure);
	if (!failure) {
		log_say(server->log, RUN_SUCCEEDED, &where, log_cstr("product", run->product));
		if (run->mode != RUN_CHECK)
			triggers_fire(server, slice_from_c(run->product), run->id);
	} else if (cancelled) {
		log_say(server->log, RUN_CANCELLED, &where, log_cstr("product", run->product));
	} else {
		note(run, "error", failure->msg);
		log_failure(server->log, EVENT_RUN_FAILED, &where, run->product, failure);
		retry_later(run, failure);
	}
	metrics_add(server->metrics, METRIC_RUN_ROWS, run->domain, NULL, (double)run->rows);
	metrics_add(server->metrics, METRIC_RUN_BYTES, run->domain, NULL, (double)run->bytes);
	metrics_add(server->metrics, METRIC_RUNS_TOTAL, run->domain, run_state_name(state), 1);
	tell_state(run, state);
}

void run_execute(struct active_run *run)
{
	struct error err;
	struct log_context where = {.run = run->id};
	int64_t begin = clock_mono_us(&clock_system);
	if (!move_to(run, 1U << RUN_QUEUED, RUN_RUNNING, &err)) {
		/* It stays in the queue, and is tried again. */
		if (err.state != SQLSTATE_QUERY_CANCELED)
			wait_for_store(run, "start a run", &err);
		return;
	}
	log_say(run->server->log, RUN_STARTED, &where, log_cstr("product", run->product),
		log_int("attempt", run->attempt));
	bool ok = work(run, &err);
	finish(run, ok ? NULL : &err);
	metrics_observe(run->server->metrics, METRIC_RUN_SECONDS, run->domain, NULL,
		(double)(clock_mono_us(&clock_system) - begin) / 1e6);
}
