/* Counters, gauges and the hourly sweep of histories. */
#include "server/tend.h"

#include <malloc.h>
#include <stdio.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/clock.h"
#include "catalog/model.h"
#include "server/checkpoint.h"
#include "server/runs-private.h"
#include "server/server-private.h"
#include "store/audit.h"
#include "store/runs.h"
#include "store/store.h"

enum { HOUR_S = 3600 };

void tend_count_query(struct server *server, const struct tend_query *query)
{
	scoped(arena_free) struct arena *arena = arena_new();
	const char *door = arena_cstr(arena, query->door);
	struct metrics *m = server->metrics;

	metrics_add(m, METRIC_QUERIES_TOTAL, door, query->outcome, 1);
	metrics_add(m, METRIC_QUERY_ROWS, door, NULL, (double)query->rows);
	metrics_add(m, METRIC_QUERY_BYTES, door, NULL, (double)query->bytes);
	metrics_observe(m, METRIC_QUERY_SECONDS, door, NULL, (double)query->duration_us / 1e6);
	if (query->queued_us >= 0)
		metrics_observe(
			m, METRIC_QUERY_QUEUE_SECONDS, NULL, NULL, (double)query->queued_us / 1e6);
}

/* Pages, the second number of /proc/self/statm (proc(5)). */
static double resident_bytes(void)
{
	char text[128];
	uint64_t pages = 0;
	FILE *file = fopen("/proc/self/statm", "re");

	if (!file)
		return 0;
	struct slice rest = slice_from_c(fgets(text, sizeof text, file));

	fclose(file);
	slice_split(&rest, ' ');
	if (!slice_to_u64(slice_split(&rest, ' '), &pages))
		return 0;
	return (double)pages * (double)sysconf(_SC_PAGESIZE);
}

static void gauge_workers(struct server *server)
{
	struct pool_stats stats = pool_stats(server->pool);
	struct metrics *m = server->metrics;

	metrics_set(m, METRIC_QUERIES_WAITING, NULL, NULL, (double)stats.waiting);
	metrics_set(m, METRIC_WORKERS, "running", NULL, (double)stats.running);
	metrics_set(m, METRIC_WORKERS, "idle", NULL, (double)stats.idle);
	metrics_set(m, METRIC_WORKERS, "warm", NULL, (double)stats.warm);
	metrics_set(m, METRIC_WORKERS_STARTED, NULL, NULL, (double)stats.started);
	metrics_set(m, METRIC_WORKERS_CRASHED, NULL, NULL, (double)stats.crashed);
	metrics_set(m, METRIC_WORKERS_KILLED, NULL, NULL, (double)stats.killed);
}

static void gauge_tables(struct server *server, const struct model *model, int64_t now)
{
	scoped(arena_free) struct arena *arena = arena_new();

	metrics_forget(server->metrics, METRIC_TABLE_AGE);
	metrics_forget(server->metrics, METRIC_SLO_BREACHED);
	for (size_t i = 0; i < model->table_count; i++) {
		const struct model_table *t = &model->tables[i];
		const char *domain = arena_cstr(arena, t->product->domain->name);
		const char *name = arena_cstr(arena, t->key);

		if (!t->version)
			continue;
		metrics_set(server->metrics, METRIC_TABLE_AGE, domain, name,
			(double)(now - t->published_us) / 1e6);
		metrics_set(server->metrics, METRIC_SLO_BREACHED, domain, name,
			model_slo_state(t, now) == SLO_BREACHED);
	}
}

static void gauge_runs(struct server *server)
{
	scoped(arena_free) struct arena *arena = arena_new();
	struct run_filter filter = {
		.states = 1 << RUN_QUEUED | 1 << RUN_RUNNING | 1 << RUN_PUBLISHING};
	struct run_row *rows;
	size_t count;
	size_t running = 0;
	struct error ignored;

	if (!store_runs_list(server->store, &filter, arena, &rows, &count, &ignored))
		return;
	for (size_t i = 0; i < count; i++)
		running += rows[i].state != RUN_QUEUED;
	metrics_set(server->metrics, METRIC_RUNS_ACTIVE, "running", NULL, (double)running);
	metrics_set(server->metrics, METRIC_RUNS_ACTIVE, "queued", NULL, (double)(count - running));
}

void tend_gauges(struct server *server)
{
	struct metrics *m = server->metrics;
	struct statvfs space;
	const struct model *model = server_model(server);

	metrics_set(m, METRIC_BUILD_INFO, WEFT_VERSION, NULL, 1);
	metrics_set(m, METRIC_START_TIME, NULL, NULL, (double)server->started_us / 1e6);
	metrics_set(m, METRIC_LOG_LOST, NULL, NULL, (double)log_lost(server->log));
	metrics_set(m, METRIC_RESIDENT_BYTES, NULL, NULL, resident_bytes());
	if (statvfs(server->data_dir, &space) == 0)
		metrics_set(m, METRIC_DISK_FREE_BYTES, NULL, NULL,
			(double)space.f_bavail * (double)space.f_frsize);
	struct plans_use plans = plans_use(server->plans);
	metrics_set(m, METRIC_PLANS, NULL, NULL, (double)plans.plans);
	metrics_set(m, METRIC_PLAN_BYTES, NULL, NULL, (double)plans.bytes);
	metrics_set(m, METRIC_PLANS_DROPPED, NULL, NULL, (double)plans.dropped);
	gauge_workers(server);
	gauge_runs(server);
	gauge_tables(server, model, clock_wall_us(&clock_system));
	server_model_release(server, &model);
}

void tend_store_failed(struct server *server, const char *what, const struct error *err)
{
	enum { QUIET_US = 10000000 };
	int64_t now = clock_mono_us(&clock_system);
	int64_t told = atomic_load(&server->store_told_us);

	if ((!told || now - told > QUIET_US) &&
		atomic_compare_exchange_strong(&server->store_told_us, &told, now))
		log_failure(server->log, EVENT_STORE_FAILED, NULL, what, err);
}

static void tell_breaches(struct server *server, int64_t now)
{
	const struct model *model = server_model(server);

	for (size_t i = 0; i < model->table_count; i++) {
		const struct model_table *t = &model->tables[i];

		if (model_slo_state(t, now) == SLO_BREACHED)
			log_say(server->log, SLO_BREACHED, NULL,
				log_str("product", t->product->full_name), log_str("table", t->key),
				log_int("age_s", (now - t->published_us) / 1000000));
	}
	server_model_release(server, &model);
}

void tend_hourly(struct server *server, int64_t *last_us)
{
	const struct config *config = server->config;
	int64_t mono = clock_mono_us(&clock_system);
	int64_t now = clock_wall_us(&clock_system);
	struct error err;

	if (*last_us && mono - *last_us < (int64_t)HOUR_S * 1000000)
		return;
	*last_us = mono;
	if (!store_runs_trim(server->store, config->run_history, &err) ||
		!audit_trim(server->store, now - config->audit_retention_ms * 1000, &err))
		log_failure(server->log, EVENT_STORE_FAILED, NULL, "drop old history", &err);
	failures_sweep(server, now - config->retention_ms * 1000);
	vacuum_all(server);
	tell_breaches(server, now);
}

void tend_memory(struct server *server, int64_t *last_us)
{
	enum { EVERY_US = 5000000 };
	int64_t now = clock_mono_us(&clock_system);

	if (now - *last_us < EVERY_US || !atomic_exchange(&server->memory_freed, false))
		return;
	*last_us = now;
	malloc_trim(0);
}
