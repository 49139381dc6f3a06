#pragma once

#include "ipc/frame.h"

struct engine;

/*
 * A query worker: one principal, narrowed by its first frame, then parse, prepare, execute, fetch,
 * close until the channel ends (ipc/worker.h). Runs in a child of the zygote with the engine that
 * the zygote warmed. Returns the exit status.
 */
int query_worker_run(struct engine *engine, struct channel channel);
