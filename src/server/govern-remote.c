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
static const struct mesh_node *find_bare(const struct route *route, struct slice name)
{
	const struct govern_request *r = route->request;
	struct arena *arena = route->plan->arena;

	for (size_t i = 0; i < r->search_path_count; i++) {
		const struct mesh_node *node = node_of(route, r->search_path[i]);
		struct model_access access;

		if (node && copy_has_table(r->server, node, r->search_path[i], name))
			return node;
		if (!node && model_table_lookup(arena, r->model, r->principal, r->search_path[i],
				     name, &access) != MODEL_ABSENT)
			return NULL;
	}
	return NULL;
}

static const struct mesh_node *find(const struct route *route, const struct sql_table *t)
{
	if (slice_is_none(t->schema))
		return find_bare(route, t->name);
	if (system_table_find(t->schema, t->name))
		return NULL;
	return node_of(route, t->schema);
}

/* Whether this node knows that the table is there, for all to know: its own node may keep others to
 * itself. */
static bool is_public(const struct route *route, const struct sql_table *t)
{
	const struct govern_request *r = route->request;
	const struct mesh_node *node = find(route, t);
	struct model_access access;

	if (slice_is_none(t->schema) || system_table_find(t->schema, t->name))
		return true;
	if (node)
		return copy_has_table(r->server, node, t->schema, t->name);
	return model_table_lookup(route->plan->arena, r->model, r->principal, t->schema, t->name,
		       &access) != MODEL_ABSENT;
}

/* The first table that is_public does not hold for. */
static const struct sql_table *find_secret(const struct route *route)
{
	const struct sql_facts *facts = route->request->facts;

	for (size_t i = 0; i < facts->table_count; i++)
		if (!is_public(route, &facts->tables[i]))
			return &facts->tables[i];
	return NULL;
}

static bool several(const struct route *route, const struct mesh_node *first,
	const struct mesh_node *other, struct error *err)
{
	const struct sql_table *secret = find_secret(route);

	if (secret)
		return govern_absent(route->request, route->plan, secret, err);
	error_set(err, FEATURE_NOT_SUPPORTED,
		"the statement reads tables of several nodes: %.*s and %.*s",
		SLICE_FMT(first ? first->name : SLICE("this one")),
		SLICE_FMT(other ? other->name : SLICE("this one")));
	return error_hint(err, "Read the tables of each node with a statement of its own.");
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

static bool decide(struct route *route, struct error *err)
{
	const struct sql_facts *facts = route->request->facts;
	const struct mesh_node *node = NULL;

	for (size_t i = 0; i < facts->table_count; i++) {
		const struct mesh_node *one = find(route, &facts->tables[i]);

		if (i > 0 && one != node)
			return several(route, node, one, err);
		node = one;
	}
	if (!node)
		return true;
	if (route->request->making.len) {
		error_set(err, FEATURE_NOT_SUPPORTED, "a transform cannot read the node %.*s",
			SLICE_FMT(node->name));
		return error_hint(err, "Transforms read products of their own node.");
	}
	route->plan->node = arena_copy(route->plan->arena, node->name);
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
