/*
 * Opening a statement: text -> AST (in a worker of its principal) -> facts (gate) -> decisions ->
 * plan. The plan is cached by (text, policy key, epochs), so a repeated text costs a digest and a
 * look-up. Running it is query-run.c. Neighbours: govern.c decides, pool.c lends workers, audit.c
 * keeps the record.
 */
#include "server/query.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/num.h"
#include "base/str.h"
#include "catalog/model.h"
#include "ipc/worker.h"
#include "mesh/member.h"
#include "server/audit.h"
#include "server/govern.h"
#include "server/query-private.h"
#include "server/server-private.h"
#include "sql/lexer.h"

enum { PARSE_TIMEOUT_MS = 10000 };

static struct query *query_new(struct server *server, const struct query_request *request)
{
	struct arena *arena = arena_new();
	struct query *q = arena_new_of(arena, struct query);
	q->arena = arena;
	q->server = server;
	q->opened_us = clock_mono_us(&clock_system);
	q->queued_us = -1;
	q->came_us = clock_wall_us(&clock_system);
	atomic_init(&q->state, QUERY_PLANNING);
	q->request = *request;
	q->request.session = arena_copy(arena, request->session);
	q->request.making = arena_copy(arena, request->making);
	q->principal_name = arena_copy(arena, request->principal->name);
	q->purpose = arena_copy(arena, request->principal->purpose);
	q->request.door = arena_copy(arena, request->door);
	q->request.request_id = arena_copy(arena, request->request_id);
	q->request.text = arena_copy(arena, request->text);
	q->request.time_zone = arena_copy(arena, request->time_zone);
	q->request.as_of = arena_copy(arena, request->as_of);
	q->request.search_path =
		arena_copy_all(arena, request->search_path, request->search_path_count);
	uint32_t *oids = arena_array_of(arena, uint32_t, request->param_oid_count);
	for (size_t i = 0; i < request->param_oid_count; i++)
		oids[i] = request->param_oids[i];
	q->request.param_oids = oids;
	pthread_mutex_init(&q->lock, NULL);
	atomic_init(&q->cancelled, false);
	atomic_init(&q->revoked, false);
	query_snapshot_take(server, &q->newest);
	if (!request->snapshot)
		q->request.snapshot = &q->newest;
	q->pinned = model_ref(q->request.snapshot->model);
	return q;
}

static void query_free(struct query *q)
{
	query_remote_close(q);
	plan_unref(&q->plan);
	query_snapshot_drop(q->server, &q->newest);
	server_model_release(q->server, &q->pinned);
	pthread_mutex_destroy(&q->lock);
	struct arena *arena = q->arena;
	arena_free(&arena);
}

struct query *query_part_open(
	struct query *query, const struct plan_part *part, struct query_snapshot *snapshot)
{
	struct query_request request = query->request;
	request.principal = &query->principal;
	request.text = part->text;
	request.snapshot = snapshot;
	request.search_path_count = 0;
	request.param_oid_count = 0;
	request.waiting = NULL;
	struct query *q = query_new(query->server, &request);
	struct plan *plan = plan_new(query->server->plans);
	plan->text = arena_copy(plan->arena, part->text);
	plan->node = arena_copy(plan->arena, part->node);
	plan->tables = &query->plan->tables[part->relation]; /* outlives it */
	plan->table_count = 1;
	plan->absent = arena_new_of(plan->arena, struct error);
	plan->absent[0] = part->absent;
	q->part = true;
	q->principal = query->principal;
	q->plan = plan;
	return q;
}

void query_part_close(struct query **part)
{
	struct query *q = take(*part);
	if (q)
		query_free(q);
}

struct govern_request query_govern_request(const struct query *q, const struct sql_facts *facts)
{
	return (struct govern_request){.server = q->server,
		.model = q->newest.model,
		.pinned = q->pinned,
		.principal = &q->principal,
		.door = q->request.door,
		.search_path = q->request.search_path,
		.search_path_count = q->request.search_path_count,
		.making = q->request.making,
		.as_of = q->request.as_of,
		.facts = facts};
}

/* Older versions' files, of AT and of pinned snapshots, are in no grant by the newest state. */
static void add_plan_files(const struct query *q, struct arena *arena, struct pool_grant *grant)
{
	size_t count = q->plan ? q->plan->file_count : 0;
	if (count == 0)
		return;
	struct slice *all = arena_array_of(arena, struct slice, grant->file_count + count);
	for (size_t i = 0; i < grant->file_count; i++)
		all[i] = grant->files[i];
	for (size_t i = 0; i < count; i++)
		all[grant->file_count + i] = arena_copy(arena, q->plan->files[i]);
	grant->files = all;
	grant->file_count += count;
}

