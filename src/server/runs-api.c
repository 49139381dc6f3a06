/* Runs as people see them: start, cancel, retry, read, watch. To who does not own the product a run
 * looks absent. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/num.h"
#include "catalog/model.h"
#include "server/auth.h"
#include "server/runs-private.h"
#include "server/server-private.h"
#include "store/runs.h"

enum { WATCH_STEP_MS = 1000 };

static bool no_run(int64_t run, struct error *err)
{
	return error_set(err, UNDEFINED_OBJECT, "there is no run %lld", (long long)run);
}

static bool no_product(struct slice product, struct error *err)
{
	error_set(err, UNDEFINED_OBJECT, "there is no product %.*s", SLICE_FMT(product));
	return error_hint(err, "Products are called domain.product; weft get products lists them.");
}

static bool manages(
	struct server *server, const struct auth_identity *identity, struct slice product)
{
	const struct model *model = server_model(server);
	const struct model_product *p = model_product_find(model, product);
	bool ok = identity->principal.admin || (p && model_owns_product(&identity->principal, p));
	server_model_release(server, &model);
	return ok;
}

bool run_find(struct server *server, const struct auth_identity *identity, int64_t run,
	struct arena *arena, struct run_row *out, struct error *err)
{
	bool found;
	if (!store_runs_get(server->store, run, arena, out, &found, err))
		return false;
	return (found && manages(server, identity, out->product)) || no_run(run, err);
}

/* Who sees the product but does not own it is told so; to others it is absent. */
static bool check_product(struct server *server, const struct auth_identity *identity,
	struct slice product, struct error *err)
{
	const struct model *model = server_model(server);
	const struct model_product *p = model_product_find(model, product);
	const struct principal *who = &identity->principal;
	bool sees = p && (who->admin || model_sees_product(model, who, p));
	bool owns = p && (who->admin || model_owns_product(who, p));
	server_model_release(server, &model);
	if (!sees)
		return no_product(product, err);
	if (owns)
		return true;
	error_set(
		err, INSUFFICIENT_PRIVILEGE, "only owners of %.*s may run it", SLICE_FMT(product));
	return error_hint(err, "Ask its domain's team.");
}

bool run_start(struct server *server, const struct auth_identity *identity, struct slice product,
	enum run_mode mode, int64_t *run_out, struct error *err)
{
	if (!auth_require(identity, AUTH_RUN, err) ||
		!check_product(server, identity, product, err))
		return false;
	struct run_order order = {.product = product,
		.mode = mode,
		.trigger = SLICE("manual"),
		.reason = SLICE("asked for"),
		.by = identity->principal.name};
	return runs_enqueue(server, &order, run_out, err);
}

bool run_cancel(
	struct server *server, const struct auth_identity *identity, int64_t run, struct error *err)
{
	scoped(arena_free) struct arena *scratch = arena_new();
	struct run_row row;
	struct error why;
	bool moved;
	if (!auth_require(identity, AUTH_RUN, err) ||
		!run_find(server, identity, run, scratch, &row, err))
		return false;
	if (runs_cancel_active(server->runs, run))
		return true;
	error_set(&why, QUERY_CANCELED, "cancelled by %.*s", SLICE_FMT(identity->principal.name));
	if (!store_runs_move(server->store, run, 1U << RUN_QUEUED, RUN_CANCELLED, &moved, err))
		return false;
	if (moved)
		return true;
	return error_set(err, OBJECT_NOT_IN_PREREQUISITE_STATE, "run %lld is %s already",
		(long long)run, run_state_name(row.state));
}

bool run_retry(struct server *server, const struct auth_identity *identity, int64_t run,
	int64_t *run_out, struct error *err)
{
	scoped(arena_free) struct arena *scratch = arena_new();
	struct run_row row;
	if (!auth_require(identity, AUTH_RUN, err) ||
		!run_find(server, identity, run, scratch, &row, err))
		return false;
	if (row.state != RUN_FAILED && row.state != RUN_CANCELLED)
		return error_set(err, OBJECT_NOT_IN_PREREQUISITE_STATE,
			"run %lld is %s; only failed and cancelled runs can be retried",
			(long long)run, run_state_name(row.state));
	struct run_order order = {.product = row.product,
		.mode = slice_equal_c(row.mode, "full")	   ? RUN_FULL
			: slice_equal_c(row.mode, "check") ? RUN_CHECK
							   : RUN_NORMAL,
		.trigger = SLICE("retry"),
		.reason = SLICE("asked for"),
		.by = identity->principal.name,
		.retry_of = run};
	return runs_enqueue(server, &order, run_out, err);
}

static void set_time(json_t *object, const char *key, int64_t us)
{
	char text[CLOCK_TEXT_BYTES];
	if (us)
		clock_format(us, text);
	json_object_set_new(object, key, us ? json_string(text) : json_null());
}

json_t *run_check_json(const struct check_row *check)
{
	json_t *json = json_object();
	json_set_slice(json, "name", check->name);
	json_set_slice(json, "table", check->table);
	json_set_slice(json, "column", check->column);
	json_object_set_new(json, "ok", json_boolean(check->ok));
	json_set_slice(json, "severity", check->severity);
	json_set_slice(json, "value", check->value);
	json_set_slice(json, "expected", check->expected);
	json_set_slice(json, "message", check->message);
	json_object_set_new(json, "failing_rows", json_integer(check->failing_rows));
	return json;
}

