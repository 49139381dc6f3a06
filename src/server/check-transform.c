/*
 * Transforms: the tables that they read exist and may be known, their columns too, what comes out
 * has every column of the contract, and no circle is closed, neither of tables nor of products
 * (their triggers would never rest).
 */
#include "base/map.h"
#include "base/num.h"
#include "base/str.h"
#include "catalog/flow.h"
#include "server/check-sql.h"
#include "server/lineage.h"
#include "server/wire.h"
#include "sql/sql.h"
#include "store/store.h"

static struct mark place_of_read(const struct transform_reads *reads, struct slice table)
{
	size_t offset = slice_find(reads->transform->sql, table, 0);
	return manifest_mark_in(
		reads->transform->path, reads->transform->sql, offset == SIZE_MAX ? 0 : offset);
}

/* Products of the domain itself are always known. */
static bool may_know(const struct sql_check *check, const struct transform_reads *reads,
	const struct manifest_product *product)
{
	return !check->knows || slice_equal(product->domain, reads->product->domain) ||
	       check->knows(check->ctx, reads->transform, product->domain, product->name);
}

/* All tables are there. */
static bool check_reads(struct sql_check *check, const struct transform_reads *reads)
{
	bool ok = true;
	for (size_t i = 0; i < reads->table_count; i++) {
		struct slice table = reads->tables[i];
		struct slice domain = slice_split(&table, '.');
		struct manifest_port_found found = manifest_find_port(check->set, domain, table);
		if (found.port && may_know(check, reads, found.product))
			continue;
		bool removed = !found.port && check->before &&
			       manifest_find_port(check->before, domain, table).port;
		ok = false;
		manifest_problem_add(check->problems, place_of_read(reads, table), false,
			arena_printf(check->arena,
				removed ? "transform: table %.*s is removed, but %.*s.%.*s reads it"
					: "transform: there is no table %.*s",
				SLICE_FMT(reads->tables[i]), SLICE_FMT(reads->product->domain),
				SLICE_FMT(reads->product->name)),
			removed ? SLICE("its readers changed or removed first") : SLICE_NONE,
			SLICE_NONE);
	}
	return ok;
}

/* The contract of a table that is read, and its name in parts; NULL: it is missing, which was said.
 */
static const struct manifest_schema *schema_of(const struct sql_check *check,
	const struct transform_reads *reads, size_t at, struct slice *domain_out,
	struct slice *table_out)
{
	*table_out = reads->tables[at];
	*domain_out = slice_split(table_out, '.');
	struct manifest_port_found found = manifest_find_port(check->set, *domain_out, *table_out);
	return manifest_port_schema(check->set, found.port);
}

/* What a transform reads as empty relations; bare names of its own domain are in main. false: a
 * contract is missing, which was said. */
static bool relations_of(const struct sql_check *check, const struct transform_reads *reads,
	struct wire_relation *out, size_t *count_out)
{
	size_t count = 0;
	for (size_t i = 0; i < reads->table_count; i++) {
		struct slice domain;
		struct slice table;
		const struct manifest_schema *schema = schema_of(check, reads, i, &domain, &table);
		if (!schema)
			return false;
		out[count++] = check_relation(check->arena, domain, table, schema);
		if (slice_equal_nocase(domain, reads->product->domain))
			out[count++] = check_relation(check->arena, SLICE("main"), table, schema);
	}
	*count_out = count;
	return true;
}

static const struct manifest_schema *target_of(
	const struct sql_check *check, const struct transform_reads *reads)
{
	struct manifest_port_found found =
		manifest_find_port(check->set, reads->product->domain, reads->transform->table);
	return found.port ? manifest_port_schema(check->set, found.port) : NULL;
}

static bool has_column(const struct wire_prepared *prepared, struct slice name)
{
	for (size_t i = 0; i < prepared->column_count; i++)
		if (slice_equal_nocase(prepared->columns[i].name, name))
			return true;
	return false;
}

/* "did you mean": what comes out and is near. */
static struct slice nearest_column(
	struct arena *arena, const struct wire_prepared *prepared, struct slice name)
{
	size_t best = SIZE_MAX;
	size_t least = 3;
	for (size_t i = 0; i < prepared->column_count; i++) {
		size_t distance = slice_distance(prepared->columns[i].name, name, 2);
		if (distance < least) {
			least = distance;
			best = i;
		}
	}
	return best == SIZE_MAX ? SLICE_NONE
				: arena_printf(arena, "the query gives \"%.*s\"",
					  SLICE_FMT(prepared->columns[best].name));
}

