#pragma once

#include "base/slice.h"
#include "store/audit.h"

struct server;

/* What a node does about itself: measures, and keeps histories from growing. Any thread. */

/* A statement ended: counters and times. */
void tend_count_query(struct server *server, struct slice door, const struct audit_end *end);
/* Sets the gauges; called before they are shown. */
void tend_gauges(struct server *server);
/* Once an hour by the dispatcher: drops old runs and audit records, tells of tables that are older
 * than promised. *last_us is the caller's, 0 at first. */
void tend_hourly(struct server *server, int64_t *last_us);
