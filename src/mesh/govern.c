/* Membership seen from the node that governs: every change is a next version of the mesh file. */
#include "base/clock.h"
#include "mesh/jws.h"
#include "mesh/member-private.h"
#include "store/invitations.h"

static const char JOIN_TYPE[] = "weft-join+jws";

enum { SECOND_US = 1000000, KEYS_KEPT = 4, OVERLAP_MAX_S = 30 * 86400 };

/* A next version in the making. */
struct draft {
	struct member *member;
	struct arena *arena;
	struct mesh_file file;
	struct key *governance; /* signs it */
	struct public_key root;
	struct error *err;
};

typedef bool (*draft_edit_fn)(struct draft *draft, const void *what);

static bool refuse_not_governing(struct member *member, struct error *err)
{
	const struct member_view *view = member->view;

	if (!view)
		error_set(err, OBJECT_NOT_IN_PREREQUISITE_STATE, "this node is in no mesh");
	else
		error_set(err, OBJECT_NOT_IN_PREREQUISITE_STATE,
			"this node does not hold the governance key of the mesh %.*s",
			SLICE_FMT(view->file.mesh));
	return view ? error_hint(err, "do it at the node %.*s", SLICE_FMT(view->file.authority))
		    : error_hint(err, "weft mesh init makes a mesh");
}

static bool edit_locked(
	struct member *member, draft_edit_fn edit, const void *what, struct error *err)
{
	scoped(arena_free) struct arena *arena = arena_new();
	scoped(key_free) struct key *governance = NULL;

	if (!member->view || !member->governs)
		return refuse_not_governing(member, err);
	if (!key_read(member_path(member, arena, "governance.key"), &governance, err))
		return false;
	struct draft draft = {.member = member,
		.arena = arena,
		.file = member->view->file,
		.governance = governance,
		.root = member->root,
		.err = err};

	draft.file.version++;
	draft.file.issued_us = clock_wall_us(&clock_system);
	draft.file.nodes = arena_array_of(arena, struct mesh_node, draft.file.node_count + 1);
	for (size_t i = 0; i < draft.file.node_count; i++)
		draft.file.nodes[i] = member->view->file.nodes[i];
	return edit(&draft, what) &&
	       member_adopt_locked(member, mesh_file_sign(arena, &draft.file, draft.governance),
		       &draft.root, err);
}

static bool edit_file(
	struct member *member, draft_edit_fn edit, const void *what, struct error *err)
{
	pthread_mutex_lock(&member->change_lock);
	bool ok = edit_locked(member, edit, what, err);

	pthread_mutex_unlock(&member->change_lock);
	return ok;
}

/* The draft's node to change, NULL with 42704. */
static struct mesh_node *draft_node(struct draft *draft, struct slice name)
{
	for (size_t i = 0; i < draft->file.node_count; i++)
		if (slice_equal(draft->file.nodes[i].name, name))
			return &draft->file.nodes[i];
	error_set(draft->err, UNDEFINED_OBJECT, "the mesh %.*s has no node \"%.*s\"",
		SLICE_FMT(draft->file.mesh), SLICE_FMT(slice_sub(name, 0, 80)));
	error_hint(draft->err, "weft get nodes lists them");
	return NULL;
}

/* No other node may speak for one of them. */
static bool check_domains(const struct mesh_file *file, struct slice node,
	const struct slice *domains, size_t count, struct error *err)
{
	for (size_t i = 0; i < count; i++) {
		const struct mesh_node *owner = mesh_file_domain(file, domains[i]);

		if (!owner || slice_equal(owner->name, node))
			continue;
		error_set(err, DUPLICATE_OBJECT, "the domain %.*s is the node %.*s's",
			SLICE_FMT(domains[i]), SLICE_FMT(owner->name));
		return error_hint(err, "take it from there first: weft node set %.*s --domain …",
			SLICE_FMT(owner->name));
	}
	return true;
}

static struct mesh_node new_node(struct arena *arena, struct slice name,
	const struct member_self *self, const struct public_key *key, struct slice pin)
{
	struct mesh_node node = {.name = name,
		.url = self->url,
		.domains = arena_copy_all(arena, self->domains, self->domain_count),
		.domain_count = self->domain_count,
		.keys = arena_new_of(arena, struct mesh_key),
		.key_count = 1,
		.pins = arena_new_of(arena, struct mesh_pin),
		.pin_count = 1};

	node.keys[0].key = *key;
	node.pins[0].pin = pin;
	return node;
}

