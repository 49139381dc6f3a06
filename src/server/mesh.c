/* The node's part in a mesh, towards its administrators. Other nodes' requests: mesh-node.c. */
#include "server/mesh.h"

#include <stdio.h>

#include "base/clock.h"
#include "catalog/system.h"
#include "http/pool.h"
#include "server/mesh-policies.h"
#include "server/server-private.h"
#include "server/shelf.h"
#include "store/copies.h"
#include "store/trusts.h"

enum {
	ANSWER_MAX_BYTES = 2 << 20,
	REQUEST_TIMEOUT_MS = 10000,
	INVITE_LIFE_S = 3600,
	INVITE_LIFE_MAX_S = 7 * 86400,
	OVERLAP_S = 3600,
	TLS_OVERLAP_S = 7 * 86400, /* until the node was started with it */
	HTTP_OK = 200,
	PSEUDONYM_HEX = 64,
};

static const struct slice CHANGE_PATH = {"/mesh/v1/change", 15};

static void my_mark(void *ctx, struct catalogue_mark *out)
{
	shelf_mark(ctx, out);
}

static void mark_of_copy(void *ctx, struct slice node, struct catalogue_mark *out)
{
	copy_mark(ctx, node, out);
}

static bool take_change(void *ctx, struct slice node, const json_t *change, struct error *err)
{
	return copy_take(ctx, node, change, err);
}

static void my_policies(void *ctx, struct policy_mark *out)
{
	mesh_policies_mark(ctx, out);
}

static bool take_policies(void *ctx, struct slice node, struct slice text, struct error *err)
{
	return mesh_policies_take(ctx, node, text, err);
}

static void keep_copies_of(void *ctx, const struct slice *nodes, size_t count)
{
	struct server *server = ctx;
	struct error err = {0};

	if (!copies_keep(server->store, nodes, count, &err))
		log_failure(server->log, EVENT_STORE_FAILED, NULL, "erase copies", &err);
}

static int64_t greeting_ms(void *ctx)
{
	const struct server *server = ctx;

	return server->config->mesh_greeting_ms;
}

bool mesh_open(struct server *server, struct error *err)
{
	const char *cert = server->config->tls_cert_file;

	server->keys_dir = arena_printf(server->names, "%s/keys", server->data_dir).ptr;
	server->tls_cert_file =
		*cert ? cert : arena_printf(server->names, "%s/tls.crt", server->keys_dir).ptr;
	const struct member_options options = {.store = server->store,
		.keys_dir = server->keys_dir,
		.node = server->node_name,
		.tls_cert_file = server->tls_cert_file,
		.log = server->log};

	server->shelf = shelf_new();
	server->http = http_pool_new();
	return member_open(&options, &server->member, err) && mesh_policies_open(server, err);
}

bool mesh_start(struct server *server, struct error *err)
{
	const struct peers_options options = {.member = server->member,
		.log = server->log,
		.weft = WEFT_VERSION,
		.mine = my_mark,
		.copy = mark_of_copy,
		.change = take_change,
		.policies = my_policies,
		.take_policies = take_policies,
		.only = keep_copies_of,
		.interval_ms = greeting_ms,
		.ctx = server};
	struct peers *peers = NULL;

	/* What was applied right before the node ended. */
	if (!mesh_policies_publish(server, err) || !peers_start(&options, &peers, err))
		return false;
	atomic_store(&server->peers, peers);
	return true;
}

void mesh_stop(struct server *server)
{
	struct peers *peers = atomic_exchange(&server->peers, NULL);

	peers_stop(&peers);
}

void mesh_changed(struct server *server)
{
	if (server->peers)
		peers_nudge(server->peers);
}

void mesh_close(struct server *server)
{
	mesh_policies_close(server);
	member_close(&server->member);
	shelf_free(&server->shelf);
	http_pool_free(&server->http);
}

static bool in_no_mesh(struct error *err)
{
	error_set(err, UNDEFINED_OBJECT, "this node is in no mesh");
	return error_hint(err, "weft mesh init makes one, weft node join joins one");
}

static void add_until(json_t *entry, int64_t until_us)
{
	char text[CLOCK_TEXT_BYTES];

	if (!until_us)
		return;
	clock_format(until_us, text);
	json_object_set_new(entry, "until", json_string(text));
}

