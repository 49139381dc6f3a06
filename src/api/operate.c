#include "api/api-private.h"
#include "server/reload.h"

/* What an administrator does to a node that serves. */

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
		json_pack("{s:o, s:o}", "changed", names(result.changed, result.changed_count),
			"restart_needed", names(result.restart, result.restart_count));

	return reply_json(request, MHD_HTTP_OK, value);
}
