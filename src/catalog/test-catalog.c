/* The model made from a real store: names, who sees what, time travel, system tables, search. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/testing.h"
#include "catalog/build.h"
#include "catalog/system.h"
#include "catalog/visible.h"
#include "store/audit.h"
#include "store/manifests.h"
#include "store/runs.h"

#define DOMAIN(name, extra)                                                                        \
	{                                                                                          \
		"domains/" name "/domain.yaml",                                                    \
			"apiVersion: weft/v1\nkind: Domain\nmetadata: {name: " name "}\nspec:\n  " \
			"owners: [" name "-owners]\n" extra                                        \
	}
#define PRODUCT(domain, name, ports)                                                               \
	{                                                                                          \
		"domains/" domain "/" name "/product.yaml",                                        \
			"apiVersion: v1.0.0\nkind: DataProduct\nid: " domain "-" name              \
			"\nname: " name "\nversion: 1.0.0\nstatus: active\ndomain: " domain        \
			"\noutputPorts:\n" ports                                                   \
	}
#define PORT(name, version, contract)                                                              \
	"  - {name: " name ", version: " version ", contractId: " contract "}\n"
#define CONTRACT(path, id, version, table, columns)                                                \
	{                                                                                          \
		"domains/" path ".odcs.yaml",                                                      \
			"apiVersion: v3.1.0\nkind: DataContract\nid: " id "\nversion: " version    \
			"\nstatus: active\nschema:\n  - name: " table                              \
			"\n    properties:\n" columns                                              \
			"slaProperties:\n  - {property: freshness, value: 1, unit: h}\n"           \
	}
#define POLICY(path, name, spec)                                                                   \
	{                                                                                          \
		path "/" name ".yaml", "apiVersion: weft/v1\nkind: Policy\nmetadata: {name: " name \
				       "}\nspec:\n" spec                                           \
	}
#define ID "      - {name: id, logicalType: integer, required: true, primaryKey: true}\n"
#define EMAIL                                                                                      \
	"      - {name: email, logicalType: string, description: Where to write, "                 \
	"tags: [contact]}\n"

static const struct {
	const char *path;
	const char *text;
} FILES[] = {
	{"mesh.yaml", "apiVersion: weft/v1\nkind: Mesh\nmetadata: {name: shop}\nspec: {owners: "
		      "[root]}\n"},
	DOMAIN("sales", ""),
	DOMAIN("crm", ""),
	DOMAIN("secret", "  hidden: true\n"),
	PRODUCT("sales", "orders", PORT("orders", "1.0.0", "o1") PORT("orders", "2.0.0", "o2")),
	CONTRACT("sales/orders/orders1", "o1", "1.0.0", "orders", ID),
	CONTRACT("sales/orders/orders2", "o2", "2.0.0", "orders", ID EMAIL),
	PRODUCT("crm", "customers", PORT("customers", "1.0.0", "c1")),
	CONTRACT("crm/customers/customers", "c1", "1.0.0", "customers", ID EMAIL),
	PRODUCT("crm", "c360", PORT("c360", "1.0.0", "c3")),
	CONTRACT("crm/c360/c360", "c3", "1.0.0", "c360", ID),
	{"domains/crm/c360/pipeline.yaml",
		"apiVersion: weft/v1\nkind: Pipeline\nmetadata: {name: c360}\nspec: {}\n"},
	{"domains/crm/c360/c360.sql", "SELECT c.id FROM customers c -- sales.nothing\nJOIN "
				      "\"sales\".orders o USING (id)"},
	PRODUCT("secret", "plans", PORT("plans", "1.0.0", "p1")),
	CONTRACT("secret/plans/plans", "p1", "1.0.0", "plans", ID),
	POLICY("governance/policies", "analysts-read",
		"  effect: allow\n  on: {products: [sales.orders, crm.customers]}\n"
		"  to: {groups: [analysts]}\n"),
	POLICY("governance/policies", "mask-contact",
		"  effect: mask\n  on: {tags: [contact]}\n  mask: {method: null}\n"),
	POLICY("governance/policies", "for-planners",
		"  effect: allow\n  on: {products: [secret.plans]}\n  to: {groups: [planners]}\n"),
	POLICY("domains/sales/policies", "eu-only",
		"  effect: filter\n  on: {tables: [sales.orders]}\n  filter: id > 10\n"),
};

struct fixture {
	struct arena *arena;
	struct store *store;
	const struct model *model;
	struct error err;
	char path[64];
};

static void apply_all(struct fixture *f)
{
	struct stored_change changes[array_len(FILES)];
	struct manifest_apply apply = {changes, array_len(FILES), SLICE("root"), SLICE("[]"), -1};
	int64_t id;

	for (size_t i = 0; i < array_len(FILES); i++)
		changes[i] = (struct stored_change){slice_from_c(FILES[i].path), SLICE("any"),
			SLICE("any"), slice_from_c(FILES[i].text)};
	assert_true(manifests_apply(f->store, &apply, &id, &f->err));
}

static void publish(struct fixture *f, const char *product, const char *table, int64_t run)
{
	struct file_row file = {.path = SLICE("part.parquet"), .rows = 7, .bytes = 70};
	struct table_publish one = {.table = slice_from_c(table),
		.location = SLICE("/lake/x"),
		.schema = SLICE("[]"),
		.added = &file,
		.added_count = 1,
		.replace = true};
	struct publish all = {
		.product = slice_from_c(product), .run = run, .tables = &one, .table_count = 1};
	int64_t version;

	assert_true(versions_publish(f->store, &all, &version, &f->err));
}

static void rebuild(struct fixture *f)
{
	model_unref(&f->model);
	if (!model_build(f->store, &f->model, &f->err))
		fail_msg("%s", f->err.msg);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);
	struct store_options options = {.path = f->path, .create = true};

	snprintf(f->path, sizeof f->path, "/tmp/weft-test-catalog-XXXXXX");
	close(mkstemp(f->path));
	f->arena = arena_new();
	assert_true(store_open(&options, &f->store, NULL, &f->err));
	apply_all(f);
	publish(f, "sales.orders", "orders@2", 1);
	publish(f, "sales.orders", "orders@2", 2);
	rebuild(f);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	char name[80];

	model_unref(&f->model);
	store_close(&f->store);
	unlink(f->path);
	snprintf(name, sizeof name, "%s-wal", f->path);
	unlink(name);
	snprintf(name, sizeof name, "%s-shm", f->path);
	unlink(name);
	arena_free(&f->arena);
	free(f);
	return 0;
}

static struct slice analysts[] = {{"analysts", 8}};
static struct slice planners[] = {{"secret-owners", 13}};
static const struct principal ANALYST = {.name = {"ann", 3}, .groups = analysts, .group_count = 1};
static const struct principal PLANNER = {.name = {"pat", 3}, .groups = planners, .group_count = 1};
static const struct principal NOBODY = {.name = {"nix", 3}};
static const struct principal ADMIN = {.name = {"root", 4}, .admin = true};

static void test_lookup(void **state)
{
	struct fixture *f = *state;
	static const struct {
		const struct principal *who;
		const char *schema;
		const char *name;
		enum model_lookup expected;
		int major;
	} ROWS[] = {
		{&ANALYST, "sales", "orders", MODEL_FOUND, 2},
		{&ANALYST, "SALES", "Orders", MODEL_FOUND, 2},
		{&ANALYST, "sales", "orders@1", MODEL_FOUND, 1},
		{&ANALYST, "sales", "ORDERS@2", MODEL_FOUND, 2},
		{&ANALYST, "sales", "orders@3", MODEL_ABSENT, 0},
		{&ANALYST, "crm", "c360", MODEL_DENIED, 1},
		{&ANALYST, "secret", "plans", MODEL_ABSENT, 0},
		{&PLANNER, "secret", "plans", MODEL_FOUND, 1},
		{&PLANNER, "sales", "orders", MODEL_DENIED, 2},
		{&NOBODY, "secret", "plans", MODEL_ABSENT, 0},
		{&ADMIN, "secret", "plans", MODEL_ABSENT, 0},
		{&ANALYST, "", "orders", MODEL_ABSENT, 0},
		{&ANALYST, "sales.orders", "", MODEL_ABSENT, 0},
	};

	for (size_t i = 0; i < array_len(ROWS); i++) {
		struct model_access access = {0};

		assert_int_equal(
			model_table_lookup(f->arena, f->model, ROWS[i].who,
				slice_from_c(ROWS[i].schema), slice_from_c(ROWS[i].name), &access),
			ROWS[i].expected);
		if (ROWS[i].major)
			assert_int_equal(access.table->major, ROWS[i].major);
	}
}

static void test_decision(void **state)
{
	struct fixture *f = *state;
	struct model_access access;

	assert_int_equal(model_table_lookup(f->arena, f->model, &ANALYST, SLICE("sales"),
				 SLICE("orders"), &access),
		MODEL_FOUND);
	assert_int_equal(access.decision.filter_count, 1);
	assert_true(slice_equal_c(access.decision.filters[0].expression, "id > 10"));
	assert_int_equal(access.decision.masks[0].mask.method, MASK_NONE);
	assert_int_equal(access.decision.masks[1].mask.method, MASK_NULL);
	assert_int_equal(model_table_lookup(f->arena, f->model, &ANALYST, SLICE("crm"),
				 SLICE("customers"), &access),
		MODEL_FOUND);
	assert_int_equal(access.decision.filter_count, 0); /* eu-only is for sales.orders */
}

