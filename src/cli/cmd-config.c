#include <errno.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/node-config.h"
#include "cli/output.h"
#include "cli/target.h"

/* config view, contexts. */

bool cmd_config_view(struct cli *cli, struct error *err)
{
	struct output_field fields[] = {
		{"name", "NAME", FIELD_NAME},
		{"value", "VALUE", 0},
		{"origin", "ORIGIN", FIELD_WIDE},
		{"text", "MEANING", FIELD_WIDE},
	};
	struct target target;
	scoped(config_free) struct config *config = NULL;
	scoped(json_drop) json_t *items = json_array();

	if (!target_find(cli, &target, err))
		return false;
	if (!target.data)
		return error_set(err, FEATURE_NOT_SUPPORTED,
			"settings can be seen on the node's machine only; name its --data");
	if (!node_config_load(cli, target.data, &config, err))
		return false;
	for (int i = 0; i < CONFIG_PARAM_COUNT; i++) {
		json_t *item = json_object();

		json_object_set_new(item, "name", json_string(config_param_table[i].name));
		json_set_slice(
			item, "value", config_text(config, (enum config_param)i, cli->arena));
		json_object_set_new(
			item, "origin", json_string(config_origin_name(config->origin[i])));
		json_object_set_new(item, "text", json_string(config_param_table[i].text));
		json_array_append_new(items, item);
	}
	if (cli_is_set(cli, "origin"))
		fields[2].flags = 0;
	return output_items(cli, fields, array_len(fields), items, err);
}

bool cmd_context_list(struct cli *cli, struct error *err)
{
	static const struct output_field fields[] = {
		{"current", "CURRENT", 0},
		{"name", "NAME", FIELD_NAME},
		{"url", "URL", 0},
		{"data", "DATA", 0},
		{"protected", "PROTECTED", 0},
		{"token_file", "TOKEN FILE", FIELD_WIDE},
		{"ca", "CA", FIELD_WIDE},
	};
	scoped(json_drop) json_t *file = NULL;
	scoped(json_drop) json_t *items = json_array();
	const char *name = NULL;
	json_t *context = NULL;

	if (!target_read_contexts(cli, &file, err))
		return false;
	struct slice current = json_get_slice(file, "current");

	json_object_foreach(json_get_object(file, "contexts"), name, context)
	{
		json_t *item = json_deep_copy(context);

		json_object_set_new(item, "name", json_string(name));
		json_object_set_new(item, "current", json_boolean(slice_equal_c(current, name)));
		json_array_append_new(items, item);
	}
	return output_items(cli, fields, array_len(fields), items, err);
}

static bool need_context(const json_t *file, const char *name, struct error *err)
{
	if (json_get_object(json_get_object(file, "contexts"), name))
		return true;
	error_set(err, UNDEFINED_OBJECT, "there is no context \"%s\"", name);
	return error_hint(err, "weft context list shows them, weft context set makes one");
}

bool cmd_context_use(struct cli *cli, struct error *err)
{
	scoped(json_drop) json_t *file = NULL;
	const char *name = cli->parsed.args[0];

	if (!target_read_contexts(cli, &file, err) || !need_context(file, name, err))
		return false;
	json_object_set_new(file, "current", json_string(name));
	return target_write_contexts(cli, file, err);
}

/* Paths are kept absolute: a context is used from anywhere. */
static bool set_path(const struct cli *cli, json_t *context, const char *option, const char *key,
	struct error *err)
{
	const char *value = cli_option(cli, option);
	char folder[4096];

	if (!value)
		return true;
	if (value[0] != '/') {
		if (!getcwd(folder, sizeof folder))
			return error_set_errno(err, errno, "find the current folder");
		value = arena_printf(cli->arena, "%s/%s", folder, value).ptr;
	}
	json_object_set_new(context, key, json_string(value));
	return true;
}

bool cmd_context_set(struct cli *cli, struct error *err)
{
	scoped(json_drop) json_t *file = NULL;
	const char *name = cli->parsed.args[0];

	if (!target_read_contexts(cli, &file, err))
		return false;
	json_t *contexts = json_get_object(file, "contexts");
	json_t *context = json_get_object(contexts, name);

	if (!context) {
		if (!cli_is_set(cli, "url") && !cli_is_set(cli, "data")) {
			error_set(err, INVALID_PARAMETER_VALUE, "a new context needs a node");
			return error_hint(err, "pass --url URL or --data DIR");
		}
		context = json_object();
		json_object_set_new(contexts, name, context);
	}
	if (cli_is_set(cli, "url"))
		json_object_set_new(context, "url", json_string(cli_option(cli, "url")));
	if (cli_is_set(cli, "protected"))
		json_object_set_new(context, "protected", json_true());
	if (!set_path(cli, context, "data", "data", err) ||
		!set_path(cli, context, "token-file", "token_file", err) ||
		!set_path(cli, context, "ca", "ca", err))
		return false;
	if (json_is_null(json_object_get(file, "current")))
		json_object_set_new(file, "current", json_string(name));
	return target_write_contexts(cli, file, err);
}

bool cmd_context_remove(struct cli *cli, struct error *err)
{
	scoped(json_drop) json_t *file = NULL;
	const char *name = cli->parsed.args[0];

	if (!target_read_contexts(cli, &file, err) || !need_context(file, name, err))
		return false;
	json_object_del(json_get_object(file, "contexts"), name);
	if (slice_equal_c(json_get_slice(file, "current"), name))
		json_object_set_new(file, "current", json_null());
	return target_write_contexts(cli, file, err);
}
