/* The standards' kinds: data products (ODPS) and contracts (ODCS). */
#include "base/json.h"
#include "base/str.h"
#include "manifest/read.h"
#include "manifest/shape.h"

enum { MAX_MAJOR = 9999 };

int read_major(struct reading *r, const struct node *version)
{
	struct slice rest = node_text(version);
	struct slice first = slice_split(&rest, '.');
	uint64_t major;

	if (first.len && (first.ptr[0] == 'v' || first.ptr[0] == 'V'))
		first = slice_sub(first, 1, first.len);
	if (slice_to_u64(first, &major) && major <= MAX_MAJOR)
		return (int)major;
	if (version)
		manifest_problem_add(r->problems, version->at, false,
			arena_printf(r->arena, "version \"%.*s\" has no major number",
				SLICE_FMT(version->text)),
			SLICE("a semantic version such as 1.0.0"), SLICE_NONE);
	return 0;
}

/* Value of a custom property; NULL when absent. */
static const struct node *custom(const struct node *root, const char *name)
{
	const struct node *list = node_get(root, "customProperties");

	for (const struct node *item = list ? list->first : NULL; item; item = item->next)
		if (slice_equal_c(node_text(node_get(item, "property")), name))
			return node_get(item, "value");
	return NULL;
}

static struct slice product_status(const struct node *root)
{
	struct slice status = node_text(node_get(root, "status"));

	return slice_equal_c(status, "proposed") ? SLICE("draft") : status;
}

static void read_ports(struct reading *r, struct manifest_product *product, const struct node *list)
{
	product->ports = arena_array_of(r->arena, struct manifest_port, list ? list->count : 0);
	for (const struct node *item = list ? list->first : NULL; item; item = item->next)
		product->ports[product->port_count++] = (struct manifest_port){
			.at = item->at,
			.name = node_text(node_get(item, "name")),
			.version = node_text(node_get(item, "version")),
			.major = read_major(r, node_get(item, "version")),
			.contract_id = node_text(node_get(item, "contractId")),
			.description = node_text(node_get(item, "description")),
			.contract = SIZE_MAX,
		};
}

/* A name that SQL cannot have is a title; the folder's name is then the product's. */
static struct slice product_name(struct reading *r, const struct node *root, struct slice folder)
{
	struct slice name = node_text(node_get(root, "name"));
	struct slice rest = folder;
	struct slice last = SLICE_NONE;

	if (shape_is_name(name))
		return name;
	while (!slice_is_none(rest))
		last = slice_split(&rest, '/');
	if (!shape_is_name(last))
		manifest_problem_add(r->problems, root->at, false,
			arena_printf(r->arena, "the folder \"%.*s\" is no name of a product",
				SLICE_FMT(last)),
			SLICE("lower-case letters, digits and _, a letter first"), SLICE_NONE);
	return last;
}

void read_product(
	struct reading *r, const struct node *root, struct slice domain, struct slice folder)
{
	struct slice kind = node_text(custom(root, "kind"));
	struct manifest_product product = {
		.at = root->at,
		.domain = domain,
		.folder = folder,
		.id = node_text(node_get(root, "id")),
		.name = product_name(r, root, folder),
		.title = node_text(node_get(root, "name")),
		.version = node_text(node_get(root, "version")),
		.status = product_status(root),
		.kind = slice_is_none(kind) ? SLICE("source-aligned") : kind,
		.purpose = node_text(node_get(node_get(root, "description"), "purpose")),
		.hidden = node_bool(custom(root, "hidden"), false),
		.owners = read_texts(r->arena, custom(root, "owners")),
		.tags = read_texts(r->arena, node_get(root, "tags")),
		.pipeline = SIZE_MAX,
	};
	const struct node *named = node_get(root, "domain");

	if (!slice_is_none(node_text(named)) && !slice_equal(named->text, domain))
		manifest_problem_add(r->problems, named->at, false,
			arena_printf(r->arena, "domain \"%.*s\" does not fit the file's place",
				SLICE_FMT(named->text)),
			arena_printf(r->arena, "\"%.*s\", as in the path", SLICE_FMT(domain)),
			SLICE_NONE);
	read_ports(r, &product, node_get(root, "outputPorts"));
	vec_push(r->arena, &r->products, product);
}

static json_t *json_of(const struct node *node);

