/* Manifests that are right: what is read of them, types, values, the formatted text. */
#include "base/testing.h"

#include "manifest/testing-mesh.h"

static void test_whole(void **state)
{
	static const struct text_file TEXTS[] = {WHOLE,
		{"domains/sales/policies/eu.yaml",
			"apiVersion: weft/v1\nkind: Policy\nmetadata: {name: eu}\nspec:\n  effect: "
			"mask\n  on: {tags: [pii]}\n  unless: {purposes: [fraud]}\n  mask: "
			"{method: null}\n"},
		{"README.md", "hello"}};
	struct arena *arena = arena_new();
	struct manifest_file files[array_len(TEXTS)];
	struct manifest_set set;
	struct manifest_problems problems = {0};

	(void)state;
	to_files(TEXTS, array_len(TEXTS), files);
	bool ok = manifest_parse(arena, files, array_len(files), &set, &problems);

	for (size_t i = 0; i < problems.len; i++)
		print_message("%.*s:%d: %.*s\n", SLICE_FMT(problems.items[i].at.path),
			problems.items[i].at.line, SLICE_FMT(problems.items[i].message));
	assert_true(ok);
	assert_int_equal(set.domains[0].quota_bytes, 10000000000);
	assert_int_equal(set.domains[0].retention_us, INT64_C(30) * 86400 * 1000000);
	assert_int_equal(set.products[0].ports[0].major, 1);
	const struct manifest_schema *schema =
		manifest_port_schema(&set, &set.products[0].ports[0]);

	assert_non_null(schema);
	assert_true(slice_equal_c(schema->columns[1].type, "DECIMAL(12,2)"));
	assert_int_equal(schema->columns[0].key_position, 1);
	assert_true(slice_equal_c(set.policies[0].mask_method, "null"));
	assert_true(slice_equal_c(set.policies[0].domain, "sales"));
	assert_int_equal(set.pipelines[set.products[0].pipeline].ingest_count, 1);
	arena_free(&arena);
}

static void test_values(void **state)
{
	static const struct {
		const char *physical;
		const char *logical;
		const char *type;
	} types[] = {
		{"numeric(12, 2)", NULL, "DECIMAL(12,2)"},
		{"varchar(40)", NULL, "VARCHAR"},
		{"timestamptz", NULL, "TIMESTAMP WITH TIME ZONE"},
		{"int[]", NULL, "INTEGER[]"},
		{NULL, "boolean", "BOOLEAN"},
		{"geometry", "string", "VARCHAR"},
		{"decimal(40,2)", NULL, NULL},
		{"jsonb", "object", "JSON"},
		{NULL, NULL, NULL},
	};
	struct arena *arena = arena_new();
	int64_t value;

	(void)state;
	for (size_t i = 0; i < array_len(types); i++) {
		struct slice type = manifest_type(
			arena, slice_from_c(types[i].physical), slice_from_c(types[i].logical));

		assert_true(slice_equal(type, slice_from_c(types[i].type)));
	}
	assert_true(manifest_size(SLICE("1GiB"), &value) && value == 1 << 30);
	assert_false(manifest_size(SLICE("99999999999999TB"), &value));
	assert_true(manifest_duration(SLICE("90 min"), &value) && value == INT64_C(5400000000));
	assert_false(manifest_duration(SLICE("5"), &value));
	arena_free(&arena);
}

/* Types of columns whose physicalType says nothing. */
static void test_logical_types(void **state)
{
	static const struct {
		struct text_file contract;
		const char *type;
	} ROWS[] = {
		{CONTRACT("      - {name: a, logicalType: integer}\n"), "BIGINT"},
		{CONTRACT("      - {name: a, logicalType: integer, logicalTypeOptions: {format: "
			  "u16}}\n"),
			"USMALLINT"},
		{CONTRACT("      - {name: a, logicalType: number, logicalTypeOptions: {format: "
			  "f32}}\n"),
			"FLOAT"},
		{CONTRACT("      - {name: a, logicalType: integer, physicalType: smallint, "
			  "logicalTypeOptions: {format: i64}}\n"),
			"SMALLINT"},
		{CONTRACT("      - {name: a, logicalType: timestamp, logicalTypeOptions: "
			  "{timezone: false}}\n"),
			"TIMESTAMP"},
		{CONTRACT("      - {name: a, logicalType: timestamp}\n"),
			"TIMESTAMP WITH TIME ZONE"},
		{CONTRACT("      - {name: a, logicalType: array, items: {logicalType: string}}\n"),
			"VARCHAR[]"},
		{CONTRACT("      - {name: a, logicalType: array}\n"), "JSON"},
	};

	(void)state;
	for (size_t i = 0; i < array_len(ROWS); i++) {
		const struct text_file texts[] = {
			MESH, DOMAIN, SOURCE, PRODUCT, PIPELINE, ROWS[i].contract};
		scoped(arena_free) struct arena *arena = arena_new();
		struct manifest_file files[array_len(texts)];
		struct manifest_set set;
		struct manifest_problems problems = {0};

		to_files(texts, array_len(texts), files);
		assert_true(manifest_parse(arena, files, array_len(files), &set, &problems));
		assert_true(
			slice_equal_c(set.contracts[0].schemas[0].columns[0].type, ROWS[i].type));
	}
}

static void test_format(void **state)
{
	struct arena *arena = arena_new();
	struct slice once;
	struct slice twice;
	struct error err;

	(void)state;
	assert_true(manifest_format(
		arena, SLICE("# top\nb:   1\na: [x,  y]\nc:\n    - d: 'q'\n"), &once, &err));
	assert_true(manifest_format(arena, once, &twice, &err));
	assert_true(slice_equal(once, twice));
	assert_false(manifest_format(arena, SLICE("a: ["), &once, &err));
	arena_free(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole),
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_logical_types),
		cmocka_unit_test(test_format),
	};

	return cmocka_run_group_tests_name("manifest", tests, NULL, NULL);
}
