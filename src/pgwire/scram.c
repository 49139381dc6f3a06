/*
 * The server's half of SCRAM-SHA-256. States: init -> scram_server_first -> scram_server_final; the
 * caller keeps the order. A doomed exchange (no such user) does the same work and takes the same
 * time as a wrong password.
 */
#include "pgwire/scram.h"

#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <sodium.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/str.h"

#define VERIFIER_PREFIX "SCRAM-SHA-256$"

enum {
	NONCE_BYTES = 18, /* 24 base64 characters, no padding */
};

static void hmac(
	const uint8_t key[static SCRAM_KEY_BYTES], struct slice text, uint8_t out[SCRAM_KEY_BYTES])
{
	crypto_auth_hmacsha256_state state;

	crypto_auth_hmacsha256_init(&state, key, SCRAM_KEY_BYTES);
	crypto_auth_hmacsha256_update(&state, (const unsigned char *)text.ptr, text.len);
	crypto_auth_hmacsha256_final(&state, out);
}

static struct slice base64(struct arena *arena, const void *bytes, size_t len)
{
	size_t room = sodium_base64_ENCODED_LEN(len, sodium_base64_VARIANT_ORIGINAL);
	char *text = arena_alloc(arena, room);

	sodium_bin2base64(text, room, bytes, len, sodium_base64_VARIANT_ORIGINAL);
	return slice_from_c(text);
}

static bool from_base64(struct slice text, void *out, size_t room, size_t *len_out)
{
	const char *end = NULL;

	if (!text.len)
		return false;
	return sodium_base642bin(out, room, text.ptr, text.len, NULL, len_out, &end,
		       sodium_base64_VARIANT_ORIGINAL) == 0 &&
	       end == text.ptr + text.len;
}

static bool is_ascii(struct slice text)
{
	for (size_t i = 0; i < text.len; i++)
		if ((unsigned char)text.ptr[i] >= 0x80)
			return false;
	return true;
}

/* SaltedPassword of RFC 5802, section 3. */
static bool salt_password(struct slice password, const struct scram_verifier *verifier,
	uint8_t out[static SCRAM_KEY_BYTES])
{
	uint8_t text[SCRAM_PASSWORD_MAX_BYTES];
	uint8_t salt[SCRAM_SALT_MAX_BYTES];
	gnutls_datum_t normal = {0};

	memcpy(text, password.ptr, password.len);
	memcpy(salt, verifier->salt, verifier->salt_len);
	if (!is_ascii(password) &&
		gnutls_utf8_password_normalize(text, (unsigned)password.len, &normal, 0) != 0)
		normal = (gnutls_datum_t){0};
	gnutls_datum_t key = normal.data ? normal : (gnutls_datum_t){text, (unsigned)password.len};
	gnutls_datum_t salt_datum = {salt, (unsigned)verifier->salt_len};
	int result = gnutls_pbkdf2(
		GNUTLS_MAC_SHA256, &key, &salt_datum, verifier->iterations, out, SCRAM_KEY_BYTES);

	if (normal.data) {
		sodium_memzero(normal.data, normal.size);
		gnutls_free(normal.data);
	}
	sodium_memzero(text, sizeof text);
	return result == 0;
}

/* password: 1 to SCRAM_PASSWORD_MAX_BYTES */
static bool derive_keys(struct slice password, struct scram_verifier *verifier)
{
	uint8_t salted[SCRAM_KEY_BYTES];
	uint8_t client_key[SCRAM_KEY_BYTES];

	if (!salt_password(password, verifier, salted))
		return false;
	hmac(salted, SLICE("Client Key"), client_key);
	crypto_hash_sha256(verifier->stored_key, client_key, sizeof client_key);
	hmac(salted, SLICE("Server Key"), verifier->server_key);
	sodium_memzero(salted, sizeof salted);
	sodium_memzero(client_key, sizeof client_key);
	return true;
}

bool scram_verifier_make(
	struct slice password, uint32_t iterations, struct scram_verifier *out, struct error *err)
{
	struct scram_verifier made = {.iterations = iterations, .salt_len = SCRAM_SALT_BYTES};

	check(iterations >= 1 && iterations <= SCRAM_ITERATIONS_MAX);
	if (!password.len || password.len > SCRAM_PASSWORD_MAX_BYTES)
		return error_set(err, INVALID_PARAMETER_VALUE,
			"a password has 1 to %d bytes, this one has %zu", SCRAM_PASSWORD_MAX_BYTES,
			password.len);
	randombytes_buf(made.salt, made.salt_len);
	if (!derive_keys(password, &made))
		return error_set(err, INTERNAL_ERROR, "PBKDF2 failed");
	*out = made;
	return true;
}

