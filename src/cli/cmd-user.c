#include "base/str.h"
#include "cli/cli.h"
#include "cli/client.h"
#include "cli/output.h"
#include "cli/prompt.h"
#include "cli/target.h"

/* Users and groups. */

static const struct output_field user_fields[] = {
	{"name", "NAME", FIELD_NAME},
	{"admin", "ADMIN", 0},
	{"disabled", "DISABLED", 0},
	{"groups", "GROUPS", 0},
	{"attributes_text", "ATTRIBUTES", 0},
	{"has_password", "PASSWORD", FIELD_WIDE},
};

static const char *user_path(struct cli *cli, const char *user, const char *rest)
{
	return arena_printf(cli->arena, "/api/v1/users/%s%s",
		client_escape(cli->arena, slice_from_c(user)), rest)
		.ptr;
}

static bool get_users(struct cli *cli, json_t **out, struct error *err)
{
	struct client *client = NULL;

	return cli_client(cli, &client, err) &&
	       client_json(client, "GET", "/api/v1/users", NULL, out, err);
}

/* "country=DE,FR region=EU", for tables. */
static void add_attributes_text(struct cli *cli, json_t *user)
{
	struct str text = str_in(cli->arena);
	size_t i = 0;
	json_t *attribute = NULL;

	json_array_foreach(json_get_array(user, "attributes"), i, attribute) str_printf(&text,
		"%s%.*s=%.*s", i ? " " : "", SLICE_FMT(json_get_slice(attribute, "name")),
		SLICE_FMT(output_cell(cli->arena, json_object_get(attribute, "values"))));
	json_set_slice(user, "attributes_text", str_slice(&text));
}

bool cmd_user_list(struct cli *cli, struct error *err)
{
	scoped(json_drop) json_t *answer = NULL;
	size_t i = 0;
	json_t *user = NULL;
	bool structured = cli->format == OUTPUT_JSON || cli->format == OUTPUT_NDJSON ||
			  cli->format == OUTPUT_YAML;

	if (!get_users(cli, &answer, err))
		return false;
	json_array_foreach(json_get_array(answer, "items"), i, user) if (!structured)
		add_attributes_text(cli, user);
	return output_items(
		cli, user_fields, array_len(user_fields), json_get_array(answer, "items"), err);
}

/* NAME[:TYPE]=V1,V2 into the list; no values takes the attribute out. */
static bool set_attribute(json_t *attributes, const char *text, struct error *err)
{
	struct slice rest = slice_from_c(text);
	struct slice name = slice_split(&rest, '=');
	struct slice type = name;
	json_t *values = NULL;
	json_t *item = NULL;

	name = slice_split(&type, ':');
	if (slice_is_none(rest) || name.len == 0) {
		error_set(err, INVALID_PARAMETER_VALUE, "\"%.100s\" is not NAME=VALUES", text);
		return error_hint(err, "as in --attribute country=DE,FR");
	}
	for (size_t i = json_array_size(attributes); i-- > 0;)
		if (slice_equal(json_get_slice(json_array_get(attributes, i), "name"), name))
			json_array_remove(attributes, i);
	if (rest.len == 0)
		return true;
	values = json_array();
	while (!slice_is_none(rest))
		json_array_append_new(values, json_from_slice(slice_trim(slice_split(&rest, ','))));
	item = json_object();
	json_set_slice(item, "name", name);
	json_set_slice(item, "type", slice_is_none(type) ? SLICE("string") : type);
	json_object_set_new(item, "values", values);
	json_array_append_new(attributes, item);
	return true;
}

static void remove_text(json_t *list, const char *text)
{
	for (size_t i = json_array_size(list); i-- > 0;)
		if (slice_equal_c(json_to_slice(json_array_get(list, i)), text))
			json_array_remove(list, i);
}

static void add_text(json_t *list, const char *text)
{
	remove_text(list, text);
	json_array_append_new(list, json_string(text));
}

/* --group, --remove-group and --attribute into a user. */
static bool apply_options(struct cli *cli, json_t *user, struct error *err)
{
	json_t *groups = json_get_array(user, "groups");
	json_t *attributes = json_get_array(user, "attributes");
	const char *value = NULL;

	for (size_t i = 0; (value = parsed_nth(&cli->parsed, "group", i)); i++)
		add_text(groups, value);
	for (size_t i = 0; (value = parsed_nth(&cli->parsed, "remove-group", i)); i++)
		remove_text(groups, value);
	for (size_t i = 0; (value = parsed_nth(&cli->parsed, "attribute", i)); i++)
		if (!set_attribute(attributes, value, err))
			return false;
	return true;
}

static bool put_user(struct cli *cli, const char *name, const json_t *user, struct error *err)
{
	struct client *client = NULL;

	return target_confirm_change(cli, err) && cli_client(cli, &client, err) &&
	       client_json(client, "PUT", user_path(cli, name, ""), user, NULL, err);
}

static bool find_user(const json_t *answer, const char *name, json_t **out, struct error *err)
{
	size_t i = 0;
	json_t *user = NULL;

	json_array_foreach(json_get_array(answer, "items"), i,
		user) if (slice_equal_c(json_get_slice(user, "name"), name))
	{
		*out = user;
		return true;
	}
	error_set(err, UNDEFINED_OBJECT, "there is no user \"%s\"", name);
	return error_hint(err, "weft user list shows them");
}

