/*
 * From manifests and published state to a model. Manifests are parsed anew each time: they are
 * small, and so the model can never differ from the files. Everything, the files' texts too, lives
 * in the model's arena.
 */
#include "catalog/build.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/vec.h"
#include "catalog/build-private.h"
#include "store/manifests.h"

static bool read_files(struct building *b, struct store *store, struct manifest_file **files_out,
	size_t *count_out, struct error *err)
{
	struct manifest_row *rows;
	size_t count;

	if (!manifests_list(store, b->arena, &rows, &count, err))
		return false;
	struct manifest_file *files = arena_array_of(b->arena, struct manifest_file, count);

	for (size_t i = 0; i < count; i++) {
		files[i] = (struct manifest_file){rows[i].path, rows[i].text};
		b->model->apply = max_of(b->model->apply, rows[i].apply);
	}
	*files_out = files;
	*count_out = count;
	return true;
}

static bool parse(
	struct building *b, const struct manifest_file *files, size_t count, struct error *err)
{
	struct manifest_problems problems = {.arena = b->arena};

	/* Before the first apply there is nothing to say about it. */
	if (count == 0 || manifest_parse(b->arena, files, count, &b->set, &problems))
		return true;
	for (size_t i = 0; i < problems.len; i++) {
		const struct manifest_problem *p = &problems.items[i];

		if (p->warning)
			continue;
		error_set(err, CONFIG_FILE_ERROR, "%.*s:%d:%d: %.*s", SLICE_FMT(p->at.path),
			p->at.line, p->at.column, SLICE_FMT(p->message));
		return error_hint(err, "the manifests in the store are not valid for this Weft; "
				       "apply corrected ones");
	}
	return error_set(err, CONFIG_FILE_ERROR, "the manifests in the store are not valid");
}

static void add_all(
	struct arena *arena, struct slices *out, const struct slice *names, size_t count)
{
	for (size_t i = 0; i < count; i++)
		vec_push(arena, out, names[i]);
}

static void build_domain(
	struct building *b, const struct manifest_domain *from, struct model_domain *out)
{
	VEC(struct model_source) sources = {0};

	*out = (struct model_domain){
		.name = from->name,
		.path = from->at.path,
		.title = from->title,
		.description = from->description,
		.owners = from->owners.items,
		.owner_count = from->owners.len,
		.team = from->team.len ? from->team
				       : arena_printf(b->arena, "team:%.*s", SLICE_FMT(from->name)),
		.storage = from->storage,
		.hidden = from->hidden,
		.quota_bytes = from->quota_bytes,
		.quota_memory_bytes = from->quota_memory_bytes,
		.quota_runs = from->quota_runs,
		.retention_us = from->retention_us,
	};
	for (size_t i = 0; i < b->set.source_count; i++) {
		const struct manifest_source *s = &b->set.sources[i];

		if (slice_equal_nocase(s->domain, from->name))
			vec_push(b->arena, &sources,
				((struct model_source){
					out, s->name, s->at.path, s->connector, s->description}));
	}
	out->sources = sources.items;
	out->source_count = sources.len;
}

static enum model_status status_of(struct slice text)
{
	static const char *const NAMES[] = {"draft", "active", "deprecated", "retired"};

	for (size_t i = 0; i < array_len(NAMES); i++)
		if (slice_equal_nocase(text, slice_from_c(NAMES[i])))
			return (enum model_status)i;
	return MODEL_ACTIVE;
}

/* Owners of a product: its own, the domain's, and the domain's team, which runs its transforms. */
static void build_owners(struct building *b, const struct manifest_product *from,
	const struct model_domain *domain, struct model_product *out)
{
	struct slices owners = {0};

	add_all(b->arena, &owners, from->owners.items, from->owners.len);
	add_all(b->arena, &owners, domain->owners, domain->owner_count);
	vec_push(b->arena, &owners, domain->team);
	out->owners = owners.items;
	out->owner_count = owners.len;
}

static void build_schedule(
	struct building *b, const struct manifest_product *from, struct model_product *out)
{
	if (from->pipeline >= b->set.pipeline_count)
		return;
	const struct manifest_pipeline *p = &b->set.pipelines[from->pipeline];

