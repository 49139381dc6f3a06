#pragma once

#include <stdint.h>

#include "mesh/file.h"

/*
 * The mesh's policies as they travel: the files below governance/, byte for byte, in one document
 * signed by the governance key (jws.h, type "weft-policies+jws"), so that any node may hand it on.
 * Its version grows by every change; a node takes none that is older, and none of the same version
 * that says something else. Time in seconds since 1970 UTC.
 * {"mesh","version","issued","files":[{"path","text"}]}
 */
enum { POLICY_SET_MAX_BYTES = 8 << 20, POLICY_DIGEST_BYTES = 44 };

struct policy_file {
	struct slice path; /* "governance/policies/contact-data.yaml" */
	struct slice text;
};

/* Which set it is. */
struct policy_mark {
	int64_t version;		  /* 0 = none yet */
	char digest[POLICY_DIGEST_BYTES]; /* of the document: base64url of its SHA-256 */
};
bool policy_marks_equal(const struct policy_mark *a, const struct policy_mark *b);

struct policy_set {
	struct slice mesh;
	int64_t issued_us;
	struct policy_mark mark;
	struct policy_file *files; /* by path */
	size_t count;
	struct slice key_id; /* of the key that signed it */
	struct slice text;   /* as signed */
};

/* Takes a document apart that was verified before, as the store holds it. 22023. Pure; all in the
 * arena. */
bool policy_set_parse(struct arena *arena, struct slice text, struct policy_set *out,
	struct error *err) must_check;
/* One that came from elsewhere: 28000 when the governance key of this mesh file did not sign it, or
 * it is of another mesh; 22023 when it did and the document is wrong. Pure. */
bool policy_set_read(struct arena *arena, struct slice text, const struct mesh_file *file,
	struct policy_set *out, struct error *err) must_check;
/* Signs mesh, version, issue and files of the struct, and fills the rest of it. */
void policy_set_sign(struct arena *arena, struct policy_set *set, const struct key *governance);
