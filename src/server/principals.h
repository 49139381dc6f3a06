#pragma once

#include "policy/policy.h"
#include "store/accounts.h"

/*
 * Accounts as statements need them (groups, attributes), kept in memory until anything durable
 * changes in the store: a statement then costs no look-up there, and a change of an account counts
 * for the next statement. Any thread.
 */
struct principals;

/* The store outlives it. */
struct principals *principals_new(struct store *store);
void principals_free(struct principals **principals);

enum principal_outcome {
	PRINCIPAL_FOUND,
	PRINCIPAL_DISABLED,
	PRINCIPAL_ABSENT,
};

/* out: in the arena, without a purpose; set when it is found. */
bool principals_get(struct principals *principals, struct slice name, struct arena *arena,
	struct principal *out, enum principal_outcome *outcome_out, struct error *err) must_check;
