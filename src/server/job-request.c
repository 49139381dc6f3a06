/*
 * A job holds no rights of its own: what a transform may read was decided here, with the eyes of
 * the owner team, by the same query_open that serves people. Secrets are read from a file below
 * <data>/secrets or from the environment (WEFT_…), so that no manifest can name any other
 * file of the node.
 */
#include "server/job-request.h"

#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/num.h"
#include "catalog/model.h"
#include "server/files.h"
#include "server/query-private.h"
#include "server/secret.h"
#include "server/server-private.h"
#include "server/storage.h"
#include "store/ingest.h"
#include "store/manifests.h"

/* Of the product's domain: contracts and sources of a product are its domain's, and a mesh may
 * have thousands of others. */
static bool load_manifests(
	struct server *server, struct job_plan *plan, struct slice product, struct error *err)
{
	struct manifest_row *rows;
	size_t row_count;
	size_t count = 0;
	if (!manifests_list(server->store, plan->arena, &rows, &row_count, err))
		return false;
	struct slice domain = slice_split(&product, '.');
	struct slice folder = arena_printf(plan->arena, "domains/%.*s/", SLICE_FMT(domain));
	struct manifest_file *files = arena_array_of(plan->arena, struct manifest_file, row_count);
	for (size_t i = 0; i < row_count; i++)
		if (slice_equal_c(rows[i].path, "mesh.yaml") ||
			slice_starts_with(rows[i].path, folder))
			files[count++] =
				(struct manifest_file){.path = rows[i].path, .text = rows[i].text};
	struct manifest_problems problems = {.arena = plan->arena};
	if (manifest_parse(plan->arena, files, count, &plan->set, &problems))
		return true;
	return error_set(err, CONFIG_FILE_ERROR, "the manifests in force are not valid: %.*s",
		SLICE_FMT(problems.items[0].message));
}

static bool find_product(struct job_plan *plan, struct slice name, struct error *err)
{
	plan->product = model_product_find(plan->model, name);
	struct slice rest = name;
	struct slice domain = slice_split(&rest, '.');
	size_t at = plan->product ? manifest_find_product(&plan->set, domain, rest) : SIZE_MAX;
	if (at == SIZE_MAX)
		return error_set(
			err, UNDEFINED_OBJECT, "there is no product %.*s", SLICE_FMT(name));
	plan->manifest = &plan->set.products[at];
	if (plan->manifest->pipeline != SIZE_MAX)
		plan->pipeline = &plan->set.pipelines[plan->manifest->pipeline];
	return true;
}

static const struct model_table *model_table_of(
	const struct job_plan *plan, const struct manifest_port *port)
{
	for (size_t i = 0; i < plan->product->table_count; i++) {
		const struct model_table *t = plan->product->tables[i];
		if (slice_equal_nocase(t->name, port->name) && t->major == port->major)
			return t;
	}
	return NULL;
}

/* "orders", or "orders@2" where the product has two majors of it. */
static struct slice job_name(const struct job_plan *plan, const struct model_table *table)
{
	size_t same = 0;
	for (size_t i = 0; i < plan->product->table_count; i++)
		same += slice_equal(plan->product->tables[i]->name, table->name);
	return same > 1 ? table->key : table->name;
}

/* A table that exists stays where it is. Judged anew each time: lake.dirs may have changed, and
 * folders below may have become links. */
static bool location_of(const struct server *server, const struct job_plan *plan,
	const struct model_table *table, struct slice *out, struct error *err)
{
	struct slice base;
	if (!storage_folder(server, plan->arena,
		    table->location.len ? table->location : plan->product->domain->storage, &base,
		    err))
		return false;
	*out = table->location.len
		       ? table->location
		       : arena_printf(plan->arena, "%.*s/%.*s/%.*s/%.*s/v%d", SLICE_FMT(base),
				 SLICE_FMT(plan->product->domain->name),
				 SLICE_FMT(plan->product->name), SLICE_FMT(table->name),
				 table->major);
	return storage_folder(server, plan->arena, *out, &base, err);
}

static json_t *texts_json(const struct slices *items)
{
	json_t *array = json_array();
	for (size_t i = 0; i < items->len; i++)
		json_array_append_new(array, json_from_slice(items->items[i]));
	return array;
}

