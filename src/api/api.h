#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/str.h"

/*
 * The HTTP API: one route table (routes.def) behind two doors. "http" is the HTTPS port: bearer
 * tokens and Basic with a user's password. "control" is a Unix socket in the data folder: the user
 * that owns the node's process is its administrator and may act as another user with the header
 * X-Weft-User, which is audited. A thread per connection. Errors are problem details (RFC 9457)
 * with code, hint, position, request_id.
 */
struct door;

struct api;

struct api_options {
	const char *address;	   /* "127.0.0.1", "::", "*"; "" = no HTTP door */
	int port;		   /* 0 = the system chooses */
	const char *tls_cert_file; /* PEM; NULL = plain HTTP, for a proxy on this machine */
	const char *tls_key_file;
	const char *control_socket; /* path; NULL = none */
	/* 0 takes the default in brackets */
	int max_connections;		 /* [200] of the HTTP door */
	int max_connections_per_address; /* [50] */
	int timeout_ms; /* [120000] idle connection, and a client that sends or takes no bytes */
};

/* Copies options. */
struct api *api_new(const struct api_options *options);
void api_free(struct api **api);
/* For server_options; borrowed until api_free. */
const struct door *api_doors(const struct api *api, size_t *count_out);

/* OpenAPI 3.1 of routes.def, and the reference page in Markdown. Pure. */
void api_openapi_print(struct str *out);
void api_reference_print(struct str *out);
