/*
 * The pool. A worker is in exactly one list: warm (forked, nobody's), idle (narrowed, waits for its
 * principal), busy (lent to a thread), dying (to be ended by the supervisor). All lists are under
 * one lock; forks, narrowing and ends happen outside of it. The supervisor thread keeps children
 * warm, ends what idles too long, and enforces time-outs: SIGINT, then SIGKILL.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/num.h"
#include "log/log.h"
#include "server/files.h"
#include "server/pool-private.h"

static const int64_t wait_default_ms = 60000;
static const int64_t close_wait_us = 5000000;

void list_add(struct worker_list *list, struct worker *worker)
{
	struct worker **at = &list->first;
	while (*at)
		at = &(*at)->next;
	worker->next = NULL;
	*at = worker;
	list->len++;
}

void list_remove(struct worker_list *list, struct worker *worker)
{
	struct worker **at = &list->first;
	while (*at != worker) {
		check(*at != NULL);
		at = &(*at)->next;
	}
	*at = worker->next;
	list->len--;
}

static struct timespec mono_time(int64_t us)
{
	return (struct timespec){.tv_sec = us / 1000000, .tv_nsec = (us % 1000000) * 1000};
}

static void retire_locked(struct pool *pool, struct worker_list *from, struct worker *worker)
{
	list_remove(from, worker);
	list_add(&pool->dying, worker);
	pthread_cond_signal(&pool->supervise);
}

/* Interrupts and kills what is over its time; returns when to look again. */
static int64_t enforce_locked(struct pool *pool, int64_t now, int64_t next)
{
	for (struct worker *w = pool->busy.first; w; w = w->next) {
		if (w->running && w->deadline_us && now >= w->deadline_us && !w->interrupted) {
			w->interrupted = w->timed_out = true;
			w->kill_at_us = now + (int64_t)KILL_AFTER_MS * 1000;
			process_signal(&w->process, SIGINT);
		}
		if (w->running && w->interrupted && w->kill_at_us && now >= w->kill_at_us) {
			w->kill_at_us = 0;
			pool->stats.killed++;
			log_say(pool->config.log, WORKER_KILLED, NULL,
				log_int("pid", w->process.pid),
				log_cstr("principal", w->principal));
			process_signal(&w->process, SIGKILL);
		}
		if (w->running && w->deadline_us && !w->interrupted)
			next = min_of(next, w->deadline_us);
		if (w->kill_at_us)
			next = min_of(next, w->kill_at_us);
	}
	return next;
}

static int64_t retire_idle_locked(struct pool *pool, int64_t now, int64_t next)
{
	int64_t idle_us = pool->config.idle_ms * 1000;
	while (pool->idle.first && now >= pool->idle.first->idle_since_us + idle_us)
		retire_locked(pool, &pool->idle, pool->idle.first);
	if (pool->idle.first)
		next = min_of(next, pool->idle.first->idle_since_us + idle_us);
	return next;
}

/* Both leave the lock for the slow part. */
static void bury_locked(struct pool *pool)
{
	while (pool->dying.first) {
		struct worker *worker = pool->dying.first;
		list_remove(&pool->dying, worker);
		pthread_mutex_unlock(&pool->lock);
		worker_destroy(worker);
		pthread_mutex_lock(&pool->lock);
	}
}

static bool warm_up_locked(struct pool *pool)
{
	struct worker *worker;
	struct error err;
	pthread_mutex_unlock(&pool->lock);
	bool ok = zygote_fork(pool, &worker, &err);
	pthread_mutex_lock(&pool->lock);
	if (!ok)
		return false;
	pool->stats.started++;
	list_add(&pool->warm, worker);
	return true;
}

static void *supervisor_main(void *arg)
{
	struct pool *pool = arg;
	pthread_mutex_lock(&pool->lock);
	while (!pool->closing) {
		int64_t now = clock_mono_us(&clock_system);
		int64_t next = now + 1000000;
		next = enforce_locked(pool, now, next);
		next = retire_idle_locked(pool, now, next);
		if (pool->dying.first) {
			bury_locked(pool);
			continue;
		}
		if (pool->warm.len < pool->config.warm && warm_up_locked(pool))
			continue;
		struct timespec at = mono_time(next);
		pool->next_look_us = next;
		pthread_cond_timedwait(&pool->supervise, &pool->lock, &at);
		pool->next_look_us = 0;
	}
	pthread_mutex_unlock(&pool->lock);
	return NULL;
}