bool cmd_user_add(struct cli *cli, struct error *err)
{
	const char *name = cli->parsed.args[0];
	scoped(json_drop) json_t *answer = NULL;
	scoped(json_drop) json_t *user = json_pack("{s:s, s:b, s:b, s:[], s:[]}", "name", name,
		"admin", cli_is_set(cli, "admin"), "disabled", 0, "groups", "attributes");
	struct slice password = SLICE_NONE;
	struct error absent = {0};
	json_t *old = NULL;

	if (!apply_options(cli, user, err) || !get_users(cli, &answer, err))
		return false;
	if (find_user(answer, name, &old, &absent)) {
		error_set(err, DUPLICATE_OBJECT, "there is a user \"%s\" already", name);
		return error_hint(err, "weft user set changes it");
	}
	if (!cli_is_set(cli, "no-password")) {
		if (!prompt_password(cli, name, &password, err))
			return false;
		json_set_slice(user, "password", password);
	}
	if (!put_user(cli, name, user, err))
		return false;
	cli_note(cli, "user %s added", name);
	return true;
}

static void set_flag(const struct cli *cli, json_t *user, const char *option)
{
	const char *value = cli_option(cli, option);

	if (value)
		json_object_set_new(user, option, json_boolean(strcmp(value, "yes") == 0));
}

bool cmd_user_set(struct cli *cli, struct error *err)
{
	const char *name = cli->parsed.args[0];
	scoped(json_drop) json_t *answer = NULL;
	json_t *user = NULL;

	if (!get_users(cli, &answer, err) || !find_user(answer, name, &user, err) ||
		!apply_options(cli, user, err))
		return false;
	set_flag(cli, user, "admin");
	set_flag(cli, user, "disabled");
	json_object_del(user, "has_password");
	if (!put_user(cli, name, user, err))
		return false;
	cli_note(cli, "user %s changed", name);
	return true;
}

bool cmd_user_remove(struct cli *cli, struct error *err)
{
	const char *name = cli->parsed.args[0];
	struct client *client = NULL;

	if (!cli_is_set(cli, "yes") &&
		!prompt_name(cli, name,
			arena_printf(cli->arena, "This removes the user %s and its tokens", name)
				.ptr,
			"pass --yes", err))
		return false;
	if (!target_confirm_change(cli, err) || !cli_client(cli, &client, err) ||
		!client_json(client, "DELETE", user_path(cli, name, ""), NULL, NULL, err))
		return false;
	cli_note(cli, "user %s removed", name);
	return true;
}

bool cmd_user_password(struct cli *cli, struct error *err)
{
	const char *name = cli->parsed.args[0];
	struct client *client = NULL;
	struct slice password = SLICE_NONE;
	scoped(json_drop) json_t *body = json_object();

	if (!prompt_password(cli, name, &password, err))
		return false;
	json_set_slice(body, "password", password);
	if (!target_confirm_change(cli, err) || !cli_client(cli, &client, err) ||
		!client_json(client, "PUT", user_path(cli, name, "/password"), body, NULL, err))
		return false;
	cli_note(cli, "the password of %s is set", name);
	return true;
}

bool cmd_group_list(struct cli *cli, struct error *err)
{
	static const struct output_field fields[] = {
		{"name", "NAME", FIELD_NAME}, {"members", "MEMBERS", 0}};
	struct client *client = NULL;
	scoped(json_drop) json_t *answer = NULL;

	return cli_client(cli, &client, err) &&
	       client_json(client, "GET", "/api/v1/groups", NULL, &answer, err) &&
	       output_items(cli, fields, array_len(fields), json_get_array(answer, "items"), err);
}

/* A group is what its members say: each is changed by itself. All are looked up before the first
 * change, so that a slip in a name changes nothing. */
static bool change_members(struct cli *cli, bool into, struct error *err)
{
	const char *group = cli->parsed.args[0];
	scoped(json_drop) json_t *answer = NULL;
	json_t *user = NULL;

	if (!get_users(cli, &answer, err))
		return false;
	for (size_t i = 1; i < cli->parsed.arg_count; i++)
		if (!find_user(answer, cli->parsed.args[i], &user, err))
			return false;
	for (size_t i = 1; i < cli->parsed.arg_count; i++) {
		const char *name = cli->parsed.args[i];

		if (!find_user(answer, name, &user, err))
			return false;
		if (into)
			add_text(json_get_array(user, "groups"), group);
		else
			remove_text(json_get_array(user, "groups"), group);
		json_object_del(user, "has_password");
		if (!put_user(cli, name, user, err))
			return error_wrap(err, "%s", name);
	}
	cli_note(cli, "%zu users %s %s", cli->parsed.arg_count - 1,
		into ? "are now in" : "are no longer in", group);
	return true;
}

bool cmd_group_add(struct cli *cli, struct error *err)
{
	return change_members(cli, true, err);
}

bool cmd_group_remove(struct cli *cli, struct error *err)
{
	return change_members(cli, false, err);
}
