#pragma once

#include <pthread.h>

#include "log/log.h"
#include "mesh/member.h"

struct member {
	struct member_options options;
	struct replays *replays;
	struct log_quota refusals;	/* of mesh files: anybody may send one */
	pthread_mutex_t change_lock;	/* one change of the membership at a time */
	pthread_mutex_t lock;		/* holds the rest, for short */
	const struct member_view *view; /* NULL = in no mesh */
	struct key *key;		/* of the node; NULL = in no mesh yet */
	struct public_key root;		/* what mesh files are verified against */
	bool governs;
};

/* All with change_lock held. */

/* Verifies, stores, and takes the file; root is what will be verified against from now on. */
bool member_adopt_locked(struct member *member, struct slice text, const struct public_key *root,
	struct error *err) must_check;
/* "keys/node.key"; in the arena. */
const char *member_path(struct member *member, struct arena *arena, const char *name);
/* The key in a file of the keys folder, made when it is not there. */
bool member_key(
	struct member *member, const char *name, struct key **out, struct error *err) must_check;
bool member_refuse_in_mesh(struct member *member, struct error *err) must_check;