static void init_conditions(struct pool *pool)
{
	pthread_condattr_t attr;
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&pool->changed, &attr);
	pthread_cond_init(&pool->supervise, &attr);
	pthread_condattr_destroy(&attr);
	pthread_mutex_init(&pool->lock, NULL);
}

static void pool_free(struct pool *pool)
{
	zygote_end(&pool->zygote);
	fair_fini(&pool->queue);
	pthread_cond_destroy(&pool->changed);
	pthread_cond_destroy(&pool->supervise);
	pthread_mutex_destroy(&pool->lock);
	remove_tree(pool->spill_root);
	free(pool->worker_path);
	free(pool->spill_root);
	free(pool);
}

bool pool_open(const struct pool_config *config, struct pool **out, struct error *err)
{
	struct pool *pool = calloc(1, sizeof *pool);
	check(pool != NULL);
	pool->config = *config;
	pool->worker_path = strdup(config->worker_path);
	pool->spill_root = strdup(config->spill_root);
	check(pool->worker_path && pool->spill_root);
	fair_init(&pool->queue, config->max_workers, config->max_per_principal);
	init_conditions(pool);
	zygote_init(&pool->zygote);
	remove_tree(pool->spill_root);
	if (mkdir(pool->spill_root, 0700) != 0) {
		error_set_errno(err, errno, "make the folder %s", pool->spill_root);
		pool_free(pool);
		return false;
	}
	if (pthread_create(&pool->supervisor, NULL, supervisor_main, pool) != 0) {
		error_set(err, INSUFFICIENT_RESOURCES, "no thread for the worker supervisor");
		pool_free(pool);
		return false;
	}
	*out = pool;
	return true;
}

static void destroy_all(struct worker_list *list)
{
	while (list->first) {
		struct worker *worker = list->first;
		list_remove(list, worker);
		worker_destroy(worker);
	}
}

void pool_close(struct pool **pool_ptr)
{
	struct pool *pool = take(*pool_ptr);
	if (!pool)
		return;
	pthread_mutex_lock(&pool->lock);
	pool->closing = true;
	for (struct worker *w = pool->busy.first; w; w = w->next) {
		w->interrupted = true;
		process_signal(&w->process, SIGKILL);
	}
	pthread_cond_broadcast(&pool->changed);
	pthread_cond_signal(&pool->supervise);
	int64_t until = clock_mono_us(&clock_system) + close_wait_us;
	struct timespec at = mono_time(until);
	while (pool->busy.first && pthread_cond_timedwait(&pool->changed, &pool->lock, &at) == 0)
		;
	check(pool->busy.first == NULL);
	pthread_mutex_unlock(&pool->lock);
	pthread_join(pool->supervisor, NULL);
	destroy_all(&pool->warm);
	destroy_all(&pool->idle);
	destroy_all(&pool->dying);
	pool_free(pool);
}

struct pool_stats pool_stats(struct pool *pool)
{
	pthread_mutex_lock(&pool->lock);
	struct pool_stats stats = pool->stats;
	stats.running = pool->busy.len;
	stats.idle = pool->idle.len;
	stats.warm = pool->warm.len;
	stats.waiting = pool->queue.waiting;
	pthread_mutex_unlock(&pool->lock);
	return stats;
}

bool pool_healthy(struct pool *pool, struct error *err)
{
	pthread_mutex_lock(&pool->zygote.lock);
	bool ok = pool->zygote.running;
	pthread_mutex_unlock(&pool->zygote.lock);
	return ok || error_set(err, CANNOT_CONNECT_NOW, "no worker process is running");
}

void pool_drop_idle(struct pool *pool)
{
	pthread_mutex_lock(&pool->lock);
	while (pool->idle.first)
		retire_locked(pool, &pool->idle, pool->idle.first);
	for (struct worker *w = pool->busy.first; w; w = w->next)
		w->stale = true;
	pthread_mutex_unlock(&pool->lock);
}

