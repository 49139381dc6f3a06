#include "base/map.h"

#include <pthread.h>
#include <sodium.h>

#include "base/check.h"
#include "base/num.h"

static unsigned char hash_key[crypto_shorthash_KEYBYTES];

static void draw_hash_key(void)
{
	check(sodium_init() >= 0);
	randombytes_buf(hash_key, sizeof hash_key);
}

uint64_t hash_bytes(struct slice bytes)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	uint64_t hash;

	pthread_once(&once, draw_hash_key);
	crypto_shorthash(
		(unsigned char *)&hash, (const unsigned char *)bytes.ptr, bytes.len, hash_key);
	return hash;
}

/* The slot that holds key, or the free one where it would go. */
static uint32_t *find_slot(const struct map *map, struct slice key)
{
	size_t mask = map->slot_count - 1;

	for (size_t at = hash_bytes(key) & mask;; at = (at + 1) & mask) {
		uint32_t index = map->slots[at];

		if (index == 0 || slice_equal(map->entries[index - 1].key, key))
			return &map->slots[at];
	}
}

static void rehash(struct map *map, size_t slot_count)
{
	map->slots = arena_array_of(map->arena, uint32_t, slot_count);
	map->slot_count = slot_count;
	for (size_t i = 0; i < map->len; i++)
		*find_slot(map, map->entries[i].key) = (uint32_t)i + 1;
}

void *map_get(const struct map *map, struct slice key)
{
	if (map->slot_count == 0)
		return NULL;
	uint32_t index = *find_slot(map, key);

	return index ? map->entries[index - 1].value : NULL;
}

void *map_put(struct map *map, struct slice key, void *value)
{
	check(value && map->len < UINT32_MAX / 4);
	if ((map->len + 1) * 2 > map->slot_count)
		rehash(map, max_of(map->slot_count * 2, (size_t)16));
	uint32_t *slot = find_slot(map, key);

	if (*slot) {
		void *before = map->entries[*slot - 1].value;

		map->entries[*slot - 1].value = value;
		return before;
	}
	if (map->len == map->cap) {
		size_t cap = max_of(map->cap * 2, (size_t)8);

		map->entries = arena_grow(map->arena, map->entries, map->len * sizeof *map->entries,
			cap * sizeof *map->entries);
		map->cap = cap;
	}
	map->entries[map->len++] = (struct map_entry){key, value};
	*slot = (uint32_t)map->len;
	return NULL;
}
