/* ODCS 3.1.0, data contracts (https://bitol-io.github.io/open-data-contract-standard). */
#include "manifest/shapes-contract.h"

static const struct field custom_property_fields[] = {
	OPTIONAL("id", FIELD_ID),
	REQUIRED("property", FIELD_TEXT),
	REQUIRED("value", FIELD_ANY),
	OPTIONAL("description", FIELD_TEXT),
};
const struct shape shape_custom_property = SHAPE_OF(custom_property, "a custom property");

static const struct field link_fields[] = {
	OPTIONAL("id", FIELD_ID),
	REQUIRED("url", FIELD_TEXT),
	REQUIRED("type", FIELD_TEXT),
	OPTIONAL("description", FIELD_TEXT),
};
static const struct shape shape_link = SHAPE_OF(link, "an authoritative definition");

static const struct field description_fields[] = {
	OPTIONAL("purpose", FIELD_TEXT),
	OPTIONAL("limitations", FIELD_TEXT),
	OPTIONAL("usage", FIELD_TEXT),
	OBJECTS("authoritativeDefinitions", link),
	OBJECTS("customProperties", custom_property),
};
static const struct shape shape_description = {
	.name = "a description",
	.fields = description_fields,
	.count = array_len(description_fields),
	.open = true,
};

static const struct field role_fields[] = {
	OPTIONAL("id", FIELD_ID),
	REQUIRED("role", FIELD_TEXT),
	OPTIONAL("description", FIELD_TEXT),
	OPTIONAL("access", FIELD_TEXT),
	OPTIONAL("firstLevelApprovers", FIELD_TEXT),
	OPTIONAL("secondLevelApprovers", FIELD_TEXT),
	OBJECTS("customProperties", custom_property),
};
const struct shape shape_role = SHAPE_OF(role, "a role");

/* Chapter "Data Quality": what a rule has beside these depends on its type. */
#define OPERATORS                                                                                  \
	OPTIONAL("mustBe", FIELD_NUMBER), OPTIONAL("mustNotBe", FIELD_NUMBER),                     \
		OPTIONAL("mustBeGreaterThan", FIELD_NUMBER),                                       \
		OPTIONAL("mustBeGreaterOrEqualTo", FIELD_NUMBER),                                  \
		OPTIONAL("mustBeLessThan", FIELD_NUMBER),                                          \
		OPTIONAL("mustBeLessOrEqualTo", FIELD_NUMBER),                                     \
		OPTIONAL("mustBeBetween", FIELD_TWO), OPTIONAL("mustNotBeBetween", FIELD_TWO)

static const struct field library_fields[] = {
	WORDS("metric", "nullValues|missingValues|invalidValues|duplicateValues|rowCount"),
	OPTIONAL("rule", FIELD_TEXT), /* metric's name before 3.1 */
	OPTIONAL("arguments", FIELD_OBJECT),
	OPERATORS,
};
static const struct shape shape_library =
	SHAPE_OF(library, "a quality rule of type library (the default)");

static const struct field sql_fields[] = {
	OPTIONAL("query", FIELD_TEXT),
	OPERATORS,
};
static const struct shape shape_sql = SHAPE_OF(sql, "a quality rule of type sql");

static const struct field engine_fields[] = {
	REQUIRED("engine", FIELD_TEXT),
	REQUIRED("implementation", FIELD_TEXT_OR_OBJECT),
};
static const struct shape shape_engine = SHAPE_OF(engine, "a quality rule of type custom");

static const struct shape *quality_of(const struct node *node)
{
	struct slice type = node_text(node_get(node, "type"));

	if (slice_equal_c(type, "sql"))
		return &shape_sql;
	if (slice_equal_c(type, "custom"))
		return &shape_engine;
	return slice_equal_c(type, "text") ? NULL : &shape_library;
}

static const struct field quality_fields[] = {
	OPTIONAL("id", FIELD_ID),
	OPTIONAL("name", FIELD_TEXT),
	OPTIONAL("description", FIELD_TEXT),
	WORDS("type", "text|library|sql|custom"),
	OPTIONAL("unit", FIELD_TEXT),
	OPTIONAL("severity", FIELD_TEXT),
	WORDS("dimension",
		"accuracy|completeness|conformity|consistency|coverage|timeliness|uniqueness"),
	OPTIONAL("businessImpact", FIELD_TEXT),
	OPTIONAL("method", FIELD_TEXT),
	OPTIONAL("scheduler", FIELD_TEXT),
	OPTIONAL("schedule", FIELD_TEXT),
	OPTIONAL("tags", FIELD_TEXTS),
	OBJECTS("authoritativeDefinitions", link),
	OBJECTS("customProperties", custom_property),
};
static const struct shape shape_quality = {
	.name = "a quality rule of type text",
	.fields = quality_fields,
	.count = array_len(quality_fields),
	.variant = quality_of,
};

