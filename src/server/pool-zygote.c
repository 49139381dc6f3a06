/*
 * The zygote: `weft-worker zygote`, one thread, DuckDB opened, forks a child per request in a few
 * milliseconds. When it dies it is started again, with a delay that doubles from 100 ms to 10 s
 * while it keeps failing. Its children live on without it.
 */
#include <stdlib.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/num.h"
#include "ipc/worker.h"
#include "log/log.h"
#include "server/pool-private.h"

static const int64_t delay_first_us = 100000;
static const int64_t delay_most_us = 10000000;

void zygote_init(struct zygote *zygote)
{
	*zygote = (struct zygote){.channel.fd = -1, .process.pidfd = -1};
	pthread_mutex_init(&zygote->lock, NULL);
}

static void stop_locked(struct zygote *zygote)
{
	if (!zygote->running)
		return;
	zygote->running = false;
	channel_close(&zygote->channel);
	process_end(&zygote->process);
}

void zygote_end(struct zygote *zygote)
{
	pthread_mutex_lock(&zygote->lock);
	stop_locked(zygote);
	pthread_mutex_unlock(&zygote->lock);
	pthread_mutex_destroy(&zygote->lock);
}

static bool start_locked(struct pool *pool, struct error *err)
{
	struct zygote *zygote = &pool->zygote;
	struct channel theirs;
	if (!channel_pair(&zygote->channel, &theirs, err))
		return false;
	const char *argv[] = {pool->worker_path, "zygote", NULL};
	struct spawn spawn = {
		.path = pool->worker_path, .argv = argv, .fds = &theirs.fd, .fd_count = 1};
	zygote->running = process_spawn(&spawn, &zygote->process, err);
	channel_close(&theirs);
	if (!zygote->running)
		channel_close(&zygote->channel);
	else
		log_say(pool->config.log, ZYGOTE_START, NULL, log_int("pid", zygote->process.pid));
	return zygote->running;
}

/* One W_FORK; afterwards the zygote is known to be well, or not. */
static bool ask_locked(
	struct zygote *zygote, struct channel child_end, struct worker *worker, struct error *err)
{
	if (!channel_send(&zygote->channel, W_FORK, SLICE("{}"), &child_end.fd, 1, err))
		return false;
	scoped(arena_free) struct arena *arena = arena_new();
	struct frame frame;
	if (!channel_receive(&zygote->channel, arena, ZYGOTE_REPLY_MS, &frame, err))
		return false;
	if (frame.type != W_FORKED || frame.fd_count != 1) {
		frame_close_fds(&frame);
		return error_set(err, INTERNAL_ERROR, "the zygote answered with frame %d: %.*s",
			frame.type, SLICE_FMT(frame.payload));
	}
	scoped(json_drop) json_t *json = json_parse(frame.payload, err);
	worker->process.pid = json ? (pid_t)json_get_i64(json, "pid", -1) : -1;
	worker->process.pidfd = frame.fds[0];
	return json != NULL;
}

static bool fork_locked(
	struct pool *pool, struct channel child_end, struct worker *worker, struct error *err)
{
	struct zygote *zygote = &pool->zygote;
	int64_t now = clock_mono_us(&clock_system);
	if (!zygote->running && now < zygote->next_try_us) {
		error_set(err, INSUFFICIENT_RESOURCES, "no worker can be started at the moment");
		return error_hint(err, "The worker program keeps failing; see the node's log.");
	}
	if ((zygote->running || start_locked(pool, err)) &&
		ask_locked(zygote, child_end, worker, err)) {
		zygote->delay_us = 0;
		return true;
	}
	stop_locked(zygote);
	zygote->delay_us =
		zygote->delay_us ? min_of(zygote->delay_us * 2, delay_most_us) : delay_first_us;
	zygote->next_try_us = now + zygote->delay_us;
	log_failure(pool->config.log, EVENT_ZYGOTE_FAILED, NULL, "start a worker", err);
	return error_wrap(err, "start a worker");
}

bool zygote_fork(struct pool *pool, struct worker **out, struct error *err)
{
	struct worker *worker = calloc(1, sizeof *worker);
	check(worker != NULL);
	worker->pool = pool;
	worker->process = (struct process){.pid = -1, .pidfd = -1};
	struct channel theirs;
	if (!channel_pair(&worker->channel, &theirs, err)) {
		free(worker);
		return false;
	}
	pthread_mutex_lock(&pool->zygote.lock);
	/* A zygote that died is replaced once at once; only its successor's failure is the
	 * caller's. */
	bool had = pool->zygote.running;
	bool ok = fork_locked(pool, theirs, worker, err);
	if (!ok && had) {
		pool->zygote.next_try_us = 0;
		ok = fork_locked(pool, theirs, worker, err);
	}
	pthread_mutex_unlock(&pool->zygote.lock);
	channel_close(&theirs);
	if (!ok) {
		worker_destroy(worker);
		return false;
	}
	log_say(pool->config.log, WORKER_START, NULL, log_int("pid", worker->process.pid));
	*out = worker;
	return true;
}
