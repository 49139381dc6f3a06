#include "base/testing.h"

#include <stdlib.h>

#include "api/api.h"
#include "api/request.h"
#include "base/json.h"

static void test_routes(void **state)
{
	static const struct {
		const char *method;
		const char *path;
		enum route_match match;
		const char *route; /* path of the route, or the Allow header */
		const char *params[2];
	} rows[] = {
		{"GET", "/healthz", ROUTE_FOUND, "/healthz", {NULL}},
		{"HEAD", "/healthz", ROUTE_FOUND, "/healthz", {NULL}},
		{"GET", "/healthz/", ROUTE_NO_PATH, "", {NULL}},
		{"GET", "/api/v1/runs/7/log", ROUTE_FOUND, "/api/v1/runs/{id}/log", {"7"}},
		{"GET", "/api/v1/products/sales/orders", ROUTE_FOUND,
			"/api/v1/products/{domain}/{product}", {"sales", "orders"}},
		{"GET", "/api/v1/products/a%2Fb/c%20d", ROUTE_FOUND,
			"/api/v1/products/{domain}/{product}", {"a/b", "c d"}},
		{"GET", "/api/v1/products/a%00/c", ROUTE_NO_PATH, "", {NULL}},
		{"GET", "/api/v1/products/a%zz/c", ROUTE_NO_PATH, "", {NULL}},
		{"GET", "/api/v1/products/%ff/c", ROUTE_NO_PATH, "", {NULL}},
		{"GET", "/api/v1/products//c", ROUTE_NO_PATH, "", {NULL}},
		{"POST", "/api/v1/runs", ROUTE_FOUND, "/api/v1/runs", {NULL}},
		{"DELETE", "/api/v1/runs", ROUTE_NO_METHOD, "GET, POST", {NULL}},
		{"GET", "/", ROUTE_NO_PATH, "", {NULL}},
		{"GET", "", ROUTE_NO_PATH, "", {NULL}},
	};

	(void)state;
	for (size_t i = 0; i < array_len(rows); i++) {
		scoped(arena_free) struct arena *arena = arena_new();
		const struct route *route = NULL;
		struct slice params[ROUTE_MAX_PARAMS];
		char allow[64];
		enum route_match match = route_find(arena, slice_from_c(rows[i].method),
			slice_from_c(rows[i].path), &route, params, allow);

		assert_int_equal(match, rows[i].match);
		assert_string_equal(match == ROUTE_FOUND ? route->path : allow, rows[i].route);
		for (size_t p = 0; p < 2 && rows[i].params[p]; p++)
			assert_true(slice_equal_c(params[p], rows[i].params[p]));
	}
}

/* Each schema that a route names is there, each operation has an answer. */
static void test_openapi(void **state)
{
	scoped(arena_free) struct arena *arena = arena_new();
	struct str text = str_in(arena);
	struct error err;

	(void)state;
	api_openapi_print(&text);
	scoped(json_drop) json_t *document = json_parse(str_slice(&text), &err);

	assert_non_null(document);
	const json_t *schemas = json_get_object(json_get_object(document, "components"), "schemas");

	for (size_t i = 0; i < route_count; i++) {
		bool between_nodes = strncmp(routes[i].path, "/mesh/", strlen("/mesh/")) == 0;

		assert_int_equal(
			json_get_object(json_get_object(document, "paths"), routes[i].path) == NULL,
			between_nodes);
		if (routes[i].request_schema)
			assert_non_null(json_get_object(schemas, routes[i].request_schema));
		if (routes[i].response_schema)
			assert_non_null(json_get_object(schemas, routes[i].response_schema));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_routes),
		cmocka_unit_test(test_openapi),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
