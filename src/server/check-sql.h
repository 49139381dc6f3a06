#pragma once

#include "base/arena.h"
#include "base/error.h"
#include "manifest/manifest.h"
#include "server/parse.h"

/*
 * The checks of manifests that need more than their files: SQL of transforms, filters and rules
 * goes through the parser and the gate that statements go through and is bound to empty tables
 * of the contracts' columns; transforms must not read each other in a circle; schedules must be
 * ones. For apply and for `weft validate`. One thread at a time.
 */
struct transform_reads {
	const struct manifest_product *product;
	const struct manifest_transform *transform;
	struct slice *tables; /* "domain.table", lower case as written */
	size_t table_count;
	bool versions; /* reads a table at a version of its own */
};

struct sql_check {
	struct arena *arena;
	struct parser parser;
	const struct manifest_set *set;
	const struct manifest_set *before; /* in force; NULL = nothing is */
	const struct manifest_file *files; /* of the set */
	size_t file_count;
	struct manifest_problems *problems;
	/* Whether who asks may know of a product of another domain that this transform reads; NULL:
	 * of all. */
	bool (*knows)(void *ctx, const struct manifest_transform *transform, struct slice domain,
		struct slice product);
	void *ctx;
	struct transform_reads *reads; /* filled: what each transform reads */
	size_t read_count;
};

/* cron and timeZone of pipelines; asks nobody. */
void check_schedules(struct sql_check *check);
/* Filters, rules and transforms. Adds problems. false only when no worker can be had. */
bool check_sql(struct sql_check *check, struct error *err) must_check;

/* check-transform.c: transforms and their circles. */
bool check_transforms(struct sql_check *check, struct error *err) must_check;
/* A problem of a text that stands in a YAML value (at) or, for at.line 0, is a file of its own.
 * skip: characters that the text as parsed has in front. */
void check_add(struct sql_check *check, struct mark at, struct slice value, int skip,
	const struct error *why, const char *what);
/* An empty relation with the columns of a schema object. */
struct wire_relation check_relation(struct arena *arena, struct slice schema, struct slice name,
	const struct manifest_schema *from);
