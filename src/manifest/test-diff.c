/* What a change of manifests is: its steps, its details, what it breaks. */
#include "base/testing.h"

#include "manifest/testing-mesh.h"

static void test_breaking(void **state)
{
	static const struct {
		struct text_file contract;
		const char *column;
		const char *what; /* NULL = breaks nothing */
	} rows[] = {
		{CONTRACT(ID TOTAL), NULL, NULL},
		{CONTRACT(ID), "total", "removed"},
		{CONTRACT(ID "      - {name: total, logicalType: string}\n"), "total",
			"type DECIMAL(12,2) became VARCHAR"},
		{CONTRACT(ID TOTAL "      - {name: more, logicalType: string}\n"), NULL, NULL},
		{CONTRACT("      - {name: id, logicalType: integer, primaryKey: true}\n" TOTAL),
			"id", "was never null, now may be"},
		{CONTRACT("      - {name: id, logicalType: integer, required: true}\n" TOTAL), "id",
			"its place in the primary key changed"},
		{CONTRACT("      - {name: id, physicalType: hugeint, required: true, primaryKey: "
			  "true}\n" TOTAL),
			NULL, NULL},
		{CONTRACT("      - {name: id, physicalType: int, required: true, primaryKey: "
			  "true}\n" TOTAL),
			"id", "type BIGINT became INTEGER"},
	};
	static const struct text_file BASE[] = {WHOLE};

	(void)state;
	for (size_t i = 0; i < array_len(rows); i++) {
		struct arena *arena = arena_new();
		struct manifest_file before[array_len(BASE)];
		struct manifest_file after[array_len(BASE)];
		struct manifest_set old_set;
		struct manifest_set new_set;
		struct manifest_problems problems = {0};
		struct manifest_break *breaks;
		struct manifest_step *changes;
		size_t count;
		size_t change_count;

		to_files(BASE, array_len(BASE), before);
		to_files(BASE, array_len(BASE), after);
		put_file(after, array_len(BASE), rows[i].contract);
		assert_true(manifest_parse(arena, before, array_len(before), &old_set, &problems));
		assert_true(manifest_parse(arena, after, array_len(after), &new_set, &problems));
		manifest_breaking(arena, &old_set, &new_set, &breaks, &count);
		assert_int_equal(count, rows[i].what != NULL);
		if (rows[i].what) {
			assert_true(slice_equal_c(breaks[0].column, rows[i].column));
			assert_true(slice_equal_c(breaks[0].what, rows[i].what));
			assert_true(breaks[0].at.line > 0);
		}
		manifest_diff(arena, &(struct manifest_side){before, array_len(before), &old_set},
			&(struct manifest_side){after, array_len(after), &new_set}, &changes,
			&change_count);
		assert_int_equal(
			change_count, i == 0 ? 0 : 2); /* the contract, and its product's data */
		arena_free(&arena);
	}
}

/* One file changed: how many steps, and what the plan says of it. */
static void test_diff(void **state)
{
	static const struct {
		struct text_file file;
		size_t steps;
		const char *detail; /* NULL = not looked at */
	} ROWS[] = {
		{{"domains/sales/domain.yaml",
			 "apiVersion: weft/v1\nkind: Domain\nmetadata: {name: sales}\nspec: "
			 "{owners: "
			 "[others], infrastructure: {quotas: {bytes: 10GB, concurrentRuns: 2}, "
			 "retention: 30d}}\n"},
			1, "spec.owners[1]: sales-owners became others"},
		{{"domains/sales/sources/erp.yaml",
			 "apiVersion: weft/v1\nkind: Source\nmetadata: {name: erp}\nspec: "
			 "{connector: csv, path: other.csv}\n"},
			2, "spec.path: orders.csv became other.csv"},
		{{"domains/sales/sources/erp.yaml",
			 "apiVersion: weft/v1\nkind: Source\nmetadata: {name: erp}\nspec: "
			 "{connector: csv, path: orders.csv, description: x}\n"},
			1, "spec.description added"},
		{{"domains/sales/orders/pipeline.yaml",
			 "apiVersion: weft/v1\nkind: Pipeline\nmetadata: {name: orders}\nspec:\n  "
			 "ingest:\n    - {table: orders, source: erp}\n  schedule: {cron: '5 * * * "
			 "*'}\n"},
			1, "spec.schedule.cron: 0 * * * * became 5 * * * *"},
		{{"domains/sales/orders/pipeline.yaml",
			 "apiVersion: weft/v1\nkind: Pipeline\nmetadata: {name: orders}\nspec:\n  "
			 "ingest:\n    - {table: orders, source: erp, drift: add}\n  schedule: "
			 "{cron: '0 * * * *'}\n"},
			2, "spec.ingest[orders].drift added"},
		{CONTRACT(ID
			 "      - {name: total, physicalType: 'numeric(12,2)', description: x}\n"),
			1, "schema[orders].properties[total].description added"},
		{CONTRACT(ID "      - {name: total, physicalType: 'numeric(14,2)'}\n"), 2,
			"column total: type DECIMAL(12,2) became DECIMAL(14,2)"},
		{{"README.md", "new"}, 1, NULL},
	};
	static const struct text_file BASE[] = {WHOLE};

	(void)state;
	for (size_t i = 0; i < array_len(ROWS); i++) {
		scoped(arena_free) struct arena *arena = arena_new();
		struct manifest_file before[array_len(BASE)];
		struct manifest_file after[array_len(BASE) + 1];
		struct manifest_set sets[2];
		struct manifest_problems problems = {0};
		struct manifest_step *steps;
		size_t count;

		to_files(BASE, array_len(BASE), before);
		to_files(BASE, array_len(BASE), after);
		size_t after_count = put_file(after, array_len(BASE), ROWS[i].file);

		assert_true(manifest_parse(arena, before, array_len(BASE), &sets[0], &problems));
		assert_true(manifest_parse(arena, after, after_count, &sets[1], &problems));
		manifest_diff(arena, &(struct manifest_side){before, array_len(BASE), &sets[0]},
			&(struct manifest_side){after, after_count, &sets[1]}, &steps, &count);
		assert_int_equal(count, ROWS[i].steps);
		if (!ROWS[i].detail)
			continue;
		assert_int_equal(steps[0].details.len, 1);
		assert_string_equal(steps[0].details.items[0].ptr, ROWS[i].detail);
	}
}

