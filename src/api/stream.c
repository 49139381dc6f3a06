#include "api/stream.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>

#include "base/check.h"
#include "base/num.h"

/*
 * States of the producer: running → done (ok or err). `begun` lets the reader send the status line.
 * `gone` is set by whichever side finds out first that nobody listens.
 */
enum { RING_BYTES = 256 * 1024, WATCH_MS = 200 };

struct stream {
	struct stream_options options;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	/* under lock */
	size_t start;
	size_t len;
	bool begun;
	bool done;
	bool failed; /* with done: err is set */
	bool gone;
	bool cancel_said;
	struct error err;
	char ring[RING_BYTES];
};

static struct timespec after_ms(int ms)
{
	struct timespec at;

	clock_gettime(CLOCK_MONOTONIC, &at);
	at.tv_sec += ms / 1000;
	at.tv_nsec += (long)(ms % 1000) * 1000000;
	if (at.tv_nsec >= 1000000000) {
		at.tv_sec++;
		at.tv_nsec -= 1000000000;
	}
	return at;
}

/* Half-closed counts as gone: nobody who still wants an answer does that. */
static bool client_is_gone(int fd)
{
	struct pollfd watch = {fd, POLLRDHUP, 0};

	return fd >= 0 && poll(&watch, 1, 0) > 0 &&
	       (watch.revents & (POLLRDHUP | POLLHUP | POLLERR | POLLNVAL));
}

/* Tells the producer once; the lock is given up meanwhile, so that cancel may take others. */
static void say_gone_locked(struct stream *stream)
{
	stream->gone = true;
	pthread_cond_broadcast(&stream->changed);
	if (stream->cancel_said || stream->done || !stream->options.cancel)
		return;
	stream->cancel_said = true;
	pthread_mutex_unlock(&stream->lock);
	stream->options.cancel(stream->options.ctx);
	pthread_mutex_lock(&stream->lock);
}

static void *producer_main(void *arg)
{
	struct stream *stream = arg;
	struct error err = {0};
	bool ok = stream->options.produce(stream->options.ctx, stream, &err);

	pthread_mutex_lock(&stream->lock);
	stream->done = true;
	stream->begun = true;
	stream->failed = !ok;
	if (!ok)
		stream->err = err;
	pthread_cond_broadcast(&stream->changed);
	pthread_mutex_unlock(&stream->lock);
	return NULL;
}

static void stream_drop(struct stream *stream)
{
	if (stream->options.free_ctx)
		stream->options.free_ctx(stream->options.ctx);
	pthread_cond_destroy(&stream->changed);
	pthread_mutex_destroy(&stream->lock);
	free(stream);
}

bool stream_new(const struct stream_options *options, struct stream **out, struct error *err)
{
	struct stream *stream = calloc(1, sizeof *stream);
	pthread_condattr_t monotonic;

	check(stream);
	stream->options = *options;
	pthread_mutex_init(&stream->lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&stream->changed, &monotonic);
	pthread_condattr_destroy(&monotonic);
	if (pthread_create(&stream->thread, NULL, producer_main, stream) != 0) {
		stream_drop(stream);
		error_set(err, INSUFFICIENT_RESOURCES, "no thread can be started for the answer");
		return error_hint(err, "try again when the node has less to do");
	}
	*out = stream;
	return true;
}

void stream_free(struct stream **stream)
{
	struct stream *self = *stream;

	if (!self)
		return;
	pthread_mutex_lock(&self->lock);
	if (!self->done)
		say_gone_locked(self);
	pthread_mutex_unlock(&self->lock);
	pthread_join(self->thread, NULL);
	stream_drop(self);
	*stream = NULL;
}

static size_t ring_put(struct stream *stream, struct slice bytes)
{
	size_t at = (stream->start + stream->len) % RING_BYTES;
	size_t room = min_of(RING_BYTES - stream->len, RING_BYTES - at);
	size_t len = min_of(room, bytes.len);

	memcpy(stream->ring + at, bytes.ptr, len);
	stream->len += len;
	return len;
}

/* Waits for room; a client that takes nothing for stall_ms is cut off, which also wakes the
 * connection's thread from its write. */
static void wait_room_locked(struct stream *stream, const struct timespec *deadline)
{
	if (pthread_cond_timedwait(&stream->changed, &stream->lock, deadline) != ETIMEDOUT ||
		stream->len < RING_BYTES)
		return;
	stream->gone = true;
	if (stream->options.socket >= 0)
		shutdown(stream->options.socket, SHUT_RDWR);
}

bool stream_write(struct stream *stream, struct slice bytes, struct error *err)
{
	struct timespec deadline = after_ms(stream->options.stall_ms);

	pthread_mutex_lock(&stream->lock);
	stream->begun = true;
	while (bytes.len && !stream->gone) {
		size_t put = ring_put(stream, bytes);

		bytes = slice_sub(bytes, put, bytes.len);
		if (put) {
			pthread_cond_broadcast(&stream->changed);
			deadline = after_ms(stream->options.stall_ms);
		} else {
			wait_room_locked(stream, &deadline);
		}
	}
	bool gone = stream->gone;

	pthread_mutex_unlock(&stream->lock);
	return gone ? error_set(err, QUERY_CANCELED, "the client went away") : true;
}

/* One wait of the reader; looks at the client's socket now and then. */
static void watch_locked(struct stream *stream)
{
	struct timespec deadline = after_ms(WATCH_MS);

	if (pthread_cond_timedwait(&stream->changed, &stream->lock, &deadline) == ETIMEDOUT &&
		client_is_gone(stream->options.socket))
		say_gone_locked(stream);
}

bool stream_wait(struct stream *stream, struct error *err)
{
	bool ok = true;

	pthread_mutex_lock(&stream->lock);
	while (!stream->begun && !stream->gone)
		watch_locked(stream);
	if (stream->gone)
		ok = error_set(err, QUERY_CANCELED, "the client went away");
	else if (stream->done && stream->failed && stream->len == 0) {
		*err = stream->err;
		ok = false;
	}
	pthread_mutex_unlock(&stream->lock);
	return ok;
}

static size_t ring_get(struct stream *stream, char *buffer, size_t max)
{
	size_t len = min_of(min_of(stream->len, RING_BYTES - stream->start), max);

	memcpy(buffer, stream->ring + stream->start, len);
	stream->start = (stream->start + len) % RING_BYTES;
	stream->len -= len;
	pthread_cond_broadcast(&stream->changed);
	return len;
}

ssize_t stream_read(struct stream *stream, char *buffer, size_t max)
{
	ssize_t result = STREAM_BROKEN;

	pthread_mutex_lock(&stream->lock);
	while (stream->len == 0 && !stream->done && !stream->gone)
		watch_locked(stream);
	if (stream->len && !stream->gone)
		result = (ssize_t)ring_get(stream, buffer, max);
	else if (stream->done && !stream->failed && !stream->gone)
		result = STREAM_END;
	pthread_mutex_unlock(&stream->lock);
	return result;
}

const struct error *stream_error(const struct stream *stream)
{
	return stream->failed ? &stream->err : NULL;
}