static void test_suggest(void **state)
{
	struct fixture *f = *state;
	static const struct {
		const struct principal *who;
		const char *schema;
		const char *name;
		const char *expected;
	} ROWS[] = {
		{&ANALYST, "sales", "order", "sales.orders"},
		{&ANALYST, "sale", "orders", "sales.orders"},
		{&ANALYST, "crm", "orders", "sales.orders"},
		{&ANALYST, NULL, "custmers", "crm.customers"},
		{&ANALYST, "secret", "plan", NULL},
		{&ANALYST, NULL, "plans", NULL},
		{&PLANNER, "secret", "plan", "secret.plans"},
		{&ANALYST, "sales", "zzzzzz", NULL},
	};

	for (size_t i = 0; i < array_len(ROWS); i++) {
		struct slice found = model_suggest_table(f->arena, f->model, ROWS[i].who,
			slice_from_c(ROWS[i].schema), slice_from_c(ROWS[i].name));

		assert_true(slice_equal(found, slice_from_c(ROWS[i].expected)));
	}
}

static void test_time_travel(void **state)
{
	struct fixture *f = *state;
	static const struct {
		bool timestamp;
		const char *text;
		int64_t version; /* 0 = an error */
		enum sqlstate state;
	} ROWS[] = {
		{false, "", 2, 0},
		{false, "1", 1, 0},
		{false, "2", 2, 0},
		{false, "3", 0, SQLSTATE_UNDEFINED_OBJECT},
		{false, "0", 0, SQLSTATE_UNDEFINED_OBJECT},
		{false, "-1", 0, SQLSTATE_UNDEFINED_OBJECT},
		{false, "x", 0, SQLSTATE_INVALID_PARAMETER_VALUE},
		{true, "2100-01-01", 2, 0},
		{true, "2100-01-01 12:30:00.5+02:00", 2, 0},
		{true, "2100-01-01T12:30:00Z", 2, 0},
		{true, "1990-01-01", 0, SQLSTATE_UNDEFINED_OBJECT},
		{true, "2026-02-31", 0, SQLSTATE_INVALID_PARAMETER_VALUE},
		{true, "2026-01-01 25:00", 0, SQLSTATE_INVALID_PARAMETER_VALUE},
		{true, "yesterday", 0, SQLSTATE_INVALID_PARAMETER_VALUE},
		{true, "2026-01-01 12:00:00 Europe/Paris", 0, SQLSTATE_INVALID_PARAMETER_VALUE},
	};
	struct model_access access;

	assert_int_equal(model_table_lookup(f->arena, f->model, &ANALYST, SLICE("sales"),
				 SLICE("orders"), &access),
		MODEL_FOUND);
	for (size_t i = 0; i < array_len(ROWS); i++) {
		struct model_at at = {ROWS[i].timestamp, slice_from_c(ROWS[i].text)};
		int64_t version = 0;
		bool ok = model_version_at(f->store, access.table, &at, &version, &f->err);

		assert_int_equal(ok, ROWS[i].version != 0);
		assert_int_equal(version, ROWS[i].version);
		if (!ok)
			assert_int_equal(f->err.state, ROWS[i].state);
	}
	struct model_files files;

	assert_true(model_files_at(f->store, access.table, 1, f->arena, &files, &f->err));
	assert_int_equal(files.file_count, 1);
	assert_true(slice_equal_c(files.files[0].path, "/lake/x/part.parquet"));
	assert_int_equal(files.state.rows, 7);
	assert_int_equal(model_table_lookup(f->arena, f->model, &ANALYST, SLICE("crm"),
				 SLICE("customers"), &access),
		MODEL_FOUND);
	assert_false(model_files_at(f->store, access.table, 0, f->arena, &files, &f->err));
	assert_int_equal(f->err.state, SQLSTATE_OBJECT_NOT_IN_PREREQUISITE_STATE);
}

