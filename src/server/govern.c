/*
 * From names to decisions. A name is looked up in the newest model with the principal's eyes:
 * hidden and absent tables take the same way and give the same text. Which files a decided table
 * means is in govern-table.c; system tables are in govern-system.c.
 */
#include "server/govern.h"

#include <string.h>

#include "base/num.h"
#include "base/str.h"
#include "base/vec.h"
#include "catalog/pgcatalog.h"
#include "catalog/system.h"
#include "server/delegate.h"
#include "server/file-lists.h"
#include "server/govern-private.h"
#include "server/principals.h"
#include "server/server-private.h"
#include "sql/command.h"

static const struct slice team_prefix = {"team:", 5};

static bool team_principal(
	const struct model *model, struct arena *arena, struct slice name, struct principal *out)
{
	const struct model_domain *domain =
		model_domain_find(model, slice_sub(name, team_prefix.len, name.len));
	if (!domain)
		return false;
	struct slice *groups = arena_array_of(arena, struct slice, domain->owner_count + 2);
	size_t count = 0;
	groups[count++] = arena_copy(arena, name);
	if (!slice_equal(domain->team, name))
		groups[count++] = arena_copy(arena, domain->team);
	for (size_t i = 0; i < domain->owner_count; i++)
		groups[count++] = arena_copy(arena, domain->owners[i]);
	out->groups = groups;
	out->group_count = count;
	return true;
}

bool govern_principal(struct server *server, const struct model *model, struct arena *arena,
	const struct principal *claimed, struct principal *out, struct error *err)
{
	struct principal p = {.name = arena_copy(arena, claimed->name),
		.purpose = arena_copy(arena, claimed->purpose)};
	if (claimed->node.len)
		return delegate_principal(server, arena, claimed, out, err);
	if (slice_starts_with(claimed->name, team_prefix)) {
		if (!team_principal(model, arena, claimed->name, &p))
			return error_set(err, INVALID_AUTHORIZATION, "no such team: %.*s",
				SLICE_FMT(claimed->name));
		*out = p;
		return true;
	}
	enum principal_outcome outcome;
	if (!principals_get(server->principals, claimed->name, arena, out, &outcome, err))
		return false;
	if (outcome == PRINCIPAL_FOUND) {
		out->purpose = p.purpose;
		return true;
	}
	/* The owner of the node's process at the control socket needs no account; another
	 * administrator whose account is gone is nobody. */
	bool local = claimed->admin && slice_equal_c(claimed->name, server->local_admin);
	if (outcome == PRINCIPAL_ABSENT && local) {
		p.admin = true;
		*out = p;
		return true;
	}
	return error_set(err, INVALID_AUTHORIZATION, "the account %.*s is disabled or was removed",
		SLICE_FMT(claimed->name));
}

struct worker_key govern_worker_key(
	struct arena *scratch, const struct principal *principal, struct slice time_zone)
{
	struct str text = str_in(scratch);
	for (size_t i = 0; i < principal->group_count; i++) {
		str_add(&text, principal->groups[i]);
		str_add_char(&text, '\0');
	}
	for (size_t i = 0; i < principal->attribute_count; i++) {
		const struct attribute *a = &principal->attributes[i];
		str_printf(&text, "%c%.*s=", 1, SLICE_FMT(a->name));
		for (size_t j = 0; j < a->value_count; j++) {
			str_add(&text, a->values[j]);
			str_add_char(&text, '\0');
		}
	}
	struct slice parts[] = {principal->name, str_slice(&text), principal->purpose, time_zone};
	struct worker_key key;
	digest_parts(parts, array_len(parts), key.words);
	return key;
}

static struct slice written_name(struct arena *arena, const struct sql_table *t)
{
	if (slice_is_none(t->schema))
		return t->name;
	return arena_printf(arena, "%.*s.%.*s", SLICE_FMT(t->schema), SLICE_FMT(t->name));
}

static int position_of(const struct plan *plan, const struct sql_table *t)
{
	return t->location < 0 || plan->catalogue
		       ? 0
		       : command_position(plan->text, (size_t)t->location);
}

bool govern_absent(const struct govern_request *r, const struct plan *plan,
	const struct sql_table *t, struct error *err)
{
	struct slice name = written_name(plan->arena, t);
	error_set(err, UNDEFINED_TABLE, "relation \"%.*s\" does not exist", SLICE_FMT(name));
	err->position = position_of(plan, t);
	struct slice near =
		model_suggest_table(plan->arena, r->model, r->principal, t->schema, t->name);
	if (near.len)
		return error_hint(err, "Did you mean %.*s?", SLICE_FMT(near));
	return error_hint(err, "Tables are called domain.table; mesh.products lists what you may "
			       "know of.");
}

