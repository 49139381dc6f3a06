#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/map.h"
#include "base/slice.h"

/*
 * The mesh as files: YAML 1.2 manifests and SQL transforms to structs. Standards: Bitol ODPS 1.0.0
 * (data products) and ODCS 3.1.0 (contracts); our own kinds are `apiVersion: weft/v1, kind,
 * metadata: {name}, spec`. Bytes are foreign. Pure; any thread; all slices live in the arena given.
 * Sections of the standards that Weft does not act on are checked for their place and kept with the
 * file's text, which the store holds byte for byte.
 */
struct manifest_file {
	struct slice path; /* relative, '/': "domains/sales/domain.yaml" */
	struct slice text;
};

/* Where something stands. line and column from 1; 0 = the file as a whole. */
struct mark {
	struct slice path;
	int line;
	int column;
};

struct slices {
	struct slice *items;
	size_t len;
	size_t cap;
};

struct manifest_mesh {
	struct mark at;
	struct slice name;
	struct slice description;
	struct slices owners; /* groups or users */
};

struct manifest_domain {
	struct mark at;
	struct slice name;
	struct slice title;
	struct slice description;
	struct slices owners;
	struct slice team; /* group of the members; none = "team:<domain>" */
	bool hidden;
	struct slice storage; /* none = the node's lake */
	int64_t quota_bytes;  /* 0 = none, so for all quotas */
	int64_t quota_memory_bytes;
	int64_t quota_runs;
	int64_t retention_us;
};

struct manifest_setting {
	struct slice name;
	struct slice value; /* scalar text */
};

/* A secret is never in a manifest, only where it is found. */
struct manifest_secret {
	struct slice name;	/* "password" */
	struct slice from_file; /* one of both */
	struct slice from_env;
	struct mark at;
};

struct manifest_source {
	struct mark at;
	struct slice domain;
	struct slice name;
	struct slice description;
	struct slice connector; /* "postgres", "sqlite", "csv", "json", "parquet" */
	struct manifest_setting
		*settings; /* path, url, host, port, database, user, schema, delimiter, … */
	size_t setting_count;
	struct manifest_secret *secrets;
	size_t secret_count;
};

struct manifest_port {
	struct mark at;
	struct slice name; /* the table's name */
	struct slice version;
	int major;
	struct slice contract_id;
	struct slice description;
	size_t contract; /* index into contracts, SIZE_MAX when it was not found */
};

struct manifest_product {
	struct mark at;
	struct slice domain;
	struct slice folder; /* "domains/sales/orders" */
	struct slice id;
	struct slice name;  /* as in SQL: the file's, or else the folder's */
	struct slice title; /* the file's name as written */
	struct slice version;
	struct slice status;  /* "draft", "active", "deprecated", "retired" */
	struct slice kind;    /* "source-aligned", "aggregate", "consumer-aligned" */
	struct slice purpose; /* description.purpose */
	bool hidden;
	struct slices owners; /* of the product alone; customProperties owners */
	struct slices tags;
	struct manifest_port *ports; /* output ports */
	size_t port_count;
	size_t pipeline; /* index into pipelines, SIZE_MAX = none */
};

enum quality_type { QUALITY_LIBRARY, QUALITY_SQL, QUALITY_TEXT, QUALITY_CUSTOM };

struct manifest_quality {
	struct mark at;
	struct slice name; /* given, or made of metric and column */
	enum quality_type type;
	struct slice
		metric; /* rowCount, nullValues, missingValues, invalidValues, duplicateValues */
	struct slice column;	/* none = rule of the table */
	struct slice operator_; /* "mustBe", … */
	double value;
	double value_high; /* mustBeBetween, mustNotBeBetween */
	bool percent;
	struct slice query;
	struct mark query_at;
	struct slice arguments; /* JSON object text, "{}" when none */
	struct slice severity; /* "error" (stops a publish, also when none is given), others warn */
	struct slice dimension;
	struct slice description;
};

struct manifest_column {
	struct mark at;
	struct slice name;
	struct slice logical_type;
	struct slice physical_type;
	struct slice type; /* DuckDB spelling, from both */
	struct slice description;
	struct slice classification;
	struct slices tags;
	bool required;
	bool unique;
	int key_position; /* 1, … in the primary key; 0 = not part */
	int partition_position;
};

struct manifest_schema {
	struct mark at;
	struct slice name; /* of the table */
	struct slice physical_name;
	struct slice description;
	struct slices tags;
	struct manifest_column *columns;
	size_t column_count;
	struct manifest_quality *quality; /* of the table and its columns */
	size_t quality_count;
};