static json_t *columns_json(const struct manifest_schema *schema)
{
	json_t *array = json_array();
	for (size_t i = 0; i < schema->column_count; i++) {
		const struct manifest_column *c = &schema->columns[i];
		json_t *item = json_object();
		json_set_slice(item, "name", c->name);
		json_set_slice(item, "type", c->type);
		json_object_set_new(item, "required", json_boolean(c->required));
		json_object_set_new(item, "unique", json_boolean(c->unique));
		json_object_set_new(item, "key", json_integer(c->key_position));
		json_array_append_new(array, item);
	}
	return array;
}

static json_t *check_json(const struct manifest_quality *q, size_t id)
{
	struct error ignored;
	json_t *arguments = q->arguments.len ? json_parse(q->arguments, &ignored) : NULL;
	json_t *item = json_object();
	json_object_set_new(item, "id", json_integer((json_int_t)id));
	json_set_slice(item, "name", q->name);
	json_object_set_new(item, "type", json_string(q->type == QUALITY_SQL ? "sql" : "library"));
	json_set_slice(item, "metric", q->metric);
	json_set_slice(item, "column", q->column);
	json_set_slice(item, "operator", q->operator_);
	json_object_set_new(item, "value", json_real(q->value));
	json_object_set_new(item, "value_high", json_real(q->value_high));
	json_object_set_new(item, "percent", json_boolean(q->percent));
	json_object_set_new(item, "arguments", arguments ? arguments : json_object());
	json_set_slice(item, "query", q->query);
	json_set_slice(item, "severity", q->severity);
	return item;
}

/* Ids are places in the schema's list, so that the run can find the rule again. */
static json_t *checks_json(const struct manifest_schema *schema)
{
	json_t *array = json_array();
	for (size_t i = 0; i < schema->quality_count; i++)
		if (schema->quality[i].type == QUALITY_LIBRARY ||
			schema->quality[i].type == QUALITY_SQL)
			json_array_append_new(array, check_json(&schema->quality[i], i));
	return array;
}

static bool add_previous(struct server *server, struct job_plan *plan,
	const struct model_table *table, json_t *item, struct error *err)
{
	json_t *previous = json_array();
	json_object_set_new(item, "previous", previous);
	if (table->version == 0)
		return true;
	struct model_files files;
	if (!model_files_at(server->store, table, table->version, plan->arena, &files, err))
		return false;
	for (size_t i = 0; i < files.file_count; i++) {
		json_t *file = json_object();
		json_set_slice(file, "path", files.files[i].path);
		json_object_set_new(file, "rows", json_integer(files.files[i].rows));
		json_array_append_new(previous, file);
	}
	json_t *columns =
		files.state.schema.len ? json_parse(files.state.schema, err) : json_array();
	if (columns)
		json_object_set_new(item, "previous_columns", columns);
	return columns != NULL;
}

static const struct manifest_source *find_source(
	const struct job_plan *plan, struct slice domain, struct slice name)
{
	for (size_t i = 0; i < plan->set.source_count; i++)
		if (slice_equal(plan->set.sources[i].domain, domain) &&
			slice_equal(plan->set.sources[i].name, name))
			return &plan->set.sources[i];
	return NULL;
}

static bool source_json(struct server *server, struct job_plan *plan,
	const struct manifest_ingest *ingest, json_t **out, struct error *err)
{
	const struct manifest_source *source =
		find_source(plan, plan->manifest->domain, ingest->source);
	if (!source)
		return error_set(err, UNDEFINED_OBJECT, "there is no source %.*s in domain %.*s",
			SLICE_FMT(ingest->source), SLICE_FMT(plan->manifest->domain));
	json_t *json = json_object();
	json_t *settings = json_object();
	json_t *secrets = json_object();
	*out = json;
	json_set_slice(json, "connector", source->connector);
	json_object_set_new(json, "settings", settings);
	json_object_set_new(json, "secrets", secrets);
	json_set_slice(json, "object", ingest->object);
	json_set_slice(json, "query", ingest->query);
	for (size_t i = 0; i < source->setting_count; i++)
		json_set_slice(settings, arena_cstr(plan->arena, source->settings[i].name),
			source->settings[i].value);
	for (size_t i = 0; i < source->secret_count; i++) {
		struct slice value;
		const struct manifest_secret *secret = &source->secrets[i];
		if (!secret_resolve(server->data_dir, secret, plan->arena, &value, err))
			return false;
		json_set_slice(secrets, arena_cstr(plan->arena, secret->name), value);
	}
	return true;
}

