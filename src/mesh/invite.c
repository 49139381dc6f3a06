#include "mesh/invite.h"

#include <sodium.h>

#include "mesh/file.h"

static const struct slice PREFIX = {"weft_invite_", 12};

enum { ID_BYTES = 12, SECRET_BYTES = 32, TEXT_MAX_BYTES = 4096, SECOND_US = 1000000 };

static struct slice draw(struct arena *arena, size_t bytes)
{
	unsigned char random[SECRET_BYTES];

	randombytes_buf(random, bytes);
	struct slice text = base64url_print(arena, slice_of((char *)random, bytes));

	sodium_memzero(random, sizeof random);
	return text;
}

void invitation_draw(struct arena *arena, struct invitation *invitation)
{
	invitation->id = draw(arena, ID_BYTES);
	invitation->secret = draw(arena, SECRET_BYTES);
}

struct slice invitation_print(struct arena *arena, const struct invitation *invitation)
{
	scoped(json_drop) json_t *document = json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:I}",
		"mesh", json_from_slice(invitation->mesh), "node",
		json_from_slice(invitation->node), "url", json_from_slice(invitation->url), "pin",
		json_from_slice(invitation->pin), "governance",
		public_key_print(&invitation->governance), "id", json_from_slice(invitation->id),
		"secret", json_from_slice(invitation->secret), "expires",
		(json_int_t)(invitation->expires_us / SECOND_US));

	return arena_printf(arena, "%.*s%.*s", SLICE_FMT(PREFIX),
		SLICE_FMT(base64url_print(arena, json_print(arena, document))));
}

static bool no_invitation(struct error *err)
{
	error_set(err, INVALID_PARAMETER_VALUE, "the text is no invitation to a mesh");
	return error_hint(err, "weft node invite, at the node that governs the mesh, makes one");
}

bool invitation_read(
	struct arena *arena, struct slice text, struct invitation *out, struct error *err)
{
	struct slice bytes = SLICE_NONE;
	struct error ignored = {0};

	text = slice_trim(text);
	if (text.len > TEXT_MAX_BYTES || !slice_starts_with(text, PREFIX) ||
		!base64url_read(arena, slice_sub(text, PREFIX.len, text.len), &bytes))
		return no_invitation(err);
	scoped(json_drop) json_t *document = json_parse(bytes, &ignored);

	if (!public_key_read(json_object_get(document, "governance"), &out->governance))
		return no_invitation(err);
	out->mesh = arena_copy(arena, json_get_slice(document, "mesh"));
	out->node = arena_copy(arena, json_get_slice(document, "node"));
	out->url = arena_copy(arena, json_get_slice(document, "url"));
	out->pin = arena_copy(arena, json_get_slice(document, "pin"));
	out->id = arena_copy(arena, json_get_slice(document, "id"));
	out->secret = arena_copy(arena, json_get_slice(document, "secret"));
	int64_t expires_s = json_get_i64(document, "expires", 0);

	if (out->id.len == 0 || out->secret.len == 0 || out->pin.len == 0 || expires_s <= 0 ||
		expires_s > INT64_MAX / SECOND_US)
		return no_invitation(err);
	out->expires_us = expires_s * SECOND_US;
	return mesh_name_check("mesh", out->mesh, err) && mesh_name_check("node", out->node, err) &&
	       mesh_url_check(out->url, err);
}

struct slice invitation_digest(struct arena *arena, struct slice secret)
{
	unsigned char hash[crypto_hash_sha256_BYTES];
	char *text = arena_alloc(arena, 2 * sizeof hash + 1);

	crypto_hash_sha256(hash, (const unsigned char *)secret.ptr, secret.len);
	sodium_bin2hex(text, 2 * sizeof hash + 1, hash, sizeof hash);
	return slice_from_c(text);
}
