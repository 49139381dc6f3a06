#pragma once

#include "base/arena.h"
#include "base/error.h"
#include "base/json.h"
#include "manifest/manifest.h"
#include "server/publish.h"
#include "server/runs.h"

/*
 * What a run asks of its job process (worker/job.h), made from the manifests in force: tables,
 * sources with their secrets, transforms with the relations that the owner team may see, checks.
 * The thread of the run.
 */
struct server;
struct model;
struct model_product;
struct query;

struct job_plan {
	struct arena *arena; /* of all below */
	int64_t run;
	enum run_mode mode;
	const struct model *model;
	const struct model_product *product;
	struct manifest_set set;
	const struct manifest_product *manifest;
	const struct manifest_pipeline *pipeline; /* NULL = none */
	json_t *request;
	const char *staging;
	struct publish_table *tables;
	size_t table_count;
	/* Per table its schema's quality rules, in the order of the checks' ids. */
	struct query **queries; /* of transforms: audited and closed at the run's end */
	size_t query_count;
};

/* 42704 when the product is gone; 42501 when the team may not read an input; F0000 for a secret
 * that cannot be resolved. */
bool job_plan_make(struct server *server, struct slice product, int64_t run, enum run_mode mode,
	struct job_plan **out, struct error *err) must_check;
void job_plan_free(struct job_plan **plan);