static void check_columns(struct sql_check *check, const struct transform_reads *reads,
	const struct wire_prepared *prepared)
{
	const struct manifest_schema *target = target_of(check, reads);
	struct mark at = {reads->transform->path, 1, 1};
	for (size_t i = 0; target && i < target->column_count; i++) {
		struct slice name = target->columns[i].name;
		if (!has_column(prepared, name))
			manifest_problem_add(check->problems, at, false,
				arena_printf(check->arena,
					"transform: the query gives no column \"%.*s\"",
					SLICE_FMT(name)),
				SLICE("every column of the contract, by name"),
				nearest_column(check->arena, prepared, name));
	}
}

static struct slice fits_key(struct arena *arena, const struct transform_reads *reads,
	const struct manifest_schema *target, const struct parse_binding *binding)
{
	struct str columns = str_in(arena);
	for (size_t i = 0; target && i < target->column_count; i++)
		str_printf(&columns, "%.*s,", SLICE_FMT(target->columns[i].name));
	struct slice all = arena_printf(arena, "%.*s\n%.*s\n%.*s", SLICE_FMT(reads->transform->sql),
		SLICE_FMT(str_slice(&columns)),
		SLICE_FMT(wire_relations_json(arena, binding->relations, binding->relation_count)));
	return flow_text_key(arena, "transform.fits", reads->product->domain, all);
}

/* Binding costs a millisecond; a text that fitted the same columns before does again. */
static bool check_binding(
	struct sql_check *check, const struct transform_reads *reads, struct error *err)
{
	struct wire_relation *relations =
		arena_array_of(check->arena, struct wire_relation, 2 * reads->table_count);
	struct parse_binding binding = {reads->transform->sql, relations, 0};
	if (!relations_of(check, reads, relations, &binding.relation_count))
		return true;
	struct slice key = fits_key(check->arena, reads, target_of(check, reads), &binding);
	struct slice known = SLICE_NONE;
	struct store *store = check->parser.store;
	struct wire_prepared prepared;
	size_t errors = check->problems->errors;
	if (store && !store_derived_get(store, key, check->arena, &known, err))
		return false;
	if (!slice_is_none(known))
		return true;
	if (parse_bind(&check->parser, &binding, check->arena, &prepared, err)) {
		check_columns(check, reads, &prepared);
		return !store || check->problems->errors > errors ||
		       store_derived_put(store, key, SLICE("1"), err);
	}
	if (parse_is_io(err))
		return false;
	check_add(check, (struct mark){reads->transform->path, 0, 0}, reads->transform->sql, 0, err,
		"transform");
	return true;
}

static struct slice *column_names(struct arena *arena, const struct manifest_schema *schema)
{
	struct slice *names = arena_array_of(arena, struct slice, schema->column_count);
	for (size_t i = 0; i < schema->column_count; i++)
		names[i] = schema->columns[i].name;
	return names;
}

/* Of a text that fits: where its columns come from. */
static bool keep_flows(
	struct sql_check *check, const struct transform_reads *reads, struct error *err)
{
	const struct manifest_schema *target = target_of(check, reads);
	struct sql_flow_table *tables =
		arena_array_of(check->arena, struct sql_flow_table, reads->table_count);
	if (!check->parser.store || !target)
		return true;
	for (size_t i = 0; i < reads->table_count; i++) {
		struct slice domain;
		struct slice table;
		const struct manifest_schema *schema = schema_of(check, reads, i, &domain, &table);
		if (!schema)
			return true;
		tables[i] = (struct sql_flow_table){
			domain, table, column_names(check->arena, schema), schema->column_count};
	}
	struct sql_flow_request request = {.schema = reads->product->domain,
		.tables = tables,
		.table_count = reads->table_count,
		.wanted = column_names(check->arena, target),
		.wanted_count = target->column_count};
	return lineage_columns(&check->parser, check->arena, &request, reads->transform->sql, err);
}

static bool check_transform(struct sql_check *check, const struct manifest_product *product,
	const struct manifest_transform *transform, struct error *err)
{
	struct transform_reads *reads = &check->reads[check->read_count];
	struct lineage_text text = {.domain = product->domain, .sql = transform->sql};
	struct lineage_names names;
	if (lineage_tables(&check->parser, check->arena, &text, &names, err)) {
		*reads = (struct transform_reads){
			product, transform, names.items, names.count, names.versions};
		check->read_count++;
		size_t errors = check->problems->errors;
		if (!check_reads(check, reads))
			return true;
		if (!reads->versions && !check_binding(check, reads, err))
			return false;
		return check->problems->errors > errors || keep_flows(check, reads, err);
	}
	if (parse_is_io(err))
		return false;
	check_add(check, (struct mark){transform->path, 0, 0}, transform->sql, 0, err, "transform");
	return true;
}

/* A graph of tables (a major is one) or of products, whose transforms are a list by next. */
struct circle {
	struct sql_check *check;
	bool products;
	struct map nodes;    /* name → first entry of reads */
	struct slice *names; /* of each entry */
	size_t *next;	     /* entry of the same node, SIZE_MAX = none */
	signed char *state;  /* 0 new, 1 on the path, 2 done */
	size_t *path;
	size_t depth;
	bool found;
};

