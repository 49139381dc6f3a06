#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "api/api-private.h"
#include "api/connections.h"
#include "api/last-word.h"
#include "base/check.h"
#include "base/clock.h"
#include "base/num.h"
#include "config/config.h"
#include "log/metrics.h"

/*
 * The two listeners of the API. libmicrohttpd runs a thread per connection; a handler may block. An
 * answer is queued only after the body has come in whole, never in the handler's first call: the
 * library would take the body for the next request.
 */
enum {
	DEFAULT_CONNECTIONS = 200,
	DEFAULT_TIMEOUT_MS = 120000,
	HEADER_MEMORY_BYTES = 64 * 1024,
	STACK_BYTES = 1 << 20, /* reserved; what is not touched costs nothing */
	BACKLOG = 128,
	KEY_FILE_MAX = 1 << 20,
	CONTROL_CONNECTIONS = 64,
	CONNECTIONS_PER_ADDRESS = 50,
	FIRST_REQUEST_MS = 30000,
	SLOWEST_BYTES_PER_MS = 8,
};

static const char tls_priorities[] =
	"NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:%SERVER_PRECEDENCE";

static const char *door_label(const struct listener *listener)
{
	return listener->control ? "control" : "http";
}

static struct slice peer_address(struct MHD_Connection *connection, struct arena *arena)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
	char text[INET6_ADDRSTRLEN] = "unknown";

	if (!info || !info->client_addr)
		return SLICE("unknown");
	if (info->client_addr->sa_family == AF_INET) {
		struct sockaddr_in in;

		memcpy(&in, info->client_addr, sizeof in);
		inet_ntop(AF_INET, &in.sin_addr, text, sizeof text);
	} else if (info->client_addr->sa_family == AF_INET6) {
		struct sockaddr_in6 in6;

		memcpy(&in6, info->client_addr, sizeof in6);
		inet_ntop(AF_INET6, &in6.sin6_addr, text, sizeof text);
	}
	return arena_copy(arena, slice_from_c(text));
}

static struct request *request_new(struct listener *listener, struct MHD_Connection *connection,
	const char *url, const char *method)
{
	struct arena *arena = arena_new();
	struct request *request = arena_new_of(arena, struct request);

	request->arena = arena;
	request->api = listener->api;
	request->server = listener->api->server;
	request->connection = connection;
	request->place = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT)
				 ->socket_context;
	request->control = listener->control;
	request->method = arena_copy(arena, slice_from_c(method));
	request->path = arena_copy(arena, slice_from_c(url));
	request->body = str_in(arena);
	request->peer = listener->control ? SLICE("local") : peer_address(connection, arena);
	atomic_fetch_add(&listener->api->active, 1);
	return request;
}

/* Handlers may work for longer than an idle connection may last. */
static void set_timeout(struct MHD_Connection *connection, int ms)
{
	MHD_set_connection_option(
		connection, MHD_CONNECTION_OPTION_TIMEOUT, (unsigned)((ms + 999) / 1000));
}

/* A part of the request or answer of this size is under way. */
static void expect(struct listener *listener, const struct request *request, size_t bytes)
{
	connection_expect(listener->connections, request->place,
		listener->api->options.timeout_ms + (long long)(bytes / SLOWEST_BYTES_PER_MS));
}

static enum MHD_Result on_headers(struct listener *listener, struct request *request)
{
	if (!api_admit(request)) {
		request_last_word(request);
		return MHD_NO;
	}
	expect(listener, request, 0);
	request->began_us = clock_mono_us(&clock_system);
	return MHD_YES;
}

static enum MHD_Result on_body(
	struct listener *listener, struct request *request, const char *data, size_t size)
{
	int64_t max = server_config(request->server)->http_body_max_bytes;
	int64_t spent_ms = (clock_mono_us(&clock_system) - request->began_us) / 1000;

	if ((int64_t)(request->body.len + size) > max) {
		request->body_too_large = true;
		api_dispatch(request);
		request_last_word(request);
		return MHD_NO;
	}
	str_add(&request->body, slice_of(data, size));
	int64_t left_ms = listener->api->options.timeout_ms +
			  (int64_t)(request->body.len / SLOWEST_BYTES_PER_MS) - spent_ms;

	connection_expect(listener->connections, request->place, max_of(left_ms, 1));
	return MHD_YES;
}

