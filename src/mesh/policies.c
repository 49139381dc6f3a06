#include "mesh/policies.h"

#include <sodium.h>
#include <stdio.h>

#include "base/check.h"
#include "base/json.h"
#include "mesh/jws.h"

enum { SECOND_US = 1000000, FILES_MAX = 10000 };

static const char TYPE[] = "weft-policies+jws";

bool policy_marks_equal(const struct policy_mark *a, const struct policy_mark *b)
{
	return a->version == b->version && strcmp(a->digest, b->digest) == 0;
}

static bool wrong(struct error *err, const char *what)
{
	return error_set(
		err, INVALID_PARAMETER_VALUE, "the set of mesh policies is wrong: %s", what);
}

static bool not_signed(struct error *err)
{
	error_set(err, INVALID_AUTHORIZATION,
		"the set of mesh policies is not signed by the governance key of this mesh");
	return error_hint(err, "the node that governs the mesh signs it: weft governance status");
}

/* Nothing outside of governance/ may come this way, wherever the path leads. */
static bool is_path(struct slice path)
{
	struct slice rest = path;
	size_t parts = 0;

	while (!slice_is_none(rest)) {
		struct slice part = slice_split(&rest, '/');

		if (part.len == 0 || part.ptr[0] == '.' ||
			(parts == 0 && !slice_equal_c(part, "governance")))
			return false;
		parts++;
	}
	return parts > 1;
}

static bool read_files(
	struct arena *arena, const json_t *list, struct policy_set *out, struct error *err)
{
	out->count = json_array_size(list);
	if (!json_is_array(list) || out->count > FILES_MAX)
		return wrong(err, "its list of files is missing or too long");
	out->files = arena_array_of(arena, struct policy_file, out->count);
	for (size_t i = 0; i < out->count; i++) {
		const json_t *said = json_array_get(list, i);
		struct policy_file *file = &out->files[i];

		file->path = arena_copy(arena, json_get_slice(said, "path"));
		file->text = arena_copy(arena, json_get_slice(said, "text"));
		if (!is_path(file->path) || slice_is_none(file->text))
			return wrong(err, "a file of it lies elsewhere than in governance/");
		if (i && slice_compare(out->files[i - 1].path, file->path) >= 0)
			return wrong(err, "its files are not in order");
	}
	return true;
}

static void digest(struct arena *arena, struct slice document, struct policy_mark *out)
{
	unsigned char hash[crypto_hash_sha256_BYTES];

	crypto_hash_sha256(hash, (const unsigned char *)document.ptr, document.len);
	struct slice text = base64url_print(arena, slice_of((char *)hash, sizeof hash));

	check(text.len < sizeof out->digest);
	snprintf(out->digest, sizeof out->digest, "%.*s", SLICE_FMT(text));
}

static bool read_document(
	struct arena *arena, struct slice payload, struct policy_set *out, struct error *err)
{
	struct error ignored = {0};
	scoped(json_drop) json_t *document = json_parse(payload, &ignored);

	out->mesh = arena_copy(arena, json_get_slice(document, "mesh"));
	out->mark.version = json_get_i64(document, "version", 0);
	out->issued_us = json_get_i64(document, "issued", 0) * SECOND_US;
	if (!document || out->mark.version < 1)
		return wrong(err, "it is no JSON, or has no version");
	digest(arena, payload, &out->mark);
	return read_files(arena, json_object_get(document, "files"), out, err);
}

static bool take_apart(struct arena *arena, struct slice text, struct jws *jws, struct error *err)
{
	if (text.len > POLICY_SET_MAX_BYTES)
		return wrong(err, "it is too large");
	return jws_read(arena, text, TYPE, jws) || not_signed(err);
}

bool policy_set_parse(
	struct arena *arena, struct slice text, struct policy_set *out, struct error *err)
{
	struct jws jws = {0};

	*out = (struct policy_set){.text = arena_copy(arena, text)};
	if (!take_apart(arena, out->text, &jws, err))
		return false;
	out->key_id = jws.key_id;
	return read_document(arena, jws.payload, out, err);
}

bool policy_set_read(struct arena *arena, struct slice text, const struct mesh_file *file,
	struct policy_set *out, struct error *err)
{
	struct jws jws = {0};

	if (!take_apart(arena, text, &jws, err))
		return false;
	if (!jws_verify(&jws, &file->governance))
		return not_signed(err);
	if (!policy_set_parse(arena, text, out, err))
		return false;
	return slice_equal(out->mesh, file->mesh) || not_signed(err);
}

void policy_set_sign(struct arena *arena, struct policy_set *set, const struct key *governance)
{
	json_t *files = json_array();

	for (size_t i = 0; i < set->count; i++)
		json_array_append_new(
			files, json_pack("{s:o, s:o}", "path", json_from_slice(set->files[i].path),
				       "text", json_from_slice(set->files[i].text)));
	scoped(json_drop) json_t *document = json_pack("{s:o, s:I, s:I, s:o}", "mesh",
		json_from_slice(set->mesh), "version", (json_int_t)set->mark.version, "issued",
		(json_int_t)(set->issued_us / SECOND_US), "files", files);
	struct slice payload = json_print(arena, document);

	digest(arena, payload, &set->mark);
	set->text = jws_sign(arena, governance, TYPE, payload);
	set->key_id = public_key_thumbprint(arena, key_public(governance));
}