static void test_lineage(void **state)
{
	struct fixture *f = *state;
	const struct model_product *p = model_product_find(f->model, SLICE("CRM.c360"));

	assert_int_equal(f->model->edge_count, 2);
	assert_non_null(p);
	assert_int_equal(p->input_count, 2);
	assert_true(slice_equal_c(p->inputs[0]->full_name, "crm.customers"));
	assert_true(slice_equal_c(p->inputs[1]->full_name, "sales.orders"));
	assert_true(p->on_upstream);
}

static void test_slo(void **state)
{
	struct fixture *f = *state;
	struct model_table table = f->model->tables[0];

	table.slo = (struct model_slo){.freshness_us = 3600000000};
	table.published_us = 1000;
	table.version = 0;
	assert_int_equal(model_slo_state(&table, 2000), SLO_NO_DATA);
	table.version = 1;
	assert_int_equal(model_slo_state(&table, 2000), SLO_MET);
	assert_int_equal(model_slo_state(&table, 3000000000), SLO_AT_RISK);
	assert_int_equal(model_slo_state(&table, 3600002000), SLO_BREACHED);
	table.slo.freshness_us = 0;
	assert_int_equal(model_slo_state(&table, 2000), SLO_NONE);
	assert_true(f->model->tables[0].slo.freshness_us == 3600000000);
}

