#pragma once

#include "base/vec.h"
#include "manifest/yaml.h"

/* From checked trees to structs. Trees with problems are read as far as they go: what is missing
 * stays zero. */
struct reading {
	struct arena *arena;
	struct manifest_problems *problems;
	VEC(struct manifest_domain) domains;
	VEC(struct manifest_source) sources;
	VEC(struct manifest_product) products;
	VEC(struct manifest_contract) contracts;
	VEC(struct manifest_pipeline) pipelines;
	VEC(struct manifest_policy) policies;
	VEC(struct manifest_term) terms;
	struct manifest_mesh *mesh;
};

struct slices read_texts(struct arena *arena, const struct node *node);
int64_t read_int(const struct node *node, int64_t fallback);
/* Major version of "2.1.0"; 0 with a problem when it is none. */
int read_major(struct reading *r, const struct node *version);

/* Each takes the file's tree; domain and folder come from the path. */
void read_mesh(struct reading *r, const struct node *root);
void read_domain(struct reading *r, const struct node *root, struct slice domain);
void read_source(struct reading *r, const struct node *root, struct slice domain);
void read_policy(struct reading *r, const struct node *root, struct slice domain);
void read_vocabulary(struct reading *r, const struct node *root);
void read_pipeline(struct reading *r, const struct node *root, struct slice folder);
void read_product(
	struct reading *r, const struct node *root, struct slice domain, struct slice folder);
void read_contract(struct reading *r, const struct node *root, struct slice domain);

/* Checks over the whole set, once its parts are linked. */
void check_set(struct reading *r);
/* Fills the maps that look-ups use. */
void index_set(struct arena *arena, struct manifest_set *set);
void check_policies(struct reading *r);
/* "did you mean …?" with the nearest of the names; none when all are far. */
struct slice nearest_name(struct arena *arena, struct slice word, const struct slices *names);
/* Whether table, "orders" or "orders@1", means the port. */
bool port_is_named(const struct manifest_port *port, struct slice table);
