/*
 * Snapshots by time. Versions of all products are made one after the other at rising times
 * (store/versions.c), so the time of the newest version that a statement read gives the same
 * versions again, on any connection and after a restart, for as long as retention keeps them.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/num.h"
#include "catalog/model.h"
#include "server/query-private.h"
#include "server/server-private.h"

struct remote_pin {
	struct remote_pin *next;
	char node[64];
	char as_of[CLOCK_TEXT_BYTES];
};

void query_snapshot_take(struct server *server, struct query_snapshot *out)
{
	*out = (struct query_snapshot){.model = server_model(server)};
}

void query_snapshot_drop(struct server *server, struct query_snapshot *snapshot)
{
	server_model_release(server, &snapshot->model);
	pins_drop(server->pins, &snapshot->older);
	while (snapshot->remote) {
		struct remote_pin *pin = snapshot->remote;

		snapshot->remote = pin->next;
		free(pin);
	}
}

struct slice query_snapshot_pin(const struct query_snapshot *snapshot, struct slice node)
{
	for (const struct remote_pin *pin = snapshot->remote; pin; pin = pin->next)
		if (slice_equal_c(node, pin->node))
			return slice_from_c(pin->as_of);
	return SLICE_NONE;
}

void query_snapshot_hold(struct query_snapshot *snapshot, struct slice node, int64_t us)
{
	if (!slice_is_none(query_snapshot_pin(snapshot, node)))
		return;
	struct remote_pin *pin = calloc(1, sizeof *pin);

	check(pin != NULL);
	snprintf(pin->node, sizeof pin->node, "%.*s", SLICE_FMT(node));
	clock_format(us, pin->as_of);
	pin->next = snapshot->remote;
	snapshot->remote = pin;
}

int64_t query_as_of_us(const struct query *query)
{
	if (query->plan->part_count)
		return 0; /* there is no one time for all nodes */
	return query->plan->node.len ? query_remote_as_of_us(query) : query->plan->as_of_us;
}

int64_t query_pin_us(const struct query *query)
{
	int64_t us = 0;

	if (model_time_read(query->request.as_of, &us))
		return us;
	return max_of(query->pinned->built_us, query->plan->as_of_us);
}

bool query_is_newest(struct server *server, struct slice as_of)
{
	int64_t us = 0;
	const struct model *model = server_model(server);
	bool newest = model_time_read(as_of, &us);

	for (size_t i = 0; newest && i < model->table_count; i++)
		newest = model->tables[i].published_us <= us;
	server_model_release(server, &model);
	return newest;
}

int64_t query_newest_us(struct server *server, const struct principal *principal)
{
	const struct model *model = server_model(server);
	int64_t newest_us = 0;
	/* Of others it would tell that they are there. */
	for (size_t i = 0; i < model->table_count; i++)
		if (model_sees_table(model, principal, &model->tables[i]))
			newest_us = max_of(newest_us, model->tables[i].published_us);
	server_model_release(server, &model);
	return newest_us;
}
