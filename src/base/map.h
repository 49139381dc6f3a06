#pragma once

#include "base/arena.h"
#include "base/slice.h"

/*
 * Hash map from bytes to a pointer, in an arena; keys are borrowed (copy them first if needed).
 * SipHash-2-4 with a key drawn per process, since keys come from peers. Iterates in insertion
 * order.
 */
struct map_entry {
	struct slice key;
	void *value;
};

struct map {
	struct arena *arena;
	struct map_entry *entries; /* insertion order, len of them */
	size_t len;
	size_t cap;
	uint32_t *slots; /* index + 1 into entries, 0 = free; a power of two of them */
	size_t slot_count;
};

static inline struct map map_in(struct arena *arena)
{
	return (struct map){.arena = arena};
}

/* NULL when absent. */
void *map_get(const struct map *map, struct slice key);
/* Adds or replaces; value must not be NULL. Returns the value that stood there before, or NULL. */
void *map_put(struct map *map, struct slice key, void *value);

uint64_t hash_bytes(struct slice bytes);
