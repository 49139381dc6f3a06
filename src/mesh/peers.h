#pragma once

#include "http/exchange.h"
#include "mesh/member.h"

/*
 * The other nodes of the mesh, and how they are. One thread greets each of them every few seconds
 * (POST /mesh/v1/hello), all at once, and those that are not up less and less often. Who has a
 * newer mesh file gives it, who has an older one gets it, so that it needs no central node to
 * travel. In no mesh the thread sleeps.
 */
struct peers;

/* How far a node's catalogue is: epochs count from each start of the node (boot) anew. */
struct catalogue_mark {
	char boot[24]; /* "" = nothing */
	int64_t epoch;
};

enum { MESH_PROTOCOL = 1 }; /* of /mesh/v1; both sides say theirs, nothing is refused for it yet */

enum peer_health {
	PEER_UNKNOWN, /* not greeted yet */
	PEER_UP,
	PEER_DOWN,    /* does not answer */
	PEER_REFUSES, /* answers, but does not take this node for what it says, or is not who it
			 should be */
};

struct peer {
	struct slice name;
	struct slice url;
	const struct slice *domains;
	size_t domain_count;
	enum peer_health health;
	struct slice why;  /* when it is not up */
	struct slice weft; /* its version of Weft; none = not heard yet */
	int64_t seen_us;   /* wall clock of its last answer; 0 = never */
	int64_t trip_us;   /* of the last answer */
	int64_t skew_us;   /* its clock ahead of ours */
	int64_t mesh_version;
	struct catalogue_mark said;    /* its catalogue, as it said last */
	struct catalogue_mark have;    /* the copy that is here */
	struct policy_mark policies;   /* that it enforces */
	struct slice policies_refused; /* why it does not take a newer set; none = nothing to say */
	struct policy_mark declined;   /* the set that was not taken from it, why, and when */
	struct slice declined_why;
	int64_t declined_us;	/* monotonic */
	int64_t pushed_version; /* of the mesh file that it was sent last */
	int64_t down_since_us;	/* monotonic; 0 = it is not down */
	int64_t wait_us;	/* between greetings, longer the longer it is not up */
	int64_t next_us;	/* monotonic: not before */
	bool heard;		/* it showed that it is there, while a round was under way */
	int64_t heard_us;	/* monotonic: when that was */
};

struct peers_options {
	struct member *member;
	struct log *log;
	const char *weft; /* version of this node */
	/* This node's catalogue; the copy of a node's; a change that a node sent (jws.h, type
	 * "weft-catalogue+jws", verified here), which the callee may refuse. */
	void (*mine)(void *ctx, struct catalogue_mark *out);
	void (*copy)(void *ctx, struct slice node, struct catalogue_mark *out);
	bool (*change)(void *ctx, struct slice node, const json_t *change, struct error *err);
	/* The mesh policies that this node enforces; a set that a node sent, which the callee
	 * verifies and may refuse. */
	void (*policies)(void *ctx, struct policy_mark *out);
	bool (*take_policies)(void *ctx, struct slice node, struct slice text, struct error *err);
	/* Only these nodes' copies stay. */
	void (*only)(void *ctx, const struct slice *nodes, size_t count);
	int64_t (*interval_ms)(void *ctx); /* between greetings */
	void *ctx;
};

/* Starts the thread. */
bool peers_start(
	const struct peers_options *options, struct peers **out, struct error *err) must_check;
void peers_stop(struct peers **peers);
/* Greets all now, since something changed: the mesh file or this node's catalogue. Any thread. */
void peers_nudge(struct peers *peers);
/* What a node said of itself when it greeted: its catalogue is asked for when it changed. Any
 * thread. */
void peers_told(struct peers *peers, struct slice node, const json_t *said);
/* A node proved to be there, its clock skew_us ahead; when its request was taken and it was not up
 * it is greeted now (once a second: two nodes that cannot understand each other must not call each
 * other without end). Any thread. */
struct peer_sign {
	struct slice node;
	int64_t skew_us;
	bool taken;
};
void peers_heard(struct peers *peers, const struct peer_sign *sign);
/* A statement wants a node that is down. True once a second: then it may try, and the node is
 * greeted now, too. Any thread. */
bool peers_probe(struct peers *peers, struct slice node);
/* Nobody answered there: the node is down until it answers a greeting. Any thread. */
void peers_lost(struct peers *peers, struct slice node, const struct error *why);
/* Every other node of the mesh file, by name, in the arena. Any thread. */
size_t peers_list(struct peers *peers, struct arena *arena, const struct peer **out);
/* What one node says to another about itself: {"node","weft","protocol","mesh_version",
 * "catalogue":{"boot","epoch"},"policies":{"version","digest","refused"?},"time_us"}; a new
 * reference. NULL in no mesh. Any thread. */
json_t *peers_hello(struct peers *peers);
/* Why this node does not take a newer set of policies that another one has, in the arena; none when
 * there is none. Any thread. */
struct slice peers_policies_refused(struct peers *peers, struct arena *arena);
/* A signed request to a node; body none = GET, else POST. 55000 in no mesh; also when the node has
 * no TLS pin that counts. */
struct peer_request {
	const struct mesh_node *node;
	struct slice path;
	struct slice body;
};
bool peer_address(struct member *member, struct arena *arena, const struct peer_request *request,
	struct http_exchange *out, struct error *err) must_check;
const char *peer_health_name(enum peer_health health);