static bool add_cursor(struct server *server, struct job_plan *plan,
	const struct model_table *table, const struct manifest_ingest *ingest, json_t *item,
	struct error *err)
{
	struct slice text;
	if (!ingest_get(server->store, plan->product->full_name, plan->arena, &text, err))
		return false;
	scoped(json_drop) json_t *cursors = text.len ? json_parse(text, err) : json_object();
	if (!cursors)
		return false;
	json_t *cursor = json_object();
	json_set_slice(cursor, "column", ingest->cursor);
	json_set_slice(cursor, "value",
		table->version ? json_get_slice(cursors, arena_cstr(plan->arena, table->key))
			       : SLICE_NONE);
	json_object_set_new(item, "cursor", cursor);
	return true;
}

static bool add_ingest(struct server *server, struct job_plan *plan,
	const struct model_table *table, const struct manifest_ingest *ingest, json_t *item,
	struct error *err)
{
	bool incremental = ingest->incremental && plan->mode == RUN_NORMAL;
	json_t *source = NULL;
	json_object_set_new(item, "mode", json_string(incremental ? "incremental" : "full"));
	json_set_slice(item, "drift", ingest->drift.len ? ingest->drift : SLICE("fail"));
	json_object_set_new(item, "partition_by", texts_json(&ingest->partition_by));
	bool ok = source_json(server, plan, ingest, &source, err);
	if (source)
		json_object_set_new(item, "source", source);
	return ok && (!ingest->incremental || add_cursor(server, plan, table, ingest, item, err));
}

static json_t *ats_json(const struct plan *p)
{
	json_t *array = json_array();
	for (size_t i = 0; i < p->at_count; i++) {
		json_t *at = json_object();
		json_object_set_new(at, "location", json_integer(p->ats[i].location));
		if (!slice_is_none(p->ats[i].name))
			json_set_slice(at, "name", p->ats[i].name);
		if (!slice_is_none(p->ats[i].alias))
			json_set_slice(at, "alias", p->ats[i].alias);
		json_array_append_new(array, at);
	}
	return array;
}

static bool add_transform(struct server *server, struct job_plan *plan,
	const struct manifest_transform *transform, json_t *item, struct error *err)
{
	struct slice domain = plan->manifest->domain;
	struct principal team = {.name = arena_printf(plan->arena, "team:%.*s", SLICE_FMT(domain))};
	struct query_request request = {.principal = &team,
		.session = arena_printf(plan->arena, "run-%lld", (long long)plan->run),
		.door = SLICE("run"),
		.text = transform->sql,
		.search_path = &plan->manifest->domain,
		.search_path_count = 1,
		.making = plan->product->full_name};
	struct query *query;
	if (!query_open(server, &request, &query, err))
		return error_wrap(err, "%.*s", SLICE_FMT(transform->path));
	plan->queries[plan->query_count++] = query;
	if (query->plan->fresh)
		return error_set(err, FEATURE_NOT_SUPPORTED,
			"%.*s: a transform reads products, not system tables",
			SLICE_FMT(transform->path));
	struct slice relations = wire_relations_json(
		plan->arena, query->plan->relations, query->plan->relation_count);
	json_t *list = json_parse(relations, err);
	if (!list)
		return false;
	json_set_slice(item, "sql", query->plan->text);
	json_object_set_new(item, "relations", list);
	json_object_set_new(item, "at", ats_json(query->plan));
	return true;
}

static bool fits_table(struct slice given, const struct model_table *table)
{
	return slice_equal_nocase(given, table->key) ||
	       (slice_equal_nocase(given, table->name) && table->newest_major);
}

