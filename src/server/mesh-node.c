/*
 * What other nodes ask of this one. Nothing here trusts an address: a node is who its token proves,
 * a mesh file is what its signature proves, a new node is who its invitation and key prove.
 */
#include "server/mesh.h"

#include <stdio.h>

#include "base/clock.h"
#include "log/log.h"
#include "server/mesh-policies.h"
#include "server/server-private.h"
#include "server/shelf.h"

enum { SAID_MAX_BYTES = 80 };

static void log_refused(
	struct server *server, struct slice claimed, struct slice peer, const struct error *err)
{
	int64_t left_out = 0;

	if (log_quota_take(&server->refusals, clock_mono_us(&clock_system), &left_out))
		log_say(server->log, MESH_REFUSED, NULL,
			log_str("peer", slice_sub(claimed, 0, SAID_MAX_BYTES)),
			log_str("address", peer), log_cstr("reason", err->msg),
			log_int("left_out", left_out));
}

bool mesh_authenticate(struct server *server, struct arena *arena,
	const struct mesh_request *request, struct slice *node_out, struct error *err)
{
	struct node_request expected = {
		.method = request->method, .path = request->path, .body = request->body};
	struct node_sender sender;
	bool ok = member_check(server->member, arena, request->token, &expected, &sender, err);
	const struct peer_sign sign = {sender.name, sender.skew_us, ok};

	if (!ok)
		log_refused(server, sender.name, request->peer, err);
	if (sender.proved && server->peers)
		peers_heard(server->peers, &sign);
	*node_out = sender.name;
	return ok;
}

bool mesh_node_hello(struct server *server, struct slice node, const json_t *said, json_t **out,
	struct error *err)
{
	*out = server->peers ? peers_hello(server->peers) : NULL;
	if (!*out)
		return error_set(err, CANNOT_CONNECT_NOW, "the node is starting");
	peers_told(server->peers, node, said);
	return true;
}

bool mesh_node_catalogue(
	struct server *server, const json_t *since, json_t **out, struct error *err)
{
	scoped(arena_free) struct arena *arena = arena_new();
	struct slice boot = json_get_slice(since, "boot");
	struct catalogue_mark mark = {.epoch = json_get_i64(since, "epoch", -1)};
	struct slice text = SLICE_NONE;

	if (boot.len < sizeof mark.boot)
		snprintf(mark.boot, sizeof mark.boot, "%.*s", SLICE_FMT(boot));
	scoped(json_drop) json_t *change = shelf_change(server, &mark);

	if (!member_sign_document(server->member, arena, "weft-catalogue+jws",
		    json_print(arena, change), &text, err))
		return false;
	*out = json_pack("{s:o}", "catalogue", json_from_slice(text));
	atomic_store(&server->memory_freed, true);
	return true;
}

bool mesh_node_file(struct server *server, json_t **out, struct error *err)
{
	const struct member_view *view = member_view(server->member);

	if (!view)
		return error_set(err, UNDEFINED_OBJECT, "this node is in no mesh");
	*out = json_pack("{s:o, s:I}", "file", json_from_slice(view->file.text), "mesh_version",
		(json_int_t)view->file.version);
	member_view_unref(&view);
	return true;
}

bool mesh_node_take_file(struct server *server, struct slice from, const json_t *body, json_t **out,
	struct error *err)
{
	enum mesh_order order;

	if (!member_take_file(server->member, json_get_slice(body, "file"), from, &order, err))
		return false;
	const struct member_view *view = member_view(server->member);

	*out = json_pack("{s:I}", "mesh_version", (json_int_t)(view ? view->file.version : 0));
	member_view_unref(&view);
	if (order == MESH_NEWER && server->peers)
		peers_nudge(server->peers);
	return true;
}

bool mesh_node_policies(struct server *server, json_t **out, struct error *err)
{
	scoped(arena_free) struct arena *arena = arena_new();
	struct slice text = SLICE_NONE;

	if (!mesh_policies_text(server, arena, &text, err))
		return false;
	if (slice_is_none(text))
		return error_set(err, UNDEFINED_OBJECT, "this node has no mesh policies");
	*out = json_pack("{s:o}", "policies", json_from_slice(text));
	return true;
}

bool mesh_node_join(struct server *server, struct slice from, const json_t *body, json_t **out,
	struct error *err)
{
	scoped(arena_free) struct arena *arena = arena_new();
	struct slice node = SLICE_NONE;
	json_t *answer = NULL;

	if (!member_admit(server->member, body, &node, arena, err)) {
		log_refused(server, node, from, err);
		return false;
	}
	log_say(server->log, MESH_JOINED, NULL, log_str("peer", node), log_str("address", from));
	struct slice policies = SLICE_NONE;

	if (!mesh_policies_text(server, arena, &policies, err) ||
		!mesh_node_file(server, &answer, err))
		return false;
	json_set_slice(answer, "policies", policies);
	json_object_set_new(answer, "pseudonym_key", json_string(server->pseudonym_key));
	*out = answer;
	if (server->peers)
		peers_nudge(server->peers);
	return true;
}

bool mesh_node_change(struct server *server, struct slice node, const json_t *change, json_t **out,
	struct error *err)
{
	/* Which domains it may speak for is not a node's own to say. */
	if (json_object_get(change, "domains"))
		return error_set(
			err, INSUFFICIENT_PRIVILEGE, "a node cannot change its own domains");
	if (!member_change(server->member, node, change, err))
		return false;
	if (server->peers)
		peers_nudge(server->peers);
	return mesh_node_file(server, out, err);
}
