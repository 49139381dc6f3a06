#include "catalog/share.h"

#include "base/vec.h"
#include "manifest/shape.h"

enum { TABLES_MAX = 1000, COLUMNS_MAX = 10000, LIST_MAX = 1000 };

/* Who has no name, group or right: what it may know of, anybody may. */
static const struct principal nobody;

json_t *share_domain(const struct model *model, const struct model_domain *domain)
{
	if (domain->hidden || !model_sees_domain(model, &nobody, domain))
		return NULL;
	return json_pack("{s:o, s:o, s:o, s:o, s:o}", "domain", json_from_slice(domain->name),
		"title", json_from_slice(domain->title), "description",
		json_from_slice(domain->description), "owners",
		json_from_slices(domain->owners, domain->owner_count), "team",
		json_from_slice(domain->team));
}

static json_t *share_column(const struct model_column *c)
{
	return json_pack("{s:o, s:o, s:o, s:b, s:b, s:i, s:o, s:o}", "name",
		json_from_slice(c->name), "type", json_from_slice(c->type), "description",
		json_from_slice(c->description), "required", c->required, "unique", c->unique,
		"key", c->key_position, "classification", json_from_slice(c->classification),
		"tags", json_from_slices(c->tags, c->tag_count));
}

static json_t *share_table(const struct model_table *t)
{
	json_t *columns = json_array();

	for (size_t i = 0; i < t->column_count; i++)
		json_array_append_new(columns, share_column(&t->columns[i]));
	return json_pack("{s:o, s:i, s:b, s:o, s:I, s:I, s:o}", "table", json_from_slice(t->name),
		"major", t->major, "newest", t->newest_major, "description",
		json_from_slice(t->description), "version", (json_int_t)t->version, "published_us",
		(json_int_t)t->published_us, "columns", columns);
}

static json_t *share_tables(const struct model *model, const struct model_product *product)
{
	json_t *tables = json_array();

	for (size_t i = 0; i < product->table_count; i++)
		if (model_sees_table(model, &nobody, product->tables[i]))
			json_array_append_new(tables, share_table(product->tables[i]));
	return tables;
}

static json_t *share_inputs(const struct model *model, const struct model_product *product)
{
	json_t *inputs = json_array();

	for (size_t i = 0; i < product->input_count; i++)
		if (model_sees_product(model, &nobody, product->inputs[i]))
			json_array_append_new(
				inputs, json_from_slice(product->inputs[i]->full_name));
	return inputs;
}

json_t *share_product(const struct model *model, const struct model_product *p)
{
	if (p->hidden || p->status == MODEL_DRAFT || !model_sees_product(model, &nobody, p))
		return NULL;
	json_t *said = json_pack("{s:o, s:o, s:o, s:o, s:o, s:s, s:o, s:o}", "domain",
		json_from_slice(p->domain->name), "product", json_from_slice(p->name), "title",
		json_from_slice(p->title), "description", json_from_slice(p->description), "kind",
		json_from_slice(p->kind), "status", model_status_name(p->status), "owners",
		json_from_slices(p->owners, p->owner_count), "tags",
		json_from_slices(p->tags, p->tag_count));

	json_object_set_new(said, "inputs", share_inputs(model, p));
	json_object_set_new(said, "version", json_integer(p->version));
	json_object_set_new(said, "published_us", json_integer(p->published_us));
	json_object_set_new(said, "tables", share_tables(model, p));
	return said;
}

/* A model in the making. */
struct gathering {
	struct arena *arena;
	const struct shared *shared;
	VEC(struct model_domain) domains;
	VEC(struct model_product) products;
	VEC(struct model_table) tables;
	/* Tables of a product stand together: where they begin, by product. */
	VEC(size_t) first_tables;
	size_t left_out;
};

static struct slice keep(struct gathering *g, const json_t *object, const char *member)
{
	return arena_copy(g->arena, json_get_slice(object, member));
}

