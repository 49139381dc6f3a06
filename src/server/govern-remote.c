/*
 * Which node a statement is for. A name belongs to the node that may speak for its domain, by the
 * mesh file: whether there is such a table, and whether the principal may know of it, is that
 * node's to say.
 */
#include "catalog/system.h"
#include "server/govern-private.h"
#include "server/server-private.h"
#include "server/shelf.h"

struct route {
	const struct govern_request *request;
	const struct member_view *view;
	struct plan *plan;
};

/* The other node that may speak for a domain; NULL when this one does, or none. */
static const struct mesh_node *node_of(const struct route *route, struct slice domain)
{
	if (model_domain_find(route->request->model, domain))
		return NULL;
	const struct mesh_node *node = mesh_file_domain(&route->view->file, domain);

	return node != route->view->self ? node : NULL;
}

/* A bare name: the first domain of the path that has it. */
static const struct mesh_node *find_bare(
	const struct route *route, struct slice name, struct slice *domain_out)
{
	const struct govern_request *r = route->request;
	struct arena *arena = route->plan->arena;

	for (size_t i = 0; i < r->search_path_count; i++) {
		const struct mesh_node *node = node_of(route, r->search_path[i]);
		struct model_access access;

		*domain_out = r->search_path[i];
		if (node && copy_has_table(r->server, node, r->search_path[i], name))
			return node;
		if (!node && model_table_lookup(arena, r->model, r->principal, r->search_path[i],
				     name, &access) != MODEL_ABSENT)
			return NULL;
	}
	return NULL;
}

static const struct mesh_node *find(
	const struct route *route, const struct sql_table *t, struct slice *domain_out)
{
	*domain_out = t->schema;
	if (slice_is_none(t->schema))
		return find_bare(route, t->name, domain_out);
	if (system_table_find(t->schema, t->name))
		return NULL;
	return node_of(route, t->schema);
}

/* For the record: what is read there, as far as this node can say. */
static void note_tables(const struct route *route)
{
	const struct sql_facts *facts = route->request->facts;
	struct plan *plan = route->plan;

	plan->tables = arena_array_of(plan->arena, struct plan_table, facts->table_count);
	plan->absent = arena_array_of(plan->arena, struct error, facts->table_count);
	plan->table_count = facts->table_count;
	for (size_t i = 0; i < facts->table_count; i++) {
		const struct sql_table *t = &facts->tables[i];

		(void)!govern_absent(route->request, plan, t, &plan->absent[i]);
		plan->tables[i] = (struct plan_table){
			.domain = arena_copy(
				plan->arena, slice_is_none(t->schema) ? SLICE("") : t->schema),
			.name = arena_copy(plan->arena, t->name),
			.system = true,
			.columns = arena_copy_all(plan->arena, t->columns, t->column_count),
			.column_count = t->column_count,
			.decision = arena_printf(
				plan->arena, "{\"node\":\"%.*s\"}", SLICE_FMT(plan->node))};
	}
}

static bool refuse_transform(const struct route *route, struct slice node, struct error *err)
{
	if (!route->request->making.len)
		return true;
	error_set(err, FEATURE_NOT_SUPPORTED, "a transform cannot read the node %.*s",
		SLICE_FMT(node));
	return error_hint(err, "Transforms read products of their own node.");
}

/* One other node for all, or a home for each. */
static bool decide(struct route *route, struct error *err)
{
	const struct sql_facts *facts = route->request->facts;
	struct arena *arena = route->plan->arena;
	struct plan_home *homes = arena_array_of(arena, struct plan_home, facts->table_count);
	bool one = true;
	bool away = false;

	for (size_t i = 0; i < facts->table_count; i++) {
		struct slice domain = SLICE_NONE;
		const struct mesh_node *node = find(route, &facts->tables[i], &domain);

		if (node)
			homes[i] = (struct plan_home){
				arena_copy(arena, node->name), arena_copy(arena, domain)};
		if (node && !refuse_transform(route, node->name, err))
			return false;
		away |= node != NULL;
		one &= slice_equal(homes[i].node, homes[0].node);
	}
	if (!away)
		return true;
	if (!one) {
		route->plan->homes = homes;
		return true;
	}
	route->plan->node = homes[0].node;
	note_tables(route);
	return true;
}

bool govern_route(const struct govern_request *request, struct plan *plan, struct error *err)
{
	struct route route = {request, NULL, plan};

	plan->node = SLICE_NONE;
	/* What comes from a node is not handed on: it would run in circles. */
	if (plan->catalogue || request->principal->node.len)
		return true;
	route.view = member_view(request->server->member);
	bool ok = !route.view || decide(&route, err);

	member_view_unref(&route.view);
	return ok;
}
