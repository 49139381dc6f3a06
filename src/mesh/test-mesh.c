#include "base/testing.h"

#include "mesh/file.h"
#include "mesh/invite.h"
#include "mesh/jws.h"
#include "mesh/policies.h"
#include "mesh/token.h"

/* What nodes sign, and what is refused of it. */

enum { SECOND_US = 1000000 };

static const int64_t NOW = 1800000000LL * SECOND_US;

static void test_thumbprint(void **state)
{
	/* RFC 8037 appendix A.2 and A.3 */
	struct error err = {0};
	struct public_key key;
	json_t *jwk = json_parse(SLICE("{\"kty\":\"OKP\",\"crv\":\"Ed25519\","
				       "\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}"),
		&err);

	assert_true(public_key_read(jwk, &key));
	struct slice thumbprint = public_key_thumbprint(*state, &key);

	assert_true(slice_equal_c(thumbprint, "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"));
	json_object_set_new(jwk, "d", json_string("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"));
	assert_false(public_key_read(jwk, &key));
	json_decref(jwk);
}

static void test_jws(void **state)
{
	scoped(key_free) struct key *key = key_make();
	scoped(key_free) struct key *other = key_make();
	struct slice text = jws_sign(*state, key, "a+jws", SLICE("{\"n\":1}"));
	struct jws jws;

	assert_true(jws_read(*state, text, "a+jws", &jws));
	assert_true(slice_equal_c(jws.payload, "{\"n\":1}"));
	assert_true(jws_verify(&jws, key_public(key)));
	assert_false(jws_verify(&jws, key_public(other)));
	assert_false(jws_read(*state, text, "b+jws", &jws));
	/* Any one character changed: refused, or the signature does not hold. */
	for (size_t i = 0; i < text.len; i++) {
		struct slice changed = arena_copy(*state, text);

		((char *)(uintptr_t)changed.ptr)[i] = text.ptr[i] == 'A' ? 'B' : 'A';
		assert_false(jws_read(*state, changed, "a+jws", &jws) &&
			     jws_verify(&jws, key_public(key)));
	}
}

static void test_jws_headers(void **state)
{
	static const char *const headers[] = {
		"{\"alg\":\"none\",\"kid\":\"x\",\"typ\":\"a+jws\"}",
		"{\"alg\":\"HS256\",\"kid\":\"x\",\"typ\":\"a+jws\"}",
		"{\"alg\":\"EdDSA\",\"typ\":\"a+jws\"}",
		"{\"alg\":\"EdDSA\",\"kid\":\"x\",\"typ\":\"a+jws\",\"crit\":[\"exp\"]}",
		"{\"alg\":\"EdDSA\",\"kid\":1,\"typ\":\"a+jws\"}",
		"[]",
		"",
	};
	struct slice signature = base64url_print(
		*state, SLICE("0123456789012345678901234567890123456789012345678901234567890123"));
	struct jws jws;

	for (size_t i = 0; i < array_len(headers); i++) {
		struct slice header = base64url_print(*state, slice_from_c(headers[i]));

		assert_false(jws_read(*state,
			arena_printf(
				*state, "%.*s.e30.%.*s", SLICE_FMT(header), SLICE_FMT(signature)),
			"a+jws", &jws));
	}
	assert_false(jws_read(*state, SLICE("a.b"), "a+jws", &jws));
	assert_false(jws_read(*state, SLICE(""), "a+jws", &jws));
}

/* A mesh of the nodes a and b, which speak for the domains da and db. */
struct small_mesh {
	struct arena *arena;
	struct key *governance;
	struct key *keys[2];
	struct slice domains[2];
	struct mesh_node nodes[2];
	struct mesh_file file;
};

static void fill_node(struct small_mesh *m, size_t i, struct slice name, struct slice domain)
{
	m->keys[i] = key_make();
	m->domains[i] = domain;
	m->nodes[i] = (struct mesh_node){.name = name,
		.url = SLICE("https://127.0.0.1:8443"),
		.domains = &m->domains[i],
		.domain_count = 1,
		.keys = arena_new_of(m->arena, struct mesh_key),
		.key_count = 1,
		.pins = arena_new_of(m->arena, struct mesh_pin),
		.pin_count = 1};
	m->nodes[i].keys[0].key = *key_public(m->keys[i]);
	m->nodes[i].pins[0].pin = SLICE("1LZztEqepQhPRMwtaZDPXFnjYMZVYc0K9o7g9vVx3fo=");
}