static bool denied_error(const struct govern_request *r, const struct plan *plan,
	const struct sql_table *t, struct error *err)
{
	struct slice name = written_name(plan->arena, t);
	error_set(err, INSUFFICIENT_PRIVILEGE, "permission denied for table %.*s", SLICE_FMT(name));
	err->position = position_of(plan, t);
	if (r->principal->node.len)
		return error_hint(err,
			"Ask the owners of its domain for access (mesh.products names them). They "
			"believe of the groups that the node %.*s names those they trust it with "
			"(weft node trust).",
			SLICE_FMT(r->principal->node));
	return error_hint(
		err, "Ask the owners of its domain for access (mesh.products names them).");
}

static enum model_lookup look_up(const struct govern_request *r, struct arena *arena,
	const struct sql_table *t, struct governed *out)
{
	struct model_access access = {0};
	enum model_lookup found = MODEL_ABSENT;
	struct slice name = t->name;
	out->failed = govern_failed_name(t->name, &name);
	if (!slice_is_none(t->schema)) {
		found = model_table_lookup(arena, r->model, r->principal, t->schema, name, &access);
		if (found != MODEL_ABSENT)
			out->domain = access.table->product->domain->name;
	}
	for (size_t i = 0;
		slice_is_none(t->schema) && found == MODEL_ABSENT && i < r->search_path_count;
		i++) {
		found = model_table_lookup(
			arena, r->model, r->principal, r->search_path[i], name, &access);
		out->domain = SLICE("main");
	}
	out->table = access.table;
	out->decision = access.decision;
	return found;
}

/* Failing rows are the owners' affair, whoever else may read the table; a run never reads them. */
static bool keeps_failed(const struct govern_request *r, const struct governed *g)
{
	return model_owns_product(r->principal, g->table->product) &&
	       !slice_equal_c(r->door, "run");
}

static bool resolve_version(const struct govern_request *r, const struct plan *plan,
	struct governed *g, struct error *err)
{
	const struct sql_table *t = g->reference;
	if (g->failed && t->at == SQL_AT_NONE)
		return true;
	if (g->failed)
		return error_set(err, FEATURE_NOT_SUPPORTED,
			"failing rows have no versions: leave AT out and ask for failed_run");
	if (t->at != SQL_AT_NONE) {
		struct model_at at = {.timestamp = t->at == SQL_AT_TIMESTAMP, .text = t->at_value};
		g->older = true;
		if (model_version_at(r->server->store, g->table, &at, &g->version, err))
			return true;
		err->position = position_of(plan, t);
		return false;
	}
	g->making = slice_equal(g->table->product->full_name, r->making);
	if (g->making)
		return true;
	if (r->as_of.len) {
		struct model_at at = {.timestamp = true, .text = r->as_of};
		g->older = true;
		return model_version_at(r->server->store, g->table, &at, &g->version, err);
	}
	struct slice domain = g->table->product->domain->name;
	struct arena *arena = plan->arena;
	struct slice full =
		arena_printf(arena, "%.*s.%.*s", SLICE_FMT(domain), SLICE_FMT(g->table->key));
	char *lower = arena_cstr(arena, full);
	for (char *c = lower; *c; c++)
		if (*c >= 'A' && *c <= 'Z')
			*c = (char)(*c - 'A' + 'a');
	const struct model_table *pinned = map_get(&r->pinned->by_name, slice_from_c(lower));
	g->version = pinned ? pinned->version : 0;
	g->made_us = pinned ? pinned->published_us : 0;
	if (g->version > 0)
		return true;
	error_set(err, OBJECT_NOT_IN_PREREQUISITE_STATE, "table %.*s has no published version yet",
		SLICE_FMT(full));
	err->position = position_of(plan, t);
	return error_hint(err, "Its owners start one with: weft run %.*s",
		SLICE_FMT(g->table->product->full_name));
}

static bool catalogue_schema(struct slice schema, struct slice *real_out)
{
	if (slice_equal_c(schema, "__pg_catalog"))
		*real_out = SLICE("pg_catalog");
	else if (slice_equal_c(schema, "__information_schema"))
		*real_out = SLICE("information_schema");
	else
		return false;
	return true;
}

