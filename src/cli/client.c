#include "cli/client.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/num.h"
#include "base/str.h"
#include "http/curl.h"

/*
 * Interrupts: a handler sets a flag, libcurl's progress callback sees it and ends the
 * transfer, the node sees the connection go and cancels.
 */
enum { ERROR_BODY_MAX = 1 << 20, CONNECT_TIMEOUT_S = 10 };

struct client {
	struct arena *arena; /* options */
	struct arena *request_arena;
	struct client_options options;
	const char *token; /* NULL = none */
	const struct curl *curl;
	CURL *easy;
};

/* Set by the signal handler; a process has one terminal. */
static volatile sig_atomic_t interrupts;

static void on_interrupt(int signal_number)
{
	(void)signal_number;
	if (++interrupts > 1)
		_exit(130);
}

void client_catch_interrupt(void)
{
	struct sigaction action = {.sa_handler = on_interrupt};

	sigemptyset(&action.sa_mask);
	sigaction(SIGINT, &action, NULL);
}

bool client_interrupted(void)
{
	return interrupts != 0;
}

void client_clear_interrupt(void)
{
	interrupts = 0;
}

static bool read_token(struct client *client, struct error *err)
{
	const char *path = client->options.token_file;
	char text[512];

	if (!path)
		return true;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0) {
		error_set(err, UNDEFINED_FILE, "the token file %s cannot be read: %s", path,
			strerrordesc_np(errno));
		return error_hint(err, "weft token create --token-out FILE makes one");
	}
	ssize_t len = read(fd, text, sizeof text);

	close(fd);
	if (len < 0)
		return error_set_errno(err, errno, "read %s", path);
	struct slice token = slice_trim(slice_of(text, (size_t)len));

	if (token.len == 0 || token.len >= sizeof text - 1)
		return error_set(err, INVALID_PARAMETER_VALUE, "%s holds no token", path);
	client->token = arena_cstr(client->arena, token);
	return true;
}

static const char *keep(struct arena *arena, const char *text)
{
	return text ? arena_cstr(arena, slice_from_c(text)) : NULL;
}

bool client_new(const struct client_options *options, struct client **out, struct error *err)
{
	scoped(client_free) struct client *client = calloc(1, sizeof *client);

	check(client);
	client->arena = arena_new();
	client->request_arena = arena_new();
	client->options = *options;
	client->options.socket = keep(client->arena, options->socket);
	client->options.url = keep(client->arena, options->url);
	client->options.token_file = keep(client->arena, options->token_file);
	client->options.ca_file = keep(client->arena, options->ca_file);
	client->options.as_user = keep(client->arena, options->as_user);
	client->curl = curl_load(err);
	if (!client->curl || !read_token(client, err))
		return false;
	client->easy = client->curl->easy_init();
	check(client->easy);
	*out = take(client);
	return true;
}

void client_free(struct client **client)
{
	struct client *self = *client;

	if (!self)
		return;
	if (self->easy)
		self->curl->easy_cleanup(self->easy);
	arena_free(&self->request_arena);
	arena_free(&self->arena);
	free(self);
	*client = NULL;
}

/* One exchange under way. */
struct exchange {
	struct client *client;
	const struct client_request *request;
	struct error *err;
	bool stopped;	 /* data said so; err is set */
	struct str body; /* of an error answer */
};

static size_t on_data(char *ptr, size_t size, size_t count, void *ctx)
{
	struct exchange *exchange = ctx;
	struct slice bytes = slice_of(ptr, size * count);
	long status = 0;

	exchange->client->curl->easy_getinfo(
		exchange->client->easy, CURLINFO_RESPONSE_CODE, &status);
	if (status >= 300 || !exchange->request->data) {
		if (exchange->body.len + bytes.len <= ERROR_BODY_MAX)
			str_add(&exchange->body, bytes);
		return bytes.len;
	}
	if (!exchange->request->data(exchange->request->ctx, bytes, exchange->err)) {
		exchange->stopped = true;
		return 0;
	}
	return bytes.len;
}

static size_t on_header(char *ptr, size_t size, size_t count, void *ctx)
{
	struct exchange *exchange = ctx;
	struct slice rest = slice_of(ptr, size * count);
	struct slice name = slice_split(&rest, ':');
	char lower[64];

	if (slice_is_none(rest) || name.len >= sizeof lower)
		return size * count;
	for (size_t i = 0; i < name.len; i++)
		lower[i] =
			(char)(name.ptr[i] | (name.ptr[i] >= 'A' && name.ptr[i] <= 'Z' ? 32 : 0));
	if (exchange->client->options.debug ||
		(exchange->client->options.progress &&
			slice_equal_nocase(name, SLICE("x-request-id"))))
		fprintf(stderr, "< %.*s: %.*s\n", (int)name.len, lower,
			SLICE_FMT(slice_trim(rest)));
	if (exchange->request->header)
		exchange->request->header(
			exchange->request->ctx, slice_of(lower, name.len), slice_trim(rest));
	return size * count;
}