void pool_set_limit(struct pool *pool, size_t max_per_principal)
{
	pthread_mutex_lock(&pool->lock);
	pool->config.max_per_principal = max_per_principal;
	pool->queue.max_per_principal = max_per_principal;
	pthread_cond_broadcast(&pool->changed);
	pthread_mutex_unlock(&pool->lock);
}

static bool same_key(struct worker_key a, struct worker_key b)
{
	return a.words[0] == b.words[0] && a.words[1] == b.words[1];
}

/* A worker that died while it was nobody's must not cost a statement. */
static bool is_alive_locked(struct pool *pool, struct worker_list *list, struct worker *worker)
{
	if (!process_wait(&worker->process, 0, NULL))
		return true;
	retire_locked(pool, list, worker);
	return false;
}

/* Of the key's idle workers one that has the plan, else one that may read the files. */
static struct worker *find_idle_locked(struct pool *pool, const struct pool_request *request)
{
	struct worker *covering = NULL;
	for (struct worker *w = pool->idle.first; w; w = w->next) {
		if (!same_key(w->key, request->key))
			continue;
		if (worker_has_plan(w, request->plan))
			return w;
		if (!covering && worker_covers(w, request->files, request->file_count))
			covering = w;
	}
	return covering;
}

static struct worker *match_idle_locked(struct pool *pool, const struct pool_request *request)
{
	struct worker *worker;
	do
		worker = find_idle_locked(pool, request);
	while (worker && !is_alive_locked(pool, &pool->idle, worker));
	return worker;
}

/* Unlocked: the limit is passed by value. */
static void tell_waiting(const struct pool *pool, size_t limit, const struct pool_request *request,
	enum fair_reason reason, size_t ahead)
{
	char text[256];
	int len;
	if (reason == FAIR_PRINCIPAL)
		len = snprintf(text, sizeof text,
			"waiting: %zu statements of %.*s run already, which is the limit", limit,
			SLICE_FMT(request->principal));
	else
		len = snprintf(text, sizeof text,
			"waiting: all %zu places for statements are taken, %zu in the queue",
			pool->config.max_workers, ahead);
	if (request->waiting)
		request->waiting(
			request->ctx, slice_of(text, min_of((size_t)len, sizeof text - 1)));
}

static bool is_cancelled(const struct pool_request *request)
{
	for (size_t i = 0; i < array_len(request->cancelled); i++)
		if (request->cancelled[i] && atomic_load(request->cancelled[i]))
			return true;
	return false;
}

/* Waits for the ticket's turn. Returns with the lock held and the slot taken, or false. */
static bool wait_turn_locked(struct pool *pool, const struct pool_request *request,
	struct fair_ticket *ticket, struct error *err)
{
	int64_t wait_us = (request->wait_ms ? request->wait_ms : wait_default_ms) * 1000;
	int64_t until = clock_mono_us(&clock_system) + wait_us;
	bool told = false;
	for (;;) {
		enum fair_reason reason = fair_state(&pool->queue, ticket);
		int64_t now = clock_mono_us(&clock_system);
		if (pool->closing)
			return error_set(err, ADMIN_SHUTDOWN, "the node is shutting down");
		if (is_cancelled(request))
			return error_set(
				err, QUERY_CANCELED, "canceling statement due to user request");
		if (reason == FAIR_TURN)
			return true;
		if (now >= until) {
			error_set(err, TOO_MANY_CONNECTIONS,
				"waited %lld s for a free place to run the statement",
				(long long)(wait_us / 1000000));
			return error_hint(err, "Try again later, or end some of the statements "
					       "that run now.");
		}
		if (!told) {
			told = true;
			size_t ahead = pool->queue.waiting - 1;
			size_t limit = pool->config.max_per_principal;
			pthread_mutex_unlock(&pool->lock);
			tell_waiting(pool, limit, request, reason, ahead);
			pthread_mutex_lock(&pool->lock);
			continue;
		}
		struct timespec at = mono_time(min_of(until, now + 50000));
		pthread_cond_timedwait(&pool->changed, &pool->lock, &at);
	}
}