/* One reference: looked up, decided, its version known. */
static bool resolve(const struct govern_request *r, const struct plan *plan,
	const struct sql_table *t, struct governed *out, struct error *err)
{
	*out = (struct governed){.reference = t};
	if (plan->homes && plan->homes[t - r->facts->tables].node.len) {
		govern_part_resolve(r, plan, (size_t)(t - r->facts->tables), out);
		return true;
	}
	if (plan->catalogue) {
		out->catalogue = catalogue_schema(t->schema, &out->domain) &&
				 pgcatalog_has(out->domain, t->name);
		return out->catalogue || govern_absent(r, plan, t, err);
	}
	if (!slice_is_none(t->catalog) && !slice_equal_nocase(t->catalog, r->model->name))
		return error_set(err, FEATURE_NOT_SUPPORTED,
			"cross-database references are not implemented: \"%.*s\"",
			SLICE_FMT(t->catalog));
	out->system = slice_is_none(t->schema) ? NULL : system_table_find(t->schema, t->name);
	if (out->system) {
		out->domain = slice_from_c(out->system->schema);
		if (t->at == SQL_AT_NONE)
			return true;
		return error_set(
			err, FEATURE_NOT_SUPPORTED, "system tables have no versions: leave AT out");
	}
	enum model_lookup found = look_up(r, plan->arena, t, out);
	if (found != MODEL_ABSENT && out->failed && !keeps_failed(r, out))
		found = MODEL_ABSENT;
	switch (found) {
	case MODEL_FOUND: return resolve_version(r, plan, out, err);
	case MODEL_DENIED: return denied_error(r, plan, t, err);
	case MODEL_ABSENT: break;
	}
	return govern_absent(r, plan, t, err);
}

static struct slice relation_name(const struct governed *g)
{
	return g->system ? slice_from_c(g->system->name) : g->reference->name;
}

/* The relation that a reference can share: same name, same version. SIZE_MAX = none; *clash_out:
 * the name is taken by another version. */
static size_t find_relation(const struct plan *plan, const struct governed *g, bool *clash_out)
{
	*clash_out = false;
	for (size_t i = 0; i < plan->relation_count; i++) {
		const struct wire_relation *r = &plan->relations[i];
		bool same = slice_equal_nocase(r->schema, g->domain) &&
			    slice_equal_nocase(r->name, relation_name(g));
		if (same && plan->tables[i].version == g->version)
			return i;
		*clash_out |= same;
	}
	return SIZE_MAX;
}

static bool add_relation(const struct govern_request *request, struct plan *plan,
	const struct governed *g, struct slice name, struct error *err)
{
	struct wire_relation *relation = &plan->relations[plan->relation_count];
	struct plan_table *table = &plan->tables[plan->table_count];
	/* The plan outlives the model and the AST that these come from. */
	relation->schema = arena_copy(plan->arena, g->domain);
	relation->name = arena_copy(plan->arena, name);
	relation->fd_index = -1;
	if (g->home) {
		govern_part_relation(request, plan, g, relation, table);
		plan->fresh = true;
	} else if (g->system || g->catalogue) {
		int fd_index = 0;
		for (size_t i = 0; i < plan->relation_count; i++)
			fd_index += plan->relations[i].fd_index >= 0;
		relation->fd_index = fd_index;
		plan->fresh = true;
		govern_system_relation(plan, g, relation, table);
	} else if (!govern_table_relation(request, plan, g, relation, table, err)) {
		return false;
	}
	plan->fresh |= g->failed;
	plan->as_of_us = max_of(plan->as_of_us, g->made_us);
	plan->relation_count++;
	plan->table_count++;
	return true;
}

/* AT clauses are blanked out; where the name alone would mean another version, the reference gets a
 * name of its own. */
static bool add_reference(const struct govern_request *request, struct plan *plan,
	const struct governed *g, struct error *err)
{
	bool clash;
	struct slice name = relation_name(g);
	size_t found = find_relation(plan, g, &clash);
	if (!g->home && !govern_suppressed(request, plan, g, err))
		return false;
	if (clash && found == SIZE_MAX)
		name = arena_printf(
			plan->arena, "%.*s@v%lld", SLICE_FMT(name), (long long)g->version);
	bool renamed = clash && found == SIZE_MAX;
	if (found == SIZE_MAX && !add_relation(request, plan, g, name, err))
		return false;
	bool clause = g->reference->at != SQL_AT_NONE;
	bool database = !plan->catalogue && !slice_is_none(g->reference->catalog);
	if (!clause && !database)
		return true;
	struct wire_at *at = &plan->ats[plan->at_count++];
	at->location = g->reference->location;
	at->clause = clause;
	at->database = database;
	at->name = renamed ? arena_copy(plan->arena, name) : SLICE_NONE;
	at->alias = renamed && slice_is_none(g->reference->alias)
			    ? arena_copy(plan->arena, g->reference->name)
			    : SLICE_NONE;
	return true;
}

