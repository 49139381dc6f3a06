/* A ring of the newest events; a watcher that is too slow misses progress, never the end: run_watch
 * reads logs and state from the store. */
#include <stdlib.h>
#include <time.h>

#include "base/check.h"
#include "server/runs-private.h"

enum { RING = 1024 };

struct event {
	uint64_t number;
	int64_t run;
	json_t *json;
};

struct watchers {
	pthread_mutex_t lock;
	pthread_cond_t more;
	uint64_t newest; /* number of the last event */
	struct event ring[RING];
};

struct watchers *watchers_new(void)
{
	struct watchers *w = calloc(1, sizeof *w);
	check(w != NULL);
	pthread_condattr_t attr;
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&w->more, &attr);
	pthread_condattr_destroy(&attr);
	pthread_mutex_init(&w->lock, NULL);
	return w;
}

void watchers_free(struct watchers **watchers)
{
	struct watchers *w = take(*watchers);
	if (!w)
		return;
	for (size_t i = 0; i < RING; i++)
		json_decref(w->ring[i].json);
	pthread_cond_destroy(&w->more);
	pthread_mutex_destroy(&w->lock);
	free(w);
}

void watchers_tell(struct watchers *w, int64_t run, const json_t *event)
{
	json_t *copy = json_deep_copy(event);
	json_object_set_new(copy, "run", json_integer(run));
	pthread_mutex_lock(&w->lock);
	struct event *slot = &w->ring[++w->newest % RING];
	json_decref(slot->json);
	*slot = (struct event){.number = w->newest, .run = run, .json = copy};
	pthread_cond_broadcast(&w->more);
	pthread_mutex_unlock(&w->lock);
}

static json_t *find_locked(struct watchers *w, int64_t run, uint64_t *after)
{
	if (w->newest > RING && *after < w->newest - RING)
		*after = w->newest - RING;
	while (*after < w->newest) {
		const struct event *slot = &w->ring[++*after % RING];
		/* jansson's counts are not atomic: hand out a copy. */
		if (slot->run == run)
			return json_deep_copy(slot->json);
	}
	return NULL;
}

json_t *watchers_next(struct watchers *w, int64_t run, uint64_t *after, int timeout_ms)
{
	struct timespec until;
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += timeout_ms / 1000;
	until.tv_nsec += (long)(timeout_ms % 1000) * 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000;
	}
	pthread_mutex_lock(&w->lock);
	json_t *found = find_locked(w, run, after);
	while (!found && pthread_cond_timedwait(&w->more, &w->lock, &until) == 0)
		found = find_locked(w, run, after);
	pthread_mutex_unlock(&w->lock);
	return found;
}
