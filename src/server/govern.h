#pragma once

#include "base/arena.h"
#include "base/error.h"
#include "policy/policy.h"
#include "server/plans.h"
#include "server/pool.h"
#include "sql/sql.h"

/*
 * Between the gate and the worker: looks every table of a statement up in the model, has the
 * policies decide, and says what the worker gets. The only place where a name becomes files. Any
 * thread.
 */
struct server;
struct model;

struct govern_request {
	struct server *server;
	const struct model *model;  /* the newest: who may see what */
	const struct model *pinned; /* whose versions are read; may be the same */
	const struct principal *principal;
	struct slice door;
	const struct slice *search_path;
	size_t search_path_count;
	struct slice making; /* query.h */
	struct slice as_of;  /* query.h */
	const struct sql_facts *facts;
};

/* Fills tables, relations, files, ats, notices, explain and fresh of plan; everything in its arena.
 * 42P01 for unknown and hidden tables alike, 42501 for known and not readable ones. */
bool govern_statement(
	const struct govern_request *request, struct plan *plan, struct error *err) must_check;
/* Sets plan->node, and then its tables, when the statement is for another node; plan->homes when it
 * is for several. 0A000 for a transform that reads other nodes. */
bool govern_route(
	const struct govern_request *request, struct plan *plan, struct error *err) must_check;
/* One descriptor per system table of the plan, in the order of fd_index; the caller closes them. */
bool govern_system_rows(const struct govern_request *request, const struct plan *plan, int *fds,
	size_t *fd_count, struct error *err) must_check;
/* What a new worker of this principal may read: folders of tables that it sees whole, files of the
 * others. Absolute paths in the arena. */
bool govern_grant(const struct govern_request *request, struct arena *arena, struct pool_grant *out,
	struct error *err) must_check;
/* The principal as the model knows it now, with the purpose kept; in the arena. 28000 when it is
 * gone or disabled. A team ("team:<domain>") is known while its domain is. */
bool govern_principal(struct server *server, const struct model *model, struct arena *arena,
	const struct principal *claimed, struct principal *out, struct error *err) must_check;
/* Whether every table of the plan is decided as it was. */
bool govern_unchanged(const struct govern_request *request, const struct plan *plan);
struct worker_key govern_worker_key(
	struct arena *scratch, const struct principal *principal, struct slice time_zone);
