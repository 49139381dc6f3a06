/*
 * Snapshots by time. Versions of all products are made one after the other at rising times
 * (store/versions.c), so the time of the newest version that a statement read gives the same
 * versions again, on any connection and after a restart, for as long as retention keeps them.
 */
#include "base/num.h"
#include "catalog/model.h"
#include "server/query-private.h"
#include "server/server-private.h"

int64_t query_as_of_us(const struct query *query)
{
	return query->plan->as_of_us;
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
