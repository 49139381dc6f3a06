#pragma once

#include <pthread.h>

#include "mesh/peers.h"

struct peers {
	struct peers_options options;
	pthread_t thread;
	pthread_mutex_t lock; /* holds the rest */
	pthread_cond_t wake;
	bool nudged;
	bool stopping;
	struct arena *arena; /* of known; replaced after each round */
	struct peer *known;
	size_t known_count;
	int64_t seen_version;	 /* of the mesh file, whose nodes' copies stay; 0 = no mesh. The
				    thread's */
	struct http_group *http; /* made when the first peer is greeted; the thread's, but for
				    peers_stop */
};

/* One round of greetings (round.c): pushes mesh files, greets who is due, exchanges mesh files,
 * takes policies, copies catalogues. The list goes to peers_keep. The peers' thread only. */
void peers_round(struct peers *peers, const struct member_view *view);

/* What was known of a node before; a fresh one otherwise. In the arena. */
struct peer peers_recall(struct peers *peers, struct arena *arena, const struct mesh_node *node);
/* Takes the arena with the list in it. */
void peers_keep(struct peers *peers, struct arena *arena, struct peer *list, size_t count);
void peers_say_skew(struct peers *peers, const struct peer *peer, int64_t before_us);
void catalogue_mark_read(const json_t *said, struct catalogue_mark *out);
bool catalogue_marks_equal(const struct catalogue_mark *a, const struct catalogue_mark *b);
/* {"version","digest"} of "policies", and what is "refused". */
void policies_read(struct arena *arena, const json_t *said, struct policy_mark *out,
	struct slice *refused_out);
json_t *catalogue_mark_print(const struct catalogue_mark *mark);
