/*
 * Plan and apply are the same work; a plan stops before the store. Order: rights by the state in
 * force, the files together as they would be, SQL by the gate, the plan, breaking changes, then one
 * transaction, the new model, and the runs that the change asks for.
 */
#include "server/apply.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "base/vec.h"
#include "catalog/model.h"
#include "server/apply-private.h"
#include "server/auth.h"
#include "server/mesh-policies.h"
#include "server/runs-private.h"
#include "server/server-private.h"
#include "store/manifests.h"

static bool load_old(struct apply_work *work, struct error *err)
{
	struct manifest_row *rows;
	if (!manifests_list(work->server->store, work->arena, &rows, &work->old_count, err) ||
		!manifests_newest_apply(work->server->store, &work->base, err))
		return false;
	work->old_files = arena_array_of(work->arena, struct manifest_file, work->old_count);
	for (size_t i = 0; i < work->old_count; i++)
		work->old_files[i] =
			(struct manifest_file){.path = rows[i].path, .text = rows[i].text};
	return true;
}

static bool in_scope(struct slice scope, struct slice path)
{
	if (!scope.len)
		return true;
	return slice_starts_with(path, scope) &&
	       (path.len == scope.len || path.ptr[scope.len] == '/' ||
		       scope.ptr[scope.len - 1] == '/');
}

/* Files of governance/ that came from the mesh are nobody's to remove here. */
static bool is_pruned(const struct apply_work *work, struct slice path)
{
	return (work->request->flags & APPLY_PRUNE) && in_scope(work->request->scope, path) &&
	       (work->policies_ours || !slice_starts_with(path, SLICE("governance/")));
}

static int compare_paths(const void *a, const void *b)
{
	return slice_compare(
		((const struct manifest_file *)a)->path, ((const struct manifest_file *)b)->path);
}

/* The mesh as it would be: what is in force, with the request's files over it. */
static void overlay(struct apply_work *work)
{
	const struct apply_request *r = work->request;
	struct map requested = map_in(work->arena);
	for (size_t i = 0; i < r->file_count; i++)
		map_put(&requested, r->files[i].path, &requested);
	work->new_files =
		arena_array_of(work->arena, struct manifest_file, work->old_count + r->file_count);
	for (size_t i = 0; i < work->old_count; i++) {
		struct slice path = work->old_files[i].path;
		if (!is_pruned(work, path) && !map_get(&requested, path))
			work->new_files[work->new_count++] = work->old_files[i];
	}
	for (size_t i = 0; i < r->file_count; i++)
		work->new_files[work->new_count++] =
			(struct manifest_file){.path = r->files[i].path, .text = r->files[i].text};
	if (work->new_count)
		qsort(work->new_files, work->new_count, sizeof *work->new_files, compare_paths);
}

static json_t *problems_json(const struct manifest_problems *problems)
{
	json_t *array = json_array();
	for (size_t i = 0; i < problems->len; i++) {
		const struct manifest_problem *p = &problems->items[i];
		json_t *item = json_object();
		json_set_slice(item, "path", p->at.path);
		json_object_set_new(item, "line", json_integer(p->at.line));
		json_object_set_new(item, "column", json_integer(p->at.column));
		json_set_slice(item, "message", p->message);
		json_set_slice(item, "expected", p->expected);
		json_set_slice(item, "hint", p->hint);
		json_object_set_new(item, "warning", json_boolean(p->warning));
		json_array_append_new(array, item);
	}
	return array;
}

/* What goes with a product, besides its files' text. */
static void add_losses(struct apply_work *work, struct manifest_step *steps, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct manifest_step *s = &steps[i];
		const struct model_product *product = NULL;
		if (s->action == MANIFEST_REMOVE && slice_equal_c(s->kind, "DataProduct"))
			product = model_product_find(work->model, s->name);
		if (product && product->version > 0)
			vec_push(work->arena, &s->details,
				arena_printf(work->arena,
					"data up to version %lld can no longer be read, also not "
					"by a product of this name that comes later",
					(long long)product->version));
	}
}

