#pragma once

#include "store/store.h"

/* Invitations to the mesh that this node governs; what to do with them is mesh/member.h's. Of a
 * secret only its digest is kept. */
struct invitation_row {
	struct slice id;
	struct slice digest;
	struct slice node;
	struct slice *domains;
	size_t domain_count;
	struct slice by; /* who made it */
	int64_t expires_us;
	int64_t used_us; /* 0 = not yet */
};

/* Replaces an earlier one for the same node; forgets those that expired a day ago. */
bool invitations_put(
	struct store *store, const struct invitation_row *row, struct error *err) must_check;
enum invitation_outcome {
	INVITATION_TAKEN,  /* now; nobody else can take it */
	INVITATION_ABSENT, /* no such id, or another secret or node */
	INVITATION_USED,   /* before */
	INVITATION_EXPIRED,
};
/* *out is filled for all but INVITATION_ABSENT; in the arena. */
struct invitation_key {
	struct slice id;
	struct slice digest;
	struct slice node; /* that uses it */
};
bool invitations_take(struct store *store, struct arena *arena, const struct invitation_key *key,
	struct invitation_row *out, enum invitation_outcome *outcome_out,
	struct error *err) must_check;
