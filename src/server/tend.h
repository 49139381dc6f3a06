#pragma once

#include <stdint.h>

#include "base/slice.h"

struct server;

/* What a node does about itself: measures, and keeps histories from growing. Any thread. */

/* A statement ended, "ok", "error", "cancelled" or "refused": counters and times. */
struct tend_query {
	struct slice door;
	const char *outcome;
	uint64_t rows;
	uint64_t bytes;
	int64_t duration_us;
	int64_t queued_us; /* of these; -1 = never asked for a worker */
};
void tend_count_query(struct server *server, const struct tend_query *query);
/* Logs a failure to write the store, but not for each of many statements: every 10 s. */
struct error;
void tend_store_failed(struct server *server, const char *what, const struct error *err);
/* Sets the gauges; called before they are shown, by one thread at a time or several. */
void tend_gauges(struct server *server);
/* Once an hour by the dispatcher: drops old runs and audit records, tells of tables that are older
 * than promised. *last_us is the caller's, 0 at first. */
void tend_hourly(struct server *server, int64_t *last_us);
/* Models and catalogues are large and short-lived, made by many threads: what the allocator keeps
 * of them goes back to the system, some seconds later. The dispatcher's thread; *last_us as
 * above. */
void tend_memory(struct server *server, int64_t *last_us);
