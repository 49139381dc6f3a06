#include "mesh/file.h"

#include <string.h>

#include "base/map.h"
#include "mesh/jws.h"

/* Reading is strict: what is not known is refused, since a node that skips a member it does not
 * know could trust somebody whom the governance has excluded with it. */

static const char FILE_TYPE[] = "weft-mesh+jws";
static const char SUCCESSION_TYPE[] = "weft-governance+jws";

enum {
	DOMAINS_MAX = 10000,
	KEYS_MAX = 8,
	SUCCESSION_MAX = 1000,
	NAME_MAX_BYTES = 63,
	HOST_MAX_BYTES = 255,
	PORT_MAX = 65535,
	SHA256_BYTES = 32,
	SECOND_US = 1000000,
};

struct reading {
	struct arena *arena;
	struct error *err;
};

static bool wrong(struct reading *r, const char *what)
{
	return error_set(r->err, INVALID_PARAMETER_VALUE, "the mesh file is not valid: %s", what);
}

static bool is_name(struct slice name)
{
	if (name.len == 0 || name.len > NAME_MAX_BYTES || name.ptr[0] == '-' ||
		name.ptr[name.len - 1] == '-')
		return false;
	for (size_t i = 0; i < name.len; i++) {
		char c = name.ptr[i];

		if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'))
			return false;
	}
	return true;
}

bool mesh_name_check(const char *what, struct slice name, struct error *err)
{
	if (is_name(name))
		return true;
	error_set(err, INVALID_NAME, "a %s cannot be called \"%.*s\"", what,
		SLICE_FMT(slice_sub(name, 0, 80)));
	return error_hint(err, "1 to 63 of a-z, 0-9 and -, which may not stand at either end");
}

/* A name, an IPv4 address, or an IPv6 address in brackets. */
static bool is_host(struct slice host)
{
	bool v6 = host.len > 2 && host.ptr[0] == '[' && host.ptr[host.len - 1] == ']';

	if (v6)
		host = slice_sub(host, 1, host.len - 1);
	for (size_t i = 0; i < host.len; i++) {
		char c = host.ptr[i];
		bool hex = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') ||
			   (c >= 'A' && c <= 'F') || c == '.';
		bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-';

		if (!hex && !(v6 ? c == ':' : letter))
			return false;
	}
	return host.len > 0 && host.len <= HOST_MAX_BYTES && host.ptr[0] != '-';
}

bool mesh_url_check(struct slice url, struct error *err)
{
	const struct slice scheme = SLICE("https://");
	struct slice rest = slice_sub(url, scheme.len, url.len);
	int64_t port = 0;
	size_t colon = rest.len;

	while (colon > 0 && rest.ptr[colon - 1] != ':')
		colon--;
	if (slice_starts_with(url, scheme) && colon > 0 && is_host(slice_sub(rest, 0, colon - 1)) &&
		slice_to_i64(slice_sub(rest, colon, rest.len), &port) && port > 0 &&
		port <= PORT_MAX)
		return true;
	error_set(err, INVALID_PARAMETER_VALUE, "\"%.*s\" is no address of a node",
		SLICE_FMT(slice_sub(url, 0, 200)));
	return error_hint(err, "write https://HOST:PORT, as the other nodes reach it");
}

/* Exactly these members; NULL-terminated. */
static bool has_only(const json_t *object, const char *const *members)
{
	const char *key = NULL;
	json_t *value = NULL;

	json_object_foreach((json_t *)(uintptr_t)object, key, value)
	{
		size_t i = 0;

		while (members[i] && strcmp(members[i], key) != 0)
			i++;
		if (!members[i])
			return false;
	}
	return json_is_object(object);
}

/* Seconds to microseconds. */
static bool read_time(const json_t *value, int64_t *out)
{
	int64_t seconds = json_is_integer(value) ? json_integer_value(value) : -1;

	if (seconds < 0 || seconds > INT64_MAX / SECOND_US)
		return false;
	*out = seconds * SECOND_US;
	return true;
}