static json_t *steps_json(const struct manifest_step *steps, size_t count)
{
	static const char *const actions[] = {"create", "change", "rebuild", "remove"};
	json_t *array = json_array();
	for (size_t i = 0; i < count; i++) {
		const struct manifest_step *s = &steps[i];
		json_t *details = json_array();
		for (size_t j = 0; j < s->details.len; j++)
			json_array_append_new(details, json_from_slice(s->details.items[j]));
		json_t *item = json_object();
		json_object_set_new(item, "action", json_string(actions[s->action]));
		json_set_slice(item, "kind", s->kind);
		json_set_slice(item, "name", s->name);
		json_set_slice(item, "path", s->path);
		json_object_set_new(item, "details", details);
		json_array_append_new(array, item);
	}
	return array;
}

/* Those that the identity may know of. */
static void add_dependant(
	const struct apply_work *work, const struct manifest_product *product, json_t *array)
{
	struct slice name = arena_printf(
		work->arena, "%.*s.%.*s", SLICE_FMT(product->domain), SLICE_FMT(product->name));
	const struct model_product *found = model_product_find(work->model, name);
	if (!found || apply_sees_all(work) ||
		model_sees_product(work->model, &work->request->identity->principal, found))
		json_array_append_new(array, json_from_slice(name));
}

static json_t *dependants_json(const struct apply_work *work, const struct manifest_break *b)
{
	json_t *array = json_array();
	struct slice name =
		arena_printf(work->arena, "%.*s.%.*s", SLICE_FMT(b->domain), SLICE_FMT(b->table));
	for (size_t i = 0; i < work->read_count; i++) {
		const struct transform_reads *r = &work->reads[i];
		for (size_t j = 0; j < r->table_count; j++)
			if (slice_equal_nocase(r->tables[j], name)) {
				add_dependant(work, r->product, array);
				break;
			}
	}
	return array;
}

static json_t *breaking_json(
	const struct apply_work *work, const struct manifest_break *breaks, size_t count)
{
	json_t *array = json_array();
	for (size_t i = 0; i < count; i++) {
		const struct manifest_break *b = &breaks[i];
		json_t *item = json_object();
		json_set_slice(item, "table",
			arena_printf(work->arena, "%.*s.%.*s", SLICE_FMT(b->domain),
				SLICE_FMT(b->table)));
		json_set_slice(item, "column", b->column);
		json_set_slice(item, "what", b->what);
		json_set_slice(item, "path", b->at.path);
		json_object_set_new(item, "line", json_integer(b->at.line));
		json_object_set_new(item, "dependants", dependants_json(work, b));
		json_array_append_new(array, item);
	}
	return array;
}

static void diff(struct apply_work *work, struct manifest_step **out, size_t *count_out)
{
	struct manifest_side before = {
		.files = work->old_files, .count = work->old_count, .set = &work->old_set};
	struct manifest_side after = {
		.files = work->new_files, .count = work->new_count, .set = &work->new_set};
	manifest_diff(work->arena, &before, &after, out, count_out);
}

/* Everything that can be said without changing anything. *ok_out: it may be applied. */
static bool make_plan(struct apply_work *work, json_t *plan, bool *ok_out, struct error *err)
{
	const struct apply_request *r = work->request;
	struct manifest_problems ignored = {.arena = work->arena};
	work->problems.arena = work->arena;
	if (!load_old(work, err))
		return false;
	overlay(work);
	bool old_ok = manifest_parse(
		work->arena, work->old_files, work->old_count, &work->old_set, &ignored);
	bool new_ok = manifest_parse(
		work->arena, work->new_files, work->new_count, &work->new_set, &work->problems);
	if (!apply_check_rights(work, err))
		return false;
	if (new_ok && !apply_check_sql(work, err))
		return false;
	if (new_ok)
		apply_check_storage(work);
	if (new_ok)
		apply_check_mesh(work);
	if (old_ok && new_ok)
		manifest_loosened(&work->old_set, &work->new_set, &work->problems);
	if (new_ok && !apply_check_grants(work, err))
		return false;
	apply_hide_problems(work);
	manifest_problems_sort(&work->problems);
	struct manifest_step *steps;
	struct manifest_break *breaks = NULL;
	size_t step_count;
	size_t break_count = 0;
	diff(work, &steps, &step_count);
	add_losses(work, steps, step_count);
	if (old_ok && new_ok)
		manifest_breaking(
			work->arena, &work->old_set, &work->new_set, &breaks, &break_count);
	*ok_out = (new_ok || work->problems.errors == 0) && work->problems.errors == 0 &&
		  break_count == 0;
	json_object_set_new(plan, "ok", json_boolean(*ok_out));
	json_object_set_new(plan, "base", json_integer(work->base));
	json_object_set_new(plan, "apply", json_integer(work->base));
	json_object_set_new(plan, "changes", steps_json(steps, step_count));
	json_object_set_new(plan, "breaking", breaking_json(work, breaks, break_count));
	json_object_set_new(plan, "errors", problems_json(&work->problems));
	json_object_set_new(plan, "runs", json_array());
	if (r->expected_apply < 0 || r->expected_apply == work->base)
		return true;
	error_set(err, SERIALIZATION_FAILURE, "somebody applied another change since the plan");
	return error_hint(err, "Look at the new plan, then apply again.");
}

