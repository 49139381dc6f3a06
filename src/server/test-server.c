/* The bookkeeping of the server that needs no process: who is next, which plans are kept, who is
 * slowed down, what goes over the wire. */
#include "base/testing.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/json.h"
#include "server/damping.h"
#include "server/fair.h"
#include "server/files.h"
#include "server/govern.h"
#include "server/plans.h"
#include "server/secret.h"
#include "server/wire.h"

static void enter(struct fair_queue *queue, struct fair_ticket *ticket, const char *who)
{
	ticket->principal = slice_from_c(who);
	fair_enter(queue, ticket);
}

static void test_fair_order(void **state)
{
	(void)state;
	struct fair_queue queue;
	struct fair_ticket a1, a2, a3, b1;
	fair_init(&queue, 3, 2);
	enter(&queue, &a1, "ana");
	enter(&queue, &a2, "ana");
	enter(&queue, &a3, "ana");
	enter(&queue, &b1, "bob");
	assert_int_equal(fair_state(&queue, &a1), FAIR_TURN);
	assert_int_equal(fair_state(&queue, &a2), FAIR_NODE); /* a1 came first */
	fair_start(&queue, &a1);
	/* bob runs nothing yet, so he goes before ana's second. */
	assert_int_equal(fair_state(&queue, &a2), FAIR_NODE);
	assert_int_equal(fair_state(&queue, &b1), FAIR_TURN);
	fair_start(&queue, &b1);
	assert_int_equal(fair_state(&queue, &a2), FAIR_TURN);
	fair_start(&queue, &a2);
	assert_int_equal(fair_state(&queue, &a3), FAIR_PRINCIPAL);
	fair_finish(&queue, SLICE("ana"));
	assert_int_equal(fair_state(&queue, &a3), FAIR_TURN);
	fair_leave(&queue, &a3);
	assert_int_equal(queue.waiting, 0);
	assert_int_equal(queue.running, 2);
	fair_finish(&queue, SLICE("ana"));
	fair_finish(&queue, SLICE("bob"));
	assert_int_equal(fair_running_of(&queue, SLICE("bob")), 0);
	fair_fini(&queue);
}

static void test_fair_does_not_wait_for_the_limited(void **state)
{
	(void)state;
	struct fair_queue queue;
	struct fair_ticket a1, a2, b1;
	fair_init(&queue, 2, 1);
	enter(&queue, &a1, "ana");
	fair_start(&queue, &a1);
	enter(&queue, &a2, "ana");
	enter(&queue, &b1, "bob");
	/* ana waits for herself; that must not hold bob up. */
	assert_int_equal(fair_state(&queue, &a2), FAIR_PRINCIPAL);
	assert_int_equal(fair_state(&queue, &b1), FAIR_TURN);
	fair_leave(&queue, &a2);
	fair_leave(&queue, &b1);
	fair_finish(&queue, SLICE("ana"));
	fair_fini(&queue);
}

static struct plan *make_plan(struct plans *plans, uint64_t n)
{
	struct plan *plan = plan_new(plans);
	plan->key.words[0] = n;
	return plan;
}

static void test_plans_forget_the_least_used(void **state)
{
	(void)state;
	struct plans *plans = plans_new(2, 1 << 20);
	for (uint64_t n = 1; n <= 3; n++) {
		struct plan *plan = make_plan(plans, n);
		plans_add(plans, plan);
		plans_add(plans, plan); /* twice is once */
		plan_unref(&plan);
		if (n == 2) { /* 1 is used again, so 2 goes */
			plan = plans_find(plans, (struct plan_key){{1}});
			assert_non_null(plan);
			plan_unref(&plan);
		}
	}
	assert_int_equal(plans_use(plans).plans, 2);
	struct plan *one = plans_find(plans, (struct plan_key){{1}});
	assert_non_null(one);
	assert_null(plans_find(plans, (struct plan_key){{2}}));
	plans_clear(plans);
	assert_int_equal(plans_use(plans).plans, 0);
	assert_int_equal(one->key.words[0], 1); /* its own reference keeps it */
	plan_unref(&one);
	plans_free(&plans);
}

static void add_plan(struct plans *plans, uint64_t n, size_t bytes)
{
	struct plan *plan = make_plan(plans, n);
	arena_alloc(plan->arena, bytes);
	plans_add(plans, plan);
	plan_unref(&plan);
}

