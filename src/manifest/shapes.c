/* The tables of our own kinds (docs/manifests.md); those of the standards are in
 * shapes-product.c and shapes-contract.c. */
#include "manifest/shape.h"

#define SHAPE(ident, text)                                                                         \
	const struct shape shape_##ident = {                                                       \
		.name = (text), .fields = ident##_fields, .count = array_len(ident##_fields)}
#define PART(ident, text)                                                                          \
	static const struct shape shape_##ident = {                                                \
		.name = (text), .fields = ident##_fields, .count = array_len(ident##_fields)}

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
	{"groupBy", FIELD_TEXTS, 0, NULL, NULL},
	{"subject", FIELD_TEXT, 0, NULL, NULL},
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