static bool narrow(void *ctx, struct arena *arena, const char *spill_dir, struct pool_grant *out,
	struct error *err)
{
	const struct query *q = ctx;
	const struct config *config = q->server->config;
	struct govern_request request = query_govern_request(q, NULL);
	if (!govern_grant(&request, arena, out, err))
		return false;
	add_plan_files(q, arena, out);
	long processors = sysconf(_SC_NPROCESSORS_ONLN);
	struct wire_narrow n = {.memory_bytes = (uint64_t)config->query_memory_bytes,
		.threads = config->query_threads ? (int)config->query_threads
						 : (int)min_of(processors, 4),
		.spill_dir = spill_dir,
		.spill_bytes = (uint64_t)config->query_spill_bytes,
		.dirs = out->dirs,
		.dir_count = out->dir_count,
		.files = out->files,
		.file_count = out->file_count,
		.principal = &q->principal,
		.pseudonym_key = q->server->pseudonym_key,
		.database = server_mesh_name(q->server),
		.time_zone = q->request.time_zone};
	out->payload = wire_narrow_json(arena, &n);
	return true;
}

static void tell_waiting(void *ctx, struct slice text)
{
	struct query *q = ctx;
	pthread_mutex_lock(&q->lock);
	bool first = q->waiting_for[0] == 0;
	snprintf(q->waiting_for, sizeof q->waiting_for, "%.*s", SLICE_FMT(text));
	pthread_mutex_unlock(&q->lock);
	atomic_store(&q->state, QUERY_WAITING);
	if (first && q->request.waiting)
		q->request.waiting(q->request.waiting_ctx, text);
	struct log_context where = {.request = q->request.request_id,
		.session = q->request.session,
		.principal = q->principal.name};
	log_say(q->server->log, QUERY_WAITING, &where, log_str("reason", text));
}

bool query_lend_worker(struct query *q, struct worker_key key, struct error *err)
{
	struct pool_request request = {.key = key,
		.principal = q->principal.name,
		.plan = q->plan ? q->plan->id : 0,
		.files = q->plan ? q->plan->files : NULL,
		.file_count = q->plan ? q->plan->file_count : 0,
		.narrow = narrow,
		.waiting = tell_waiting,
		.ctx = q,
		.cancelled = {q->request.cancelled, &q->cancelled},
		.wait_ms = q->server->config->query_wait_ms};
	struct worker *worker;
	int64_t begin = clock_mono_us(&clock_system);
	int before = atomic_load(&q->state);
	bool ok = pool_acquire(q->server->pool, &request, &worker, err);
	atomic_store(&q->state, before);
	q->queued_us = max_of(atomic_load(&q->queued_us), 0) + clock_mono_us(&clock_system) - begin;
	if (!ok)
		return false;
	pthread_mutex_lock(&q->lock);
	q->worker = worker;
	pthread_mutex_unlock(&q->lock);
	return true;
}

void query_return_worker(struct query *q, enum worker_state state)
{
	pthread_mutex_lock(&q->lock);
	struct worker *worker = take(q->worker);
	pthread_mutex_unlock(&q->lock);
	if (worker)
		pool_release(q->server->pool, &worker, state);
}

/* A text to its AST; W_ERROR becomes err. */
static bool ask(struct query *q, struct arena *arena, uint8_t type, struct slice *ast_out,
	struct error *err)
{
	struct frame frame;
	struct plan *plan = q->making;
	worker_begin(q->worker, PARSE_TIMEOUT_MS);
	bool ok = worker_send(q->worker, type, plan->text, NULL, 0, err) &&
		  worker_receive(q->worker, arena, &frame, err);
	worker_end(q->worker);
	if (!ok)
		return false;
	frame_close_fds(&frame);
	if (frame.type == W_ERROR)
		return worker_error(q->worker, &frame, err);
	if (frame.type != W_AST)
		return error_set(
			err, INTERNAL_ERROR, "a worker answered with frame %d", frame.type);
	*ast_out = frame.payload;
	return true;
}

static bool inspect_catalogue(
	struct query *q, struct arena *scratch, struct sql_facts *facts, struct error *err)
{
	struct plan *plan = q->making;
	struct slice ast;
	return ask(q, scratch, W_PARSE_CATALOG, &ast, err) &&
	       sql_inspect_catalogue(plan->arena, ast, plan->text, facts, err);
}

/* The facts of the plan that is being made, by the gate. */
static bool inspect(
	struct query *q, struct arena *scratch, struct sql_facts *facts, struct error *err)
{
	struct error catalogue_error;
	struct plan *plan = q->making;
	struct slice ast = SLICE_NONE;
	/* Catalogue queries may not parse in DuckDB at all, so they take their own way first. */
	bool mentions = lexer_mentions_catalogue(plan->text);
	plan->catalogue = mentions;
	if (mentions && inspect_catalogue(q, scratch, facts, &catalogue_error))
		return true;
	if (!ask(q, scratch, W_PARSE, &ast, err) ||
		!sql_inspect(plan->arena, ast, plan->text, facts, err)) {
		if (mentions)
			*err = catalogue_error;
		return false;
	}
	plan->catalogue = facts->catalogue;
	if (plan->catalogue && mentions)
		*err = catalogue_error;
	return !plan->catalogue || (!mentions && inspect_catalogue(q, scratch, facts, err));
}

