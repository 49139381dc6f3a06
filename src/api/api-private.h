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
	struct connections *connections;
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
enum { SCOPE_COUNT = 6 };
extern const struct scope_name scope_names[SCOPE_COUNT];

/* After the headers: false when the request is answered already, since its headers say more than
 * one thing, there are too many connections, or its body is not wanted. */
bool api_admit(struct request *request);
/* Its id, made up or as it came. */
void api_name(struct request *request);
/* Sets request->route; false when there is none, which is answered then. */
bool api_find_route(struct request *request);
/* Counts an answer. */
void api_count(const struct request *request);
/* 413; false. */
bool api_too_large(struct request *request, struct error *err);
/* Runs the route of a request whose body is complete; it has a response afterwards. */
void api_dispatch(struct request *request);