/* Arguments keep their types: numbers and booleans of YAML 1.2's core schema. */
static json_t *scalar_json(const struct node *node)
{
	int64_t integer;
	double number;

	if (node_is_null(node))
		return json_null();
	if (node->plain && slice_to_i64(node->text, &integer))
		return json_integer(integer);
	if (node->plain && slice_to_double(node->text, &number))
		return json_real(number);
	if (node->plain && slice_equal_c(node->text, "true"))
		return json_true();
	if (node->plain && slice_equal_c(node->text, "false"))
		return json_false();
	return json_from_slice(node->text);
}

static json_t *json_of(const struct node *node)
{
	if (node->kind == NODE_SCALAR)
		return scalar_json(node);
	json_t *out = node->kind == NODE_SEQUENCE ? json_array() : json_object();

	for (const struct node *item = node->first; item; item = item->next) {
		if (node->kind == NODE_SEQUENCE)
			json_array_append_new(out, json_of(item));
		else
			json_object_setn_new(out, item->key.ptr, item->key.len, json_of(item));
	}
	return out;
}

static void read_operator(struct reading *r, struct manifest_quality *rule, const struct node *node)
{
	static const char *const OPERATORS[] = {"mustBe", "mustNotBe", "mustBeGreaterThan",
		"mustBeGreaterOrEqualTo", "mustBeLessThan", "mustBeLessOrEqualTo", "mustBeBetween",
		"mustNotBeBetween"};

	for (size_t i = 0; i < array_len(OPERATORS); i++) {
		const struct node *value = node_get(node, OPERATORS[i]);

		if (!value)
			continue;
		if (rule->operator_.len)
			manifest_problem_add(r->problems, value->key_at, false,
				SLICE("a quality rule has two operators"), SLICE("one of them"),
				SLICE_NONE);
		rule->operator_ = slice_from_c(OPERATORS[i]);
		const struct node *low = value->kind == NODE_SEQUENCE ? value->first : value;

		if (!slice_to_double(node_text(low), &rule->value) ||
			(value->kind == NODE_SEQUENCE &&
				!slice_to_double(node_text(value->last), &rule->value_high)))
			rule->value = 0; /* the shape's check has said so */
	}
}

static enum quality_type quality_type_of(const struct node *node)
{
	struct slice type = node_text(node_get(node, "type"));

	if (slice_equal_c(type, "sql"))
		return QUALITY_SQL;
	if (slice_equal_c(type, "text"))
		return QUALITY_TEXT;
	return slice_equal_c(type, "custom") ? QUALITY_CUSTOM : QUALITY_LIBRARY;
}

/* ODCS 3.0 called a library rule's metric "rule". */
static void check_metric_name(struct reading *r, const struct node *node)
{
	const struct node *rule = node_get(node, "rule");
	const struct node *root = node;

	while (root->parent)
		root = root->parent;
	if (rule && !node_get(node, "metric") &&
		!slice_starts_with(node_text(node_get(root, "apiVersion")), SLICE("v3.0")))
		manifest_problem_add(r->problems, rule->key_at, true,
			SLICE("\"rule\" is the name of a metric before ODCS 3.1"),
			SLICE("metric: and the same word"), SLICE_NONE);
}

static void check_quality(
	struct reading *r, const struct node *node, const struct manifest_quality *rule)
{
	const char *missing = NULL;

	if (rule->type == QUALITY_LIBRARY && slice_is_none(rule->metric))
		missing = "metric";
	else if (rule->type == QUALITY_SQL && slice_is_none(rule->query))
		missing = "query";
	else if (rule->type <= QUALITY_SQL && rule->operator_.len == 0)
		missing = "an operator such as mustBe";
	if (missing)
		manifest_problem_add(r->problems, node->at, false,
			arena_printf(r->arena, "a quality rule lacks %s", missing), SLICE_NONE,
			SLICE_NONE);
}

static void read_quality(struct reading *r, struct manifest_schema *schema, struct slice column,
	const struct node *list)
{
	size_t more = list ? list->count : 0;

	schema->quality = arena_grow(r->arena, schema->quality,
		schema->quality_count * sizeof *schema->quality,
		(schema->quality_count + more) * sizeof *schema->quality);
	for (const struct node *item = list ? list->first : NULL; item; item = item->next) {
		const struct node *arguments = node_get(item, "arguments");
		const struct node *query = node_get(item, "query");
		struct slice severity = node_text(node_get(item, "severity"));
		struct slice metric = node_text(node_get(item, "metric"));
		struct slice name = node_text(node_get(item, "name"));
		struct manifest_quality rule = {
			.at = item->at,
			.type = quality_type_of(item),
			.metric =
				slice_is_none(metric) ? node_text(node_get(item, "rule")) : metric,
			.column = column,
			.percent = slice_equal_c(node_text(node_get(item, "unit")), "percent"),
			.query = node_text(query),
			.query_at = query ? query->at : item->at,
			.arguments = SLICE("{}"),
			.severity = severity.len ? severity : SLICE("error"),
			.dimension = node_text(node_get(item, "dimension")),
			.description = node_text(node_get(item, "description")),
		};

		if (arguments && arguments->kind == NODE_MAPPING) {
			scoped(json_drop) json_t *json = json_of(arguments);

			rule.arguments = json_print(r->arena, json);
		}
		read_operator(r, &rule, item);
		check_quality(r, item, &rule);
		check_metric_name(r, item);
		rule.name =
			!slice_is_none(name)
				? name
				: arena_printf(r->arena, "%.*s%s%.*s",
					  SLICE_FMT(rule.metric.len ? rule.metric : SLICE("sql")),
					  column.len ? "-" : "", SLICE_FMT(column));
		schema->quality[schema->quality_count++] = rule;
	}
}