static enum MHD_Result on_request(/* signature of MHD_AccessHandlerCallback */ void *ctx,
	struct MHD_Connection *connection, const char *url, const char *method, const char *version,
	const char *data, size_t *size, void **state)
{
	struct listener *listener = ctx;
	struct request *request = *state;

	(void)version;
	if (!request) {
		*state = request = request_new(listener, connection, url, method);
		return on_headers(listener, request);
	}
	if (*size) {
		size_t len = *size;

		*size = 0;
		return on_body(listener, request, data, len);
	}
	set_timeout(connection, 0);
	connection_expect(listener->connections, request->place, 0);
	api_dispatch(request);
	if (!slice_is_none(request->text)) /* streams look after themselves */
		expect(listener, request, request->text.len);
	return MHD_queue_response(connection, request->status, request->response);
}

static void on_completed(void *ctx, struct MHD_Connection *connection, void **state,
	enum MHD_RequestTerminationCode code)
{
	struct listener *listener = ctx;
	struct request *request = *state;

	(void)code;
	if (!request)
		return;
	expect(listener, request, 0);
	if (request->response)
		MHD_destroy_response(request->response);
	auth_identity_free(&request->identity);
	struct arena *arena = request->arena;

	arena_free(&arena);
	*state = NULL;
	atomic_fetch_sub(&listener->api->active, 1);
	set_timeout(connection, listener->api->options.timeout_ms);
}

static enum MHD_Result on_accept(void *ctx, const struct sockaddr *address, socklen_t address_len)
{
	struct listener *listener = ctx;

	(void)address;
	(void)address_len;
	return connections_admit(listener->connections) ? MHD_YES : MHD_NO;
}

static void on_connection(void *ctx, struct MHD_Connection *connection, void **state,
	enum MHD_ConnectionNotificationCode code)
{
	struct listener *listener = ctx;
	struct metrics *metrics = server_metrics(listener->api->server);
	const char *door = door_label(listener);
	int64_t first_ms = min_of(listener->api->options.timeout_ms, FIRST_REQUEST_MS);

	if (code == MHD_CONNECTION_NOTIFY_STARTED) {
		const union MHD_ConnectionInfo *fd =
			MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
		const union MHD_ConnectionInfo *address =
			MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
		int socket_fd = fd->connect_fd;

		*state = connections_add(listener->connections, socket_fd,
			address && !listener->control ? address->client_addr : NULL);
		connection_expect(listener->connections, *state, first_ms);
		metrics_add(metrics, METRIC_SESSIONS_TOTAL, door, NULL, 1);
		metrics_add(metrics, METRIC_SESSIONS, door, NULL, 1);
	} else {
		struct connection *place = take(*state);

		connections_remove(listener->connections, &place);
		metrics_add(metrics, METRIC_SESSIONS, door, NULL, -1);
	}
}

/* Paths and arguments are decoded by the router, part by part, so that %2F stays inside a part. */
static size_t keep_escapes(void *ctx, struct MHD_Connection *connection, char *text)
{
	(void)ctx;
	(void)connection;
	return strlen(text);
}

/* What the library answers by itself never comes to a handler; it tells of it here only. */
static void on_message(void *ctx, const char *format, va_list args)
{
	static const char prefix[] = "Error processing request (HTTP response code is %u";
	const struct listener *listener = ctx;
	char status[16];

	if (strncmp(format, prefix, sizeof prefix - 1) != 0)
		return;
	snprintf(status, sizeof status, "%u", va_arg(args, unsigned));
	metrics_add(server_metrics(listener->api->server), METRIC_HTTP_REQUESTS, "none", status, 1);
}

static bool daemon_start(
	struct listener *listener, const char *cert, const char *key, struct error *err)
{
	const struct api_options *options = &listener->api->options;
	unsigned flags = MHD_USE_THREAD_PER_CONNECTION | MHD_USE_INTERNAL_POLLING_THREAD |
			 MHD_USE_POLL | MHD_USE_ITC | MHD_USE_ERROR_LOG | (cert ? MHD_USE_TLS : 0);
	const struct MHD_OptionItem tls[] = {
		{cert ? MHD_OPTION_HTTPS_MEM_CERT : MHD_OPTION_END, 0, (void *)(uintptr_t)cert},
		{MHD_OPTION_HTTPS_MEM_KEY, 0, (void *)(uintptr_t)key},
		{MHD_OPTION_HTTPS_PRIORITIES, 0, (void *)(uintptr_t)tls_priorities},
		{MHD_OPTION_END, 0, NULL},
	};

	const struct connections_options places = {
		.metrics = server_metrics(listener->api->server),
		.door = door_label(listener),
		.max = listener->control ? CONTROL_CONNECTIONS : options->max_connections,
		.max_per_address = options->max_connections_per_address,
	};