static void test_search(void **state)
{
	struct fixture *f = *state;
	struct model_hit *hits;
	size_t count = model_search(f->arena, f->model, &ANALYST, SLICE(" Orders "), &hits);

	assert_true(count >= 2);
	assert_true(slice_equal_c(hits[0].product->full_name, "sales.orders"));
	assert_true(slice_equal_c(hits[0].why, "name"));
	count = model_search(f->arena, f->model, &ANALYST, SLICE("email"), &hits);
	assert_int_equal(count, 2);
	assert_true(slice_equal_c(hits[0].why, "column email"));
	assert_int_equal(model_search(f->arena, f->model, &ANALYST, SLICE("plans"), &hits), 0);
	assert_true(model_search(f->arena, f->model, &PLANNER, SLICE("plans"), &hits) > 0);
	assert_int_equal(model_search(f->arena, f->model, &ANALYST, SLICE(""), &hits), 0);
	count = model_search(f->arena, f->model, &ANALYST, SLICE("email  customers"), &hits);
	assert_int_equal(count, 1);
	assert_true(slice_equal_c(hits[0].why, "column email"));
	count = model_search(f->arena, f->model, &ANALYST, SLICE("customers nowhere"), &hits);
	assert_int_equal(count, 0);
}

/* The bytes of a system table as its Arrow stream holds them: good for "does it tell of x?". */
static struct slice rows_of(struct fixture *f, const char *name, const struct principal *who)
{
	const struct system_table *table = system_table_find(SLICE("MESH"), slice_from_c(name));
	struct system_request request = {.model = f->model,
		.principal = who,
		.store = f->store,
		.now_us = INT64_C(4102444800000000),
		.node_name = "n1",
		.version = "1"};
	struct arrow_table *rows = NULL;
	int fd = -1;