static json_t *describe_node(const struct mesh_node *node)
{
	scoped(arena_free) struct arena *arena = arena_new();
	json_t *keys = json_array();
	json_t *pins = json_array();

	for (size_t i = 0; i < node->key_count; i++) {
		json_t *entry = json_pack("{s:o}", "thumbprint",
			json_from_slice(public_key_thumbprint(arena, &node->keys[i].key)));

		add_until(entry, node->keys[i].until_us);
		json_array_append_new(keys, entry);
	}
	for (size_t i = 0; i < node->pin_count; i++) {
		json_t *entry = json_pack("{s:o}", "pin", json_from_slice(node->pins[i].pin));

		add_until(entry, node->pins[i].until_us);
		json_array_append_new(pins, entry);
	}
	return json_pack("{s:o, s:o, s:o, s:o, s:o}", "name", json_from_slice(node->name), "url",
		json_from_slice(node->url), "domains",
		json_from_slices(node->domains, node->domain_count), "keys", keys, "tls", pins);
}

bool mesh_describe(struct server *server, json_t **out, struct error *err)
{
	scoped(arena_free) struct arena *arena = arena_new();
	const struct member_view *view = member_view(server->member);
	char issued[CLOCK_TEXT_BYTES];
	json_t *nodes = json_array();

	if (!view) {
		json_decref(nodes);
		return in_no_mesh(err);
	}
	const struct mesh_file *file = &view->file;

	clock_format(file->issued_us, issued);
	for (size_t i = 0; i < file->node_count; i++)
		json_array_append_new(nodes, describe_node(&file->nodes[i]));
	*out = json_pack("{s:o, s:I, s:s, s:o, s:b, s:b, s:o, s:o, s:o}", "mesh",
		json_from_slice(file->mesh), "version", (json_int_t)file->version, "issued", issued,
		"authority", json_from_slice(file->authority), "governs",
		member_governs(server->member), "member", view->self != NULL, "governance",
		json_from_slice(public_key_thumbprint(arena, &file->governance)), "file",
		json_from_slice(file->text), "nodes", nodes);
	member_view_unref(&view);
	return true;
}

/* "https://127.0.0.1:8443": as others reach this node; none when its HTTP door cannot be reached.
 */
static struct slice door_url(const struct server *server)
{
	for (size_t i = 0; i < server->doors_open; i++) {
		const struct door *door = &server->doors[i];

		if (strcmp(door->name, "http") == 0 && door->address)
			return slice_from_c(door->address(door->ctx));
	}
	return SLICE_NONE;
}

static bool own_url(
	const struct server *server, const json_t *body, struct slice *out, struct error *err)
{
	*out = json_get_slice(body, "url");
	if (slice_is_none(*out))
		*out = door_url(server);
	if (mesh_url_check(*out, err))
		return true;
	return error_hint(err, "pass --node-url https://HOST:PORT, as the other nodes reach this "
			       "one's HTTPS port");
}

bool mesh_found(struct server *server, const json_t *body, struct error *err)
{
	scoped(arena_free) struct arena *arena = arena_new();
	struct member_self self = {0};
	const struct model *model = server_model(server);
	struct slice *domains = arena_array_of(arena, struct slice, model->domain_count);

	for (size_t i = 0; i < model->domain_count; i++)
		domains[i] = arena_copy(arena, model->domains[i].name);
	self.domains = domains;
	self.domain_count = model->domain_count;
	server_model_release(server, &model);
	return own_url(server, body, &self.url, err) &&
	       member_found(server->member, json_get_slice(body, "mesh"), &self, err) &&
	       mesh_policies_publish(server, err);
}

static bool read_domains(
	struct arena *arena, const json_t *body, struct member_invite *invite, struct error *err)
{
	const json_t *list = json_get_array(body, "domains");
	size_t count = json_array_size(list);
	struct slice *domains = arena_array_of(arena, struct slice, count);

	for (size_t i = 0; i < count; i++) {
		domains[i] = json_to_slice(json_array_get(list, i));
		if (domains[i].len == 0)
			return error_set(err, INVALID_PARAMETER_VALUE, "domains are names");
	}
	invite->domains = domains;
	invite->domain_count = count;
	return true;
}