static int mesh_setup(void **state)
{
	struct arena *arena = arena_new();
	struct small_mesh *m = arena_new_of(arena, struct small_mesh);

	m->arena = arena;
	m->governance = key_make();
	fill_node(m, 0, SLICE("a"), SLICE("da"));
	fill_node(m, 1, SLICE("b"), SLICE("db"));
	m->file = (struct mesh_file){.mesh = SLICE("shop"),
		.version = 3,
		.issued_us = NOW,
		.authority = SLICE("a"),
		.governance = *key_public(m->governance),
		.nodes = m->nodes,
		.node_count = 2};
	*state = m;
	return 0;
}

static int mesh_teardown(void **state)
{
	struct small_mesh *m = *state;
	struct arena *arena = m->arena;

	key_free(&m->governance);
	key_free(&m->keys[0]);
	key_free(&m->keys[1]);
	arena_free(&arena);
	return 0;
}

static bool reads(struct small_mesh *m, const struct public_key *root, struct mesh_file *out,
	struct error *err)
{
	struct slice text = mesh_file_sign(m->arena, &m->file, m->governance);

	return mesh_file_read(m->arena, text, root, out, err);
}

static void test_file(void **state)
{
	struct small_mesh *m = *state;
	struct error err = {0};
	struct mesh_file file;

	assert_true(reads(m, key_public(m->governance), &file, &err));
	assert_true(slice_equal_c(file.mesh, "shop"));
	assert_int_equal(file.version, 3);
	assert_int_equal(file.node_count, 2);
	assert_ptr_equal(mesh_file_domain(&file, SLICE("db")), &file.nodes[1]);
	assert_null(mesh_file_node(&file, SLICE("c")));
	/* Signed by a node, not by the governance; or by another governance. */
	assert_false(reads(m, key_public(m->keys[0]), &file, &err));
	assert_int_equal(err.state, SQLSTATE_INVALID_AUTHORIZATION);
	m->file.governance = *key_public(m->keys[0]);
	assert_false(reads(m, key_public(m->governance), &file, &err));
	assert_false(reads(m, key_public(m->keys[0]), &file, &err));
}

/* Rightly signed, wrongly written. */
static void test_file_mistakes(void **state)
{
	struct small_mesh *m = *state;
	const struct public_key *root = key_public(m->governance);
	const struct mesh_node good = m->nodes[1];
	struct error err = {0};
	struct mesh_file file;

#define REFUSED(change)                                                                            \
	change;                                                                                    \
	assert_false(reads(m, root, &file, &err));                                                 \
	m->nodes[1] = good
	REFUSED(m->nodes[1].name = SLICE("a"));
	REFUSED(m->nodes[1].name = SLICE("../b"));
	REFUSED(m->nodes[1].url = SLICE("http://127.0.0.1:1"));
	REFUSED(m->nodes[1].url = SLICE("https://u:p@127.0.0.1:1"));
	REFUSED(m->nodes[1].url = SLICE("https://127.0.0.1:1/x"));
	REFUSED(m->nodes[1].url = SLICE("https://127.0.0.1:65536"));
	REFUSED(m->nodes[1].domains = &m->domains[0]);
	REFUSED(m->nodes[1].keys = m->nodes[0].keys);
	REFUSED(m->nodes[1].key_count = 0);
	REFUSED(m->nodes[1].pin_count = 0);
#undef REFUSED
	m->nodes[1].pins[0].pin = SLICE("short=");
	assert_false(reads(m, root, &file, &err));
	struct slice text = jws_sign(m->arena, m->governance, "weft-mesh+jws", SLICE("{}"));

	assert_false(mesh_file_read(m->arena, text, root, &file, &err));
}

static void test_file_order(void **state)
{
	struct small_mesh *m = *state;
	const struct public_key *root = key_public(m->governance);
	struct error err = {0};
	struct mesh_file now;
	struct mesh_file next;

	assert_true(reads(m, root, &now, &err));
	assert_true(reads(m, root, &next, &err));
	assert_int_equal(mesh_file_order(&now, &next), MESH_SAME);
	m->nodes[1].url = SLICE("https://127.0.0.1:9");
	assert_true(reads(m, root, &next, &err));
	assert_int_equal(mesh_file_order(&now, &next), MESH_FORKED);
	m->file.version = 4;
	assert_true(reads(m, root, &next, &err));
	assert_int_equal(mesh_file_order(&now, &next), MESH_NEWER);
	assert_int_equal(mesh_file_order(&next, &now), MESH_OLDER);
	m->file.mesh = SLICE("other");
	assert_true(reads(m, root, &next, &err));
	assert_int_equal(mesh_file_order(&now, &next), MESH_FORKED);
}

