#include "base/str.h"
#include "cli/client.h"
#include "cli/cmd-apply.h"
#include "cli/prompt.h"
#include "cli/target.h"
#include "manifest/manifest.h"

/*
 * delete: an apply that prunes one thing's files. Which files these are, the node's own manifests
 * say, as far as the caller may read them.
 */

static bool load(struct cli *cli, struct manifest_set *out, struct error *err)
{
	struct client *client = NULL;
	scoped(json_drop) json_t *answer = NULL;
	if (!cli_client(cli, &client, err) ||
		!client_json(client, "GET", "/api/v1/export", NULL, &answer, err))
		return false;
	const json_t *list = json_get_array(answer, "files");
	size_t count = json_array_size(list);
	struct manifest_file *files = arena_array_of(cli->arena, struct manifest_file, count);
	struct manifest_problems ignored = {.arena = cli->arena};
	for (size_t i = 0; i < count; i++) {
		const json_t *file = json_array_get(list, i);
		files[i].path = arena_copy(cli->arena, json_get_slice(file, "path"));
		files[i].text = arena_copy(cli->arena, json_get_slice(file, "text"));
	}
	/* A part of the mesh has problems that the whole has not. */
	(void)!manifest_parse(cli->arena, files, count, out, &ignored);
	return true;
}

/* "readers" is the mesh's, or the only domain's that has one; "sales.readers" that of a domain. */
static bool find_policy(const struct manifest_set *set, struct slice name, struct slice *path_out,
	struct error *err)
{
	struct slice rest = name;
	struct slice domain = slice_split(&rest, '.');
	bool full = !slice_is_none(rest);
	size_t count = 0;
	for (size_t i = 0; i < set->policy_count; i++) {
		const struct manifest_policy *p = &set->policies[i];
		if (!slice_equal(p->name, full ? rest : name) ||
			(full && !slice_equal(p->domain, domain)))
			continue;
		*path_out = p->at.path;
		count++;
		if (p->domain.len == 0)
			return true;
	}
	if (count <= 1)
		return true;
	error_set(err, INVALID_PARAMETER_VALUE, "%zu domains have a policy \"%.*s\"", count,
		SLICE_FMT(name));
	return error_hint(err, "write it as domain.policy");
}

/* The file or folder of the thing; none = it is not there. */
static bool find_path(const struct manifest_set *set, struct slice kind, struct slice name,
	struct slice *path_out, struct error *err)
{
	struct slice rest = name;
	struct slice domain = slice_split(&rest, '.');
	*path_out = SLICE_NONE;
	if (slice_equal_c(kind, "policy"))
		return find_policy(set, name, path_out, err);
	if (slice_equal_c(kind, "domain")) {
		size_t at = manifest_find_domain(set, name);
		if (at != SIZE_MAX)
			*path_out = slice_folder(set->domains[at].at.path);
	} else if (slice_equal_c(kind, "product")) {
		size_t at = manifest_find_product(set, domain, rest);
		if (at != SIZE_MAX)
			*path_out = set->products[at].folder;
	} else {
		for (size_t i = 0; i < set->source_count; i++)
			if (slice_equal(set->sources[i].domain, domain) &&
				slice_equal(set->sources[i].name, rest))
				*path_out = set->sources[i].at.path;
	}
	return true;
}

static bool check_kind(const char *kind, struct error *err)
{
	static const char *const kinds[] = {"domain", "product", "source", "policy"};
	for (size_t i = 0; i < array_len(kinds); i++)
		if (strcmp(kind, kinds[i]) == 0)
			return true;
	error_set(err, INVALID_PARAMETER_VALUE, "weft delete knows no kind \"%.60s\"", kind);
	return error_hint(err, "it is domain, product, source or policy; for people and tokens see "
			       "weft user remove and weft token revoke");
}

static bool confirm(struct cli *cli, const char *kind, const char *name, struct error *err)
{
	const char *what = arena_printf(cli->arena, "This removes the %s %s", kind, name).ptr;
	return target_confirm_change(cli, err) &&
	       (cli_is_set(cli, "yes") || prompt_name(cli, name, what, "pass --yes", err));
}

bool cmd_delete(struct cli *cli, struct error *err)
{
	const char *kind = cli->parsed.args[0];
	const char *name = cli->parsed.args[1];
	struct manifest_set set = {0};
	scoped(json_drop) json_t *plan = NULL;
	if (!check_kind(kind, err) || !load(cli, &set, err))
		return false;
	struct slice path;
	if (!find_path(&set, slice_from_c(kind), slice_from_c(name), &path, err))
		return false;
	if (slice_is_none(path)) {
		error_set(err, UNDEFINED_OBJECT, "there is no %s \"%s\" that you may change", kind,
			name);
		return error_hint(err, "weft export writes the manifests that you may read");
	}
	scoped(json_drop) json_t *body =
		json_pack("{s:[], s:b, s:s%}", "files", "prune", 1, "scope", path.ptr, path.len);
	if (!apply_get_plan(cli, body, &plan, err) || !apply_show_plan(cli, plan, err))
		return false;
	if (cli->status || cli_is_set(cli, "dry-run"))
		return true;
	return confirm(cli, kind, name, err) && apply_send(cli, body, plan, err);
}
