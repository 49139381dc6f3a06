#pragma once

#include <microhttpd.h>

#include "base/json.h"
#include "base/str.h"
#include "server/auth.h"

/*
 * One HTTP request, from its headers to the end of its answer. Connection's thread only; a stream's
 * producer may read identity, arena-free fields and request_id.
 */
struct api;
struct server;
struct request;
struct stream;

/* false: err becomes the answer. */
typedef bool (*route_fn)(struct request *request, struct error *err);

enum route_body { BODY_NONE, BODY_JSON };

struct route {
	const char *method;
	const char *path; /* "/api/v1/runs/{id}/log" */
	unsigned scopes;  /* enum auth_scope; 0 = anybody */
	route_fn handle;
	enum route_body body;
	const char *request_schema;
	const char *response_schema;
	const char *name; /* of its handler: "api_run_start" */
	const char *summary;
};

extern const struct route routes[];
extern const size_t route_count;

enum { ROUTE_MAX_PARAMS = 3, REQUEST_ID_BYTES = 65 };

enum route_match { ROUTE_FOUND, ROUTE_NO_PATH, ROUTE_NO_METHOD };

/* params are decoded parts of the path in the order of the route's {names}; path is not decoded.
 * allow_out (>= 64 bytes) gets the methods for ROUTE_NO_METHOD. Pure. */
enum route_match route_find(struct arena *arena, struct slice method, struct slice path,
	const struct route **out, struct slice *params, char *allow_out);

struct request {
	struct api *api;
	struct server *server;
	struct arena *arena;
	struct MHD_Connection *connection;
	const struct route *route; /* NULL until found */
	struct slice method;
	struct slice path;
	struct slice params[ROUTE_MAX_PARAMS];
	struct str body;
	bool body_too_large;
	bool authenticated;		/* identity is settled */
	struct connection *place;	/* among the listener's */
	bool control;			/* by the control socket */
	struct auth_identity *identity; /* NULL for open routes */
	struct slice node;		/* that asks, on routes for nodes */
	struct slice peer;		/* address without port; "local" */
	char request_id[REQUEST_ID_BYTES];
	struct slice trace;	       /* traceparent as it came; none */
	int64_t began_us;	       /* when its headers were there */
	int64_t started_us;	       /* when it began to be served */
	unsigned problem_status;       /* of a failure, instead of its SQLSTATE's; 0 = that */
	struct MHD_Response *response; /* set by reply_*; NULL = none yet */
	unsigned status;
	struct slice text; /* of the answer, when it is no stream */
};

/* Its connection's socket, -1 when it is not to be had. */
int request_socket(const struct request *request);
/* A header of the request, none when absent. Borrowed until the request ends. */
struct slice request_header(const struct request *request, const char *name);
/* A decoded query parameter, none when absent. */
struct slice request_query(const struct request *request, const char *name);
/* The same as a number in [1, max]; fallback when absent. 22023. */
bool request_number(const struct request *request, const char *name, int64_t fallback, int64_t max,
	int64_t *out, struct error *err) must_check;
/* What stands behind a choice of an Accept header (RFC 9110 section 12.4.2): 0 to 1; 1 when absent
 * or unreadable. Pure. */
double request_quality(struct slice parameters);
/* Percent-decoding; false for a broken escape, NUL, or bytes that are no UTF-8. Pure. */
bool request_decode(struct arena *arena, struct slice text, struct slice *out) must_check;
/* The body as a JSON object; members not in `known` (NULL-terminated) are refused. 22023, 42601. */
bool request_json(struct request *request, const char *const *known, json_t **out,
	struct error *err) must_check;
/* {id} of runs. 22P02. */
bool request_run_id(const struct request *request, int64_t *out, struct error *err) must_check;

/* Answers; each may be called once. Texts are copied into the answer. */
bool reply_json(struct request *request, unsigned status, const json_t *value);
bool reply_items(struct request *request, const json_t *items);
bool reply_text(struct request *request, unsigned status, const char *type, struct slice text);
bool reply_empty(struct request *request, unsigned status);
void reply_problem(struct request *request, const struct error *err);
/* Takes the stream; type is the content type. The stream has begun (stream_wait). */
bool reply_stream(struct request *request, const char *type, struct stream *stream);
/* After a reply_*: one more header; control characters in the value become spaces. */
void reply_header(struct request *request, const char *name, struct slice value);

/* The handlers that routes.def names. */
#define ROUTE(method, path, scopes, handler, body, in, out, summary)                               \
	bool handler(struct request *request, struct error *err);
#include "api/routes.def"
#undef ROUTE
