#include "mesh/jws.h"

#include "base/str.h"

enum { HEADER_MAX_BYTES = 512 };

struct slice jws_sign(
	struct arena *arena, const struct key *key, const char *type, struct slice payload)
{
	unsigned char signature[SIGNATURE_BYTES];
	struct slice kid = public_key_thumbprint(arena, key_public(key));
	struct slice header = arena_printf(
		arena, "{\"alg\":\"EdDSA\",\"kid\":\"%.*s\",\"typ\":\"%s\"}", SLICE_FMT(kid), type);
	struct str text = str_in(arena);

	str_add(&text, base64url_print(arena, header));
	str_add_char(&text, '.');
	str_add(&text, base64url_print(arena, payload));
	key_sign(key, str_slice(&text), signature);
	str_add_char(&text, '.');
	str_add(&text, base64url_print(arena, slice_of((char *)signature, sizeof signature)));
	return str_slice(&text);
}

/* Exactly our members: "crit", "jwk", "x5u" and others could say that something else counts. */
static bool read_header(
	struct arena *arena, struct slice text, const char *type, struct slice *kid_out)
{
	struct slice bytes = SLICE_NONE;
	struct error ignored = {0};

	if (text.len > HEADER_MAX_BYTES || !base64url_read(arena, text, &bytes))
		return false;
	scoped(json_drop) json_t *header = json_parse(bytes, &ignored);

	if (json_object_size(header) != 3 ||
		!slice_equal(json_get_slice(header, "alg"), SLICE("EdDSA")) ||
		!slice_equal_c(json_get_slice(header, "typ"), type))
		return false;
	*kid_out = arena_copy(arena, json_get_slice(header, "kid"));
	return !slice_is_none(*kid_out);
}

bool jws_read(struct arena *arena, struct slice text, const char *type, struct jws *out)
{
	struct slice rest = text;
	struct slice header = slice_split(&rest, '.');
	struct slice payload = slice_split(&rest, '.');
	struct slice signature = SLICE_NONE;

	if (slice_is_none(rest) || !read_header(arena, header, type, &out->key_id) ||
		!base64url_read(arena, payload, &out->payload) ||
		!base64url_read(arena, rest, &signature) || signature.len != SIGNATURE_BYTES)
		return false;
	out->signed_part = slice_sub(text, 0, header.len + 1 + payload.len);
	memcpy(out->signature, signature.ptr, SIGNATURE_BYTES);
	return true;
}

bool jws_verify(const struct jws *jws, const struct public_key *key)
{
	scoped(arena_free) struct arena *arena = arena_new();

	return slice_equal(jws->key_id, public_key_thumbprint(arena, key)) &&
	       public_key_verify(key, jws->signed_part, jws->signature);
}