static int on_progress(
	void *ctx, curl_off_t down_all, curl_off_t down, curl_off_t up_all, curl_off_t up)
{
	(void)ctx;
	(void)down_all;
	(void)down;
	(void)up_all;
	(void)up;
	return interrupts != 0;
}

static struct curl_slist *add_header(
	struct client *client, struct curl_slist *list, const char *name, const char *value)
{
	return client->curl->slist_append(
		list, arena_printf(client->request_arena, "%s: %s", name, value).ptr);
}

static struct curl_slist *request_headers(
	struct client *client, const struct client_request *request)
{
	struct curl_slist *list = NULL;

	list = add_header(
		client, list, "Accept", request->accept ? request->accept : "application/json");
	if (request->body)
		list = add_header(client, list, "Content-Type", "application/json");
	list = add_header(client, list, "Expect", "");
	if (client->token)
		list = add_header(client, list, "Authorization",
			arena_printf(client->request_arena, "Bearer %s", client->token).ptr);
	if (client->options.as_user)
		list = add_header(client, list, "X-Weft-User", client->options.as_user);
	return list;
}

static void set_options(struct exchange *exchange, const char *url, struct curl_slist *headers)
{
	struct client *client = exchange->client;
	const struct client_options *options = &client->options;
	const struct curl *curl = client->curl;

	curl->easy_reset(client->easy);
	curl->easy_setopt(client->easy, CURLOPT_URL, url);
	if (options->socket)
		curl->easy_setopt(client->easy, CURLOPT_UNIX_SOCKET_PATH, options->socket);
	if (options->ca_file)
		curl->easy_setopt(client->easy, CURLOPT_CAINFO, options->ca_file);
	curl->easy_setopt(client->easy, CURLOPT_CUSTOMREQUEST, exchange->request->method);
	curl->easy_setopt(client->easy, CURLOPT_HTTPHEADER, headers);
	curl->easy_setopt(client->easy, CURLOPT_NOSIGNAL, 1L);
	curl->easy_setopt(client->easy, CURLOPT_PROXY, "");
	curl->easy_setopt(client->easy, CURLOPT_CONNECTTIMEOUT, (long)CONNECT_TIMEOUT_S);
	if (exchange->request->deadline_us) {
		int64_t left = exchange->request->deadline_us - clock_mono_us(&clock_system);
		curl->easy_setopt(client->easy, CURLOPT_TIMEOUT_MS, (long)max_of(left / 1000, 1));
	}
	curl->easy_setopt(client->easy, CURLOPT_WRITEFUNCTION, on_data);
	curl->easy_setopt(client->easy, CURLOPT_WRITEDATA, exchange);
	curl->easy_setopt(client->easy, CURLOPT_HEADERFUNCTION, on_header);
	curl->easy_setopt(client->easy, CURLOPT_HEADERDATA, exchange);
	curl->easy_setopt(client->easy, CURLOPT_XFERINFOFUNCTION, on_progress);
	curl->easy_setopt(client->easy, CURLOPT_NOPROGRESS, 0L);
}

static bool connection_error(const struct exchange *exchange, CURLcode code)
{
	const struct client_options *options = &exchange->client->options;
	struct error *err = exchange->err;
	const char *where = options->socket ? options->socket : options->url;
	const char *why = exchange->client->curl->easy_strerror(code);

	switch ((int)code) {
	case CURLE_OPERATION_TIMEDOUT:
		if (exchange->request->deadline_us)
			return error_set(err, QUERY_CANCELED, "it takes longer than --timeout");
		return error_set(err, CONNECTION_FAILURE, "%s did not answer in time", where);
	case CURLE_COULDNT_CONNECT:
	case CURLE_COULDNT_RESOLVE_HOST:
		error_set(err, CANNOT_CONNECT, "no node answers at %s", where);
		return options->socket
			       ? error_hint(err,
					 "is it running? `weft serve` starts it; --data or --url "
					 "say where it is")
			       : error_hint(err, "check --url and that the node runs");
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CACERT_BADFILE:
		error_set(err, CANNOT_CONNECT, "the certificate of %s is not trusted", where);
		return error_hint(
			err, "name its authority, or the node's own keys/tls.crt, with --ca FILE");
	case CURLE_PARTIAL_FILE:
	case CURLE_RECV_ERROR:
	case CURLE_GOT_NOTHING:
		error_set(err, CONNECTION_FAILURE, "the answer of %s broke off: it is not complete",
			where);
		return error_hint(err, "the node's log has the reason; try again");
	default: return error_set(err, CONNECTION_FAILURE, "talk to %s: %s", where, why);
	}
}