struct manifest_sla {
	struct mark at;
	struct slice property; /* "freshness", "frequency", "latency", "retention", … */
	struct slice element;  /* "table.column"; none */
	struct slice text;     /* the value as written */
	int64_t value_us;      /* value and unit, where they are a time; 0 */
};

struct manifest_contract {
	struct mark at;
	struct slice domain;
	struct slice id;
	struct slice name;
	struct slice version;
	int major;
	struct slice status;
	struct slice description; /* purpose */
	struct slices tags;
	struct manifest_schema *schemas;
	size_t schema_count;
	struct manifest_sla *slas;
	size_t sla_count;
};

struct manifest_ingest {
	struct mark at;
	struct slice table;
	struct slice source; /* of the same domain */
	struct slice object; /* table or path below the source's; none = the source's own */
	struct slice query;  /* instead of object, for databases; none */
	bool incremental;
	struct slice cursor; /* column */
	struct slice drift;  /* "fail" (default), "ignore", "add" */
	struct slices partition_by;
};

struct manifest_transform {
	struct slice path; /* of the .sql file */
	struct slice table;
	struct slice sql;
};

enum manifest_trigger { TRIGGER_NONE, TRIGGER_ANY, TRIGGER_ALL };

struct manifest_pipeline {
	struct mark at;
	struct slice folder; /* of its product */
	struct slice name;
	struct manifest_ingest *ingest;
	size_t ingest_count;
	struct manifest_transform *transforms; /* from the folder's .sql files */
	size_t transform_count;
	struct slice cron;
	struct mark cron_at;
	struct slice time_zone;
	enum manifest_trigger trigger; /* default: any, for a product with transforms */
	int64_t retry_max;
	int64_t retry_backoff_us;
};

/* One entry of `to` or `unless`: the principal is in one of groups, users or roles (or none of
 * these is given), and has one of the purposes, where some are given. */
struct manifest_who {
	struct slices groups;
	struct slices users;
	struct slices roles;
	struct slices purposes;
};

struct manifest_policy {
	struct mark at;
	struct slice name;
	struct slice domain; /* none = of the mesh */
	struct slice description;
	struct slice effect; /* "allow", "deny", "filter", "mask", "suppress" */
	struct slices products;
	struct slices tables;
	struct slices columns; /* "domain.table.column", "*" as a part */
	struct slices tags;
	struct slices classifications;
	struct manifest_who *to; /* any entry; no entry = everybody */
	size_t to_count;
	struct manifest_who *unless; /* any entry lifts the policy; no entry = nobody is let off */
	size_t unless_count;
	struct slice filter; /* SQL */
	struct mark filter_at;
	struct slice mask_method; /* "null", "constant", "partial", "pseudonym", "truncate" */
	struct slice mask_constant;
	struct slice mask_keep_after;
	struct slice mask_unit; /* "year", "month", "day", "hour", or a number */
	int64_t mask_keep_first;
	int64_t mask_keep_last;
	int64_t min_group;
	struct slices group_by; /* with min_group: columns that may tell groups apart */
	struct slice subject;	/* with min_group: the column whose distinct values count */
};

enum term_kind { TERM_TAG, TERM_CLASSIFICATION, TERM_PURPOSE };

struct manifest_term {
	struct mark at;
	enum term_kind kind;
	struct slice name;
	struct slice description;
};

struct manifest_set {
	struct manifest_mesh *mesh; /* NULL = no mesh.yaml among the files */
	struct manifest_domain *domains;
	size_t domain_count;
	struct manifest_source *sources;
	size_t source_count;
	struct manifest_product *products;
	size_t product_count;
	struct manifest_contract *contracts;
	size_t contract_count;
	struct manifest_pipeline *pipelines;
	size_t pipeline_count;
	struct manifest_policy *policies;
	size_t policy_count;
	struct manifest_term *terms;
	size_t term_count;
	/* for the lookups below */
	struct map products_by_name;
	struct map ports_by_name;
};

struct manifest_problem {
	struct mark at;
	struct slice message;  /* what was found and why it cannot be */
	struct slice expected; /* none */
	struct slice hint;     /* "did you mean …"; none */
	bool warning;
};

struct manifest_problems {
	struct arena *arena;
	struct manifest_problem *items;
	size_t len;
	size_t cap;
	size_t errors; /* those that are no warnings */
};

