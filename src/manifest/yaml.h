#pragma once

#include "base/arena.h"
#include "base/slice.h"
#include "manifest/manifest.h"

/*
 * A YAML 1.2 document as a tree with places, from libfyaml's events. Hostile text is expected: one
 * document, no anchors, aliases, tags or merge keys (they make a small file a large tree, and a
 * reader blind), limits on size, depth and nodes, no duplicate keys, valid UTF-8 without NUL.
 */
enum node_kind { NODE_SCALAR, NODE_SEQUENCE, NODE_MAPPING };

struct node {
	enum node_kind kind;
	bool plain;	   /* scalar without quotes: may be a number, a boolean or null */
	struct slice text; /* scalar */
	struct slice key;  /* its name in the mapping above; none elsewhere */
	struct mark at;
	struct mark key_at;
	struct node *first; /* children in order */
	struct node *last;
	struct node *next;
	struct node *parent;
	size_t count;
};

/* NULL when nothing could be read; problems say why. An empty document is an empty mapping. */
struct node *yaml_parse(
	struct arena *arena, const struct manifest_file *file, struct manifest_problems *problems);

/* Child of a mapping; NULL when absent or node is NULL. */
const struct node *node_get(const struct node *node, const char *key);
/* Text of a scalar; none for NULL, null and other kinds. */
struct slice node_text(const struct node *node);
bool node_is_null(const struct node *node);
bool node_bool(const struct node *node, bool fallback);
