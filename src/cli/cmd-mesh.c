#include <stdio.h>

#include "cli/cli.h"
#include "cli/client.h"
#include "cli/files.h"
#include "cli/output.h"
#include "cli/prompt.h"
#include "cli/target.h"
#include "manifest/manifest.h"
#include "mesh/member.h"

/* The mesh that a node is in: made, joined, changed. */

enum { INVITATION_MAX_BYTES = 4096, SECOND_US = 1000000 };

/* Text options of the command line that go into the body as they are. */
static void add_option(const struct cli *cli, json_t *body, const char *option, const char *member)
{
	if (cli_is_set(cli, option))
		json_object_set_new(body, member, json_string(cli_option(cli, option)));
}

/* All values of an option, several in one by commas. */
static json_t *list_of(const struct cli *cli, const char *option)
{
	json_t *list = json_array();
	const char *value = NULL;

	for (size_t i = 0; (value = parsed_nth(&cli->parsed, option, i)); i++) {
		struct slice rest = slice_from_c(value);

		while (!slice_is_none(rest))
			json_array_append_new(
				list, json_from_slice(slice_trim(slice_split(&rest, ','))));
	}
	return list;
}

static void add_domains(const struct cli *cli, json_t *body)
{
	if (cli_is_set(cli, "domain"))
		json_object_set_new(body, "domains", list_of(cli, "domain"));
}

static bool add_time(const struct cli *cli, json_t *body, const char *option, const char *member,
	struct error *err)
{
	const char *text = cli_option(cli, option);
	int64_t us = 0;

	if (!text)
		return true;
	if (!manifest_duration(slice_from_c(text), &us) || us < 0) {
		error_set(err, INVALID_PARAMETER_VALUE, "--%s \"%.60s\" is no time", option, text);
		return error_hint(err, "write it as 10min, 2h or 1d");
	}
	json_object_set_new(body, member, json_integer(us / SECOND_US));
	return true;
}

static bool send(struct cli *cli, const char *method, const char *path, const json_t *body,
	json_t **out, struct error *err)
{
	struct client *client = NULL;

	return target_confirm_change(cli, err) && cli_client(cli, &client, err) &&
	       client_json(client, method, path, body, out, err);
}

static const char *node_path(struct cli *cli, const char *node)
{
	return arena_printf(
		cli->arena, "/api/v1/mesh/nodes/%s", client_escape(cli->arena, slice_from_c(node)))
		.ptr;
}

static void note_version(const struct cli *cli, const json_t *mesh)
{
	cli_note(cli, "the mesh file has version %lld now",
		(long long)json_get_i64(mesh, "version", 0));
}

bool cmd_mesh_init(struct cli *cli, struct error *err)
{
	scoped(json_drop) json_t *body = json_pack("{s:s}", "mesh", cli->parsed.args[0]);
	scoped(json_drop) json_t *mesh = NULL;

	add_option(cli, body, "node-url", "url");
	if (!send(cli, "POST", "/api/v1/mesh", body, &mesh, err))
		return false;
	if (cli->format_given)
		return output_value(cli, mesh, err);
	cli_note(cli,
		"the mesh %s is made; this node, %.*s, governs it: keep a copy of "
		"keys/governance.key in a safe place",
		cli->parsed.args[0], SLICE_FMT(json_get_slice(mesh, "authority")));
	return true;
}

bool cmd_mesh_show(struct cli *cli, struct error *err)
{
	static const struct output_field fields[] = {
		{"name", "NAME", FIELD_NAME},
		{"url", "URL", 0},
		{"domains", "DOMAINS", 0},
		{"keys", "KEYS", FIELD_WIDE},
		{"tls", "TLS", FIELD_WIDE},
	};
	scoped(json_drop) json_t *mesh = NULL;
	struct client *client = NULL;

	if (!cli_client(cli, &client, err) ||
		!client_json(client, "GET", "/api/v1/mesh", NULL, &mesh, err))
		return false;
	if (cli_is_set(cli, "file")) {
		fprintf(cli->out, "%.*s\n", SLICE_FMT(json_get_slice(mesh, "file")));
		return true;
	}
	if (cli->format_given && cli->format != OUTPUT_TABLE && cli->format != OUTPUT_WIDE)
		return output_value(cli, mesh, err);
	cli_note(cli, "mesh %.*s, version %lld of its file, of %.*s, governed by %.*s",
		SLICE_FMT(json_get_slice(mesh, "mesh")),
		(long long)json_get_i64(mesh, "version", 0),
		SLICE_FMT(json_get_slice(mesh, "issued")),
		SLICE_FMT(json_get_slice(mesh, "authority")));
	return output_items(cli, fields, array_len(fields), json_get_array(mesh, "nodes"), err);
}

bool cmd_mesh_rotate_key(struct cli *cli, struct error *err)
{
	scoped(json_drop) json_t *mesh = NULL;

	if (!send(cli, "POST", "/api/v1/mesh/governance-key", NULL, &mesh, err))
		return false;
	cli_note(cli, "the mesh has a new governance key; keep a copy of keys/governance.key");
	note_version(cli, mesh);
	return true;
}

