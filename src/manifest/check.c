/*
 * What only the whole set shows: pipelines against contracts, quality rules and service levels
 * against columns, policies against what they could be on. Errors are what cannot work; warnings
 * are what has no effect.
 */
#include "base/map.h"
#include "base/str.h"
#include "manifest/read.h"

static void error_at(struct reading *r, struct mark at, struct slice message, const char *expected)
{
	manifest_problem_add(r->problems, at, false, message, slice_from_c(expected), SLICE_NONE);
}

static void warn_at(struct reading *r, struct mark at, struct slice message, struct slice hint)
{
	manifest_problem_add(r->problems, at, true, message, SLICE_NONE, hint);
}

struct slice nearest_name(struct arena *arena, struct slice word, const struct slices *names)
{
	struct slice best = SLICE_NONE;
	size_t best_distance = 3;

	for (size_t i = 0; i < names->len; i++) {
		size_t distance = slice_distance(word, names->items[i], 2);

		if (distance < best_distance) {
			best_distance = distance;
			best = names->items[i];
		}
	}
	if (slice_is_none(best))
		return SLICE_NONE;
	return arena_printf(arena, "did you mean \"%.*s\"?", SLICE_FMT(best));
}

static const struct manifest_column *find_column(
	const struct manifest_schema *schema, struct slice name)
{
	for (size_t i = 0; i < schema->column_count; i++)
		if (slice_equal_nocase(schema->columns[i].name, name))
			return &schema->columns[i];
	return NULL;
}

static void need_column(struct reading *r, const struct manifest_schema *schema, struct slice name,
	struct mark at, const char *what)
{
	struct slices names = {0};

	if (find_column(schema, name))
		return;
	for (size_t i = 0; i < schema->column_count; i++)
		vec_push(r->arena, &names, schema->columns[i].name);
	manifest_problem_add(r->problems, at, false,
		arena_printf(r->arena, "%s \"%.*s\" is no column of table \"%.*s\"", what,
			SLICE_FMT(name), SLICE_FMT(schema->name)),
		SLICE("a column of the contract"), nearest_name(r->arena, name, &names));
}

/* "orders" or, where two majors live side by side, "orders@1". */
bool port_is_named(const struct manifest_port *port, struct slice table)
{
	struct slice version = table;
	struct slice name = slice_split(&version, '@');
	int64_t major;

	if (!slice_equal_nocase(port->name, name))
		return false;
	return slice_is_none(version) || (slice_to_i64(version, &major) && major == port->major);
}

static const struct manifest_schema *schema_of(
	struct reading *r, const struct manifest_product *product, struct slice table)
{
	const struct manifest_set set = {
		.contracts = r->contracts.items, .contract_count = r->contracts.len};

	for (size_t i = 0; i < product->port_count; i++)
		if (port_is_named(&product->ports[i], table))
			return manifest_port_schema(&set, &product->ports[i]);
	return NULL;
}

static void check_ingest(
	struct reading *r, const struct manifest_product *product, const struct manifest_ingest *in)
{
	const struct manifest_schema *schema = schema_of(r, product, in->table);
	bool key = false;

	if (!schema)
		return;
	if (in->cursor.len)
		need_column(r, schema, in->cursor, in->at, "cursor");
	for (size_t i = 0; i < in->partition_by.len; i++)
		need_column(r, schema, in->partition_by.items[i], in->at, "partitionBy");
	for (size_t i = 0; i < schema->column_count; i++)
		key = key || schema->columns[i].key_position > 0;
	if (in->incremental && !key)
		warn_at(r, in->at,
			SLICE("an incremental table has no primary key: rows are only added"),
			SLICE("set primaryKey: true in the contract to merge changed rows"));
}

/* Each table comes from one place. */
static void check_origins(struct reading *r, const struct manifest_product *product,
	const struct manifest_pipeline *pipeline, const struct manifest_port *port)
{
	size_t origins = 0;
	struct mark at = port->at;

	for (size_t i = 0; pipeline && i < pipeline->ingest_count; i++)
		if (port_is_named(port, pipeline->ingest[i].table)) {
			origins++;
			at = pipeline->ingest[i].at;
		}
	for (size_t i = 0; pipeline && i < pipeline->transform_count; i++) {
		struct slice name = pipeline->transforms[i].table;
		bool versioned = slice_find(name, SLICE("@"), 0) != SIZE_MAX;

		/* orders.sql beside orders@2.sql is for the other major */
		if (port_is_named(port, name) && (origins == 0 || !versioned))
			origins++;
	}
	if (origins > 1 && product->port_count == 1)
		error_at(r, at,
			arena_printf(r->arena, "table \"%.*s\" is made more than once",
				SLICE_FMT(port->name)),
			"one ingest entry or one <table>.sql");
	if (origins == 0 && slice_equal_c(product->status, "active"))
		warn_at(r, at,
			arena_printf(
				r->arena, "nothing fills table \"%.*s\"", SLICE_FMT(port->name)),
			SLICE("add it to ingest in pipeline.yaml, or write <table>.sql"));
}