static struct slice *keep_list(
	struct gathering *g, const json_t *object, const char *member, size_t *count_out)
{
	const json_t *list = json_get_array(object, member);
	size_t count = min_of(json_array_size(list), (size_t)LIST_MAX);
	struct slice *items = arena_array_of(g->arena, struct slice, count);

	for (size_t i = 0; i < count; i++)
		items[i] = arena_copy(g->arena, json_to_slice(json_array_get(list, i)));
	*count_out = count;
	return items;
}

static bool is_allowed(const struct gathering *g, struct slice domain)
{
	for (size_t i = 0; i < g->shared->allowed_count; i++)
		if (slice_equal(g->shared->allowed[i], domain))
			return true;
	return false;
}

struct slice share_domain_name(const json_t *domain)
{
	struct slice name = json_get_slice(domain, "domain");

	return shape_is_name(name) ? name : SLICE_NONE;
}

struct slice share_product_name(struct arena *arena, const json_t *product)
{
	struct slice domain = json_get_slice(product, "domain");
	struct slice name = json_get_slice(product, "product");

	if (!shape_is_name(domain) || !shape_is_name(name))
		return SLICE_NONE;
	return arena_printf(arena, "%.*s.%.*s", SLICE_FMT(domain), SLICE_FMT(name));
}

static bool add_domain(struct gathering *g, const json_t *said)
{
	struct slice name = share_domain_name(said);

	if (slice_is_none(name) || !is_allowed(g, name))
		return false;
	struct model_domain *d = vec_add(g->arena, &g->domains);

	d->name = arena_copy(g->arena, name);
	d->title = keep(g, said, "title");
	d->description = keep(g, said, "description");
	d->owners = keep_list(g, said, "owners", &d->owner_count);
	d->team = keep(g, said, "team");
	return true;
}

static bool read_column(struct gathering *g, const json_t *said, struct model_column *out)
{
	out->name = keep(g, said, "name");
	out->type = keep(g, said, "type");
	out->description = keep(g, said, "description");
	out->classification = keep(g, said, "classification");
	out->tags = keep_list(g, said, "tags", &out->tag_count);
	out->required = json_get_bool(said, "required", false);
	out->unique = json_get_bool(said, "unique", false);
	out->key_position = (int)json_get_i64(said, "key", 0);
	return out->name.len > 0 && out->type.len > 0;
}

static bool read_columns(struct gathering *g, const json_t *list, struct model_table *out)
{
	out->column_count = json_array_size(list);
	if (out->column_count > COLUMNS_MAX)
		return false;
	out->columns = arena_array_of(g->arena, struct model_column, out->column_count);
	out->policy.columns = arena_array_of(g->arena, struct policy_column, out->column_count);
	out->policy.column_count = out->column_count;
	for (size_t i = 0; i < out->column_count; i++) {
		struct model_column *c = &out->columns[i];

		if (!read_column(g, json_array_get(list, i), c))
			return false;
		out->policy.columns[i] = (struct policy_column){.name = c->name, .type = c->type};
	}
	return true;
}

static bool read_table(struct gathering *g, const json_t *said, struct model_table *out)
{
	int64_t major = json_get_i64(said, "major", 0);

	out->name = keep(g, said, "table");
	if (!shape_is_name(out->name) || major < 1 || major > INT32_MAX)
		return false;
	out->major = (int)major;
	out->key = arena_printf(g->arena, "%.*s@%d", SLICE_FMT(out->name), out->major);
	out->newest_major = json_get_bool(said, "newest", false);
	out->description = keep(g, said, "description");
	out->version = json_get_i64(said, "version", 0);
	out->published_us = json_get_i64(said, "published_us", 0);
	return read_columns(g, json_get_array(said, "columns"), out);
}

