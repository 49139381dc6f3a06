/* See file-lists.h. All lists are thrown away with the first change, and when they are too many. */
#include "server/file-lists.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/map.h"

enum { MOST_FILES = 50000 };

struct file_list_ref {
	atomic_int users; /* the cache is one */
	struct arena *arena;
	struct model_files files;
};

struct file_lists {
	pthread_mutex_t lock;
	uint64_t generation; /* of the store, when the first of them was read */
	struct arena *arena; /* keys */
	struct map by_key;
	size_t file_count;
};

struct file_lists *file_lists_new(void)
{
	struct file_lists *lists = calloc(1, sizeof *lists);
	check(lists);
	pthread_mutex_init(&lists->lock, NULL);
	lists->arena = arena_new();
	lists->by_key = map_in(lists->arena);
	return lists;
}

static void drop_all(struct file_lists *lists)
{
	for (size_t i = 0; i < lists->by_key.len; i++) {
		struct file_list_ref *ref = lists->by_key.entries[i].value;
		file_list_unref(&ref);
	}
	arena_reset(lists->arena);
	lists->by_key = map_in(lists->arena);
	lists->file_count = 0;
}

void file_lists_free(struct file_lists **lists_ptr)
{
	struct file_lists *lists = take(*lists_ptr);
	if (!lists)
		return;
	drop_all(lists);
	pthread_mutex_destroy(&lists->lock);
	arena_free(&lists->arena);
	free(lists);
}

void file_list_unref(struct file_list_ref **ref_ptr)
{
	struct file_list_ref *ref = take(*ref_ptr);
	if (!ref || atomic_fetch_sub(&ref->users, 1) > 1)
		return;
	arena_free(&ref->arena);
	free(ref);
}

const struct model_files *file_list_files(const struct file_list_ref *ref)
{
	return &ref->files;
}

static struct file_list_ref *find(struct file_lists *lists, uint64_t generation, struct slice key)
{
	pthread_mutex_lock(&lists->lock);
	struct file_list_ref *ref =
		lists->generation == generation ? map_get(&lists->by_key, key) : NULL;
	if (ref)
		atomic_fetch_add(&ref->users, 1);
	pthread_mutex_unlock(&lists->lock);
	return ref;
}

/* generation: from before the list was read, so that a change in between makes it stale. */
static void keep(
	struct file_lists *lists, uint64_t generation, struct slice key, struct file_list_ref *ref)
{
	pthread_mutex_lock(&lists->lock);
	if (lists->generation != generation || lists->file_count > MOST_FILES) {
		drop_all(lists);
		lists->generation = generation;
	}
	if (!map_get(&lists->by_key, key)) {
		atomic_fetch_add(&ref->users, 1);
		map_put(&lists->by_key, arena_copy(lists->arena, key), ref);
		lists->file_count += ref->files.file_count + 1;
	}
	pthread_mutex_unlock(&lists->lock);
}

bool file_lists_get(struct file_lists *lists, struct store *store, const struct model_table *table,
	int64_t version, struct file_list_ref **out, struct error *err)
{
	scoped(arena_free) struct arena *scratch = arena_new();
	uint64_t generation = store_generation(store);
	struct slice key = arena_printf(scratch, "%.*s/%.*s/%lld",
		SLICE_FMT(table->product->full_name), SLICE_FMT(table->key), (long long)version);
	*out = find(lists, generation, key);
	if (*out)
		return true;
	scoped(file_list_unref) struct file_list_ref *ref = calloc(1, sizeof *ref);
	check(ref);
	atomic_init(&ref->users, 1);
	ref->arena = arena_new();
	if (!model_files_at(store, table, version, ref->arena, &ref->files, err))
		return false;
	keep(lists, generation, key, ref);
	*out = take(ref);
	return true;
}
