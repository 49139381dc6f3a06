#pragma once

#include <stdint.h>

/*
 * What follows a publish: a Delta checkpoint every 10 commits, and the vacuum of what no version
 * within the retention needs, nor a statement or transaction that reads now. Neither changes what
 * is served; failures are logged and tried again with the next publish.
 */
struct server;
struct job_plan;

void checkpoint_after(struct server *server, const struct job_plan *plan, int64_t run);
/* Of every product: time passes without publishes too. */
void vacuum_all(struct server *server);