static bool found_locked(
	struct member *member, struct slice mesh, const struct member_self *self, struct error *err)
{
	scoped(arena_free) struct arena *arena = arena_new();
	scoped(key_free) struct key *governance = NULL;
	scoped(key_free) struct key *key = NULL;
	struct slice pin = SLICE_NONE;

	if (!member_refuse_in_mesh(member, err) ||
		!member_pin(arena, member->options.tls_cert_file, &pin, err) ||
		!member_key(member, "governance.key", &governance, err) ||
		!member_key(member, "node.key", &key, err))
		return false;
	struct mesh_node node =
		new_node(arena, slice_from_c(member->options.node), self, key_public(key), pin);
	const struct mesh_file file = {.mesh = mesh,
		.version = 1,
		.issued_us = clock_wall_us(&clock_system),
		.authority = node.name,
		.governance = *key_public(governance),
		.nodes = &node,
		.node_count = 1};

	return member_adopt_locked(
		member, mesh_file_sign(arena, &file, governance), &file.governance, err);
}

bool member_found(
	struct member *member, struct slice mesh, const struct member_self *self, struct error *err)
{
	if (!mesh_name_check("mesh", mesh, err) ||
		!mesh_name_check("node", slice_from_c(member->options.node), err) ||
		!mesh_url_check(self->url, err))
		return false;
	pthread_mutex_lock(&member->change_lock);
	bool ok = found_locked(member, mesh, self, err);

	pthread_mutex_unlock(&member->change_lock);
	return ok;
}

static bool check_invite(
	const struct mesh_file *file, const struct member_invite *invite, struct error *err)
{
	if (!mesh_name_check("node", invite->node, err))
		return false;
	if (mesh_file_node(file, invite->node)) {
		error_set(err, DUPLICATE_OBJECT, "the mesh %.*s has a node %.*s already",
			SLICE_FMT(file->mesh), SLICE_FMT(invite->node));
		return error_hint(err, "weft node remove takes it out");
	}
	return check_domains(file, invite->node, invite->domains, invite->domain_count, err);
}

bool member_invite(struct member *member, struct arena *arena, const struct member_invite *invite,
	struct slice *text_out, struct error *err)
{
	const struct member_view *view = member_view(member);

	if (!view || !view->self || !member_governs(member)) {
		refuse_not_governing(member, err);
		member_view_unref(&view);
		return false;
	}
	struct invitation invitation = {.mesh = view->file.mesh,
		.node = invite->node,
		.url = view->self->url,
		.pin = view->self->pins[0].pin,
		.governance = view->file.governance,
		.expires_us = clock_wall_us(&clock_system) + invite->life_s * SECOND_US};

	invitation_draw(arena, &invitation);
	const struct invitation_row row = {.id = invitation.id,
		.digest = invitation_digest(arena, invitation.secret),
		.node = invite->node,
		.domains = arena_copy_all(arena, invite->domains, invite->domain_count),
		.domain_count = invite->domain_count,
		.by = invite->by,
		.expires_us = invitation.expires_us};
	bool ok = check_invite(&view->file, invite, err) &&
		  invitations_put(member->options.store, &row, err);

	if (ok)
		*text_out = invitation_print(arena, &invitation);
	member_view_unref(&view);
	return ok;
}

/* What a new node says of itself, once its signature holds. */
struct application {
	struct slice invitation;
	struct slice name;
	struct slice url;
	struct slice pin;
	struct public_key key;
	struct slice secret;
	const struct slice *domains; /* of the invitation */
	size_t domain_count;
};

static bool refuse_join(struct error *err, const char *why)
{
	error_set(err, INVALID_AUTHORIZATION, "joining is refused: %s", why);
	return error_hint(err, "let the governing node make another invitation");
}

static bool read_application(struct arena *arena, const struct mesh_file *file, const json_t *body,
	struct application *out, struct error *err)
{
	struct jws jws;
	struct error ignored = {0};

	if (!jws_read(arena, json_get_slice(body, "request"), JOIN_TYPE, &jws))
		return refuse_join(err, "the request cannot be read");
	scoped(json_drop) json_t *request = json_parse(jws.payload, &ignored);

	if (!public_key_read(json_object_get(request, "key"), &out->key) ||
		!jws_verify(&jws, &out->key))
		return refuse_join(err, "it is not signed by the key that it names");
	if (!slice_equal(json_get_slice(request, "mesh"), file->mesh))
		return refuse_join(err, "it is for another mesh");
	out->invitation = arena_copy(arena, json_get_slice(request, "invitation"));
	out->name = arena_copy(arena, json_get_slice(request, "name"));
	out->url = arena_copy(arena, json_get_slice(request, "url"));
	out->pin = arena_copy(arena, json_get_slice(request, "tls"));
	out->secret = json_get_slice(body, "secret");
	return mesh_name_check("node", out->name, err) && mesh_url_check(out->url, err);
}

