#pragma once

#include "base/arena.h"
#include "base/error.h"
#include "base/json.h"
#include "base/slice.h"

/*
 * Manifests in, manifests out. One apply at a time; all of it or nothing. Any thread.
 *
 * Who may change what: a domain's files its owners and administrators; mesh.yaml, governance/ and
 * new domains the mesh's owners and administrators. Refused with 42501 naming the file.
 */
struct server;
struct auth_identity;
struct run_watch;

struct apply_file {
	struct slice path; /* relative, '/': "domains/sales/domain.yaml" */
	struct slice text;
};

enum apply_flags {
	APPLY_DRY_RUN = 1 << 0, /* only the plan */
	APPLY_PRUNE = 1 << 1, /* what stands in the store below scope and not in files is removed */
	APPLY_NO_RUN = 1 << 2, /* do not start runs for what was created or changed */
};

struct apply_request {
	const struct auth_identity *identity;
	const struct apply_file *files;
	size_t file_count;
	struct slice
		scope; /* folder that files are the whole of, for APPLY_PRUNE; none = the mesh */
	int64_t expected_apply; /* id of the plan's "base"; another apply since then: 40001. -1 =
				   any */
	unsigned flags;
};

/*
 * *out, also when the manifests have errors (then "ok" is false and nothing was changed; false is
 * only returned for rights, conflicts, I/O):
 * {"ok":bool,"base":n,"apply":n,
 *  "changes":[{"action":"create|change|rebuild|remove","kind":"DataProduct","name":"sales.orders",
 *              "path":"…","details":["column email added"…]}…],
 *  "breaking":[{"table":"sales.orders","column":"email","what":"removed","path","line",
 *               "dependants":["customers.c360"…]}…],
 *  "errors":[{"path","line","column","message","expected","hint"}…],
 *  "runs":[{"id":n,"product":"sales.orders"}…]}            the runs that apply started, in order
 */
bool apply_files(struct server *server, const struct apply_request *request, json_t **out,
	struct error *err) must_check;

struct apply_files {
	struct apply_file *items;
	size_t count;
};

/* The files of the newest apply below scope (none = all) that the identity may read, byte for byte
 * as applied. In the arena. */
bool apply_export(struct server *server, const struct auth_identity *identity, struct slice scope,
	struct arena *arena, struct apply_files *out, struct error *err) must_check;
