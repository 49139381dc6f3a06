/* Who enforces which version of the mesh policies. */
#include "base/clock.h"
#include "mesh/peers.h"
#include "server/auth.h"
#include "server/mesh-policies.h"
#include "server/server-private.h"

static json_t *describe(struct slice node, const char *state, int64_t version, int64_t newest)
{
	json_t *entry = json_pack("{s:o, s:s, s:I, s:I}", "node", json_from_slice(node), "state",
		state, "policy_version", (json_int_t)version, "behind",
		(json_int_t)(newest > version ? newest - version : 0));

	return entry;
}

static void add_reason(json_t *entry, struct slice reason)
{
	if (!slice_is_none(reason))
		json_set_slice(entry, "reason", reason);
}

static json_t *describe_peer(const struct peer *peer, int64_t newest, bool reasons)
{
	json_t *entry = describe(
		peer->name, peer_health_name(peer->health), peer->policies.version, newest);
	char seen[CLOCK_TEXT_BYTES];

	if (peer->seen_us) {
		clock_format(peer->seen_us, seen);
		json_object_set_new(entry, "seen_at", json_string(seen));
	}
	if (reasons)
		add_reason(entry, peer->health == PEER_UP ? peer->policies_refused : peer->why);
	return entry;
}

/* The version that the governing node said last: others could say anything. */
static int64_t newest_version(
	const struct peer *peers, size_t count, struct slice authority, int64_t mine)
{
	for (size_t i = 0; i < count; i++)
		if (slice_equal(peers[i].name, authority) && peers[i].policies.version > mine)
			return peers[i].policies.version;
	return mine;
}

static void add_set(struct server *server, struct arena *arena, json_t *status)
{
	struct slice text = SLICE_NONE;
	struct policy_set set;
	struct error ignored = {0};
	char issued[CLOCK_TEXT_BYTES];

	if (!mesh_policies_text(server, arena, &text, &ignored) || slice_is_none(text) ||
		!policy_set_parse(arena, text, &set, &ignored))
		return;
	clock_format(set.issued_us, issued);
	json_object_set_new(status, "issued", json_string(issued));
	json_object_set_new(status, "files", json_integer((json_int_t)set.count));
}

static json_t *status_of(
	struct server *server, struct arena *arena, const struct member_view *view, bool reasons)
{
	const struct peer *peers = NULL;
	size_t count = server->peers ? peers_list(server->peers, arena, &peers) : 0;
	json_t *nodes = json_array();
	struct policy_mark mine;

	mesh_policies_mark(server, &mine);
	int64_t newest = newest_version(peers, count, view->file.authority, mine.version);
	json_t *self = describe(slice_from_c(server->node_name), view->self ? "self" : "removed",
		mine.version, newest);

	if (reasons && server->peers)
		add_reason(self, peers_policies_refused(server->peers, arena));
	json_array_append_new(nodes, self);
	for (size_t i = 0; i < count; i++)
		json_array_append_new(nodes, describe_peer(&peers[i], newest, reasons));
	return json_pack("{s:o, s:o, s:I, s:o}", "mesh", json_from_slice(view->file.mesh),
		"authority", json_from_slice(view->file.authority), "version", (json_int_t)newest,
		"nodes", nodes);
}

bool mesh_policies_status(struct server *server, const struct auth_identity *identity, json_t **out,
	struct error *err)
{
	scoped(arena_free) struct arena *arena = arena_new();
	const struct member_view *view = member_view(server->member);

	if (!view) {
		error_set(
			err, UNDEFINED_OBJECT, "this node is in no mesh: its policies are its own");
		return error_hint(err, "weft mesh init makes one, weft node join joins one");
	}
	*out = status_of(server, arena, view, identity->principal.admin);
	add_set(server, arena, *out);
	member_view_unref(&view);
	return true;
}