static bool add_node(struct draft *draft, const void *what)
{
	const struct application *a = what;
	const struct member_self self = {
		.url = a->url, .domains = a->domains, .domain_count = a->domain_count};

	if (draft->file.node_count >= MESH_NODES_MAX)
		return error_set(draft->err, LIMIT_EXCEEDED, "the mesh has %d nodes: no more fit",
			MESH_NODES_MAX);
	if (mesh_file_node(&draft->file, a->name))
		return error_set(draft->err, DUPLICATE_OBJECT, "the mesh has a node %.*s already",
			SLICE_FMT(a->name));
	if (!check_domains(&draft->file, a->name, a->domains, a->domain_count, draft->err))
		return false;
	draft->file.nodes[draft->file.node_count++] =
		new_node(draft->arena, a->name, &self, &a->key, a->pin);
	return true;
}

/* It may be that the answer of the first time was lost. */
static bool is_in_already(struct member *member, const struct application *a)
{
	const struct member_view *view = member_view(member);
	const struct mesh_node *node = view ? mesh_file_node(&view->file, a->name) : NULL;
	bool is_in = node && public_key_equal(&node->keys[0].key, &a->key);

	member_view_unref(&view);
	return is_in;
}

static bool admit(
	struct member *member, struct arena *arena, struct application *a, struct error *err)
{
	const struct invitation_key key = {.id = a->invitation,
		.digest = invitation_digest(arena, a->secret),
		.node = a->name};
	struct invitation_row row;
	enum invitation_outcome outcome = INVITATION_ABSENT;

	if (!invitations_take(member->options.store, arena, &key, &row, &outcome, err))
		return false;
	if (outcome == INVITATION_ABSENT)
		return refuse_join(err, "there is no such invitation");
	if (outcome == INVITATION_EXPIRED)
		return refuse_join(err, "the invitation has expired");
	if (outcome == INVITATION_USED)
		return is_in_already(member, a) ||
		       refuse_join(err, "the invitation was used before");
	a->domains = row.domains;
	a->domain_count = row.domain_count;
	return edit_file(member, add_node, a, err);
}

bool member_admit(struct member *member, const json_t *body, struct slice *node_out,
	struct arena *arena, struct error *err)
{
	const struct member_view *view = member_view(member);
	struct application a = {0};

	*node_out = SLICE_NONE;
	if (!view || !member_governs(member)) {
		refuse_not_governing(member, err);
		member_view_unref(&view);
		return false;
	}
	bool ok = read_application(arena, &view->file, body, &a, err);

	*node_out = a.name;
	member_view_unref(&view);
	return ok && admit(member, arena, &a, err);
}

/* The new one first; the one that was first counts for a while; older ones that ended go. */
static bool put_key(
	struct draft *draft, struct mesh_node *node, const json_t *jwk, int64_t until_us)
{
	struct mesh_key *keys = arena_array_of(draft->arena, struct mesh_key, KEYS_KEPT);
	size_t count = 1;

	if (!public_key_read(jwk, &keys[0].key))
		return error_set(draft->err, INVALID_PARAMETER_VALUE, "the key is no Ed25519 JWK");
	for (size_t i = 0; i < node->key_count && count < KEYS_KEPT; i++) {
		struct mesh_key key = node->keys[i];

		if (public_key_equal(&key.key, &keys[0].key))
			continue;
		if (key.until_us == 0 || key.until_us > until_us)
			key.until_us = until_us;
		if (mesh_until_holds(key.until_us, draft->file.issued_us))
			keys[count++] = key;
	}
	node->keys = keys;
	node->key_count = count;
	return true;
}

static void put_pin(struct draft *draft, struct mesh_node *node, struct slice pin, int64_t until_us)
{
	struct mesh_pin *pins = arena_array_of(draft->arena, struct mesh_pin, KEYS_KEPT);
	size_t count = 1;

	pins[0].pin = arena_copy(draft->arena, pin);
	for (size_t i = 0; i < node->pin_count && count < KEYS_KEPT; i++) {
		struct mesh_pin old = node->pins[i];

		if (slice_equal(old.pin, pin))
			continue;
		if (old.until_us == 0 || old.until_us > until_us)
			old.until_us = until_us;
		if (mesh_until_holds(old.until_us, draft->file.issued_us))
			pins[count++] = old;
	}
	node->pins = pins;
	node->pin_count = count;
}

