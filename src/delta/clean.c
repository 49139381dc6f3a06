/*
 * What of a log may go. A checkpoint says all that the commits up to it said, so commits before the
 * oldest checkpoint that somebody may start from are not needed; PROTOCOL.md, "Metadata Cleanup".
 */
#include "delta/clean.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <unistd.h>

#include "base/num.h"
#include "base/str.h"
#include "delta/delta.h"

static const struct slice commit_end = {".json", 5};
static const struct slice checkpoint_end = {".checkpoint.parquet", 19};
static const struct slice rows_end = {".checkpoint.ndjson", 18};

/* The version in a name of twenty digits and an ending; -1 for another name. */
static int64_t version_in(struct slice name, struct slice end)
{
	enum { DIGITS = 20 };
	int64_t version = -1;

	if (name.len != DIGITS + end.len || !slice_equal(slice_sub(name, DIGITS, name.len), end) ||
		!slice_to_i64(slice_sub(name, 0, DIGITS), &version))
		return -1;
	return version;
}

static int64_t rows_version(struct slice name)
{
	return slice_starts_with(name, SLICE("."))
		       ? version_in(slice_sub(name, 1, name.len), rows_end)
		       : -1;
}

static DIR *open_log(const char *table_dir)
{
	scoped(arena_free) struct arena *arena = arena_new();

	return opendir(arena_printf(arena, "%s/_delta_log", table_dir).ptr);
}

int64_t delta_newest_kept(const char *table_dir, int64_t most)
{
	DIR *log = open_log(table_dir);
	const struct dirent *entry;
	int64_t newest = -1;

	if (!log)
		return -1;
	/* one thread has this stream; NOLINTNEXTLINE(concurrency-mt-unsafe) */
	while ((entry = readdir(log))) {
		int64_t version = rows_version(slice_from_c(entry->d_name));

		if (most < 0 || version <= most)
			newest = max_of(newest, version);
	}
	closedir(log);
	return newest;
}

static bool is_old(struct slice name, int64_t first)
{
	const int64_t versions[] = {
		version_in(name, commit_end), version_in(name, checkpoint_end), rows_version(name)};

	for (size_t i = 0; i < array_len(versions); i++)
		if (versions[i] >= 0 && versions[i] < first)
			return true;
	return false;
}

bool delta_clean_log(const char *table_dir, int64_t keep, struct error *err)
{
	int64_t first = delta_newest_kept(table_dir, keep);
	DIR *log = first > 0 ? open_log(table_dir) : NULL;
	const struct dirent *entry;
	int why = 0;

	if (!log)
		return true;
	/* NOLINTNEXTLINE(concurrency-mt-unsafe) */
	while ((entry = readdir(log)))
		if (is_old(slice_from_c(entry->d_name), first) &&
			unlinkat(dirfd(log), entry->d_name, 0) != 0 && errno != ENOENT)
			why = errno;
	closedir(log);
	return why == 0 || error_set_errno(err, why, "clean the Delta log of %s", table_dir);
}