bool cmd_node_invite(struct cli *cli, struct error *err)
{
	const char *file = cli_option(cli, "invitation-out");
	scoped(json_drop) json_t *body = json_pack("{s:s}", "node", cli->parsed.args[0]);
	scoped(json_drop) json_t *made = NULL;

	add_domains(cli, body);
	if (!add_time(cli, body, "lifetime", "life_s", err) ||
		!send(cli, "POST", "/api/v1/mesh/invitations", body, &made, err))
		return false;
	struct slice text = json_get_slice(made, "invitation");

	if (file &&
		!file_write(file, arena_printf(cli->arena, "%.*s\n", SLICE_FMT(text)), 0600, err))
		return false;
	if (file)
		json_object_del(made, "invitation");
	if (cli->format_given)
		return output_value(cli, made, err);
	if (!file)
		fprintf(cli->out, "%.*s\n", SLICE_FMT(text));
	cli_note(cli,
		"it holds a secret, works once, and until %.*s; at the node %s: "
		"weft node join FILE",
		SLICE_FMT(json_get_slice(made, "expires")), cli->parsed.args[0]);
	return true;
}

bool cmd_node_join(struct cli *cli, struct error *err)
{
	const char *file = cli->parsed.arg_count ? cli->parsed.args[0] : "-";
	scoped(json_drop) json_t *body = json_object();
	scoped(json_drop) json_t *mesh = NULL;
	struct slice text = SLICE_NONE;

	if (!file_read(cli->arena, file, INVITATION_MAX_BYTES, &text, err))
		return false;
	json_set_slice(body, "invitation", slice_trim(text));
	add_option(cli, body, "node-url", "url");
	if (cli_is_set(cli, "replace-governance"))
		json_object_set_new(body, "replace_governance", json_true());
	if (!send(cli, "POST", "/api/v1/mesh/join", body, &mesh, err))
		return false;
	if (cli->format_given)
		return output_value(cli, mesh, err);
	cli_note(cli, "this node is in the mesh %.*s now, with %zu others",
		SLICE_FMT(json_get_slice(mesh, "mesh")),
		json_array_size(json_get_array(mesh, "nodes")) - 1);
	return true;
}

bool cmd_node_set(struct cli *cli, struct error *err)
{
	scoped(json_drop) json_t *body = json_object();
	scoped(json_drop) json_t *mesh = NULL;

	add_option(cli, body, "node-url", "url");
	add_domains(cli, body);
	if (json_object_size(body) == 0)
		return error_set(err, INVALID_PARAMETER_VALUE,
			"nothing to change: pass --node-url or --domain");
	if (!send(cli, "PUT", node_path(cli, cli->parsed.args[0]), body, &mesh, err))
		return false;
	note_version(cli, mesh);
	return true;
}

bool cmd_node_trust(struct cli *cli, struct error *err)
{
	const char *node = cli->parsed.args[0];
	struct slice path = arena_printf(cli->arena, "%s/trust", node_path(cli, node));
	scoped(json_drop) json_t *body = json_pack("{s:o, s:o}", "groups", list_of(cli, "group"),
		"attributes", list_of(cli, "attribute"));

	if (!send(cli, "PUT", path.ptr, body, NULL, err))
		return false;
	cli_note(cli, "of the people of %s %zu groups and %zu attributes are believed here", node,
		json_array_size(json_get_array(body, "groups")),
		json_array_size(json_get_array(body, "attributes")));
	return true;
}

bool cmd_node_remove(struct cli *cli, struct error *err)
{
	const char *node = cli->parsed.args[0];
	const char *what = arena_printf(cli->arena,
		"From now on the other nodes refuse %s and what it holds cannot be read", node)
				   .ptr;

	if (!cli_is_set(cli, "yes") && !prompt_name(cli, node, what, "pass --yes", err))
		return false;
	if (!send(cli, "DELETE", node_path(cli, node), NULL, NULL, err))
		return false;
	cli_note(cli, "node %s removed", node);
	return true;
}

bool cmd_node_leave(struct cli *cli, struct error *err)
{
	if (!cli_is_set(cli, "yes") &&
		!prompt_yes(cli, "Forget the mesh that this node is in?", "pass --yes", err))
		return false;
	if (!send(cli, "POST", "/api/v1/mesh/leave", NULL, NULL, err))
		return false;
	cli_note(cli, "this node is in no mesh now; at the governing node, weft node remove "
		      "takes it out of the mesh file");
	return true;
}

bool cmd_node_rotate_key(struct cli *cli, struct error *err)
{
	const char *cert = cli_option(cli, "tls-cert");
	scoped(json_drop) json_t *body = json_object();
	scoped(json_drop) json_t *mesh = NULL;
	struct slice pin = SLICE_NONE;

	if (!add_time(cli, body, "overlap", "overlap_s", err) ||
		(cert && !member_pin(cli->arena, cert, &pin, err)))
		return false;
	if (cert)
		json_set_slice(body, "tls", pin);
	if (!send(cli, "POST", "/api/v1/mesh/key", body, &mesh, err))
		return false;
	if (cert)
		cli_note(cli, "the other nodes take this certificate's key from now on: put it in "
			      "its place and restart the node");
	note_version(cli, mesh);
	return true;
}