static void check_port(struct reading *r, const struct manifest_port *port)
{
	const struct manifest_set set = {
		.contracts = r->contracts.items, .contract_count = r->contracts.len};
	struct slices names = {0};

	if (port->contract >= r->contracts.len || manifest_port_schema(&set, port))
		return;
	const struct manifest_contract *contract = &r->contracts.items[port->contract];

	for (size_t i = 0; i < contract->schema_count; i++)
		vec_push(r->arena, &names, contract->schemas[i].name);
	manifest_problem_add(r->problems, port->at, false,
		arena_printf(r->arena, "contract \"%.*s\" describes no table \"%.*s\"",
			SLICE_FMT(contract->id), SLICE_FMT(port->name)),
		SLICE("a schema object of the port's name"),
		nearest_name(r->arena, port->name, &names));
}

static void check_product(struct reading *r, const struct manifest_product *product)
{
	const struct manifest_pipeline *pipeline = product->pipeline < r->pipelines.len
							   ? &r->pipelines.items[product->pipeline]
							   : NULL;

	for (size_t i = 0; i < product->port_count; i++) {
		check_port(r, &product->ports[i]);
		check_origins(r, product, pipeline, &product->ports[i]);
	}
	for (size_t i = 0; pipeline && i < pipeline->ingest_count; i++)
		check_ingest(r, product, &pipeline->ingest[i]);
}

static void check_rule(struct reading *r, const struct manifest_schema *schema,
	const struct manifest_quality *rule)
{
	bool rows = slice_equal_c(rule->metric, "rowCount");
	bool listed = slice_find(rule->arguments, SLICE("\"properties\""), 0) != SIZE_MAX;

	if (rule->type != QUALITY_LIBRARY || slice_is_none(rule->metric))
		return;
	if (rows && rule->column.len)
		error_at(r, rule->at, SLICE("rowCount counts a table's rows, not a column's"),
			"the rule beside the table's properties");
	if (!rows && rule->column.len == 0 && !listed)
		error_at(r, rule->at,
			arena_printf(r->arena, "%.*s of table \"%.*s\" names no column",
				SLICE_FMT(rule->metric), SLICE_FMT(schema->name)),
			"the rule below a property, or arguments: {properties: […]}");
}

/* The columns of a key stand at positions of their own. */
static void check_positions(struct reading *r, const struct manifest_schema *schema)
{
	for (size_t i = 0; i < schema->column_count; i++)
		for (size_t k = 0; k < i; k++) {
			const struct manifest_column *a = &schema->columns[k];
			const struct manifest_column *b = &schema->columns[i];

			if (b->key_position && a->key_position == b->key_position)
				error_at(r, b->at,
					arena_printf(r->arena,
						"\"%.*s\" and \"%.*s\" have one place in the "
						"primary key",
						SLICE_FMT(a->name), SLICE_FMT(b->name)),
					"primaryKeyPosition: 1, 2, …");
		}
}

static void check_sla(
	struct reading *r, const struct manifest_contract *contract, const struct manifest_sla *sla)
{
	static const char *const TIMES[] = {"freshness", "frequency", "latency", "retention"};
	struct slice column = sla->element;
	struct slice table = slice_split(&column, '.');
	bool found = sla->element.len == 0 || slice_find(sla->element, SLICE(","), 0) != SIZE_MAX;

	for (size_t i = 0; i < array_len(TIMES); i++)
		if (slice_equal_nocase(sla->property, slice_from_c(TIMES[i])) && sla->value_us <= 0)
			error_at(r, sla->at,
				arena_printf(r->arena, "%.*s is no time", SLICE_FMT(sla->property)),
				"a value above 0 with a unit: value: 1, unit: d");
	for (size_t i = 0; i < contract->schema_count; i++) {
		const struct manifest_schema *schema = &contract->schemas[i];

		if (!slice_equal_nocase(schema->name, table) &&
			!slice_equal_nocase(schema->physical_name, table))
			continue;
		found = slice_is_none(column) || find_column(schema, column);
	}
	if (!found)
		warn_at(r, sla->at,
			arena_printf(r->arena, "element \"%.*s\" is no table or column of this",
				SLICE_FMT(sla->element)),
			SLICE_NONE);
}

static void check_contract(struct reading *r, const struct manifest_contract *contract)
{
	for (size_t i = 0; i < contract->schema_count; i++) {
		const struct manifest_schema *schema = &contract->schemas[i];

		check_positions(r, schema);
		for (size_t k = 0; k < schema->quality_count; k++)
			check_rule(r, schema, &schema->quality[k]);
	}
	for (size_t i = 0; i < contract->sla_count; i++)
		check_sla(r, contract, &contract->slas[i]);
}

/* Names that SQL needs for itself as schemas. */
static void check_domain(struct reading *r, const struct manifest_domain *domain)
{
	static const char *const RESERVED[] = {"mesh", "main", "temp", "system", "public",
		"pg_catalog", "pg_temp", "pg_toast", "information_schema", "weft"};

	for (size_t i = 0; i < array_len(RESERVED); i++)
		if (slice_equal_nocase(domain->name, slice_from_c(RESERVED[i])))
			error_at(r, domain->at,
				arena_printf(
					r->arena, "domain name \"%s\" is reserved", RESERVED[i]),
				"another name");
}

void check_set(struct reading *r)
{
	vec_each (struct manifest_domain, domain, &r->domains)
		check_domain(r, domain);
	vec_each (struct manifest_product, product, &r->products)
		check_product(r, product);
	vec_each (struct manifest_contract, contract, &r->contracts)
		check_contract(r, contract);
	check_policies(r);
}
