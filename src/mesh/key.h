#pragma once

#include <stdbool.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/json.h"
#include "base/slice.h"

/*
 * Ed25519 keys (RFC 8032): of nodes and of the mesh's governance. Private ones lie in PEM files
 * (PKCS #8, RFC 8410; 0600) and leave the process in no other way. Public ones travel as JWK
 * (RFC 8037) and are named by their thumbprint (RFC 7638). Any thread.
 */
enum { PUBLIC_KEY_BYTES = 32, SIGNATURE_BYTES = 64 };

struct public_key {
	unsigned char bytes[PUBLIC_KEY_BYTES];
};

/* A key pair; the private half is wiped when it is freed. */
struct key;

struct key *key_make(void);
/* 58P01 when the file is not there, F0000 when it holds no Ed25519 key or others may read it. */
bool key_read(const char *path, struct key **out, struct error *err) must_check;
/* A new file, synced, with its folder. 42710 when there is one already. */
bool key_write(const struct key *key, const char *path, struct error *err) must_check;
void key_free(struct key **key);
const struct public_key *key_public(const struct key *key);
void key_sign(const struct key *key, struct slice bytes, unsigned char out[SIGNATURE_BYTES]);

bool public_key_equal(const struct public_key *a, const struct public_key *b);
bool public_key_verify(const struct public_key *key, struct slice bytes,
	const unsigned char signature[SIGNATURE_BYTES]) must_check;
/* base64url of SHA-256, 43 characters. */
struct slice public_key_thumbprint(struct arena *arena, const struct public_key *key);
/* {"kty":"OKP","crv":"Ed25519","x":…}; a new reference. */
json_t *public_key_print(const struct public_key *key);
/* false for any other key, and for one that holds a private half. */
bool public_key_read(const json_t *jwk, struct public_key *out) must_check;

/* base64url without padding (RFC 4648 section 5), into the arena. */
struct slice base64url_print(struct arena *arena, struct slice bytes);
/* false for anything but exactly one spelling of some bytes. */
bool base64url_read(struct arena *arena, struct slice text, struct slice *out) must_check;
/* The same with padding and the standard's alphabet (section 4), as pins have it. */
struct slice base64_print(struct arena *arena, struct slice bytes);
bool base64_read(struct arena *arena, struct slice text, struct slice *out) must_check;
