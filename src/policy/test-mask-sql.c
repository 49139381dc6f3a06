/* The texts; tests/system runs them in the engine. */
#include "base/testing.h"

#include "policy/mask-sql.h"

#define PARTIAL(first, last, after)                                                                \
	{                                                                                          \
		.method = MASK_PARTIAL, .keep_first = (first), .keep_last = (last),                \
		.keep_after = (after)                                                              \
	}

static const struct {
	struct mask mask;
	struct slice type;
	struct slice expression;
	struct slice result;
} rows[] = {
	{{.method = MASK_NONE}, SLICE("INTEGER"), SLICE_NONE, SLICE("INTEGER")},
	{{.method = MASK_NULL}, SLICE("DECIMAL(12,2)"), SLICE("CAST(NULL AS DECIMAL(12,2))"),
		SLICE("DECIMAL(12,2)")},
	{{.method = MASK_CONSTANT, .constant = SLICE("it's")}, SLICE("VARCHAR"),
		SLICE("TRY_CAST('it''s' AS VARCHAR)"), SLICE("VARCHAR")},
	{{.method = MASK_PSEUDONYM}, SLICE("INTEGER"),
		SLICE("weft_pseudonym_bigint(CAST(\"a\"\"b\" AS BIGINT))"), SLICE("BIGINT")},
	{{.method = MASK_PSEUDONYM}, SLICE("VARCHAR"),
		SLICE("weft_pseudonym_text(CAST(\"a\"\"b\" AS VARCHAR))"), SLICE("VARCHAR")},
	{{.method = MASK_PSEUDONYM}, SLICE("UUID"),
		SLICE("weft_pseudonym_text(CAST(\"a\"\"b\" AS VARCHAR))"), SLICE("VARCHAR")},
	{{.method = MASK_PSEUDONYM}, SLICE("DOUBLE"), SLICE("CAST(NULL AS DOUBLE)"),
		SLICE("DOUBLE")},
	{{.method = MASK_PSEUDONYM}, SLICE("INTEGER[]"), SLICE("CAST(NULL AS INTEGER[])"),
		SLICE("INTEGER[]")},
	{{.method = MASK_TRUNCATE, .truncate = SLICE("month")}, SLICE("DATE"),
		SLICE("CAST(date_trunc('month', \"a\"\"b\") AS DATE)"), SLICE("DATE")},
	{{.method = MASK_TRUNCATE, .truncate = SLICE("hour")}, SLICE("TIMESTAMP"),
		SLICE("CAST(date_trunc('hour', \"a\"\"b\") AS TIMESTAMP)"), SLICE("TIMESTAMP")},
	{{.method = MASK_TRUNCATE, .truncate = SLICE("hour")}, SLICE("DATE"),
		SLICE("CAST(NULL AS DATE)"), SLICE("DATE")},
	{{.method = MASK_TRUNCATE, .truncate = SLICE("x'); DROP")}, SLICE("DATE"),
		SLICE("CAST(NULL AS DATE)"), SLICE("DATE")},
	{{.method = MASK_TRUNCATE, .truncate = SLICE("10")}, SLICE("INTEGER"),
		SLICE("TRY_CAST(CAST(\"a\"\"b\" AS BIGINT) - (CAST(\"a\"\"b\" AS BIGINT) % 10 + "
		      "10) % 10 AS INTEGER)"),
		SLICE("INTEGER")},
	{{.method = MASK_TRUNCATE, .truncate = SLICE("10")}, SLICE("BIGINT"),
		SLICE("TRY_CAST(CAST(\"a\"\"b\" AS HUGEINT) - (CAST(\"a\"\"b\" AS HUGEINT) % 10 + "
		      "10) % 10 AS BIGINT)"),
		SLICE("BIGINT")},
	{{.method = MASK_TRUNCATE, .truncate = SLICE("100")}, SLICE("DECIMAL(12,2)"),
		SLICE("TRY_CAST(floor(CAST(\"a\"\"b\" AS DOUBLE) / 100) * 100 AS DECIMAL(12,2))"),
		SLICE("DECIMAL(12,2)")},
	{{.method = MASK_TRUNCATE, .truncate = SLICE("0")}, SLICE("INTEGER"),
		SLICE("CAST(NULL AS INTEGER)"), SLICE("INTEGER")},
	{{.method = MASK_TRUNCATE, .truncate = SLICE("-5")}, SLICE("INTEGER"),
		SLICE("CAST(NULL AS INTEGER)"), SLICE("INTEGER")},
	{{.method = MASK_TRUNCATE, .truncate = SLICE("1e3")}, SLICE("INTEGER"),
		SLICE("CAST(NULL AS INTEGER)"), SLICE("INTEGER")},
	{{.method = MASK_TRUNCATE, .truncate = SLICE("10")}, SLICE("VARCHAR"),
		SLICE("CAST(NULL AS VARCHAR)"), SLICE("VARCHAR")},
	{PARTIAL(1, 2, SLICE_NONE), SLICE("INTEGER"), SLICE("CAST(NULL AS INTEGER)"),
		SLICE("INTEGER")},
	{PARTIAL(1, 2, SLICE_NONE), SLICE("VARCHAR"),
		SLICE("(CASE WHEN length(\"a\"\"b\") > 3 THEN left(\"a\"\"b\", 1) || repeat('*', "
		      "length(\"a\"\"b\") - 3) || "
		      "right(\"a\"\"b\", 2) ELSE repeat('*', length(\"a\"\"b\")) END)"),
		SLICE("VARCHAR")},
	{PARTIAL(-5, 9999, SLICE_NONE), SLICE("VARCHAR"),
		SLICE("(CASE WHEN length(\"a\"\"b\") > 64 THEN left(\"a\"\"b\", 0) || repeat('*', "
		      "length(\"a\"\"b\") - 64) || "
		      "right(\"a\"\"b\", 64) ELSE repeat('*', length(\"a\"\"b\")) END)"),
		SLICE("VARCHAR")},
};

