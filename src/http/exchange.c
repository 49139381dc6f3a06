#include "http/exchange.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/num.h"
#include "base/str.h"
#include "http/exchange-private.h"

enum { POLL_MS = 1000 };

/* One exchange under way. */
struct transfer {
	struct http_group *group;
	struct http_exchange *exchange;
	struct http_request request;
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

static void begin(struct arena *arena, struct transfer *transfer, int64_t timeout_ms)
{
	const struct curl *curl = transfer->group->curl;
	struct http_exchange *exchange = transfer->exchange;

	exchange->ok = false;
	exchange->began_us = clock_mono_us(&clock_system);
	transfer->answer = str_in(arena);
	http_request_open(&transfer->request, curl, arena, exchange, timeout_ms);
	CURL *easy = transfer->request.easy;

	curl->easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_data);
	curl->easy_setopt(easy, CURLOPT_WRITEDATA, transfer);
	curl->easy_setopt(easy, CURLOPT_PRIVATE, transfer);
	curl->multi_add_handle(transfer->group->multi, easy);
}

static void end(struct transfer *transfer, CURLcode code)
{
	const struct curl *curl = transfer->group->curl;
	struct http_exchange *exchange = transfer->exchange;

	exchange->ended_us = clock_mono_us(&clock_system);
	exchange->ok = code == CURLE_OK;
	if (exchange->ok) {
		curl->easy_getinfo(
			transfer->request.easy, CURLINFO_RESPONSE_CODE, &exchange->status);
		exchange->answer = str_slice(&transfer->answer);
	} else {
		http_say_why(curl, exchange->url, code, &exchange->err);
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
	if (!transfer->ended)
		error_set(&transfer->exchange->err, QUERY_CANCELED, "the node is shutting down");
	transfer->group->curl->multi_remove_handle(transfer->group->multi, transfer->request.easy);
	http_request_close(&transfer->request);
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
