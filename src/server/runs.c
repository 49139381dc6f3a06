/*
 * The queue of runs. What waits is in the store; a dispatcher thread looks every second, or when
 * poked, and starts a thread per run within the limits: in total, per domain, one at a time per
 * product, and not while an input of the product is itself queued or running (so that an apply
 * publishes in the order of dependency). What runs for people (start, cancel, watch) is in
 * runs-api.c.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <time.h>

#include "base/check.h"
#include "base/clock.h"
#include "catalog/model.h"
#include "server/runs-private.h"
#include "server/server-private.h"
#include "server/tend.h"
#include "store/runs.h"

struct runs {
	struct server *server;
	pthread_mutex_t lock;
	pthread_cond_t look;
	pthread_t dispatcher;
	bool started;
	bool stopping;
	bool poked;
	struct active_run *active;
	struct watchers *watchers;
	int64_t low_said_us; /* the dispatcher's: when the log was told of a full disk */
};

static const unsigned waiting_states = 1U << RUN_QUEUED;
static const unsigned open_states = 1U << RUN_QUEUED | 1U << RUN_RUNNING | 1U << RUN_PUBLISHING;

struct watchers *runs_watchers(struct runs *runs)
{
	return runs->watchers;
}

void runs_tell_waiting(struct runs *runs, int64_t run, const char *why)
{
	json_t *event = json_pack("{s:s,s:s}", "event", "waiting", "message", why);
	watchers_tell(runs->watchers, run, event);
	json_decref(event);
}

bool runs_stopping(struct runs *runs)
{
	pthread_mutex_lock(&runs->lock);
	bool stopping = runs->stopping;
	pthread_mutex_unlock(&runs->lock);
	return stopping;
}

bool runs_open(struct server *server, struct runs **out, struct error *err)
{
	(void)err;
	struct runs *runs = calloc(1, sizeof *runs);
	check(runs != NULL);
	runs->server = server;
	runs->watchers = watchers_new();
	pthread_condattr_t attr;
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&runs->look, &attr);
	pthread_condattr_destroy(&attr);
	pthread_mutex_init(&runs->lock, NULL);
	*out = runs;
	return true;
}

static void active_free(struct active_run *run)
{
	free(run->product);
	free(run->domain);
	free(run);
}

static void *run_main(void *arg)
{
	struct active_run *run = arg;
	run_execute(run);
	pthread_mutex_lock(&run->runs->lock);
	run->done = true;
	run->runs->poked = true;
	pthread_cond_signal(&run->runs->look);
	pthread_mutex_unlock(&run->runs->lock);
	return NULL;
}

static void reap_locked(struct runs *runs)
{
	struct active_run **at = &runs->active;
	while (*at) {
		struct active_run *run = *at;
		if (!run->done) {
			at = &run->next;
			continue;
		}
		*at = run->next;
		pthread_join(run->thread, NULL);
		active_free(run);
	}
}

static size_t active_of_locked(const struct runs *runs, const char *domain, const char *product)
{
	size_t count = 0;
	for (const struct active_run *r = runs->active; r; r = r->next)
		count += (!domain || strcmp(r->domain, domain) == 0) &&
			 (!product || strcmp(r->product, product) == 0);
	return count;
}

static bool listed(const struct run_row *rows, size_t count, struct slice product)
{
	for (size_t i = 0; i < count; i++)
		if (slice_equal_nocase(rows[i].product, product))
			return true;
	return false;
}

/* Whether an input of the product is on its way; a back-off of an input does not hold others up. */
static bool waits_for_input(
	const struct model_product *product, const struct run_row *rows, size_t count)
{
	for (size_t i = 0; product && i < product->input_count; i++)
		if (product->inputs[i] != product &&
			listed(rows, count, product->inputs[i]->full_name))
			return true;
	return false;
}

static enum run_mode mode_of(struct slice text)
{
	if (slice_equal_c(text, "full"))
		return RUN_FULL;
	return slice_equal_c(text, "check") ? RUN_CHECK : RUN_NORMAL;
}

static void start_locked(struct runs *runs, const struct run_row *row)
{
	struct active_run *run = calloc(1, sizeof *run);
	check(run != NULL);
	size_t dot = slice_find(row->product, SLICE("."), 0);
	run->server = runs->server;
	run->runs = runs;
	run->id = row->id;
	run->mode = mode_of(row->mode);
	run->attempt = row->attempt;
	run->product = strndup(row->product.ptr, row->product.len);
	run->domain = strndup(row->product.ptr, dot == SIZE_MAX ? row->product.len : dot);
	check(run->product && run->domain);
	atomic_init(&run->cancelled, false);
	run->next = runs->active;
	runs->active = run;
	if (pthread_create(&run->thread, NULL, run_main, run) != 0) {
		runs->active = run->next;
		active_free(run);
	}
}

