#pragma once

#include "base/arena.h"
#include "manifest/manifest.h"
#include "server/apply.h"
#include "server/check-sql.h"

struct apply_work {
	struct server *server;
	struct arena *arena;
	const struct apply_request *request;
	const struct model *model;	 /* in force */
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
	bool policies_ours; /* governance/ is changed here, not by the mesh */
};

/* A set of mesh policies: like an apply of these files, but only what the files' own text can
 * get wrong refuses it (F0000); what cannot be evaluated on this node's tables denies them.
 * apply_lock is held. */
bool apply_policies_locked(
	struct server *server, const struct apply_request *request, struct error *err) must_check;

/* Filters, transforms, schedules: what only the gate and the clock can judge. Adds problems; fills
 * reads. false only for I/O (no worker). */
bool apply_check_sql(struct apply_work *work, struct error *err) must_check;
/* Storage folders of domains: below lake.dirs, none in another domain's. Adds problems. */
void apply_check_storage(struct apply_work *work);
/* Allow rules for groups that nobody is in: warnings, for administrators only, since others may not
 * know who is in a group. false only for I/O. */
bool apply_check_grants(struct apply_work *work, struct error *err) must_check;
/* Domains that the mesh file gives to another node (errors) or to none (warnings), and files in
 * governance/ that are changed at another node (errors). Adds problems. */
void apply_check_mesh(struct apply_work *work);
/* 42501 naming the first file that the identity may not change. */
bool apply_check_rights(const struct apply_work *work, struct error *err) must_check;
/* Administrators and the mesh's owners: they know of every domain. */
bool apply_sees_all(const struct apply_work *work);
/* Takes away the problems in files of domains and products that the identity may not know of. */
void apply_hide_problems(struct apply_work *work);
/* files in order of path; NULL = not there. */
const struct manifest_file *apply_find_file(
	const struct manifest_file *files, size_t count, struct slice path);
