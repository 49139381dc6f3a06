#include "server/sweep.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/server-private.h"
#include "store/versions.h"

static void close_folder(DIR **folder)
{
	if (*folder)
		closedir(*folder);
}

/* "r12-part-00000.parquet", as publish.c names them. */
static bool is_data_name(struct slice name)
{
	size_t at = 1;
	if (!slice_starts_with(name, SLICE("r")) || !slice_ends_with(name, SLICE(".parquet")))
		return false;
	while (at < name.len && name.ptr[at] >= '0' && name.ptr[at] <= '9')
		at++;
	return at > 1 && slice_starts_with(slice_sub(name, at, name.len), SLICE("-part-"));
}

/* ".00000000000000000003.json.4711", "._last_checkpoint.4711" and
 * "..00000000000000000010.checkpoint.ndjson.4711", as delta/commit.c names them. */
static bool is_draft_name(struct slice name)
{
	return slice_starts_with(name, SLICE("._last_checkpoint.")) ||
	       slice_starts_with(name, SLICE("..0")) ||
	       (slice_starts_with(name, SLICE(".0")) &&
		       slice_find(name, SLICE(".json."), 0) != SIZE_MAX);
}

static int compare_paths(const void *a, const void *b)
{
	const struct file_row *x = a;
	const struct file_row *y = b;
	return slice_compare(x->path, y->path);
}

static bool is_known(const struct file_list *files, struct slice name)
{
	const struct file_row key = {.path = name};
	return files->count &&
	       bsearch(&key, files->items, files->count, sizeof *files->items, compare_paths);
}

/* A folder that is gone holds no orphans. files NULL: drafts of a log. */
static bool sweep_folder(
	const char *path, const struct file_list *files, int64_t *removed, struct error *err)
{
	scoped(close_folder) DIR *folder = opendir(path);
	struct dirent *entry;
	if (!folder)
		return errno == ENOENT || error_set_errno(err, errno, "open the folder %s", path);
	/* The stream is ours alone. NOLINTNEXTLINE(concurrency-mt-unsafe) */
	while ((entry = readdir(folder)) != NULL) {
		struct slice name = slice_from_c(entry->d_name);
		bool orphan =
			files ? is_data_name(name) && !is_known(files, name) : is_draft_name(name);
		if (!orphan)
			continue;
		if (unlinkat(dirfd(folder), entry->d_name, 0) != 0 && errno != ENOENT)
			return error_set_errno(err, errno, "remove %s/%s", path, entry->d_name);
		(*removed)++;
	}
	return true;
}

static bool sweep_table(struct server *server, const struct table_version_row *table,
	int64_t *removed, struct error *err)
{
	scoped(arena_free) struct arena *arena = arena_new();
	struct file_list files;
	const char *folder = arena_cstr(arena, table->location);
	if (!versions_all_files(server->store, table, arena, &files, err))
		return false;
	if (files.count)
		qsort(files.items, files.count, sizeof *files.items, compare_paths);
	return sweep_folder(folder, &files, removed, err) &&
	       sweep_folder(arena_printf(arena, "%s/_delta_log", folder).ptr, NULL, removed, err);
}

bool sweep_lake(struct server *server, int64_t *removed_out, struct error *err)
{
	scoped(arena_free) struct arena *arena = arena_new();
	struct table_version_list tables;
	*removed_out = 0;
	if (!versions_newest_tables(server->store, arena, &tables, err))
		return false;
	for (size_t i = 0; i < tables.count; i++) {
		struct error ignored;
		/* A lake that cannot be swept must not keep the node from serving it. */
		if (!sweep_table(server, &tables.items[i], removed_out, &ignored))
			log_failure(
				server->log, EVENT_TRACE, NULL, "sweep a table's folder", &ignored);
	}
	return true;
}