const struct manifest_file *apply_find_file(
	const struct manifest_file *files, size_t count, struct slice path)
{
	struct manifest_file wanted = {.path = path};
	return count ? bsearch(&wanted, files, count, sizeof *files, compare_paths) : NULL;
}

/* The plan's steps by a text that each has: "path" or "name"; the first one counts. */
static struct map steps_by(struct arena *arena, const json_t *steps, const char *member)
{
	struct map map = map_in(arena);
	for (size_t i = 0; i < json_array_size(steps); i++) {
		json_t *step = json_array_get(steps, i);
		struct slice key = json_get_slice(step, member);
		if (!map_get(&map, key))
			map_put(&map, key, step);
	}
	return map;
}

static struct stored_change edit_of(
	const struct map *steps_by_path, struct slice path, struct slice text)
{
	const json_t *step = map_get(steps_by_path, path);
	return (struct stored_change){.path = path,
		.text = text,
		.kind = step ? json_get_slice(step, "kind") : SLICE("File"),
		.name = step ? json_get_slice(step, "name") : path};
}

static void add_missing(struct apply_work *work, const struct manifest_set *of,
	const struct manifest_set *in, struct slices *out)
{
	for (size_t i = 0; i < of->product_count; i++) {
		const struct manifest_product *p = &of->products[i];
		if (manifest_find_product(in, p->domain, p->name) == SIZE_MAX)
			vec_push(work->arena, out,
				arena_printf(work->arena, "%.*s.%.*s", SLICE_FMT(p->domain),
					SLICE_FMT(p->name)));
	}
}

/* Products that are gone, of which nothing can be read any more, and new ones: whoever had the name
 * before, perhaps with a run that ended late, leaves them nothing. */
static struct slices products_to_forget(struct apply_work *work)
{
	struct slices names = {0};
	add_missing(work, &work->old_set, &work->new_set, &names);
	add_missing(work, &work->new_set, &work->old_set, &names);
	return names;
}

static bool store_apply(struct apply_work *work, json_t *plan, struct error *err)
{
	const json_t *steps = json_get_array(plan, "changes");
	struct map by_path = steps_by(work->arena, steps, "path");
	struct stored_change *edits = arena_array_of(
		work->arena, struct stored_change, work->old_count + work->new_count);
	size_t count = 0;
	for (size_t i = 0; i < work->new_count; i++) {
		const struct manifest_file *now = &work->new_files[i];
		const struct manifest_file *before =
			apply_find_file(work->old_files, work->old_count, now->path);
		if (!before || !slice_equal(before->text, now->text))
			edits[count++] = edit_of(&by_path, now->path, now->text);
	}
	for (size_t i = 0; i < work->old_count; i++)
		if (!apply_find_file(work->new_files, work->new_count, work->old_files[i].path))
			edits[count++] = edit_of(&by_path, work->old_files[i].path, SLICE_NONE);
	if (count == 0)
		return true;
	struct slices forgotten = products_to_forget(work);
	struct manifest_apply apply = {.changes = edits,
		.forgotten = forgotten.items,
		.forgotten_count = forgotten.len,
		.change_count = count,
		.by = work->request->identity->principal.name,
		.summary = json_print(work->arena, steps),
		.base = work->base};
	int64_t id;
	if (!manifests_apply(work->server->store, &apply, &id, err))
		return false;
	json_object_set_new(plan, "apply", json_integer(id));
	return true;
}