/* Who knows the first key follows to the third one; a chain with a gap leads nowhere. */
static void test_succession(void **state)
{
	struct small_mesh *m = *state;
	scoped(key_free) struct key *second = key_make();
	scoped(key_free) struct key *third = key_make();
	const struct public_key first = *key_public(m->governance);
	struct slice chain[2];
	struct error err = {0};
	struct mesh_file file;

	chain[0] = mesh_succession_sign(m->arena, &m->file, m->governance, key_public(second));
	chain[1] = mesh_succession_sign(m->arena, &m->file, second, key_public(third));
	m->file.succession = chain;
	m->file.succession_count = 2;
	m->file.governance = *key_public(third);
	struct slice text = mesh_file_sign(m->arena, &m->file, third);

	assert_true(mesh_file_read(m->arena, text, &first, &file, &err));
	assert_true(mesh_file_read(m->arena, text, key_public(second), &file, &err));
	assert_true(mesh_file_read(m->arena, text, key_public(third), &file, &err));
	m->file.succession = &chain[1];
	m->file.succession_count = 1;
	text = mesh_file_sign(m->arena, &m->file, third);
	assert_false(mesh_file_read(m->arena, text, &first, &file, &err));
	/* The key before is not right any more. */
	m->file.governance = first;
	m->file.succession = chain;
	m->file.succession_count = 2;
	assert_false(reads(m, &first, &file, &err));
}

static const struct node_request HELLO = {.from = {"a", 1},
	.to = {"b", 1},
	.method = {"POST", 4},
	.path = {"/mesh/v1/hello", 14},
	.body = {"{}", 2}};

static void check_token(struct small_mesh *m, struct replays *replays, struct slice token,
	const struct node_request *expected, const char *refusal)
{
	const struct node_trust trust = {&m->file, replays, NOW};
	struct node_sender sender;
	struct error err = {0};
	bool ok = node_token_check(m->arena, &trust, token, expected, &sender, &err);

	if (!refusal) {
		assert_true(ok);
		assert_true(slice_equal_c(sender.name, "a"));
		return;
	}
	assert_false(ok);
	assert_int_equal(err.state, SQLSTATE_INVALID_AUTHORIZATION);
	assert_non_null(strstr(err.msg, refusal));
}

static void test_token(void **state)
{
	struct small_mesh *m = *state;
	scoped(replays_free) struct replays *replays = replays_new();
	struct node_request other = HELLO;
	struct slice token = node_token_sign(m->arena, m->keys[0], &HELLO, NOW);

	check_token(m, replays, token, &HELLO, NULL);
	check_token(m, replays, token, &HELLO, "shown before");
	token = node_token_sign(m->arena, m->keys[0], &HELLO, NOW);
	other.to = SLICE("c");
	check_token(m, replays, token, &other, "another node");
	other = HELLO;
	other.path = SLICE("/mesh/v1/change");
	check_token(m, replays, token, &other, "another request");
	other = HELLO;
	other.method = SLICE("GET");
	check_token(m, replays, token, &other, "another request");
	other = HELLO;
	other.body = SLICE("{ }");
	check_token(m, replays, token, &other, "body");
	check_token(m, replays, SLICE("x.y.z"), &HELLO, "cannot be read");
	check_token(m, replays, SLICE(""), &HELLO, "cannot be read");
	/* b says that it is a. */
	token = node_token_sign(m->arena, m->keys[1], &HELLO, NOW);
	check_token(m, replays, token, &HELLO, "none of the node a");
	other = HELLO;
	other.from = SLICE("z");
	token = node_token_sign(m->arena, m->keys[0], &other, NOW);
	check_token(m, replays, token, &HELLO, "no node of the mesh");
}

static void test_token_times(void **state)
{
	static const struct {
		int64_t ahead_s;
		const char *refusal;
	} rows[] = {
		{29, NULL},
		{31, "ahead"},
		{-59, NULL},
		{-89, NULL},
		{-91, "expired"},
	};
	struct small_mesh *m = *state;
	scoped(replays_free) struct replays *replays = replays_new();

	for (size_t i = 0; i < array_len(rows); i++) {
		struct slice token = node_token_sign(
			m->arena, m->keys[0], &HELLO, NOW + rows[i].ahead_s * SECOND_US);

		check_token(m, replays, token, &HELLO, rows[i].refusal);
	}
	/* A key that was replaced counts until its time. */
	m->nodes[0].keys[0].until_us = NOW + 1;
	check_token(m, replays, node_token_sign(m->arena, m->keys[0], &HELLO, NOW), &HELLO, NULL);
	m->nodes[0].keys[0].until_us = NOW;
	check_token(m, replays, node_token_sign(m->arena, m->keys[0], &HELLO, NOW), &HELLO,
		"none of the node a");
}

