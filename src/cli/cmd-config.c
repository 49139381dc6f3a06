#include <errno.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/client.h"
#include "cli/config-edit.h"
#include "cli/files.h"
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

/* The file alone, so that it is known where the setting stands. */
static bool load_file_only(
	const char *path, struct slice text, struct config **out, struct error *err)
{
	const struct config_input input = {.file_name = path, .file_text = text};

	return config_load(&input, out, err);
}

/* The value as the file writes it; checked against its kind and range. */
static bool read_value(struct cli *cli, const char *name, struct slice *out, struct error *err)
{
	const struct config_flag flag = {.name = name, .value = cli->parsed.args[1]};
	const struct config_input input = {.flags = &flag, .flag_count = 1};
	scoped(config_free) struct config *config = NULL;

	if (!config_load(&input, &config, err))
		return false;
	int param = config_find(slice_from_c(name));

	*out = config_text(config, (enum config_param)param, cli->arena);
	return true;
}

static bool edit_file(struct cli *cli, const char *path, const char *name, struct error *err)
{
	enum { FILE_MAX = 1 << 20 };
	struct config_change change = {.name = name};
	scoped(config_free) struct config *before = NULL;
	scoped(config_free) struct config *after = NULL;

	if (!read_value(cli, name, &change.value, err))
		return false;
	if (access(path, F_OK) == 0 && !file_read(cli->arena, path, FILE_MAX, &change.text, err))
		return false;
	if (!load_file_only(path, change.text, &before, err))
		return false;
	int param = config_find(slice_from_c(name));

	if (before->origin[param] == CONFIG_FROM_FILE)
		change.line = before->file_line[param];
	struct slice text = config_edit(cli->arena, &change);

	return load_file_only(path, text, &after, err) && file_write(path, text, 0600, err);
}

static const struct output_field reload_fields[] = {
	{"name", "NAME", FIELD_NAME},
	{"takes_effect", "TAKES EFFECT", 0},
};

static void add_names(json_t *items, const json_t *answer, const char *key, const char *when)
{
	const json_t *list = json_get_array(answer, key);

	for (size_t i = 0; i < json_array_size(list); i++)
		json_array_append_new(
			items, json_pack("{s:O, s:s}", "name", json_array_get(list, i),
				       "takes_effect", when));
}

bool cmd_config_reload(struct cli *cli, struct error *err)
{
	struct client *client = NULL;
	scoped(json_drop) json_t *answer = NULL;
	scoped(json_drop) json_t *items = json_array();

	if (!target_confirm_change(cli, err) || !cli_client(cli, &client, err) ||
		!client_json(client, "POST", "/api/v1/reload", NULL, &answer, err))
		return false;
	add_names(items, answer, "changed", "now");
	add_names(items, answer, "restart_needed", "restart");
	return output_items(cli, reload_fields, array_len(reload_fields), items, err);
}

static bool lists(const json_t *answer, const char *key, const char *name)
{
	const json_t *list = json_get_array(answer, key);

	for (size_t i = 0; i < json_array_size(list); i++)
		if (slice_equal_c(json_to_slice(json_array_get(list, i)), name))
			return true;
	return false;
}

/* What the running node, when there is one, makes of the new file. */
static bool tell_effect(struct cli *cli, const char *name, struct error *err)
{
	struct client *client = NULL;
	scoped(json_drop) json_t *answer = NULL;
	scoped(json_drop) json_t *items = json_array();
	int param = config_find(slice_from_c(name));
	const char *when = config_param_table[param].reload == CONFIG_RESTART ? "restart" : "now";

	if (!cli_client(cli, &client, err) ||
		!client_json(client, "POST", "/api/v1/reload", NULL, &answer, err)) {
		if (err->state != SQLSTATE_CANNOT_CONNECT)
			return false;
		when = "start";
	}
	if (lists(answer, "fixed", name)) {
		when = "overridden";
		cli_note(cli,
			"the node was started with --set or WEFT_ for %s, which is stronger than "
			"the file",
			name);
	}
	json_array_append_new(items, json_pack("{s:s, s:s}", "name", name, "takes_effect", when));
	return output_items(cli, reload_fields, array_len(reload_fields), items, err);
}

bool cmd_config_set(struct cli *cli, struct error *err)
{
	struct target target;
	const char *data = NULL;
	const char *name = node_setting_name(cli, slice_from_c(cli->parsed.args[0]));

	if (!target_find(cli, &target, err) || !target_confirm_change(cli, err))
		return false;
	if (!target.data)
		return error_set(err, FEATURE_NOT_SUPPORTED,
			"settings can be changed on the node's machine only; name its --data");
	return node_data_dir(cli, target.data, &data, err) &&
	       edit_file(cli, arena_printf(cli->arena, "%s/weft.toml", data).ptr, name, err) &&
	       tell_effect(cli, name, err);
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
