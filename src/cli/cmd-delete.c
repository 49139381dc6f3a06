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

static struct slice folder_of(struct slice path)
{
	size_t at = path.len;
	while (at > 0 && path.ptr[at - 1] != '/')
		at--;
	return slice_sub(path, 0, at ? at - 1 : 0);
}

/* "sales.orders" */
static bool is_named(struct slice domain, struct slice name, struct slice wanted)
{
	return wanted.len == domain.len + 1 + name.len && slice_starts_with(wanted, domain) &&
	       wanted.ptr[domain.len] == '.' && slice_ends_with(wanted, name);
}

/* The file or folder of the thing; none = it is not there. */
static struct slice path_of(const struct manifest_set *set, struct slice kind, struct slice name)
{
	if (slice_equal_c(kind, "domain"))
		for (size_t i = 0; i < set->domain_count; i++)
			if (slice_equal(set->domains[i].name, name))
				return folder_of(set->domains[i].at.path);
	if (slice_equal_c(kind, "product"))
		for (size_t i = 0; i < set->product_count; i++)
			if (is_named(set->products[i].domain, set->products[i].name, name))
				return set->products[i].folder;
	if (slice_equal_c(kind, "source"))
		for (size_t i = 0; i < set->source_count; i++)
			if (is_named(set->sources[i].domain, set->sources[i].name, name))
				return set->sources[i].at.path;
	if (slice_equal_c(kind, "policy"))
		for (size_t i = 0; i < set->policy_count; i++)
			if (slice_equal(set->policies[i].name, name))
				return set->policies[i].at.path;
	return SLICE_NONE;
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
	struct slice path = path_of(&set, slice_from_c(kind), slice_from_c(name));
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