/* Names of the products whose data is to be made. */
static struct map products_to_run(struct arena *arena, const json_t *steps)
{
	struct map names = map_in(arena);
	for (size_t i = 0; i < json_array_size(steps); i++) {
		json_t *step = json_array_get(steps, i);
		struct slice action = json_get_slice(step, "action");
		if (slice_equal_c(json_get_slice(step, "kind"), "DataProduct") &&
			(slice_equal_c(action, "create") || slice_equal_c(action, "rebuild")))
			map_put(&names, json_get_slice(step, "name"), step);
	}
	return names;
}

static bool can_run(const struct apply_work *work, const struct model_product *product)
{
	size_t at = manifest_find_product(&work->new_set, product->domain->name, product->name);
	return at != SIZE_MAX && work->new_set.products[at].pipeline != SIZE_MAX &&
	       product->status != MODEL_RETIRED;
}

/* Inputs first: the queue keeps that order, this keeps it readable. */
static void order_products(
	const struct model_product *product, const struct model_product **out, size_t *count)
{
	for (size_t i = 0; i < *count; i++)
		if (out[i] == product)
			return;
	for (size_t i = 0; i < product->input_count; i++)
		if (product->inputs[i] != product)
			order_products(product->inputs[i], out, count);
	for (size_t i = 0; i < *count; i++)
		if (out[i] == product)
			return;
	out[(*count)++] = product;
}

static bool start_runs(struct apply_work *work, json_t *plan, struct error *err)
{
	const struct model *model = server_model(work->server);
	struct map wanted = products_to_run(work->arena, json_get_array(plan, "changes"));
	const struct model_product **order =
		arena_array_of(work->arena, const struct model_product *, model->product_count + 1);
	size_t count = 0;
	bool ok = true;
	for (size_t i = 0; i < model->product_count; i++)
		order_products(&model->products[i], order, &count);
	for (size_t i = 0; i < count && ok; i++) {
		const struct model_product *p = order[i];
		if (!map_get(&wanted, p->full_name) || !can_run(work, p))
			continue;
		struct run_order run = {.product = p->full_name,
			.mode = RUN_FULL,
			.trigger = SLICE("apply"),
			.reason = SLICE("its manifests changed"),
			.by = work->request->identity->principal.name};
		int64_t id;
		ok = runs_enqueue(work->server, &run, &id, err);
		json_t *item = json_object();
		json_object_set_new(item, "id", json_integer(ok ? id : 0));
		json_set_slice(item, "product", p->full_name);
		json_array_append_new(json_get_array(plan, "runs"), item);
	}
	server_model_release(work->server, &model);
	return ok;
}

static void log_outcome(const struct apply_work *work, const json_t *plan, bool applied)
{
	struct log_context where = {.principal = work->request->identity->principal.name};
	int64_t changes = (int64_t)json_array_size(json_get_array(plan, "changes"));
	if (applied)
		log_say(work->server->log, APPLIED, &where, log_int("changes", changes),
			log_int("apply", json_get_i64(plan, "apply", 0)));
	else
		log_say(work->server->log, APPLY_REFUSED, &where, log_int("changes", changes),
			log_int("errors", (int64_t)work->problems.errors));
}

static bool apply_locked(struct apply_work *work, json_t *plan, struct error *err)
{
	bool ok;
	unsigned flags = work->request->flags;
	if (!make_plan(work, plan, &ok, err))
		return false;
	if (flags & APPLY_DRY_RUN)
		return true;
	if (!ok) {
		log_outcome(work, plan, false);
		return true;
	}
	if (!store_apply(work, plan, err) || !server_model_refresh(work->server, err) ||
		!mesh_policies_publish_locked(work->server, err))
		return false;
	log_outcome(work, plan, true);
	return (flags & APPLY_NO_RUN) || start_runs(work, plan, err);
}

