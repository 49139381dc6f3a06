#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

/*
 * Who is next: slots shared by principals. Of those that wait and are below their own limit, the
 * principal with the fewest running goes first, then who came first. Pure bookkeeping without
 * threads; the caller holds its own lock.
 */
struct fair_usage;

struct fair_queue {
	size_t max_running;
	size_t max_per_principal;
	size_t running;
	size_t waiting;
	uint64_t next_number;
	struct fair_ticket *first; /* by arrival */
	struct fair_usage *usage;
};

/* Lives with the caller, linked from fair_enter until fair_start or fair_leave. */
struct fair_ticket {
	struct slice principal; /* borrowed while linked */
	uint64_t number;
	struct fair_ticket *next;
};

enum fair_reason {
	FAIR_TURN,	/* may start now */
	FAIR_PRINCIPAL, /* the principal's own limit */
	FAIR_NODE,	/* every slot of the node is taken, or somebody else is first */
};

void fair_init(struct fair_queue *queue, size_t max_running, size_t max_per_principal);
void fair_fini(struct fair_queue *queue);
void fair_enter(struct fair_queue *queue, struct fair_ticket *ticket);
void fair_leave(struct fair_queue *queue, struct fair_ticket *ticket);
enum fair_reason fair_state(const struct fair_queue *queue, const struct fair_ticket *ticket);
/* Only when fair_state said FAIR_TURN. */
void fair_start(struct fair_queue *queue, struct fair_ticket *ticket);
void fair_finish(struct fair_queue *queue, struct slice principal);
size_t fair_running_of(const struct fair_queue *queue, struct slice principal);