/* How the table's rows come: an ingest, a transform, or nothing (*kind_out NULL). */
static bool add_origin(struct server *server, struct job_plan *plan,
	const struct model_table *table, json_t *item, const char **kind_out, struct error *err)
{
	const struct manifest_pipeline *p = plan->pipeline;
	*kind_out = NULL;
	for (size_t i = 0; p && i < p->ingest_count; i++)
		if (fits_table(p->ingest[i].table, table)) {
			*kind_out = "ingest";
			return add_ingest(server, plan, table, &p->ingest[i], item, err);
		}
	for (size_t i = 0; p && i < p->transform_count; i++)
		if (fits_table(p->transforms[i].table, table)) {
			*kind_out = "transform";
			return add_transform(server, plan, &p->transforms[i], item, err);
		}
	return true;
}

static bool add_table(struct server *server, struct job_plan *plan,
	const struct manifest_port *port, struct error *err)
{
	const struct model_table *table = model_table_of(plan, port);
	const struct manifest_schema *schema = manifest_port_schema(&plan->set, port);
	if (!table || !schema)
		return error_set(err, UNDEFINED_OBJECT, "the port %.*s has no contract",
			SLICE_FMT(port->name));
	json_t *item = json_object();
	const char *kind = NULL;
	bool ok = plan->mode == RUN_CHECK || add_origin(server, plan, table, item, &kind, err);
	bool part = kind != NULL || (plan->mode == RUN_CHECK && table->version > 0);
	if (!ok || !part) {
		json_decref(item);
		return ok;
	}
	json_array_append_new(json_get_array(plan->request, "tables"), item);
	struct publish_table *out = &plan->tables[plan->table_count++];
	out->job_name = job_name(plan, table);
	out->key = table->key;
	if (!location_of(server, plan, table, &out->location, err))
		return false;
	out->schema = schema;
	json_t *partition_by = json_get_array(item, "partition_by");
	if (partition_by)
		out->partition_columns = json_print(plan->arena, partition_by);
	else
		json_object_set_new(item, "partition_by", json_array());
	json_set_slice(item, "name", out->job_name);
	json_set_slice(item, "key", table->key);
	json_object_set_new(item, "columns", columns_json(schema));
	json_object_set_new(item, "checks", checks_json(schema));
	if (plan->mode != RUN_CHECK && !json_object_get(plan->request, "kind"))
		json_object_set_new(plan->request, "kind", json_string(kind));
	return add_previous(server, plan, table, item, err);
}

static json_t *source_dirs(const struct server *server)
{
	const struct config *config = server->config;
	json_t *array = json_array();
	for (size_t i = 0; i < config->source_dirs.count; i++) {
		const char *dir = config->source_dirs.items[i];
		json_array_append_new(
			array, *dir == '/' ? json_string(dir)
					   : json_sprintf("%s/%s", server->data_dir, dir));
	}
	return array;
}

/* What sources from the web are held to. */
static json_t *download_rules(const struct config *config)
{
	json_t *networks = json_array();
	for (size_t i = 0; i < config->source_networks.count; i++)
		json_array_append_new(networks, json_string(config->source_networks.items[i]));
	json_t *rules = json_object();
	json_object_set_new(rules, "networks", networks);
	json_object_set_new(rules, "max_bytes", json_integer(config->source_max_bytes));
	json_object_set_new(rules, "timeout_ms", json_integer(config->source_timeout_ms));
	return rules;
}

