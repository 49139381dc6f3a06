#pragma once

#include "catalog/build.h"
#include "manifest/manifest.h"

/* A model being made; afterwards it is never changed. */
struct building {
	struct arena *arena;
	struct model *model;
	struct manifest_set set;
	struct table_version_row *states;
	size_t state_count;
};

/* build-policy.c: policies as the decision wants them. */
void build_policies(struct building *b);
/* lineage.c: what transforms read: edges, inputs of products. */
void build_lineage(struct building *b);
/* Lower-case ASCII copy: the key of by_name. */
struct slice model_key(struct arena *arena, struct slice schema, struct slice name);
