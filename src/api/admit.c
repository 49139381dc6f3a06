#include <string.h>

#include "api/api-private.h"
#include "api/connections.h"
#include "base/clock.h"
#include "config/config.h"

/*
 * What is decided when a request's headers are there and its body is not. Nobody's large body is
 * taken before it is known whose it is, and no request whose end two readers could see at two
 * places is served: a proxy before us might be the other one (RFC 9112 section 11.2).
 */
enum { SMALL_BODY_BYTES = 64 * 1024 };

struct shape {
	int lengths;
	int encodings;
	int hosts;
	bool broken;
	bool chunked;
	int64_t length;
};

static enum MHD_Result note_header(
	void *ctx, enum MHD_ValueKind kind, const char *name, const char *value)
{
	struct shape *shape = ctx;
	struct slice key = slice_from_c(name);
	struct slice text = slice_from_c(value ? value : "");

	(void)kind;
	if (slice_equal_nocase(key, SLICE("Content-Length"))) {
		shape->lengths++;
		shape->broken |= strspn(text.ptr, "0123456789") != text.len ||
				 !slice_to_i64(text, &shape->length);
	} else if (slice_equal_nocase(key, SLICE("Transfer-Encoding"))) {
		shape->encodings++;
		shape->chunked = slice_equal_nocase(text, SLICE("chunked"));
		shape->broken |= !shape->chunked;
	} else if (slice_equal_nocase(key, SLICE("Host"))) {
		shape->hosts++;
	}
	for (const char *c = name; *c; c++)
		shape->broken |= (unsigned char)*c <= ' ' || *c == 0x7f;
	for (const char *c = text.ptr; *c; c++)
		shape->broken |= ((unsigned char)*c < ' ' && *c != '\t') || *c == 0x7f;
	return MHD_YES;
}

static bool check_shape(struct request *request, const struct shape *shape, struct error *err)
{
	if (!shape->broken && shape->lengths + shape->encodings <= 1 && shape->hosts <= 1)
		return true;
	request->problem_status = MHD_HTTP_BAD_REQUEST;
	error_set(err, PROTOCOL_VIOLATION,
		"the headers of the request say more than one thing, or nothing that is allowed");
	return error_hint(
		err, "send one Host, and one Content-Length or Transfer-Encoding: chunked");
}

static bool check_place(struct request *request, struct error *err)
{
	const char *why = connection_refusal(request->place);

	if (!why)
		return true;
	request->problem_status = MHD_HTTP_SERVICE_UNAVAILABLE;
	error_set(err, TOO_MANY_CONNECTIONS, "there are too many connections%s",
		strcmp(why, "per_address") == 0 ? " from your address" : "");
	return error_hint(err,
		"use a connection for many requests; the settings "
		"http.max_connections and http.max_connections_per_address limit them");
}

/* "https://weft.example:8443" comes from the host that was asked. */
static bool same_origin(struct slice origin, struct slice host)
{
	size_t at = slice_find(origin, SLICE("://"), 0);

	return at != SIZE_MAX && slice_equal_nocase(slice_sub(origin, at + 3, origin.len), host);
}

/* A browser that knows a user's password would send it along with another site's requests. */
static bool check_origin(const struct request *request, struct error *err)
{
	struct slice origin = request_header(request, "Origin");

	if (slice_is_none(origin) || slice_equal_c(request->method, "GET") ||
		slice_equal_c(request->method, "HEAD") ||
		slice_equal_c(request->method, "OPTIONS") ||
		same_origin(origin, request_header(request, "Host")))
		return true;
	error_set(err, INSUFFICIENT_PRIVILEGE, "requests of other sites' pages are not served");
	return error_hint(err, "send the request from a program of your own, without Origin");
}

static bool check_body(struct request *request, const struct shape *shape, struct error *err)
{
	bool waits = !slice_is_none(request_header(request, "Expect"));
	int64_t most = server_config(request->server)->http_body_max_bytes;

	if (!shape->chunked && shape->length <= SMALL_BODY_BYTES && !(waits && shape->length))
		return true;
	if (!api_find_route(request))
		return false;
	if (!api_authenticate(request, err))
		return false;
	if (request->route->body == BODY_NONE)
		most = SMALL_BODY_BYTES;
	if (shape->length <= most)
		return true;
	return api_too_large(request, err);
}

bool api_admit(struct request *request)
{
	struct shape shape = {0};
	struct error err = {0};

	request->started_us = clock_mono_us(&clock_system);
	api_name(request);
	MHD_get_connection_values(request->connection, MHD_HEADER_KIND, note_header, &shape);
	if (check_shape(request, &shape, &err) && check_place(request, &err) &&
		check_origin(request, &err) && check_body(request, &shape, &err))
		return true;
	if (!request->response)
		reply_problem(request, &err);
	api_count(request);
	return false;
}
