#pragma once

#include <stdatomic.h>
#include <stdint.h>

#include "mesh/file.h"
#include "mesh/invite.h"
#include "mesh/policies.h"
#include "mesh/token.h"

/*
 * This node's membership in a mesh: its key, the newest mesh file that it knows, and, on the node
 * that governs, the changes of the file. Lies in the store (mesh.file, mesh.root) and in the keys
 * folder (node.key, governance.key). All calls: any thread.
 */
struct member;
struct store;
struct log;

struct member_options {
	struct store *store;
	const char *keys_dir;	   /* borrowed, as all here, for the member's life */
	const char *node;	   /* name of the node */
	const char *tls_cert_file; /* PEM; its key is what the mesh file pins */
	struct log *log;
};

/* F0000 when the node is in a mesh and its key is gone or is none of the file's. */
bool member_open(
	const struct member_options *options, struct member **out, struct error *err) must_check;
void member_close(struct member **member);

/* The mesh as this node knows it now: immutable, counted. */
struct member_view {
	struct arena *arena;
	struct mesh_file file;
	const struct mesh_node *self; /* NULL once this node was removed */
	atomic_int refs;
};
/* NULL when the node is in no mesh. */
const struct member_view *member_view(struct member *member);
void member_view_unref(const struct member_view **view);
/* Of its mesh file; 0 in no mesh. */
int64_t member_version(struct member *member);
/* Whether the governance key lies here. */
bool member_governs(struct member *member);

/* What a node says of itself when it founds, joins or changes. */
struct member_self {
	struct slice url;
	const struct slice *domains;
	size_t domain_count;
};

/* Makes a mesh of this one node, with its keys. 55000 when it is in one. */
bool member_found(struct member *member, struct slice mesh, const struct member_self *self,
	struct error *err) must_check;

/* An invitation for a node that is to speak for domains; text_out in the arena. 55000 where this
 * node does not govern, 42710 when the name or a domain is taken. */
struct member_invite {
	struct slice node;
	const struct slice *domains;
	size_t domain_count;
	int64_t life_s;
	struct slice by;
};
bool member_invite(struct member *member, struct arena *arena, const struct member_invite *invite,
	struct slice *text_out, struct error *err) must_check;

/*
 * Joining, seen from the new node: member_ask gives the body for POST /mesh/v1/join at
 * invitation->url (made once the node's key is on the disk); member_accept takes the mesh file of
 * the answer. 55000 when the node is in a mesh, 22023 when the invitation is for another name.
 */
bool member_ask(struct member *member, struct arena *arena, const struct invitation *invitation,
	const struct member_self *self, struct slice *body_out, struct error *err) must_check;
bool member_accept(struct member *member, const struct invitation *invitation, struct slice file,
	struct error *err) must_check;
/* Seen from the governing node: the body of /mesh/v1/join, which proves the invitation and the key
 * of the new node; the node is in the mesh file afterwards. 28000 with the reason. The same request
 * again, since its answer was lost, is answered again. */
bool member_admit(struct member *member, const json_t *body, struct slice *node_out,
	struct arena *arena, struct error *err) must_check;

/*
 * Changes, where this node governs; 55000 elsewhere, 42704 for a node that is not there.
 * `change` of a node: {"url"?,"domains"?:[…],"key"?:JWK,"tls"?:pin,"overlap_s"?}: a new key or pin
 * counts at once, the ones before for overlap_s more.
 */
bool member_change(struct member *member, struct slice node, const json_t *change,
	struct error *err) must_check;
bool member_remove(struct member *member, struct slice node, struct error *err) must_check;
/* A new governance key: the one before goes, once the file that names the new one is stored. */
bool member_rotate_governance(struct member *member, struct error *err) must_check;

/* Signs the mesh's policies (policies.h; the mesh's name is set here). 55000 where this node does
 * not govern. */
bool member_sign_policies(struct member *member, struct arena *arena, struct policy_set *set,
	struct error *err) must_check;

/* Forgets the mesh; the others keep this node until it is removed there. 55000 where this node
 * governs others. */
bool member_leave(struct member *member, struct error *err) must_check;

/*
 * A new key of this node: made and kept beside the present one; used from when the mesh file names
 * it. *change_out is for member_change, here or at the governing node.
 */
bool member_new_key(struct member *member, int64_t overlap_s, json_t **change_out,
	struct error *err) must_check;

/* A mesh file that came from somebody: taken when it is newer and rightly signed. *order_out is
 * written when it could be verified; 28000 and 22023 otherwise. A refusal is logged with `from`. */
bool member_take_file(struct member *member, struct slice text, struct slice from,
	enum mesh_order *order_out, struct error *err) must_check;

/* Bearer token for a request to a peer. 55000 in no mesh. */
bool member_sign(struct member *member, struct arena *arena, struct node_request *request,
	struct slice *token_out, struct error *err) must_check;
/* A document of this node (jws.h). 55000 in no mesh. */
bool member_sign_document(struct member *member, struct arena *arena, const char *type,
	struct slice payload, struct slice *out, struct error *err) must_check;
/* Whether a request's token is a peer's (token.h). expected->to is set here. */
bool member_check(struct member *member, struct arena *arena, struct slice token,
	struct node_request *expected, struct node_sender *sender_out,
	struct error *err) must_check;

/* The pin of a PEM certificate's key. F0000. */
bool member_pin(struct arena *arena, const char *cert_file, struct slice *pin_out,
	struct error *err) must_check;
