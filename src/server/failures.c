/*
 * Rows that failed a check, kept as Parquet below the product's folder (_failed/<run>/). They are
 * data: only the product's owners read them, each reading has its audit record before the first
 * row, and they go with their run or after the retention of the lake.
 */
#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/num.h"
#include "catalog/model.h"
#include "server/auth.h"
#include "server/files.h"
#include "server/job.h"
#include "server/runs-private.h"
#include "server/server-private.h"
#include "server/tend.h"
#include "store/audit.h"
#include "store/runs.h"

enum { ROWS_TIMEOUT_MS = 30000 };

/* An administrator who is no owner manages the node, but does not read its data. */
static bool check_owner(struct server *server, const struct auth_identity *identity,
	struct slice product, struct error *err)
{
	const struct model *model = server_model(server);
	const struct model_product *p = model_product_find(model, product);
	bool owns = p && model_owns_product(&identity->principal, p);
	server_model_release(server, &model);
	if (owns)
		return true;
	error_set(err, INSUFFICIENT_PRIVILEGE, "only owners of %.*s may read its failing rows",
		SLICE_FMT(product));
	return error_hint(err, "Its owners are named by mesh.products.");
}

static bool begin_audit(struct server *server, const struct auth_identity *identity,
	const struct run_row *run, int64_t *id_out, struct error *err)
{
	scoped(arena_free) struct arena *scratch = arena_new();
	struct str tables = str_in(scratch);
	str_add_c(&tables, "[{\"table\":");
	str_add_json(&tables, run->product);
	str_add_c(&tables, ",\"version\":0,\"columns\":[]}]");
	struct audit_begin record = {.principal = identity->principal.name,
		.purpose = identity->principal.purpose,
		.door = SLICE("http"),
		.statement = arena_printf(scratch, "failing rows of run %lld", (long long)run->id),
		.tables = str_slice(&tables),
		.decision = SLICE("allow"),
		.details = SLICE("{}")};
	return audit_write(server->store, &record, id_out, err);
}

static void end_audit(struct server *server, int64_t id, int64_t rows, const struct error *failure)
{
	struct audit_end end = {.outcome = failure ? SLICE("error") : SLICE("ok"),
		.state = failure ? slice_from_c(sqlstate_table[failure->state].code) : SLICE_NONE,
		.rows = rows};
	audit_complete(server->store, id, &end);
}

/* Rows that are kept no longer are none. */
static bool read_rows(struct server *server, const struct check_row *check, int limit, json_t *list,
	struct error *err)
{
	scoped(arena_free) struct arena *scratch = arena_new();
	const struct config *config = server->config;
	if (access(arena_cstr(scratch, check->failing_path), F_OK) != 0)
		return true;
	scoped(json_drop) json_t *result = NULL;
	scoped(json_drop) json_t *request = json_pack("{s:s,s:s%,s:i,s:I,s:i}", "kind", "rows",
		"path", check->failing_path.ptr, check->failing_path.len, "limit", limit,
		"memory_bytes", (json_int_t)config->run_memory_bytes, "threads", 1);
	struct job_call call = {
		.server = server, .request = request, .timeout_ms = ROWS_TIMEOUT_MS};
	if (!job_call(&call, &result, err))
		return false;
	json_t *item = run_check_json(check);
	json_object_update(item, result);
	json_array_append_new(list, item);
	return true;
}

static bool read_all(struct server *server, int64_t run, int limit, json_t *list, struct error *err)
{
	scoped(arena_free) struct arena *scratch = arena_new();
	struct check_row *checks;
	size_t count;
	if (!checks_list(server->store, run, scratch, &checks, &count, err))
		return false;
	for (size_t i = 0; i < count; i++)
		if (!checks[i].ok && checks[i].failing_path.len &&
			!read_rows(server, &checks[i], limit, list, err))
			return false;
	return true;
}

static int64_t rows_in(const json_t *list)
{
	int64_t rows = 0;
	for (size_t i = 0; i < json_array_size(list); i++)
		rows += (int64_t)json_array_size(json_get_array(json_array_get(list, i), "rows"));
	return rows;
}

bool run_failures(struct server *server, const struct auth_identity *identity, int64_t run,
	int limit, json_t **out, struct error *err)
{
	scoped(arena_free) struct arena *scratch = arena_new();
	struct run_row row;
	int64_t audit;
	if (!auth_require(identity, AUTH_READ, err) ||
		!run_find(server, identity, run, scratch, &row, err) ||
		!check_owner(server, identity, row.product, err) ||
		!begin_audit(server, identity, &row, &audit, err))
		return false;
	scoped(json_drop) json_t *list = json_array();
	bool ok = read_all(server, run, limit, list, err);
	end_audit(server, audit, rows_in(list), ok ? NULL : err);
	if (ok)
		*out = take(list);
	return ok;
}

/* ".../_failed/<run>" */
static bool is_outdated(struct server *server, const char *path, int64_t before_us)
{
	scoped(arena_free) struct arena *scratch = arena_new();
	struct run_row row;
	struct error ignored;
	bool found = false;
	int64_t run = 0;
	if (!slice_to_i64(slice_from_c(strrchr(path, '/') + 1), &run) ||
		!store_runs_get(server->store, run, scratch, &row, &found, &ignored))
		return false;
	return !found || (row.ended_us && row.ended_us < before_us);
}

void failures_sweep(struct server *server, int64_t before_us)
{
	scoped(arena_free) struct arena *scratch = arena_new();
	glob_t found = {0};
	const char *pattern = arena_printf(scratch, "%s/lake/*/*/_failed/*", server->data_dir).ptr;
	/* Unsafe with "~" only, and one thread sweeps. NOLINTNEXTLINE(concurrency-mt-unsafe) */
	if (glob(pattern, GLOB_NOSORT, NULL, &found) == 0)
		for (size_t i = 0; i < found.gl_pathc; i++)
			if (is_outdated(server, found.gl_pathv[i], before_us))
				remove_tree(found.gl_pathv[i]);
	globfree(&found);
}