	assert_non_null(table);
	if (!system_table_rows(table, &request, &rows, &f->err) ||
		!arrow_table_to_fd(rows, &fd, &f->err))
		fail_msg("%s: %s", name, f->err.msg);
	arrow_table_free(&rows);
	size_t len = (size_t)lseek(fd, 0, SEEK_END);
	char *bytes = arena_alloc(f->arena, len);

	assert_int_equal(pread(fd, bytes, len, 0), len);
	close(fd);
	return slice_of(bytes, len);
}

static bool tells(struct slice rows, const char *text)
{
	return slice_find(rows, slice_from_c(text), 0) != SIZE_MAX;
}

static void add_history(struct fixture *f)
{
	struct run_row run = {.product = SLICE("secret.plans"),
		.mode = SLICE("normal"),
		.trigger = SLICE("manual"),
		.by = SLICE("pat")};
	struct audit_begin begin = {.principal = SLICE("pat"),
		.statement = SLICE("select S3CRET"),
		.tables = SLICE("[{\"table\":\"secret.plans\",\"version\":1}]")};
	int64_t id;

	assert_true(store_runs_add(f->store, &run, &id, &f->err));
	assert_true(run_logs_add(f->store, id, SLICE("info"), SLICE("S3CRET log"), &f->err));
	struct check_row check = {.run = id,
		.product = SLICE("secret.plans"),
		.table = SLICE("plans@1"),
		.name = SLICE("plans-rule"),
		.severity = SLICE("error")};

	assert_true(checks_add(f->store, &check, 1, &f->err));
	assert_true(audit_write(f->store, &begin, &id, &f->err));
}

static void test_system_tables(void **state)
{
	struct fixture *f = *state;
	size_t count;
	const struct system_table *tables = system_tables(&count);

	add_history(f);
	for (size_t i = 0; i < count; i++) {
		assert_false(tells(rows_of(f, tables[i].name, &ANALYST), "plans"));
		assert_false(tells(rows_of(f, tables[i].name, &ANALYST), "S3CRET"));
		assert_false(tells(rows_of(f, tables[i].name, &NOBODY), "secret"));
	}
	assert_true(tells(rows_of(f, "products", &ANALYST), "orders"));
	assert_true(tells(rows_of(f, "products", &PLANNER), "plans"));
	assert_true(tells(rows_of(f, "columns", &ANALYST), "mask-contact"));
	assert_true(tells(rows_of(f, "lineage", &ANALYST), "customers"));
	assert_true(tells(rows_of(f, "runs", &PLANNER), "plans"));
	assert_true(tells(rows_of(f, "run_logs", &ADMIN), "S3CRET log"));
	assert_true(tells(rows_of(f, "audit", &PLANNER), "S3CRET"));
	assert_true(tells(rows_of(f, "checks", &PLANNER), "plans-rule"));
	assert_true(tells(rows_of(f, "slo", &ANALYST), "breached"));
	assert_true(tells(rows_of(f, "versions", &ANALYST), "orders"));
	assert_true(tells(rows_of(f, "policies", &NOBODY), "analysts-read"));
	assert_false(tells(rows_of(f, "policies", &NOBODY), "id > 10"));
	assert_false(tells(rows_of(f, "policies", &NOBODY), "for-planners"));
	assert_true(tells(rows_of(f, "policies", &PLANNER), "for-planners"));
	assert_true(tells(rows_of(f, "policies", &ADMIN), "id > 10"));
	assert_null(system_table_find(SLICE("mesh"), SLICE("nothing")));
}

