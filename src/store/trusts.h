#pragma once

#include "store/store.h"

/* What this node believes of what other nodes say of their people: groups and attributes, by name.
 */
struct trust_row {
	struct slice node;
	struct slice *groups;
	size_t group_count;
	struct slice *attributes;
	size_t attribute_count;
};

/* In the place of what was there. */
bool trusts_put(struct store *store, const struct trust_row *row, struct error *err) must_check;
/* Empty lists for a node of which nothing is believed. In the arena. */
bool trusts_get(struct store *store, struct slice node, struct arena *arena, struct trust_row *out,
	struct error *err) must_check;