static void collect_files(struct plan *plan)
{
	for (size_t i = 0; i < plan->relation_count; i++)
		plan->file_count += plan->relations[i].file_count;
	plan->files = arena_array_of(plan->arena, struct slice, plan->file_count);
	size_t at = 0;
	for (size_t i = 0; i < plan->relation_count; i++)
		for (size_t j = 0; j < plan->relations[i].file_count; j++)
			plan->files[at++] = plan->relations[i].files[j];
}

/*
 * Few rows, by what the principal may know: the way a statement takes shows in the order of its
 * errors and must not hang on hidden rows. More than one statement would run all of them.
 */
static bool is_small(
	const struct plan *plan, const struct sql_facts *facts, const struct governed *all)
{
	enum { FEW_ROWS = 100 }; /* of any width */
	struct slice text = slice_trim(plan->text);
	size_t end = slice_find(text, SLICE(";"), 0);
	if (plan->catalogue || plan->fresh || facts->param_count ||
		(end != SIZE_MAX && end + 1 < text.len))
		return false;
	if (facts->most_rows >= 0)
		return facts->most_rows <= FEW_ROWS;
	if (facts->lone_table == SIZE_MAX)
		return false;
	bool clash;
	size_t lone = find_relation(plan, &all[facts->lone_table], &clash);
	return lone != SIZE_MAX && plan->tables[lone].few;
}

bool govern_statement(const struct govern_request *request, struct plan *plan, struct error *err)
{
	const struct sql_facts *facts = request->facts;
	struct governed *all = arena_array_of(plan->arena, struct governed, facts->table_count);
	for (size_t i = 0; i < facts->table_count; i++)
		if (!resolve(request, plan, &facts->tables[i], &all[i], err))
			return false;
	plan->relations = arena_array_of(plan->arena, struct wire_relation, facts->table_count);
	plan->tables = arena_array_of(plan->arena, struct plan_table, facts->table_count);
	plan->ats = arena_array_of(plan->arena, struct wire_at, facts->table_count);
	plan->parts = arena_array_of(plan->arena, struct plan_part, facts->table_count);
	/* References without AT first: they own the plain names. */
	for (int with_at = 0; with_at <= 1; with_at++)
		for (size_t i = 0; i < facts->table_count; i++)
			if ((all[i].reference->at != SQL_AT_NONE) == (with_at == 1) &&
				!add_reference(request, plan, &all[i], err))
				return false;
	collect_files(plan);
	plan->small = is_small(plan, facts, all);
	return true;
}

bool govern_unchanged(const struct govern_request *request, const struct plan *plan)
{
	scoped(arena_free) struct arena *scratch = arena_new();
	for (size_t i = 0; i < plan->table_count; i++) {
		const struct plan_table *t = &plan->tables[i];
		if (t->system)
			continue;
		struct model_access access;
		if (model_table_lookup(scratch, request->model, request->principal, t->domain,
			    t->name, &access) != MODEL_FOUND ||
			govern_digest(&access.decision, access.table->column_count) != t->digest ||
			(t->failed &&
				!model_owns_product(request->principal, access.table->product)))
			return false;
	}
	return true;
}

struct grant {
	VEC(struct slice) dirs;
	VEC(struct slice) files;
};

static bool grant_table(const struct govern_request *request, struct arena *arena,
	const struct model_access *access, struct grant *grant, struct error *err)
{
	const struct model_table *table = access->table;
	if (access->decision.filter_count == 0) {
		vec_push(arena, &grant->dirs, arena_copy(arena, table->location));
		return true;
	}
	scoped(file_list_unref) struct file_list_ref *list = NULL;
	if (!file_lists_get(request->server->file_lists, request->server->store, table,
		    table->version, &list, err))
		return false;
	const struct model_files *files = file_list_files(list);
	for (size_t i = 0; i < files->file_count; i++)
		if (govern_file_verdict(&access->decision, table, &files->files[i],
			    request->principal) != GOVERN_NONE)
			vec_push(arena, &grant->files, arena_copy(arena, files->files[i].path));
	return true;
}

bool govern_grant(const struct govern_request *request, struct arena *arena, struct pool_grant *out,
	struct error *err)
{
	struct grant grant = {0};
	for (size_t i = 0; i < request->model->table_count; i++) {
		const struct model_table *table = &request->model->tables[i];
		struct model_access access;
		if (table->version == 0 || model_table_access(arena, table, request->model,
						   request->principal, &access) != MODEL_FOUND)
			continue;
		if (!grant_table(request, arena, &access, &grant, err))
			return false;
	}
	out->dirs = grant.dirs.items;
	out->dir_count = grant.dirs.len;
	out->files = grant.files.items;
	out->file_count = grant.files.len;
	return true;
}
