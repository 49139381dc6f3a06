#include "http/exchange.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/num.h"
#include "base/str.h"
#include "http/curl.h"

enum { POLL_MS = 1000, CONNECT_TIMEOUT_MS = 3000 };

struct http_group {
	const struct curl *curl;
	CURLM *multi;
	atomic_bool stopped;
};

/* One exchange under way. */
struct transfer {
	struct http_group *group;
	struct http_exchange *exchange;
	CURL *easy;
	struct curl_slist *headers;
	struct str answer;
	bool too_large;
	bool ended;
};

bool http_group_new(struct http_group **out, struct error *err)
{
	const struct curl *curl = curl_load(err);

	if (!curl)
		return false;
	struct http_group *group = calloc(1, sizeof *group);

	check(group != NULL);
	group->curl = curl;
	group->multi = curl->multi_init();
	check(group->multi != NULL);
	*out = group;
	return true;
}

void http_group_free(struct http_group **group)
{
	struct http_group *self = *group;

	if (!self)
		return;
	self->curl->multi_cleanup(self->multi);
	free(self);
	*group = NULL;
}

void http_group_stop(struct http_group *group)
{
	atomic_store(&group->stopped, true);
	group->curl->multi_wakeup(group->multi);
}

static size_t on_data(char *ptr, size_t size, size_t count, void *ctx)
{
	struct transfer *transfer = ctx;
	size_t len = size * count;

	transfer->too_large = transfer->answer.len + len > transfer->exchange->max_bytes;
	if (transfer->too_large)
		return 0;
	str_add(&transfer->answer, slice_of(ptr, len));
	return len;
}

static void add_header(
	struct arena *arena, struct transfer *transfer, const char *name, struct slice value)
{
	struct slice line = arena_printf(arena, "%s: %.*s", name, SLICE_FMT(value));

	transfer->headers = transfer->group->curl->slist_append(transfer->headers, line.ptr);
}

/* The pin says who it is: names and authorities of the certificate are not looked at, and the
 * system's list of them, which would be read for each connection (50 ms, 15 MiB), stays closed. */
static void set_tls(struct arena *arena, struct transfer *transfer)
{
	const struct curl *curl = transfer->group->curl;
	CURL *easy = transfer->easy;

	check(transfer->exchange->pins.len > 0);
	curl->easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "https");
	curl->easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 0L);
	curl->easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 0L);
	curl->easy_setopt(easy, CURLOPT_CAINFO, NULL);
	curl->easy_setopt(easy, CURLOPT_CAPATH, NULL);
	curl->easy_setopt(
		easy, CURLOPT_PINNEDPUBLICKEY, arena_cstr(arena, transfer->exchange->pins));
}

static void set_body(struct arena *arena, struct transfer *transfer)
{
	const struct curl *curl = transfer->group->curl;
	struct slice body = transfer->exchange->body;

	if (slice_is_none(body))
		return;
	add_header(arena, transfer, "Content-Type", SLICE("application/json"));
	curl->easy_setopt(transfer->easy, CURLOPT_POSTFIELDS, body.ptr);
	curl->easy_setopt(transfer->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body.len);
}

static void begin(struct arena *arena, struct transfer *transfer, int64_t timeout_ms)
{
	const struct curl *curl = transfer->group->curl;
	struct http_exchange *exchange = transfer->exchange;
	CURL *easy = transfer->easy = curl->easy_init();

	check(easy != NULL);
	exchange->ok = false;
	exchange->began_us = clock_mono_us(&clock_system);
	transfer->answer = str_in(arena);
	set_tls(arena, transfer);
	set_body(arena, transfer);
	add_header(arena, transfer, "Accept", SLICE("application/json"));
	add_header(arena, transfer, "Expect", SLICE(""));
	if (!slice_is_none(exchange->bearer))
		add_header(arena, transfer, "Authorization",
			arena_printf(arena, "Bearer %.*s", SLICE_FMT(exchange->bearer)));
	curl->easy_setopt(easy, CURLOPT_URL, arena_cstr(arena, exchange->url));
	curl->easy_setopt(easy, CURLOPT_CUSTOMREQUEST, exchange->method);
	curl->easy_setopt(easy, CURLOPT_HTTPHEADER, transfer->headers);
	curl->easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl->easy_setopt(easy, CURLOPT_PROXY, "");
	curl->easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS,
		(long)min_of(timeout_ms, (int64_t)CONNECT_TIMEOUT_MS));
	curl->easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)timeout_ms);
	curl->easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_data);
	curl->easy_setopt(easy, CURLOPT_WRITEDATA, transfer);
	curl->easy_setopt(easy, CURLOPT_PRIVATE, transfer);
	curl->multi_add_handle(transfer->group->multi, easy);
}

