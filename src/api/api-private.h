#pragma once

#include <microhttpd.h>
#include <stdatomic.h>

#include "api/api.h"
#include "api/request.h"
#include "server/server.h"

/* One listener. Start and stop: the thread that owns struct server. */
struct listener {
	struct api *api;
	struct MHD_Daemon *daemon;
	bool control;
	char address[128]; /* for people */
	int socket_fd;
};

struct api {
	struct arena *arena;
	struct api_options options;
	struct server *server; /* set when a door starts */
	struct listener http;
	struct listener control;
	struct door doors[2];
	size_t door_count;
	int port;
	atomic_int active; /* requests under way */
};

/* Fills request->identity (or leaves it for open routes) from the socket or the headers. */
bool api_authenticate(struct request *request, struct error *err) must_check;
/* The scopes' names, in the order of enum auth_scope. */
struct scope_name {
	unsigned scope;
	const char *name;
};
enum { SCOPE_COUNT = 5 };
extern const struct scope_name scope_names[SCOPE_COUNT];

/* Runs the route of a request whose body is complete; it has a response afterwards. */
void api_dispatch(struct request *request);
