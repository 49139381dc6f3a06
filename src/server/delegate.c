#include "server/delegate.h"

#include "base/vec.h"
#include "mesh/member.h"
#include "server/server-private.h"
#include "store/trusts.h"

static const struct slice TEAM = {"team:", 5};

bool delegate_identity(struct server *server, struct slice node, const struct principal *said,
	struct auth_identity **out, struct error *err)
{
	struct arena *arena = arena_new();
	struct auth_identity *identity = arena_new_of(arena, struct auth_identity);
	struct principal *p = &identity->principal;

	identity->arena = arena;
	identity->scopes = AUTH_QUERY;
	*p = *said; /* outlives the identity: the request's */
	p->name = arena_printf(arena, "%.*s/%.*s", SLICE_FMT(node), SLICE_FMT(said->name));
	p->node = arena_copy(arena, node);
	p->admin = false;
	p->purpose = SLICE("");
	if (!auth_set_purpose(server, identity, said->purpose, err)) {
		auth_identity_free(&identity);
		return false;
	}
	*out = identity;
	return true;
}

/* A team group is believed of the node that may speak for its domain. */
static bool believed(
	const struct mesh_node *node, const struct trust_row *trust, struct slice group)
{
	if (slice_starts_with(group, TEAM))
		return slice_in(
			node->domains, node->domain_count, slice_sub(group, TEAM.len, group.len));
	return slice_in(trust->groups, trust->group_count, group);
}

static void take_believed(struct arena *arena, const struct mesh_node *node,
	const struct trust_row *trust, const struct principal *said, struct principal *out)
{
	VEC(struct slice) groups = {0};
	VEC(struct attribute) attributes = {0};

	for (size_t i = 0; i < said->group_count; i++)
		if (believed(node, trust, said->groups[i]))
			vec_push(arena, &groups, arena_copy(arena, said->groups[i]));
	for (size_t i = 0; i < said->attribute_count; i++) {
		const struct attribute *a = &said->attributes[i];

		if (slice_in(trust->attributes, trust->attribute_count, a->name))
			vec_push(arena, &attributes,
				(struct attribute){.name = arena_copy(arena, a->name),
					.type = arena_copy(arena, a->type),
					.values = arena_copy_all(arena, a->values, a->value_count),
					.value_count = a->value_count});
	}
	out->groups = groups.items;
	out->group_count = groups.len;
	out->attributes = attributes.items;
	out->attribute_count = attributes.len;
}

static bool resolve(struct server *server, struct arena *arena, const struct member_view *view,
	const struct principal *said, struct principal *out, struct error *err)
{
	const struct mesh_node *node = mesh_file_node(&view->file, said->node);
	struct trust_row trust = {0};

	if (!node)
		return error_set(err, INVALID_AUTHORIZATION,
			"the node %.*s is no part of the mesh any more", SLICE_FMT(said->node));
	if (!trusts_get(server->store, said->node, arena, &trust, err))
		return false;
	*out = (struct principal){.name = arena_copy(arena, said->name),
		.node = arena_copy(arena, said->node),
		.purpose = arena_copy(arena, said->purpose)};
	take_believed(arena, node, &trust, said, out);
	return true;
}

bool delegate_principal(struct server *server, struct arena *arena, const struct principal *said,
	struct principal *out, struct error *err)
{
	const struct member_view *view = member_view(server->member);

	if (!view)
		return error_set(err, INVALID_AUTHORIZATION, "this node is in no mesh any more");
	bool ok = resolve(server, arena, view, said, out, err);

	member_view_unref(&view);
	return ok;
}

static bool read_names(struct arena *arena, const json_t *body, const char *key, struct slice **out,
	size_t *count_out, struct error *err)
{
	json_t *list = json_get_array(body, key);
	struct slice *names = arena_array_of(arena, struct slice, json_array_size(list));

	for (size_t i = 0; i < json_array_size(list); i++) {
		names[i] = json_to_slice(json_array_get(list, i));
		if (names[i].len == 0 || slice_starts_with(names[i], TEAM))
			return error_set(err, INVALID_PARAMETER_VALUE,
				"\"%s\" holds \"%.*s\", which cannot be trusted by name", key,
				SLICE_FMT(slice_sub(names[i], 0, 80)));
	}
	*out = names;
	*count_out = json_array_size(list);
	return true;
}

bool delegate_trust(struct server *server, const struct auth_identity *caller, struct slice node,
	const json_t *body, struct error *err)
{
	scoped(arena_free) struct arena *arena = arena_new();
	struct trust_row row = {.node = node};
	const struct member_view *view = member_view(server->member);
	bool known = view && mesh_file_node(&view->file, node) &&
		     !slice_equal_c(node, server->node_name);

	member_view_unref(&view);
	if (!known) {
		error_set(err, UNDEFINED_OBJECT, "there is no other node \"%.*s\" in the mesh",
			SLICE_FMT(slice_sub(node, 0, 80)));
		return error_hint(err, "weft get nodes lists them");
	}
	if (!read_names(arena, body, "groups", &row.groups, &row.group_count, err) ||
		!read_names(
			arena, body, "attributes", &row.attributes, &row.attribute_count, err) ||
		!trusts_put(server->store, &row, err))
		return false;
	const struct log_context where = {.principal = caller->principal.name};

	log_say(server->log, MESH_TRUST, &where, log_str("peer", node),
		log_int("groups", (int64_t)row.group_count),
		log_int("attributes", (int64_t)row.attribute_count));
	running_recheck(server);
	return true;
}
