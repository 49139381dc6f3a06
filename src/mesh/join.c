/* Membership seen from the node that joins, or changes its key. */
#include <unistd.h>

#include "base/check.h"
#include "base/clock.h"
#include "mesh/jws.h"
#include "mesh/member-private.h"

static const char JOIN_TYPE[] = "weft-join+jws";

static bool check_invitation(
	struct member *member, const struct invitation *invitation, struct error *err)
{
	if (!slice_equal_c(invitation->node, member->options.node)) {
		error_set(err, INVALID_PARAMETER_VALUE,
			"the invitation is for a node called \"%.*s\"; this one is \"%s\"",
			SLICE_FMT(invitation->node), member->options.node);
		return error_hint(
			err, "let the governing node invite \"%s\"", member->options.node);
	}
	if (invitation->expires_us > clock_wall_us(&clock_system))
		return member_refuse_in_mesh(member, err);
	error_set(err, INVALID_AUTHORIZATION, "the invitation has expired");
	return error_hint(err, "let the governing node make another one");
}

bool member_ask(struct member *member, struct arena *arena, const struct invitation *invitation,
	const struct member_self *self, struct slice *body_out, struct error *err)
{
	scoped(key_free) struct key *key = NULL;
	struct slice pin = SLICE_NONE;

	if (!check_invitation(member, invitation, err) || !mesh_url_check(self->url, err) ||
		!member_pin(arena, member->options.tls_cert_file, &pin, err))
		return false;
	pthread_mutex_lock(&member->change_lock);
	bool ok = member_key(member, "node.key", &key, err);

	pthread_mutex_unlock(&member->change_lock);
	if (!ok)
		return false;
	scoped(json_drop) json_t *request = json_pack("{s:o, s:o, s:o, s:o, s:o, s:o}", "mesh",
		json_from_slice(invitation->mesh), "name", json_from_slice(invitation->node),
		"invitation", json_from_slice(invitation->id), "url", json_from_slice(self->url),
		"key", public_key_print(key_public(key)), "tls", json_from_slice(pin));
	/* Signed by the key that it names: who joins holds it. */
	struct slice proof = jws_sign(arena, key, JOIN_TYPE, json_print(arena, request));
	scoped(json_drop) json_t *body = json_pack("{s:o, s:o}", "secret",
		json_from_slice(invitation->secret), "request", json_from_slice(proof));

	*body_out = json_print(arena, body);
	return true;
}

static bool accept_locked(struct member *member, const struct invitation *invitation,
	struct slice text, struct error *err)
{
	scoped(arena_free) struct arena *arena = arena_new();
	scoped(key_free) struct key *key = NULL;
	struct mesh_file file;

	if (!member_refuse_in_mesh(member, err) || !member_key(member, "node.key", &key, err) ||
		!mesh_file_read(arena, text, &invitation->governance, &file, err))
		return false;
	const struct mesh_node *self = mesh_file_node(&file, slice_from_c(member->options.node));

	if (!slice_equal(file.mesh, invitation->mesh) || !self ||
		!public_key_equal(&self->keys[0].key, key_public(key)))
		return error_set(err, INVALID_AUTHORIZATION,
			"the mesh file of the answer does not name this node with its key");
	return member_adopt_locked(member, text, &invitation->governance, err);
}

bool member_accept(struct member *member, const struct invitation *invitation, struct slice file,
	struct error *err)
{
	pthread_mutex_lock(&member->change_lock);
	bool ok = accept_locked(member, invitation, file, err);

	pthread_mutex_unlock(&member->change_lock);
	return ok;
}

bool member_new_key(
	struct member *member, int64_t overlap_s, json_t **change_out, struct error *err)
{
	scoped(key_free) struct key *next = NULL;

	pthread_mutex_lock(&member->change_lock);
	bool ok = member->view ||
		  error_set(err, OBJECT_NOT_IN_PREREQUISITE_STATE, "this node is in no mesh");

	/* One that an interrupted change left is taken up again. */
	ok = ok && member_key(member, "node.key.next", &next, err);
	pthread_mutex_unlock(&member->change_lock);
	if (!ok)
		return false;
	*change_out = json_pack("{s:o, s:I}", "key", public_key_print(key_public(next)),
		"overlap_s", (json_int_t)overlap_s);
	return true;
}
