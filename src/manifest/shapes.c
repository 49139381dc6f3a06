/*
 * The tables: our own kinds (docs/manifests.md) and the standards' objects: ODPS 1.0.0
 * (https://bitol-io.github.io/open-data-product-standard) and ODCS 3.1.0
 * (https://bitol-io.github.io/open-data-contract-standard).
 */
#include "manifest/shape.h"

#define SHAPE(ident, text)                                                                         \
	const struct shape shape_##ident = {text, ident##_fields, array_len(ident##_fields)}
#define PART(ident, text)                                                                          \
	static const struct shape shape_##ident = {text, ident##_fields, array_len(ident##_fields)}

/* Every own kind: apiVersion, kind, metadata, spec. */
static const struct field metadata_fields[] = {
	{"name", FIELD_NAME, FIELD_REQUIRED, NULL, NULL},
	{"title", FIELD_TEXT, 0, NULL, NULL},
	{"description", FIELD_TEXT, 0, NULL, NULL},
};
PART(metadata, "metadata");

/* Policies and the like have names that are no SQL names. */
static const struct field label_fields[] = {
	{"name", FIELD_TEXT, FIELD_REQUIRED, NULL, NULL},
	{"title", FIELD_TEXT, 0, NULL, NULL},
	{"description", FIELD_TEXT, 0, NULL, NULL},
};
PART(label, "metadata");

