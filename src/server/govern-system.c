/*
 * Relations that the server makes itself: mesh.*, pg_catalog, information_schema. Their rows are
 * those that the principal may know of; they reach the worker as an Arrow stream in an anonymous
 * file.
 */
#include <unistd.h>

#include "base/clock.h"
#include "catalog/pgcatalog.h"
#include "catalog/system.h"
#include "catalog/visible.h"
#include "server/govern-private.h"
#include "server/mesh-policies.h"
#include "server/mesh.h"
#include "server/server-private.h"
#include "server/shelf.h"

static void system_columns(
	struct plan *plan, const struct system_table *table, struct wire_relation *relation)
{
	struct wire_column *columns =
		arena_array_of(plan->arena, struct wire_column, table->column_count);
	for (size_t i = 0; i < table->column_count; i++)
		columns[i] = (struct wire_column){.name = slice_from_c(table->columns[i].name),
			.type = slice_from_c(system_kind_type(table->columns[i].kind))};
	relation->columns = columns;
	relation->column_count = table->column_count;
}

static void catalogue_columns(
	struct plan *plan, struct slice schema, struct wire_relation *relation)
{
	size_t count;
	const struct pgcatalog_field *fields = pgcatalog_columns(schema, relation->name, &count);
	struct wire_column *columns = arena_array_of(plan->arena, struct wire_column, count);
	for (size_t i = 0; i < count; i++)
		columns[i] = (struct wire_column){.name = slice_from_c(fields[i].name),
			.type = slice_from_c(pgcatalog_type(&fields[i]))};
	relation->columns = columns;
	relation->column_count = count;
}

void govern_system_relation(struct plan *plan, const struct governed *g,
	struct wire_relation *relation, struct plan_table *table)
{
	*table = (struct plan_table){.domain = arena_copy(plan->arena, g->domain),
		.name = relation->name,
		.system = true,
		.decision = SLICE("{}")};
	govern_explain(plan, arena_printf(plan->arena, "%.*s.%.*s: what you may know of",
				     SLICE_FMT(g->domain), SLICE_FMT(relation->name)));
	if (g->system)
		system_columns(plan, g->system, relation);
	else
		catalogue_columns(plan, g->domain, relation);
}

/* What other nodes publish; released by the caller, the models after what is made of them. */
struct published {
	struct copy_model *models;
	struct system_copy *copies;
	size_t count;
};

static bool read_published(
	struct server *server, struct arena *scratch, struct published *out, struct error *err)
{
	if (!copies_models(server, scratch, &out->models, &out->count, err))
		return false;
	out->copies = arena_array_of(scratch, struct system_copy, out->count);
	for (size_t i = 0; i < out->count; i++)
		out->copies[i] = (struct system_copy){
			out->models[i].model, out->models[i].node, out->models[i].seen_us};
	return true;
}

static bool system_rows(const struct govern_request *request, const struct plan_table *t,
	struct arrow_table **out, struct error *err)
{
	struct server *server = request->server;
	struct system_request ask = {.model = request->model,
		.principal = request->principal,
		.store = server->store,
		.now_us = clock_wall_us(&clock_system),
		.node_name = server_node_name(server),
		.version = WEFT_VERSION,
		.started_us = server->started_us};
	const struct system_table *table = system_table_find(t->domain, t->name);
	scoped(arena_free) struct arena *scratch = arena_new();
	struct published published = {0};
	if (!table)
		return error_set(err, UNDEFINED_TABLE, "relation \"%.*s.%.*s\" does not exist",
			SLICE_FMT(t->domain), SLICE_FMT(t->name));
	if (slice_equal_nocase(t->name, SLICE("queries")))
		ask.query_count = running_list(server, scratch, &ask.queries);
	if (slice_equal_nocase(t->name, SLICE("nodes"))) {
		ask.node_count = mesh_nodes(server, scratch, &ask.nodes);
		ask.mesh = mesh_name(server, scratch, &ask.removed);
		ask.policy_version = mesh_policies_version(server);
	}
	if (system_table_is_shared(table) && !read_published(server, scratch, &published, err))
		return false;
	ask.copies = published.copies;
	ask.copy_count = published.count;
	bool ok = system_table_rows(table, &ask, out, err);
	copies_release(server, published.models, published.count);
	return ok;
}

/* Takes the table. */
static bool add_fd(struct arrow_table *table, int *fds, size_t *fd_count, struct error *err)
{
	scoped(arrow_table_free) struct arrow_table *owned = table;
	if (!arrow_table_to_fd(owned, &fds[*fd_count], err))
		return false;
	(*fd_count)++;
	return true;
}

/* Another node has the rows. */
static bool is_part(const struct plan *plan, size_t relation)
{
	for (size_t i = 0; i < plan->part_count; i++)
		if (plan->parts[i].relation == relation)
			return true;
	return false;
}

static bool make_rows(const struct govern_request *request, const struct plan *plan,
	const struct pgcatalog *catalog, int *fds, size_t *fd_count, struct error *err)
{
	for (size_t i = 0; i < plan->relation_count; i++) {
		const struct plan_table *t = &plan->tables[i];
		struct arrow_table *rows = NULL;
		if (!t->system || is_part(plan, i))
			continue;
		bool ok = plan->catalogue ? pgcatalog_table(catalog, t->domain, t->name, &rows, err)
					  : system_rows(request, t, &rows, err);
		if (!ok || !add_fd(rows, fds, fd_count, err))
			return false;
	}
	return true;
}

/* What drivers look up in pg_settings; the parameters of a session are SHOW's part. */
static const struct pgcatalog_setting catalogue_settings[] = {
	{SLICE("max_identifier_length"), SLICE("63")},
	{SLICE("max_index_keys"), SLICE("32")},
	{SLICE("server_encoding"), SLICE("UTF8")},
	{SLICE("standard_conforming_strings"), SLICE("on")},
};

/* The catalogue as the principal sees it, over all nodes. */
static bool catalogue_rows(const struct govern_request *request, const struct plan *plan, int *fds,
	size_t *fd_count, struct error *err)
{
	scoped(arena_free) struct arena *scratch = arena_new();
	scoped(pgcatalog_free) struct pgcatalog *catalog = NULL;
	struct published published = {0};
	struct pgcatalog_input input = {0};
	if (!read_published(request->server, scratch, &published, err))
		return false;
	const struct visible visible = {
		request->model, request->principal, published.copies, published.count};
	pgcatalog_input_of(scratch, &visible, &input);
	input.settings = catalogue_settings;
	input.setting_count = array_len(catalogue_settings);
	pgcatalog_new(&input, &catalog);
	bool ok = make_rows(request, plan, catalog, fds, fd_count, err);
	copies_release(request->server, published.models, published.count);
	return ok;
}

bool govern_system_rows(const struct govern_request *request, const struct plan *plan, int *fds,
	size_t *fd_count, struct error *err)
{
	*fd_count = 0;
	if (plan->relation_count > FRAME_MAX_FDS)
		return error_set(err, STATEMENT_TOO_COMPLEX,
			"a statement over system tables or other nodes may name at most %d tables",
			FRAME_MAX_FDS);
	if (plan->catalogue ? catalogue_rows(request, plan, fds, fd_count, err)
			    : make_rows(request, plan, NULL, fds, fd_count, err))
		return true;
	for (size_t i = 0; i < *fd_count; i++)
		close(fds[i]);
	*fd_count = 0;
	return false;
}