static bool row_json(
	struct server *server, const struct run_row *row, json_t **out, struct error *err)
{
	scoped(arena_free) struct arena *scratch = arena_new();
	struct check_row *checks;
	size_t count;
	if (!checks_list(server->store, row->id, scratch, &checks, &count, err))
		return false;
	json_t *json = json_object();
	json_object_set_new(json, "id", json_integer(row->id));
	json_set_slice(json, "product", row->product);
	json_set_slice(json, "mode", row->mode);
	json_object_set_new(json, "state", json_string(run_state_name(row->state)));
	json_object_set_new(json, "attempt", json_integer(row->attempt));
	json_set_slice(json, "trigger", row->trigger);
	json_set_slice(json, "reason", row->reason);
	json_set_slice(json, "by", row->by);
	set_time(json, "queued", row->queued_us);
	set_time(json, "started", row->started_us);
	set_time(json, "ended", row->ended_us);
	json_object_set_new(json, "rows", json_integer(row->rows));
	json_object_set_new(json, "bytes", json_integer(row->bytes));
	json_object_set_new(json, "version", json_integer(row->version));
	json_t *failure = row->error_message.len ? json_object() : json_null();
	if (row->error_message.len) {
		json_set_slice(failure, "state", row->error_state);
		json_set_slice(failure, "message", row->error_message);
		json_set_slice(failure, "hint", row->error_hint);
	}
	json_object_set_new(json, "error", failure);
	json_t *list = json_array();
	for (size_t i = 0; i < count; i++)
		json_array_append_new(list, run_check_json(&checks[i]));
	json_object_set_new(json, "checks", list);
	*out = json;
	return true;
}

bool run_get(struct server *server, const struct auth_identity *identity, int64_t run, json_t **out,
	struct error *err)
{
	scoped(arena_free) struct arena *scratch = arena_new();
	struct run_row row;
	return auth_require(identity, AUTH_READ, err) &&
	       run_find(server, identity, run, scratch, &row, err) &&
	       row_json(server, &row, out, err);
}

struct watching {
	struct server *server;
	const struct auth_identity *identity;
	int64_t run;
	int64_t log_number; /* last one that was passed on */
	run_watch_fn fn;
	void *ctx;
	bool stopped;
};

static void pass(struct watching *w, json_t *event)
{
	json_object_set_new(event, "run", json_integer(w->run));
	if (!w->stopped)
		w->stopped = !w->fn(w->ctx, event);
	json_decref(event);
}

/* Log lines come from the store only, so none is lost or told twice. */
static bool pass_logs(struct watching *w, struct error *err)
{
	scoped(arena_free) struct arena *scratch = arena_new();
	struct run_log_list rows;
	if (!run_logs_list(w->server->store, w->run, w->log_number, scratch, &rows, err))
		return false;
	for (size_t i = 0; i < rows.count; i++) {
		json_t *event = json_object();
		json_object_set_new(event, "event", json_string("log"));
		json_set_slice(event, "level", rows.items[i].level);
		json_set_slice(event, "message", rows.items[i].message);
		set_time(event, "time", rows.items[i].time_us);
		w->log_number = rows.items[i].number;
		pass(w, event);
	}
	return true;
}

static bool ended(enum run_state state)
{
	return state == RUN_SUCCEEDED || state == RUN_FAILED || state == RUN_CANCELLED;
}

/* *end_out: the run is over and its end was told. */
static bool pass_end(struct watching *w, bool *end_out, struct error *err)
{
	scoped(arena_free) struct arena *scratch = arena_new();
	struct run_row row;
	json_t *event;
	*end_out = false;
	if (!run_find(w->server, w->identity, w->run, scratch, &row, err))
		return false;
	if (!ended(row.state))
		return true;
	if (!pass_logs(w, err) || !row_json(w->server, &row, &event, err))
		return false;
	json_object_set_new(event, "event", json_string("end"));
	pass(w, event);
	*end_out = true;
	return true;
}

static bool follow_run(struct watching *w, uint64_t after, int timeout_ms, struct error *err)
{
	int quiet_ms = 0;
	bool end = false;
	while (!w->stopped && !end && (timeout_ms == 0 || quiet_ms < timeout_ms)) {
		if (!pass_logs(w, err) || !pass_end(w, &end, err))
			return false;
		if (end || w->stopped)
			break;
		json_t *event = watchers_next(
			runs_watchers(w->server->runs), w->run, &after, WATCH_STEP_MS);
		quiet_ms = event ? 0 : quiet_ms + WATCH_STEP_MS;
		if (event && slice_equal_c(json_get_slice(event, "event"), "log"))
			json_decref(event);
		else if (event)
			pass(w, event);
	}
	return true;
}

bool run_watch(struct server *server, const struct run_watch *watch, struct error *err)
{
	struct watching w = {.server = server,
		.identity = watch->identity,
		.run = watch->run,
		.fn = watch->fn,
		.ctx = watch->ctx};
	bool end;
	if (!auth_require(w.identity, AUTH_READ, err) || !pass_end(&w, &end, err))
		return false;
	if (end || w.stopped)
		return true;
	return watch->follow ? follow_run(&w, 0, watch->timeout_ms, err) : pass_logs(&w, err);
}
