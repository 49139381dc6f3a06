#pragma once

#include <stdint.h>

#include "mesh/file.h"

/*
 * What a node shows to another with each request: who asks whom for what, once. A JWT (RFC 7519)
 * signed by the asking node's key (jws.h, type "weft-node+jwt"), bound to the receiver (aud), the
 * method and path (htm, htu: RFC 9449 section 4.2), the body (digest: base64url of its SHA-256) and
 * a time of at most a minute (iat, exp); its id (jti) is taken once.
 */
enum { NODE_TOKEN_LIFE_S = 60, NODE_CLOCK_SKEW_S = 30 };

struct node_request {
	struct slice from;
	struct slice to;
	struct slice method;
	struct slice path;
	struct slice body; /* none and empty are alike */
};

struct slice node_token_sign(struct arena *arena, const struct key *key,
	const struct node_request *request, int64_t now_us);

/* Ids that were shown. Any thread. */
struct replays;
struct replays *replays_new(void);
void replays_free(struct replays **replays);

/* Who a request comes from, as far as it is said, also when it is refused: for the log. */
struct node_sender {
	struct slice name; /* none when the token cannot be read */
	bool proved;	   /* it is this node, whatever is wrong besides */
	int64_t skew_us;   /* its clock ahead of ours; as far as it says */
	bool unknown_key;  /* refused since the file does not know the key: it may be old */
};

/*
 * Whether the token says exactly `expected` (from is not looked at) and its sender is in the file.
 * 28000 with the reason; also when its clock is off by more than 30 s. Any thread; what is written
 * to *sender_out lives in the arena and is written in any case.
 */
struct node_trust {
	const struct mesh_file *file;
	struct replays *replays;
	int64_t now_us; /* wall clock */
};

bool node_token_check(struct arena *arena, const struct node_trust *trust, struct slice token,
	const struct node_request *expected, struct node_sender *sender_out,
	struct error *err) must_check;