	out->schedule = p->cron;
	out->time_zone = p->time_zone;
	out->on_upstream = p->trigger != TRIGGER_NONE;
	out->on_upstream_all = p->trigger == TRIGGER_ALL;
	out->retry_max = (int)p->retry_max;
	out->retry_delay_us = p->retry_backoff_us;
}

static void build_product(
	struct building *b, const struct manifest_product *from, struct model_product *out)
{
	const struct model_domain *domain = model_domain_find(b->model, from->domain);

	check(domain);
	out->domain = domain;
	out->name = from->name;
	out->full_name =
		arena_printf(b->arena, "%.*s.%.*s", SLICE_FMT(domain->name), SLICE_FMT(from->name));
	out->path = from->at.path;
	out->title = slice_is_none(from->title) ? from->name : from->title;
	out->description = from->purpose;
	out->kind = from->kind;
	out->status = status_of(from->status);
	out->hidden = from->hidden || domain->hidden;
	out->tags = from->tags.items;
	out->tag_count = from->tags.len;
	build_owners(b, from, domain, out);
	build_schedule(b, from, out);
}

static void build_columns(
	struct building *b, const struct manifest_schema *schema, struct model_table *out)
{
	out->column_count = schema->column_count;
	out->columns = arena_array_of(b->arena, struct model_column, schema->column_count);
	out->policy.columns = arena_array_of(b->arena, struct policy_column, schema->column_count);
	out->policy.column_count = schema->column_count;
	for (size_t i = 0; i < schema->column_count; i++) {
		const struct manifest_column *c = &schema->columns[i];

		out->columns[i] = (struct model_column){
			.name = c->name,
			.type = c->type,
			.description = c->description,
			.classification = c->classification,
			.tags = c->tags.items,
			.tag_count = c->tags.len,
			.required = c->required,
			.unique = c->unique,
			.key_position = c->key_position,
		};
		out->policy.columns[i] = (struct policy_column){
			.name = c->name,
			.type = c->type,
			.tags = c->tags.items,
			.tag_count = c->tags.len,
			.classification = c->classification,
		};
	}
}

/* The element of an SLA names a table or one of its columns; none is for every table. */
static bool sla_is_for(const struct manifest_sla *sla, const struct manifest_schema *schema)
{
	struct slice rest = sla->element;

	if (rest.len == 0)
		return true;
	struct slice table = slice_split(&rest, '.');

	return slice_equal_nocase(table, schema->name) ||
	       slice_equal_nocase(table, schema->physical_name);
}

static void build_slo(const struct manifest_contract *contract,
	const struct manifest_schema *schema, struct model_slo *out)
{
	for (size_t i = 0; i < contract->sla_count; i++) {
		const struct manifest_sla *sla = &contract->slas[i];

		if (!sla_is_for(sla, schema))
			continue;
		if (slice_equal_nocase(sla->property, SLICE("freshness")))
			out->freshness_us = sla->value_us;
		else if (slice_equal_nocase(sla->property, SLICE("frequency")))
			out->frequency_us = sla->value_us;
		else if (slice_equal_nocase(sla->property, SLICE("latency")))
			out->latency_us = sla->value_us;
	}
}

static struct slice find_transform(
	struct building *b, const struct manifest_product *from, const struct model_table *table)
{
	struct slice found = SLICE_NONE;

	if (from->pipeline >= b->set.pipeline_count)
		return found;
	const struct manifest_pipeline *p = &b->set.pipelines[from->pipeline];

	for (size_t i = 0; i < p->transform_count; i++) {
		if (slice_equal_nocase(p->transforms[i].table, table->key))
			return p->transforms[i].sql;
		if (slice_equal_nocase(p->transforms[i].table, table->name))
			found = p->transforms[i].sql;
	}
	return found;
}

static void find_ingest(
	const struct building *b, const struct manifest_product *from, struct model_table *table)
{
	const struct manifest_pipeline *p =
		from->pipeline == SIZE_MAX ? NULL : &b->set.pipelines[from->pipeline];

	for (size_t i = 0; p && i < p->ingest_count; i++) {
		const struct manifest_ingest *ingest = &p->ingest[i];
		bool exact = slice_equal_nocase(ingest->table, table->key);

		if (!exact && (!slice_equal_nocase(ingest->table, table->name) ||
				      !slice_is_none(table->source)))
			continue;
		table->source = ingest->source;
		table->source_object = ingest->object;
		if (exact)
			return;
	}
}