#define PROMISES(quality, sla) CONTRACT(ID TOTAL "    quality:\n" quality "slaProperties:\n" sla)
#define FRESH "  - {property: freshness, value: 1, unit: h}\n"
#define RULE(rest) "      - {name: some, metric: rowCount, " rest "}\n"

static void test_loosened(void **state)
{
	static const struct {
		struct text_file after;
		const char *warning; /* NULL = none */
	} rows[] = {
		{PROMISES(RULE("mustBeLessThan: 5"), FRESH), NULL},
		{PROMISES(RULE("mustBeLessThan: 4"),
			 "  - {property: freshness, value: 30, unit: min}\n"),
			NULL},
		{PROMISES(RULE("mustBeLessThan: 6"), FRESH),
			"sales.orders: quality check some allows more than it did"},
		{PROMISES(RULE("mustBeLessThan: 5, severity: warning"), FRESH),
			"sales.orders: quality check some no longer stops a publish"},
		{PROMISES("      - {name: another, metric: rowCount, mustBe: 1}\n", FRESH),
			"sales.orders: quality check some is gone"},
		{PROMISES(RULE("mustBeLessThan: 5"),
			 "  - {property: freshness, value: 2, unit: h}\n"),
			"sales.orders: service level freshness is looser: 1 became 2"},
		{PROMISES(RULE("mustBeLessThan: 5"),
			 "  - {property: retention, value: 1, unit: y}\n"),
			"sales.orders: service level freshness (1) is gone"},
	};
	static const struct text_file BASE[] = {MESH, DOMAIN, SOURCE, PRODUCT,
		PROMISES(RULE("mustBeLessThan: 5"), FRESH), PIPELINE};

	(void)state;
	for (size_t i = 0; i < array_len(rows); i++) {
		scoped(arena_free) struct arena *arena = arena_new();
		struct manifest_file before[array_len(BASE)];
		struct manifest_file after[array_len(BASE)];
		struct manifest_set sets[2];
		struct manifest_problems ignored = {.arena = arena};
		struct manifest_problems problems = {.arena = arena};
		to_files(BASE, array_len(BASE), before);
		to_files(BASE, array_len(BASE), after);
		put_file(after, array_len(BASE), rows[i].after);
		assert_true(manifest_parse(arena, before, array_len(BASE), &sets[0], &ignored));
		assert_true(manifest_parse(arena, after, array_len(BASE), &sets[1], &ignored));
		manifest_loosened(&sets[0], &sets[1], &problems);
		assert_int_equal(problems.len, rows[i].warning != NULL);
		assert_int_equal(problems.errors, 0);
		if (rows[i].warning)
			assert_string_equal(problems.items[0].message.ptr, rows[i].warning);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_breaking),
		cmocka_unit_test(test_diff),
		cmocka_unit_test(test_loosened),
	};

	return cmocka_run_group_tests_name("manifest diff", tests, NULL, NULL);
}
