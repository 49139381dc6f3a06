#pragma once

#include "server/auth.h"

/*
 * People of other nodes. Such a principal is called NODE/NAME, which no local account can be, and
 * has of the groups and attributes that its node says only those that this node trusts that node
 * with (`weft node trust`), and of team groups those of the domains that it may speak for. It is
 * never an administrator. Any thread.
 */
struct server;

/* An identity for what the node says; 08P01, 22023 for an unknown purpose. */
bool delegate_identity(struct server *server, struct slice node, const struct principal *said,
	struct auth_identity **out, struct error *err) must_check;
/* What of it holds now, in the arena. 28000 when the node is no part of the mesh any more. */
bool delegate_principal(struct server *server, struct arena *arena, const struct principal *said,
	struct principal *out, struct error *err) must_check;
/* {"groups":[…],"attributes":[…]}: what this node believes of the people of another one; replaces
 * what was before. 42704 for a node that is not in the mesh. */
bool delegate_trust(struct server *server, const struct auth_identity *caller, struct slice node,
	const json_t *body, struct error *err) must_check;