bool mesh_invite(struct server *server, const struct auth_identity *caller, const json_t *body,
	json_t **out, struct error *err)
{
	scoped(arena_free) struct arena *arena = arena_new();
	struct member_invite invite = {.node = json_get_slice(body, "node"),
		.life_s = json_get_i64(body, "life_s", INVITE_LIFE_S),
		.by = caller->principal.name};
	struct slice text = SLICE_NONE;
	char expires[CLOCK_TEXT_BYTES];

	if (invite.life_s < 1 || invite.life_s > INVITE_LIFE_MAX_S)
		return error_set(
			err, INVALID_PARAMETER_VALUE, "an invitation lives for 1 s to 7 days");
	if (!read_domains(arena, body, &invite, err) ||
		!member_invite(server->member, arena, &invite, &text, err))
		return false;
	clock_format(clock_wall_us(&clock_system) + invite.life_s * 1000000, expires);
	*out = json_pack("{s:o, s:o, s:s}", "invitation", json_from_slice(text), "node",
		json_from_slice(invite.node), "expires", expires);
	return true;
}

/* What a node answered: its JSON; an error that it tells is passed on with its name. */
static bool read_answer(const struct http_exchange *item, json_t **out, struct error *err)
{
	struct error ignored = {0};

	if (!item->ok) {
		*err = item->err;
		return false;
	}
	scoped(json_drop) json_t *answer = json_parse(item->answer, &ignored);

	if (item->status == HTTP_OK && answer) {
		*out = take(answer);
		return true;
	}
	struct slice detail = json_get_slice(answer, "detail");
	struct slice code = json_get_slice(answer, "code");

	if (slice_is_none(detail))
		return error_set(err, CONNECTION_FAILURE, "%.*s answered with HTTP status %ld",
			SLICE_FMT(item->url), item->status);
	char state[8] = "";

	snprintf(state, sizeof state, "%.*s", SLICE_FMT(code));
	error_set(err, INTERNAL_ERROR, "%.*s", SLICE_FMT(detail));
	err->state = sqlstate_from_code(state);
	return error_hint(err, "%.*s", SLICE_FMT(json_get_slice(answer, "hint")));
}

static bool send_one(
	struct arena *arena, struct http_exchange *item, json_t **out, struct error *err)
{
	struct http_group *group = NULL;

	item->max_bytes = ANSWER_MAX_BYTES;
	if (!http_group_new(&group, err))
		return false;
	http_send_all(group, arena, item, 1, REQUEST_TIMEOUT_MS);
	http_group_free(&group);
	return read_answer(item, out, err);
}

/* Pseudonyms of one mesh join across its nodes: they have one key. */
static bool take_pseudonym_key(struct server *server, struct slice key, struct error *err)
{
	bool hex = key.len == PSEUDONYM_HEX;

	for (size_t i = 0; hex && i < key.len; i++)
		hex = (key.ptr[i] >= '0' && key.ptr[i] <= '9') ||
		      (key.ptr[i] >= 'a' && key.ptr[i] <= 'f');
	if (hex)
		return server_set_pseudonym_key(server, key, err);
	return error_set(err, PROTOCOL_VIOLATION, "the governing node sent no key for pseudonyms");
}

static struct slice mesh_authority(struct server *server, struct arena *arena)
{
	const struct member_view *view = member_view(server->member);
	struct slice name = view ? arena_copy(arena, view->file.authority) : SLICE_NONE;

	member_view_unref(&view);
	return name;
}

bool mesh_join(struct server *server, const json_t *body, struct error *err)
{
	scoped(arena_free) struct arena *arena = arena_new();
	struct invitation invitation;
	struct member_self self = {0};
	struct http_exchange item = {.method = "POST"};
	json_t *answer_new = NULL;

	if (!invitation_read(arena, json_get_slice(body, "invitation"), &invitation, err) ||
		(!json_get_bool(body, "replace_governance", false) &&
			!mesh_policies_check_join(server, err)) ||
		!own_url(server, body, &self.url, err) ||
		!member_ask(server->member, arena, &invitation, &self, &item.body, err))
		return false;
	item.url = arena_printf(arena, "%.*s/mesh/v1/join", SLICE_FMT(invitation.url));
	item.pins = arena_printf(arena, "sha256//%.*s", SLICE_FMT(invitation.pin));
	if (!send_one(arena, &item, &answer_new, err))
		return error_wrap(err, "join the mesh %.*s", SLICE_FMT(invitation.mesh));
	scoped(json_drop) json_t *answer = answer_new;

	if (!member_accept(server->member, &invitation, json_get_slice(answer, "file"), err) ||
		!take_pseudonym_key(server, json_get_slice(answer, "pseudonym_key"), err) ||
		!mesh_policies_take(server, mesh_authority(server, arena),
			json_get_slice(answer, "policies"), err))
		return false;
	mesh_changed(server);
	return true;
}