static void say_why(struct transfer *transfer, CURLcode code)
{
	struct http_exchange *exchange = transfer->exchange;
	struct error *err = &exchange->err;
	int len = (int)min_of(exchange->url.len, (size_t)200);
	const char *url = exchange->url.ptr;

	switch ((int)code) {
	case CURLE_OPERATION_TIMEDOUT:
		error_set(err, CONNECTION_FAILURE, "%.*s did not answer in time", len, url);
		break;
	case CURLE_COULDNT_CONNECT:
	case CURLE_COULDNT_RESOLVE_HOST:
		error_set(err, CANNOT_CONNECT, "nobody answers at %.*s", len, url);
		break;
	case CURLE_SSL_PINNEDPUBKEYNOTMATCH:
		error_set(err, INVALID_AUTHORIZATION,
			"who answers at %.*s does not hold the TLS key that is pinned", len, url);
		break;
	case CURLE_WRITE_ERROR:
		error_set(err, LIMIT_EXCEEDED, "the answer of %.*s is too large", len, url);
		break;
	default:
		error_set(err, CONNECTION_FAILURE, "%.*s: %s", len, url,
			transfer->group->curl->easy_strerror(code));
		break;
	}
}

static void end(struct transfer *transfer, CURLcode code)
{
	const struct curl *curl = transfer->group->curl;
	struct http_exchange *exchange = transfer->exchange;

	exchange->ended_us = clock_mono_us(&clock_system);
	exchange->ok = code == CURLE_OK;
	if (exchange->ok) {
		curl->easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &exchange->status);
		exchange->answer = str_slice(&transfer->answer);
	} else {
		say_why(transfer, code);
	}
	transfer->ended = true;
}

/* How many were ended. */
static size_t collect(struct http_group *group)
{
	size_t count = 0;
	int left = 0;
	CURLMsg *message = NULL;

	while ((message = group->curl->multi_info_read(group->multi, &left))) {
		struct transfer *transfer = NULL;

		if (message->msg != CURLMSG_DONE)
			continue;
		CURLcode code = message->data.result;

		group->curl->easy_getinfo(
			message->easy_handle, CURLINFO_PRIVATE, (char **)&transfer);
		end(transfer, code);
		count++;
	}
	return count;
}

static void drop(struct transfer *transfer)
{
	const struct curl *curl = transfer->group->curl;

	if (!transfer->ended)
		error_set(&transfer->exchange->err, QUERY_CANCELED, "the node is shutting down");
	curl->multi_remove_handle(transfer->group->multi, transfer->easy);
	curl->easy_cleanup(transfer->easy);
	curl->slist_free_all(transfer->headers);
}

void http_send_all(struct http_group *group, struct arena *arena, struct http_exchange *items,
	size_t count, int64_t timeout_ms)
{
	struct transfer *transfers = arena_array_of(arena, struct transfer, count);
	size_t open = count;

	for (size_t i = 0; i < count; i++) {
		transfers[i] = (struct transfer){.group = group, .exchange = &items[i]};
		begin(arena, &transfers[i], timeout_ms);
	}
	while (open > 0 && !atomic_load(&group->stopped)) {
		int running = 0;

		group->curl->multi_perform(group->multi, &running);
		open -= collect(group);
		if (open > 0)
			group->curl->multi_poll(group->multi, NULL, 0, POLL_MS, NULL);
	}
	for (size_t i = 0; i < count; i++)
		drop(&transfers[i]);
}
