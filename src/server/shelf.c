#include "server/shelf.h"

#include <pthread.h>
#include <sodium.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/map.h"
#include "base/vec.h"
#include "catalog/share.h"
#include "server/server-private.h"
#include "store/copies.h"

enum { BOOT_BYTES = 8 };

/* A domain ("sales") or product ("sales.orders"). */
struct entry {
	struct slice name;
	uint64_t hash;	 /* of its text; 0 = not there (any more) */
	int64_t changed; /* epoch since which it is so */
	bool found;	 /* in the model that is looked at */
};

struct shelf {
	pthread_mutex_t lock;
	struct arena *arena;
	struct catalogue_mark mark;
	int64_t model_epoch; /* that it was made of */
	struct map entries;
};

struct shelf *shelf_new(void)
{
	struct shelf *shelf = calloc(1, sizeof *shelf);
	unsigned char random[BOOT_BYTES];

	check(shelf != NULL);
	pthread_mutex_init(&shelf->lock, NULL);
	shelf->arena = arena_new();
	shelf->entries = map_in(shelf->arena);
	shelf->model_epoch = -1;
	randombytes_buf(random, sizeof random);
	sodium_bin2hex(shelf->mark.boot, sizeof shelf->mark.boot, random, sizeof random);
	return shelf;
}

void shelf_free(struct shelf **shelf)
{
	struct shelf *self = *shelf;

	if (!self)
		return;
	arena_free(&self->arena);
	pthread_mutex_destroy(&self->lock);
	free(self);
	*shelf = NULL;
}

static struct entry *entry_of(struct shelf *shelf, struct slice name)
{
	struct entry *entry = map_get(&shelf->entries, name);

	if (entry)
		return entry;
	entry = arena_new_of(shelf->arena, struct entry);
	entry->name = arena_copy(shelf->arena, name);
	map_put(&shelf->entries, entry->name, entry);
	return entry;
}

/* Takes the reference; whether it is another one than before. */
static bool look_at(struct shelf *shelf, struct slice name, json_t *said, int64_t epoch)
{
	scoped(arena_free) struct arena *scratch = arena_new();
	scoped(json_drop) json_t *owned = said;

	if (!owned)
		return false;
	struct entry *entry = entry_of(shelf, name);
	uint64_t hash = hash_bytes(json_print(scratch, owned)) | 1;

	entry->found = true;
	if (entry->hash == hash)
		return false;
	entry->hash = hash;
	entry->changed = epoch;
	return true;
}

static void look_at_all(struct shelf *shelf, const struct model *model)
{
	int64_t next = shelf->mark.epoch + 1;
	bool changed = false;

	for (size_t i = 0; i < shelf->entries.len; i++)
		((struct entry *)shelf->entries.entries[i].value)->found = false;
	for (size_t i = 0; i < model->domain_count; i++)
		changed |= look_at(shelf, model->domains[i].name,
			share_domain(model, &model->domains[i]), next);
	for (size_t i = 0; i < model->product_count; i++)
		changed |= look_at(shelf, model->products[i].full_name,
			share_product(model, &model->products[i]), next);
	for (size_t i = 0; i < shelf->entries.len; i++) {
		struct entry *entry = shelf->entries.entries[i].value;

		if (entry->found || !entry->hash)
			continue;
		entry->hash = 0;
		entry->changed = next;
		changed = true;
	}
	shelf->mark.epoch += changed;
}

/* The model that the shelf is of: the newest. Gives it back with server_model_release. */
static const struct model *update_locked(struct server *server)
{
	struct shelf *shelf = server->shelf;
	const struct model *model = server_model(server);

	if (model->epoch != shelf->model_epoch)
		look_at_all(shelf, model);
	shelf->model_epoch = model->epoch;
	return model;
}

void shelf_mark(struct server *server, struct catalogue_mark *out)
{
	struct shelf *shelf = server->shelf;

	pthread_mutex_lock(&shelf->lock);
	const struct model *model = update_locked(server);

	*out = shelf->mark;
	pthread_mutex_unlock(&shelf->lock);
	server_model_release(server, &model);
}

static bool is_newer(struct shelf *shelf, struct slice name, int64_t since)
{
	const struct entry *entry = map_get(&shelf->entries, name);

	return entry && entry->hash && entry->changed > since;
}

static void add_entries(
	struct shelf *shelf, const struct model *model, int64_t since, json_t *change)
{
	json_t *domains = json_array();
	json_t *products = json_array();
	json_t *removed = json_array();

	for (size_t i = 0; i < model->domain_count; i++)
		if (is_newer(shelf, model->domains[i].name, since))
			json_array_append_new(domains, share_domain(model, &model->domains[i]));
	for (size_t i = 0; i < model->product_count; i++)
		if (is_newer(shelf, model->products[i].full_name, since))
			json_array_append_new(products, share_product(model, &model->products[i]));
	for (size_t i = 0; i < shelf->entries.len; i++) {
		const struct entry *entry = shelf->entries.entries[i].value;

		if (!entry->hash && entry->changed > since)
			json_array_append_new(removed, json_from_slice(entry->name));
	}
	json_object_set_new(change, "domains", domains);
	json_object_set_new(change, "products", products);
	json_object_set_new(change, "removed", removed);
}

json_t *shelf_change(struct server *server, const struct catalogue_mark *since)
{
	struct shelf *shelf = server->shelf;

	pthread_mutex_lock(&shelf->lock);
	const struct model *model = update_locked(server);
	bool full = strcmp(since->boot, shelf->mark.boot) != 0 || since->epoch < 0 ||
		    since->epoch > shelf->mark.epoch;
	json_t *change = json_pack("{s:s, s:s, s:I, s:b}", "node", server->node_name, "boot",
		shelf->mark.boot, "epoch", (json_int_t)shelf->mark.epoch, "full", full);

	add_entries(shelf, model, full ? -1 : since->epoch, change);
	pthread_mutex_unlock(&shelf->lock);
	server_model_release(server, &model);
	return change;
}
