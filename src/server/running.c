/*
 * Statements that are open now. When the model changes, each is judged anew; those whose decision
 * is not what it was are cancelled, so that a revoked right ends within a second also what runs
 * already.
 */
#include <string.h>

#include "base/clock.h"
#include "base/num.h"
#include "catalog/system.h"
#include "server/auth.h"
#include "server/govern.h"
#include "server/queries.h"
#include "server/query-private.h"
#include "server/server-private.h"

void running_add(struct server *server, struct query *query)
{
	pthread_mutex_lock(&server->running.lock);
	query->next = server->running.first;
	server->running.first = query;
	server->running.len++;
	query->number = ++server->running.last_number;
	pthread_mutex_unlock(&server->running.lock);
}

void running_remove(struct server *server, struct query *query)
{
	pthread_mutex_lock(&server->running.lock);
	struct query **at = &server->running.first;
	while (*at && *at != query)
		at = &(*at)->next;
	if (*at) {
		*at = query->next;
		server->running.len--;
	}
	pthread_mutex_unlock(&server->running.lock);
}

static bool same_principal(
	const struct query *query, const struct principal *now, struct arena *scratch)
{
	struct worker_key key = govern_worker_key(scratch, now, query->request.time_zone);
	return memcmp(&key, &query->plan->worker_key, sizeof key) == 0;
}

/* Decided by the newest model for the principal as it is now. */
static bool still_allowed(const struct query *query, const struct model *model)
{
	scoped(arena_free) struct arena *scratch = arena_new();
	struct principal now;
	struct error ignored;
	if (!govern_principal(query->server, model, scratch, &query->principal, &now, &ignored))
		return false;
	/* Other nodes judge by what they were told of the principal. */
	bool away = query->plan->node.len || query->plan->part_count;
	if (away && !same_principal(query, &now, scratch))
		return false;
	if (query->plan->node.len)
		return true;
	struct govern_request request = query_govern_request(query, NULL);
	request.model = model;
	request.principal = &now;
	return govern_unchanged(&request, query->plan);
}

void running_recheck(struct server *server)
{
	const struct model *model = server_model(server);
	pthread_mutex_lock(&server->running.lock);
	for (struct query *q = server->running.first; q; q = q->next) {
		if (!q->plan || still_allowed(q, model))
			continue; /* without a plan: judged by running_settle */
		atomic_store(&q->revoked, true);
		query_cancel(q);
	}
	pthread_mutex_unlock(&server->running.lock);
	server_model_release(server, &model);
}

void running_settle(struct query *q, struct plan *plan)
{
	struct server *server = q->server;
	pthread_mutex_lock(&server->running.lock);
	q->plan = plan;
	pthread_mutex_unlock(&server->running.lock);
	atomic_store(&q->state, QUERY_OPEN);
	const struct model *model = server_model(server);
	if (model->epoch != q->newest.model->epoch && !still_allowed(q, model)) {
		atomic_store(&q->revoked, true);
		query_cancel(q);
	}
	server_model_release(server, &model);
}

static struct slice name_of(struct arena *arena, const struct query *q)
{
	return arena_printf(arena, "q%llu", (unsigned long long)q->number);
}

static const char *state_name(int state)
{
	static const char *const names[] = {[QUERY_OPEN] = "open",
		[QUERY_PLANNING] = "planning",
		[QUERY_WAITING] = "waiting",
		[QUERY_RUNNING] = "running",
		[QUERY_PORTAL] = "suspended"};
	return names[state];
}

static struct system_query describe(struct arena *arena, struct query *q, int state)
{
	pthread_mutex_lock(&q->lock);
	struct slice waiting_for = state == QUERY_WAITING
					   ? arena_copy(arena, slice_from_c(q->waiting_for))
					   : SLICE_NONE;
	pthread_mutex_unlock(&q->lock);
	return (struct system_query){.name = name_of(arena, q),
		.pid = q->request.pid,
		.principal = arena_copy(arena, q->principal_name),
		.purpose = arena_copy(arena, q->purpose),
		.door = arena_copy(arena, q->request.door),
		.session = arena_copy(arena, q->request.session),
		.request_id = arena_copy(arena, q->request.request_id),
		.state = state_name(state),
		.waiting_for = waiting_for,
		.started_us = q->came_us,
		.duration_us = clock_mono_us(&clock_system) - q->opened_us,
		.waited_us = max_of(atomic_load(&q->queued_us), 0),
		.rows = q->rows,
		.bytes = q->bytes,
		.statement = arena_copy(arena, q->request.text)};
}

