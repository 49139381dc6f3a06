#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include "policy/policy.h"
#include "server/plans.h"
#include "server/query.h"

/* The last statement of a session's door; one thread but for the fields under the lock. */
struct query {
	struct server *server;
	struct arena *arena;
	struct query *next;	      /* in the server's running list */
	struct query_request request; /* copied into the arena */
	struct slice principal_name;  /* as claimed */
	struct principal principal;   /* as the model knew it at query_open */
	struct query_snapshot newest;
	struct query_snapshot pinned; /* the same reference count rules; may be the request's */
	struct plan *plan;
	struct plan *making; /* while it is opened: the plan that is not decided yet */
	pthread_mutex_t lock;
	struct worker *worker; /* under lock: cancel needs it from other threads */
	atomic_bool cancelled;
	atomic_bool revoked; /* cancelled because a right was taken away */
	bool portal_open;
	int64_t audit;	   /* 0 = not begun */
	int64_t opened_us; /* monotonic */
	int64_t queued_us; /* waited for workers, in total; -1 = never asked for one */
	uint64_t rows;
	uint64_t bytes;
	struct slice *notices; /* of the plan and of this statement */
	size_t notice_count;
};

struct govern_request;
struct sql_facts;
struct govern_request query_govern_request(
	const struct query *query, const struct sql_facts *facts);
/* A worker of the principal into query->worker; with the plan when there is one. */
bool query_lend_worker(struct query *query, const atomic_bool *cancelled, struct worker_key key,
	struct error *err) must_check;
/* Does nothing when none is held. */
void query_return_worker(struct query *query, enum worker_state state);
/* Closes a suspended portal and gives its worker back. */
void query_end_portal(struct query *query);
