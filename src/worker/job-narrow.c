/*
 * What a job may touch. After the engine is open and before anything foreign is read, the process
 * gives up the rest: it keeps the paths that its frame names (sources, files of tables, staging,
 * spill), what the libraries need, and the network only for a remote source. The sandbox holds the
 * process; the engine's own lock holds the same paths against SQL and keeps its settings.
 */
#include <sys/stat.h>

#include "base/vec.h"
#include "engine/dialect.h"
#include "ipc/sandbox.h"
#include "worker/job-private.h"

typedef VEC(struct slice) paths;

static void add_path(struct job *job, paths *list, struct slice path)
{
	if (path.len)
		vec_push(job->arena, list, path);
}

static void add_file_members(struct job *job, paths *list, const json_t *files, const char *member)
{
	size_t index;
	json_t *item;

	json_array_foreach(files, index, item)
		add_path(job, list, member ? json_get_slice(item, member) : json_to_slice(item));
}

/* Everything the job reads. */
static bool collect_paths(struct job *job, paths *list, bool *network, struct error *err)
{
	size_t index;
	size_t at;
	json_t *table;
	json_t *relation;

	add_path(job, list, json_get_slice(job->spec, "path"));
	add_path(job, list, json_get_slice(job->spec, "rows_file"));
	json_array_foreach(json_get_array(job->spec, "tables"), index, table)
	{
		const json_t *source = json_get_object(table, "source");
		struct slice *found = NULL;
		size_t count = 0;

		add_file_members(job, list, json_get_array(table, "previous"), "path");
		json_array_foreach(json_get_array(table, "relations"), at, relation)
			add_file_members(job, list, json_get_array(relation, "files"), NULL);
		if (!source)
			continue;
		if (!job_source_paths(job, source, &found, &count, err))
			return false;
		for (size_t i = 0; i < count; i++)
			add_path(job, list, found[i]);
		*network = *network || job_source_is_remote(source);
	}
	return true;
}

/* What a job with a network needs to look names up and to check certificates. */
static void add_network_paths(struct job *job, paths *list)
{
	static const char *const PATHS[] = {"/etc/resolv.conf", "/etc/hosts", "/etc/nsswitch.conf",
		"/etc/gai.conf", "/etc/ssl/certs", "/usr/share/ca-certificates", "/etc/services"};
	struct stat info;

	for (size_t i = 0; i < array_len(PATHS); i++)
		if (stat(PATHS[i], &info) == 0)
			add_path(job, list, slice_from_c(PATHS[i]));
}

/* Shared objects that are loaded late (name services, character sets) and time zones. */
static void add_system_paths(struct job *job, paths *list)
{
	static const char *const PATHS[] = {"/lib", "/usr/lib", "/lib64", "/usr/share/zoneinfo",
		"/etc/localtime", "/proc/self", "/sys/fs/cgroup", "/sys/devices/system/cpu"};
	struct stat info;

	for (size_t i = 0; i < array_len(PATHS); i++)
		if (stat(PATHS[i], &info) == 0)
			add_path(job, list, slice_from_c(PATHS[i]));
}

static bool set_identity(struct job *job, struct error *err)
{
	struct dialect_identity identity = {
		.principal = json_get_slice(job->spec, "principal"),
		.purpose = json_get_slice(job->spec, "purpose"),
		.database = json_get_slice(job->spec, "database"),
		.attributes = json_get_object(job->spec, "attributes"),
		.groups = json_get_array(job->spec, "groups"),
		.pseudonym_key = json_get_slice(job->spec, "pseudonym_key"),
	};

	return dialect_set_identity(job->engine, &identity, err);
}

/* Address space beside what the engine accounts for: libraries, stacks, reserved ranges. */
static uint64_t address_space(int64_t memory_bytes, int64_t threads)
{
	const uint64_t overhead = UINT64_C(1) << 30;

	return memory_bytes > 0
		       ? (uint64_t)memory_bytes + overhead + (uint64_t)threads * (72u << 20)
		       : 0;
}

/* Opens files and folders to the engine, each by its kind. */
static bool lock_engine(struct job *job, const paths *allowed, struct error *err)
{
	paths files = {0};
	paths folders = {0};
	struct stat info;

	for (size_t i = 0; i < allowed->len; i++) {
		struct slice path = allowed->items[i];
		bool folder =
			stat(arena_cstr(job->arena, path), &info) == 0 && S_ISDIR(info.st_mode);

		add_path(job, folder ? &folders : &files, path);
	}
	return engine_lock(job->engine, files.items, files.len, folders.items, folders.len, err);
}

bool job_narrow(struct job *job, struct error *err)
{
	struct slice spill = json_get_slice(job->spec, "spill");
	struct slice write[2] = {0};
	size_t write_count = 0;
	int64_t threads = json_get_i64(job->spec, "threads", 1);
	int64_t memory = json_get_i64(job->spec, "memory_bytes", 0);
	bool network = false;
	paths read = {0};
	paths allowed = {0};

	/* A job that only reads has neither. */
	if (job->staging.len)
		write[write_count++] = job->staging;
	if (spill.len)
		write[write_count++] = spill;
	if (!collect_paths(job, &read, &network, err) || !set_identity(job, err))
		return false;
	for (size_t i = 0; i < read.len; i++)
		add_path(job, &allowed, read.items[i]);
	for (size_t i = 0; i < write_count; i++)
		add_path(job, &allowed, write[i]);
	add_system_paths(job, &read);
	if (network)
		add_network_paths(job, &read);
	struct sandbox sandbox = {
		.memory_bytes = address_space(memory, threads),
		.read_paths = read.items,
		.read_path_count = read.len,
		.write_paths = write,
		.write_path_count = write_count,
		.network = network ? SANDBOX_NETWORK : SANDBOX_STAGING,
	};
	struct engine_options options = {
		.threads = (int)threads,
		.memory_bytes = (uint64_t)memory,
		.spill_dir = spill.len ? arena_cstr(job->arena, spill) : NULL,
		.time_zone = "UTC",
	};

	return sandbox_enter(&sandbox, err) && engine_set_options(job->engine, &options, err) &&
	       lock_engine(job, &allowed, err);
}