	listener->connections = connections_new(&places);
	listener->daemon = MHD_start_daemon(flags, 0, on_accept, listener, on_request, listener,
		MHD_OPTION_EXTERNAL_LOGGER, on_message, listener, MHD_OPTION_LISTEN_SOCKET,
		listener->socket_fd, MHD_OPTION_CONNECTION_LIMIT,
		(unsigned)(places.max + 2 * CONNECTIONS_SPARE), MHD_OPTION_CONNECTION_TIMEOUT,
		(unsigned)((options->timeout_ms + 999) / 1000), MHD_OPTION_CONNECTION_MEMORY_LIMIT,
		(size_t)HEADER_MEMORY_BYTES, MHD_OPTION_THREAD_STACK_SIZE, (size_t)STACK_BYTES,
		MHD_OPTION_UNESCAPE_CALLBACK, keep_escapes, NULL, MHD_OPTION_NOTIFY_COMPLETED,
		on_completed, listener, MHD_OPTION_NOTIFY_CONNECTION, on_connection, listener,
		MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1, MHD_OPTION_ARRAY, tls, MHD_OPTION_END);
	if (listener->daemon)
		return true;
	connections_free(&listener->connections);
	close(listener->socket_fd);
	listener->socket_fd = -1;
	error_set(err, CONFIG_FILE_ERROR, "the HTTP door cannot start%s",
		cert ? ": certificate or key are not usable" : "");
	return error_hint(err, "%s", cert ? "check tls.cert_file and tls.key_file" : "see the log");
}

