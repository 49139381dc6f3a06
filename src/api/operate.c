#include "api/api-private.h"
#include "server/queries.h"
#include "server/reload.h"

/* What is done to a node that serves: see and end statements, read the settings anew. */

static json_t *names(const char *const *items, size_t count)
{
	json_t *list = json_array();

	for (size_t i = 0; i < count; i++)
		json_array_append_new(list, json_string(items[i]));
	return list;
}

bool api_reload(struct request *request, struct error *err)
{
	struct reload_result result;

	if (!server_reload(request->server, request->arena, &result, err))
		return false;
	scoped(json_drop) json_t *value =
		json_pack("{s:o, s:o, s:o}", "changed", names(result.changed, result.changed_count),
			"restart_needed", names(result.restart, result.restart_count), "fixed",
			names(result.fixed, result.fixed_count));

	return reply_json(request, MHD_HTTP_OK, value);
}

bool api_queries(struct request *request, struct error *err)
{
	scoped(json_drop) json_t *items = queries_list(request->server, request->identity);

	(void)err;
	return reply_items(request, items);
}

bool api_query_cancel(struct request *request, struct error *err)
{
	return queries_cancel(request->server, request->identity, request->params[0], err) &&
	       reply_empty(request, MHD_HTTP_NO_CONTENT);
}
