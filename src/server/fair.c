#include "server/fair.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"

/* One per principal that runs something now. */
struct fair_usage {
	struct fair_usage *next;
	size_t running;
	size_t name_len;
	char name[];
};

void fair_init(struct fair_queue *queue, size_t max_running, size_t max_per_principal)
{
	*queue = (struct fair_queue){
		.max_running = max_running, .max_per_principal = max_per_principal};
}

void fair_fini(struct fair_queue *queue)
{
	while (queue->usage) {
		struct fair_usage *usage = queue->usage;
		queue->usage = usage->next;
		free(usage);
	}
}

static struct fair_usage **find_usage(struct fair_queue *queue, struct slice principal)
{
	struct fair_usage **at = &queue->usage;
	while (*at && !slice_equal(slice_of((*at)->name, (*at)->name_len), principal))
		at = &(*at)->next;
	return at;
}

size_t fair_running_of(const struct fair_queue *queue, struct slice principal)
{
	for (const struct fair_usage *usage = queue->usage; usage; usage = usage->next)
		if (slice_equal(slice_of(usage->name, usage->name_len), principal))
			return usage->running;
	return 0;
}

void fair_enter(struct fair_queue *queue, struct fair_ticket *ticket)
{
	struct fair_ticket **at = &queue->first;
	while (*at)
		at = &(*at)->next;
	ticket->next = NULL;
	ticket->number = ++queue->next_number;
	*at = ticket;
	queue->waiting++;
}

void fair_leave(struct fair_queue *queue, struct fair_ticket *ticket)
{
	struct fair_ticket **at = &queue->first;
	while (*at != ticket) {
		check(*at != NULL);
		at = &(*at)->next;
	}
	*at = ticket->next;
	queue->waiting--;
}

enum fair_reason fair_state(const struct fair_queue *queue, const struct fair_ticket *ticket)
{
	size_t own = fair_running_of(queue, ticket->principal);
	if (own >= queue->max_per_principal)
		return FAIR_PRINCIPAL;
	if (queue->running >= queue->max_running)
		return FAIR_NODE;
	/* Somebody else goes first when it has fewer running, or as many and came before. */
	for (const struct fair_ticket *other = queue->first; other; other = other->next) {
		size_t running = fair_running_of(queue, other->principal);
		if (other == ticket || running >= queue->max_per_principal)
			continue;
		if (running < own || (running == own && other->number < ticket->number))
			return FAIR_NODE;
	}
	return FAIR_TURN;
}

void fair_start(struct fair_queue *queue, struct fair_ticket *ticket)
{
	struct fair_usage **at = find_usage(queue, ticket->principal);
	fair_leave(queue, ticket);
	if (!*at) {
		struct fair_usage *usage = calloc(1, sizeof *usage + ticket->principal.len);
		check(usage != NULL);
		usage->name_len = ticket->principal.len;
		if (usage->name_len)
			memcpy(usage->name, ticket->principal.ptr, usage->name_len);
		*at = usage;
	}
	(*at)->running++;
	queue->running++;
}

void fair_finish(struct fair_queue *queue, struct slice principal)
{
	struct fair_usage **at = find_usage(queue, principal);
	check(*at != NULL && queue->running > 0);
	queue->running--;
	if (--(*at)->running == 0) {
		struct fair_usage *usage = *at;
		*at = usage->next;
		free(usage);
	}
}