bool scram_verifier_parse(struct slice text, struct scram_verifier *out, struct error *err)
{
	struct scram_verifier made = {0};
	struct slice rest = text;
	int64_t iterations = 0;
	size_t stored = 0;
	size_t server = 0;
	bool ok = slice_starts_with(text, SLICE(VERIFIER_PREFIX));

	rest = slice_sub(rest, sizeof VERIFIER_PREFIX - 1, rest.len);
	struct slice head = slice_split(&rest, '$');
	struct slice count = slice_split(&head, ':');
	struct slice key = slice_split(&rest, ':');

	ok = ok && slice_to_i64(count, &iterations) && iterations >= 1 &&
	     iterations <= SCRAM_ITERATIONS_MAX;
	ok = ok && from_base64(head, made.salt, sizeof made.salt, &made.salt_len);
	ok = ok && from_base64(key, made.stored_key, sizeof made.stored_key, &stored);
	ok = ok && from_base64(rest, made.server_key, sizeof made.server_key, &server);
	if (!ok || stored != SCRAM_KEY_BYTES || server != SCRAM_KEY_BYTES)
		return error_set(err, INVALID_PARAMETER_VALUE, "not a SCRAM-SHA-256 verifier");
	made.iterations = (uint32_t)iterations;
	*out = made;
	return true;
}

struct slice scram_verifier_print(struct arena *arena, const struct scram_verifier *verifier)
{
	struct str text = str_in(arena);

	str_printf(&text, VERIFIER_PREFIX "%u:", verifier->iterations);
	str_add(&text, base64(arena, verifier->salt, verifier->salt_len));
	str_add_char(&text, '$');
	str_add(&text, base64(arena, verifier->stored_key, SCRAM_KEY_BYTES));
	str_add_char(&text, ':');
	str_add(&text, base64(arena, verifier->server_key, SCRAM_KEY_BYTES));
	return str_slice(&text);
}

void scram_verifier_mock(
	struct slice secret, struct slice user, uint32_t iterations, struct scram_verifier *out)
{
	uint8_t key[SCRAM_KEY_BYTES];
	uint8_t salt[SCRAM_KEY_BYTES];

	*out = (struct scram_verifier){.iterations = iterations, .salt_len = SCRAM_SALT_BYTES};
	crypto_hash_sha256(key, (const unsigned char *)secret.ptr, secret.len);
	hmac(key, user, salt);
	memcpy(out->salt, salt, SCRAM_SALT_BYTES);
	hmac(salt, SLICE("stored"), out->stored_key);
	hmac(salt, SLICE("server"), out->server_key);
}

bool scram_verifier_matches(const struct scram_verifier *verifier, struct slice password)
{
	struct scram_verifier made = *verifier;

	if (!password.len || password.len > SCRAM_PASSWORD_MAX_BYTES ||
		!derive_keys(password, &made))
		return false;
	return sodium_memcmp(made.stored_key, verifier->stored_key, SCRAM_KEY_BYTES) == 0;
}

static enum scram_result malformed(struct error *err, const char *what)
{
	error_set(err, PROTOCOL_VIOLATION, "malformed SCRAM message: %s", what);
	return SCRAM_MALFORMED;
}

/* "x=value" at the front of *rest, up to the next comma. */
static bool take_attribute(struct slice *rest, char name, struct slice *out)
{
	if (rest->len < 2 || rest->ptr[0] != name || rest->ptr[1] != '=')
		return false;
	*out = slice_split(rest, ',');
	*out = slice_sub(*out, 2, out->len);
	return true;
}

static bool is_nonce(struct slice nonce)
{
	for (size_t i = 0; i < nonce.len; i++)
		if (nonce.ptr[i] < 0x21 || nonce.ptr[i] > 0x7e)
			return false;
	return nonce.len > 0;
}

static enum scram_result refuse_binding(struct error *err, const char *why)
{
	error_set(err, INVALID_AUTHORIZATION, "SCRAM channel binding: %s", why);
	error_hint(err, "Something may stand between you and the server; check the connection.");
	return SCRAM_MALFORMED;
}

/* gs2-header: "n,," "y,," or "p=tls-server-end-point,,"; *rest becomes client-first-message-bare.
 */
static enum scram_result read_gs2(
	struct scram_server *scram, struct slice message, struct slice *rest, struct error *err)
{
	*rest = message;
	struct slice flag = slice_split(rest, ',');
	struct slice authzid = slice_split(rest, ',');

	if (slice_is_none(*rest) || authzid.len)
		return malformed(err, "no gs2 header, or one with an authorization identity");
	scram->gs2_header = slice_sub(message, 0, (size_t)(rest->ptr - message.ptr));
	if (slice_equal_c(flag, "p=tls-server-end-point")) {
		if (!scram->plus)
			return refuse_binding(err, "asked for without SCRAM-SHA-256-PLUS");
		return SCRAM_OK;
	}
	if (scram->plus)
		return refuse_binding(err, "SCRAM-SHA-256-PLUS without tls-server-end-point");
	if (slice_equal_c(flag, "y") && scram->plus_offered)
		return refuse_binding(err, "the client was told that it is not offered");
	if (!slice_equal_c(flag, "y") && !slice_equal_c(flag, "n"))
		return malformed(err, "unknown channel binding flag");
	return SCRAM_OK;
}