static bool may_start_locked(struct runs *runs, const struct model *model,
	const struct run_row *row, const struct run_row *open, size_t open_count)
{
	const struct config *config = runs->server->config;
	const struct model_product *product = model_product_find(model, row->product);
	size_t dot = slice_find(row->product, SLICE("."), 0);
	if (dot == SIZE_MAX || row->not_before_us > clock_wall_us(&clock_system))
		return false;
	char *name = strndup(row->product.ptr, row->product.len);
	char *domain = strndup(row->product.ptr, dot);
	check(name && domain);
	int64_t most = product && product->domain->quota_runs ? product->domain->quota_runs
							      : config->runs_per_domain;
	bool ok = active_of_locked(runs, NULL, NULL) < (size_t)config->runs_max &&
		  active_of_locked(runs, domain, NULL) < (size_t)most &&
		  active_of_locked(runs, NULL, name) == 0 &&
		  !waits_for_input(product, open, open_count);
	free(name);
	free(domain);
	return ok;
}

/* Runs that wait for a back-off do not count as "on their way" for their dependants. */
static size_t without_backoff(struct run_row *rows, size_t count)
{
	int64_t now = clock_wall_us(&clock_system);
	size_t kept = 0;
	for (size_t i = 0; i < count; i++)
		if (rows[i].not_before_us <= now)
			rows[kept++] = rows[i];
	return kept;
}

static void say_no_room(struct runs *runs, uint64_t bytes, const struct run_row *rows, size_t count)
{
	enum { MIB = 1 << 20, SAY_EVERY_US = 60000000 };
	int64_t now_us = clock_mono_us(&clock_system);
	char why[160];
	snprintf(why, sizeof why,
		"less than lake.min_free, %lld MiB, is free where the data is: free some space",
		(long long)(runs->server->config->min_free_bytes / MIB));
	for (size_t i = 0; i < count; i++)
		if (rows[i].state == RUN_QUEUED)
			runs_tell_waiting(runs, rows[i].id, why);
	if (runs->low_said_us && now_us - runs->low_said_us < SAY_EVERY_US)
		return;
	runs->low_said_us = now_us;
	log_say(runs->server->log, DISK_LOW, NULL, log_int("free_bytes", (int64_t)bytes));
}

static bool disk_has_room(struct runs *runs, const struct run_row *rows, size_t count)
{
	struct statvfs info;
	if (statvfs(runs->server->data_dir, &info) != 0)
		return true;
	uint64_t bytes = (uint64_t)info.f_bavail * info.f_frsize;
	if (bytes >= (uint64_t)runs->server->config->min_free_bytes)
		return true;
	say_no_room(runs, bytes, rows, count);
	return false;
}

static void dispatch(struct runs *runs)
{
	scoped(arena_free) struct arena *scratch = arena_new();
	struct run_filter filter = {.states = open_states};
	struct run_row *rows;
	size_t count;
	struct error err;
	if (!store_runs_list(runs->server->store, &filter, scratch, &rows, &count, &err)) {
		log_failure(runs->server->log, EVENT_STORE_FAILED, NULL, "read the queue", &err);
		return;
	}
	count = without_backoff(rows, count);
	if (count == 0 || !disk_has_room(runs, rows, count))
		return;
	const struct model *model = server_model(runs->server);
	pthread_mutex_lock(&runs->lock);
	/* Newest first in the list; the oldest has waited the longest. */
	for (size_t i = count; i-- > 0 && !runs->stopping;)
		if (rows[i].state == RUN_QUEUED &&
			may_start_locked(runs, model, &rows[i], rows, count))
			start_locked(runs, &rows[i]);
	pthread_mutex_unlock(&runs->lock);
	server_model_release(runs->server, &model);
}

static void *dispatcher_main(void *arg)
{
	struct runs *runs = arg;
	int64_t tended_us = 0;
	int64_t trimmed_us = 0;
	pthread_mutex_lock(&runs->lock);
	while (!runs->stopping) {
		reap_locked(runs);
		runs->poked = false;
		pthread_mutex_unlock(&runs->lock);
		schedules_fire(runs->server);
		dispatch(runs);
		tend_hourly(runs->server, &tended_us);
		tend_memory(runs->server, &trimmed_us);
		query_settle(runs->server);
		pthread_mutex_lock(&runs->lock);
		struct timespec at;
		clock_gettime(CLOCK_MONOTONIC, &at);
		at.tv_sec++;
		if (!runs->poked && !runs->stopping)
			pthread_cond_timedwait(&runs->look, &runs->lock, &at);
	}
	pthread_mutex_unlock(&runs->lock);
	return NULL;
}

void runs_start(struct runs *runs)
{
	runs->started = pthread_create(&runs->dispatcher, NULL, dispatcher_main, runs) == 0;
	check(runs->started);
}

