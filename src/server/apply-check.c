/* The checks of an apply that need more than the files' text: SQL goes through the same parser and
 * gate as statements do. */
#include "base/map.h"
#include "catalog/model.h"
#include "mesh/member.h"
#include "server/apply-private.h"
#include "server/auth.h"
#include "server/server-private.h"
#include "server/storage.h"
#include "store/accounts.h"

/* What a transform reads that stood there before was judged before. */
static bool is_unchanged(const struct apply_work *work, struct slice path)
{
	const struct manifest_file *before =
		apply_find_file(work->old_files, work->old_count, path);
	const struct manifest_file *now = apply_find_file(work->new_files, work->new_count, path);
	return before && now && slice_equal(before->text, now->text);
}

/* A product that is new in these files is known to who brings it; the rights were checked. */
static bool knows(void *ctx, const struct manifest_transform *transform, struct slice domain,
	struct slice product)
{
	const struct apply_work *work = ctx;
	const struct principal *who = &work->request->identity->principal;
	struct slice full =
		arena_printf(work->arena, "%.*s.%.*s", SLICE_FMT(domain), SLICE_FMT(product));
	const struct model_product *found = model_product_find(work->model, full);
	return !found || apply_sees_all(work) || is_unchanged(work, transform->path) ||
	       model_sees_product(work->model, who, found);
}

bool apply_check_sql(struct apply_work *work, struct error *err)
{
	struct sql_check check = {.arena = work->arena,
		.parser = parser_of(work->server),
		.set = &work->new_set,
		.before = &work->old_set,
		.files = work->new_files,
		.file_count = work->new_count,
		.problems = &work->problems,
		.knows = knows,
		.ctx = work};
	check_schedules(&check);
	if (!check_sql(&check, err))
		return false;
	work->reads = check.reads;
	work->read_count = check.read_count;
	return true;
}

static bool lies_in(struct slice path, struct slice folder)
{
	return slice_starts_with(path, folder) &&
	       (path.len == folder.len || path.ptr[folder.len] == '/');
}

/* Another domain's folder is <its storage>/<its name>. */
static bool lies_in_another(
	struct apply_work *work, const struct manifest_domain *domain, struct slice folder)
{
	struct error ignored;
	for (size_t i = 0; i < work->new_set.domain_count; i++) {
		const struct manifest_domain *other = &work->new_set.domains[i];
		struct slice base;
		if (other == domain ||
			!storage_folder(work->server, work->arena, other->storage, &base, &ignored))
			continue;
		if (lies_in(folder, arena_printf(work->arena, "%.*s/%.*s", SLICE_FMT(base),
					    SLICE_FMT(other->name))))
			return true;
	}
	return false;
}

void apply_check_storage(struct apply_work *work)
{
	for (size_t i = 0; i < work->new_set.domain_count; i++) {
		const struct manifest_domain *domain = &work->new_set.domains[i];
		struct slice folder;
		struct error err;
		if (!domain->storage.len)
			continue;
		if (!storage_folder(work->server, work->arena, domain->storage, &folder, &err))
			manifest_problem_add(&work->problems, domain->at, false,
				arena_copy(work->arena, slice_from_c(err.msg)), SLICE_NONE,
				arena_copy(work->arena, slice_from_c(err.hint)));
		else if (lies_in_another(work, domain, folder))
			manifest_problem_add(&work->problems, domain->at, false,
				arena_printf(work->arena,
					"the storage folder %.*s lies in the folder of another "
					"domain",
					SLICE_FMT(domain->storage)),
				SLICE_NONE, SLICE("Choose a folder of the domain's own."));
	}
}

static bool listed(const struct slices *owners, const struct principal *who)
{
	for (size_t i = 0; i < owners->len; i++) {
		if (slice_equal(owners->items[i], who->name))
			return true;
		for (size_t j = 0; j < who->group_count; j++)
			if (slice_equal(owners->items[i], who->groups[j]))
				return true;
	}
	return false;
}

bool apply_sees_all(const struct apply_work *work)
{
	const struct principal *who = &work->request->identity->principal;
	const struct manifest_mesh *mesh = work->old_set.mesh;
	return who->admin || (mesh && listed(&mesh->owners, who));
}

/* By the state in force: nobody becomes an owner by the files that say so. */
static bool may_change(const struct apply_work *work, struct slice path)
{
	const struct principal *who = &work->request->identity->principal;
	if (apply_sees_all(work))
		return true;
	struct slice rest = path;
	if (!slice_equal_c(slice_split(&rest, '/'), "domains"))
		return false;
	size_t at = manifest_find_domain(&work->old_set, slice_split(&rest, '/'));
	return at != SIZE_MAX && listed(&work->old_set.domains[at].owners, who);
}

static bool refuse(struct slice path, struct error *err)
{
	error_set(err, INSUFFICIENT_PRIVILEGE, "you may not change %.*s", SLICE_FMT(path));
	return error_hint(err, "A domain's files are its owners'; mesh.yaml, governance/ and new "
			       "domains are the mesh owners'.");
}

/* Hidden domains: a problem in a file of one tells that it exists. What it could say is of what
 * stood there before. */