static bool read_until(const json_t *entry, int64_t *out)
{
	const json_t *until = json_object_get(entry, "until");

	*out = 0;
	return !until || (read_time(until, out) && *out > 0);
}

static bool read_keys(struct reading *r, const json_t *list, struct mesh_node *node)
{
	static const char *const members[] = {"key", "until", NULL};

	node->key_count = json_array_size(list);
	if (node->key_count == 0 || node->key_count > KEYS_MAX)
		return wrong(r, "a node without keys, or with too many");
	node->keys = arena_array_of(r->arena, struct mesh_key, node->key_count);
	for (size_t i = 0; i < node->key_count; i++) {
		const json_t *entry = json_array_get(list, i);

		if (!has_only(entry, members) ||
			!public_key_read(json_object_get(entry, "key"), &node->keys[i].key) ||
			!read_until(entry, &node->keys[i].until_us))
			return wrong(r, "a node's key");
	}
	return true;
}

static bool is_pin(struct arena *arena, struct slice pin)
{
	struct slice bytes = SLICE_NONE;

	return base64_read(arena, pin, &bytes) && bytes.len == SHA256_BYTES;
}

static bool read_pins(struct reading *r, const json_t *list, struct mesh_node *node)
{
	static const char *const members[] = {"pin", "until", NULL};

	node->pin_count = json_array_size(list);
	if (node->pin_count == 0 || node->pin_count > KEYS_MAX)
		return wrong(r, "a node without TLS pins, or with too many");
	node->pins = arena_array_of(r->arena, struct mesh_pin, node->pin_count);
	for (size_t i = 0; i < node->pin_count; i++) {
		const json_t *entry = json_array_get(list, i);

		node->pins[i].pin = arena_copy(r->arena, json_get_slice(entry, "pin"));
		if (!has_only(entry, members) || !is_pin(r->arena, node->pins[i].pin) ||
			!read_until(entry, &node->pins[i].until_us))
			return wrong(r, "a node's TLS pin");
	}
	return true;
}

static bool read_texts(
	struct reading *r, const json_t *list, size_t max, struct slice **out, size_t *count_out)
{
	size_t count = json_array_size(list);
	struct slice *texts = arena_array_of(r->arena, struct slice, count);

	if (!json_is_array(list) || count > max)
		return wrong(r, "a list is missing or too long");
	for (size_t i = 0; i < count; i++) {
		texts[i] = arena_copy(r->arena, json_to_slice(json_array_get(list, i)));
		if (texts[i].len == 0)
			return wrong(r, "a text in a list");
	}
	*out = texts;
	*count_out = count;
	return true;
}

static bool read_node(struct reading *r, const json_t *object, struct mesh_node *out)
{
	static const char *const members[] = {"name", "url", "domains", "keys", "tls", NULL};

	if (!has_only(object, members))
		return wrong(r, "a node has members that this version does not know");
	out->name = arena_copy(r->arena, json_get_slice(object, "name"));
	out->url = arena_copy(r->arena, json_get_slice(object, "url"));
	return mesh_name_check("node", out->name, r->err) && mesh_url_check(out->url, r->err) &&
	       read_texts(r, json_object_get(object, "domains"), DOMAINS_MAX, &out->domains,
		       &out->domain_count) &&
	       read_keys(r, json_object_get(object, "keys"), out) &&
	       read_pins(r, json_object_get(object, "tls"), out);
}

/* One node per name, per key and per domain: otherwise one could stand in for another. */
static bool check_unique(struct reading *r, const struct mesh_file *file)
{
	struct map names = map_in(r->arena);
	struct map keys = map_in(r->arena);
	struct map domains = map_in(r->arena);

	for (size_t i = 0; i < file->node_count; i++) {
		struct mesh_node *node = &file->nodes[i];

		if (map_put(&names, node->name, node))
			return wrong(r, "two nodes of one name");
		for (size_t d = 0; d < node->domain_count; d++)
			if (map_put(&domains, node->domains[d], node))
				return wrong(r, "two nodes for one domain");
		for (size_t k = 0; k < node->key_count; k++)
			if (map_put(&keys,
				    slice_of((const char *)node->keys[k].key.bytes,
					    PUBLIC_KEY_BYTES),
				    node))
				return wrong(r, "one key twice");
	}
	return true;
}