/* FNV-1a over the full name, above the numbers that PostgreSQL gives to its own objects. */
static uint32_t oid_of(struct slice domain, struct slice key)
{
	uint32_t hash = 2166136261u;

	for (size_t i = 0; i < domain.len; i++)
		hash = (hash ^ (unsigned char)domain.ptr[i]) * 16777619u;
	hash = (hash ^ '.') * 16777619u;
	for (size_t i = 0; i < key.len; i++)
		hash = (hash ^ (unsigned char)key.ptr[i]) * 16777619u;
	return 100000 + hash % 2000000000u;
}

static void build_state(const struct building *b, struct model_table *out)
{
	for (size_t i = 0; i < b->state_count; i++) {
		const struct table_version_row *s = &b->states[i];

		if (!slice_equal_nocase(s->product, out->product->full_name) ||
			!slice_equal_nocase(s->table, out->key))
			continue;
		out->version = s->version;
		out->delta_version = s->delta_version;
		out->location = s->location;
		out->stored_schema = s->schema;
		out->published_us = s->created_us;
		out->rows = s->rows;
		out->bytes = s->bytes;
		out->file_count = s->files;
	}
}

static void build_table_policy(
	struct building *b, const struct manifest_schema *schema, struct model_table *out)
{
	struct slices tags = {0};

	add_all(b->arena, &tags, out->product->tags, out->product->tag_count);
	add_all(b->arena, &tags, schema->tags.items, schema->tags.len);
	out->policy.domain = out->product->domain->name;
	out->policy.product = out->product->name;
	out->policy.name = out->name;
	out->policy.owners = out->product->owners;
	out->policy.owner_count = out->product->owner_count;
	out->policy.tags = tags.items;
	out->policy.tag_count = tags.len;
	out->policy.hidden = out->product->hidden;
}

static void build_table(struct building *b, const struct manifest_product *from,
	const struct manifest_port *port, struct model_product *product, struct model_table *out)
{
	const struct manifest_schema *schema = manifest_port_schema(&b->set, port);
	const struct manifest_contract *contract = &b->set.contracts[port->contract];

	out->product = product;
	out->name = port->name;
	out->major = port->major;
	out->key = arena_printf(b->arena, "%.*s@%d", SLICE_FMT(port->name), port->major);
	out->oid = oid_of(product->domain->name, out->key);
	out->contract = contract->at.path;
	out->description = schema->description.len ? schema->description : port->description;
	out->transform = find_transform(b, from, out);
	if (slice_is_none(out->transform))
		find_ingest(b, from, out);
	build_columns(b, schema, out);
	build_slo(contract, schema, &out->slo);
	build_table_policy(b, schema, out);
	build_state(b, out);
	product->version = max_of(product->version, out->version);
	product->published_us = max_of(product->published_us, out->published_us);
}

static void build_tables(struct building *b)
{
	struct model *m = b->model;
	size_t count = 0;

	for (size_t i = 0; i < b->set.product_count; i++)
		count += b->set.products[i].port_count;
	m->tables = arena_array_of(b->arena, struct model_table, count);
	for (size_t i = 0; i < b->set.product_count; i++) {
		const struct manifest_product *from = &b->set.products[i];
		struct model_product *product = &m->products[i];

		product->tables = arena_array_of(b->arena, struct model_table *, from->port_count);
		for (size_t p = 0; p < from->port_count; p++) {
			if (!manifest_port_schema(&b->set, &from->ports[p]))
				continue;
			struct model_table *table = &m->tables[m->table_count++];

			build_table(b, from, &from->ports[p], product, table);
			product->tables[product->table_count++] = table;
		}
	}
}

struct slice model_key(struct arena *arena, struct slice schema, struct slice name)
{
	struct slice key = arena_printf(arena, "%.*s.%.*s", SLICE_FMT(schema), SLICE_FMT(name));
	char *text = arena_cstr(arena, key);

