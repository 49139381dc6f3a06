#include "base/testing.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "mesh/member.h"
#include "store/store.h"

/* A node founds a mesh, two others join it and change; no network: what one gives the other takes.
 */

static const char CERT[] = "-----BEGIN CERTIFICATE-----\n"
			   "MIIBdTCCARugAwIBAgIUfOCmGsJneP14pavtQxhy/jMT+kUwCgYIKoZIzj0EAwIw\n"
			   "DzENMAsGA1UEAwwEdGVzdDAgFw0yNjExMjMxNjM3MjlaGA8yMTI2MTAzMDE2Mzcy\n"
			   "OVowDzENMAsGA1UEAwwEdGVzdDBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABEiZ\n"
			   "hGkoBu4XARfgrLlzvKPHRFeGbGjicO/Au9BV4y51ZWOtwr7ny1T9gWU6R/aItRrv\n"
			   "WEm4EUukBwZNPKy68JqjUzBRMB0GA1UdDgQWBBSsBpnMd7TM+2B0BIU8NgN68tPW\n"
			   "gzAfBgNVHSMEGDAWgBSsBpnMd7TM+2B0BIU8NgN68tPWgzAPBgNVHRMBAf8EBTAD\n"
			   "AQH/MAoGCCqGSM49BAMCA0gAMEUCIHPnohf/sozxoUvystFYS6rfDlVREWbqoH3I\n"
			   "TBeLCn03AiEAgOv7LkfvtZfGD1re7jCcjICqU2zG8wZUYox7KC9wJ3Y=\n"
			   "-----END CERTIFICATE-----\n";

static const char *const NAMES[] = {"hub", "sales", "spare"};

enum { NODES = 3 };

/* Nodes with a folder each: DIR/NAME.db, DIR/NAME/ for the keys. */
struct nodes {
	struct arena *arena;
	char dir[64];
	const char *cert;
	const char *keys[NODES];
	struct store *stores[NODES];
	struct member *members[NODES];
	struct error err;
};

static void open_node(struct nodes *n, size_t i)
{
	const struct store_options store = {
		.path = arena_printf(n->arena, "%s/%s.db", n->dir, NAMES[i]).ptr, .create = true};
	const struct member_options options = {
		.store = NULL, .keys_dir = n->keys[i], .node = NAMES[i], .tls_cert_file = n->cert};
	struct member_options with_store = options;

	assert_true(store_open(&store, &n->stores[i], NULL, &n->err));
	with_store.store = n->stores[i];
	assert_true(member_open(&with_store, &n->members[i], &n->err));
}

static void close_node(struct nodes *n, size_t i)
{
	member_close(&n->members[i]);
	store_close(&n->stores[i]);
}

static int nodes_setup(void **state)
{
	struct arena *arena = arena_new();
	struct nodes *n = arena_new_of(arena, struct nodes);

	n->arena = arena;
	snprintf(n->dir, sizeof n->dir, "/tmp/weft-test-member-XXXXXX");
	assert_non_null(mkdtemp(n->dir));
	n->cert = arena_printf(arena, "%s/tls.crt", n->dir).ptr;
	FILE *file = fopen(n->cert, "we");

	assert_non_null(file);
	assert_true(fputs(CERT, file) >= 0);
	assert_int_equal(fclose(file), 0);
	for (size_t i = 0; i < NODES; i++) {
		n->keys[i] = arena_printf(arena, "%s/%s", n->dir, NAMES[i]).ptr;
		assert_int_equal(mkdir(n->keys[i], 0700), 0);
		open_node(n, i);
	}
	*state = n;
	return 0;
}

static int nodes_teardown(void **state)
{
	static const char *const keys[] = {
		"node.key", "node.key.next", "governance.key", "governance.key.next"};
	struct nodes *n = *state;
	struct arena *arena = n->arena;

	for (size_t i = 0; i < NODES; i++) {
		close_node(n, i);
		for (size_t k = 0; k < array_len(keys); k++)
			unlink(arena_printf(arena, "%s/%s", n->keys[i], keys[k]).ptr);
		rmdir(n->keys[i]);
		unlink(arena_printf(arena, "%s.db", n->keys[i]).ptr);
		unlink(arena_printf(arena, "%s.db-wal", n->keys[i]).ptr);
		unlink(arena_printf(arena, "%s.db-shm", n->keys[i]).ptr);
	}
	unlink(n->cert);
	assert_int_equal(rmdir(n->dir), 0);
	arena_free(&arena);
	return 0;
}

static const struct slice HUB_DOMAINS[] = {{"crm", 3}};
static const struct slice SALES_DOMAINS[] = {{"sales", 5}};

