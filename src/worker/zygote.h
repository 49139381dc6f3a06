#pragma once

#include "ipc/frame.h"

/* Opens and warms an engine on one thread, then forks a query worker per W_FORK until the channel
 * ends. Returns the exit status; in a child, that of the worker. */
int zygote_run(struct channel channel);