void runs_poke(struct runs *runs)
{
	if (!runs)
		return;
	pthread_mutex_lock(&runs->lock);
	runs->poked = true;
	pthread_cond_signal(&runs->look);
	pthread_mutex_unlock(&runs->lock);
}

/* Waits until no run is active; false when the time is over. */
static bool wait_idle_locked(struct runs *runs, int64_t ms)
{
	struct timespec until;
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += ms / 1000;
	until.tv_nsec += (ms % 1000) * 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000;
	}
	for (reap_locked(runs); runs->active; reap_locked(runs))
		if (pthread_cond_timedwait(&runs->look, &runs->lock, &until) != 0)
			break;
	reap_locked(runs);
	return runs->active == NULL;
}

void runs_stop(struct runs *runs, int64_t drain_ms)
{
	if (!runs->started)
		return;
	pthread_mutex_lock(&runs->lock);
	runs->stopping = true;
	pthread_cond_signal(&runs->look);
	pthread_mutex_unlock(&runs->lock);
	pthread_join(runs->dispatcher, NULL);
	runs->started = false;
	pthread_mutex_lock(&runs->lock);
	if (!wait_idle_locked(runs, drain_ms)) {
		for (struct active_run *r = runs->active; r; r = r->next)
			atomic_store(&r->cancelled, true);
		wait_idle_locked(runs, 20000);
	}
	check(runs->active == NULL);
	pthread_mutex_unlock(&runs->lock);
}

void runs_close(struct runs **runs_ptr)
{
	struct runs *runs = take(*runs_ptr);
	if (!runs)
		return;
	check(!runs->started);
	watchers_free(&runs->watchers);
	pthread_cond_destroy(&runs->look);
	pthread_mutex_destroy(&runs->lock);
	free(runs);
}

bool runs_cancel_active(struct runs *runs, int64_t id)
{
	bool found = false;
	pthread_mutex_lock(&runs->lock);
	for (struct active_run *r = runs->active; r; r = r->next)
		if (r->id == id) {
			atomic_store(&r->cancelled, true);
			found = true;
		}
	pthread_mutex_unlock(&runs->lock);
	return found;
}

static const char *mode_name(enum run_mode mode)
{
	switch (mode) {
	case RUN_NORMAL: return "normal";
	case RUN_FULL: return "full";
	case RUN_CHECK: return "check";
	}
	return "normal";
}

/* A full run does what a normal one would. */
static bool covers(enum run_mode queued, enum run_mode wanted)
{
	return queued == wanted || (queued == RUN_FULL && wanted == RUN_NORMAL);
}

/* A run of the same product and mode that did not begin yet does for both. */
static bool join_queued(struct server *server, const struct run_order *order, size_t *waiting_out,
	int64_t *run_out, struct error *err)
{
	scoped(arena_free) struct arena *scratch = arena_new();
	struct run_filter filter = {.states = waiting_states, .limit = 100000};
	struct run_row *rows;
	size_t count;
	*run_out = 0;
	*waiting_out = 0;
	if (!store_runs_list(server->store, &filter, scratch, &rows, &count, err))
		return false;
	size_t dot = slice_find(order->product, SLICE("."), 0);
	struct slice domain = slice_sub(order->product, 0, dot == SIZE_MAX ? 0 : dot + 1);
	for (size_t i = 0; i < count; i++) {
		*waiting_out += slice_starts_with(rows[i].product, domain);
		if (slice_equal_nocase(rows[i].product, order->product) &&
			covers(mode_of(rows[i].mode), order->mode) &&
			rows[i].not_before_us <= order->not_before_us)
			*run_out = rows[i].id;
	}
	return true;
}

bool runs_enqueue(
	struct server *server, const struct run_order *order, int64_t *run_out, struct error *err)
{
	size_t waiting;
	const struct config *config = server->config;
	if (!join_queued(server, order, &waiting, run_out, err))
		return false;
	if (*run_out) {
		runs_poke(server->runs);
		return true;
	}
	if (waiting >= (size_t)config->runs_queue)
		return error_set(err, LIMIT_EXCEEDED,
			"%zu runs of the domain wait already, which is the limit", waiting);
	struct run_row row = {.product = order->product,
		.mode = slice_from_c(mode_name(order->mode)),
		.trigger = order->trigger,
		.reason = order->reason,
		.by = order->by,
		.attempt = order->attempt ? order->attempt : 1,
		.retry_of = order->retry_of,
		.not_before_us = order->not_before_us};
	if (!store_runs_add(server->store, &row, run_out, err))
		return false;
	struct log_context where = {.run = *run_out};
	log_say(server->log, RUN_QUEUED, &where, log_str("product", order->product),
		log_str("trigger", order->trigger));
	runs_poke(server->runs);
	return true;
}