bool apply_files(
	struct server *server, const struct apply_request *request, json_t **out, struct error *err)
{
	unsigned scope = request->flags & APPLY_DRY_RUN ? AUTH_READ : AUTH_APPLY;
	if (!auth_require(request->identity, scope, err))
		return false;
	struct arena *arena = arena_new();
	scoped(json_drop) json_t *plan = json_object();
	struct apply_work work = {.server = server,
		.arena = arena,
		.request = request,
		.policies_ours = mesh_policies_are_ours(server)};
	pthread_mutex_lock(&server->apply_lock);
	work.model = server_model(server);
	bool ok = apply_locked(&work, plan, err);
	server_model_release(server, &work.model);
	pthread_mutex_unlock(&server->apply_lock);
	arena_free(&arena);
	/* Two meshes were in memory; libc would keep the pages for a next time that is hours away.
	 */
	malloc_trim(0);
	if (ok)
		*out = take(plan);
	return ok;
}

/* The first thing that is wrong with the files' text. */
static bool refuse_problem(const struct manifest_problems *problems, struct error *err)
{
	for (size_t i = 0; i < problems->len; i++) {
		const struct manifest_problem *p = &problems->items[i];
		if (!p->warning)
			return error_set(err, CONFIG_FILE_ERROR, "%.*s:%d:%d: %.*s",
				SLICE_FMT(p->at.path), p->at.line, p->at.column,
				SLICE_FMT(p->message));
	}
	return error_set(err, CONFIG_FILE_ERROR, "its files are not valid");
}

static bool take_policies(struct apply_work *work, struct error *err)
{
	struct manifest_problems ignored = {.arena = work->arena};
	struct manifest_step *steps;
	size_t step_count;
	work->problems.arena = work->arena;
	if (!load_old(work, err))
		return false;
	overlay(work);
	(void)!manifest_parse(
		work->arena, work->old_files, work->old_count, &work->old_set, &ignored);
	bool ok = manifest_parse(
		work->arena, work->new_files, work->new_count, &work->new_set, &work->problems);
	/* Before the first apply there may be nothing at all. */
	if (!ok && work->new_count > 0)
		return refuse_problem(&work->problems, err);
	diff(work, &steps, &step_count);
	scoped(json_drop) json_t *plan =
		json_pack("{s:o}", "changes", steps_json(steps, step_count));
	if (!store_apply(work, plan, err) || !server_model_refresh(work->server, err))
		return false;
	log_outcome(work, plan, true);
	return true;
}

bool apply_policies_locked(
	struct server *server, const struct apply_request *request, struct error *err)
{
	struct arena *arena = arena_new();
	struct apply_work work = {
		.server = server, .arena = arena, .request = request, .policies_ours = true};
	work.model = server_model(server);
	bool ok = take_policies(&work, err);
	server_model_release(server, &work.model);
	arena_free(&arena);
	return ok;
}

/* Manifests name hidden things and hold filters: owners read their domain's, mesh owners and
 * administrators all. */
static bool may_export(const struct model *model, const struct principal *who, struct slice path)
{
	struct slice rest = path;
	if (who->admin)
		return true;
	for (size_t i = 0; i < model->owner_count; i++) {
		if (slice_equal(model->owners[i], who->name))
			return true;
		for (size_t j = 0; j < who->group_count; j++)
			if (slice_equal(model->owners[i], who->groups[j]))
				return true;
	}
	if (!slice_equal_c(slice_split(&rest, '/'), "domains"))
		return false;
	const struct model_domain *domain = model_domain_find(model, slice_split(&rest, '/'));
	return domain && model_owns_domain(who, domain);
}

bool apply_export(struct server *server, const struct auth_identity *identity, struct slice scope,
	struct arena *arena, struct apply_files *out, struct error *err)
{
	struct manifest_row *rows;
	size_t count;
	if (!auth_require(identity, AUTH_READ, err) ||
		!manifests_list(server->store, arena, &rows, &count, err))
		return false;
	const struct model *model = server_model(server);
	struct apply_file *files = arena_array_of(arena, struct apply_file, count);
	out->count = 0;
	for (size_t i = 0; i < count; i++)
		if (in_scope(scope, rows[i].path) &&
			may_export(model, &identity->principal, rows[i].path))
			files[out->count++] =
				(struct apply_file){.path = rows[i].path, .text = rows[i].text};
	server_model_release(server, &model);
	out->items = files;
	return true;
}
