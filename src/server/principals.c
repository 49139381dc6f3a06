/* See principals.h. One arena for all of them, thrown away with the first change. */
#include "server/principals.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/map.h"

enum { MOST_PRINCIPALS = 4096 };

struct principals {
	struct store *store;
	pthread_mutex_t lock;
	uint64_t generation; /* of the store, when the first of them was read */
	struct arena *arena;
	struct map by_name;
};

struct principals *principals_new(struct store *store)
{
	struct principals *p = calloc(1, sizeof *p);
	check(p);
	p->store = store;
	pthread_mutex_init(&p->lock, NULL);
	p->arena = arena_new();
	p->by_name = map_in(p->arena);
	return p;
}

void principals_free(struct principals **principals)
{
	struct principals *p = take(*principals);
	if (!p)
		return;
	pthread_mutex_destroy(&p->lock);
	arena_free(&p->arena);
	free(p);
}

static struct principal copy_of(struct arena *arena, const struct principal *p)
{
	struct attribute *attributes = arena_array_of(arena, struct attribute, p->attribute_count);
	for (size_t i = 0; i < p->attribute_count; i++) {
		const struct attribute *a = &p->attributes[i];
		attributes[i] = (struct attribute){.name = arena_copy(arena, a->name),
			.type = arena_copy(arena, a->type),
			.values = arena_copy_all(arena, a->values, a->value_count),
			.value_count = a->value_count};
	}
	return (struct principal){.name = arena_copy(arena, p->name),
		.groups = arena_copy_all(arena, p->groups, p->group_count),
		.group_count = p->group_count,
		.attributes = attributes,
		.attribute_count = p->attribute_count,
		.admin = p->admin};
}

static struct principal principal_of(struct arena *arena, const struct account_row *account)
{
	struct attribute *attributes =
		arena_array_of(arena, struct attribute, account->attribute_count);
	for (size_t i = 0; i < account->attribute_count; i++) {
		const struct account_attribute *a = &account->attributes[i];
		attributes[i] = (struct attribute){.name = a->name,
			.type = a->type,
			.values = a->values,
			.value_count = a->value_count};
	}
	return (struct principal){.name = account->name,
		.groups = account->groups,
		.group_count = account->group_count,
		.attributes = attributes,
		.attribute_count = account->attribute_count,
		.admin = account->admin};
}

static bool find(struct principals *p, uint64_t generation, struct slice name, struct arena *arena,
	struct principal *out)
{
	pthread_mutex_lock(&p->lock);
	const struct principal *known =
		p->generation == generation ? map_get(&p->by_name, name) : NULL;
	if (known)
		*out = copy_of(arena, known);
	pthread_mutex_unlock(&p->lock);
	return known != NULL;
}

/* generation: from before the account was read, so that a change in between makes it stale. */
static void keep(struct principals *p, uint64_t generation, const struct principal *principal)
{
	pthread_mutex_lock(&p->lock);
	if (p->generation != generation || p->by_name.len >= MOST_PRINCIPALS) {
		arena_reset(p->arena);
		p->by_name = map_in(p->arena);
		p->generation = generation;
	}
	struct principal *copy = arena_new_of(p->arena, struct principal);
	*copy = copy_of(p->arena, principal);
	map_put(&p->by_name, copy->name, copy);
	pthread_mutex_unlock(&p->lock);
}

bool principals_get(struct principals *principals, struct slice name, struct arena *arena,
	struct principal *out, enum principal_outcome *outcome_out, struct error *err)
{
	uint64_t generation = store_generation(principals->store);
	struct account_row account;
	enum account_outcome outcome;
	*outcome_out = PRINCIPAL_FOUND;
	if (find(principals, generation, name, arena, out))
		return true;
	if (!accounts_get(principals->store, name, arena, &account, &outcome, err))
		return false;
	if (outcome == ACCOUNT_ABSENT || account.disabled) {
		*outcome_out = outcome == ACCOUNT_ABSENT ? PRINCIPAL_ABSENT : PRINCIPAL_DISABLED;
		return true;
	}
	*out = principal_of(arena, &account);
	keep(principals, generation, out);
	return true;
}
