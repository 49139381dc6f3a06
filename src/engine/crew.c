/* A timer wakes the crew, so that a short statement pays two system calls and no switch of threads.
 */
#include "engine/crew.h"

#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/check.h"

/* Tasks of one statement, until its end. */
struct shift {
	duckdb_task_state state;
	int users; /* threads in it, and the crew while it goes on */
};

struct crew {
	duckdb_database database;
	pthread_mutex_t mutex;
	int timer; /* readable from CREW_AFTER_MS after crew_begin until crew_end */
	bool running, ending;
	struct shift *shift; /* NULL until the first thread joins */
	int count;
	pthread_t threads[];
};

static void leave(struct crew *crew, struct shift *shift)
{
	pthread_mutex_lock(&crew->mutex);
	bool last = --shift->users == 0;
	pthread_mutex_unlock(&crew->mutex);
	if (!last)
		return;
	duckdb_destroy_task_state(shift->state);
	free(shift);
}

/* NULL: the statement ended before this thread was awake. */
static struct shift *join(struct crew *crew)
{
	struct shift *shift = NULL;
	pthread_mutex_lock(&crew->mutex);
	if (crew->running && !crew->shift) {
		crew->shift = calloc(1, sizeof *crew->shift);
		check(crew->shift);
		*crew->shift = (struct shift){
			.state = duckdb_create_task_state(crew->database), .users = 1};
	}
	if (crew->running) {
		shift = crew->shift;
		shift->users++;
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
		leave(crew, shift);
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
	struct shift *shift = crew->shift;
	crew->running = false;
	crew->shift = NULL;
	pthread_mutex_unlock(&crew->mutex);
	if (!shift)
		return;
	duckdb_finish_execution(shift->state);
	leave(crew, shift);
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
	pthread_mutex_unlock(&c->mutex);
	if (c->timer >= 0)
		set_timer(c, 1);
	for (int i = 0; i < c->count; i++)
		pthread_join(c->threads[i], NULL);
	if (c->timer >= 0)
		close(c->timer);
	pthread_mutex_destroy(&c->mutex);
	free(c);
}
