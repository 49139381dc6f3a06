#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"
#include "base/slice.h"

/*
 * An answer that is made while it is sent, in constant memory: a producer thread writes into a
 * bounded ring, the connection's thread reads from it. A slow client makes the producer wait; a
 * client that went away, or takes nothing for too long, makes its writes fail.
 */
struct stream;

struct stream_options {
	int socket;   /* of the client: watched for its end */
	int stall_ms; /* longest time that a write waits */
	/* Producer's thread. What it returns is the end: false with err set. */
	bool (*produce)(void *ctx, struct stream *stream, struct error *err);
	/* Any thread, at most once: the client is gone, so end soon. May be NULL. */
	void (*cancel)(void *ctx);
	/* Once, after the producer ended. May be NULL. */
	void (*free_ctx)(void *ctx);
	void *ctx; /* owned by the stream from stream_new on, also when that fails */
};

/* Starts the producer. 53000 when no thread can be made. */
bool stream_new(
	const struct stream_options *options, struct stream **out, struct error *err) must_check;
/* Cancels a producer that still runs and waits for its end. */
void stream_free(struct stream **stream);

/* Producer: false with 57014 when the client is gone. */
bool stream_write(struct stream *stream, struct slice bytes, struct error *err) must_check;

/* Reader: waits until the stream began; false with the producer's error when it failed before its
 * first byte, 57014 when the client went away. */
bool stream_wait(struct stream *stream, struct error *err) must_check;
/* Reader: some bytes (> 0), STREAM_END, or STREAM_BROKEN when the producer failed late. */
enum { STREAM_END = -1, STREAM_BROKEN = -2 };
ssize_t stream_read(struct stream *stream, char *buffer, size_t max);
/* After STREAM_END or STREAM_BROKEN: NULL, or why it broke. */
const struct error *stream_error(const struct stream *stream);
