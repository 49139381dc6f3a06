#pragma once

#include <pthread.h>

#include "ipc/spawn.h"
#include "server/fair.h"
#include "server/pool.h"

enum { WORKER_PLANS = 64, ZYGOTE_REPLY_MS = 10000, KILL_AFTER_MS = 500 };

/* A forked child of the zygote. Fields with * are under the pool's lock. */
struct worker {
	struct pool *pool;
	struct worker *next; /* * in one of the pool's lists */
	struct channel channel;
	struct process process;
	struct worker_key key;
	char *spill_dir;	 /* NULL before it was narrowed */
	struct arena *arena;	 /* of the grant */
	struct pool_grant grant; /* files sorted */
	char principal[256];
	uint64_t plans[WORKER_PLANS];
	size_t plan_next;
	int64_t idle_since_us; /* * */
	int64_t deadline_us;   /* * monotonic, 0 = none */
	int64_t kill_at_us;    /* * 0 = not interrupted */
	bool timed_out;	       /* * */
	bool interrupted;      /* * */
	bool running;	       /* * between begin and end */
	bool stale;	       /* * its grant is of an older policy */
	bool gone;	       /* the channel broke; its holder's thread only */
};

struct worker_list {
	struct worker *first;
	size_t len;
};

/* The single-threaded process that forks workers. Under its own lock. */
struct zygote {
	pthread_mutex_t lock;
	struct process process;
	struct channel channel;
	bool running;
	int64_t next_try_us; /* after failures, with rising delay */
	int64_t delay_us;
};

struct pool {
	struct pool_config config;
	char *worker_path;
	char *spill_root;
	struct zygote zygote;
	pthread_mutex_t lock;
	pthread_cond_t changed;	  /* a slot or a worker came free */
	pthread_cond_t supervise; /* the supervisor has something to do */
	pthread_t supervisor;
	bool closing;
	struct fair_queue queue;
	struct worker_list warm;
	struct worker_list idle; /* the longest idle first */
	struct worker_list busy;
	struct worker_list dying;
	struct pool_stats stats;
	uint64_t spill_number;
	int64_t next_look_us; /* when the supervisor wakes by itself; 0 = it is awake */
};

void list_add(struct worker_list *list, struct worker *worker);
void list_remove(struct worker_list *list, struct worker *worker);

void zygote_init(struct zygote *zygote);
/* Asks for a child, starting the zygote when it is not there. */
bool zygote_fork(struct pool *pool, struct worker **out, struct error *err) must_check;
void zygote_end(struct zygote *zygote);

/* First request of its life: limits and what it may read. */
bool worker_narrow(
	struct worker *worker, const struct pool_request *request, struct error *err) must_check;
/* Kills, reaps, sweeps the spill folder, frees. Takes milliseconds; no lock held. */
void worker_destroy(struct worker *worker);
