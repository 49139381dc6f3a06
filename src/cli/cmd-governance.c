#include "cli/cli.h"
#include "cli/client.h"
#include "cli/output.h"

/* The policies of the mesh: who enforces which version. */

static void note_lag(const struct cli *cli, const json_t *status)
{
	const json_t *nodes = json_get_array(status, "nodes");
	size_t behind = 0;

	for (size_t i = 0; i < json_array_size(nodes); i++)
		behind += json_get_i64(json_array_get(nodes, i), "behind", 0) > 0;
	cli_note(cli,
		"mesh %.*s, version %lld of its policies, governed by %.*s; %zu of %zu nodes lag",
		SLICE_FMT(json_get_slice(status, "mesh")),
		(long long)json_get_i64(status, "version", 0),
		SLICE_FMT(json_get_slice(status, "authority")), behind, json_array_size(nodes));
}

bool cmd_governance_status(struct cli *cli, struct error *err)
{
	static const struct output_field fields[] = {
		{"node", "NODE", FIELD_NAME},
		{"state", "STATE", 0},
		{"policy_version", "ENFORCES", FIELD_RIGHT},
		{"behind", "BEHIND", FIELD_RIGHT},
		{"seen_at", "SEEN", 0},
		{"reason", "REASON", 0},
	};
	scoped(json_drop) json_t *status = NULL;
	struct client *client = NULL;

	if (!cli_client(cli, &client, err) ||
		!client_json(client, "GET", "/api/v1/mesh/policies", NULL, &status, err))
		return false;
	if (cli->format_given && cli->format != OUTPUT_TABLE && cli->format != OUTPUT_WIDE)
		return output_value(cli, status, err);
	note_lag(cli, status);
	return output_items(cli, fields, array_len(fields), json_get_array(status, "nodes"), err);
}
