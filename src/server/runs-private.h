#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include "server/runs.h"

struct server;

/* Opens the queue; nothing starts before runs_start. */
bool runs_open(struct server *server, struct runs **out, struct error *err) must_check;
/* Starts the thread that takes runs from the queue and fires schedules. */
void runs_start(struct runs *runs);
/* No new runs; those that run get drain_ms, then are cancelled. */
void runs_stop(struct runs *runs, int64_t drain_ms);
void runs_close(struct runs **runs);
/* The queue changed: look at once. */
void runs_poke(struct runs *runs);

/* A run that a thread works on. Fields with * are under the lock of struct runs. */
struct active_run {
	struct server *server;
	struct runs *runs;
	struct active_run *next; /* * */
	int64_t id;
	enum run_mode mode;
	int attempt;
	char *product;
	char *domain;
	pthread_t thread;
	atomic_bool cancelled;
	bool done;    /* * the thread is at its end and can be joined */
	int64_t rows; /* so far; its thread only */
	int64_t bytes;
};

/* false when the run is not active. */
bool runs_cancel_active(struct runs *runs, int64_t id);

/* The whole of one run, on its own thread (run.c). */
void run_execute(struct active_run *run);
/* Adds to the queue without asking for rights: apply, schedules, triggers. Joins an equal one.
 * *run_out 0 when the product has nothing to run. */
struct run_order {
	struct slice product;
	enum run_mode mode;
	struct slice trigger; /* "manual", "apply", "schedule", "upstream", "retry" */
	struct slice reason;
	struct slice by;
	int64_t retry_of;
	int attempt;
	int64_t not_before_us;
};
bool runs_enqueue(struct server *server, const struct run_order *order, int64_t *run_out,
	struct error *err) must_check;
/* The run, when the identity owns its product or is an administrator; 42704 otherwise. */
struct run_row;
struct check_row;
struct auth_identity;
bool run_find(struct server *server, const struct auth_identity *identity, int64_t run,
	struct arena *arena, struct run_row *out, struct error *err) must_check;
/* {"name","table","ok","severity",…}; the caller's reference. */
json_t *run_check_json(const struct check_row *check);
/* Removes failing rows of runs that ended before, or are forgotten (failures.c). */
void failures_sweep(struct server *server, int64_t before_us);
/* Schedules that are due (schedules.c). */
void schedules_fire(struct server *server);
/* Products that wait for one that was published. */
void triggers_fire(struct server *server, struct slice product, int64_t run);

/* Events for watchers (watch.c). The JSON is borrowed. */
struct watchers;
struct watchers *watchers_new(void);
void watchers_free(struct watchers **watchers);
void watchers_tell(struct watchers *watchers, int64_t run, const json_t *event);
/* The next event of the run after *after, or NULL after timeout_ms; *after is moved on. */
json_t *watchers_next(struct watchers *watchers, int64_t run, uint64_t *after, int timeout_ms);
struct watchers *runs_watchers(struct runs *runs);
/* Says to who follows a run why it does not go on. */
void runs_tell_waiting(struct runs *runs, int64_t run, const char *why);
/* The node is stopping: what cannot be written down now is found at the next start. */
bool runs_stopping(struct runs *runs);
