/*
 * What Weft serves against what other readers see: for the newest version of every table, the files
 * in the metadata, in the Delta log and on the disk. A node that publishes meanwhile may make them
 * differ for a moment.
 */
#include "cli/doctor-lake.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "base/map.h"
#include "base/str.h"
#include "delta/delta.h"
#include "store/versions.h"

struct lake {
	struct arena *arena;
	struct store *store;
	struct doctor_lake *out;
};

static void find(struct lake *lake, const struct table_version_row *table, struct slice what)
{
	if (lake->out->finding_count++ == 0)
		lake->out->finding = arena_printf(lake->arena, "%.*s.%.*s version %lld: %.*s",
			SLICE_FMT(table->product), SLICE_FMT(table->table),
			(long long)table->version, SLICE_FMT(what));
}

static void check_on_disk(
	struct lake *lake, const struct table_version_row *table, const struct file_row *file)
{
	struct stat status;
	const char *path = arena_printf(
		lake->arena, "%.*s/%.*s", SLICE_FMT(table->location), SLICE_FMT(file->path))
				   .ptr;

	if (stat(path, &status) != 0)
		find(lake, table,
			arena_printf(lake->arena, "%s: %s", path, strerrordesc_np(errno)));
	else if (status.st_size != file->bytes)
		find(lake, table,
			arena_printf(lake->arena, "%s has %lld bytes, %lld were published", path,
				(long long)status.st_size, (long long)file->bytes));
}

static void compare(struct lake *lake, const struct table_version_row *table,
	const struct file_list *served, const struct delta_state *logged)
{
	for (size_t i = 0; i < served->count; i++) {
		const struct file_row *file = &served->items[i];
		const struct delta_entry *entry = map_get(&logged->entries, file->path);
		const struct delta_file *other = entry && entry->visible ? &entry->file : NULL;

		check_on_disk(lake, table, file);
		if (!other || other->bytes != file->bytes)
			find(lake, table,
				arena_printf(lake->arena, "the Delta log %s %.*s",
					other ? "has another size for" : "lacks",
					SLICE_FMT(file->path)));
	}
	if (logged->file_count > served->count)
		find(lake, table,
			arena_printf(lake->arena, "the Delta log has %zu files, %zu were published",
				logged->file_count, served->count));
	lake->out->files += served->count;
}

static bool check_table(struct lake *lake, const struct table_version_row *table, struct error *err)
{
	struct file_list served;
	struct delta_state logged;
	struct error broken = {0};

	if (!versions_files(lake->store, table, table->version, lake->arena, &served, err))
		return false;
	delta_state_init(&logged, lake->arena);
	if (delta_state_load(&logged, arena_cstr(lake->arena, table->location),
		    table->delta_version, &broken))
		compare(lake, table, &served, &logged);
	else
		find(lake, table, slice_from_c(broken.msg));
	lake->out->tables++;
	return true;
}

bool doctor_lake_check(
	struct store *store, struct arena *arena, struct doctor_lake *out, struct error *err)
{
	struct table_version_list tables;
	struct lake lake = {.arena = arena, .store = store, .out = out};

	*out = (struct doctor_lake){0};
	if (!versions_newest_tables(store, arena, &tables, err))
		return false;
	for (size_t i = 0; i < tables.count; i++)
		if (!check_table(&lake, &tables.items[i], err))
			return false;
	return true;
}
