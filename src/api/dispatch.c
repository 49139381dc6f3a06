#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "api/api-private.h"
#include "base/clock.h"
#include "log/log.h"
#include "log/metrics.h"

/* From a complete request to its answer: id, route, identity, handler, problem details, counts. */

enum { OPENING_ID_BYTES = 12, TRACE_BYTES = 55 };

/* A caller's id is kept when it can stand in logs as it is. */
static void set_request_id(struct request *request)
{
	struct slice given = request_header(request, "X-Request-Id");
	bool usable = given.len > 0 && given.len < REQUEST_ID_BYTES;

	for (size_t i = 0; usable && i < given.len; i++) {
		char c = given.ptr[i];

		usable = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
			 (c >= 'A' && c <= 'Z') || c == '-' || c == '_' || c == '.';
	}
	if (usable) {
		snprintf(request->request_id, REQUEST_ID_BYTES, "%.*s", SLICE_FMT(given));
		return;
	}
	unsigned char random[OPENING_ID_BYTES];

	randombytes_buf(random, sizeof random);
	sodium_bin2hex(request->request_id, REQUEST_ID_BYTES, random, sizeof random);
}

/* https://www.w3.org/TR/trace-context: 00-32 hex-16 hex-2 hex. */
static void set_trace(struct request *request)
{
	struct slice given = request_header(request, "traceparent");

	if (given.len == TRACE_BYTES && strspn(given.ptr, "0123456789abcdef-") == TRACE_BYTES)
		request->trace = arena_copy(request->arena, given);
}

static bool no_route(struct request *request, enum route_match match, const char *allow)
{
	struct error err = {0};

	if (match == ROUTE_NO_PATH) {
		error_set(&err, UNDEFINED_OBJECT, "there is no %.*s",
			SLICE_FMT(slice_sub(request->path, 0, 200)));
		error_hint(&err, "/api/v1/openapi.json lists what there is");
		reply_problem(request, &err);
		return false;
	}
	error_set(&err, FEATURE_NOT_SUPPORTED, "%.*s is not possible here",
		SLICE_FMT(slice_sub(request->method, 0, 20)));
	error_hint(&err, "use %s", allow);
	request->problem_status = MHD_HTTP_METHOD_NOT_ALLOWED;
	reply_problem(request, &err);
	reply_header(request, "Allow", slice_from_c(allow));
	return false;
}

bool api_find_route(struct request *request)
{
	char allow[64];
	enum route_match match = route_find(request->arena, request->method, request->path,
		&request->route, request->params, allow);

	return match == ROUTE_FOUND || no_route(request, match, allow);
}

bool api_too_large(struct request *request, struct error *err)
{
	request->problem_status = MHD_HTTP_CONTENT_TOO_LARGE;
	error_set(err, LIMIT_EXCEEDED, "the body is too large");
	return error_hint(err, "the setting http.body_max is the limit");
}

static bool handle(struct request *request, struct error *err)
{
	if (request->body_too_large)
		return api_too_large(request, err);
	return api_authenticate(request, err) && request->route->handle(request, err);
}

void api_count(const struct request *request)
{
	struct metrics *metrics = server_metrics(request->server);
	char status[8];
	const char *route = request->route ? request->route->path : "none";
	int64_t us = clock_mono_us(&clock_system) - request->started_us;

	snprintf(status, sizeof status, "%u", request->status);
	metrics_add(metrics, METRIC_HTTP_REQUESTS, route, status, 1);
	metrics_observe(metrics, METRIC_HTTP_SECONDS, route, NULL, (double)us / 1e6);
}

static void report(struct request *request, const struct error *err)
{
	const struct log_context context = {
		.trace = request->trace,
		.request = slice_from_c(request->request_id),
		.principal = request->identity ? request->identity->principal.name : SLICE_NONE,
	};

	if (sqlstate_table[err->state].http_status >= 500)
		log_failure(server_log(request->server), EVENT_HTTP_FAILED, &context,
			request->route->path, err);
}

void api_name(struct request *request)
{
	set_request_id(request);
	set_trace(request);
}

void api_dispatch(struct request *request)
{
	struct error err = {0};

	request->started_us = clock_mono_us(&clock_system);
	if ((request->route || api_find_route(request)) && !handle(request, &err)) {
		reply_problem(request, &err);
		report(request, &err);
	}
	api_count(request);
}