static void test_plans_are_bounded_by_bytes(void **state)
{
	enum { MOST = 400000 };
	(void)state;
	struct plans *plans = plans_new(1000, MOST);
	for (uint64_t n = 1; n <= 100; n++) {
		add_plan(plans, n, 20000);
		assert_true(plans_use(plans).bytes <= MOST);
	}
	struct plans_use use = plans_use(plans);
	assert_in_range(use.plans, 5, 20);
	assert_int_equal(use.dropped, 100 - use.plans);
	assert_null(plans_find(plans, (struct plan_key){{1}}));
	add_plan(plans, 101, MOST); /* too large alone: the others stay */
	assert_int_equal(plans_use(plans).plans, use.plans);
	plans_clear(plans);
	/* The description comes later and counts when the plan is met again. */
	add_plan(plans, 102, 100);
	struct plan *plan = plans_find(plans, (struct plan_key){{102}});
	struct arena *arena = arena_new();
	arena_alloc(arena, MOST);
	plan_describe_take(plan, arena_new_of(arena, struct wire_prepared), arena);
	plan_unref(&plan);
	plan = plans_find(plans, (struct plan_key){{102}});
	assert_non_null(plan);
	assert_int_equal(plans_use(plans).plans, 0);
	assert_int_equal(plans_use(plans).bytes, 0);
	plan_unref(&plan);
	plans_free(&plans);
}

static void test_plan_description_is_set_once(void **state)
{
	(void)state;
	struct plans *plans = plans_new(2, 1 << 20);
	struct plan *plan = make_plan(plans, 1);
	struct arena *first = arena_new();
	struct arena *second = arena_new();
	struct wire_prepared *a = arena_new_of(first, struct wire_prepared);
	struct wire_prepared *b = arena_new_of(second, struct wire_prepared);
	assert_ptr_equal(plan_describe_take(plan, a, first), a);
	assert_ptr_equal(plan_describe_take(plan, b, second), a);
	plan_unref(&plan);
	plans_free(&plans);
}

static void test_digest_separates_parts(void **state)
{
	(void)state;
	uint64_t one[2], two[2], none[2], empty[2];
	struct slice ab_c[] = {SLICE("ab"), SLICE("c")};
	struct slice a_bc[] = {SLICE("a"), SLICE("bc")};
	struct slice with_none[] = {SLICE_NONE};
	struct slice with_empty[] = {SLICE("")};
	digest_parts(ab_c, 2, one);
	digest_parts(a_bc, 2, two);
	digest_parts(with_none, 1, none);
	digest_parts(with_empty, 1, empty);
	assert_memory_not_equal(one, two, sizeof one);
	assert_memory_not_equal(none, empty, sizeof none);
}

/* Whatever changes what a principal may see must change the key of its workers. */
static void test_worker_key(void **state)
{
	(void)state;
	struct slice groups[] = {SLICE("analysts")};
	struct slice joined[] = {SLICE("analysts"), SLICE("x")};
	struct slice countries[] = {SLICE("DE"), SLICE("FR")};
	struct attribute one = {.name = SLICE("country"), .values = countries, .value_count = 1};
	struct attribute two = {.name = SLICE("country"), .values = countries, .value_count = 2};
	const struct {
		struct principal principal;
		struct slice time_zone;
	} rows[] = {
		{{.name = SLICE("ana")}, SLICE("UTC")},
		{{.name = SLICE("bob")}, SLICE("UTC")},
		{{.name = SLICE("ana"), .purpose = SLICE("support")}, SLICE("UTC")},
		{{.name = SLICE("ana"), .groups = groups, .group_count = 1}, SLICE("UTC")},
		{{.name = SLICE("ana"), .groups = joined, .group_count = 2}, SLICE("UTC")},
		{{.name = SLICE("ana"), .attributes = &one, .attribute_count = 1}, SLICE("UTC")},
		{{.name = SLICE("ana"), .attributes = &two, .attribute_count = 1}, SLICE("UTC")},
		{{.name = SLICE("ana")}, SLICE("Europe/Berlin")},
	};
	struct arena *arena = arena_new();
	struct worker_key keys[array_len(rows)];
	for (size_t i = 0; i < array_len(rows); i++) {
		keys[i] = govern_worker_key(arena, &rows[i].principal, rows[i].time_zone);
		struct worker_key again =
			govern_worker_key(arena, &rows[i].principal, rows[i].time_zone);
		assert_memory_equal(&keys[i], &again, sizeof again);
		for (size_t j = 0; j < i; j++)
			assert_memory_not_equal(&keys[i], &keys[j], sizeof keys[i]);
	}
	arena_free(&arena);
}

