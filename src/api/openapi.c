#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "api/api-private.h"
#include "base/check.h"
#include "catalog/system.h"

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

/* A list's items are rows of the system table that its path is named after (lists.c). */
static const struct system_table *table_of(const struct route *route)
{
	static const char prefix[] = "/api/v1/";
	bool list = route->response_schema && strcmp(route->response_schema, "Items") == 0 &&
		    strncmp(route->path, prefix, sizeof prefix - 1) == 0;

	return list ? system_table_find(
			      SLICE("mesh"), slice_from_c(route->path + sizeof prefix - 1))
		    : NULL;
}

static json_t *column_schema(const struct system_column *column)
{
	static const struct {
		const char *type;
		const char *items;
	} KINDS[] = {
		[ARROW_KIND_BOOL] = {"boolean", NULL},
		[ARROW_KIND_INT32] = {"integer", NULL},
		[ARROW_KIND_INT64] = {"integer", NULL},
		[ARROW_KIND_DOUBLE] = {"number", NULL},
		[ARROW_KIND_TEXT] = {"string", NULL},
		[ARROW_KIND_BLOB] = {"string", NULL},
		[ARROW_KIND_DATE] = {"string", NULL},
		[ARROW_KIND_TIMESTAMPTZ] = {"string", NULL},
		[ARROW_KIND_TEXT_LIST] = {"array", "string"},
		[ARROW_KIND_INT32_LIST] = {"array", "integer"},
	};
	json_t *schema = json_pack("{s:[s, s], s:s}", "type", KINDS[column->kind].type, "null",
		"description", column->comment);

	if (KINDS[column->kind].items)
		json_object_set_new(
			schema, "items", json_pack("{s:s}", "type", KINDS[column->kind].items));
	return schema;
}

/* {"items":[rows]} */
static json_t *list_schema(const struct system_table *table)
{
	json_t *columns = json_object();

	for (size_t i = 0; i < table->column_count; i++)
		json_object_set_new(
			columns, table->columns[i].name, column_schema(&table->columns[i]));
	return json_pack("{s:s, s:s, s:[s], s:{s:{s:s, s:{s:s, s:b, s:o}}}}", "type", "object",
		"description", table->comment, "required", "items", "properties", "items", "type",
		"array", "items", "type", "object", "additionalProperties", 0, "properties",
		columns);
}

static json_t *answer_reference(const struct route *route)
{
	const struct system_table *table = table_of(route);

	if (!table)
		return reference(route->response_schema);
	return json_pack("{s:o}", "schema",
		json_pack("{s:o}", "$ref",
			json_sprintf("#/components/schemas/mesh.%s", table->name)));
}

/* Headers of answers; nearly all of them say what governance did. */
static json_t *headers_of(const struct route *route)
{
	static const struct {
		const char *name;
		const char *text;
	} OF_QUERIES[] = {
		{"X-Weft-Columns", "Names and types as JSON; left out when it is too long"},
		{"X-Weft-Governance", "What governance did, a sentence each; may come repeatedly"},
		{"X-Weft-Snapshot",
			"The member \"snapshot\" that reads the same versions of the tables again"},
		{"X-Weft-Queued", "Why the statement had to wait"},
	};
	bool query = strcmp(route->path, "/api/v1/query") == 0;
	json_t *headers = json_object();

	json_object_set_new(headers, "X-Request-Id",
		json_pack("{s:s, s:{s:s}}", "description",
			"Of the request: its own, or made up; logs and the audit have it", "schema",
			"type", "string"));
	for (size_t i = 0; query && i < array_len(OF_QUERIES); i++)
		json_object_set_new(headers, OF_QUERIES[i].name,
			json_pack("{s:s, s:{s:s}}", "description", OF_QUERIES[i].text, "schema",
				"type", "string"));
	return headers;
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
		answer_reference(route));
	return content;
}

static json_t *responses_of(const struct route *route)
{
	json_t *responses = json_object();
	json_t *good = json_pack("{s:s, s:o}", "description", "Done", "headers", headers_of(route));
	json_t *problem = json_object();
	const char *status = "200";

	if (route->response_schema)
		json_object_set_new(good, "content", content_of(route));
	else if (strcmp(route->method, "GET") != 0)
		status = "204";
	else
		json_object_set_new(good, "content",
			json_pack("{s:{s:{s:s}}, s:{s:{s:s}}}", "text/plain", "schema", "type",
				"string", "application/openmetrics-text", "schema", "type",
				"string"));
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

/* What parameters are and an example of each; all names of routes.def are here (a test looks). */
static const struct parameter {
	const char *name;
	const char *type;
	const char *example;
	const char *text;
} PARAMETERS[] = {
	{"domain", "string", "sales", "Name of a domain"},
	{"product", "string", "orders", "Name of a product"},
	{"table", "string", "orders", "Name of a table; with its domain where the path has none"},
	{"principal", "string", "alice", "Name of a user or service"},
	{"purpose", "string", NULL, "As if asked for this purpose"},
	{"id", "string", "1", "Number of a run, name of a statement, or id of a token"},
	{"name", "string", "alice", "Name of a user"},
	{"user", "string", "alice", "Name of a user"},
	{"q", "string", "orders", "What to find: at most 200 bytes"},
	{"node", "string", "sales", "Name of a node"},
	{"limit", "integer", "10", "At most so many"},
	{"scope", "string", "domains/sales", "Folder of the manifests"},
	{"follow", "boolean", "false", "Go on until it ends"},
};

static void add_parameter(json_t *list, struct slice name, const char *in)
{
	const struct parameter *known = NULL;
	json_t *item = json_object();

	for (size_t i = 0; i < array_len(PARAMETERS) && !known; i++)
		if (slice_equal_c(name, PARAMETERS[i].name))
			known = &PARAMETERS[i];
	check(known);
	json_set_slice(item, "name", name);
	json_object_set_new(item, "in", json_string(in));
	json_object_set_new(item, "required", json_boolean(strcmp(in, "path") == 0));
	json_object_set_new(item, "description", json_string(known->text));
	json_object_set_new(item, "schema", json_pack("{s:s}", "type", known->type));
	if (known->example && strcmp(known->type, "string") == 0)
		json_object_set_new(item, "example", json_string(known->example));
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
	json_t *operation = json_pack("{s:s, s:s, s:o, s:o}", "operationId",
		route->name + sizeof "api_" - 1, "summary", route->summary, "parameters",
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

		if (strncmp(routes[i].path, "/mesh/", strlen("/mesh/")) == 0)
			continue; /* between nodes, of their version */
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
	for (size_t i = 0; i < route_count; i++) {
		const struct system_table *table = table_of(&routes[i]);

		if (table)
			json_object_set_new(schemas,
				arena_printf(out->arena, "mesh.%s", table->name).ptr,
				list_schema(table));
	}
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
