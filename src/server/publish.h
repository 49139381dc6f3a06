#pragma once

#include <stdint.h>

#include "base/error.h"
#include "base/json.h"
#include "manifest/manifest.h"

/*
 * Makes a run's result visible: intent in SQLite, files into the tables' folders, a Delta commit
 * per table, one SQLite transaction. A crash leaves the intent; publish_recover carries it to its
 * end at the next start. The checks have passed before. The thread of the run.
 */
struct server;
struct model_product;

/* A table of the product that the run made, and where it goes. */
struct publish_table {
	struct slice job_name; /* as in the job's request and result */
	struct slice key;      /* "orders@1" */
	struct slice location; /* absolute folder */
	const struct manifest_schema *schema;
	struct slice partition_columns; /* JSON array */
};

struct publish_request {
	struct server *server;
	const struct model_product *product;
	int64_t run;
	const char *staging; /* absolute */
	const struct publish_table *tables;
	size_t table_count;
	const json_t *result; /* W_RESULT */
};

/* 53400 over the domain's quota, 53100 disk full; nothing is visible then. */
bool publish_result(
	const struct publish_request *request, int64_t *version_out, struct error *err) must_check;
/* Intents that a crash left. */
bool publish_recover(struct server *server, int64_t *carried_out, struct error *err) must_check;
