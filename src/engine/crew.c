/* A timer wakes the crew, so that a short statement pays two system calls and no switch of threads.
 */
#include "engine/crew.h"

#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/check.h"

/*
 * Tasks of one statement. All threads wait on one semaphore of DuckDB's: the end of a shift signals
 * it once for each thread of that shift. A thread that was in the next shift already would take the
 * signal of one that is still to leave, which then waited for ever; so a shift begins when the one
 * before is empty.
 */
struct shift {
	duckdb_task_state state;
	int threads; /* in it */
	bool ended;
};

struct crew {
	duckdb_database database;
	pthread_mutex_t mutex;
	pthread_cond_t changed; /* a shift was left by all, or the crew ends */
	int timer;		/* readable from CREW_AFTER_MS after crew_begin until crew_end */
	bool running, ending;
	struct shift *shift; /* from the first thread that joins until the last one left */
	int count;
	pthread_t threads[];
};

static void drop_empty_shift(struct crew *crew)
{
	struct shift *shift = crew->shift;
	if (!shift->ended || shift->threads > 0)
		return;
	duckdb_destroy_task_state(shift->state);
	free(shift);
	crew->shift = NULL;
	pthread_cond_broadcast(&crew->changed);
}

static void leave(struct crew *crew)
{
	pthread_mutex_lock(&crew->mutex);
	crew->shift->threads--;
	drop_empty_shift(crew);
	pthread_mutex_unlock(&crew->mutex);
}

/* NULL: the statement ended before this thread was awake. */
static struct shift *join(struct crew *crew)
{
	struct shift *shift = NULL;
	pthread_mutex_lock(&crew->mutex);
	while (crew->shift && crew->shift->ended && !crew->ending)
		pthread_cond_wait(&crew->changed, &crew->mutex);
	if (crew->running && !crew->shift) {
		crew->shift = calloc(1, sizeof *crew->shift);
		check(crew->shift);
		crew->shift->state = duckdb_create_task_state(crew->database);
	}
	if (crew->running && !crew->shift->ended) {
		shift = crew->shift;
		shift->threads++;
	}
	pthread_mutex_unlock(&crew->mutex);
	return shift;
}

static bool is_ending(struct crew *crew)
{
	pthread_mutex_lock(&crew->mutex);
	bool ending = crew->ending;
	pthread_mutex_unlock(&crew->mutex);
	return ending;
}

static void *help(void *arg)
{
	struct crew *crew = arg;
	while (!is_ending(crew)) {
		struct pollfd ready = {.fd = crew->timer, .events = POLLIN};
		struct shift *shift = poll(&ready, 1, -1) == 1 ? join(crew) : NULL;
		if (!shift)
			continue;
		duckdb_execute_tasks_state(shift->state);
		leave(crew);
	}
	return NULL;
}

static void set_timer(struct crew *crew, long nanoseconds)
{
	struct itimerspec when = {.it_value.tv_nsec = nanoseconds};
	check(timerfd_settime(crew->timer, 0, &when, NULL) == 0);
}

void crew_begin(struct crew *crew)
{
	if (!crew)
		return;
	pthread_mutex_lock(&crew->mutex);
	crew->running = true;
	pthread_mutex_unlock(&crew->mutex);
	set_timer(crew, CREW_AFTER_MS * 1000000L);
}

void crew_end(struct crew *crew)
{
	if (!crew)
		return;
	set_timer(crew, 0);
	pthread_mutex_lock(&crew->mutex);
	crew->running = false;
	if (crew->shift && !crew->shift->ended) {
		crew->shift->ended = true;
		duckdb_finish_execution(crew->shift->state);
		drop_empty_shift(crew);
	}
	pthread_mutex_unlock(&crew->mutex);
}

bool crew_start(duckdb_database database, int count, struct crew **out, struct error *err)
{
	*out = NULL;
	if (count <= 0)
		return true;
	struct crew *crew = calloc(1, sizeof *crew + (size_t)count * sizeof crew->threads[0]);
	check(crew);
	crew->database = database;
	check(pthread_mutex_init(&crew->mutex, NULL) == 0);
	check(pthread_cond_init(&crew->changed, NULL) == 0);
	crew->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
	bool ok = crew->timer >= 0;
	while (ok && crew->count < count) {
		ok = pthread_create(&crew->threads[crew->count], NULL, help, crew) == 0;
		crew->count += ok;
	}
	if (!ok) {
		crew_stop(&crew);
		return error_set(err, OUT_OF_MEMORY, "the engine cannot start %d threads", count);
	}
	*out = crew;
	return true;
}

void crew_stop(struct crew **crew)
{
	struct crew *c = *crew;
	*crew = NULL;
	if (!c)
		return;
	crew_end(c);
	pthread_mutex_lock(&c->mutex);
	c->ending = true;
	pthread_cond_broadcast(&c->changed);
	pthread_mutex_unlock(&c->mutex);
	if (c->timer >= 0)
		set_timer(c, 1);
	for (int i = 0; i < c->count; i++)
		pthread_join(c->threads[i], NULL);
	if (c->timer >= 0)
		close(c->timer);
	pthread_cond_destroy(&c->changed);
	pthread_mutex_destroy(&c->mutex);
	free(c);
}