static bool found(struct nodes *n)
{
	const struct member_self self = {SLICE("https://hub:1"), HUB_DOMAINS, 1};

	return member_found(n->members[0], SLICE("shop"), &self, &n->err);
}

static struct slice file_of(struct nodes *n, size_t i)
{
	const struct member_view *view = member_view(n->members[i]);
	struct slice text = view ? arena_copy(n->arena, view->file.text) : SLICE_NONE;

	member_view_unref(&view);
	return text;
}

static bool invite(struct nodes *n, const char *name, const struct slice *domains, size_t count,
	struct invitation *out)
{
	const struct member_invite ask = {.node = slice_from_c(name),
		.domains = domains,
		.domain_count = count,
		.life_s = 60,
		.by = SLICE("admin")};
	struct slice text;

	return member_invite(n->members[0], n->arena, &ask, &text, &n->err) &&
	       invitation_read(n->arena, text, out, &n->err);
}

static bool admit(struct nodes *n, struct slice body)
{
	json_t *value = json_parse(body, &n->err);
	struct slice name;
	bool ok = member_admit(n->members[0], value, &name, n->arena, &n->err);

	json_decref(value);
	return ok;
}

/* Node i asks with an invitation; the body that it sends. */
static struct slice ask(struct nodes *n, size_t i, const struct invitation *invitation)
{
	const struct member_self self = {.url = SLICE("https://sales:2")};
	struct slice body = SLICE_NONE;

	assert_true(member_ask(n->members[i], n->arena, invitation, &self, &body, &n->err));
	return body;
}

static void join(struct nodes *n, size_t i, const struct slice *domains, size_t count)
{
	struct invitation invitation;

	assert_true(invite(n, NAMES[i], domains, count, &invitation));
	assert_true(admit(n, ask(n, i, &invitation)));
	assert_true(member_accept(n->members[i], &invitation, file_of(n, 0), &n->err));
}

/* Whether node i takes the hub's file. */
static enum mesh_order tell(struct nodes *n, size_t i)
{
	enum mesh_order order = MESH_FORKED;

	assert_true(member_take_file(n->members[i], file_of(n, 0), SLICE("hub"), &order, &n->err));
	return order;
}

static bool greets(struct nodes *n, size_t from, size_t to)
{
	struct node_request request = {.to = slice_from_c(NAMES[to]),
		.method = SLICE("POST"),
		.path = SLICE("/x"),
		.body = SLICE("")};
	struct node_sender sender;
	struct slice token;

	assert_true(member_sign(n->members[from], n->arena, &request, &token, &n->err));
	return member_check(n->members[to], n->arena, token, &request, &sender, &n->err);
}

static void test_join(void **state)
{
	struct nodes *n = *state;
	struct invitation invitation;

	assert_false(invite(n, "sales", SALES_DOMAINS, 1, &invitation));
	assert_int_equal(n->err.state, SQLSTATE_OBJECT_NOT_IN_PREREQUISITE_STATE);
	assert_true(found(n));
	assert_false(found(n));
	assert_true(member_governs(n->members[0]));
	/* Domains and names are one node's. */
	assert_false(invite(n, "sales", HUB_DOMAINS, 1, &invitation));
	assert_int_equal(n->err.state, SQLSTATE_DUPLICATE_OBJECT);
	assert_false(invite(n, "hub", SALES_DOMAINS, 1, &invitation));
	join(n, 1, SALES_DOMAINS, 1);
	assert_true(greets(n, 1, 0));
	assert_true(greets(n, 0, 1));
	assert_false(member_governs(n->members[1]));
	/* It holds over a restart. */
	close_node(n, 1);
	open_node(n, 1);
	assert_true(greets(n, 1, 0));
}

static void test_invitations_are_used_once(void **state)
{
	struct nodes *n = *state;
	struct invitation invitation;
	struct invitation other;

	assert_true(found(n));
	assert_true(invite(n, "sales", SALES_DOMAINS, 1, &invitation));
	struct slice body = ask(n, 1, &invitation);

	/* The name is the invitation's. */
	other = invitation;
	other.node = SLICE("spare");
	assert_false(admit(n, ask(n, 2, &other)));
	/* The secret is the invitation's. */
	other = invitation;
	other.secret = SLICE("guess");
	assert_false(admit(n, ask(n, 1, &other)));
	assert_true(admit(n, body));
	/* Its answer was lost: the same node asks again. */
	assert_true(admit(n, body));
	/* Another one with the same invitation. */
	close_node(n, 1);
	assert_int_equal(unlink(arena_printf(n->arena, "%s/node.key", n->keys[1]).ptr), 0);
	open_node(n, 1);
	assert_false(admit(n, ask(n, 1, &invitation)));
	assert_non_null(strstr(n->err.msg, "used before"));
}

