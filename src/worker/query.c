/*
 * The loop of a query worker: one frame in, one answer out. query-narrow.c, query-prepare.c and
 * query-execute.c have the frames. SIGINT interrupts the running statement; between statements it
 * does nothing.
 */
#include "worker/query.h"

#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/check.h"
#include "base/measure.h"
#include "worker/query-private.h"

/* For the signal handler only: a handler has no other way to reach its worker. */
static struct engine *interrupted;

static void on_interrupt(int signal_number)
{
	(void)signal_number;
	if (interrupted)
		engine_interrupt(interrupted);
}

bool query_send_json(
	struct query_worker *worker, enum worker_frame type, json_t *take, struct error *err)
{
	struct slice text = json_print(worker->arena, take);
	json_decref(take);
	return channel_send(&worker->channel, (uint8_t)type, text, NULL, 0, err);
}

struct handler {
	enum worker_frame type;
	bool (*answer)(struct query_worker *, const struct frame *, struct error *);
};

static const struct handler handlers[] = {
	{W_NARROW, query_narrow},
	{W_PARSE, query_parse},
	{W_PARSE_CATALOG, query_parse},
	{W_PARSE_EXPRESSION, query_parse},
	{W_PREPARE, query_prepare},
	{W_EXECUTE, query_execute},
	{W_FETCH, query_fetch},
	{W_CLOSE, query_close},
};

static bool answer(struct query_worker *worker, const struct frame *frame, struct error *err)
{
	/* Nothing of a user's is looked at before the worker is narrowed. */
	if (worker->narrowed == (frame->type == W_NARROW))
		return error_set(err, PROTOCOL_VIOLATION, "a worker is narrowed once, and first");
	for (size_t i = 0; i < array_len(handlers); i++)
		if (handlers[i].type == (enum worker_frame)frame->type)
			return handlers[i].answer(worker, frame, err);
	return error_set(err, PROTOCOL_VIOLATION, "a worker does not know message %d", frame->type);
}

static bool send_error(struct query_worker *worker, const struct error *failure)
{
	struct error err;
	json_t *body = json_object();
	json_set_slice(body, "state", slice_from_c(sqlstate_table[failure->state].code));
	json_set_slice(body, "message", slice_from_c(failure->msg));
	if (failure->hint[0])
		json_set_slice(body, "hint", slice_from_c(failure->hint));
	if (failure->position > 0)
		json_object_set_new(body, "position", json_integer(failure->position));
	return query_send_json(worker, W_ERROR, body, &err);
}

static int serve(struct query_worker *worker)
{
	for (;;) {
		struct frame frame;
		struct error err = {0};
		arena_reset(worker->arena);
		if (!channel_receive(&worker->channel, worker->arena, 0, &frame, &err))
			return EXIT_SUCCESS;
		bool ok = answer(worker, &frame, &err);
		frame_close_fds(&frame);
		/* After a failed narrowing the process is neither open nor closed: say so and end.
		 */
		if (!ok && !send_error(worker, &err))
			return EXIT_FAILURE;
		if (!ok && (worker_ends_after(err.state) || !worker->narrowed))
			return EXIT_FAILURE;
	}
}

int query_worker_run(struct engine *engine, struct channel channel)
{
	struct query_worker worker = {.engine = engine,
		.session = session_new(engine),
		.channel = channel,
		.arena = arena_new(),
		.portal = {.file = -1}};
	struct sigaction action = {.sa_handler = on_interrupt, .sa_flags = SA_RESTART};
	interrupted = engine;
	check(sigaction(SIGINT, &action, NULL) == 0);
	int status = serve(&worker);
	measure_save();
	_exit(status); /* no destructors: nothing to save, and the engine may be broken */
}
