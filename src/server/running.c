/*
 * Statements that are open now. When the model changes, each is judged anew; those whose decision
 * is not what it was are cancelled, so that a revoked right ends within a second also what runs
 * already.
 */
#include "server/govern.h"
#include "server/query-private.h"
#include "server/server-private.h"

void running_add(struct server *server, struct query *query)
{
	pthread_mutex_lock(&server->running.lock);
	query->next = server->running.first;
	server->running.first = query;
	server->running.len++;
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

/* Decided by the newest model for the principal as it is now. */
static bool still_allowed(const struct query *query, const struct model *model)
{
	scoped(arena_free) struct arena *scratch = arena_new();
	struct principal now;
	struct error ignored;
	if (!govern_principal(query->server, model, scratch, &query->principal, &now, &ignored))
		return false;
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
		if (still_allowed(q, model))
			continue;
		atomic_store(&q->revoked, true);
		query_cancel(q);
	}
	pthread_mutex_unlock(&server->running.lock);
	server_model_release(server, &model);
}

void running_cancel_all(struct server *server)
{
	pthread_mutex_lock(&server->running.lock);
	for (struct query *q = server->running.first; q; q = q->next)
		query_cancel(q);
	pthread_mutex_unlock(&server->running.lock);
}
