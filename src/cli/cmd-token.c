#include <errno.h>
#include <unistd.h>

#include "base/str.h"
#include "cli/cli.h"
#include "cli/client.h"
#include "cli/files.h"
#include "cli/output.h"
#include "cli/target.h"

/* Service tokens. */

bool cmd_token_list(struct cli *cli, struct error *err)
{
	static const struct output_field fields[] = {
		{"id", "ID", FIELD_NAME},
		{"user", "USER", 0},
		{"label", "LABEL", 0},
		{"scopes", "SCOPES", 0},
		{"expires", "EXPIRES", 0},
		{"used", "USED", FIELD_WIDE},
		{"used_from", "USED FROM", FIELD_WIDE},
	};
	struct client *client = NULL;
	scoped(json_drop) json_t *answer = NULL;
	struct str path = str_in(cli->arena);
	const char *user = cli_option(cli, "user");

	str_add_c(&path, "/api/v1/tokens");
	if (user)
		str_printf(&path, "?user=%s", client_escape(cli->arena, slice_from_c(user)));
	return cli_client(cli, &client, err) &&
	       client_json(client, "GET", path.ptr, NULL, &answer, err) &&
	       output_items(cli, fields, array_len(fields), json_get_array(answer, "items"), err);
}

/* "12h", "30d", "90m". */
static bool parse_lifetime(const char *text, int64_t *out, struct error *err)
{
	static const struct {
		char unit;
		int64_t seconds;
	} units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}, {'w', 604800}};
	struct slice number = slice_from_c(text);

	for (size_t i = 0; number.len && i < array_len(units); i++)
		if (number.ptr[number.len - 1] == units[i].unit &&
			slice_to_i64(slice_sub(number, 0, number.len - 1), out) && *out > 0 &&
			*out < 1000000000) {
			*out *= units[i].seconds;
			return true;
		}
	error_set(err, INVALID_PARAMETER_VALUE, "--lifetime cannot be \"%.40s\"", text);
	return error_hint(err, "as in 12h or 30d");
}

static bool make_body(const struct cli *cli, json_t **out, struct error *err)
{
	const char *scopes = cli_option(cli, "scope");
	struct slice rest = slice_from_c(scopes);
	scoped(json_drop) json_t *body = json_object();
	json_t *list = NULL;
	int64_t lifetime_s = 0;

	if (cli_is_set(cli, "user"))
		json_object_set_new(body, "user", json_string(cli_option(cli, "user")));
	if (cli_is_set(cli, "label"))
		json_object_set_new(body, "label", json_string(cli_option(cli, "label")));
	if (cli_is_set(cli, "lifetime")) {
		if (!parse_lifetime(cli_option(cli, "lifetime"), &lifetime_s, err))
			return false;
		json_object_set_new(body, "lifetime_s", json_integer(lifetime_s));
	}
	if (scopes) {
		list = json_array();
		while (!slice_is_none(rest))
			json_array_append_new(
				list, json_from_slice(slice_trim(slice_split(&rest, ','))));
		json_object_set_new(body, "scopes", list);
	}
	*out = take(body);
	return true;
}

bool cmd_token_create(struct cli *cli, struct error *err)
{
	const char *file = cli_option(cli, "token-out");
	struct client *client = NULL;
	scoped(json_drop) json_t *body = NULL;
	scoped(json_drop) json_t *token = NULL;

	if (!make_body(cli, &body, err) || !target_confirm_change(cli, err) ||
		!cli_client(cli, &client, err) ||
		!client_json(client, "POST", "/api/v1/tokens", body, &token, err))
		return false;
	struct slice secret = json_get_slice(token, "token");

	if (file) {
		struct slice line = arena_printf(cli->arena, "%.*s\n", SLICE_FMT(secret));

		if (!file_write(file, line, 0600, err))
			return false;
		json_object_del(token, "token");
	}
	if (cli->format_given)
		return output_value(cli, token, err);
	if (!file)
		fprintf(cli->out, "%.*s\n", SLICE_FMT(secret));
	cli_note(cli, "token %.*s of %.*s, until %.*s%s%s", SLICE_FMT(json_get_slice(token, "id")),
		SLICE_FMT(json_get_slice(token, "user")),
		SLICE_FMT(json_get_slice(token, "expires")),
		file ? ", written to " : "; it is not shown again", file ? file : "");
	return true;
}

bool cmd_token_revoke(struct cli *cli, struct error *err)
{
	struct client *client = NULL;
	const char *id = cli->parsed.args[0];
	const char *path = arena_printf(
		cli->arena, "/api/v1/tokens/%s", client_escape(cli->arena, slice_from_c(id)))
				   .ptr;

	if (!target_confirm_change(cli, err) || !cli_client(cli, &client, err) ||
		!client_json(client, "DELETE", path, NULL, NULL, err))
		return false;
	cli_note(cli, "token %s is revoked", id);
	return true;
}
