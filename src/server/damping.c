#include "server/damping.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/map.h"
#include "base/num.h"

enum { SLOTS = 1024, PROBES = 8, FREE_FAILURES = 5, FIRST_WAIT_MS = 250, MOST_WAIT_MS = 8000 };

static const int64_t window_us = 60000000;

struct slot {
	uint64_t key;
	int failures;
	int64_t last_us;
};

struct damping {
	const struct clock *clock;
	pthread_mutex_t lock;
	struct slot slots[SLOTS];
};

struct damping *damping_new(const struct clock *clock)
{
	struct damping *damping = calloc(1, sizeof *damping);
	check(damping != NULL);
	damping->clock = clock;
	pthread_mutex_init(&damping->lock, NULL);
	return damping;
}

void damping_free(struct damping **damping_ptr)
{
	struct damping *damping = take(*damping_ptr);
	if (!damping)
		return;
	pthread_mutex_destroy(&damping->lock);
	free(damping);
}

/* Users and addresses share the table; never 0. */
static uint64_t key_of(char kind, struct slice name)
{
	return hash_bytes(name) * 2 + (kind == 'u' ? 1 : 0) + 2;
}

static struct slot *find_locked(struct damping *damping, uint64_t key)
{
	for (size_t i = 0; i < PROBES; i++) {
		struct slot *slot = &damping->slots[(key + i) % SLOTS];
		if (slot->key == key)
			return slot;
	}
	return NULL;
}

static struct slot *claim_locked(struct damping *damping, uint64_t key)
{
	struct slot *slot = find_locked(damping, key);
	if (slot)
		return slot;
	slot = &damping->slots[key % SLOTS];
	for (size_t i = 1; i < PROBES; i++) {
		struct slot *other = &damping->slots[(key + i) % SLOTS];
		if (other->last_us < slot->last_us)
			slot = other;
	}
	*slot = (struct slot){.key = key};
	return slot;
}

static int64_t wait_locked(struct damping *damping, uint64_t key, int64_t now)
{
	const struct slot *slot = find_locked(damping, key);
	if (!slot || slot->failures < FREE_FAILURES || now - slot->last_us > window_us)
		return 0;
	int doublings = min_of(slot->failures - FREE_FAILURES, 5);
	return min_of(FIRST_WAIT_MS << doublings, MOST_WAIT_MS);
}

int64_t damping_wait_ms(struct damping *damping, struct slice user, struct slice peer)
{
	int64_t now = clock_mono_us(damping->clock);
	pthread_mutex_lock(&damping->lock);
	int64_t by_peer = wait_locked(damping, key_of('a', peer), now);
	int64_t by_user = user.len ? wait_locked(damping, key_of('u', user), now) : 0;
	pthread_mutex_unlock(&damping->lock);
	return max_of(by_peer, by_user);
}

static void failed_locked(struct damping *damping, uint64_t key, int64_t now)
{
	struct slot *slot = claim_locked(damping, key);
	if (now - slot->last_us > window_us)
		slot->failures = 0;
	slot->failures++;
	slot->last_us = now;
}

void damping_failed(struct damping *damping, struct slice user, struct slice peer)
{
	int64_t now = clock_mono_us(damping->clock);
	pthread_mutex_lock(&damping->lock);
	failed_locked(damping, key_of('a', peer), now);
	if (user.len)
		failed_locked(damping, key_of('u', user), now);
	pthread_mutex_unlock(&damping->lock);
}

void damping_succeeded(struct damping *damping, struct slice user, struct slice peer)
{
	pthread_mutex_lock(&damping->lock);
	struct slot *by_peer = find_locked(damping, key_of('a', peer));
	struct slot *by_user = user.len ? find_locked(damping, key_of('u', user)) : NULL;
	if (by_peer)
		by_peer->failures = 0;
	if (by_user)
		by_user->failures = 0;
	pthread_mutex_unlock(&damping->lock);
}