static void test_keys(void **state)
{
	struct nodes *n = *state;
	json_t *change = NULL;

	assert_true(found(n));
	join(n, 1, SALES_DOMAINS, 1);
	join(n, 2, NULL, 0);
	assert_true(member_new_key(n->members[1], 60, &change, &n->err));
	assert_true(member_change(n->members[0], SLICE("sales"), change, &n->err));
	json_decref(change);
	/* The old key still counts; the new one is used from when its node knows that it counts. */
	assert_true(greets(n, 1, 0));
	assert_int_equal(tell(n, 1), MESH_NEWER);
	assert_true(greets(n, 1, 0));
	assert_false(greets(n, 1, 2));
	assert_int_equal(tell(n, 2), MESH_NEWER);
	assert_int_equal(tell(n, 2), MESH_SAME);
	assert_true(greets(n, 1, 2));
	/* With no overlap the old key is refused at once. */
	assert_true(member_new_key(n->members[1], 0, &change, &n->err));
	assert_true(member_change(n->members[0], SLICE("sales"), change, &n->err));
	json_decref(change);
	assert_false(greets(n, 1, 0));
	assert_int_equal(tell(n, 1), MESH_NEWER);
	assert_true(greets(n, 1, 0));
	/* The governance key: who has the file of before follows. */
	assert_true(member_rotate_governance(n->members[0], &n->err));
	assert_true(member_rotate_governance(n->members[0], &n->err));
	assert_int_equal(tell(n, 1), MESH_NEWER);
	close_node(n, 0);
	open_node(n, 0);
	assert_true(member_governs(n->members[0]));
	assert_false(member_rotate_governance(n->members[1], &n->err));
}

static void test_removal(void **state)
{
	struct nodes *n = *state;
	enum mesh_order order;

	assert_true(found(n));
	join(n, 1, SALES_DOMAINS, 1);
	join(n, 2, NULL, 0);
	struct slice before = file_of(n, 0);

	assert_false(member_remove(n->members[1], SLICE("spare"), &n->err));
	assert_false(member_remove(n->members[0], SLICE("nobody"), &n->err));
	assert_int_equal(n->err.state, SQLSTATE_UNDEFINED_OBJECT);
	assert_false(member_remove(n->members[0], SLICE("hub"), &n->err));
	assert_true(member_remove(n->members[0], SLICE("spare"), &n->err));
	assert_false(greets(n, 2, 0));
	assert_non_null(strstr(n->err.msg, "no node of the mesh"));
	/* The file of before does not bring it back. */
	assert_true(member_take_file(n->members[0], before, SLICE("spare"), &order, &n->err));
	assert_int_equal(order, MESH_OLDER);
	assert_false(greets(n, 2, 0));
	/* It learns of it, and may join anew. */
	assert_int_equal(tell(n, 2), MESH_NEWER);
	join(n, 2, NULL, 0);
	assert_true(greets(n, 2, 0));
	assert_false(member_leave(n->members[0], &n->err));
	assert_true(member_leave(n->members[2], &n->err));
	close_node(n, 2);
	open_node(n, 2);
	assert_null(member_view(n->members[2]));
}

/* A key file that is gone, open to others or another node's. */
static void test_key_files(void **state)
{
	struct nodes *n = *state;
	struct member *member = NULL;
	const char *path = arena_printf(n->arena, "%s/node.key", n->keys[1]).ptr;
	struct member_options options = {
		.keys_dir = n->keys[1], .node = "sales", .tls_cert_file = n->cert};

	assert_true(found(n));
	join(n, 1, SALES_DOMAINS, 1);
	member_close(&n->members[1]);
	options.store = n->stores[1];
	assert_int_equal(chmod(path, 0640), 0);
	assert_false(member_open(&options, &member, &n->err));
	assert_non_null(strstr(n->err.msg, "others may read"));
	assert_int_equal(unlink(path), 0);
	assert_false(member_open(&options, &member, &n->err));
	assert_int_equal(n->err.state, SQLSTATE_CONFIG_FILE_ERROR);
	int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, "x", 1), 1);
	close(fd);
	assert_false(member_open(&options, &member, &n->err));
	assert_null(member);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_join, nodes_setup, nodes_teardown),
		cmocka_unit_test_setup_teardown(
			test_invitations_are_used_once, nodes_setup, nodes_teardown),
		cmocka_unit_test_setup_teardown(test_keys, nodes_setup, nodes_teardown),
		cmocka_unit_test_setup_teardown(test_removal, nodes_setup, nodes_teardown),
		cmocka_unit_test_setup_teardown(test_key_files, nodes_setup, nodes_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
