/*
 * Rows that failed a check, kept as Parquet below the product's folder (_failed/<run>/). They are
 * data: what reads them here is a statement of the identity's over domain."table@failed"
 * (govern-failed.c), audited as any other. They go with their run or after the retention of the
 * lake.
 */
#include <glob.h>
#include <string.h>
#include <unistd.h>

#include "base/str.h"
#include "catalog/model.h"
#include "server/auth.h"
#include "server/files.h"
#include "server/query.h"
#include "server/runs-private.h"
#include "server/server-private.h"
#include "server/tend.h"
#include "store/runs.h"

static bool collect(void *ctx, struct slice bytes, uint32_t rows, struct error *err)
{
	(void)rows;
	(void)err;
	str_add(ctx, bytes);
	return true;
}

/* Runs a statement of our own as the identity's, by the path that every statement takes. */
static bool ask(struct server *server, const struct auth_identity *identity, struct slice text,
	struct str *json, struct error *err)
{
	const struct query_request request = {
		.principal = &identity->principal, .door = SLICE("http"), .text = text};
	const struct query_execution how = {.format = QUERY_JSON};
	const struct query_sink sink = {collect, NULL, json};
	struct query *query = NULL;
	enum query_end end;
	uint64_t rows;
	if (!query_open(server, &request, &query, err))
		return false;
	bool ok = query_run(query, &how, &sink, &end, &rows, err);
	query_close(&query);
	query_settle(server);
	return ok;
}

static struct slice statement_of(struct arena *arena, const struct check_row *check, int limit)
{
	struct slice name = check->product;
	struct slice domain = slice_split(&name, '.');
	struct str sql = str_in(arena);
	str_add_c(&sql, "SELECT * EXCLUDE (failed_run, failed_check) FROM ");
	str_add_sql_ident(&sql, domain);
	str_add_char(&sql, '.');
	str_add_sql_ident(&sql, arena_printf(arena, "%.*s@failed", SLICE_FMT(check->table)));
	str_printf(&sql, " WHERE failed_run = %lld AND failed_check IS NOT DISTINCT FROM ",
		(long long)check->run);
	if (check->name.len)
		str_add_sql_literal(&sql, check->name);
	else
		str_add_c(&sql, "NULL");
	str_printf(&sql, " LIMIT %d", limit);
	return str_slice(&sql);
}

static bool read_rows(struct server *server, const struct auth_identity *identity,
	const struct check_row *check, int limit, json_t *list, struct error *err)
{
	scoped(arena_free) struct arena *scratch = arena_new();
	struct str text = str_in(scratch);
	if (!ask(server, identity, statement_of(scratch, check, limit), &text, err))
		return false;
	json_t *rows = json_parse(str_slice(&text), err);
	if (!rows)
		return false;
	json_t *item = run_check_json(check);
	json_object_set_new(item, "rows", rows);
	json_array_append_new(list, item);
	return true;
}

static bool read_all(struct server *server, const struct auth_identity *identity, int64_t run,
	int limit, json_t *list, struct error *err)
{
	scoped(arena_free) struct arena *scratch = arena_new();
	struct check_row *checks;
	size_t count;
	if (!checks_list(server->store, run, scratch, &checks, &count, err))
		return false;
	for (size_t i = 0; i < count; i++)
		if (!checks[i].ok && checks[i].failing_path.len &&
			!read_rows(server, identity, &checks[i], limit, list, err))
			return false;
	return true;
}

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

bool run_failures(struct server *server, const struct auth_identity *identity, int64_t run,
	int limit, json_t **out, struct error *err)
{
	scoped(arena_free) struct arena *scratch = arena_new();
	struct run_row row;
	if (!auth_require(identity, AUTH_READ, err) ||
		!run_find(server, identity, run, scratch, &row, err) ||
		!check_owner(server, identity, row.product, err))
		return false;
	scoped(json_drop) json_t *list = json_array();
	if (!read_all(server, identity, run, limit, list, err))
		return false;
	*out = take(list);
	return true;
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
