#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "api/api-private.h"
#include "base/check.h"

/* OpenAPI 3.1 and the reference page, from the route table and schemas.json (linked in whole). */

__asm__(".section .rodata\n"
	".global api_schemas_start\n"
	".global api_schemas_end\n"
	"api_schemas_start:\n"
	".incbin \"" WEFT_SCHEMAS_FILE "\"\n"
	"api_schemas_end:\n"
	".byte 0\n"
	".previous\n");
extern const char api_schemas_start[];
extern const char api_schemas_end[];

static json_t *reference(const char *schema)
{
	return json_pack("{s:o}", "schema",
		json_pack("{s:o}", "$ref", json_sprintf("#/components/schemas/%s", schema)));
}

static json_t *content_of(const struct route *route)
{
	json_t *content = json_object();

	if (strcmp(route->path, "/api/v1/query") == 0) {
		json_object_set_new(content, "application/x-ndjson", json_object());
		json_object_set_new(content, "text/csv", json_object());
		json_object_set_new(content, "application/vnd.apache.arrow.stream", json_object());
		json_object_set_new(content, "application/vnd.apache.parquet", json_object());
	}
	json_object_set_new(content,
		strstr(route->path, "/log") ? "application/x-ndjson" : "application/json",
		reference(route->response_schema));
	return content;
}

static json_t *responses_of(const struct route *route)
{
	json_t *responses = json_object();
	json_t *good = json_pack("{s:s}", "description", "Done");
	json_t *problem = json_object();
	const char *status = "200";

	if (route->response_schema)
		json_object_set_new(good, "content", content_of(route));
	else if (strcmp(route->method, "GET") != 0)
		status = "204";
	if (route->response_schema && strcmp(route->response_schema, "RunRef") == 0)
		status = "202";
	if (route->response_schema && strcmp(route->response_schema, "Token") == 0)
		status = "201";
	json_object_set_new(responses, status, good);
	json_object_set_new(problem, "application/problem+json", reference("Problem"));
	json_object_set_new(responses, "default",
		json_pack("{s:s, s:o}", "description", "What went wrong", "content", problem));
	return responses;
}

static void add_parameter(json_t *list, struct slice name, const char *in)
{
	json_t *item = json_object();

	json_set_slice(item, "name", name);
	json_object_set_new(item, "in", json_string(in));
	json_object_set_new(item, "required", json_boolean(strcmp(in, "path") == 0));
	json_object_set_new(item, "schema", json_pack("{s:s}", "type", "string"));
	json_array_append_new(list, item);
}

/* {names} of the path, and the "?name=" that the summary mentions. */
static json_t *parameters_of(const struct route *route)
{
	json_t *list = json_array();

	for (const char *at = strchr(route->path, '{'); at; at = strchr(at + 1, '{'))
		add_parameter(list, slice_of(at + 1, strcspn(at + 1, "}")), "path");
	for (const char *at = strchr(route->summary, '?'); at; at = strchr(at + 1, '?'))
		add_parameter(list, slice_of(at + 1, strcspn(at + 1, "= ';,")), "query");
	return list;
}

static json_t *operation_of(const struct route *route)
{
	json_t *operation = json_pack("{s:s, s:o, s:o}", "summary", route->summary, "parameters",
		parameters_of(route), "responses", responses_of(route));
	json_t *scopes = json_array();

	if (route->scopes == 0)
		json_object_set_new(operation, "security", json_array());
	for (size_t i = 0; i < SCOPE_COUNT; i++)
		if (route->scopes & scope_names[i].scope)
			json_array_append_new(scopes, json_string(scope_names[i].name));
	json_object_set_new(operation, "x-weft-scopes", scopes);
	if (route->body == BODY_JSON)
		json_object_set_new(operation, "requestBody",
			json_pack("{s:b, s:{s:o}}", "required", 1, "content", "application/json",
				reference(route->request_schema)));
	return operation;
}

static json_t *paths(void)
{
	json_t *all = json_object();

	for (size_t i = 0; i < route_count; i++) {
		json_t *path = json_object_get(all, routes[i].path);
		char method[8] = "";

		if (!path) {
			path = json_object();
			json_object_set_new(all, routes[i].path, path);
		}
		for (size_t c = 0; routes[i].method[c] && c + 1 < sizeof method; c++)
			method[c] = (char)tolower((unsigned char)routes[i].method[c]);
		json_object_set_new(path, method, operation_of(&routes[i]));
	}
	return all;
}

void api_openapi_print(struct str *out)
{
	struct error err = {0};
	json_t *schemas = json_parse(
		slice_of(api_schemas_start, (size_t)(api_schemas_end - api_schemas_start)), &err);

	check(schemas);
	scoped(json_drop) json_t *document = json_pack(
		"{s:s, s:{s:s, s:s, s:s}, s:[{s:s}], s:[{s:[]}, {s:[]}], s:o, s:{s:o, s:o}}",
		"openapi", "3.1.0", "info", "title", "Weft", "version", WEFT_VERSION, "description",
		"A node of a data mesh. Lists hold what the caller may know of; rows are governed.",
		"servers", "url", "/", "security", "bearer", "basic", "paths", paths(),
		"components", "schemas", schemas, "securitySchemes",
		json_pack("{s:{s:s, s:s}, s:{s:s, s:s}}", "bearer", "type", "http", "scheme",
			"bearer", "basic", "type", "http", "scheme", "basic"));

	check(document);
	str_add(out, json_print(out->arena, document));
}

void api_reference_print(struct str *out)
{
	str_add_c(out,
		"# HTTP API\n\nMade from src/api/routes.def. The whole description, with the "
		"schemas of bodies and\nanswers, is `GET /api/v1/openapi.json` (OpenAPI "
		"3.1). Errors are problem details (RFC 9457)\nwith the SQLSTATE in `code`, "
		"a `hint` and the `request_id`.\n\n"
		"| method | path | scope | what |\n|---|---|---|---|\n");
	for (size_t i = 0; i < route_count; i++) {
		const char *scope = "none";

		for (size_t s = 0; s < SCOPE_COUNT; s++)
			if (routes[i].scopes & scope_names[s].scope)
				scope = scope_names[s].name;
		str_printf(out, "| %s | `%s` | %s | %s |\n", routes[i].method, routes[i].path,
			scope, routes[i].summary);
	}
}