static bool may_see(const struct apply_work *work, struct slice path)
{
	struct slice rest = path;
	if (apply_sees_all(work) || !slice_equal_c(slice_split(&rest, '/'), "domains"))
		return true;
	const struct model_domain *domain = model_domain_find(work->model, slice_split(&rest, '/'));
	struct slice product = slice_is_none(rest) ? SLICE_NONE : slice_split(&rest, '/');
	const struct principal *who = &work->request->identity->principal;
	if (!domain)
		return true;
	if (!model_sees_domain(work->model, who, domain))
		return false;
	const struct model_product *found = model_product_find(
		work->model, arena_printf(work->arena, "%.*s.%.*s", SLICE_FMT(domain->name),
				     SLICE_FMT(product)));
	return !found || model_sees_product(work->model, who, found);
}

void apply_hide_problems(struct apply_work *work)
{
	struct manifest_problems *all = &work->problems;
	size_t kept = 0;
	for (size_t i = 0; i < all->len; i++) {
		if (may_see(work, all->items[i].at.path))
			all->items[kept++] = all->items[i];
		else
			all->errors -= !all->items[i].warning;
	}
	all->len = kept;
}

bool apply_check_rights(const struct apply_work *work, struct error *err)
{
	for (size_t i = 0; i < work->new_count; i++) {
		const struct manifest_file *now = &work->new_files[i];
		const struct manifest_file *before =
			apply_find_file(work->old_files, work->old_count, now->path);
		bool same = before && slice_equal(before->text, now->text);
		if (!same && !may_change(work, now->path))
			return refuse(now->path, err);
	}
	for (size_t i = 0; i < work->old_count; i++)
		if (!apply_find_file(work->new_files, work->new_count, work->old_files[i].path) &&
			!may_change(work, work->old_files[i].path))
			return refuse(work->old_files[i].path, err);
	return true;
}

static bool groups_of_people(struct apply_work *work, struct map *out, struct error *err)
{
	struct account_row *accounts;
	size_t count;
	*out = map_in(work->arena);
	if (!accounts_list(work->server->store, work->arena, &accounts, &count, err))
		return false;
	for (size_t i = 0; i < count; i++)
		for (size_t k = 0; k < accounts[i].group_count; k++)
			map_put(out, accounts[i].groups[k], &accounts[i]);
	return true;
}

/* Each group once. */
static void check_grant(
	struct apply_work *work, const struct manifest_policy *policy, struct map *groups)
{
	for (size_t i = 0; i < policy->to_count; i++)
		for (size_t k = 0; k < policy->to[i].groups.len; k++) {
			struct slice group = policy->to[i].groups.items[k];
			if (slice_starts_with(group, SLICE("team:")) || map_get(groups, group))
				continue;
			manifest_problem_add(&work->problems, policy->at, true,
				arena_printf(work->arena,
					"policy \"%.*s\": nobody is in the group \"%.*s\"",
					SLICE_FMT(policy->name), SLICE_FMT(group)),
				SLICE_NONE, SLICE("`weft get groups` lists those with members."));
			map_put(groups, group, &policy->to[i]);
		}
}

bool apply_check_grants(struct apply_work *work, struct error *err)
{
	struct map groups;
	if (!work->request->identity->principal.admin)
		return true;
	if (!groups_of_people(work, &groups, err))
		return false;
	for (size_t i = 0; i < work->new_set.policy_count; i++) {
		const struct manifest_policy *policy = &work->new_set.policies[i];
		if (slice_equal_c(policy->effect, "allow") && !is_unchanged(work, policy->at.path))
			check_grant(work, policy, &groups);
	}
	return true;
}

static void check_domain(struct apply_work *work, const struct mesh_file *file,
	const struct mesh_node *self, const struct manifest_domain *domain)
{
	const struct mesh_node *owner = mesh_file_domain(file, domain->name);
	struct slice node = slice_from_c(server_node_name(work->server));
	struct slice hint =
		arena_printf(work->arena, "At the node %.*s: weft node set %.*s --domain …",
			SLICE_FMT(file->authority), SLICE_FMT(node));
	if (owner == self)
		return;
	if (owner)
		manifest_problem_add(&work->problems, domain->at, false,
			arena_printf(work->arena,
				"the domain \"%.*s\" is the node %.*s's in the mesh %.*s",
				SLICE_FMT(domain->name), SLICE_FMT(owner->name),
				SLICE_FMT(file->mesh)),
			SLICE_NONE, hint);
	else
		manifest_problem_add(&work->problems, domain->at, true,
			arena_printf(work->arena,
				"the mesh %.*s does not give the domain \"%.*s\" to this node: "
				"others will not see it",
				SLICE_FMT(file->mesh), SLICE_FMT(domain->name)),
			SLICE_NONE, hint);
}

/* What lies in governance/ came from the mesh, as it is. */
static void check_policies(struct apply_work *work, const struct mesh_file *file)
{
	for (size_t i = 0; i < work->new_count; i++) {
		struct slice path = work->new_files[i].path;
		if (!slice_starts_with(path, SLICE("governance/")) || is_unchanged(work, path))
			continue;
		manifest_problem_add(&work->problems, (struct mark){.path = path}, false,
			arena_printf(work->arena,
				"the policies of the mesh %.*s are changed at the node %.*s",
				SLICE_FMT(file->mesh), SLICE_FMT(file->authority)),
			SLICE_NONE,
			SLICE("Leave this file out, or make it as weft export writes it."));
	}
}

void apply_check_mesh(struct apply_work *work)
{
	const struct member_view *view = member_view(work->server->member);
	if (view && !work->policies_ours)
		check_policies(work, &view->file);
	for (size_t i = 0; view && view->self && i < work->new_set.domain_count; i++)
		if (!is_unchanged(work, work->new_set.domains[i].at.path))
			check_domain(work, &view->file, view->self, &work->new_set.domains[i]);
	member_view_unref(&view);
}
