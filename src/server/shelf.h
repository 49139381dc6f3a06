#pragma once

#include "base/json.h"
#include "mesh/peers.h"

/*
 * What this node publishes to the mesh, and the copies of what others publish. The shelf knows of
 * each domain and product since which epoch it is as it is, so that others ask for changes only;
 * epochs count from the start of the process (its boot). Any thread.
 */
struct server;
struct shelf;

struct shelf *shelf_new(void);
void shelf_free(struct shelf **shelf);

/* How far the newest model is. */
void shelf_mark(struct server *server, struct catalogue_mark *out);
/* The change since a mark, or all when it is of another boot:
 * {"node","boot","epoch","full","domains":[…],"products":[…],"removed":[name …]}; new reference. */
json_t *shelf_change(struct server *server, const struct catalogue_mark *since);

/* The copy of a node that is here. */
void copy_mark(struct server *server, struct slice node, struct catalogue_mark *out);
/* Takes what a node said (as above, believed): what it may not speak for is left out when it is
 * read. 08P01 when it is no change of this node, or of before what is known. */
bool copy_take(struct server *server, struct slice node, const json_t *change,
	struct error *err) must_check;

/* Models of the copies of all other nodes (share.h); give them back with copies_release. */
struct copy_model {
	struct slice node;
	const struct model *model;
	int64_t seen_us; /* when the node was there last; 0 = not since this one's start */
};
bool copies_models(struct server *server, struct arena *arena, struct copy_model **out,
	size_t *count_out, struct error *err) must_check;
void copies_release(struct server *server, struct copy_model *models, size_t count);
/* A table's columns as its node publishes them, in the arena; 0 when it is not published for all to
 * know. */
struct copy_column {
	struct slice name;
	struct slice type; /* DuckDB spelling, of the contract */
};
size_t copy_columns(struct server *server, struct slice node, struct slice domain,
	struct slice table, struct arena *arena, struct copy_column **out);
/* Whether a node publishes a table, for all to know. The table may be called "orders@1". */
bool copy_has_table(struct server *server, const struct mesh_node *node, struct slice domain,
	struct slice table);