/* Position in a key: given, or 1 for a single one; -1 and absent are none. */
static int key_position(const struct node *property, const char *flag, const char *position)
{
	int64_t at = read_int(node_get(property, position), -1);

	if (!node_bool(node_get(property, flag), false))
		return 0;
	return at >= 1 && at <= 1000 ? (int)at : 1;
}

/* logicalTypeOptions that say how wide a number is, or that a timestamp has no zone. */
static struct slice type_by_options(struct slice logical, const struct node *options)
{
	static const char *const FORMATS[][3] = {
		{"integer", "i8", "TINYINT"},
		{"integer", "i16", "SMALLINT"},
		{"integer", "i32", "INTEGER"},
		{"integer", "i64", "BIGINT"},
		{"integer", "i128", "HUGEINT"},
		{"integer", "u8", "UTINYINT"},
		{"integer", "u16", "USMALLINT"},
		{"integer", "u32", "UINTEGER"},
		{"integer", "u64", "UBIGINT"},
		{"number", "f32", "FLOAT"},
		{"number", "f64", "DOUBLE"},
		{"string", "uuid", "UUID"},
		{"string", "binary", "BLOB"},
	};
	struct slice format = node_text(node_get(options, "format"));

	if (slice_equal_c(logical, "timestamp") && !node_bool(node_get(options, "timezone"), true))
		return SLICE("TIMESTAMP");
	for (size_t i = 0; i < array_len(FORMATS); i++)
		if (slice_equal_c(logical, FORMATS[i][0]) && slice_equal_c(format, FORMATS[i][1]))
			return slice_from_c(FORMATS[i][2]);
	return SLICE_NONE;
}

/* physicalType where it is known, else the options, else logicalType; an array of what its items
 * are. */
static struct slice column_type(struct reading *r, const struct node *property)
{
	struct slice logical = node_text(node_get(property, "logicalType"));
	struct slice type =
		manifest_type(r->arena, node_text(node_get(property, "physicalType")), SLICE_NONE);
	const struct node *items = node_get(property, "items");

	if (slice_is_none(type))
		type = type_by_options(logical, node_get(property, "logicalTypeOptions"));
	if (slice_is_none(type) && slice_equal_c(logical, "array") && items &&
		items->kind == NODE_MAPPING) {
		struct slice item = column_type(r, items);

		if (!slice_is_none(item))
			type = arena_printf(r->arena, "%.*s[]", SLICE_FMT(item));
	}
	return slice_is_none(type) ? manifest_type(r->arena, SLICE_NONE, logical) : type;
}

static void read_column(
	struct reading *r, struct manifest_schema *schema, const struct node *property)
{
	struct slice name = node_text(node_get(property, "name"));
	struct manifest_column column = {
		.at = property->at,
		.name = name,
		.logical_type = node_text(node_get(property, "logicalType")),
		.physical_type = node_text(node_get(property, "physicalType")),
		.description = node_text(node_get(property, "description")),
		.classification = node_text(node_get(property, "classification")),
		.tags = read_texts(r->arena, node_get(property, "tags")),
		.required = node_bool(node_get(property, "required"), false),
		.unique = node_bool(node_get(property, "unique"), false),
		.key_position = key_position(property, "primaryKey", "primaryKeyPosition"),
		.partition_position = key_position(property, "partitioned", "partitionKeyPosition"),
	};

