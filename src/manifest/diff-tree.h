#pragma once

#include "base/vec.h"
#include "manifest/yaml.h"

/* One difference: path "spec.ingest[orders].mode", key "mode" (its last key), and a sentence. */
struct tree_change {
	struct slice path;
	struct slice key;
	struct slice text;
};

typedef VEC(struct tree_change) tree_changes;

/* Between two YAML texts, at most 100; items of lists are told apart by their names. Nothing when
 * one of them cannot be read. */
tree_changes tree_diff(struct arena *arena, struct slice before, struct slice after);