static bool read_nodes(struct reading *r, const json_t *list, struct mesh_file *out)
{
	out->node_count = json_array_size(list);
	if (!json_is_array(list) || out->node_count > MESH_NODES_MAX)
		return wrong(r, "the list of nodes is missing or too long");
	out->nodes = arena_array_of(r->arena, struct mesh_node, out->node_count);
	for (size_t i = 0; i < out->node_count; i++)
		if (!read_node(r, json_array_get(list, i), &out->nodes[i]))
			return false;
	return check_unique(r, out);
}

static bool read_document(struct reading *r, const json_t *document, struct mesh_file *out)
{
	static const char *const members[] = {"mesh", "version", "issued", "authority",
		"governance", "succession", "nodes", NULL};

	if (!has_only(document, members))
		return wrong(r, "it has members that this version does not know");
	out->mesh = arena_copy(r->arena, json_get_slice(document, "mesh"));
	out->authority = arena_copy(r->arena, json_get_slice(document, "authority"));
	out->version = json_get_i64(document, "version", 0);
	if (out->version < 1 || !read_time(json_object_get(document, "issued"), &out->issued_us) ||
		!public_key_read(json_object_get(document, "governance"), &out->governance))
		return wrong(r, "version, issued or governance");
	return mesh_name_check("mesh", out->mesh, r->err) &&
	       read_texts(r, json_object_get(document, "succession"), SUCCESSION_MAX,
		       &out->succession, &out->succession_count) &&
	       read_nodes(r, json_object_get(document, "nodes"), out);
}

/* The key that follows `key`, when the entry says so for this mesh. */
static bool follow(struct arena *arena, struct slice entry, struct slice mesh,
	const struct public_key *key, struct public_key *next_out)
{
	struct jws jws;
	struct error ignored = {0};

	if (!jws_read(arena, entry, SUCCESSION_TYPE, &jws) || !jws_verify(&jws, key))
		return false;
	scoped(json_drop) json_t *statement = json_parse(jws.payload, &ignored);

	return slice_equal(json_get_slice(statement, "mesh"), mesh) &&
	       public_key_read(json_object_get(statement, "next"), next_out);
}

/* Whether the document's key is root, or follows from it. */
static bool is_successor(
	struct arena *arena, const struct mesh_file *file, const struct public_key *root)
{
	struct public_key key = *root;

	for (size_t i = 0; i < file->succession_count; i++) {
		struct public_key next;

		if (follow(arena, file->succession[i], file->mesh, &key, &next))
			key = next;
	}
	return public_key_equal(&key, &file->governance);
}

static bool refuse_signature(struct error *err)
{
	error_set(err, INVALID_AUTHORIZATION,
		"the mesh file is not signed by the governance key of this mesh");
	return error_hint(err, "get it from a node of the mesh, or join the mesh anew");
}

bool mesh_file_read(struct arena *arena, struct slice text, const struct public_key *root,
	struct mesh_file *out, struct error *err)
{
	struct reading r = {.arena = arena, .err = err};
	struct mesh_file file = {.text = arena_copy(arena, text)};
	struct jws jws;

	if (text.len > MESH_FILE_MAX_BYTES)
		return wrong(&r, "it is too large");
	if (!jws_read(arena, file.text, FILE_TYPE, &jws))
		return refuse_signature(err);
	scoped(json_drop) json_t *document = json_parse(jws.payload, err);

	if (!document)
		return wrong(&r, "it is no JSON");
	if (!read_document(&r, document, &file))
		return false;
	if (!is_successor(arena, &file, root) || !jws_verify(&jws, &file.governance))
		return refuse_signature(err);
	*out = file;
	return true;
}