static bool queue_full(const struct pool *pool, struct error *err)
{
	error_set(err, TOO_MANY_CONNECTIONS, "%zu statements wait already, which is the limit",
		pool->config.max_waiting);
	return error_hint(err, "Try again later; mesh.queries shows what runs and waits.");
}

static bool take_slot_locked(
	struct pool *pool, const struct pool_request *request, struct error *err)
{
	struct fair_ticket ticket = {.principal = request->principal};
	fair_enter(&pool->queue, &ticket);
	bool full = pool->queue.waiting > pool->config.max_waiting &&
		    fair_state(&pool->queue, &ticket) != FAIR_TURN;
	bool ok = full ? queue_full(pool, err) : wait_turn_locked(pool, request, &ticket, err);
	if (ok)
		fair_start(&pool->queue, &ticket);
	else
		fair_leave(&pool->queue, &ticket);
	return ok;
}

/* A child that is nobody's yet; the lock is held before and after. */
static struct worker *fresh_locked(struct pool *pool, struct error *err)
{
	struct worker *worker = pool->warm.first;
	while (worker && !is_alive_locked(pool, &pool->warm, worker))
		worker = pool->warm.first;
	if (worker) {
		list_remove(&pool->warm, worker);
		pthread_cond_signal(&pool->supervise);
		return worker;
	}
	pthread_mutex_unlock(&pool->lock);
	bool ok = zygote_fork(pool, &worker, err);
	pthread_mutex_lock(&pool->lock);
	pool->stats.started += ok;
	return ok ? worker : NULL;
}

static bool start_worker_locked(struct pool *pool, const struct pool_request *request,
	struct worker **out, struct error *err)
{
	if (pool->idle.len + pool->busy.len >= 2 * pool->config.max_workers && pool->idle.first)
		retire_locked(pool, &pool->idle, pool->idle.first);
	struct worker *worker = fresh_locked(pool, err);
	if (!worker)
		return false;
	size_t len = min_of(request->principal.len, sizeof worker->principal - 1);
	if (len)
		memcpy(worker->principal, request->principal.ptr, len);
	list_add(&pool->busy, worker);
	pthread_mutex_unlock(&pool->lock);
	bool ok = worker_narrow(worker, request, err);
	pthread_mutex_lock(&pool->lock);
	if (!ok) {
		retire_locked(pool, &pool->busy, worker);
		return false;
	}
	*out = worker;
	return true;
}

bool pool_acquire(struct pool *pool, const struct pool_request *request, struct worker **out,
	struct error *err)
{
	pthread_mutex_lock(&pool->lock);
	if (!take_slot_locked(pool, request, err)) {
		pthread_mutex_unlock(&pool->lock);
		return false;
	}
	struct worker *worker = match_idle_locked(pool, request);
	bool ok = true;
	if (worker) {
		list_remove(&pool->idle, worker);
		list_add(&pool->busy, worker);
		pool->stats.reused++;
	} else {
		ok = start_worker_locked(pool, request, &worker, err);
	}
	if (ok) {
		*out = worker;
	} else {
		fair_finish(&pool->queue, request->principal);
		pthread_cond_broadcast(&pool->changed);
	}
	pthread_mutex_unlock(&pool->lock);
	return ok;
}

void pool_release(struct pool *pool, struct worker **worker_ptr, enum worker_state state)
{
	struct worker *worker = take(*worker_ptr);
	if (!worker)
		return;
	pthread_mutex_lock(&pool->lock);
	worker->running = false;
	fair_finish(&pool->queue, slice_from_c(worker->principal));
	if (state == WORKER_SPOILT || worker->gone || worker->interrupted || worker->stale ||
		pool->closing) {
		retire_locked(pool, &pool->busy, worker);
	} else {
		list_remove(&pool->busy, worker);
		worker->idle_since_us = clock_mono_us(&clock_system);
		list_add(&pool->idle, worker);
	}
	pthread_cond_broadcast(&pool->changed);
	pthread_mutex_unlock(&pool->lock);
}
