#pragma once

#include "store/store.h"

/*
 * Copies of what other nodes of the mesh publish: descriptions of domains and products as JSON
 * texts (catalog/share.h), so that they can be found while their node is down. Not flushed to the
 * disk one by one: what a power cut takes is asked for again.
 */
enum copy_kind { COPY_DOMAIN, COPY_PRODUCT };

struct copy_entry {
	enum copy_kind kind;
	struct slice name;
	struct slice text; /* none = it is there no more */
};

struct copy_change {
	struct slice node;
	struct slice boot; /* epochs count from each start of the node anew */
	int64_t epoch;
	bool full; /* what is not among the entries is there no more */
	const struct copy_entry *entries;
	size_t entry_count;
};

/* All of it or nothing. */
bool copies_put(
	struct store *store, const struct copy_change *change, struct error *err) must_check;
/* How far the copy of a node is; boot none when there is none. */
bool copies_mark(struct store *store, struct slice node, struct arena *arena,
	struct slice *boot_out, int64_t *epoch_out, struct error *err) must_check;
/* The texts of a node's domains or products, by name. */
struct copy_texts {
	struct slice *items;
	size_t count;
};
bool copies_texts(struct store *store, struct slice node, enum copy_kind kind, struct arena *arena,
	struct copy_texts *out, struct error *err) must_check;
/* Erases the copies of all other nodes than these. */
bool copies_keep(
	struct store *store, const struct slice *nodes, size_t count, struct error *err) must_check;