static void makes_sql(void **state)
{
	struct arena *arena = arena_new();

	(void)state;
	for (size_t i = 0; i < array_len(rows); i++) {
		struct mask_sql found =
			policy_mask_sql(arena, &rows[i].mask, SLICE("a\"b"), rows[i].type);
		if (!slice_equal(found.expression, rows[i].expression) ||
			!slice_equal(found.type, rows[i].result))
			fail_msg("row %zu: %.*s", i, SLICE_FMT(found.expression));
	}
	struct mask after = PARTIAL(1, 0, SLICE("@"));
	struct mask_sql mail = policy_mask_sql(arena, &after, SLICE("m"), SLICE("VARCHAR"));
	assert_true(slice_find(mail.expression, SLICE("split_part(\"m\", '@', 1)"), 0) != SIZE_MAX);
	assert_true(slice_ends_with(mail.expression,
		SLICE(" || substr(\"m\", length(split_part(\"m\", '@', 1)) + 1))")));
	arena_free(&arena);
}

static void says_what_does_not_fit(void **state)
{
	struct arena *arena = arena_new();
	struct slice why = SLICE_NONE;
	const struct mask truncate = {.method = MASK_TRUNCATE, .truncate = SLICE("year")};
	const struct mask partial = {.method = MASK_PARTIAL};
	const struct mask pseudonym = {.method = MASK_PSEUDONYM};

	(void)state;
	assert_true(policy_mask_fits(arena, &truncate, SLICE("DATE"), &why));
	assert_true(policy_mask_fits(arena, &pseudonym, SLICE("BIGINT"), &why));
	assert_true(slice_is_none(why));
	assert_false(policy_mask_fits(arena, &truncate, SLICE("INTEGER"), &why));
	assert_false(policy_mask_fits(arena, &partial, SLICE("DATE"), &why));
	assert_false(policy_mask_fits(arena, &pseudonym, SLICE("BOOLEAN"), &why));
	assert_true(slice_find(why, SLICE("BOOLEAN"), 0) != SIZE_MAX);
	arena_free(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(makes_sql),
		cmocka_unit_test(says_what_does_not_fit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