static struct slice node_name(const struct circle *c, struct slice domain, struct slice table)
{
	struct manifest_port_found found = manifest_find_port(c->check->set, domain, table);
	if (!found.port)
		return SLICE_NONE;
	if (c->products)
		return arena_printf(c->check->arena, "%.*s.%.*s", SLICE_FMT(found.product->domain),
			SLICE_FMT(found.product->name));
	return arena_printf(c->check->arena, "%.*s.%.*s@%d", SLICE_FMT(found.product->domain),
		SLICE_FMT(found.port->name), found.port->major);
}

static void tell(struct circle *c, size_t first)
{
	struct str names = str_in(c->check->arena);
	const struct transform_reads *at = &c->check->reads[c->path[c->depth - 1]];
	for (size_t i = first; i <= c->depth; i++) {
		struct slice major = c->names[c->path[i < c->depth ? i : first]];
		struct slice name = slice_split(&major, '@');
		str_printf(&names, "%s%.*s", i > first ? " reads " : "", SLICE_FMT(name));
	}
	c->found = true;
	manifest_problem_add(c->check->problems, (struct mark){at->transform->path, 1, 1}, false,
		arena_printf(c->check->arena, "transform: %s go in a circle: %.*s",
			c->products ? "products" : "tables", SLICE_FMT(str_slice(&names))),
		SLICE("each made of others than itself"), SLICE_NONE);
}

static void visit(struct circle *c, size_t node);

static void visit_reads(struct circle *c, size_t node, const struct transform_reads *reads)
{
	for (size_t i = 0; i < reads->table_count && !c->found; i++) {
		struct slice table = reads->tables[i];
		struct slice domain = slice_split(&table, '.');
		struct slice name = node_name(c, domain, table);
		const struct transform_reads *next =
			slice_is_none(name) ? NULL : map_get(&c->nodes, name);
		/* a product's tables may be made of each other */
		if (next && !(c->products && next == &c->check->reads[node]))
			visit(c, (size_t)(next - c->check->reads));
	}
}

static void visit(struct circle *c, size_t node)
{
	if (c->state[node] == 2 || c->found)
		return;
	for (size_t i = 0; c->state[node] == 1 && i < c->depth; i++)
		if (c->path[i] == node) {
			tell(c, i);
			return;
		}
	c->state[node] = 1;
	c->path[c->depth++] = node;
	for (size_t i = node; i != SIZE_MAX && !c->found; i = c->next[i])
		visit_reads(c, node, &c->check->reads[i]);
	c->depth--;
	c->state[node] = 2;
}

static void add_node(struct circle *c, size_t i)
{
	struct transform_reads *reads = &c->check->reads[i];
	c->names[i] = node_name(c, reads->product->domain, reads->transform->table);
	c->next[i] = SIZE_MAX;
	if (slice_is_none(c->names[i]))
		return;
	const struct transform_reads *first = map_get(&c->nodes, c->names[i]);
	if (!first) {
		map_put(&c->nodes, c->names[i], reads);
		return;
	}
	size_t at = (size_t)(first - c->check->reads);
	c->next[i] = c->next[at];
	c->next[at] = i;
}

static bool find_circle(struct sql_check *check, bool products)
{
	struct circle c = {.check = check, .products = products, .nodes = map_in(check->arena)};
	c.names = arena_array_of(check->arena, struct slice, check->read_count);
	c.next = arena_array_of(check->arena, size_t, check->read_count);
	c.state = arena_array_of(check->arena, signed char, check->read_count);
	c.path = arena_array_of(check->arena, size_t, check->read_count + 1);
	for (size_t i = 0; i < check->read_count; i++)
		add_node(&c, i);
	for (size_t i = 0; i < check->read_count && !c.found; i++)
		if (!slice_is_none(c.names[i]) && map_get(&c.nodes, c.names[i]) == &check->reads[i])
			visit(&c, i);
	return c.found;
}

bool check_transforms(struct sql_check *check, struct error *err)
{
	const struct manifest_set *set = check->set;
	size_t most = 0;
	for (size_t i = 0; i < set->pipeline_count; i++)
		most += set->pipelines[i].transform_count;
	check->reads = arena_array_of(check->arena, struct transform_reads, most);
	for (size_t i = 0; i < set->product_count; i++) {
		const struct manifest_product *product = &set->products[i];
		const struct manifest_pipeline *pipeline =
			product->pipeline == SIZE_MAX ? NULL : &set->pipelines[product->pipeline];
		for (size_t j = 0; pipeline && j < pipeline->transform_count; j++)
			if (!check_transform(check, product, &pipeline->transforms[j], err))
				return false;
	}
	if (!find_circle(check, false))
		(void)find_circle(check, true);
	return true;
}
