#pragma once

#include "http/exchange.h"

/*
 * An answer that is read while it comes, in bounded memory: when nobody reads, the other side
 * waits. Connections are kept for the next one, as in exchange.h. One thread, but for
 * http_stream_stop.
 */
struct http_stream;

/* Asked every second in which nothing comes, on the thread of the call that waits: false ends it
 * with err. */
struct http_watch {
	bool (*alive)(void *ctx, struct error *err);
	void *ctx;
};

/* Sends a request; of `exchange` only what goes out is read, and copied. watch may be NULL. */
bool http_stream_open(struct http_group *group, const struct http_exchange *exchange,
	const struct http_watch *watch, struct http_stream **out, struct error *err) must_check;
/* Waits for the head of the answer. deadline_us: monotonic, 0 = none; passing it gives 08006. 08001
 * when there is no connection to be had, 28000 when the pin does not fit. */
bool http_stream_status(
	struct http_stream *stream, int64_t deadline_us, long *out, struct error *err) must_check;
/* Exactly len bytes. 08006 when the answer ends before, 57014 when it was stopped. */
bool http_stream_read(struct http_stream *stream, void *out, size_t len, int64_t deadline_us,
	struct error *err) must_check;
/* Whether all was read and the answer came to its proper end; waits for that. */
bool http_stream_is_whole(struct http_stream *stream, int64_t deadline_us);
/* Any thread: the running call and all later ones end with 57014. */
void http_stream_stop(struct http_stream *stream);
/* What was not read breaks the connection off. */
void http_stream_close(struct http_stream **stream);