/* RFC 9457 with our members code, hint, position, request_id. */
static bool problem_error(const struct exchange *exchange, long status)
{
	struct error ignored = {0};
	struct error *err = exchange->err;
	scoped(json_drop) json_t *problem = json_parse(str_slice(&exchange->body), &ignored);
	char code[8] = "";

	if (!problem || slice_is_none(json_get_slice(problem, "code"))) {
		error_set(
			err, CONNECTION_FAILURE, "the node answered with HTTP status %ld", status);
		return error_hint(err, "is a Weft node at this address?");
	}
	snprintf(code, sizeof code, "%.*s", SLICE_FMT(json_get_slice(problem, "code")));
	error_set(err, INTERNAL_ERROR, "%.*s", SLICE_FMT(json_get_slice(problem, "detail")));
	err->state = sqlstate_from_code(code);
	err->position = (int)json_get_i64(problem, "position", 0);
	return error_hint(err, "%.*s", SLICE_FMT(json_get_slice(problem, "hint")));
}

static bool finish(struct exchange *exchange, CURLcode code)
{
	long status = 0;

	if (interrupts) {
		error_set(exchange->err, QUERY_CANCELED, "interrupted");
		return false;
	}
	if (exchange->stopped)
		return false;
	if (code != CURLE_OK)
		return connection_error(exchange, code);
	exchange->client->curl->easy_getinfo(
		exchange->client->easy, CURLINFO_RESPONSE_CODE, &status);
	return status >= 300 ? problem_error(exchange, status) : true;
}

static bool perform(struct exchange *exchange)
{
	struct client *client = exchange->client;
	const struct client_request *request = exchange->request;
	const char *base = client->options.socket ? "http://weft" : client->options.url;
	struct slice url = arena_printf(client->request_arena, "%s%s", base, request->path);
	struct curl_slist *headers = request_headers(client, request);

	set_options(exchange, url.ptr, headers);
	if (request->body) {
		struct slice body = json_print(client->request_arena, request->body);

		client->curl->easy_setopt(client->easy, CURLOPT_POSTFIELDS, body.ptr);
		client->curl->easy_setopt(
			client->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body.len);
	} else if (strcmp(request->method, "POST") == 0) {
		client->curl->easy_setopt(client->easy, CURLOPT_POSTFIELDS, "");
	}
	if (client->options.debug)
		fprintf(stderr, "> %s %s\n", request->method, url.ptr);
	CURLcode code = client->curl->easy_perform(client->easy);

	client->curl->slist_free_all(headers);
	return finish(exchange, code);
}

bool client_send(struct client *client, const struct client_request *request, struct error *err)
{
	struct exchange exchange = {client, request, err, false, {0}};

	arena_reset(client->request_arena);
	exchange.body = str_in(client->request_arena);
	return perform(&exchange);
}

static bool collect(void *ctx, struct slice bytes, struct error *err)
{
	(void)err;
	str_add(ctx, bytes);
	return true;
}

bool client_json(struct client *client, const char *method, const char *path, const json_t *body,
	json_t **out, struct error *err)
{
	scoped(arena_free) struct arena *arena = arena_new();
	struct str text = str_in(arena);
	const struct client_request request = {
		.method = method, .path = path, .body = body, .data = collect, .ctx = &text};

	if (!client_send(client, &request, err))
		return false;
	if (text.len == 0) {
		if (out)
			*out = NULL;
		return true;
	}
	scoped(json_drop) json_t *value = json_parse(str_slice(&text), err);

	if (!value)
		return error_wrap(err, "the node's answer");
	if (out)
		*out = take(value);
	return true;
}

const char *client_escape(struct arena *arena, struct slice text)
{
	struct str escaped = str_in(arena);

	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.ptr[i];

		if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
			(c && strchr("-._~", c)))
			str_add_char(&escaped, (char)c);
		else
			str_printf(&escaped, "%%%02X", c);
	}
	return escaped.ptr ? escaped.ptr : "";
}