static bool make_plan(struct query *q, struct plan *plan, struct error *err)
{
	scoped(arena_free) struct arena *scratch = arena_new();
	struct sql_facts facts = {0};
	plan->text = arena_copy(plan->arena, q->request.text);
	uint32_t *oids = arena_array_of(plan->arena, uint32_t, q->request.param_oid_count);
	for (size_t i = 0; i < q->request.param_oid_count; i++)
		oids[i] = q->request.param_oids[i];
	plan->param_oids = oids;
	plan->param_oid_count = q->request.param_oid_count;
	if (!query_lend_worker(q, plan->worker_key, err))
		return false;
	q->making = plan;
	bool ok = inspect(q, scratch, &facts, err);
	query_return_worker(q, WORKER_CLEAN);
	if (!ok)
		return false;
	struct govern_request request = query_govern_request(q, &facts);
	return govern_route(&request, plan, err) &&
	       (plan->node.len || govern_statement(&request, plan, err));
}

/* Everything that a plan depends on. */
static struct plan_key make_key(const struct query *q, struct worker_key worker_key)
{
	struct str path = str_in(q->arena);
	for (size_t i = 0; i < q->request.search_path_count; i++) {
		str_add(&path, q->request.search_path[i]);
		str_add_char(&path, '\0');
	}
	uint64_t epochs[] = {(uint64_t)q->newest.model->epoch, (uint64_t)q->pinned->epoch,
		(uint64_t)atomic_load(&q->server->copies_epoch),
		(uint64_t)member_version(q->server->member)};
	struct slice parts[] = {q->request.text,
		slice_of((const char *)&worker_key, sizeof worker_key),
		slice_of((const char *)epochs, sizeof epochs), str_slice(&path),
		slice_of((const char *)q->request.param_oids,
			q->request.param_oid_count * sizeof(uint32_t)),
		q->request.making.len ? q->request.making : SLICE(""), q->request.as_of};
	struct plan_key key;
	digest_parts(parts, array_len(parts), key.words);
	return key;
}

static bool find_plan(struct query *q, struct plan **out, struct error *err)
{
	scoped(arena_free) struct arena *scratch = arena_new();
	struct worker_key worker_key =
		govern_worker_key(scratch, &q->principal, q->request.time_zone);
	struct plan_key key = make_key(q, worker_key);
	*out = plans_find(q->server->plans, key);
	const char *cache = *out ? "hit" : "miss";
	if (!*out) {
		scoped(plan_unref) struct plan *plan = plan_new(q->server->plans);
		plan->key = key;
		plan->worker_key = worker_key;
		if (!make_plan(q, plan, err))
			return false;
		if (!plan->fresh)
			plans_add(q->server->plans, plan);
		*out = take(plan);
	}
	metrics_observe(q->server->metrics, METRIC_GOVERN_SECONDS, cache, NULL,
		(double)(clock_mono_us(&clock_system) - q->opened_us) / 1e6);
	return true;
}

/* Versions of AT stay while they are read; those of the model stay with it. */
static bool hold_older(struct query *q, const struct plan *plan, struct error *err)
{
	for (size_t i = 0; i < plan->table_count; i++) {
		const struct plan_table *t = &plan->tables[i];
		if (t->older && !pins_hold(q->server->pins, q->server->store, t->product,
					t->version, &q->request.snapshot->older, err))
			return false;
	}
	return true;
}

bool query_open(struct server *server, const struct query_request *request, struct query **out,
	struct error *err)
{
	if (atomic_load(&server->stopping))
		return error_set(err, ADMIN_SHUTDOWN, "the node is shutting down");
	if (!sql_check_text(request->text, err))
		return false;
	struct query *q = query_new(server, request);
	struct plan *plan = NULL;
	running_add(server, q);
	if (!govern_principal(
		    server, q->newest.model, q->arena, request->principal, &q->principal, err) ||
		!find_plan(q, &plan, err) || !hold_older(q, plan, err)) {
		plan_unref(&plan);
		query_audit_refused(q, err);
		query_close(&q);
		return false;
	}
	running_settle(q, plan);
	q->notices = q->plan->notices;
	q->notice_count = q->plan->notice_count;
	*out = q;
	return true;
}

void query_close(struct query **query)
{
	struct query *q = take(*query);
	if (!q)
		return;
	running_remove(q->server, q);
	if (q->started)
		query_abandon(q);
	if (q->portal_open)
		query_end_portal(q);
	query_parts_end(q);
	query_return_worker(q, WORKER_SPOILT);
	query_free(q);
}

size_t query_notices(const struct query *query, const struct slice **out)
{
	*out = query->notices;
	return query->notice_count;
}

size_t query_explain(const struct query *query, struct arena *arena, const struct slice **lines_out)
{
	if (query->plan->node.len)
		return query_remote_explain(query, arena, lines_out);
	const struct plan *plan = query->plan;
	const struct slice *parts = NULL;
	size_t part_lines = query_parts_explain(query, arena, &parts);
	struct slice *lines = arena_array_of(arena, struct slice, plan->explain_count + part_lines);
	for (size_t i = 0; i < plan->explain_count; i++)
		lines[i] = arena_copy(arena, plan->explain[i]);
	for (size_t i = 0; i < part_lines; i++)
		lines[plan->explain_count + i] = parts[i];
	*lines_out = lines;
	return plan->explain_count + part_lines;
}
