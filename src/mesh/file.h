#pragma once

#include <stdint.h>

#include "mesh/key.h"

/*
 * The mesh file: which nodes there are, where they answer, which keys they have, which domains they
 * may speak for. One JSON document, signed by the governance key (jws.h, type "weft-mesh+jws"), so
 * that it may travel by any node. Its version grows by every change; a node takes none that is
 * older, and none of the same version that says something else.
 *
 * Times in it are seconds since 1970 UTC (NumericDate, RFC 7519 section 2).
 * {"mesh","version","issued","authority","governance":JWK,"succession":[JWS …],
 *  "nodes":[{"name","url","domains":[…],"keys":[{"key":JWK,"until"?}],"tls":[{"pin","until"?}]}]}
 *
 * authority is the node that holds the governance key and changes the file. succession leads from
 * older governance keys to the present one: each entry is signed by the key before it and names the
 * next ("weft-governance+jws"), so that a node that missed a change of the key can follow.
 */
enum { MESH_FILE_MAX_BYTES = 1 << 20, MESH_NODES_MAX = 1000 };

/* A key or pin that is being replaced counts until a time; 0 = as long as it stands here. */
struct mesh_key {
	struct public_key key;
	int64_t until_us;
};

struct mesh_pin {
	struct slice pin; /* base64 of SHA-256 of the SubjectPublicKeyInfo, as in RFC 7469 */
	int64_t until_us;
};

struct mesh_node {
	struct slice name;
	struct slice url; /* "https://host:port" */
	struct slice *domains;
	size_t domain_count;
	struct mesh_key *keys; /* newest first */
	size_t key_count;
	struct mesh_pin *pins; /* newest first */
	size_t pin_count;
};

struct mesh_file {
	struct slice mesh;
	int64_t version;
	int64_t issued_us;
	struct slice authority;
	struct public_key governance;
	struct slice *succession;
	size_t succession_count;
	struct mesh_node *nodes; /* by name */
	size_t node_count;
	struct slice text; /* as signed */
};

/* Verified against any governance key that was ever right (root). All in the arena. 28000 when the
 * signature does not hold, 22023 when it does and the document is wrong. Pure. */
bool mesh_file_read(struct arena *arena, struct slice text, const struct public_key *root,
	struct mesh_file *out, struct error *err) must_check;
/* Signs what the struct says (`text` is not looked at); the new text. */
struct slice mesh_file_sign(
	struct arena *arena, const struct mesh_file *file, const struct key *governance);
/* The entry of the succession from the present key to the next one. */
struct slice mesh_succession_sign(struct arena *arena, const struct mesh_file *file,
	const struct key *present, const struct public_key *next);

enum mesh_order {
	MESH_NEWER,  /* to be taken */
	MESH_SAME,   /* known already */
	MESH_OLDER,  /* of an earlier version */
	MESH_FORKED, /* another mesh, or the same version with other words */
};
/* What `next` is to who holds `current`. */
enum mesh_order mesh_file_order(const struct mesh_file *current, const struct mesh_file *next);

/* NULL when there is none. */
const struct mesh_node *mesh_file_node(const struct mesh_file *file, struct slice name);
/* The node that may speak for a domain, NULL when none may. */
const struct mesh_node *mesh_file_domain(const struct mesh_file *file, struct slice domain);
/* Whether a key or pin counts at a time. */
bool mesh_until_holds(int64_t until_us, int64_t now_us);
/* The key of this thumbprint that counts at the time; NULL when there is none. */
const struct public_key *mesh_node_key(
	const struct mesh_node *node, struct slice thumbprint, int64_t now_us);

/* Names of meshes and nodes: 1 to 63 of a-z, 0-9, "-", not at either end. 42602. */
bool mesh_name_check(const char *what, struct slice name, struct error *err) must_check;
/* "https://host:port" without user, path, query; 22023. */
bool mesh_url_check(struct slice url, struct error *err) must_check;