/* The whole mesh: every file of it (without mesh.yaml only when all lie in governance/). true when
 * there is no error; *out is filled as far as it could be in either case. Problems come in the
 * order of path, line, column. */
bool manifest_parse(struct arena *arena, const struct manifest_file *files, size_t count,
	struct manifest_set *out, struct manifest_problems *problems) must_check;
/* For checks that need more than the files (SQL, cron): adds a problem. */
void manifest_problem_add(struct manifest_problems *problems, struct mark at, bool warning,
	struct slice message, struct slice expected, struct slice hint);
/* By path, line and column, once more were added. */
void manifest_problems_sort(struct manifest_problems *problems);
/* The place of a byte of a file's text, for errors inside SQL. */
struct mark manifest_mark_in(struct slice path, struct slice text, size_t offset);

/* The place of the byte at offset of a value that begins at `at` in the YAML text: quotes, escapes
 * of ', indentation and folded lines are stepped over. */
struct mark manifest_mark_inside(
	struct slice text, struct mark at, struct slice value, size_t offset);

/* The product's port of the same name and major version; NULL when there is none. */
const struct manifest_port *manifest_same_port(
	const struct manifest_product *product, const struct manifest_port *wanted);
/* Lookups; SIZE_MAX when absent. */
size_t manifest_find_domain(const struct manifest_set *set, struct slice name);
size_t manifest_find_product(
	const struct manifest_set *set, struct slice domain, struct slice name);

struct manifest_port_found {
	const struct manifest_product *product; /* NULL = there is none */
	const struct manifest_port *port;
};

/* The port that SQL's domain.table names, in any case: "orders" is the newest major, "orders@1" the
 * one. */
struct manifest_port_found manifest_find_port(
	const struct manifest_set *set, struct slice domain, struct slice table);
/* The schema object of a contract that describes the port's table. NULL when there is none. */
const struct manifest_schema *manifest_port_schema(
	const struct manifest_set *set, const struct manifest_port *port);

/* "512MB" (powers of 1000), "1GiB", plain bytes; "500ms", "30s", "5min", "2h", "7d", "2w". */
bool manifest_size(struct slice text, int64_t *bytes_out) must_check;
bool manifest_duration(struct slice text, int64_t *us_out) must_check;
/* DuckDB's spelling of a column's type: physicalType when it is one DuckDB knows (PostgreSQL's
 * names too), else from logicalType; none when neither is known. */
struct slice manifest_type(struct arena *arena, struct slice physical, struct slice logical);

enum manifest_action {
	MANIFEST_CREATE,
	MANIFEST_CHANGE,
	MANIFEST_REBUILD, /* its data must be made anew */
	MANIFEST_REMOVE,
};

struct manifest_step {
	enum manifest_action action;
	struct slice kind; /* "DataProduct" */
	struct slice name; /* "sales.orders" */
	struct slice path;
	struct slices details; /* "column email added", "spec.owners: a became b" */
	bool data; /* what makes data changed: products were added as MANIFEST_REBUILD */
};

/* The files of a mesh and what manifest_parse made of them. */
struct manifest_side {
	const struct manifest_file *files;
	size_t count;
	const struct manifest_set *set;
};

/* What becomes of old by new; in order of kind, then name. Files whose text is the same are left
 * out. */
void manifest_diff(struct arena *arena, const struct manifest_side *old_side,
	const struct manifest_side *new_side, struct manifest_step **out, size_t *count_out);

struct manifest_break {
	struct slice domain;
	struct slice table;
	struct slice column; /* none = the table itself */
	struct slice what;   /* "removed", "type BIGINT became INTEGER", … */
	struct mark at;	     /* in the new files */
};

/* Breaks within a major version: table or column removed, type changed other than to a wider one,
 * required dropped, key changed. A port that is gone breaks, unless its product was retired. */
void manifest_breaking(struct arena *arena, const struct manifest_set *old_set,
	const struct manifest_set *new_set, struct manifest_break **out, size_t *count_out);

/* Promises of the same major version that become weaker (checks, service levels, retention): adds
 * warnings. */
void manifest_loosened(const struct manifest_set *old_set, const struct manifest_set *new_set,
	struct manifest_problems *problems);

/* One manifest in its one form: key order as written, two spaces, plain scalars where they can be.
 * 42601 when it is no YAML. */
bool manifest_format(
	struct arena *arena, struct slice text, struct slice *out, struct error *err) must_check;