	column.type = column_type(r, property);
	if (slice_is_none(name)) {
		manifest_problem_add(r->problems, property->at, false,
			SLICE("a property lacks \"name\""), SLICE_NONE, SLICE_NONE);
		return;
	}
	if (slice_is_none(column.type)) {
		manifest_problem_add(r->problems, property->at, false,
			arena_printf(r->arena, "column \"%.*s\" has no type that is known",
				SLICE_FMT(name)),
			SLICE("physicalType (BIGINT, VARCHAR, DECIMAL(12,2), …) or logicalType"),
			SLICE_NONE);
		column.type = SLICE("VARCHAR");
	}
	for (size_t i = 0; i < schema->column_count; i++)
		if (slice_equal_nocase(schema->columns[i].name, name))
			manifest_problem_add(r->problems, property->at, false,
				arena_printf(r->arena, "column \"%.*s\" stands here twice",
					SLICE_FMT(name)),
				SLICE("each name once; case does not count"), SLICE_NONE);
	schema->columns[schema->column_count++] = column;
}

static void read_schema(
	struct reading *r, struct manifest_contract *contract, const struct node *node)
{
	const struct node *properties = node_get(node, "properties");
	struct manifest_schema schema = {
		.at = node->at,
		.name = node_text(node_get(node, "name")),
		.physical_name = node_text(node_get(node, "physicalName")),
		.description = node_text(node_get(node, "description")),
		.tags = read_texts(r->arena, node_get(node, "tags")),
	};

	schema.columns = arena_array_of(
		r->arena, struct manifest_column, properties ? properties->count : 0);
	read_quality(r, &schema, SLICE_NONE, node_get(node, "quality"));
	for (const struct node *p = properties ? properties->first : NULL; p; p = p->next) {
		read_column(r, &schema, p);
		read_quality(r, &schema, node_text(node_get(p, "name")), node_get(p, "quality"));
	}
	contract->schemas[contract->schema_count++] = schema;
}

/* value and unit of an SLA as a time: units of ODCS ("d, day, days for days; y, yr, years for
 * years") and finer. A year is 365 days, a month 30. */
static int64_t sla_time(struct arena *arena, struct slice value, struct slice unit)
{
	static const struct {
		const char *names; /* separated by | */
		const char *as;
		int times;
	} UNITS[] = {
		{"s|sec|second|seconds", "s", 1},
		{"m|min|minute|minutes", "min", 1},
		{"h|hr|hour|hours", "h", 1},
		{"d|day|days", "d", 1},
		{"w|week|weeks", "w", 1},
		{"mo|month|months", "d", 30},
		{"y|yr|year|years", "d", 365},
	};
	int64_t us;

	if (slice_is_none(unit))
		return manifest_duration(value, &us) ? us : 0;
	for (size_t i = 0; i < array_len(UNITS); i++) {
		struct slice names = slice_from_c(UNITS[i].names);

		while (!slice_is_none(names))
			if (slice_equal(unit, slice_split(&names, '|')) &&
				manifest_duration(arena_printf(arena, "%.*s%s", SLICE_FMT(value),
							  UNITS[i].as),
					&us))
				return us <= INT64_MAX / UNITS[i].times ? us * UNITS[i].times : 0;
	}
	return 0;
}

static void read_slas(
	struct reading *r, struct manifest_contract *contract, const struct node *list)
{
	contract->slas = arena_array_of(r->arena, struct manifest_sla, list ? list->count : 0);
	for (const struct node *item = list ? list->first : NULL; item; item = item->next) {
		struct slice value = node_text(node_get(item, "value"));

		contract->slas[contract->sla_count++] = (struct manifest_sla){
			.at = item->at,
			.property = node_text(node_get(item, "property")),
			.element = node_text(node_get(item, "element")),
			.text = value,
			.value_us = sla_time(r->arena, value, node_text(node_get(item, "unit"))),
		};
	}
}

void read_contract(struct reading *r, const struct node *root, struct slice domain)
{
	const struct node *schemas = node_get(root, "schema");
	struct manifest_contract contract = {
		.at = root->at,
		.domain = domain,
		.id = node_text(node_get(root, "id")),
		.name = node_text(node_get(root, "name")),
		.version = node_text(node_get(root, "version")),
		.major = read_major(r, node_get(root, "version")),
		.status = node_text(node_get(root, "status")),
		.description = node_text(node_get(node_get(root, "description"), "purpose")),
		.tags = read_texts(r->arena, node_get(root, "tags")),
	};

	contract.schemas =
		arena_array_of(r->arena, struct manifest_schema, schemas ? schemas->count : 0);
	for (const struct node *s = schemas ? schemas->first : NULL; s; s = s->next)
		if (s->kind == NODE_MAPPING)
			read_schema(r, &contract, s);
	read_slas(r, &contract, node_get(root, "slaProperties"));
	vec_push(r->arena, &r->contracts, contract);
}