static void test_invitation(void **state)
{
	scoped(key_free) struct key *key = key_make();
	struct invitation made = {.mesh = SLICE("shop"),
		.node = SLICE("sales"),
		.url = SLICE("https://[::1]:8443"),
		.pin = SLICE("1LZztEqepQhPRMwtaZDPXFnjYMZVYc0K9o7g9vVx3fo="),
		.governance = *key_public(key),
		.expires_us = NOW};
	struct invitation read = {0};
	struct error err = {0};

	invitation_draw(*state, &made);
	struct slice text = invitation_print(*state, &made);

	assert_true(invitation_read(
		*state, arena_printf(*state, " %.*s\n", SLICE_FMT(text)), &read, &err));
	assert_true(slice_equal(read.secret, made.secret));
	assert_true(slice_equal(read.url, made.url));
	assert_true(public_key_equal(&read.governance, &made.governance));
	assert_int_equal(read.expires_us, NOW);
	for (size_t len = 0; len < text.len; len++)
		assert_false(invitation_read(*state, slice_sub(text, 0, len), &read, &err));
	made.url = SLICE("https://evil/x:1");
	assert_false(invitation_read(*state, invitation_print(*state, &made), &read, &err));
}

static void test_policies(void **state)
{
	struct small_mesh *m = *state;
	struct error err = {0};
	struct policy_file files[] = {{SLICE("governance/a.yaml"), SLICE("x: \"1\"\n")},
		{SLICE("governance/b/c.sql"), SLICE("")}};
	struct policy_set set = {.mesh = SLICE("shop"),
		.issued_us = NOW,
		.mark = {.version = 7},
		.files = files,
		.count = 2};
	struct policy_set read;

	policy_set_sign(m->arena, &set, m->governance);
	assert_true(policy_set_read(m->arena, set.text, &m->file, &read, &err));
	assert_true(policy_marks_equal(&set.mark, &read.mark));
	assert_int_equal(read.mark.version, 7);
	assert_int_equal(read.issued_us, NOW);
	assert_int_equal(read.count, 2);
	assert_true(slice_equal(read.files[0].text, files[0].text));
	assert_true(slice_equal(read.files[1].path, files[1].path));
	assert_true(policy_set_parse(m->arena, read.text, &read, &err));
	/* Of another mesh, and of a node that does not govern. */
	m->file.mesh = SLICE("other");
	assert_false(policy_set_read(m->arena, set.text, &m->file, &read, &err));
	assert_int_equal(err.state, SQLSTATE_INVALID_AUTHORIZATION);
	m->file.mesh = SLICE("shop");
	policy_set_sign(m->arena, &set, m->keys[0]);
	assert_false(policy_set_read(m->arena, set.text, &m->file, &read, &err));
}

static void test_policy_paths(void **state)
{
	static const char *const wrong[] = {"mesh.yaml", "governance", "governance/",
		"/governance/a", "governance//a", "governance/../mesh.yaml", "governance/./a",
		"domains/a/domain.yaml", "governancex/a", ""};
	struct small_mesh *m = *state;

	for (size_t i = 0; i < array_len(wrong); i++) {
		struct error err = {0};
		struct policy_file file = {slice_from_c(wrong[i]), SLICE("x")};
		struct policy_set set = {
			.mesh = SLICE("shop"), .mark = {.version = 1}, .files = &file, .count = 1};
		struct policy_set read;

		policy_set_sign(m->arena, &set, m->governance);
		assert_false(policy_set_read(m->arena, set.text, &m->file, &read, &err));
		assert_int_equal(err.state, SQLSTATE_INVALID_PARAMETER_VALUE);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_thumbprint, arena_setup, arena_teardown),
		cmocka_unit_test_setup_teardown(test_jws, arena_setup, arena_teardown),
		cmocka_unit_test_setup_teardown(test_jws_headers, arena_setup, arena_teardown),
		cmocka_unit_test_setup_teardown(test_file, mesh_setup, mesh_teardown),
		cmocka_unit_test_setup_teardown(test_file_mistakes, mesh_setup, mesh_teardown),
		cmocka_unit_test_setup_teardown(test_file_order, mesh_setup, mesh_teardown),
		cmocka_unit_test_setup_teardown(test_succession, mesh_setup, mesh_teardown),
		cmocka_unit_test_setup_teardown(test_token, mesh_setup, mesh_teardown),
		cmocka_unit_test_setup_teardown(test_token_times, mesh_setup, mesh_teardown),
		cmocka_unit_test_setup_teardown(test_policies, mesh_setup, mesh_teardown),
		cmocka_unit_test_setup_teardown(test_policy_paths, mesh_setup, mesh_teardown),
		cmocka_unit_test_setup_teardown(test_invitation, arena_setup, arena_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
