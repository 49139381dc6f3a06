#include "server/job.h"

#include <poll.h>
#include <signal.h>

#include "base/clock.h"
#include "ipc/frame.h"
#include "ipc/spawn.h"
#include "ipc/worker.h"
#include "server/server-private.h"

enum { LOOK_MS = 200, GRACE_MS = 5000 };

struct job {
	const struct job_call *call;
	struct process process;
	struct channel channel;
	int64_t deadline_us;
	int64_t kill_at_us; /* 0 = not interrupted */
	bool timed_out;
};

static bool start(struct job *job, struct error *err)
{
	struct channel theirs;
	if (!channel_pair(&job->channel, &theirs, err))
		return false;
	const char *path = job->call->server->worker_path;
	const char *argv[] = {path, "job", NULL};
	struct spawn spawn = {.path = path, .argv = argv, .fds = &theirs.fd, .fd_count = 1};
	bool ok = process_spawn(&spawn, &job->process, err);
	channel_close(&theirs);
	if (!ok)
		channel_close(&job->channel);
	return ok;
}

static bool send_request(struct job *job, struct error *err)
{
	scoped(arena_free) struct arena *scratch = arena_new();
	struct slice text = json_print(scratch, job->call->request);
	bool ok = channel_send(&job->channel, W_JOB, text, NULL, 0, err);
	explicit_bzero((void *)(uintptr_t)text.ptr, text.len);
	return ok;
}

/* SIGINT when cancelled or out of time, SIGKILL when it does not heed. */
static void enforce(struct job *job)
{
	int64_t now = clock_mono_us(&clock_system);
	const atomic_bool *cancelled = job->call->cancelled;
	bool out_of_time = job->deadline_us && now >= job->deadline_us;
	if (!job->kill_at_us && (out_of_time || (cancelled && atomic_load(cancelled)))) {
		job->timed_out = out_of_time;
		job->kill_at_us = now + (int64_t)GRACE_MS * 1000;
		process_signal(&job->process, SIGINT);
	} else if (job->kill_at_us && now >= job->kill_at_us) {
		process_signal(&job->process, SIGKILL);
	}
}

/* The channel broke: why. */
static bool explain_end(const struct job *job, struct error *err)
{
	if (job->kill_at_us)
		return error_set(err, QUERY_CANCELED, "%s",
			job->timed_out ? "the run was over its time limit"
				       : "the run was cancelled");
	if (err->state != SQLSTATE_CONNECTION_FAILURE)
		return false;
	error_set(err, CRASH_SHUTDOWN, "the process of the run ended unexpectedly");
	return error_hint(err, "It may have needed more memory than runs.memory allows; the node's "
			       "log may say more.");
}

/* Waits for the next frame while looking at the clock. */
static bool next_frame(struct job *job, struct arena *arena, struct frame *frame, struct error *err)
{
	for (;;) {
		struct pollfd wait = {.fd = job->channel.fd, .events = POLLIN};
		if (poll(&wait, 1, LOOK_MS) > 0)
			break;
		enforce(job);
	}
	return channel_receive(&job->channel, arena, 0, frame, err) || explain_end(job, err);
}

static bool job_error(struct slice payload, struct error *err)
{
	struct error bad;
	scoped(json_drop) json_t *json = json_parse(payload, &bad);
	char code[6] = {0};
	struct slice state = json ? json_get_slice(json, "state") : SLICE_NONE;
	struct slice message = json ? json_get_slice(json, "message") : SLICE_NONE;
	struct slice hint = json ? json_get_slice(json, "hint") : SLICE_NONE;
	if (state.len == 5)
		memcpy(code, state.ptr, 5);
	error_set(err, INTERNAL_ERROR, "%.*s",
		SLICE_FMT(message.len ? message : SLICE("the run failed without saying why")));
	err->state = sqlstate_from_code(code);
	if (hint.len)
		error_hint(err, "%.*s", SLICE_FMT(hint));
	log_redact(err->msg, strlen(err->msg));
	return false;
}

static void pass_on(const struct job_call *call, const struct frame *frame)
{
	struct error ignored;
	scoped(json_drop) json_t *json = json_parse(frame->payload, &ignored);
	if (!json)
		return;
	if (frame->type == W_PROGRESS && call->progress)
		call->progress(call->ctx, json);
	if (frame->type == W_LOG && call->log)
		call->log(
			call->ctx, json_get_slice(json, "level"), json_get_slice(json, "message"));
}

static bool listen_to(struct job *job, json_t **out, struct error *err)
{
	scoped(arena_free) struct arena *scratch = arena_new();
	for (;;) {
		struct frame frame = {0};
		enforce(job);
		if (!next_frame(job, scratch, &frame, err))
			return false;
		frame_close_fds(&frame);
		if (frame.type == W_ERROR)
			return job_error(frame.payload, err);
		if (frame.type == W_RESULT) {
			*out = json_parse(frame.payload, err);
			return *out != NULL;
		}
		pass_on(job->call, &frame);
		arena_reset(scratch);
	}
}

bool job_call(const struct job_call *call, json_t **out, struct error *err)
{
	struct job job = {.call = call};
	if (call->timeout_ms)
		job.deadline_us = clock_mono_us(&clock_system) + call->timeout_ms * 1000;
	if (!start(&job, err))
		return error_wrap(err, "start the run's process");
	bool ok = send_request(&job, err) ? listen_to(&job, out, err) : explain_end(&job, err);
	channel_close(&job.channel);
	process_end(&job.process);
	return ok;
}