static int64_t now_us;

static int64_t fake_now(const struct clock *clock)
{
	(void)clock;
	return now_us;
}

static void test_damping(void **state)
{
	(void)state;
	static const struct clock clock = {.wall_us = fake_now, .mono_us = fake_now};
	struct damping *damping = damping_new(&clock);
	struct slice ana = SLICE("ana");
	struct slice here = SLICE("10.0.0.1");
	static const int64_t waits_ms[] = {
		0, 0, 0, 0, 0, 250, 500, 1000, 2000, 4000, 8000, 8000, 8000};
	now_us = 1000000;
	for (size_t i = 0; i < array_len(waits_ms); i++) {
		assert_int_equal(damping_wait_ms(damping, ana, here), waits_ms[i]);
		damping_failed(damping, ana, here);
	}
	/* The address is slowed down for other users too, another address for this user. */
	assert_int_equal(damping_wait_ms(damping, SLICE("bob"), here), 8000);
	assert_int_equal(damping_wait_ms(damping, ana, SLICE("10.0.0.2")), 8000);
	assert_int_equal(damping_wait_ms(damping, SLICE("bob"), SLICE("10.0.0.2")), 0);
	now_us += 61000000;
	assert_int_equal(damping_wait_ms(damping, ana, here), 0);
	damping_failed(damping, ana, here);
	assert_int_equal(damping_wait_ms(damping, ana, here), 0);
	damping_free(&damping);
}

static void test_prepare_is_json(void **state)
{
	(void)state;
	struct arena *arena = arena_new();
	struct slice files[] = {SLICE("/lake/a \"b\".parquet")};
	struct wire_column columns[] = {{.name = SLICE("id"), .type = SLICE("BIGINT")},
		{.name = SLICE("mail"), .type = SLICE("VARCHAR"), .expr = SLICE("NULL")},
		{.name = SLICE("new"), .type = SLICE("DATE"), .absent = true}};
	struct wire_relation relation = {.schema = SLICE("s"),
		.name = SLICE("t"),
		.files = files,
		.file_count = 1,
		.fd_index = -1,
		.columns = columns,
		.column_count = 3,
		.filter = SLICE("a = 'x'"),
		.barrier = true};
	struct wire_at at = {.location = 7, .name = SLICE("t@v2"), .alias = SLICE_NONE};
	uint32_t oids[] = {20, 0};
	struct wire_prepare prepare = {.key = 42,
		.text = SLICE("SELECT \n '\xc3\xa4'"),
		.relations = &relation,
		.relation_count = 1,
		.param_oids = oids,
		.param_oid_count = 2,
		.ats = &at,
		.at_count = 1};
	struct error err;
	json_t *json = json_parse(wire_prepare_json(arena, &prepare), &err);
	assert_non_null(json);
	assert_true(slice_equal_c(json_get_slice(json, "key"), "42"));
	assert_true(slice_equal(json_get_slice(json, "text"), prepare.text));
	const json_t *r = json_array_get(json_get_array(json, "relations"), 0);
	assert_true(json_get_bool(r, "barrier", false));
	assert_true(slice_equal(
		json_to_slice(json_array_get(json_get_array(r, "files"), 0)), files[0]));
	assert_int_equal(json_array_size(json_get_array(r, "columns")), 3);
	assert_int_equal(json_array_size(json_get_array(json, "param_oids")), 2);
	json_decref(json);
	arena_free(&arena);
}

