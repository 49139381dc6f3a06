#include "api/api-private.h"
#include "log/metrics.h"
#include "server/tend.h"

/* What a node says about itself. */

bool api_healthz(struct request *request, struct error *err)
{
	(void)err;
	scoped(json_drop) json_t *value = json_pack("{s:s}", "status", "ok");

	return reply_json(request, MHD_HTTP_OK, value);
}

bool api_readyz(struct request *request, struct error *err)
{
	scoped(json_drop) json_t *value = json_pack("{s:s}", "status", "ready");

	return server_ready(request->server, err) && reply_json(request, MHD_HTTP_OK, value);
}

/* What Prometheus asks for first since 2.5; without its name in Accept, the older form. */
static enum metrics_format metrics_format_of(const struct request *request)
{
	struct slice accept = request_header(request, "Accept");
	bool open = slice_find(accept, SLICE("application/openmetrics-text"), 0) != SIZE_MAX;

	return open ? METRICS_OPENMETRICS : METRICS_PROMETHEUS;
}

/* Labels name tables and domains, hidden ones too. */
bool api_metrics(struct request *request, struct error *err)
{
	struct str text = str_in(request->arena);

	if (!request->identity->principal.admin) {
		error_set(err, INSUFFICIENT_PRIVILEGE, "metrics are for administrators");
		return error_hint(err, "scrape with a token of an administrator, scope read");
	}
	tend_gauges(request->server);
	enum metrics_format format = metrics_format_of(request);

	metrics_print(server_metrics(request->server), format, &text);
	return reply_text(request, MHD_HTTP_OK,
		format == METRICS_OPENMETRICS
			? "application/openmetrics-text; version=1.0.0; charset=utf-8"
			: "text/plain; version=0.0.4; charset=utf-8",
		str_slice(&text));
}

bool api_openapi(struct request *request, struct error *err)
{
	struct str text = str_in(request->arena);

	(void)err;
	api_openapi_print(&text);
	return reply_text(request, MHD_HTTP_OK, "application/json", str_slice(&text));
}

static json_t *scopes(unsigned held)
{
	json_t *list = json_array();

	for (size_t i = 0; i < SCOPE_COUNT; i++)
		if (held & scope_names[i].scope)
			json_array_append_new(list, json_string(scope_names[i].name));
	return list;
}

bool api_me(struct request *request, struct error *err)
{
	const struct auth_identity *identity = request->identity;
	const struct principal *principal = &identity->principal;
	scoped(json_drop) json_t *attributes = json_array();

	(void)err;
	for (size_t i = 0; i < principal->attribute_count; i++) {
		const struct attribute *attribute = &principal->attributes[i];
		json_t *item = json_object();

		json_set_slice(item, "name", attribute->name);
		json_set_slice(item, "type", attribute->type);
		json_object_set_new(item, "values",
			json_from_slices(attribute->values, attribute->value_count));
		json_array_append_new(attributes, item);
	}
	scoped(json_drop) json_t *value = json_object();

	json_set_slice(value, "name", principal->name);
	json_object_set_new(value, "admin", json_boolean(principal->admin));
	json_object_set_new(
		value, "groups", json_from_slices(principal->groups, principal->group_count));
	json_object_set(value, "attributes", attributes);
	json_object_set_new(value, "scopes", scopes(identity->scopes));
	json_set_slice(value, "mesh", slice_from_c(server_mesh_name(request->server)));
	json_object_set_new(value, "version", json_string(WEFT_VERSION));
	json_object_set_new(value, "pg_port", json_integer(server_pg_port(request->server)));
	return reply_json(request, MHD_HTTP_OK, value);
}