static void test_visible(void **state)
{
	struct fixture *f = *state;
	struct pgcatalog_input input;
	size_t system_count;

	system_tables(&system_count);
	pgcatalog_input_of(f->arena, &(struct visible){f->model, &ANALYST, NULL, 0}, &input);
	assert_true(slice_equal_c(input.database, "shop"));
	assert_int_equal(input.table_count, 3 + system_count);
	assert_int_equal(input.schema_count, 3); /* sales, crm, mesh */
	for (size_t i = 0; i < input.table_count; i++)
		if (slice_equal_c(input.tables[i].name, "orders")) {
			assert_int_equal(input.tables[i].rows, -1); /* filtered */
			assert_true(slice_equal_c(input.tables[i].columns[1].comment,
				"Where to write [masked by mask-contact]"));
		}
	pgcatalog_input_of(f->arena, &(struct visible){f->model, &NOBODY, NULL, 0}, &input);
	assert_int_equal(input.table_count, system_count);
}

/* Bytes on disk depend on values below a mask, so masks alone hide them. */
static void test_sizes(void **state)
{
	struct fixture *f = *state;
	struct pgcatalog_input input;
	bool found = false;

	publish(f, "crm.customers", "customers@1", 3);
	rebuild(f);
	pgcatalog_input_of(f->arena, &(struct visible){f->model, &ANALYST, NULL, 0}, &input);
	for (size_t t = 0; t < input.table_count; t++) {
		const struct pgcatalog_table *table = &input.tables[t];
		if (!slice_equal_c(table->name, "customers"))
			continue;
		found = true;
		assert_int_equal(table->rows, 7);
		assert_int_equal(table->bytes, 0);
	}
	assert_true(found);
}

static void test_empty_and_broken(void **state)
{
	struct fixture *f = *state;
	struct stored_change bad = {
		SLICE("mesh.yaml"), SLICE("Mesh"), SLICE("m"), SLICE("kind: [")};
	struct manifest_apply apply = {&bad, 1, SLICE("x"), SLICE("[]"), -1};
	int64_t id;
	const struct model *other = NULL;

	assert_true(manifests_apply(f->store, &apply, &id, &f->err));
	assert_false(model_build(f->store, &other, &f->err));
	assert_int_equal(f->err.state, SQLSTATE_CONFIG_FILE_ERROR);
	const struct model *again = model_ref(f->model);

	model_unref(&again);
	assert_null(again);
	assert_int_equal(f->model->domain_count, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_lookup, setup, teardown),
		cmocka_unit_test_setup_teardown(test_decision, setup, teardown),
		cmocka_unit_test_setup_teardown(test_suggest, setup, teardown),
		cmocka_unit_test_setup_teardown(test_time_travel, setup, teardown),
		cmocka_unit_test_setup_teardown(test_lineage, setup, teardown),
		cmocka_unit_test_setup_teardown(test_slo, setup, teardown),
		cmocka_unit_test_setup_teardown(test_search, setup, teardown),
		cmocka_unit_test_setup_teardown(test_system_tables, setup, teardown),
		cmocka_unit_test_setup_teardown(test_visible, setup, teardown),
		cmocka_unit_test_setup_teardown(test_sizes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_empty_and_broken, setup, teardown),
	};

	return cmocka_run_group_tests_name("catalog", tests, NULL, NULL);
}
