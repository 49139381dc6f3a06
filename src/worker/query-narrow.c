/*
 * W_NARROW: who asks, what it may read, how much it may use. The order matters (docs/security.md):
 * identity and zone while files can still be read, then rlimits, Landlock and seccomp on the only
 * thread, then threads, then the lock.
 */
#include <string.h>

#include "engine/dialect.h"
#include "engine/encode.h"
#include "ipc/sandbox.h"
#include "worker/query-private.h"

struct paths {
	struct slice *items;
	size_t len;
};

static struct paths read_paths(struct arena *arena, const json_t *object, const char *key)
{
	const json_t *list = json_get_array(object, key);
	struct paths paths = {.items = arena_array_of(arena, struct slice, json_array_size(list))};
	size_t index;
	json_t *item;
	json_array_foreach(list, index, item) if (json_is_string(item)) paths.items[paths.len++] =
		json_to_slice(item);
	return paths;
}

static struct paths join(struct arena *arena, struct paths a, struct paths b)
{
	struct paths all = {.items = arena_array_of(arena, struct slice, a.len + b.len)};
	for (size_t i = 0; i < a.len; i++)
		all.items[all.len++] = a.items[i];
	for (size_t i = 0; i < b.len; i++)
		all.items[all.len++] = b.items[i];
	return all;
}

static bool set_identity(struct query_worker *worker, json_t *body, struct error *err)
{
	struct dialect_identity identity = {
		.principal = json_get_slice(body, "principal"),
		.purpose = json_get_slice(body, "purpose"),
		.database = json_get_slice(body, "database"),
		.attributes = json_get_object(body, "attributes"),
		.groups = json_get_array(body, "groups"),
		.pseudonym_key = json_get_slice(body, "pseudonym_key"),
	};
	return dialect_set_identity(worker->engine, &identity, err);
}

/* RLIMIT_AS counts reserved address space too: the library, stacks and allocator arenas of the
 * threads. */
static uint64_t address_space(uint64_t memory_bytes, int threads)
{
	const uint64_t overhead = 640ULL << 20;
	return memory_bytes ? memory_bytes + overhead + (uint64_t)threads * (72ULL << 20) : 0;
}

bool query_narrow(struct query_worker *worker, const struct frame *frame, struct error *err)
{
	scoped(json_drop) json_t *body = json_parse(frame->payload, err);
	if (!body)
		return false;
	struct slice spill = json_get_slice(body, "spill_dir");
	struct slice zone = json_get_slice(body, "time_zone");
	char *zone_text = arena_cstr(worker->arena, slice_is_none(zone) ? SLICE("UTC") : zone);
	struct paths files = read_paths(worker->arena, body, "read_files");
	struct paths dirs = read_paths(worker->arena, body, "read_dirs");
	struct paths readable = join(worker->arena, files, dirs);
	struct paths write = {.items = &spill, .len = slice_is_none(spill) ? 0 : 1};
	struct paths allowed_dirs = join(worker->arena, dirs, write);
	uint64_t memory = (uint64_t)json_get_i64(body, "memory_bytes", 0);
	int threads = (int)json_get_i64(body, "threads", 1);
	struct engine_options options = {.threads = threads,
		.memory_bytes = memory,
		.spill_dir = write.len ? arena_cstr(worker->arena, spill) : NULL,
		.spill_bytes = (uint64_t)json_get_i64(body, "spill_bytes", 0),
		.time_zone = zone_text};
	struct sandbox sandbox = {.memory_bytes = address_space(memory, threads),
		.read_paths = readable.items,
		.read_path_count = readable.len,
		.write_paths = write.items,
		.write_path_count = write.len,
		.network = SANDBOX_NO_NETWORK};
	worker->spill_dir = options.spill_dir ? strdup(options.spill_dir) : NULL;
	worker->database = strdup(arena_cstr(worker->arena, json_get_slice(body, "database")));
	if (!set_identity(worker, body, err) || !encode_set_time_zone(zone_text, err) ||
		!sandbox_enter(&sandbox, err) ||
		!engine_set_options(worker->engine, &options, err) ||
		!engine_lock(worker->engine, files.items, files.len, allowed_dirs.items,
			allowed_dirs.len, err))
		return false;
	worker->narrowed = true;
	return query_send_json(worker, W_FINE, json_object(), err);
}
