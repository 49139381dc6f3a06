#include "server/checkpoint.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fault.h"
#include "base/num.h"
#include "catalog/model.h"
#include "delta/delta.h"
#include "server/files.h"
#include "server/job-request.h"
#include "server/job.h"
#include "server/server-private.h"
#include "store/versions.h"

enum { COMMITS_PER_CHECKPOINT = 10, CHECKPOINT_TIMEOUT_MS = 600000 };

static int64_t keep_since_us(struct server *server, const struct model_product *product)
{
	int64_t keep = product->domain->retention_us ? product->domain->retention_us
						     : server->config->retention_ms * 1000;
	return clock_wall_us(&clock_system) - keep;
}

static bool write_rows(const char *path, struct slice rows, struct error *err)
{
	FILE *f = fopen(path, "wx");
	if (!f)
		return error_set_errno(err, errno, "make %s", path);
	bool ok = fwrite(rows.ptr, 1, rows.len, f) == rows.len;
	ok = fclose(f) == 0 && ok;
	return ok || error_set_errno(err, errno, "write %s", path);
}

static int64_t count_lines(struct slice text)
{
	int64_t lines = 0;
	for (size_t i = 0; i < text.len; i++)
		lines += text.ptr[i] == '\n';
	return lines;
}

static bool make_parquet(struct server *server, const char *staging, const char *rows_file,
	json_t **result, struct error *err)
{
	const struct config *config = server->config;
	scoped(json_drop) json_t *request = json_pack("{s:s,s:s,s:s,s:s,s:I,s:i,s:[]}", "kind",
		"checkpoint", "staging", staging, "spill", staging, "rows_file", rows_file,
		"memory_bytes", (json_int_t)config->run_memory_bytes, "threads", 1, "columns");
	struct job_call call = {
		.server = server, .request = request, .timeout_ms = CHECKPOINT_TIMEOUT_MS};
	return job_call(&call, result, err);
}

static bool checkpoint(
	struct server *server, const struct model_table *table, int64_t run, struct error *err)
{
	int64_t version = table->delta_version;
	int64_t expired_ms = keep_since_us(server, table->product) / 1000;
	scoped(arena_free) struct arena *arena = arena_new();
	scoped(json_drop) json_t *result = NULL;
	struct delta_state state;
	struct slice rows;
	char *folder = arena_cstr(arena, table->location);
	struct slice staging = arena_printf(arena, "%s/staging/c%lld-%lld", server->data_dir,
		(long long)run, (long long)version);
	struct slice file = arena_printf(arena, "%.*s/rows.ndjson", SLICE_FMT(staging));
	struct slice target = arena_printf(
		arena, "%s/_delta_log/%020lld.checkpoint.parquet", folder, (long long)version);
	delta_state_init(&state, arena);
	remove_tree(staging.ptr);
	if (!delta_state_load(&state, folder, version, err) ||
		!delta_checkpoint_rows(arena, &state, expired_ms, &rows, err) ||
		!files_make_parents(file.ptr, err) || !write_rows(file.ptr, rows, err) ||
		!make_parquet(server, staging.ptr, file.ptr, &result, err))
		return false;
	struct slice made = arena_printf(
		arena, "%.*s/%.*s", SLICE_FMT(staging), SLICE_FMT(json_get_slice(result, "path")));
	fault_point("checkpoint.made");
	bool ok = files_move(made.ptr, target.ptr, err) &&
		  delta_put_last_checkpoint(
			  folder, version, count_lines(rows), (int64_t)state.file_count, err) &&
		  delta_keep_checkpoint_rows(folder, version, rows, err);
	remove_tree(staging.ptr);
	return ok;
}

static void checkpoint_table(struct server *server, const struct model_table *table, int64_t run)
{
	struct error err;
	struct log_context where = {.run = run};
	if (table->version == 0 || table->delta_version == 0 ||
		table->delta_version % COMMITS_PER_CHECKPOINT != 0)
		return;
	if (!checkpoint(server, table, run, &err))
		log_failure(server->log, EVENT_TRACE, &where, "write a Delta checkpoint", &err);
}

static void remove_dead(struct server *server, const struct dead_file_list *files)
{
	scoped(arena_free) struct arena *arena = arena_new();
	struct error err;
	for (size_t i = 0; i < files->count; i++) {
		struct slice path = arena_printf(arena, "%.*s/%.*s",
			SLICE_FMT(files->items[i].location), SLICE_FMT(files->items[i].path));
		if (unlink(path.ptr) == 0 || errno == ENOENT)
			continue;
		/* The next start sweeps it. */
		error_set_errno(&err, errno, "remove %s", path.ptr);
		log_failure(server->log, EVENT_TRACE, NULL, "vacuum", &err);
	}
}

/* The log begins at a checkpoint that the oldest kept version can be read from. */
static void clean_logs(struct server *server, const struct model_product *product)
{
	scoped(arena_free) struct arena *arena = arena_new();
	struct error err;
	for (size_t i = 0; i < product->table_count; i++) {
		const struct model_table *table = product->tables[i];
		struct table_version_list kept;
		bool ok = versions_of_table(
			server->store, product->full_name, table->key, arena, &kept, &err);
		if (ok && kept.count > 0)
			ok = delta_clean_log(arena_cstr(arena, table->location),
				kept.items[kept.count - 1].delta_version, &err);
		if (!ok)
			log_failure(server->log, EVENT_TRACE, NULL, "vacuum", &err);
	}
}

/* Drops versions that nobody may ask for any more nor reads now; their files are left. */
static bool forget(struct server *server, const struct model_product *product, struct arena *arena,
	struct dead_file_list *files, struct error *err)
{
	int64_t held_us = pins_pause(server->pins, product->full_name);
	int64_t read_us = min_of(held_us, server_oldest_read_us(server));
	int64_t before = min_of(keep_since_us(server, product), read_us);
	struct store *store = server->store;
	bool ok = versions_dead_files(store, product->full_name, before, arena, files, err) &&
		  (files->count == 0 || versions_forget(store, product->full_name, before, err));
	pins_resume(server->pins);
	return ok;
}

/* Versions first, files after: what can be asked for has its files. */
static bool vacuum(struct server *server, const struct model_product *product, struct error *err)
{
	scoped(arena_free) struct arena *arena = arena_new();
	struct dead_file_list files;
	if (!forget(server, product, arena, &files, err))
		return false;
	if (files.count == 0)
		return true;
	fault_point("vacuum.forgotten");
	remove_dead(server, &files);
	clean_logs(server, product);
	log_say(server->log, VACUUM_DONE, NULL, log_str("product", product->full_name),
		log_int("files", (int64_t)files.count));
	return server_model_refresh(server, err);
}

void vacuum_all(struct server *server)
{
	struct error err;
	const struct model *model = server_model(server);
	for (size_t i = 0; i < model->product_count; i++)
		if (!vacuum(server, &model->products[i], &err))
			log_failure(server->log, EVENT_TRACE, NULL, "vacuum", &err);
	server_model_release(server, &model);
}

void checkpoint_after(struct server *server, const struct job_plan *plan, int64_t run)
{
	struct error err;
	const struct model *model = server_model(server);
	const struct model_product *product = model_product_find(model, plan->product->full_name);
	fault_point("publish.visible");
	for (size_t i = 0; product && i < product->table_count; i++)
		checkpoint_table(server, product->tables[i], run);
	if (product && !vacuum(server, product, &err))
		log_failure(server->log, EVENT_TRACE, NULL, "vacuum", &err);
	server_model_release(server, &model);
}
