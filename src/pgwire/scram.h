#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/slice.h"

/*
 * SCRAM-SHA-256, server side: RFC 5802, RFC 7677; channel binding tls-server-end-point, RFC 5929.
 * No I/O. A verifier's text is PostgreSQL's: SCRAM-SHA-256$iterations:salt$StoredKey:ServerKey,
 * base64. Passwords are normalised by RFC 8265 (OpaqueString) where they are valid UTF-8, else used
 * as they are.
 */
enum {
	SCRAM_KEY_BYTES = 32,
	SCRAM_SALT_BYTES = 16,
	SCRAM_SALT_MAX_BYTES = 64,
	SCRAM_ITERATIONS = 15000,
	SCRAM_ITERATIONS_MAX = 10000000,
	SCRAM_PASSWORD_MAX_BYTES = 1024,
	SCRAM_MESSAGE_MAX_BYTES = 2048,
};

struct scram_verifier {
	uint32_t iterations;
	size_t salt_len;
	uint8_t salt[SCRAM_SALT_MAX_BYTES];
	uint8_t stored_key[SCRAM_KEY_BYTES];
	uint8_t server_key[SCRAM_KEY_BYTES];
};

/* With a fresh random salt. 22023 for an empty or over-long password. Takes milliseconds (PBKDF2).
 */
bool scram_verifier_make(struct slice password, uint32_t iterations, struct scram_verifier *out,
	struct error *err) must_check;
/* 22023 when the text is no verifier. */
bool scram_verifier_parse(
	struct slice text, struct scram_verifier *out, struct error *err) must_check;
struct slice scram_verifier_print(struct arena *arena, const struct scram_verifier *verifier);
/*
 * For a user that does not exist: salt and keys follow from a secret of the node and the name, so
 * that asking twice gets the same salt, and no password fits.
 */
void scram_verifier_mock(
	struct slice secret, struct slice user, uint32_t iterations, struct scram_verifier *out);
/* For doors that get the password itself (HTTP). Constant-time compare; costs a PBKDF2. */
bool scram_verifier_matches(const struct scram_verifier *verifier, struct slice password);

/* One exchange. One thread; everything it makes lives in the arena. */
struct scram_server {
	struct arena *arena;
	const struct scram_verifier *verifier;
	bool doomed;		      /* a mock verifier: refuse whatever the proof says */
	bool plus;		      /* SCRAM-SHA-256-PLUS was chosen */
	bool plus_offered;	      /* the client could have chosen it */
	struct slice channel_binding; /* hash of our certificate; none without TLS */
	struct slice server_nonce;    /* base64 text; none = drawn at random */
	struct slice gs2_header;
	struct slice client_first_bare;
	struct slice server_first;
	struct slice nonce; /* client's and ours */
};

enum scram_result {
	SCRAM_OK,
	SCRAM_WRONG_PASSWORD,
	SCRAM_MALFORMED, /* err is set: 08P01, or 28000 when the channel binding does not fit */
};

/* client-first-message -> server-first-message. */
enum scram_result scram_server_first(struct scram_server *scram, struct slice message,
	struct slice *reply_out, struct error *err) must_check;
/* client-final-message -> server-final-message. */
enum scram_result scram_server_final(struct scram_server *scram, struct slice message,
	struct slice *reply_out, struct error *err) must_check;