static int bind_first(struct addrinfo *list, int *reason)
{
	int one = 1;

	for (struct addrinfo *at = list; at; at = at->ai_next) {
		int fd = socket(at->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

		if (fd < 0) {
			*reason = errno;
			continue;
		}
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
		if (bind(fd, at->ai_addr, at->ai_addrlen) == 0 && listen(fd, BACKLOG) == 0)
			return fd;
		*reason = errno;
		close(fd);
	}
	return -1;
}

static bool listen_tcp(struct listener *listener, struct error *err)
{
	const struct api_options *options = &listener->api->options;
	const struct addrinfo wanted = {
		.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE};
	bool any = strcmp(options->address, "*") == 0;
	struct addrinfo *list = NULL;
	char port[16];
	int reason = 0;

	snprintf(port, sizeof port, "%d", options->port);
	int lookup = getaddrinfo(any ? "::" : options->address, port, &wanted, &list);

	if (lookup != 0)
		return error_set(err, CANNOT_CONNECT, "http.address \"%.100s\": %s",
			options->address, gai_strerror(lookup));
	listener->socket_fd = bind_first(list, &reason);
	freeaddrinfo(list);
	if (listener->socket_fd >= 0)
		return true;
	error_set(err, CANNOT_CONNECT, "the HTTP door cannot listen on %.100s port %d: %s",
		options->address, options->port, strerrordesc_np(reason));
	return error_hint(err, "choose another http.port, or stop what holds it");
}

static void note_address(struct listener *listener)
{
	struct sockaddr_storage bound;
	socklen_t len = sizeof bound;
	const struct api_options *options = &listener->api->options;

	if (getsockname(listener->socket_fd, (struct sockaddr *)&bound, &len) == 0) {
		struct sockaddr_in in;

		/* Port and family stand at the same place in both kinds. */
		memcpy(&in, &bound, sizeof in);
		listener->api->port = ntohs(in.sin_port);
	}
	snprintf(listener->address, sizeof listener->address, "%s://%s:%d",
		options->tls_cert_file ? "https" : "http",
		strcmp(options->address, "*") == 0 ? "[::]" : options->address,
		listener->api->port);
}

static bool read_pem(struct arena *arena, const char *path, const char **out, struct error *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char *text = arena_alloc(arena, KEY_FILE_MAX);

	if (fd < 0)
		return error_set_errno(err, errno, "read %s", path);
	ssize_t len = read(fd, text, KEY_FILE_MAX - 1);

	close(fd);
	if (len < 0)
		return error_set_errno(err, errno, "read %s", path);
	text[len] = 0;
	*out = text;
	return true;
}

/* Both listeners' server; the other one's threads may read it already. */
static void meet(struct api *api, struct server *server)
{
	if (!api->server)
		api->server = server;
}

static bool http_start(void *ctx, struct server *server, struct error *err)
{
	struct api *api = ctx;
	scoped(arena_free) struct arena *arena = arena_new();
	const char *cert = NULL;
	const char *key = NULL;

	meet(api, server);
	if (api->options.tls_cert_file &&
		(!read_pem(arena, api->options.tls_cert_file, &cert, err) ||
			!read_pem(arena, api->options.tls_key_file, &key, err)))
		return false;
	if (!listen_tcp(&api->http, err))
		return false;
	note_address(&api->http);
	return daemon_start(&api->http, cert, key, err);
}

/* Only this user may connect; the kernel says who does (SO_PEERCRED). */
static bool control_start(void *ctx, struct server *server, struct error *err)
{
	struct api *api = ctx;
	const char *path = api->options.control_socket;
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = -1;

	meet(api, server);
	if (strlen(path) >= sizeof address.sun_path) {
		error_set(err, CONFIG_FILE_ERROR,
			"the path of the control socket is longer than %zu bytes: %s",
			sizeof address.sun_path - 1, path);
		return error_hint(err, "use a data folder with a shorter path");
	}
	memcpy(address.sun_path, path, strlen(path));
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return error_set_errno(err, errno, "make the control socket");
	/* The folder's lock says that no other server lives here: this one is a leftover. */
	unlink(path);
	if (bind(fd, (struct sockaddr *)&address, sizeof address) != 0 || chmod(path, 0600) != 0 ||
		listen(fd, BACKLOG) != 0) {
		int reason = errno;

		close(fd);
		return error_set_errno(err, reason, "listen on %s", path);
	}
	api->control.socket_fd = fd;
	snprintf(api->control.address, sizeof api->control.address, "unix:%.100s", path);
	return daemon_start(&api->control, NULL, NULL, err);
}

static void listener_stop(struct listener *listener, int drain_ms)
{
	enum { STEP_MS = 20 };
	struct api *api = listener->api;

	if (!listener->daemon)
		return;
	int fd = MHD_quiesce_daemon(listener->daemon);

	for (int waited = 0; atomic_load(&api->active) > 0 && waited < drain_ms; waited += STEP_MS)
		usleep(STEP_MS * 1000);
	/* Shuts the connections' sockets down: streams take that for a client that went away. */
	MHD_stop_daemon(listener->daemon);
	listener->daemon = NULL;
	connections_free(&listener->connections);
	if (fd >= 0)
		close(fd);
}

static void http_stop(void *ctx, int drain_ms)
{
	struct api *api = ctx;

	listener_stop(&api->http, drain_ms);
}

static void control_stop(void *ctx, int drain_ms)
{
	struct api *api = ctx;

	listener_stop(&api->control, drain_ms);
	unlink(api->options.control_socket);
}

static const char *http_address(const void *ctx)
{
	return ((const struct api *)ctx)->http.address;
}

static const char *control_address(const void *ctx)
{
	return ((const struct api *)ctx)->control.address;
}

static const char *keep(struct arena *arena, const char *text)
{
	return text ? arena_cstr(arena, slice_from_c(text)) : NULL;
}

struct api *api_new(const struct api_options *options)
{
	struct arena *arena = arena_new();
	struct api *api = arena_new_of(arena, struct api);
	struct api_options *own = &api->options;

	api->arena = arena;
	*own = *options;
	own->address = keep(arena, options->address);
	own->tls_cert_file = keep(arena, options->tls_cert_file);
	own->tls_key_file = keep(arena, options->tls_key_file);
	own->control_socket = keep(arena, options->control_socket);
	own->max_connections = own->max_connections ? own->max_connections : DEFAULT_CONNECTIONS;
	if (!own->max_connections_per_address)
		own->max_connections_per_address = CONNECTIONS_PER_ADDRESS;
	own->timeout_ms = own->timeout_ms ? own->timeout_ms : DEFAULT_TIMEOUT_MS;
	api->http = (struct listener){.api = api, .socket_fd = -1};
	api->control = (struct listener){.api = api, .control = true, .socket_fd = -1};
	if (own->address && own->address[0])
		api->doors[api->door_count++] =
			(struct door){"http", http_start, http_stop, http_address, api};
	if (own->control_socket)
		api->doors[api->door_count++] =
			(struct door){"control", control_start, control_stop, control_address, api};
	return api;
}

void api_free(struct api **api)
{
	struct arena *arena = *api ? (*api)->arena : NULL;

	*api = NULL;
	arena_free(&arena);
}

const struct door *api_doors(const struct api *api, size_t *count_out)
{
	*count_out = api->door_count;
	return api->doors;
}
