#include "http/pool.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/check.h"

enum { KEPT = 16 };

struct http_pool {
	pthread_mutex_t lock;
	struct http_group
		*idle[KEPT]; /* the last one was used last: its connections are the warmest */
	size_t count;
};

struct http_pool *http_pool_new(void)
{
	struct http_pool *self = calloc(1, sizeof *self);

	check(self != NULL);
	pthread_mutex_init(&self->lock, NULL);
	return self;
}

void http_pool_free(struct http_pool **pool)
{
	struct http_pool *self = *pool;

	if (!self)
		return;
	for (size_t i = 0; i < self->count; i++)
		http_group_free(&self->idle[i]);
	pthread_mutex_destroy(&self->lock);
	free(self);
	*pool = NULL;
}

bool http_pool_take(struct http_pool *pool, struct http_group **out, struct error *err)
{
	struct http_group *group = NULL;

	pthread_mutex_lock(&pool->lock);
	if (pool->count > 0)
		group = pool->idle[--pool->count];
	pthread_mutex_unlock(&pool->lock);
	*out = group;
	return group || http_group_new(out, err);
}

void http_pool_give(struct http_pool *pool, struct http_group **group)
{
	struct http_group *given = *group;

	*group = NULL;
	pthread_mutex_lock(&pool->lock);
	if (pool->count < KEPT) {
		pool->idle[pool->count++] = given;
		given = NULL;
	}
	pthread_mutex_unlock(&pool->lock);
	http_group_free(&given);
}
