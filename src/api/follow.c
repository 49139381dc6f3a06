#include "api/follow.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "api/api-private.h"
#include "api/stream.h"
#include "base/check.h"
#include "server/runs.h"

/* The producer of a stream of run events. Owned by the stream; the request may end before it. */
struct follow {
	struct server *server;
	struct arena *arena;
	struct arena *line;
	struct auth_identity *identity;
	struct slice first;
	int64_t *runs;
	size_t run_count;
	bool follow;
	atomic_bool gone;
	struct stream *stream;
	struct error *err; /* of the write that failed */
	bool write_failed;
};

static bool write_line(struct follow *follow, struct slice text)
{
	struct slice line = arena_printf(follow->line, "%.*s\n", SLICE_FMT(text));
	bool ok = stream_write(follow->stream, line, follow->err);

	arena_reset(follow->line);
	follow->write_failed = !ok;
	return ok;
}

static bool on_event(void *ctx, const json_t *event)
{
	struct follow *follow = ctx;

	return !atomic_load(&follow->gone) && write_line(follow, json_print(follow->line, event));
}

/* A failure behind the first line cannot change the status any more: it becomes a line. */
static bool write_error(struct follow *follow, const struct error *why)
{
	scoped(json_drop) json_t *line =
		json_pack("{s:s, s:{s:s, s:s, s:s}}", "event", "error", "error", "code",
			sqlstate_table[why->state].code, "message", why->msg, "hint", why->hint);

	return write_line(follow, json_print(follow->line, line));
}

static bool produce(void *ctx, struct stream *stream, struct error *err)
{
	enum { WATCH_MS = 1000 };
	struct follow *follow = ctx;
	bool written = !slice_is_none(follow->first);

	follow->stream = stream;
	follow->err = err;
	if (written && !write_line(follow, follow->first))
		return false;
	for (size_t i = 0; i < follow->run_count && !atomic_load(&follow->gone); i++) {
		struct error why = {0};

		const struct run_watch watch = {.identity = follow->identity,
			.run = follow->runs[i],
			.follow = follow->follow,
			.fn = on_event,
			.ctx = follow};

		if (run_watch(follow->server, &watch, &why))
			continue;
		if (!written && i == 0) {
			*err = why;
			return false;
		}
		if (!write_error(follow, &why))
			return false;
	}
	return !follow->write_failed;
}

static void cancel(void *ctx)
{
	struct follow *follow = ctx;

	atomic_store(&follow->gone, true);
}

static void free_follow(void *ctx)
{
	struct follow *follow = ctx;
	struct arena *arena = follow->arena;

	auth_identity_free(&follow->identity);
	arena_free(&follow->line);
	arena_free(&arena);
}

bool follow_runs(struct request *request, struct slice first, const int64_t *runs, size_t count,
	bool follow, struct error *err)
{
	struct arena *arena = arena_new();
	struct follow *job = arena_new_of(arena, struct follow);
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(request->connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	const struct stream_options options = {
		.socket = info ? info->connect_fd : -1,
		.stall_ms = request->api->options.timeout_ms,
		.produce = produce,
		.cancel = cancel,
		.free_ctx = free_follow,
		.ctx = job,
	};
	struct stream *stream = NULL;

	*job = (struct follow){.server = request->server,
		.arena = arena,
		.line = arena_new(),
		.identity = take(request->identity),
		.first = arena_copy(arena, first),
		.runs = arena_array_of(arena, int64_t, count),
		.run_count = count,
		.follow = follow};
	if (count)
		memcpy(job->runs, runs, count * sizeof *runs);
	if (!stream_new(&options, &stream, err))
		return false;
	if (!stream_wait(stream, err)) {
		stream_free(&stream);
		return false;
	}
	return reply_stream(request, "application/x-ndjson", stream);
}