static bool add_tables(struct gathering *g, const json_t *list)
{
	size_t before = g->tables.len;

	for (size_t i = 0; i < json_array_size(list) && i < TABLES_MAX; i++) {
		struct model_table table = {0};

		if (!read_table(g, json_array_get(list, i), &table)) {
			g->tables.len = before;
			return false;
		}
		vec_push(g->arena, &g->tables, table);
	}
	return true;
}

static enum model_status status_of(struct slice word)
{
	for (int s = MODEL_DRAFT; s <= MODEL_RETIRED; s++)
		if (slice_equal_c(word, model_status_name((enum model_status)s)))
			return (enum model_status)s;
	return MODEL_ACTIVE;
}

static struct model_domain *find_domain(struct gathering *g, struct slice name)
{
	vec_each (struct model_domain, d, &g->domains)
		if (slice_equal(d->name, name))
			return d;
	return NULL;
}

static bool add_product(struct gathering *g, const json_t *said)
{
	struct slice full_name = share_product_name(g->arena, said);
	struct model_domain *domain = find_domain(g, json_get_slice(said, "domain"));
	size_t first = g->tables.len;

	if (slice_is_none(full_name) || !domain || !add_tables(g, json_get_array(said, "tables")))
		return false;
	struct model_product *p = vec_add(g->arena, &g->products);

	p->domain = domain;
	p->full_name = full_name;
	p->name = keep(g, said, "product");
	p->title = keep(g, said, "title");
	p->description = keep(g, said, "description");
	p->kind = keep(g, said, "kind");
	p->status = status_of(json_get_slice(said, "status"));
	p->owners = keep_list(g, said, "owners", &p->owner_count);
	p->tags = keep_list(g, said, "tags", &p->tag_count);
	p->version = json_get_i64(said, "version", 0);
	p->published_us = json_get_i64(said, "published_us", 0);
	p->table_count = g->tables.len - first;
	vec_push(g->arena, &g->first_tables, first);
	return true;
}

static void each_text(struct gathering *g, const struct slice *items, size_t count,
	bool (*add)(struct gathering *g, const json_t *said))
{
	for (size_t i = 0; i < count; i++) {
		struct error ignored = {0};
		scoped(json_drop) json_t *said = json_parse(items[i], &ignored);

		if (!said || !add(g, said))
			g->left_out++;
	}
}

/* Arrays do not move any more: what points into them can be set. */
static void connect_all(struct gathering *g)
{
	for (size_t i = 0; i < g->products.len; i++) {
		struct model_product *p = &g->products.items[i];

		p->tables = arena_array_of(g->arena, struct model_table *, p->table_count);
		for (size_t t = 0; t < p->table_count; t++) {
			struct model_table *table = &g->tables.items[g->first_tables.items[i] + t];

			p->tables[t] = table;
			table->product = p;
			table->policy.domain = p->domain->name;
			table->policy.product = p->name;
			table->policy.name = table->name;
		}
	}
	vec_each (struct model_domain, d, &g->domains) {
		d->products = arena_array_of(g->arena, struct model_product *, g->products.len);
		for (size_t i = 0; i < g->products.len; i++)
			if (g->products.items[i].domain == d)
				d->products[d->product_count++] = &g->products.items[i];
	}
}

const struct model *share_model(const struct shared *shared, size_t *left_out_out)
{
	struct arena *arena = arena_new();
	struct gathering g = {.arena = arena, .shared = shared};
	struct model *model = arena_new_of(arena, struct model);

	each_text(&g, shared->domains, shared->domain_count, add_domain);
	each_text(&g, shared->products, shared->product_count, add_product);
	connect_all(&g);
	*left_out_out = g.left_out;
	model->arena = arena;
	model->domains = g.domains.items;
	model->domain_count = g.domains.len;
	model->products = g.products.items;
	model->product_count = g.products.len;
	model->tables = g.tables.items;
	model->table_count = g.tables.len;
	model->by_name = map_in(arena);
	model->refs = arena_new_of(arena, atomic_int);
	atomic_init(model->refs, 1);
	return model;
}
