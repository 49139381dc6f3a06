#pragma once

#include "base/json.h"
#include "mesh/policies.h"

/*
 * The policies of the mesh: what lies in governance/. Where this node governs they are changed by
 * weft apply and signed afterwards; everywhere else the newest set that the governance key signed
 * takes the place of what lies there, and weft apply leaves it alone. In no mesh it is the node's
 * own. What was taken is in the store (mesh.policies), so that it holds after a restart. Any
 * thread.
 */
struct server;
struct auth_identity;

/* What the store holds; before the doors open. */
bool mesh_policies_open(struct server *server, struct error *err) must_check;
void mesh_policies_close(struct server *server);

/* Whether governance/ is changed here: this node governs, or is in no mesh. */
bool mesh_policies_are_ours(struct server *server);
/* Which set this node enforces. */
void mesh_policies_mark(struct server *server, struct policy_mark *out);
int64_t mesh_policies_version(struct server *server); /* 0 = none */
/* The set as it is signed, in the arena; none where there is none. */
bool mesh_policies_text(struct server *server, struct arena *arena, struct slice *out,
	struct error *err) must_check;

/* Where this node governs: signs governance/ as the next version when it is another one, or the
 * key is, than in the newest; nothing elsewhere. The second one with apply_lock held. */
bool mesh_policies_publish(struct server *server, struct error *err) must_check;
bool mesh_policies_publish_locked(struct server *server, struct error *err) must_check;
/* A set that came from a node: verified, stored as an apply of its own, and in force when this
 * returns. 28000, 22023, F0000; refusals are logged. */
bool mesh_policies_take(
	struct server *server, struct slice from, struct slice text, struct error *err) must_check;
/* Leaving a mesh: governance/ stays as it is and is this node's own. */
bool mesh_policies_forget(struct server *server, struct error *err) must_check;
/* 55000 when joining would replace files in governance/ that are here. */
bool mesh_policies_check_join(struct server *server, struct error *err) must_check;

/* Who enforces what:
 * {"mesh","authority","version","issued","files":n,"nodes":[{"node","state","policy_version",
 * "behind","seen_at"?,"reason"?}]}; version is the newest that is known here, reasons are for
 * administrators. 42704 in no mesh. */
bool mesh_policies_status(struct server *server, const struct auth_identity *identity, json_t **out,
	struct error *err) must_check;
