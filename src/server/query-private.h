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
	struct remote *remote; /* of a statement that runs at another node; its stream under lock */
	struct query_parts *parts; /* what other nodes contribute; its queries under lock */
	bool part;		   /* of another query, which is on record for it */
	char waiting_for[256];	   /* under lock; "" = it did not have to wait */
	atomic_int state;	   /* enum query_state */
	uint64_t number;	   /* of the process, for its name */
	int64_t came_us;	   /* wall clock */
	atomic_bool cancelled;
	atomic_bool revoked; /* cancelled because a right was taken away */
	bool portal_open;
	bool started;		   /* W_EXECUTE is under way, its answer not read yet */
	int64_t audit;		   /* 0 = not begun */
	int64_t opened_us;	   /* monotonic */
	_Atomic int64_t queued_us; /* waited for workers, in total; -1 = never asked for one */
	_Atomic uint64_t rows;
	_Atomic uint64_t bytes;
	const struct slice *notices; /* of the plan and of this statement */
	size_t notice_count;
};

/*
 * Statements that go whole to another node (plan->node): the same steps as at a worker, in
 * query-remote.c.
 */
bool query_remote_describe(struct query *query, struct error *err) must_check;
/* Sends it and waits for its description; query->started afterwards. */
bool query_remote_start(
	struct query *query, const struct query_execution *how, struct error *err) must_check;
/* Up to max_rows (0 = all) of what was started. */
bool query_remote_pump(struct query *query, uint64_t max_rows, const struct query_sink *sink,
	enum query_end *end_out, struct error *err) must_check;
/* Rows that are made already cannot change their form: 0A000. */
bool query_remote_check_formats(
	const struct query *query, const int16_t *wanted, struct error *err) must_check;
/* NULL before the other node has said. */
const struct wire_prepared *query_remote_columns(const struct query *query);
/* Breaks off what runs; any thread, under query->lock. */
void query_remote_stop(struct query *query);
/* What runs there is forgotten. */
void query_remote_end(struct query *query);
void query_remote_close(struct query *query);
size_t query_remote_explain(
	const struct query *query, struct arena *arena, const struct slice **lines_out);
int64_t query_remote_as_of_us(const struct query *query);
/*
 * What other nodes contribute to a statement that runs here (plan->parts), in query-parts.c.
 */
/* A query for one part, which reads its node by this snapshot; query_part_close ends it. */
struct query *query_part_open(
	struct query *query, const struct plan_part *part, struct query_snapshot *snapshot);
void query_part_close(struct query **part);
/* The columns of the parts into the plan's relations. */
bool query_parts_describe(struct query *query, struct error *err) must_check;
/* Also all rows, and the notices of their nodes. Blocks until they are there. */
bool query_parts_fetch(struct query *query, struct error *err) must_check;
/* Adds the descriptors of what was fetched, which the caller closes; without, the relations are
 * empty. */
void query_parts_attach(struct query *query, int *fds, size_t *fd_count);
/* What each part was, once it has run: lines for EXPLAIN ANALYZE, in the arena. */
size_t query_parts_explain(
	const struct query *query, struct arena *arena, const struct slice **lines_out);
/* Breaks off what runs; any thread, under query->lock. */
void query_parts_stop(struct query *query);
void query_parts_end(struct query *query);
/* As which time a transaction reads another node, none = it has not read it yet; and from when on.
 * Borrowed. */
struct slice query_snapshot_pin(const struct query_snapshot *snapshot, struct slice node);
void query_snapshot_hold(struct query_snapshot *snapshot, struct slice node, int64_t us);
/* The payload of a W_NOTICE to the sink, if it wants it. */
void query_pass_notice(struct slice payload, const struct query_sink *sink);
int64_t query_timeout(const struct query *query);
bool query_cancelled_error(const struct query *query, struct error *err);

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
