/*
 * One worker process as the server sees it: its frames, what it may read, what it has prepared, and
 * its end. Neighbours: pool.c decides who gets it, pool-zygote.c makes it, query.c talks to it.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/json.h"
#include "ipc/worker.h"
#include "log/log.h"
#include "server/files.h"
#include "server/pool-private.h"

static int compare_slices(const void *a, const void *b)
{
	return slice_compare(*(const struct slice *)a, *(const struct slice *)b);
}

static bool make_spill_dir(struct worker *worker, struct error *err)
{
	struct pool *pool = worker->pool;
	pthread_mutex_lock(&pool->lock);
	uint64_t number = ++pool->spill_number;
	pthread_mutex_unlock(&pool->lock);
	if (asprintf(&worker->spill_dir, "%s/%llu", pool->spill_root, (unsigned long long)number) <
		0)
		panic("out of memory");
	if (mkdir(worker->spill_dir, 0700) != 0)
		return error_set_errno(err, errno, "make the spill folder %s", worker->spill_dir);
	return true;
}

bool worker_narrow(struct worker *worker, const struct pool_request *request, struct error *err)
{
	if (!make_spill_dir(worker, err))
		return false;
	worker->key = request->key;
	worker->arena = arena_new();
	struct pool_grant *grant = &worker->grant;
	if (!request->narrow(request->ctx, worker->arena, worker->spill_dir, grant, err))
		return false;
	if (grant->file_count)
		qsort(grant->files, grant->file_count, sizeof *grant->files, compare_slices);
	if (!worker_send(worker, W_NARROW, grant->payload, NULL, 0, err))
		return false;
	struct frame frame;
	if (!worker_receive(worker, worker->arena, &frame, err))
		return false;
	frame_close_fds(&frame);
	if (frame.type == W_ERROR)
		return worker_error(worker, &frame, err);
	if (frame.type != W_FINE) {
		worker->gone = true;
		return error_set(err, INTERNAL_ERROR, "unexpected answer %d to narrow", frame.type);
	}
	return true;
}

void worker_destroy(struct worker *worker)
{
	log_say(worker->pool->config.log, WORKER_END, NULL, log_int("pid", worker->process.pid));
	channel_close(&worker->channel);
	process_end(&worker->process);
	if (worker->spill_dir)
		remove_tree(worker->spill_dir);
	free(worker->spill_dir);
	arena_free(&worker->arena);
	free(worker);
}

bool worker_has_plan(const struct worker *worker, uint64_t plan)
{
	for (size_t i = 0; plan && i < WORKER_PLANS; i++)
		if (worker->plans[i] == plan)
			return true;
	return false;
}

void worker_note_plan(struct worker *worker, uint64_t plan)
{
	worker->plans[worker->plan_next++ % WORKER_PLANS] = plan;
}

void worker_forget_plan(struct worker *worker, uint64_t plan)
{
	for (size_t i = 0; i < WORKER_PLANS; i++)
		if (worker->plans[i] == plan)
			worker->plans[i] = 0;
}

static bool below_dirs(const struct worker *worker, struct slice file)
{
	for (size_t i = 0; i < worker->grant.dir_count; i++) {
		struct slice dir = worker->grant.dirs[i];
		if (file.len > dir.len && file.ptr[dir.len] == '/' && slice_starts_with(file, dir))
			return true;
	}
	return false;
}

bool worker_covers(const struct worker *worker, const struct slice *files, size_t file_count)
{
	for (size_t i = 0; i < file_count; i++) {
		bool listed = worker->grant.file_count &&
			      bsearch(&files[i], worker->grant.files, worker->grant.file_count,
				      sizeof *files, compare_slices);
		if (!listed && !below_dirs(worker, files[i]))
			return false;
	}
	return true;
}

void worker_begin(struct worker *worker, int64_t timeout_ms)
{
	struct pool *pool = worker->pool;
	pthread_mutex_lock(&pool->lock);
	worker->running = true;
	worker->deadline_us = timeout_ms > 0 ? clock_mono_us(&clock_system) + timeout_ms * 1000 : 0;
	/* Waking the supervisor for each statement would cost as much as a small statement. */
	if (timeout_ms > 0 && worker->deadline_us < pool->next_look_us)
		pthread_cond_signal(&pool->supervise);
	pthread_mutex_unlock(&pool->lock);
}