/* Chapter "References": beside a property its own place is where they come from. */
static const struct field relationship_fields[] = {
	WORDS("type", "foreignKey"),
	REQUIRED("from", FIELD_REFERENCES),
	REQUIRED("to", FIELD_REFERENCES),
	OBJECTS("customProperties", custom_property),
};
static const struct shape shape_relationship = SHAPE_OF(relationship, "a table's relationship");

static const struct field column_relationship_fields[] = {
	WORDS("type", "foreignKey"),
	REQUIRED("to", FIELD_REFERENCES),
	OBJECTS("customProperties", custom_property),
};
static const struct shape shape_column_relationship =
	SHAPE_OF(column_relationship, "a property's relationship");

/* Chapter "Schema": options and parts of a property by its logicalType. */
#define LIMITS(kind)                                                                               \
	OPTIONAL("minimum", kind), OPTIONAL("maximum", kind), OPTIONAL("exclusiveMinimum", kind),  \
		OPTIONAL("exclusiveMaximum", kind)

static const struct field string_options_fields[] = {
	OPTIONAL("minLength", FIELD_INT),
	OPTIONAL("maxLength", FIELD_INT),
	OPTIONAL("pattern", FIELD_TEXT),
	OPTIONAL("format", FIELD_TEXT),
};
static const struct shape shape_string_options = SHAPE_OF(string_options, "options of a string");

static const struct field date_options_fields[] = {
	OPTIONAL("format", FIELD_TEXT),
	LIMITS(FIELD_TEXT),
};
static const struct shape shape_date_options = SHAPE_OF(date_options, "options of a date");

static const struct field time_options_fields[] = {
	OPTIONAL("format", FIELD_TEXT),
	LIMITS(FIELD_TEXT),
	OPTIONAL("timezone", FIELD_BOOL),
	OPTIONAL("defaultTimezone", FIELD_TEXT),
};
static const struct shape shape_time_options =
	SHAPE_OF(time_options, "options of a timestamp or time");

static const struct field integer_options_fields[] = {
	OPTIONAL("multipleOf", FIELD_POSITIVE),
	LIMITS(FIELD_NUMBER),
	WORDS("format", "i8|i16|i32|i64|i128|u8|u16|u32|u64|u128"),
};
static const struct shape shape_integer_options =
	SHAPE_OF(integer_options, "options of an integer");

static const struct field number_options_fields[] = {
	OPTIONAL("multipleOf", FIELD_POSITIVE),
	LIMITS(FIELD_NUMBER),
	WORDS("format", "f32|f64"),
};
static const struct shape shape_number_options = SHAPE_OF(number_options, "options of a number");

static const struct field object_options_fields[] = {
	OPTIONAL("minProperties", FIELD_INT),
	OPTIONAL("maxProperties", FIELD_INT),
	OPTIONAL("required", FIELD_KEYS),
};
static const struct shape shape_object_options = SHAPE_OF(object_options, "options of an object");

static const struct field array_options_fields[] = {
	OPTIONAL("minItems", FIELD_INT),
	OPTIONAL("maxItems", FIELD_INT),
	OPTIONAL("uniqueItems", FIELD_BOOL),
};
static const struct shape shape_array_options = SHAPE_OF(array_options, "options of an array");

static const struct shape shape_property;
static const struct shape shape_item;