enum scram_result scram_server_first(struct scram_server *scram, struct slice message,
	struct slice *reply_out, struct error *err)
{
	struct slice rest;
	struct slice user;
	struct slice client_nonce;

	if (message.len > SCRAM_MESSAGE_MAX_BYTES || !slice_is_utf8(message))
		return malformed(err, "too long, or not UTF-8");
	message = arena_copy(scram->arena, message);
	enum scram_result header = read_gs2(scram, message, &rest, err);

	if (header != SCRAM_OK)
		return header;
	scram->client_first_bare = rest;
	/* the name in here is ignored, as in PostgreSQL: the start-up packet named the user */
	if (!take_attribute(&rest, 'n', &user) || !take_attribute(&rest, 'r', &client_nonce) ||
		!is_nonce(client_nonce))
		return malformed(err, "expected a user name and a nonce");
	if (slice_is_none(scram->server_nonce)) {
		uint8_t random[NONCE_BYTES];

		randombytes_buf(random, sizeof random);
		scram->server_nonce = base64(scram->arena, random, sizeof random);
	}
	scram->nonce = arena_printf(
		scram->arena, "%.*s%.*s", SLICE_FMT(client_nonce), SLICE_FMT(scram->server_nonce));
	struct slice salt = base64(scram->arena, scram->verifier->salt, scram->verifier->salt_len);

	scram->server_first = arena_printf(scram->arena, "r=%.*s,s=%.*s,i=%u",
		SLICE_FMT(scram->nonce), SLICE_FMT(salt), scram->verifier->iterations);
	*reply_out = scram->server_first;
	return SCRAM_OK;
}

/* c= must repeat the gs2 header and, with PLUS, the hash of our certificate. */
static bool binding_fits(const struct scram_server *scram, struct slice binding)
{
	struct str expected = str_in(scram->arena);

	str_add(&expected, scram->gs2_header);
	if (scram->plus)
		str_add(&expected, scram->channel_binding);
	return slice_equal(binding, base64(scram->arena, expected.ptr, expected.len));
}

/* True when the proof shows knowledge of the password. */
static bool proof_fits(
	const struct scram_server *scram, const uint8_t *proof, struct slice auth_message)
{
	uint8_t client_key[SCRAM_KEY_BYTES];
	uint8_t stored[SCRAM_KEY_BYTES];

	hmac(scram->verifier->stored_key, auth_message, client_key);
	for (size_t i = 0; i < SCRAM_KEY_BYTES; i++)
		client_key[i] ^= proof[i];
	crypto_hash_sha256(stored, client_key, sizeof client_key);
	return sodium_memcmp(stored, scram->verifier->stored_key, SCRAM_KEY_BYTES) == 0 &&
	       !scram->doomed;
}

enum scram_result scram_server_final(struct scram_server *scram, struct slice message,
	struct slice *reply_out, struct error *err)
{
	struct slice rest = message;
	struct slice binding;
	struct slice nonce;
	uint8_t proof[SCRAM_KEY_BYTES];
	uint8_t signature[SCRAM_KEY_BYTES];
	size_t proof_len = 0;

	if (message.len > SCRAM_MESSAGE_MAX_BYTES || !take_attribute(&rest, 'c', &binding) ||
		!take_attribute(&rest, 'r', &nonce))
		return malformed(err, "expected channel binding and nonce");
	size_t proof_at = slice_find(message, SLICE(",p="), 0);

	if (proof_at == SIZE_MAX ||
		!from_base64(slice_sub(message, proof_at + 3, message.len), proof, sizeof proof,
			&proof_len) ||
		proof_len != SCRAM_KEY_BYTES)
		return malformed(err, "expected a proof of 32 bytes");
	if (!slice_equal(nonce, scram->nonce))
		return malformed(err, "wrong nonce");
	if (!binding_fits(scram, binding))
		return refuse_binding(err, "the client saw another certificate");
	struct slice auth_message =
		arena_printf(scram->arena, "%.*s,%.*s,%.*s", SLICE_FMT(scram->client_first_bare),
			SLICE_FMT(scram->server_first), SLICE_FMT(slice_sub(message, 0, proof_at)));

	if (!proof_fits(scram, proof, auth_message))
		return SCRAM_WRONG_PASSWORD;
	hmac(scram->verifier->server_key, auth_message, signature);
	*reply_out = arena_printf(scram->arena, "v=%.*s",
		SLICE_FMT(base64(scram->arena, signature, sizeof signature)));
	return SCRAM_OK;
}