void worker_end(struct worker *worker)
{
	pthread_mutex_lock(&worker->pool->lock);
	worker->running = false;
	worker->deadline_us = 0;
	pthread_mutex_unlock(&worker->pool->lock);
}

void worker_interrupt(struct worker *worker)
{
	struct pool *pool = worker->pool;
	pthread_mutex_lock(&pool->lock);
	if (!worker->interrupted) {
		worker->interrupted = true;
		worker->kill_at_us = clock_mono_us(&clock_system) + (int64_t)KILL_AFTER_MS * 1000;
		process_signal(&worker->process, SIGINT);
		pthread_cond_signal(&pool->supervise);
	}
	pthread_mutex_unlock(&pool->lock);
}

/* PostgreSQL's words: drivers look for them. */
static bool cancelled_error(bool timed_out, struct error *err)
{
	if (!timed_out)
		return error_set(err, QUERY_CANCELED, "canceling statement due to user request");
	error_set(err, QUERY_CANCELED, "canceling statement due to statement timeout");
	return error_hint(err, "Ask for less, or raise statement_timeout within the limit.");
}

/* The channel broke: why, as far as the server knows. */
static bool explain_end(struct worker *worker, struct error *err)
{
	worker->gone = true;
	pthread_mutex_lock(&worker->pool->lock);
	bool timed_out = worker->timed_out;
	bool interrupted = worker->interrupted;
	if (!interrupted)
		worker->pool->stats.crashed++;
	pthread_mutex_unlock(&worker->pool->lock);
	if (!interrupted)
		log_say(worker->pool->config.log, WORKER_CRASHED, NULL,
			log_int("pid", worker->process.pid),
			log_cstr("principal", worker->principal));
	if (timed_out || interrupted)
		return cancelled_error(timed_out, err);
	error_set(err, CRASH_SHUTDOWN, "the worker that ran this statement ended unexpectedly");
	return error_hint(err,
		"Only this statement is affected. It may have needed more memory than "
		"a worker has; try again, or ask for less.");
}

bool worker_send(struct worker *worker, uint8_t type, struct slice payload, const int *fds,
	size_t fd_count, struct error *err)
{
	if (channel_send(&worker->channel, type, payload, fds, fd_count, err))
		return true;
	return err->state == SQLSTATE_CONNECTION_FAILURE ? explain_end(worker, err) : false;
}

bool worker_receive(
	struct worker *worker, struct arena *arena, struct frame *out, struct error *err)
{
	if (channel_receive(&worker->channel, arena, 0, out, err))
		return true;
	if (err->state == SQLSTATE_CONNECTION_FAILURE)
		return explain_end(worker, err);
	worker->gone = true;
	return false;
}

bool worker_error(struct worker *worker, const struct frame *frame, struct error *err)
{
	struct error bad;
	scoped(json_drop) json_t *json = json_parse(frame->payload, &bad);
	if (!json)
		return error_set(err, INTERNAL_ERROR, "a worker's error could not be read");
	char code[6] = {0};
	struct slice state = json_get_slice(json, "state");
	if (state.len == 5)
		memcpy(code, state.ptr, 5);
	struct slice message = json_get_slice(json, "message");
	error_set(err, INTERNAL_ERROR, "%.*s", SLICE_FMT(message));
	err->state = sqlstate_from_code(code);
	worker->gone |= worker_ends_after(err->state);
	err->position = (int)json_get_i64(json, "position", 0);
	struct slice hint = json_get_slice(json, "hint");
	if (hint.len)
		error_hint(err, "%.*s", SLICE_FMT(hint));
	pthread_mutex_lock(&worker->pool->lock);
	bool timed_out = worker->timed_out;
	pthread_mutex_unlock(&worker->pool->lock);
	/* The engine only knows that it was interrupted. */
	if (err->state == SQLSTATE_QUERY_CANCELED)
		return cancelled_error(timed_out, err);
	return false;
}
