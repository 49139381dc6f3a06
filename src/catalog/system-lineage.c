/*
 * mesh.lineage. Tables first: what transforms read. Then columns, as far as apply found them in the
 * SQL (sql/flow.h) and the columns are still those; then what sources give. A row is there only
 * when its reader may know of the tables and of the columns at both ends.
 */
#include "base/json.h"
#include "catalog/build-private.h"
#include "catalog/flow.h"
#include "catalog/system-private.h"
#include "store/store.h"

enum { NO_COLUMN = -1 };

static struct slice table_name(const struct model_table *t)
{
	return t->newest_major ? t->name : t->key;
}

static int find_column(const struct model_table *t, struct slice name)
{
	for (size_t i = 0; i < t->column_count; i++)
		if (slice_equal_nocase(t->columns[i].name, name))
			return (int)i;
	return NO_COLUMN;
}

static bool may_know(const struct model_access *access, int column)
{
	const struct decision_mask *masks = access->decision.masks;

	return !masks || !masks[column].denied;
}

static void row_ends(
	struct filling *f, const struct model_table *from, const struct model_table *to)
{
	row_begin(f);
	row_text(f, mesh_lineage_from_domain, from->product->domain->name);
	row_text(f, mesh_lineage_from_table, table_name(from));
	row_text(f, mesh_lineage_to_domain, to->product->domain->name);
	row_text(f, mesh_lineage_to_table, table_name(to));
}

static void fill_edges(struct filling *f)
{
	for (size_t i = 0; i < f->model->edge_count; i++) {
		const struct model_edge *e = &f->model->edges[i];

		if (!filling_access(f, e->from) || !filling_access(f, e->to))
			continue;
		row_ends(f, e->from, e->to);
		row_end(f);
	}
}

/* A transform, and the tables that its text reads. */
struct reading {
	const struct model_table *to;
	const struct model_access *to_access;
	const struct model_table **from;
	const struct model_access **access; /* NULL = may not know of it */
	struct sql_flow_request request;
};

static void row_flow(struct filling *f, const struct reading *r, const struct sql_flow *flow)
{
	const struct model_table *from = r->from[flow->table];
	const struct model_access *access = r->access[flow->table];
	bool whole = slice_is_none(flow->to);
	int column = find_column(from, flow->from);
	int to = whole ? NO_COLUMN : find_column(r->to, flow->to);

	if (!access || column < 0 || !may_know(access, column) ||
		(!whole && (to < 0 || !may_know(r->to_access, to))))
		return;
	const struct model_column *c = &from->columns[column];

	row_ends(f, from, r->to);
	row_text(f, mesh_lineage_from_column, c->name);
	if (!whole)
		row_text(f, mesh_lineage_to_column, r->to->columns[to].name);
	row_c(f, mesh_lineage_type, sql_flow_is_direct(flow->kind) ? "DIRECT" : "INDIRECT");
	row_c(f, mesh_lineage_subtype, sql_flow_name(flow->kind));
	row_text(f, mesh_lineage_from_classification, c->classification);
	row_list(f, mesh_lineage_from_tags, c->tags, c->tag_count);
	row_end(f);
}

static struct slice *column_names(struct arena *arena, const struct model_table *t)
{
	struct slice *names = arena_array_of(arena, struct slice, t->column_count);

	for (size_t i = 0; i < t->column_count; i++)
		names[i] = t->columns[i].name;
	return names;
}

/* names: the keys are "domain.table" as apply found them. false: a table is no longer there. */
static bool read_tables(struct filling *f, const json_t *names, struct reading *r)
{
	size_t count = json_object_size(names);
	struct sql_flow_table *tables = arena_array_of(f->arena, struct sql_flow_table, count);
	struct slice domain = r->to->product->domain->name;
	size_t at = 0;
	const char *key;
	json_t *value;

	r->from = arena_array_of(f->arena, const struct model_table *, count);
	r->access = arena_array_of(f->arena, const struct model_access *, count);
	json_object_foreach((json_t *)(uintptr_t)names, key, value)
	{
		struct slice name = arena_copy(f->arena, slice_from_c(key));
		struct slice schema = slice_split(&name, '.');
		const struct model_table *t =
			map_get(&f->model->by_name, model_key(f->arena, schema, name));

		if (!t)
			return false;
		r->from[at] = t;
		r->access[at] = filling_access(f, t);
		tables[at++] = (struct sql_flow_table){
			schema, name, column_names(f->arena, t), t->column_count};
	}
	r->request = (struct sql_flow_request){.schema = domain,
		.tables = tables,
		.table_count = count,
		.wanted = column_names(f->arena, r->to),
		.wanted_count = r->to->column_count};
	return true;
}

static bool fill_transform(struct filling *f, struct reading *r)
{
	struct slice text = SLICE_NONE;
	struct slice domain = r->to->product->domain->name;
	struct slice sql = r->to->transform;
	struct sql_flows flows;

	if (!store_derived_get(f->request->store,
		    flow_text_key(f->arena, "transform.tables", domain, sql), f->arena, &text,
		    f->err))
		return false;
	if (slice_is_none(text))
		return true; /* applied by an older Weft: the next apply finds it */
	scoped(json_drop) json_t *names = json_parse(text, f->err);

	if (!names)
		return false;
	if (!read_tables(f, names, r))
		return true;
	if (!store_derived_get(f->request->store, flow_key(f->arena, &r->request, sql), f->arena,
		    &text, f->err))
		return false;
	if (slice_is_none(text))
		return true;
	if (!flow_parse(f->arena, text, r->request.table_count, &flows, f->err))
		return false;
	for (size_t i = 0; i < flows.count; i++)
		row_flow(f, r, &flows.items[i]);
	return true;
}

/* By name, as a run reads them; the column's values are those of the source, typed by the
 * contract. */
static void fill_ingest(struct filling *f, const struct model_access *access)
{
	const struct model_table *t = access->table;

	for (size_t i = 0; i < t->column_count; i++) {
		if (!may_know(access, (int)i))
			continue;
		row_begin(f);
		row_text(f, mesh_lineage_from_domain, t->product->domain->name);
		row_text(f, mesh_lineage_from_source, t->source);
		row_text(f, mesh_lineage_from_table, t->source_object);
		row_text(f, mesh_lineage_from_column, t->columns[i].name);
		row_text(f, mesh_lineage_to_domain, t->product->domain->name);
		row_text(f, mesh_lineage_to_table, table_name(t));
		row_text(f, mesh_lineage_to_column, t->columns[i].name);
		row_c(f, mesh_lineage_type, "DIRECT");
		row_c(f, mesh_lineage_subtype, sql_flow_name(SQL_FLOW_IDENTITY));
		row_end(f);
	}
}

bool fill_lineage(struct filling *f)
{
	fill_edges(f);
	for (size_t i = 0; i < f->model->table_count && !f->failed; i++) {
		const struct model_table *t = &f->model->tables[i];
		struct reading reading = {.to = t};

		if (!t->transform.len && slice_is_none(t->source))
			continue;
		reading.to_access = filling_access(f, t);
		if (!reading.to_access)
			continue;
		if (t->transform.len && !fill_transform(f, &reading))
			return false;
		if (!t->transform.len && (f->principal->admin || model_owns_domain(f->principal,
									 t->product->domain)))
			fill_ingest(f, reading.to_access);
	}
	return !f->failed;
}
