#pragma once

#include "base/arena.h"
#include "manifest/manifest.h"
#include "server/apply.h"

/* What a transform reads, told from its SQL. */
struct transform_reads {
	const struct manifest_product *product;
	const struct manifest_transform *transform;
	struct slice *tables; /* "domain.table", lower case as written */
	size_t table_count;
};

struct apply_work {
	struct server *server;
	struct arena *arena;
	const struct apply_request *request;
	struct manifest_file *old_files; /* in force, by path */
	size_t old_count;
	struct manifest_file *new_files; /* as they would be */
	size_t new_count;
	struct manifest_set old_set;
	struct manifest_set new_set;
	struct manifest_problems problems;
	struct transform_reads *reads;
	size_t read_count;
	int64_t base;
};

/* Filters, transforms, schedules: what only the gate and the clock can judge. Adds problems; fills
 * reads. false only for I/O (no worker). */
bool apply_check_sql(struct apply_work *work, struct error *err) must_check;
/* 42501 naming the first file that the identity may not change. */
bool apply_check_rights(const struct apply_work *work, struct error *err) must_check;