#define TYPED(ident, text, ...)                                                                    \
	static const struct field ident##_property_fields[] = {                                    \
		OBJECT("logicalTypeOptions", ident##_options), __VA_ARGS__};                       \
	static const struct shape shape_##ident##_property =                                       \
		SHAPE_OF(ident##_property, "a property of logicalType " text)
#define NO_PARTS OPTIONAL("logicalType", FIELD_TEXT) /* stands in property_fields already */

TYPED(string, "string", NO_PARTS);
TYPED(date, "date", NO_PARTS);
TYPED(time, "timestamp or time", NO_PARTS);
TYPED(integer, "integer", NO_PARTS);
TYPED(number, "number", NO_PARTS);
TYPED(object, "object", OBJECTS("properties", property));
TYPED(array, "array", OBJECT("items", item));

static const struct field boolean_property_fields[] = {
	OPTIONAL("logicalTypeOptions", FIELD_OBJECT)};
static const struct shape shape_boolean_property =
	SHAPE_OF(boolean_property, "a property of logicalType boolean");

/* physicalType alone says what it is. */
static const struct field untyped_property_fields[] = {
	OBJECTS("properties", property),
	OBJECT("items", item),
};
static const struct shape shape_untyped_property =
	SHAPE_OF(untyped_property, "a property without logicalType");

static const struct shape *property_of(const struct node *node)
{
	static const struct {
		const char *type;
		const struct shape *shape;
	} TYPES[] = {
		{"string", &shape_string_property},
		{"date", &shape_date_property},
		{"timestamp", &shape_time_property},
		{"time", &shape_time_property},
		{"integer", &shape_integer_property},
		{"number", &shape_number_property},
		{"object", &shape_object_property},
		{"array", &shape_array_property},
		{"boolean", &shape_boolean_property},
	};
	struct slice type = node_text(node_get(node, "logicalType"));

	for (size_t i = 0; i < array_len(TYPES); i++)
		if (slice_equal_c(type, TYPES[i].type))
			return TYPES[i].shape;
	return slice_is_none(type) ? &shape_untyped_property : NULL;
}

#define ELEMENT                                                                                    \
	OPTIONAL("id", FIELD_ID), OPTIONAL("businessName", FIELD_TEXT),                            \
		OPTIONAL("physicalName", FIELD_TEXT), OPTIONAL("physicalType", FIELD_TEXT),        \
		OPTIONAL("description", FIELD_TEXT), OPTIONAL("tags", FIELD_TEXTS),                \
		OBJECTS("authoritativeDefinitions", link),                                         \
		OBJECTS("customProperties", custom_property), OBJECTS("quality", quality)

#define PROPERTY                                                                                   \
	ELEMENT,                                                                                   \
		WORDS("logicalType",                                                               \
			"string|date|timestamp|time|number|integer|object|array|boolean"),         \
		OPTIONAL("required", FIELD_BOOL), OPTIONAL("unique", FIELD_BOOL),                  \
		OPTIONAL("primaryKey", FIELD_BOOL),                                                \
		OPTIONAL("primaryKeyPosition", FIELD_INTEGER), /* -1 is none */                    \
		OPTIONAL("partitioned", FIELD_BOOL),                                               \
		OPTIONAL("partitionKeyPosition", FIELD_INTEGER),                                   \
		OPTIONAL("classification", FIELD_TEXT), OPTIONAL("encryptedName", FIELD_TEXT),     \
		OPTIONAL("transformSourceObjects", FIELD_TEXTS),                                   \
		OPTIONAL("transformLogic", FIELD_TEXT),                                            \
		OPTIONAL("transformDescription", FIELD_TEXT), OPTIONAL("examples", FIELD_LIST),    \
		OPTIONAL("criticalDataElement", FIELD_BOOL),                                       \
		OBJECTS("relationships", column_relationship)

static const struct field property_fields[] = {REQUIRED("name", FIELD_TEXT), PROPERTY};
static const struct shape shape_property = {
	.name = "a property",
	.fields = property_fields,
	.count = array_len(property_fields),
	.variant = property_of,
};

/* What an array holds: it needs no name. */
static const struct field item_fields[] = {
	OPTIONAL("name", FIELD_TEXT), PROPERTY, OBJECTS("properties", property)};
static const struct shape shape_item = {
	.name = "an item",
	.fields = item_fields,
	.count = array_len(item_fields),
	.variant = property_of,
};

static const struct field schema_fields[] = {
	REQUIRED("name", FIELD_TEXT),
	ELEMENT,
	WORDS("logicalType", "object"),
	OPTIONAL("dataGranularityDescription", FIELD_TEXT),
	OBJECTS("relationships", relationship),
	OBJECTS("properties", property),
};
static const struct shape shape_schema = SHAPE_OF(schema, "a schema object");

static const struct field support_fields[] = {
	OPTIONAL("id", FIELD_ID),
	REQUIRED("channel", FIELD_TEXT),
	OPTIONAL("url", FIELD_TEXT),
	OPTIONAL("description", FIELD_TEXT),
	OPTIONAL("tool", FIELD_TEXT),
	OPTIONAL("scope", FIELD_TEXT),
	OPTIONAL("invitationUrl", FIELD_TEXT),
	OBJECTS("customProperties", custom_property),
};
static const struct shape shape_support = SHAPE_OF(support, "a support channel");

static const struct field price_fields[] = {
	OPTIONAL("id", FIELD_ID),
	OPTIONAL("priceAmount", FIELD_NUMBER),
	OPTIONAL("priceCurrency", FIELD_TEXT),
	OPTIONAL("priceUnit", FIELD_TEXT),
};
static const struct shape shape_price = SHAPE_OF(price, "a price");

static const struct field member_fields[] = {
	REQUIRED("username", FIELD_TEXT),
	OPTIONAL("role", FIELD_TEXT),
	OPTIONAL("dateIn", FIELD_DATE),
	OPTIONAL("dateOut", FIELD_DATE),
	OPTIONAL("replacedByUsername", FIELD_TEXT),
};
static const struct shape shape_member = SHAPE_OF(member, "a team member");

static const struct shape shape_team_member;
static const struct field members_fields[] = {OBJECTS("members", team_member)};
static const struct shape shape_members = SHAPE_OF(members, "a team");

/* A team, or as before 3.1 the list of its members. */
static const struct shape *team_of(const struct node *node)
{
	bool listed = node->parent && node->parent->kind == NODE_SEQUENCE;

	return listed ? &shape_member : &shape_members;
}

static const struct field team_fields[] = {
	OPTIONAL("id", FIELD_ID),
	OPTIONAL("name", FIELD_TEXT),
	OPTIONAL("description", FIELD_TEXT),
	OPTIONAL("tags", FIELD_TEXTS),
	OBJECTS("customProperties", custom_property),
	OBJECTS("authoritativeDefinitions", link),
};
static const struct shape shape_team_member = {
	.name = "a team member",
	.fields = team_fields,
	.count = array_len(team_fields),
	.variant = team_of,
};

static const struct field sla_fields[] = {
	OPTIONAL("id", FIELD_ID),
	REQUIRED("property", FIELD_TEXT),
	REQUIRED("value", FIELD_SCALAR),
	OPTIONAL("valueExt", FIELD_SCALAR),
	OPTIONAL("unit", FIELD_TEXT),
	OPTIONAL("element", FIELD_TEXT),
	OPTIONAL("driver", FIELD_TEXT),
	OPTIONAL("description", FIELD_TEXT),
	OPTIONAL("scheduler", FIELD_TEXT),
	OPTIONAL("schedule", FIELD_TEXT),
};
static const struct shape shape_sla = SHAPE_OF(sla, "an SLA property");

static const struct field contract_fields[] = {
	{"apiVersion", FIELD_CHOICE, FIELD_REQUIRED, "v3.1.0|v3.0.2|v3.0.1|v3.0.0", NULL},
	{"kind", FIELD_CHOICE, FIELD_REQUIRED, "DataContract", NULL},
	REQUIRED("id", FIELD_TEXT),
	OPTIONAL("name", FIELD_TEXT),
	REQUIRED("version", FIELD_TEXT),
	{"status", FIELD_CHOICE, FIELD_REQUIRED, "proposed|draft|active|deprecated|retired", NULL},
	OPTIONAL("tenant", FIELD_TEXT),
	OPTIONAL("domain", FIELD_TEXT),
	OPTIONAL("dataProduct", FIELD_TEXT),
	OBJECT("description", description),
	OPTIONAL("tags", FIELD_TEXTS),
	OBJECTS("servers", server),
	OBJECTS("schema", schema),
	OBJECTS("support", support),
	OBJECT("price", price),
	{"team", FIELD_ONE_OR_MORE, 0, NULL, &shape_team_member},
	OBJECTS("roles", role),
	OPTIONAL("slaDefaultElement", FIELD_TEXT),
	OBJECTS("slaProperties", sla),
	OBJECTS("authoritativeDefinitions", link),
	OBJECTS("customProperties", custom_property),
	OPTIONAL("contractCreatedTs", FIELD_TIME),
};
const struct shape shape_contract = {
	.name = "a DataContract",
	.fields = contract_fields,
	.count = array_len(contract_fields),
	.standard = true,
};
