#include "http/stream.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/num.h"
#include "http/exchange-private.h"

enum { BUFFER_BYTES = 1 << 20, POLL_MS = 1000, MS_US = 1000, WATCH_US = 1000000 };

struct http_stream {
	struct http_group *group;
	struct arena *arena; /* of the request */
	struct slice url;
	struct http_request request;
	struct http_watch watch;
	int64_t heard_us; /* when something came, or the watch was asked */
	char *buffer;	  /* [at..len) came and was not read */
	size_t at;
	size_t len;
	bool paused; /* the buffer was full */
	bool ended;
	CURLcode code; /* with ended */
	atomic_bool stopped;
};

static size_t on_data(char *ptr, size_t size, size_t count, void *ctx)
{
	struct http_stream *self = ctx;
	size_t len = size * count;

	if (self->at > 0) {
		memmove(self->buffer, self->buffer + self->at, self->len - self->at);
		self->len -= self->at;
		self->at = 0;
	}
	self->paused = self->len + len > BUFFER_BYTES;
	if (self->paused)
		return CURL_WRITEFUNC_PAUSE;
	memcpy(self->buffer + self->len, ptr, len);
	self->len += len;
	return len;
}

bool http_stream_open(struct http_group *group, const struct http_exchange *exchange,
	const struct http_watch *watch, struct http_stream **out, struct error *err)
{
	const struct curl *curl = group->curl;
	struct arena *arena = arena_new();
	struct http_stream *self = calloc(1, sizeof *self);
	struct http_exchange kept = *exchange;

	check(self != NULL);
	kept.url = arena_copy(arena, exchange->url);
	kept.body = arena_copy(arena, exchange->body);
	*self = (struct http_stream){.group = group, .arena = arena, .url = kept.url};
	if (watch)
		self->watch = *watch;
	self->heard_us = clock_mono_us(&clock_system);
	self->buffer = malloc(BUFFER_BYTES);
	check(self->buffer != NULL);
	http_request_open(&self->request, curl, arena, &kept, 0);
	CURL *easy = self->request.easy;

	curl->easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_data);
	curl->easy_setopt(easy, CURLOPT_WRITEDATA, self);
	*out = self;
	if (curl->multi_add_handle(group->multi, easy) == CURLM_OK)
		return true;
	http_stream_close(out);
	return error_set(err, INTERNAL_ERROR, "a request cannot be begun");
}

static void collect(struct http_stream *self)
{
	int left = 0;
	CURLMsg *message = NULL;

	while ((message = self->group->curl->multi_info_read(self->group->multi, &left)))
		if (message->msg == CURLMSG_DONE && message->easy_handle == self->request.easy) {
			self->code = message->data.result;
			self->ended = true;
		}
}

static bool check_go_on(struct http_stream *self, int64_t deadline_us, struct error *err)
{
	if (atomic_load(&self->stopped))
		return error_set(err, QUERY_CANCELED, "the request was cancelled");
	if (deadline_us && clock_mono_us(&clock_system) >= deadline_us)
		return error_set(err, CONNECTION_FAILURE, "%.*s did not answer in time",
			SLICE_FMT(slice_sub(self->url, 0, 200)));
	if (!self->watch.alive || clock_mono_us(&clock_system) - self->heard_us < WATCH_US)
		return true;
	self->heard_us = clock_mono_us(&clock_system);
	return self->watch.alive(self->watch.ctx, err);
}

/* Lets libcurl work, and waits when it has nothing to do. */
static bool go_on(struct http_stream *self, int64_t deadline_us, struct error *err)
{
	const struct curl *curl = self->group->curl;
	size_t before = self->len - self->at;
	int64_t wait_ms = POLL_MS;
	int running = 0;

	if (!check_go_on(self, deadline_us, err))
		return false;
	if (self->paused && before < BUFFER_BYTES / 2) {
		self->paused = false;
		curl->easy_pause(self->request.easy, CURLPAUSE_CONT);
	}
	curl->multi_perform(self->group->multi, &running);
	collect(self);
	if (self->ended || self->len - self->at > before) {
		self->heard_us = clock_mono_us(&clock_system);
		return true;
	}
	if (deadline_us)
		wait_ms = (deadline_us - clock_mono_us(&clock_system)) / MS_US + 1;
	curl->multi_poll(self->group->multi, NULL, 0,
		(int)min_of(max_of(wait_ms, (int64_t)0), (int64_t)POLL_MS), NULL);
	return true;
}

static bool say_end(const struct http_stream *self, struct error *err)
{
	if (self->code != CURLE_OK) {
		http_say_why(self->group->curl, self->url, self->code, err);
		return false;
	}
	return error_set(err, CONNECTION_FAILURE, "the answer of %.*s broke off",
		SLICE_FMT(slice_sub(self->url, 0, 200)));
}

bool http_stream_status(struct http_stream *self, int64_t deadline_us, long *out, struct error *err)
{
	while (!self->ended && self->len == self->at)
		if (!go_on(self, deadline_us, err))
			return false;
	if (self->ended && self->code != CURLE_OK && self->len == self->at)
		return say_end(self, err);
	self->group->curl->easy_getinfo(self->request.easy, CURLINFO_RESPONSE_CODE, out);
	return true;
}

bool http_stream_read(
	struct http_stream *self, void *out, size_t len, int64_t deadline_us, struct error *err)
{
	char *to = out;

	while (len > 0) {
		size_t some = min_of(len, self->len - self->at);

		if (some == 0 && self->ended)
			return say_end(self, err);
		if (some == 0 && !go_on(self, deadline_us, err))
			return false;
		memcpy(to, self->buffer + self->at, some);
		self->at += some;
		to += some;
		len -= some;
	}
	return true;
}

bool http_stream_is_whole(struct http_stream *self, int64_t deadline_us)
{
	struct error ignored = {0};

	while (!self->ended && self->len == self->at)
		if (!go_on(self, deadline_us, &ignored))
			return false;
	return self->ended && self->code == CURLE_OK && self->len == self->at;
}

void http_stream_stop(struct http_stream *self)
{
	atomic_store(&self->stopped, true);
	self->group->curl->multi_wakeup(self->group->multi);
}

void http_stream_close(struct http_stream **stream)
{
	struct http_stream *self = *stream;

	if (!self)
		return;
	self->group->curl->multi_remove_handle(self->group->multi, self->request.easy);
	http_request_close(&self->request);
	arena_free(&self->arena);
	free(self->buffer);
	free(self);
	*stream = NULL;
}