	for (size_t i = 0; i < key.len; i++)
		if (text[i] >= 'A' && text[i] <= 'Z')
			text[i] = (char)(text[i] + 32);
	return slice_of(text, key.len);
}

/* Every major has its own name; the bare name is the newest one's. */
static void build_names(struct building *b)
{
	struct model *m = b->model;

	m->by_name = map_in(b->arena);
	for (size_t i = 0; i < m->table_count; i++) {
		struct model_table *t = &m->tables[i];
		struct slice domain = t->product->domain->name;
		struct slice key = model_key(b->arena, domain, t->name);
		const struct model_table *other = map_get(&m->by_name, key);

		map_put(&m->by_name, model_key(b->arena, domain, t->key), t);
		if (!other || other->major < t->major)
			map_put(&m->by_name, key, t);
	}
	for (size_t i = 0; i < m->table_count; i++) {
		struct model_table *t = &m->tables[i];

		t->newest_major = map_get(&m->by_name, model_key(b->arena, t->product->domain->name,
							       t->name)) == t;
	}
}

static void build_domains(struct building *b)
{
	struct model *m = b->model;

	m->domains = arena_array_of(b->arena, struct model_domain, b->set.domain_count);
	m->domain_count = b->set.domain_count;
	for (size_t i = 0; i < b->set.domain_count; i++)
		build_domain(b, &b->set.domains[i], &m->domains[i]);
	m->products = arena_array_of(b->arena, struct model_product, b->set.product_count);
	m->product_count = b->set.product_count;
	for (size_t i = 0; i < b->set.product_count; i++)
		build_product(b, &b->set.products[i], &m->products[i]);
	for (size_t d = 0; d < m->domain_count; d++) {
		struct model_domain *domain = &m->domains[d];

		domain->products =
			arena_array_of(b->arena, struct model_product *, m->product_count);
		for (size_t i = 0; i < m->product_count; i++)
			if (m->products[i].domain == domain)
				domain->products[domain->product_count++] = &m->products[i];
	}
}

static void build_mesh(struct building *b)
{
	static const enum model_term_kind KINDS[] = {
		[TERM_TAG] = MODEL_TERM_TAG,
		[TERM_CLASSIFICATION] = MODEL_TERM_CLASSIFICATION,
		[TERM_PURPOSE] = MODEL_TERM_PURPOSE,
	};
	struct model *m = b->model;

	m->name = SLICE("");
	if (b->set.mesh) {
		m->name = b->set.mesh->name;
		m->description = b->set.mesh->description;
		m->owners = b->set.mesh->owners.items;
		m->owner_count = b->set.mesh->owners.len;
	}
	m->term_count = b->set.term_count;
	m->terms = arena_array_of(b->arena, struct model_term, m->term_count);
	for (size_t i = 0; i < m->term_count; i++)
		m->terms[i] = (struct model_term){KINDS[b->set.terms[i].kind], b->set.terms[i].name,
			b->set.terms[i].description};
}

static bool read_state(struct building *b, struct store *store, struct error *err)
{
	struct table_version_list list;

	/* The epoch first: what changes meanwhile makes the model look older, never newer. */
	if (!store_epoch(store, &b->model->epoch, err) ||
		!versions_newest_tables(store, b->arena, &list, err))
		return false;
	b->states = list.items;
	b->state_count = list.count;
	return true;
}

bool model_build(struct store *store, const struct model **out, struct error *err)
{
	struct arena *arena = arena_new();
	struct model *model = arena_new_of(arena, struct model);
	struct building b = {.arena = arena, .model = model};
	struct manifest_file *files;
	size_t count;

	model->arena = arena;
	model->built_us = clock_wall_us(&clock_system);
	model->refs = arena_new_of(arena, atomic_int);
	atomic_init(model->refs, 1);
	if (!read_state(&b, store, err) || !read_files(&b, store, &files, &count, err) ||
		!parse(&b, files, count, err)) {
		arena_free(&arena);
		return false;
	}
	build_mesh(&b);
	build_domains(&b);
	build_tables(&b);
	build_names(&b);
	build_policies(&b);
	build_lineage(&b);
	*out = model;
	return true;
}
