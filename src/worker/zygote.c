/*
 * The zygote has one thread: DuckDB opened with threads=1 starts none, so fork is safe and a child
 * has everything warm (library, functions, macros) for the price of a fork. Children are not waited
 * for: the server holds their pidfds.
 */
#include "worker/zygote.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/str.h"
#include "engine/engine.h"
#include "ipc/worker.h"
#include "worker/query.h"

/* Touches what the first statement would otherwise pay for: parser, planner, json, zone and number
 * formats. */
static bool warm(struct engine *engine, struct error *err)
{
	static const char sql[] =
		"SELECT json_serialize_sql('select 1'), count(*), sum(i), strftime(now(), '%Y') "
		"FROM (SELECT CAST(i AS DECIMAL(12,2)) AS i FROM range(10) AS t(i)) "
		"WHERE i > 1 GROUP BY i % 2 ORDER BY 2";
	return engine_run(engine, slice_from_c(sql), err);
}

static int fork_worker(struct engine *engine, struct channel *channel, struct frame *frame)
{
	struct error err;
	pid_t parent = getpid();
	pid_t pid = fork();
	if (pid == 0) {
		struct channel own = {frame->fds[0]};
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent)
			return EXIT_SUCCESS;
		channel_close(channel);
		for (size_t i = 1; i < frame->fd_count; i++)
			close(frame->fds[i]);
		return query_worker_run(engine, own);
	}
	int pidfd = pid > 0 ? (int)syscall(SYS_pidfd_open, pid, 0) : -1;
	frame_close_fds(frame);
	scoped(arena_free) struct arena *arena = arena_new();
	bool sent =
		pidfd >= 0
			? channel_send(channel, W_FORKED,
				  arena_printf(arena, "{\"pid\":%d}", (int)pid), &pidfd, 1, &err)
			: channel_send(channel, W_ERROR,
				  SLICE("{\"state\":\"53000\",\"message\":\"no more processes\"}"),
				  NULL, 0, &err);
	if (pidfd >= 0)
		close(pidfd);
	return sent ? -1 : EXIT_FAILURE;
}

static int serve(struct engine *engine, struct channel *channel)
{
	scoped(arena_free) struct arena *arena = arena_new();
	for (;;) {
		struct frame frame;
		struct error err;
		arena_reset(arena);
		if (!channel_receive(channel, arena, 0, &frame, &err))
			return EXIT_SUCCESS; /* the server ended */
		if (frame.type != W_FORK || frame.fd_count != 1) {
			frame_close_fds(&frame);
			return EXIT_FAILURE;
		}
		int status = fork_worker(engine, channel, &frame);
		if (status >= 0)
			return status;
	}
}

int zygote_run(struct channel channel)
{
	struct engine *engine = NULL;
	struct error err;
	struct engine_options options = {.threads = 1};
	signal(SIGCHLD, SIG_IGN);
	signal(SIGINT, SIG_IGN);
	if (!engine_open(&options, &engine, &err) || !warm(engine, &err)) {
		fprintf(stderr, "weft-worker: %s\n", err.msg);
		return EXIT_FAILURE;
	}
	/* The engine is not closed: at the end of a process its memory goes anyway, and faster. */
	return serve(engine, &channel);
}