#define OWN_KIND(ident, kind_name, head)                                                           \
	static const struct field ident##_fields[] = {                                             \
		{"apiVersion", FIELD_CHOICE, FIELD_REQUIRED, "weft/v1", NULL},                     \
		{"kind", FIELD_CHOICE, FIELD_REQUIRED, kind_name, NULL},                           \
		{"metadata", FIELD_OBJECT, FIELD_REQUIRED, NULL, &shape_##head},                   \
		{"spec", FIELD_OBJECT, FIELD_REQUIRED, NULL, &shape_##ident##_spec},               \
	};                                                                                         \
	SHAPE(ident, "a " kind_name)

static const struct field mesh_spec_fields[] = {
	{"description", FIELD_TEXT, 0, NULL, NULL},
	{"owners", FIELD_TEXTS, FIELD_REQUIRED, NULL, NULL},
};
PART(mesh_spec, "spec of a Mesh");
OWN_KIND(mesh, "Mesh", label);

static const struct field quotas_fields[] = {
	{"bytes", FIELD_SIZE, 0, NULL, NULL},
	{"memory", FIELD_SIZE, 0, NULL, NULL},
	{"concurrentRuns", FIELD_INT, 0, NULL, NULL},
};
PART(quotas, "quotas");

static const struct field infrastructure_fields[] = {
	{"storage", FIELD_TEXT, 0, NULL, NULL},
	{"quotas", FIELD_OBJECT, 0, NULL, &shape_quotas},
	{"retention", FIELD_DURATION, 0, NULL, NULL},
};
PART(infrastructure, "infrastructure");

static const struct field channel_fields[] = {
	{"type", FIELD_TEXT, FIELD_REQUIRED, NULL, NULL},
	{"url", FIELD_TEXT, 0, NULL, NULL},
	{"description", FIELD_TEXT, 0, NULL, NULL},
};
PART(channel, "a channel");

static const struct field domain_spec_fields[] = {
	{"description", FIELD_TEXT, 0, NULL, NULL},
	{"owners", FIELD_TEXTS, FIELD_REQUIRED, NULL, NULL},
	{"team", FIELD_TEXT, 0, NULL, NULL},
	{"channels", FIELD_OBJECTS, 0, NULL, &shape_channel},
	{"hidden", FIELD_BOOL, 0, NULL, NULL},
	{"infrastructure", FIELD_OBJECT, 0, NULL, &shape_infrastructure},
};
PART(domain_spec, "spec of a Domain");
OWN_KIND(domain, "Domain", metadata);

static const struct field source_spec_fields[] = {
	{"connector", FIELD_CHOICE, FIELD_REQUIRED, "postgres|sqlite|csv|json|parquet", NULL},
	{"description", FIELD_TEXT, 0, NULL, NULL},
	{"path", FIELD_TEXT, 0, NULL, NULL},
	{"url", FIELD_TEXT, 0, NULL, NULL},
	{"host", FIELD_TEXT, 0, NULL, NULL},
	{"port", FIELD_INT, 0, NULL, NULL},
	{"database", FIELD_TEXT, 0, NULL, NULL},
	{"schema", FIELD_TEXT, 0, NULL, NULL},
	{"user", FIELD_TEXT, 0, NULL, NULL},
	{"sslmode", FIELD_CHOICE, 0, "disable|prefer|require|verify-ca|verify-full", NULL},
	{"sslrootcert", FIELD_TEXT, 0, NULL, NULL},
	{"parallel", FIELD_INT, 0, NULL, NULL},
	{"delimiter", FIELD_TEXT, 0, NULL, NULL},
	{"quote", FIELD_TEXT, 0, NULL, NULL},
	{"header", FIELD_BOOL, 0, NULL, NULL},
	{"null", FIELD_TEXT, 0, NULL, NULL},
	{"dateFormat", FIELD_TEXT, 0, NULL, NULL},
	{"timestampFormat", FIELD_TEXT, 0, NULL, NULL},
	{"format", FIELD_CHOICE, 0, "array|newline_delimited|auto", NULL},
	{"password", FIELD_ANY, 0, NULL, NULL}, /* a reference: looked at by its reader */
	{"token", FIELD_ANY, 0, NULL, NULL},
};
PART(source_spec, "spec of a Source");
OWN_KIND(source, "Source", metadata);

static const struct field on_fields[] = {
	{"products", FIELD_TEXTS, 0, NULL, NULL},
	{"tables", FIELD_TEXTS, 0, NULL, NULL},
	{"columns", FIELD_TEXTS, 0, NULL, NULL},
	{"tags", FIELD_TEXTS, 0, NULL, NULL},
	{"classifications", FIELD_TEXTS, 0, NULL, NULL},
};
PART(on, "what a policy is on");

static const struct field who_fields[] = {
	{"groups", FIELD_TEXTS, 0, NULL, NULL},
	{"users", FIELD_TEXTS, 0, NULL, NULL},
	{"roles", FIELD_TEXTS, 0, NULL, NULL},
	{"purposes", FIELD_TEXTS, 0, NULL, NULL},
};
PART(who, "whom a policy is for");

static const struct field mask_fields[] = {
	{"method", FIELD_CHOICE, FIELD_REQUIRED, "null|constant|partial|pseudonym|truncate", NULL},
	{"constant", FIELD_TEXT, 0, NULL, NULL},
	{"keepFirst", FIELD_INT, 0, NULL, NULL},
	{"keepLast", FIELD_INT, 0, NULL, NULL},
	{"keepAfter", FIELD_TEXT, 0, NULL, NULL},
	{"unit", FIELD_TEXT, 0, NULL, NULL},
};
PART(mask, "a mask");

static const struct field policy_spec_fields[] = {
	{"description", FIELD_TEXT, 0, NULL, NULL},
	{"effect", FIELD_CHOICE, FIELD_REQUIRED, "allow|deny|filter|mask|suppress", NULL},
	{"on", FIELD_OBJECT, FIELD_REQUIRED, NULL, &shape_on},
	{"to", FIELD_ONE_OR_MORE, 0, NULL, &shape_who},
	{"unless", FIELD_ONE_OR_MORE, 0, NULL, &shape_who},
	{"filter", FIELD_TEXT, 0, NULL, NULL},
	{"mask", FIELD_OBJECT, 0, NULL, &shape_mask},
	{"minGroup", FIELD_INT, 0, NULL, NULL},
};
PART(policy_spec, "spec of a Policy");
OWN_KIND(policy, "Policy", label);

static const struct field ingest_fields[] = {
	{"table", FIELD_TEXT, FIELD_REQUIRED, NULL, NULL}, /* or table@major */
	{"source", FIELD_NAME, FIELD_REQUIRED, NULL, NULL},
	{"object", FIELD_TEXT, 0, NULL, NULL},
	{"query", FIELD_TEXT, 0, NULL, NULL},
	{"mode", FIELD_CHOICE, 0, "full|incremental", NULL},
	{"cursor", FIELD_TEXT, 0, NULL, NULL},
	{"drift", FIELD_CHOICE, 0, "fail|ignore|add", NULL},
	{"partitionBy", FIELD_TEXTS, 0, NULL, NULL},
};
PART(ingest, "an ingest entry");

static const struct field schedule_fields[] = {
	{"cron", FIELD_TEXT, FIELD_REQUIRED, NULL, NULL},
	{"timeZone", FIELD_TEXT, 0, NULL, NULL},
};
PART(schedule, "a schedule");

static const struct field triggers_fields[] = {
	{"upstream", FIELD_CHOICE, 0, "any|all|none", NULL},
};
PART(triggers, "triggers");

static const struct field retries_fields[] = {
	{"max", FIELD_INT, 0, NULL, NULL},
	{"backoff", FIELD_DURATION, 0, NULL, NULL},
};
PART(retries, "retries");

static const struct field pipeline_spec_fields[] = {
	{"description", FIELD_TEXT, 0, NULL, NULL},
	{"ingest", FIELD_OBJECTS, 0, NULL, &shape_ingest},
	{"schedule", FIELD_OBJECT, 0, NULL, &shape_schedule},
	{"triggers", FIELD_OBJECT, 0, NULL, &shape_triggers},
	{"retries", FIELD_OBJECT, 0, NULL, &shape_retries},
};
PART(pipeline_spec, "spec of a Pipeline");
OWN_KIND(pipeline, "Pipeline", metadata);

static const struct field term_fields[] = {
	{"name", FIELD_TEXT, FIELD_REQUIRED, NULL, NULL},
	{"description", FIELD_TEXT, 0, NULL, NULL},
};
PART(term, "a term");

static const struct field vocabulary_spec_fields[] = {
	{"tags", FIELD_OBJECTS, 0, NULL, &shape_term},
	{"classifications", FIELD_OBJECTS, 0, NULL, &shape_term},
	{"purposes", FIELD_OBJECTS, 0, NULL, &shape_term},
};
PART(vocabulary_spec, "spec of a Vocabulary");
OWN_KIND(vocabulary, "Vocabulary", label);

/* Shared by both standards. */
static const struct field description_fields[] = {
	{"purpose", FIELD_TEXT, 0, NULL, NULL},
	{"limitations", FIELD_TEXT, 0, NULL, NULL},
	{"usage", FIELD_TEXT, 0, NULL, NULL},
	{"authoritativeDefinitions", FIELD_ANY, 0, NULL, NULL},
	{"customProperties", FIELD_ANY, 0, NULL, NULL},
};
PART(description, "a description");

static const struct field custom_fields[] = {
	{"id", FIELD_TEXT, 0, NULL, NULL},
	{"property", FIELD_TEXT, FIELD_REQUIRED, NULL, NULL},
	{"value", FIELD_ANY, FIELD_REQUIRED, NULL, NULL},
	{"description", FIELD_TEXT, 0, NULL, NULL},
};
PART(custom, "a custom property");

static const struct field port_fields[] = {
	{"name", FIELD_NAME, FIELD_REQUIRED, NULL, NULL},
	{"version", FIELD_TEXT, FIELD_REQUIRED, NULL, NULL},
	{"contractId", FIELD_TEXT, 0, NULL, NULL},
	{"description", FIELD_TEXT, 0, NULL, NULL},
	{"type", FIELD_TEXT, 0, NULL, NULL},
	{"sbom", FIELD_ANY, 0, NULL, NULL},
	{"inputContracts", FIELD_ANY, 0, NULL, NULL},
};
PART(port, "an output port");

static const struct field product_fields[] = {
	{"apiVersion", FIELD_CHOICE, FIELD_REQUIRED, "v1.0.0|v0.9.0", NULL},
	{"kind", FIELD_CHOICE, FIELD_REQUIRED, "DataProduct", NULL},
	{"id", FIELD_TEXT, FIELD_REQUIRED, NULL, NULL},
	{"name", FIELD_NAME, FIELD_REQUIRED, NULL, NULL},
	{"version", FIELD_TEXT, 0, NULL, NULL},
	{"status", FIELD_CHOICE, FIELD_REQUIRED, "proposed|draft|active|deprecated|retired", NULL},
	{"domain", FIELD_TEXT, 0, NULL, NULL},
	{"tenant", FIELD_TEXT, 0, NULL, NULL},
	{"authoritativeDefinitions", FIELD_ANY, 0, NULL, NULL},
	{"description", FIELD_OBJECT, 0, NULL, &shape_description},
	{"customProperties", FIELD_OBJECTS, 0, NULL, &shape_custom},
	{"tags", FIELD_TEXTS, 0, NULL, NULL},
	{"inputPorts", FIELD_ANY, 0, NULL, NULL},
	{"outputPorts", FIELD_OBJECTS, FIELD_REQUIRED, NULL, &shape_port},
	{"managementPorts", FIELD_ANY, 0, NULL, NULL},
	{"support", FIELD_ANY, 0, NULL, NULL},
	{"team", FIELD_ANY, 0, NULL, NULL},
	{"productCreatedTs", FIELD_TEXT, 0, NULL, NULL},
};
SHAPE(product, "a DataProduct");

static const struct field quality_fields[] = {
	{"id", FIELD_TEXT, 0, NULL, NULL},
	{"name", FIELD_TEXT, 0, NULL, NULL},
	{"description", FIELD_TEXT, 0, NULL, NULL},
	{"type", FIELD_CHOICE, 0, "text|library|sql|custom", NULL},
	{"metric", FIELD_CHOICE, 0,
		"nullValues|missingValues|invalidValues|duplicateValues|rowCount", NULL},
	{"rule", FIELD_TEXT, 0, NULL, NULL},
	{"arguments", FIELD_ANY, 0, NULL, NULL},
	{"query", FIELD_TEXT, 0, NULL, NULL},
	{"engine", FIELD_TEXT, 0, NULL, NULL},
	{"implementation", FIELD_ANY, 0, NULL, NULL},
	{"mustBe", FIELD_NUMBER, 0, NULL, NULL},
	{"mustNotBe", FIELD_NUMBER, 0, NULL, NULL},
	{"mustBeGreaterThan", FIELD_NUMBER, 0, NULL, NULL},
	{"mustBeGreaterOrEqualTo", FIELD_NUMBER, 0, NULL, NULL},
	{"mustBeLessThan", FIELD_NUMBER, 0, NULL, NULL},
	{"mustBeLessOrEqualTo", FIELD_NUMBER, 0, NULL, NULL},
	{"mustBeBetween", FIELD_TWO, 0, NULL, NULL},
	{"mustNotBeBetween", FIELD_TWO, 0, NULL, NULL},
	{"unit", FIELD_TEXT, 0, NULL, NULL},
	{"severity", FIELD_TEXT, 0, NULL, NULL},
	{"dimension", FIELD_CHOICE, 0,
		"accuracy|completeness|conformity|consistency|coverage|timeliness|uniqueness",
		NULL},
	{"businessImpact", FIELD_TEXT, 0, NULL, NULL},
	{"method", FIELD_TEXT, 0, NULL, NULL},
	{"scheduler", FIELD_TEXT, 0, NULL, NULL},
	{"schedule", FIELD_TEXT, 0, NULL, NULL},
	{"tags", FIELD_TEXTS, 0, NULL, NULL},
	{"authoritativeDefinitions", FIELD_ANY, 0, NULL, NULL},
	{"customProperties", FIELD_ANY, 0, NULL, NULL},
};
PART(quality, "a quality rule");

static const struct shape shape_property;

static const struct field property_fields[] = {
	{"id", FIELD_TEXT, 0, NULL, NULL},
	{"name", FIELD_TEXT, 0, NULL, NULL},
	{"businessName", FIELD_TEXT, 0, NULL, NULL},
	{"physicalName", FIELD_TEXT, 0, NULL, NULL},
	{"physicalType", FIELD_TEXT, 0, NULL, NULL},
	{"logicalType", FIELD_CHOICE, 0,
		"string|date|timestamp|time|number|integer|object|array|boolean", NULL},
	{"logicalTypeOptions", FIELD_ANY, 0, NULL, NULL},
	{"description", FIELD_TEXT, 0, NULL, NULL},
	{"required", FIELD_BOOL, 0, NULL, NULL},
	{"unique", FIELD_BOOL, 0, NULL, NULL},
	{"primaryKey", FIELD_BOOL, 0, NULL, NULL},
	{"primaryKeyPosition", FIELD_ANY, 0, NULL, NULL}, /* -1 is allowed */
	{"partitioned", FIELD_BOOL, 0, NULL, NULL},
	{"partitionKeyPosition", FIELD_ANY, 0, NULL, NULL},
	{"classification", FIELD_TEXT, 0, NULL, NULL},
	{"encryptedName", FIELD_TEXT, 0, NULL, NULL},
	{"transformSourceObjects", FIELD_TEXTS, 0, NULL, NULL},
	{"transformLogic", FIELD_TEXT, 0, NULL, NULL},
	{"transformDescription", FIELD_TEXT, 0, NULL, NULL},
	{"examples", FIELD_ANY, 0, NULL, NULL},
	{"criticalDataElement", FIELD_BOOL, 0, NULL, NULL},
	{"relationships", FIELD_ANY, 0, NULL, NULL},
	{"tags", FIELD_TEXTS, 0, NULL, NULL},
	{"authoritativeDefinitions", FIELD_ANY, 0, NULL, NULL},
	{"customProperties", FIELD_ANY, 0, NULL, NULL},
	{"quality", FIELD_OBJECTS, 0, NULL, &shape_quality},
	{"items", FIELD_OBJECT, 0, NULL, &shape_property},
	{"properties", FIELD_OBJECTS, 0, NULL, &shape_property},
};
static const struct shape shape_property = {
	"a property", property_fields, array_len(property_fields)};

static const struct field schema_fields[] = {
	{"id", FIELD_TEXT, 0, NULL, NULL},
	{"name", FIELD_TEXT, FIELD_REQUIRED, NULL, NULL},
	{"businessName", FIELD_TEXT, 0, NULL, NULL},
	{"logicalType", FIELD_CHOICE, 0, "object", NULL},
	{"physicalName", FIELD_TEXT, 0, NULL, NULL},
	{"physicalType", FIELD_TEXT, 0, NULL, NULL},
	{"description", FIELD_TEXT, 0, NULL, NULL},
	{"dataGranularityDescription", FIELD_TEXT, 0, NULL, NULL},
	{"tags", FIELD_TEXTS, 0, NULL, NULL},
	{"authoritativeDefinitions", FIELD_ANY, 0, NULL, NULL},
	{"customProperties", FIELD_ANY, 0, NULL, NULL},
	{"relationships", FIELD_ANY, 0, NULL, NULL},
	{"quality", FIELD_OBJECTS, 0, NULL, &shape_quality},
	{"properties", FIELD_OBJECTS, 0, NULL, &shape_property},
};
PART(schema, "a schema object");

static const struct field sla_fields[] = {
	{"id", FIELD_TEXT, 0, NULL, NULL},
	{"property", FIELD_TEXT, FIELD_REQUIRED, NULL, NULL},
	{"value", FIELD_ANY, FIELD_REQUIRED, NULL, NULL},
	{"valueExt", FIELD_ANY, 0, NULL, NULL},
	{"unit", FIELD_TEXT, 0, NULL, NULL},
	{"element", FIELD_TEXT, 0, NULL, NULL},
	{"driver", FIELD_TEXT, 0, NULL, NULL},
	{"description", FIELD_TEXT, 0, NULL, NULL},
	{"scheduler", FIELD_TEXT, 0, NULL, NULL},
	{"schedule", FIELD_TEXT, 0, NULL, NULL},
};
PART(sla, "an SLA property");

static const struct field contract_fields[] = {
	{"apiVersion", FIELD_CHOICE, FIELD_REQUIRED, "v3.1.0|v3.0.2|v3.0.1|v3.0.0", NULL},
	{"kind", FIELD_CHOICE, FIELD_REQUIRED, "DataContract", NULL},
	{"id", FIELD_TEXT, FIELD_REQUIRED, NULL, NULL},
	{"name", FIELD_TEXT, 0, NULL, NULL},
	{"version", FIELD_TEXT, FIELD_REQUIRED, NULL, NULL},
	{"status", FIELD_CHOICE, FIELD_REQUIRED, "proposed|draft|active|deprecated|retired", NULL},
	{"tenant", FIELD_TEXT, 0, NULL, NULL},
	{"domain", FIELD_TEXT, 0, NULL, NULL},
	{"dataProduct", FIELD_TEXT, 0, NULL, NULL},
	{"description", FIELD_OBJECT, 0, NULL, &shape_description},
	{"tags", FIELD_TEXTS, 0, NULL, NULL},
	{"servers", FIELD_ANY, 0, NULL, NULL},
	{"schema", FIELD_OBJECTS, 0, NULL, &shape_schema},
	{"support", FIELD_ANY, 0, NULL, NULL},
	{"price", FIELD_ANY, 0, NULL, NULL},
	{"team", FIELD_ANY, 0, NULL, NULL},
	{"roles", FIELD_ANY, 0, NULL, NULL},
	{"slaDefaultElement", FIELD_TEXT, 0, NULL, NULL},
	{"slaProperties", FIELD_OBJECTS, 0, NULL, &shape_sla},
	{"authoritativeDefinitions", FIELD_ANY, 0, NULL, NULL},
	{"customProperties", FIELD_ANY, 0, NULL, NULL},
	{"contractCreatedTs", FIELD_TEXT, 0, NULL, NULL},
};
SHAPE(contract, "a DataContract");
