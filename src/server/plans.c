#include "server/plans.h"

#include <pthread.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"

enum { BUCKETS = 1024 };

/* Bucket chains and one list by last use, newest first. */
struct entry {
	struct plan *plan;
	struct entry *chain;
	struct entry *newer;
	struct entry *older;
	size_t bytes; /* as counted last */
};

struct plans {
	pthread_mutex_t lock;
	size_t max_plans;
	size_t max_bytes;
	struct plans_use use;
	atomic_uint_fast64_t last_id; /* of plans, without the lock */
	struct entry *buckets[BUCKETS];
	struct entry *newest;
	struct entry *oldest;
};

void digest_parts(const struct slice *parts, size_t count, uint64_t words_out[2])
{
	crypto_generichash_state state;
	crypto_generichash_init(&state, NULL, 0, 16);
	for (size_t i = 0; i < count; i++) {
		uint64_t len = slice_is_none(parts[i]) ? UINT64_MAX : parts[i].len;
		crypto_generichash_update(&state, (const unsigned char *)&len, sizeof len);
		if (parts[i].len)
			crypto_generichash_update(
				&state, (const unsigned char *)parts[i].ptr, parts[i].len);
	}
	unsigned char out[16];
	crypto_generichash_final(&state, out, sizeof out);
	memcpy(words_out, out, sizeof out);
}

struct plan *plan_new(struct plans *plans)
{
	struct arena *arena = arena_new();
	struct plan *plan = arena_new_of(arena, struct plan);
	plan->arena = arena;
	atomic_init(&plan->refs, 1);
	plan->id = atomic_fetch_add(&plans->last_id, 1) + 1;
	return plan;
}

struct plan *plan_ref(struct plan *plan)
{
	atomic_fetch_add(&plan->refs, 1);
	return plan;
}

void plan_unref(struct plan **plan_ptr)
{
	struct plan *plan = take(*plan_ptr);
	if (!plan || atomic_fetch_sub(&plan->refs, 1) != 1)
		return;
	arena_free(&plan->description_arena);
	struct arena *arena = plan->arena;
	arena_free(&arena);
}

const struct wire_prepared *plan_describe_take(
	struct plan *plan, struct wire_prepared *description, struct arena *arena)
{
	struct wire_prepared *expected = NULL;
	size_t bytes = arena_bytes(arena);
	if (atomic_compare_exchange_strong(&plan->description, &expected, description)) {
		plan->description_arena = arena;
		atomic_store(&plan->description_bytes, bytes);
		return description;
	}
	arena_free(&arena);
	return expected;
}

struct plans *plans_new(size_t max_plans, size_t max_bytes)
{
	struct plans *plans = calloc(1, sizeof *plans);
	check(plans != NULL);
	pthread_mutex_init(&plans->lock, NULL);
	plans->max_plans = max_plans;
	plans->max_bytes = max_bytes;
	return plans;
}

static struct entry **find_locked(struct plans *plans, struct plan_key key)
{
	struct entry **at = &plans->buckets[key.words[0] % BUCKETS];
	while (*at && memcmp(&(*at)->plan->key, &key, sizeof key) != 0)
		at = &(*at)->chain;
	return at;
}

static void unlink_use_locked(struct plans *plans, struct entry *e)
{
	*(e->newer ? &e->newer->older : &plans->newest) = e->older;
	*(e->older ? &e->older->newer : &plans->oldest) = e->newer;
}

static void link_newest_locked(struct plans *plans, struct entry *e)
{
	e->newer = NULL;
	e->older = plans->newest;
	*(plans->newest ? &plans->newest->newer : &plans->oldest) = e;
	plans->newest = e;
}

static void drop_locked(struct plans *plans, struct entry *e)
{
	struct entry **at = find_locked(plans, e->plan->key);
	check(*at == e);
	*at = e->chain;
	unlink_use_locked(plans, e);
	plans->use.plans--;
	plans->use.bytes -= e->bytes;
	plan_unref(&e->plan);
	free(e);
}

/* A plan grows once, when it is described. */
static void weigh_locked(struct plans *plans, struct entry *e)
{
	size_t bytes =
		sizeof *e + arena_bytes(e->plan->arena) + atomic_load(&e->plan->description_bytes);
	plans->use.bytes += bytes - e->bytes;
	e->bytes = bytes;
}

static void shrink_locked(struct plans *plans)
{
	/* One that is too large by itself must not drive out all the others. */
	if (plans->newest && plans->newest->bytes > plans->max_bytes) {
		drop_locked(plans, plans->newest);
		plans->use.dropped++;
	}
	while (plans->use.plans > plans->max_plans || plans->use.bytes > plans->max_bytes) {
		drop_locked(plans, plans->oldest);
		plans->use.dropped++;
	}
}

struct plan *plans_find(struct plans *plans, struct plan_key key)
{
	pthread_mutex_lock(&plans->lock);
	struct entry *e = *find_locked(plans, key);
	struct plan *plan = NULL;
	if (e) {
		unlink_use_locked(plans, e);
		link_newest_locked(plans, e);
		plan = plan_ref(e->plan);
		weigh_locked(plans, e);
		shrink_locked(plans);
	}
	pthread_mutex_unlock(&plans->lock);
	return plan;
}

void plans_add(struct plans *plans, struct plan *plan)
{
	pthread_mutex_lock(&plans->lock);
	if (!*find_locked(plans, plan->key)) {
		struct entry *e = calloc(1, sizeof *e);
		check(e != NULL);
		struct entry **bucket = &plans->buckets[plan->key.words[0] % BUCKETS];
		e->plan = plan_ref(plan);
		e->chain = *bucket;
		*bucket = e;
		link_newest_locked(plans, e);
		plans->use.plans++;
		weigh_locked(plans, e);
		shrink_locked(plans);
	}
	pthread_mutex_unlock(&plans->lock);
}

void plans_clear(struct plans *plans)
{
	pthread_mutex_lock(&plans->lock);
	while (plans->oldest)
		drop_locked(plans, plans->oldest);
	pthread_mutex_unlock(&plans->lock);
}

struct plans_use plans_use(struct plans *plans)
{
	pthread_mutex_lock(&plans->lock);
	struct plans_use use = plans->use;
	pthread_mutex_unlock(&plans->lock);
	return use;
}

void plans_free(struct plans **plans_ptr)
{
	struct plans *plans = take(*plans_ptr);
	if (!plans)
		return;
	plans_clear(plans);
	pthread_mutex_destroy(&plans->lock);
	free(plans);
}
