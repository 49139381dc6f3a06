#pragma once

#include <stdbool.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/json.h"
#include "base/slice.h"

/*
 * HTTP to a node: over its control socket, or https:// with a token. One thread. Answers that are
 * problem details (RFC 9457) become errors with their SQLSTATE, hint and position.
 */
struct client;

struct client_options {
	const char *socket;	/* path of the control socket; NULL = use url */
	const char *url;	/* "https://host:port", no path */
	const char *token_file; /* NULL = none */
	const char *ca_file;	/* NULL = the system's */
	const char *as_user;	/* NULL = oneself */
	bool debug;
	bool progress; /* print request ids (-v) */
};

/* Nothing is sent yet. 08001 when libcurl is missing, 58P01 when the token file is. */
bool client_new(
	const struct client_options *options, struct client **out, struct error *err) must_check;
void client_free(struct client **client);

struct client_request {
	const char *method;
	const char *path;   /* "/api/v1/runs?limit=5"; parts escaped by client_escape */
	const char *accept; /* NULL = application/json */
	const json_t *body; /* NULL = none */
	/* Called with the body as it comes; false stops. NULL: client_json collects it. */
	bool (*data)(void *ctx, struct slice bytes, struct error *err);
	/* One response header, name in lower case. May be NULL. */
	void (*header)(void *ctx, struct slice name, struct slice value);
	void *ctx;
	int64_t deadline_us; /* of clock_mono_us; 57014 then. 0 = none */
};

/* Streams. 57014 after SIGINT (see client_catch_interrupt), 08001/08006 for the connection. */
bool client_send(
	struct client *client, const struct client_request *request, struct error *err) must_check;
/* A JSON answer; *out NULL for an empty one (204). body is borrowed. */
bool client_json(struct client *client, const char *method, const char *path, const json_t *body,
	json_t **out, struct error *err) must_check;
/* One part of a path or query, percent-encoded. */
const char *client_escape(struct arena *arena, struct slice text);

/* From now on the first SIGINT ends the running request (which cancels it at the node), the second
 * ends the process with 130. */
void client_catch_interrupt(void);
bool client_interrupted(void);
void client_clear_interrupt(void);
