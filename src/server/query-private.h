#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include "policy/policy.h"
#include "server/plans.h"
#include "server/query.h"

/* What a statement does at the moment; OPEN = nothing: prepared, or not begun. */
enum query_state { QUERY_OPEN, QUERY_PLANNING, QUERY_WAITING, QUERY_RUNNING, QUERY_PORTAL };

/* The last statement of a session's door; one thread but for the fields under the lock. */
struct query {
	struct server *server;
	struct arena *arena;
	struct query *next;	      /* in the server's running list */
	struct query_request request; /* copied into the arena */
	struct slice principal_name;  /* as claimed */
	struct slice purpose;
	struct principal principal; /* as the model knew it at query_open */
	struct query_snapshot newest;
	const struct model *pinned; /* of the snapshot; counted; may be the newest */
	struct plan *plan;
	struct plan *making; /* while it is opened: the plan that is not decided yet */
	pthread_mutex_t lock;
	struct worker *worker; /* under lock: cancel needs it from other threads */
	char waiting_for[256]; /* under lock; "" = it did not have to wait */
	atomic_int state;      /* enum query_state */
	uint64_t number;       /* of the process, for its name */
	int64_t came_us;       /* wall clock */
	atomic_bool cancelled;
	atomic_bool revoked; /* cancelled because a right was taken away */
	bool portal_open;
	bool started;		   /* W_EXECUTE is under way, its answer not read yet */
	int64_t audit;		   /* 0 = not begun */
	int64_t opened_us;	   /* monotonic */
	_Atomic int64_t queued_us; /* waited for workers, in total; -1 = never asked for one */
	_Atomic uint64_t rows;
	_Atomic uint64_t bytes;
	struct slice *notices; /* of the plan and of this statement */
	size_t notice_count;
};

struct govern_request;
struct sql_facts;
struct govern_request query_govern_request(
	const struct query *query, const struct sql_facts *facts);
/* A worker of the principal into query->worker; with the plan when there is one. */
bool query_lend_worker(struct query *query, struct worker_key key, struct error *err) must_check;
/* Does nothing when none is held. */
void query_return_worker(struct query *query, enum worker_state state);
/* Ends what was started and is not read. */
void query_abandon(struct query *query);
/* Closes a suspended portal and gives its worker back. */
void query_end_portal(struct query *query);
