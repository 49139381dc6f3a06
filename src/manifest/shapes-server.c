/* Servers of ODCS 3.1.0: each type has fields of its own (chapter "Infrastructure & Servers"). */
#include <string.h>

#include "manifest/shapes-contract.h"

static const struct field api_fields[] = {
	REQUIRED("location", FIELD_TEXT),
};

static const struct field athena_fields[] = {
	REQUIRED("stagingDir", FIELD_TEXT),
	REQUIRED("schema", FIELD_TEXT),
	OPTIONAL("catalog", FIELD_TEXT),
	OPTIONAL("regionName", FIELD_TEXT),
};

static const struct field azure_fields[] = {
	REQUIRED("location", FIELD_TEXT),
	REQUIRED("format", FIELD_TEXT),
	OPTIONAL("delimiter", FIELD_TEXT),
};

static const struct field bigquery_fields[] = {
	REQUIRED("project", FIELD_TEXT),
	REQUIRED("dataset", FIELD_TEXT),
};

static const struct field clickhouse_fields[] = {
	REQUIRED("host", FIELD_TEXT),
	REQUIRED("port", FIELD_INT),
	REQUIRED("database", FIELD_TEXT),
};

static const struct field databricks_fields[] = {
	OPTIONAL("host", FIELD_TEXT),
	REQUIRED("catalog", FIELD_TEXT),
	REQUIRED("schema", FIELD_TEXT),
};

static const struct field denodo_fields[] = {
	REQUIRED("host", FIELD_TEXT),
	REQUIRED("port", FIELD_INT),
	OPTIONAL("database", FIELD_TEXT),
};

static const struct field dremio_fields[] = {
	REQUIRED("host", FIELD_TEXT),
	REQUIRED("port", FIELD_INT),
	OPTIONAL("schema", FIELD_TEXT),
};

static const struct field duckdb_fields[] = {
	REQUIRED("database", FIELD_TEXT),
	OPTIONAL("schema", FIELD_TEXT),
};

static const struct field glue_fields[] = {
	REQUIRED("account", FIELD_TEXT),
	REQUIRED("database", FIELD_TEXT),
	OPTIONAL("location", FIELD_TEXT),
	OPTIONAL("format", FIELD_TEXT),
};

static const struct field cloudsql_fields[] = {
	REQUIRED("host", FIELD_TEXT),
	REQUIRED("port", FIELD_INT),
	REQUIRED("database", FIELD_TEXT),
	REQUIRED("schema", FIELD_TEXT),
};

static const struct field db2_fields[] = {
	REQUIRED("host", FIELD_TEXT),
	REQUIRED("port", FIELD_INT),
	REQUIRED("database", FIELD_TEXT),
	OPTIONAL("schema", FIELD_TEXT),
};

static const struct field hive_fields[] = {
	REQUIRED("host", FIELD_TEXT),
	OPTIONAL("port", FIELD_INT),
	REQUIRED("database", FIELD_TEXT),
};

static const struct field custom_fields[] = {
	OPTIONAL("account", FIELD_TEXT),
	OPTIONAL("catalog", FIELD_TEXT),
	OPTIONAL("database", FIELD_TEXT),
	OPTIONAL("dataset", FIELD_TEXT),
	OPTIONAL("delimiter", FIELD_TEXT),
	OPTIONAL("endpointUrl", FIELD_TEXT),
	OPTIONAL("format", FIELD_TEXT),
	OPTIONAL("host", FIELD_TEXT),
	OPTIONAL("location", FIELD_TEXT),
	OPTIONAL("path", FIELD_TEXT),
	OPTIONAL("port", FIELD_INT),
	OPTIONAL("project", FIELD_TEXT),
	OPTIONAL("region", FIELD_TEXT),
	OPTIONAL("regionName", FIELD_TEXT),
	OPTIONAL("schema", FIELD_TEXT),
	OPTIONAL("serviceName", FIELD_TEXT),
	OPTIONAL("stagingDir", FIELD_TEXT),
	OPTIONAL("warehouse", FIELD_TEXT),
	OPTIONAL("stream", FIELD_TEXT),
};

static const struct field kafka_fields[] = {
	REQUIRED("host", FIELD_TEXT),
	OPTIONAL("format", FIELD_TEXT),
};

static const struct field kinesis_fields[] = {
	OPTIONAL("region", FIELD_TEXT),
	OPTIONAL("format", FIELD_TEXT),
};

static const struct field local_fields[] = {
	REQUIRED("path", FIELD_TEXT),
	REQUIRED("format", FIELD_TEXT),
};

static const struct field oracle_fields[] = {
	REQUIRED("host", FIELD_TEXT),
	REQUIRED("port", FIELD_INT),
	REQUIRED("serviceName", FIELD_TEXT),
};