static bool put_domains(struct draft *draft, struct mesh_node *node, const json_t *list)
{
	size_t count = json_array_size(list);
	struct slice *domains = arena_array_of(draft->arena, struct slice, count);

	for (size_t i = 0; i < count; i++)
		domains[i] = arena_copy(draft->arena, json_to_slice(json_array_get(list, i)));
	if (!check_domains(&draft->file, node->name, domains, count, draft->err))
		return false;
	node->domains = domains;
	node->domain_count = count;
	return true;
}

struct node_change {
	struct slice node;
	const json_t *change;
};

static bool change_node(struct draft *draft, const void *what)
{
	const struct node_change *c = what;
	struct mesh_node *node = draft_node(draft, c->node);
	struct slice url = json_get_slice(c->change, "url");
	struct slice pin = json_get_slice(c->change, "tls");
	const json_t *jwk = json_object_get(c->change, "key");
	const json_t *domains = json_get_array(c->change, "domains");
	int64_t overlap_s = json_get_i64(c->change, "overlap_s", 0);

	if (!node)
		return false;
	if (overlap_s < 0 || overlap_s > OVERLAP_MAX_S)
		return error_set(draft->err, INVALID_PARAMETER_VALUE,
			"an old key can count for 30 days at most");
	int64_t until_us = draft->file.issued_us + overlap_s * SECOND_US;

	if (!slice_is_none(url)) {
		if (!mesh_url_check(url, draft->err))
			return false;
		node->url = arena_copy(draft->arena, url);
	}
	if (!slice_is_none(pin))
		put_pin(draft, node, pin, until_us);
	return (!domains || put_domains(draft, node, domains)) &&
	       (!jwk || put_key(draft, node, jwk, until_us));
}

bool member_change(
	struct member *member, struct slice node, const json_t *change, struct error *err)
{
	const struct node_change what = {node, change};

	return edit_file(member, change_node, &what, err);
}

static bool remove_node(struct draft *draft, const void *what)
{
	const struct slice *name = what;
	struct mesh_node *node = draft_node(draft, *name);

	if (!node)
		return false;
	if (slice_equal(node->name, draft->file.authority)) {
		error_set(draft->err, OBJECT_NOT_IN_PREREQUISITE_STATE,
			"the node %.*s governs the mesh: it cannot be removed", SLICE_FMT(*name));
		return error_hint(draft->err, "without it nobody could change the mesh any more");
	}
	size_t at = (size_t)(node - draft->file.nodes);

	for (size_t i = at; i + 1 < draft->file.node_count; i++)
		draft->file.nodes[i] = draft->file.nodes[i + 1];
	draft->file.node_count--;
	return true;
}

bool member_remove(struct member *member, struct slice node, struct error *err)
{
	return edit_file(member, remove_node, &node, err);
}

/* The next key lies beside the present one until the file that names it is stored (member.c). */
static bool rotate(struct draft *draft, const void *what)
{
	struct mesh_file *file = &draft->file;
	struct key *next = (struct key *)(uintptr_t)what;
	struct slice *succession =
		arena_array_of(draft->arena, struct slice, file->succession_count + 1);

	for (size_t i = 0; i < file->succession_count; i++)
		succession[i] = file->succession[i];
	succession[file->succession_count] =
		mesh_succession_sign(draft->arena, file, draft->governance, key_public(next));
	file->succession = succession;
	file->succession_count++;
	file->governance = *key_public(next);
	draft->governance = next;
	return true;
}

bool member_rotate_governance(struct member *member, struct error *err)
{
	scoped(key_free) struct key *next = NULL;

	pthread_mutex_lock(&member->change_lock);
	/* Where nobody governs no key is made. */
	bool ok = member->governs ? member_key(member, "governance.key.next", &next, err)
				  : refuse_not_governing(member, err);

	ok = ok && edit_locked(member, rotate, next, err);
	pthread_mutex_unlock(&member->change_lock);
	return ok;
}

static bool sign_policies_locked(
	struct member *member, struct arena *arena, struct policy_set *set, struct error *err)
{
	scoped(key_free) struct key *governance = NULL;

	if (!member->view || !member->governs)
		return refuse_not_governing(member, err);
	if (!key_read(member_path(member, arena, "governance.key"), &governance, err))
		return false;
	set->mesh = arena_copy(arena, member->view->file.mesh);
	policy_set_sign(arena, set, governance);
	return true;
}

bool member_sign_policies(
	struct member *member, struct arena *arena, struct policy_set *set, struct error *err)
{
	pthread_mutex_lock(&member->change_lock);
	bool ok = sign_policies_locked(member, arena, set, err);

	pthread_mutex_unlock(&member->change_lock);
	return ok;
}
