#pragma once

#include <stdint.h>

#include "mesh/key.h"

/*
 * An invitation: what a new node needs to know to join a mesh, handed over by people, once. The
 * text ("weft_invite_" and base64url of JSON) holds a secret: whoever has it first becomes the
 * node. Pure; any thread.
 */
struct invitation {
	struct slice mesh;
	struct slice node;	      /* name that it is for */
	struct slice url;	      /* of the node that invites */
	struct slice pin;	      /* of its TLS key, as in the mesh file */
	struct public_key governance; /* what the new node will trust */
	struct slice id;
	struct slice secret;
	int64_t expires_us;
};

/* Fills id and secret. */
void invitation_draw(struct arena *arena, struct invitation *invitation);
struct slice invitation_print(struct arena *arena, const struct invitation *invitation);
/* 22023 for a text that is none. */
bool invitation_read(struct arena *arena, struct slice text, struct invitation *out,
	struct error *err) must_check;
/* What the store keeps instead of the secret: hex of its SHA-256. */
struct slice invitation_digest(struct arena *arena, struct slice secret);