/* The others learn of it now, not with the next greeting. */
static bool told(struct server *server, bool changed)
{
	if (changed)
		mesh_changed(server);
	return changed;
}

bool mesh_leave(struct server *server, struct error *err)
{
	return told(server, member_leave(server->member, err)) && mesh_policies_forget(server, err);
}

bool mesh_set_node(
	struct server *server, struct slice node, const json_t *change, struct error *err)
{
	return told(server, member_change(server->member, node, change, err));
}

bool mesh_remove_node(struct server *server, struct slice node, struct error *err)
{
	return told(server, member_remove(server->member, node, err));
}

bool mesh_rotate_governance(struct server *server, struct error *err)
{
	return told(server, member_rotate_governance(server->member, err)) &&
	       mesh_policies_publish(server, err);
}

/* To the governing node, or here when this is it. */
static bool send_change(struct server *server, const json_t *change, struct error *err)
{
	scoped(arena_free) struct arena *arena = arena_new();
	const struct member_view *view = member_view(server->member);
	struct http_exchange item;
	const struct mesh_node *authority =
		view ? mesh_file_node(&view->file, view->file.authority) : NULL;
	json_t *answer_new = NULL;
	enum mesh_order order;

	if (!authority) {
		member_view_unref(&view);
		return in_no_mesh(err);
	}
	const struct peer_request request = {authority, CHANGE_PATH, json_print(arena, change)};
	bool here = authority == view->self;
	struct slice from = arena_copy(arena, authority->name);
	bool ok = here ? member_change(server->member, from, change, err)
		       : peer_address(server->member, arena, &request, &item, err);

	member_view_unref(&view);
	if (!ok || here)
		return ok;
	if (!send_one(arena, &item, &answer_new, err))
		return error_wrap(err, "the governing node %.*s", SLICE_FMT(from));
	scoped(json_drop) json_t *answer = answer_new;

	return member_take_file(server->member, json_get_slice(answer, "file"), from, &order, err);
}

bool mesh_rotate_key(struct server *server, const json_t *body, struct error *err)
{
	struct slice pin = json_get_slice(body, "tls");
	bool tls = !slice_is_none(pin);
	int64_t overlap_s = json_get_i64(body, "overlap_s", tls ? TLS_OVERLAP_S : OVERLAP_S);
	json_t *change_new = NULL;

	if (tls)
		change_new = json_pack("{s:o, s:I}", "tls", json_from_slice(pin), "overlap_s",
			(json_int_t)overlap_s);
	else if (!member_new_key(server->member, overlap_s, &change_new, err))
		return false;
	scoped(json_drop) json_t *change = change_new;

	return told(server, send_change(server, change, err));
}

struct slice mesh_name(struct server *server, struct arena *arena, bool *removed_out)
{
	const struct member_view *view = member_view(server->member);
	struct slice name = view ? arena_copy(arena, view->file.mesh) : SLICE_NONE;

	*removed_out = view && !view->self;

	member_view_unref(&view);
	return name;
}

static void add_trust(struct server *server, struct arena *arena, struct system_node *node)
{
	struct trust_row trust = {0};
	struct error err = {0};

	if (!trusts_get(server->store, node->name, arena, &trust, &err))
		log_failure(server->log, EVENT_STORE_FAILED, NULL, "read what is trusted", &err);
	node->trusted_groups = trust.groups;
	node->trusted_group_count = trust.group_count;
	node->trusted_attributes = trust.attributes;
	node->trusted_attribute_count = trust.attribute_count;
}

size_t mesh_nodes(struct server *server, struct arena *arena, const struct system_node **out)
{
	const struct peer *peers = NULL;
	size_t count = server->peers ? peers_list(server->peers, arena, &peers) : 0;
	struct system_node *nodes = arena_array_of(arena, struct system_node, count);

	for (size_t i = 0; i < count; i++)
		nodes[i] = (struct system_node){.name = peers[i].name,
			.url = peers[i].url,
			.state = peer_health_name(peers[i].health),
			.reason = peers[i].why,
			.version = peers[i].weft,
			.seen_us = peers[i].seen_us,
			.trip_us = peers[i].trip_us,
			.skew_us = peers[i].skew_us,
			.mesh_version = peers[i].mesh_version,
			.policy_version = peers[i].policies.version,
			.epoch = peers[i].have.epoch};
	for (size_t i = 0; i < count; i++)
		add_trust(server, arena, &nodes[i]);
	*out = nodes;
	return count;
}
