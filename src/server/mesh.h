#pragma once

#include "mesh/peers.h"
#include "server/auth.h"

/*
 * The node as a part of a mesh: what administrators ask of it, and what other nodes do. Answers are
 * new references. Any thread. Errors of member.h pass through.
 */

/* Opened and closed with the server; mesh_start once the doors are open. */
bool mesh_open(struct server *server, struct error *err) must_check;
bool mesh_start(struct server *server, struct error *err) must_check;
void mesh_stop(struct server *server);
void mesh_close(struct server *server);
/* There is a newer model: the other nodes are told when what they may know of has changed. */
void mesh_changed(struct server *server);

/* {"mesh","version","issued","authority","governs","governance":thumbprint,"file":JWS,
 * "nodes":[{"name","url","domains","keys","tls"}]}; 42704 in no mesh. */
bool mesh_describe(struct server *server, json_t **out, struct error *err) must_check;
/* {"mesh","url"?}: makes a mesh; the node's present domains are its own. */
bool mesh_found(struct server *server, const json_t *body, struct error *err) must_check;
/* {"node","domains"?,"life_s"?} -> {"invitation","node","expires"}. */
bool mesh_invite(struct server *server, const struct auth_identity *caller, const json_t *body,
	json_t **out, struct error *err) must_check;
/* {"invitation","url"?,"replace_governance"?}: joins, with the mesh's policies in force; blocks
 * until the inviting node has answered. */
bool mesh_join(struct server *server, const json_t *body, struct error *err) must_check;
bool mesh_leave(struct server *server, struct error *err) must_check;
/* {"url"?,"domains"?}. */
bool mesh_set_node(struct server *server, struct slice node, const json_t *change,
	struct error *err) must_check;
bool mesh_remove_node(struct server *server, struct slice node, struct error *err) must_check;
/* {"overlap_s"?,"tls"?:pin}: a new key of this node, or the pin of the certificate that it will be
 * started with; told to the governing node. */
bool mesh_rotate_key(struct server *server, const json_t *body, struct error *err) must_check;
bool mesh_rotate_governance(struct server *server, struct error *err) must_check;

/* The other nodes as mesh.nodes shows them, in the arena. */
struct system_node;
size_t mesh_nodes(struct server *server, struct arena *arena, const struct system_node **out);
/* Name of the mesh that the node is in (in the arena), none in no mesh; *removed_out: the file does
 * not name this node any more. */
struct slice mesh_name(struct server *server, struct arena *arena, bool *removed_out);

/*
 * What other nodes ask. mesh_authenticate: the name of the node that a request comes from; refused
 * ones (28000) are logged with the name that they claim.
 */
struct mesh_request {
	struct slice token;
	struct slice method;
	struct slice path;
	struct slice body;
	struct slice peer; /* its address, for the log */
};
bool mesh_authenticate(struct server *server, struct arena *arena,
	const struct mesh_request *request, struct slice *node_out, struct error *err) must_check;
/* said: what the node says of itself. */
bool mesh_node_hello(struct server *server, struct slice node, const json_t *said, json_t **out,
	struct error *err) must_check;
/* {"boot","epoch"} -> {"catalogue":JWS of shelf_change}. */
bool mesh_node_catalogue(
	struct server *server, const json_t *since, json_t **out, struct error *err) must_check;
/* {"file":JWS,"mesh_version"} */
bool mesh_node_file(struct server *server, json_t **out, struct error *err) must_check;
/* {"file"} -> {"mesh_version"}; believed for its signature, whoever sends it. */
bool mesh_node_take_file(struct server *server, struct slice from, const json_t *body, json_t **out,
	struct error *err) must_check;
/* {"policies":JWS}: the set that this node enforces; 42704 when there is none. */
bool mesh_node_policies(struct server *server, json_t **out, struct error *err) must_check;
/* Body of member_ask -> {"file","pseudonym_key","policies"}. */
bool mesh_node_join(struct server *server, struct slice from, const json_t *body, json_t **out,
	struct error *err) must_check;
/* A node's own change: {"key"?,"tls"?,"url"?,"overlap_s"?}. */
bool mesh_node_change(struct server *server, struct slice node, const json_t *change, json_t **out,
	struct error *err) must_check;