static void add_until(json_t *entry, int64_t until_us)
{
	if (until_us)
		json_object_set_new(entry, "until", json_integer(until_us / SECOND_US));
}

static json_t *print_node(const struct mesh_node *node)
{
	json_t *keys = json_array();
	json_t *pins = json_array();

	for (size_t i = 0; i < node->key_count; i++) {
		json_t *entry = json_pack("{s:o}", "key", public_key_print(&node->keys[i].key));

		add_until(entry, node->keys[i].until_us);
		json_array_append_new(keys, entry);
	}
	for (size_t i = 0; i < node->pin_count; i++) {
		json_t *entry = json_pack("{s:o}", "pin", json_from_slice(node->pins[i].pin));

		add_until(entry, node->pins[i].until_us);
		json_array_append_new(pins, entry);
	}
	return json_pack("{s:o, s:o, s:o, s:o, s:o}", "name", json_from_slice(node->name), "url",
		json_from_slice(node->url), "domains",
		json_from_slices(node->domains, node->domain_count), "keys", keys, "tls", pins);
}

struct slice mesh_file_sign(
	struct arena *arena, const struct mesh_file *file, const struct key *governance)
{
	json_t *nodes = json_array();

	for (size_t i = 0; i < file->node_count; i++)
		json_array_append_new(nodes, print_node(&file->nodes[i]));
	scoped(json_drop) json_t *document = json_pack("{s:o, s:I, s:I, s:o, s:o, s:o, s:o}",
		"mesh", json_from_slice(file->mesh), "version", (json_int_t)file->version, "issued",
		(json_int_t)(file->issued_us / SECOND_US), "authority",
		json_from_slice(file->authority), "governance", public_key_print(&file->governance),
		"succession", json_from_slices(file->succession, file->succession_count), "nodes",
		nodes);

	return jws_sign(arena, governance, FILE_TYPE, json_print(arena, document));
}

struct slice mesh_succession_sign(struct arena *arena, const struct mesh_file *file,
	const struct key *present, const struct public_key *next)
{
	scoped(json_drop) json_t *statement = json_pack(
		"{s:o, s:o}", "mesh", json_from_slice(file->mesh), "next", public_key_print(next));

	return jws_sign(arena, present, SUCCESSION_TYPE, json_print(arena, statement));
}

enum mesh_order mesh_file_order(const struct mesh_file *current, const struct mesh_file *next)
{
	if (!slice_equal(current->mesh, next->mesh))
		return MESH_FORKED;
	if (next->version > current->version)
		return MESH_NEWER;
	if (next->version < current->version)
		return MESH_OLDER;
	return slice_equal(current->text, next->text) ? MESH_SAME : MESH_FORKED;
}

const struct mesh_node *mesh_file_node(const struct mesh_file *file, struct slice name)
{
	for (size_t i = 0; i < file->node_count; i++)
		if (slice_equal(file->nodes[i].name, name))
			return &file->nodes[i];
	return NULL;
}

const struct mesh_node *mesh_file_domain(const struct mesh_file *file, struct slice domain)
{
	for (size_t i = 0; i < file->node_count; i++)
		for (size_t d = 0; d < file->nodes[i].domain_count; d++)
			if (slice_equal(file->nodes[i].domains[d], domain))
				return &file->nodes[i];
	return NULL;
}

bool mesh_until_holds(int64_t until_us, int64_t now_us)
{
	return until_us == 0 || now_us < until_us;
}

const struct public_key *mesh_node_key(
	const struct mesh_node *node, struct slice thumbprint, int64_t now_us)
{
	scoped(arena_free) struct arena *arena = arena_new();

	for (size_t i = 0; i < node->key_count; i++)
		if (mesh_until_holds(node->keys[i].until_us, now_us) &&
			slice_equal(public_key_thumbprint(arena, &node->keys[i].key), thumbprint))
			return &node->keys[i].key;
	return NULL;
}
