#pragma once

#include "mesh/key.h"

/*
 * What nodes sign: JSON Web Signatures in compact form (RFC 7515 section 7.1) with the one
 * algorithm EdDSA (RFC 8037). `type` (header "typ", section 4.1.9) keeps what is signed for one use
 * from being taken for another; the key is named by its thumbprint ("kid"). Pure; any thread.
 */
struct jws {
	struct slice key_id;
	struct slice payload; /* bytes; not to be believed before jws_verify */
	struct slice signed_part;
	unsigned char signature[SIGNATURE_BYTES];
};

struct slice jws_sign(
	struct arena *arena, const struct key *key, const char *type, struct slice payload);
/* Takes the text apart; false when it is no such thing, or of another type or algorithm. Slices
 * live in the arena or the text. */
bool jws_read(struct arena *arena, struct slice text, const char *type, struct jws *out) must_check;
/* Whether this key signed it, and says that it is this key. */
bool jws_verify(const struct jws *jws, const struct public_key *key) must_check;