static const struct field presto_fields[] = {
	REQUIRED("host", FIELD_TEXT),
	OPTIONAL("catalog", FIELD_TEXT),
	OPTIONAL("schema", FIELD_TEXT),
};

static const struct field pubsub_fields[] = {
	REQUIRED("project", FIELD_TEXT),
};

static const struct field redshift_fields[] = {
	OPTIONAL("host", FIELD_TEXT),
	REQUIRED("database", FIELD_TEXT),
	REQUIRED("schema", FIELD_TEXT),
	OPTIONAL("region", FIELD_TEXT),
	OPTIONAL("account", FIELD_TEXT),
};

static const struct field s3_fields[] = {
	REQUIRED("location", FIELD_TEXT),
	OPTIONAL("endpointUrl", FIELD_TEXT),
	OPTIONAL("format", FIELD_TEXT),
	OPTIONAL("delimiter", FIELD_TEXT),
};

static const struct field sftp_fields[] = {
	REQUIRED("location", FIELD_TEXT),
	OPTIONAL("format", FIELD_TEXT),
	OPTIONAL("delimiter", FIELD_TEXT),
};

static const struct field snowflake_fields[] = {
	OPTIONAL("host", FIELD_TEXT),
	OPTIONAL("port", FIELD_INT),
	REQUIRED("account", FIELD_TEXT),
	REQUIRED("database", FIELD_TEXT),
	REQUIRED("schema", FIELD_TEXT),
	OPTIONAL("warehouse", FIELD_TEXT),
};

static const struct field sqlserver_fields[] = {
	REQUIRED("host", FIELD_TEXT),
	OPTIONAL("port", FIELD_INT),
	REQUIRED("database", FIELD_TEXT),
	REQUIRED("schema", FIELD_TEXT),
};

static const struct field trino_fields[] = {
	REQUIRED("host", FIELD_TEXT),
	REQUIRED("port", FIELD_INT),
	REQUIRED("catalog", FIELD_TEXT),
	REQUIRED("schema", FIELD_TEXT),
};

#define SERVER(type, ident)                                                                        \
	{                                                                                          \
		.name = "a server of type " type, .fields = ident##_fields,                        \
		.count = array_len(ident##_fields)                                                 \
	}

static const struct shape servers[] = {
	SERVER("api", api),
	SERVER("athena", athena),
	SERVER("azure", azure),
	SERVER("bigquery", bigquery),
	SERVER("clickhouse", clickhouse),
	SERVER("databricks", databricks),
	SERVER("denodo", denodo),
	SERVER("dremio", dremio),
	SERVER("duckdb", duckdb),
	SERVER("glue", glue),
	SERVER("cloudsql", cloudsql),
	SERVER("db2", db2),
	SERVER("hive", hive),
	SERVER("impala", hive),
	SERVER("informix", hive),
	SERVER("zen", hive),
	SERVER("custom", custom),
	SERVER("kafka", kafka),
	SERVER("kinesis", kinesis),
	SERVER("local", local),
	SERVER("mysql", clickhouse),
	SERVER("oracle", oracle),
	SERVER("postgresql", cloudsql),
	SERVER("postgres", cloudsql),
	SERVER("presto", presto),
	SERVER("pubsub", pubsub),
	SERVER("redshift", redshift),
	SERVER("s3", s3),
	SERVER("sftp", sftp),
	SERVER("snowflake", snowflake),
	SERVER("sqlserver", sqlserver),
	SERVER("synapse", clickhouse),
	SERVER("trino", trino),
	SERVER("vertica", cloudsql),
};

static const struct shape *server_of(const struct node *node)
{
	struct slice type = node_text(node_get(node, "type"));
	const size_t prefix = strlen("a server of type ");

	for (size_t i = 0; i < array_len(servers); i++)
		if (slice_equal_c(type, servers[i].name + prefix))
			return &servers[i];
	return NULL;
}

static const struct field server_fields[] = {
	REQUIRED("server", FIELD_TEXT),
	{"type", FIELD_CHOICE, FIELD_REQUIRED,
		"api|athena|azure|bigquery|clickhouse|databricks|denodo|dremio|duckdb|glue|"
		"cloudsql|db2|hive|impala|informix|zen|custom|kafka|kinesis|local|mysql|oracle|"
		"postgresql|postgres|presto|pubsub|redshift|s3|sftp|snowflake|sqlserver|synapse|"
		"trino|vertica",
		NULL},
	OPTIONAL("description", FIELD_TEXT),
	OPTIONAL("environment", FIELD_TEXT),
	OBJECTS("roles", role),
	OBJECTS("customProperties", custom_property),
};
const struct shape shape_server = {
	.name = "a server",
	.fields = server_fields,
	.count = array_len(server_fields),
	.variant = server_of,
};