static bool add_frame(struct server *server, struct job_plan *plan, struct error *err)
{
	int64_t run = plan->run;
	const struct config *config = server->config;
	struct arena *arena = plan->arena;
	const struct model_domain *domain = plan->product->domain;
	char *spill = arena_cstr(
		arena, arena_printf(arena, "%s/spill/j%lld", server->data_dir, (long long)run));
	char *staging = arena_cstr(
		arena, arena_printf(arena, "%s/staging/%lld", server->data_dir, (long long)run));
	plan->staging = staging;
	remove_tree(staging);
	if (!files_make_parents(arena_cstr(arena, arena_printf(arena, "%s/.", staging)), err) ||
		!files_make_parents(arena_cstr(arena, arena_printf(arena, "%s/.", spill)), err))
		return false;
	int64_t memory = config->run_memory_bytes;
	if (domain->quota_memory_bytes)
		memory = min_of(memory, domain->quota_memory_bytes);
	long processors = sysconf(_SC_NPROCESSORS_ONLN);
	json_t *r = plan->request;
	json_set_slice(r, "product", plan->product->full_name);
	json_object_set_new(r, "run", json_integer(run));
	json_object_set_new(r, "staging", json_string(staging));
	json_object_set_new(r, "spill", json_string(spill));
	json_object_set_new(r, "memory_bytes", json_integer(memory));
	json_object_set_new(
		r, "threads", json_integer(config->run_threads ? config->run_threads : processors));
	json_object_set_new(r, "time_zone", json_string("UTC"));
	json_object_set_new(r, "source_dirs", source_dirs(server));
	json_object_set_new(r, "download", download_rules(config));
	json_object_set_new(r, "attributes", json_object());
	json_object_set_new(r, "principal", json_sprintf("team:%.*s", SLICE_FMT(domain->name)));
	json_object_set_new(r, "purpose", json_string(""));
	json_object_set_new(r, "pseudonym_key", json_string(server->pseudonym_key));
	json_object_set_new(r, "tables", json_array());
	return true;
}

static const struct manifest_port *port_of(
	const struct job_plan *plan, const struct model_table *table)
{
	for (size_t i = 0; i < plan->manifest->port_count; i++)
		if (model_table_of(plan, &plan->manifest->ports[i]) == table)
			return &plan->manifest->ports[i];
	return NULL;
}

/* What a table is made of comes before it; apply has refused circles. */
static void order_port(const struct job_plan *plan, const struct manifest_port *port,
	const struct manifest_port **order, size_t *count)
{
	const struct model_table *table = model_table_of(plan, port);
	for (size_t i = 0; i < *count; i++)
		if (order[i] == port)
			return;
	for (size_t i = 0; i < plan->model->edge_count; i++) {
		const struct model_edge *edge = &plan->model->edges[i];
		const struct manifest_port *from =
			edge->to == table ? port_of(plan, edge->from) : NULL;
		if (from && from != port)
			order_port(plan, from, order, count);
	}
	order[(*count)++] = port;
}

static bool fill(
	struct server *server, struct job_plan *plan, struct slice product, struct error *err)
{
	if (!load_manifests(server, plan, product, err) || !find_product(plan, product, err) ||
		!add_frame(server, plan, err))
		return false;
	const struct manifest_product *m = plan->manifest;
	plan->tables = arena_array_of(plan->arena, struct publish_table, m->port_count);
	plan->queries = arena_array_of(plan->arena, struct query *, m->port_count);
	if (plan->mode == RUN_CHECK)
		json_object_set_new(plan->request, "kind", json_string("check"));
	const struct manifest_port **order =
		arena_array_of(plan->arena, const struct manifest_port *, m->port_count);
	size_t count = 0;
	for (size_t i = 0; i < m->port_count; i++)
		order_port(plan, &m->ports[i], order, &count);
	for (size_t i = 0; i < count; i++)
		if (!add_table(server, plan, order[i], err))
			return false;
	if (plan->table_count)
		return true;
	error_set(err, OBJECT_NOT_IN_PREREQUISITE_STATE, "product %.*s has nothing to run",
		SLICE_FMT(product));
	return error_hint(err, "Give it a pipeline.yaml with ingest, or a <table>.sql transform.");
}

bool job_plan_make(struct server *server, struct slice product, int64_t run, enum run_mode mode,
	struct job_plan **out, struct error *err)
{
	struct arena *arena = arena_new();
	struct job_plan *plan = arena_new_of(arena, struct job_plan);
	plan->arena = arena;
	plan->model = server_model(server);
	plan->request = json_object();
	plan->run = run;
	plan->mode = mode;
	if (!fill(server, plan, product, err)) {
		job_plan_free(&plan);
		return false;
	}
	*out = plan;
	return true;
}

void job_plan_free(struct job_plan **plan_ptr)
{
	struct job_plan *plan = take(*plan_ptr);
	if (!plan)
		return;
	for (size_t i = 0; i < plan->query_count; i++)
		query_close(&plan->queries[i]);
	json_decref(plan->request);
	model_unref(&plan->model);
	struct arena *arena = plan->arena;
	arena_free(&arena);
}