static void test_execute_carries_parameters(void **state)
{
	(void)state;
	struct arena *arena = arena_new();
	struct query_param params[] = {{.oid = 25, .value = SLICE("h\0i")}, {.value = SLICE_NONE},
		{.oid = 25, .value = SLICE("")}};
	struct query_execution how = {.format = QUERY_CSV, .params = params, .param_count = 3};
	struct wire_execute execute = {.key = 1, .portal = 1, .how = &how, .limit_rows = 9};
	struct error err;
	json_t *json = json_parse(wire_execute_json(arena, &execute), &err);
	assert_non_null(json);
	json_t *list = json_get_array(json, "params");
	assert_true(slice_equal_c(json_get_slice(json_array_get(list, 0), "value"), "aABp"));
	assert_true(json_is_null(json_object_get(json_array_get(list, 1), "value")));
	assert_true(slice_equal_c(json_get_slice(json_array_get(list, 2), "value"), ""));
	assert_true(slice_equal_c(json_get_slice(json, "format"), "csv"));
	assert_int_equal(json_get_i64(json, "limit_rows", 0), 9);
	json_decref(json);
	arena_free(&arena);
}

static void write_text(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static void test_secrets_stay_in_their_folder(void **state)
{
	(void)state;
	char folder[] = "/tmp/weft-test-XXXXXX";
	assert_non_null(mkdtemp(folder));
	struct arena *arena = arena_new();
	struct error err;
	struct slice value;
	const char *good = arena_printf(arena, "%s/secrets/db/password", folder).ptr;
	const char *bad = arena_printf(arena, "%s/keys/pseudonym.key", folder).ptr;
	assert_true(files_make_parents(good, &err) && files_make_parents(bad, &err));
	write_text(good, "hunter2\n");
	write_text(bad, "the node's own");
	const char *link_path = arena_printf(arena, "%s/secrets/link", folder).ptr;
	assert_int_equal(symlink(bad, link_path), 0);
	const struct {
		struct slice file;
		struct slice env;
		bool ok;
	} rows[] = {
		{SLICE("db/password"), SLICE_NONE, true},
		{SLICE("../keys/pseudonym.key"), SLICE_NONE, false},
		{slice_from_c(bad), SLICE_NONE, false},
		{SLICE("link"), SLICE_NONE, false},
		{SLICE("absent"), SLICE_NONE, false},
		{SLICE_NONE, SLICE("HOME"), false},
		{SLICE_NONE, SLICE("WEFT_TEST_ABSENT"), false},
		{SLICE_NONE, SLICE("WEFT_TEST_PASSWORD"), true},
	};
	/* One thread. NOLINTNEXTLINE(concurrency-mt-unsafe) */
	setenv("WEFT_TEST_PASSWORD", "hunter2", 1);
	for (size_t i = 0; i < array_len(rows); i++) {
		struct manifest_secret secret = {.name = SLICE("password"),
			.from_file = rows[i].file,
			.from_env = rows[i].env};
		bool ok = secret_resolve(folder, &secret, arena, &value, &err);
		assert_int_equal(ok, rows[i].ok);
		assert_true(!ok || slice_equal_c(value, "hunter2"));
	}
	arena_free(&arena);
	remove_tree(folder);
	assert_int_not_equal(access(folder, F_OK), 0);
}

static void test_links_are_not_moved(void **state)
{
	(void)state;
	char folder[] = "/tmp/weft-test-XXXXXX";
	assert_non_null(mkdtemp(folder));
	struct arena *arena = arena_new();
	struct error err;
	const char *file = arena_printf(arena, "%s/file", folder).ptr;
	const char *link_path = arena_printf(arena, "%s/link", folder).ptr;
	const char *target = arena_printf(arena, "%s/a/b/target", folder).ptr;
	write_text(file, "x");
	assert_int_equal(symlink("/etc/passwd", link_path), 0);
	assert_true(files_make_parents(target, &err));
	assert_false(files_move(link_path, target, &err));
	assert_true(files_move(file, target, &err));
	assert_int_equal(access(target, R_OK), 0);
	arena_free(&arena);
	remove_tree(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fair_order),
		cmocka_unit_test(test_fair_does_not_wait_for_the_limited),
		cmocka_unit_test(test_plans_forget_the_least_used),
		cmocka_unit_test(test_plans_are_bounded_by_bytes),
		cmocka_unit_test(test_plan_description_is_set_once),
		cmocka_unit_test(test_digest_separates_parts),
		cmocka_unit_test(test_worker_key),
		cmocka_unit_test(test_damping),
		cmocka_unit_test(test_prepare_is_json),
		cmocka_unit_test(test_execute_carries_parameters),
		cmocka_unit_test(test_secrets_stay_in_their_folder),
		cmocka_unit_test(test_links_are_not_moved),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