size_t running_list(struct server *server, struct arena *arena, const struct system_query **out)
{
	pthread_mutex_lock(&server->running.lock);
	struct system_query *all = arena_array_of(arena, struct system_query, server->running.len);
	size_t at = server->running.len;
	/* The newest is the first in the list. */
	for (struct query *q = server->running.first; q; q = q->next) {
		int state = atomic_load(&q->state);
		if (state != QUERY_OPEN)
			all[--at] = describe(arena, q, state);
	}
	size_t count = server->running.len - at;
	pthread_mutex_unlock(&server->running.lock);
	*out = all + at;
	return count;
}

/* Loop of queries by name; the caller may know of it. */
static bool cancel_named(struct server *server, const struct principal *who, struct slice name)
{
	scoped(arena_free) struct arena *scratch = arena_new();
	bool found = false;
	pthread_mutex_lock(&server->running.lock);
	for (struct query *q = server->running.first; q && !found; q = q->next) {
		found = atomic_load(&q->state) != QUERY_OPEN &&
			slice_equal(name_of(scratch, q), name) &&
			(who->admin || slice_equal(q->principal_name, who->name));
		if (found)
			query_cancel(q);
	}
	pthread_mutex_unlock(&server->running.lock);
	return found;
}

bool queries_cancel(struct server *server, const struct auth_identity *identity, struct slice name,
	struct error *err)
{
	if (cancel_named(server, &identity->principal, name))
		return true;
	error_set(err, UNDEFINED_OBJECT, "there is no statement %.*s",
		SLICE_FMT(slice_sub(name, 0, 40)));
	return error_hint(err, "It may have ended. mesh.queries lists what waits and runs.");
}

static json_t *query_json(const struct system_query *q)
{
	char when[CLOCK_TEXT_BYTES];
	json_t *item = json_object();
	clock_format(q->started_us, when);
	json_set_slice(item, "query", q->name);
	json_object_set_new(item, "pid", q->pid ? json_integer(q->pid) : json_null());
	json_set_slice(item, "principal", q->principal);
	json_set_slice(item, "purpose", q->purpose);
	json_set_slice(item, "door", q->door);
	json_set_slice(item, "session", q->session);
	json_set_slice(item, "request_id", q->request_id);
	json_object_set_new(item, "state", json_string(q->state));
	json_set_slice(item, "waiting_for", q->waiting_for);
	json_object_set_new(item, "started_at", json_string(when));
	json_object_set_new(item, "duration_ms", json_real((double)q->duration_us / 1000));
	json_object_set_new(item, "waited_ms", json_real((double)q->waited_us / 1000));
	json_object_set_new(item, "row_count", json_integer((json_int_t)q->rows));
	json_object_set_new(item, "bytes", json_integer((json_int_t)q->bytes));
	json_set_slice(item, "statement", q->statement);
	return item;
}

json_t *queries_list(struct server *server, const struct auth_identity *identity)
{
	scoped(arena_free) struct arena *scratch = arena_new();
	const struct principal *who = &identity->principal;
	const struct system_query *all;
	size_t count = running_list(server, scratch, &all);
	json_t *items = json_array();
	for (size_t i = 0; i < count; i++)
		if (who->admin || slice_equal(all[i].principal, who->name))
			json_array_append_new(items, query_json(&all[i]));
	return items;
}

void running_cancel_all(struct server *server)
{
	pthread_mutex_lock(&server->running.lock);
	for (struct query *q = server->running.first; q; q = q->next)
		query_cancel(q);
	pthread_mutex_unlock(&server->running.lock);
}
