/* Types and constants: what passes must be what DuckDB makes of it, everything else must not pass.
 */
#include "base/testing.h"

#include "sql/literal.h"
#include "sql/sql.h"

static void names_types(void **state)
{
	static const struct {
		struct slice text;
		enum type_group group;
		int width, scale;
	} rows[] = {
		{SLICE("INTEGER"), TYPE_INTEGER, 0, 0},
		{SLICE("bigint"), TYPE_INTEGER, 0, 0},
		{SLICE("DECIMAL(12,2)"), TYPE_DECIMAL, 12, 2},
		{SLICE("DECIMAL(12, 2)"), TYPE_DECIMAL, 12, 2},
		{SLICE("DECIMAL(9)"), TYPE_DECIMAL, 9, 0},
		{SLICE("DECIMAL"), TYPE_DECIMAL, 18, 3},
		{SLICE("DECIMAL(12,2)[]"), TYPE_OTHER, 0, 0},
		{SLICE("DECIMAL(x,2)"), TYPE_OTHER, 0, 0},
		{SLICE("DECIMAL(12,x)"), TYPE_OTHER, 0, 0},
		{SLICE("DECIMAL(99,2)"), TYPE_OTHER, 0, 0},
		{SLICE("DECIMALS"), TYPE_OTHER, 0, 0},
		{SLICE("DECIMAL(1"), TYPE_OTHER, 0, 0},
		{SLICE("INTEGER[]"), TYPE_OTHER, 0, 0},
		{SLICE("STRUCT(a INTEGER)"), TYPE_OTHER, 0, 0},
		{SLICE("TIMESTAMP WITH TIME ZONE"), TYPE_TIMESTAMPTZ, 0, 0},
		{SLICE("TIMESTAMP_NS"), TYPE_OTHER, 0, 0},
		{SLICE(""), TYPE_OTHER, 0, 0},
	};

	(void)state;
	for (size_t i = 0; i < array_len(rows); i++) {
		struct type_info info = type_of(rows[i].text);
		assert_int_equal(info.group, rows[i].group);
		if (rows[i].group != TYPE_DECIMAL)
			continue;
		assert_int_equal(info.width, rows[i].width);
		assert_int_equal(info.scale, rows[i].scale);
	}
}

static void reads_dates(void **state)
{
	static const struct {
		const char *text;
		bool ok;
		int64_t days;
	} rows[] = {
		{"1970-01-01", true, 0},
		{"1969-12-31", true, -1},
		{"2000-02-29", true, 11016},
		{"2026-01-31", true, 20484},
		{"0001-01-01", true, -719162},
		{"9999-12-31", true, 2932896},
		{"1900-02-29", false, 0},
		{"2026-02-30", false, 0},
		{"2026-13-01", false, 0},
		{"2026-00-01", false, 0},
		{"2026-01-00", false, 0},
		{"0000-01-01", false, 0},
		{"2026-1-1", false, 0},
		{"2026-01-01 ", false, 0},
		{"2026/01/01", false, 0},
		{"infinity", false, 0},
		{"epoch", false, 0},
		{"", false, 0},
	};

	(void)state;
	for (size_t i = 0; i < array_len(rows); i++) {
		int64_t days = 0;
		assert_int_equal(date_parse(slice_from_c(rows[i].text), &days), rows[i].ok);
		if (rows[i].ok)
			assert_int_equal(days, rows[i].days);
	}
}

static void reads_timestamps(void **state)
{
	static const struct {
		const char *text;
		bool zoned, ok;
		int64_t us;
	} rows[] = {
		{"1970-01-01", false, true, 0},
		{"1970-01-01 00:00", false, true, 0},
		{"1970-01-01T00:00:01", false, true, 1000000},
		{"1970-01-01 00:00:00.5", false, true, 500000},
		{"1970-01-01 23:59:59.999999", false, true, 86399999999},
		{"1969-12-31 23:59:59.999999", false, true, -1},
		{"1970-01-01 00:00:00Z", true, true, 0},
		{"1970-01-01 02:00:00+02", true, true, 0},
		{"1970-01-01 02:30:00+02:30", true, true, 0},
		{"1969-12-31 22:00:00-02", true, true, 0},
		{"1970-01-01 00:00:00", true, false, 0},
		{"1970-01-01 00:00:00Z", false, false, 0},
		{"1970-01-01 00:00:00+15", true, false, 0},
		{"1970-01-01 00:00:00+02:60", true, false, 0},
		{"1970-01-01 00:00:00+2", true, false, 0},
		{"1970-01-01 24:00:00", false, false, 0},
		{"1970-01-01 00:60:00", false, false, 0},
		{"1970-01-01 00:00:60", false, false, 0},
		{"1970-01-01 00:00:00.", false, false, 0},
		{"1970-01-01 00:00:00.1234567", false, false, 0},
		{"1970-01-01 ", false, false, 0},
		{"1970-01-01x00:00", false, false, 0},
		{"1970-01-01 1:00", false, false, 0},
		{"now", false, false, 0},
	};

	(void)state;
	for (size_t i = 0; i < array_len(rows); i++) {
		int64_t us = 0;
		assert_int_equal(timestamp_parse(slice_from_c(rows[i].text), rows[i].zoned, &us),
			rows[i].ok);
		if (rows[i].ok)
			assert_int_equal(us, rows[i].us);
	}
}

static void reads_decimals(void **state)
{
	static const struct {
		const char *text;
		int scale;
		bool ok;
		int64_t value;
	} rows[] = {
		{"1.5", 2, true, 150},
		{"-1.5", 2, true, -150},
		{"1.500", 1, true, 15},
		{"0", 0, true, 0},
		{"0.05", 2, true, 5},
		{"1.55", 1, false, 0},
		{"1.", 1, false, 0},
		{".5", 1, false, 0},
		{"", 1, false, 0},
		{"1e3", 1, false, 0},
		{"1 ", 1, false, 0},
		{"1.x", 2, false, 0},
		{"9999999999999999", 2, true, 999999999999999900},
		{"99999999999999999", 2, false, 0},
	};

	(void)state;
	for (size_t i = 0; i < array_len(rows); i++) {
		int64_t value = 0;
		assert_int_equal(decimal_parse(slice_from_c(rows[i].text), rows[i].scale, &value),
			rows[i].ok);
		if (rows[i].ok)
			assert_int_equal(value, rows[i].value);
	}
}

static void reads_others(void **state)
{
	bool truth = false;

	(void)state;
	assert_true(uuid_is_valid(SLICE("00112233-4455-6677-8899-aAbBcCdDeEfF")));
	assert_false(uuid_is_valid(SLICE("00112233-4455-6677-8899-aabbccddeef")));
	assert_false(uuid_is_valid(SLICE("00112233-4455-6677-8899_aabbccddeeff")));
	assert_false(uuid_is_valid(SLICE("0011223g-4455-6677-8899-aabbccddeeff")));
	assert_true(boolean_parse(SLICE("T"), &truth) && truth);
	assert_true(boolean_parse(SLICE("false"), &truth) && !truth);
	assert_false(boolean_parse(SLICE("yes"), &truth));
}

/* Which literals may be compared with which column type; the text is what goes below the barrier.
 */
static void prints_conjuncts(void **state)
{
	static const struct {
		const char *type; /* of the literal */
		const char *text;
		const char *column;
		const char *expected; /* NULL = not leak-proof */
	} rows[] = {
		{"INTEGER", "5", "INTEGER", "CAST('5' AS INTEGER)"},
		{"INTEGER", "5", "BIGINT", "CAST('5' AS BIGINT)"},
		{"INTEGER", "300", "TINYINT", NULL},
		{"INTEGER", "-1", "UINTEGER", NULL},
		{"BIGINT", "5000000000", "INTEGER", NULL},
		{"BIGINT", "5000000000", "BIGINT", "CAST('5000000000' AS BIGINT)"},
		{"VARCHAR", "5", "INTEGER", NULL},
		{"DECIMAL", "5.0", "INTEGER", NULL},
		{"DOUBLE", "5", "INTEGER", NULL},
		{"INTEGER", "5", "DECIMAL(12,2)", "CAST('5' AS DECIMAL(12,2))"},
		{"DECIMAL", "5.25", "DECIMAL(12,2)", "CAST('5.25' AS DECIMAL(12,2))"},
		{"DECIMAL", "5.255", "DECIMAL(12,2)", NULL},
		{"DECIMAL", "1000.00", "DECIMAL(5,2)", NULL},
		{"DECIMAL", "5.25", "DECIMAL(20,2)", NULL},
		{"INTEGER", "5", "DOUBLE", "CAST('5' AS DOUBLE)"},
		{"BIGINT", "9007199254740993", "DOUBLE", NULL},
		{"DECIMAL", "5.5", "DOUBLE", NULL},
		{"VARCHAR", "it's", "VARCHAR", "'it''s'"},
		{"INTEGER", "5", "VARCHAR", NULL},
		{"DATE", "2026-01-31", "VARCHAR", NULL},
		{"BOOLEAN", "t", "BOOLEAN", "CAST('t' AS BOOLEAN)"},
		{"VARCHAR", "t", "BOOLEAN", NULL},
		{"DATE", "2026-01-31", "DATE", "CAST('2026-01-31' AS DATE)"},
		{"VARCHAR", "2026-01-31", "DATE", "CAST('2026-01-31' AS DATE)"},
		{"VARCHAR", "x", "DATE", NULL},
		{"TIMESTAMP", "2026-01-31", "DATE", NULL},
		{"DATE", "2026-01-31", "TIMESTAMP", "CAST('2026-01-31' AS TIMESTAMP)"},
		{"TIMESTAMP", "2026-01-31 10:00:00", "TIMESTAMP",
			"CAST('2026-01-31 10:00:00' AS TIMESTAMP)"},
		{"TIMESTAMP", "2026-01-31 10:00:00+02", "TIMESTAMP", NULL},
		{"TIMESTAMP WITH TIME ZONE", "2026-01-31 10:00:00+02", "TIMESTAMP WITH TIME ZONE",
			"CAST('2026-01-31 10:00:00+02' AS TIMESTAMP WITH TIME ZONE)"},
		{"TIMESTAMP WITH TIME ZONE", "2026-01-31 10:00:00", "TIMESTAMP WITH TIME ZONE",
			NULL},
		{"VARCHAR", "00112233-4455-6677-8899-aabbccddeeff", "UUID",
			"CAST('00112233-4455-6677-8899-aabbccddeeff' AS UUID)"},
		{"VARCHAR", "x", "UUID", NULL},
		{"INTEGER", "5", "INTEGER[]", NULL},
		{"BLOB", "x", "BLOB", NULL},
	};
	struct arena *arena = arena_new();

	(void)state;
	for (size_t i = 0; i < array_len(rows); i++) {
		const struct sql_literal literal = {
			slice_from_c(rows[i].type), slice_from_c(rows[i].text)};
		const struct sql_conjunct conjunct = {SLICE("a\"b"), SQL_EQUAL, &literal, 1};
		struct slice text = SLICE_NONE;
		bool safe =
			sql_conjunct_text(arena, &conjunct, slice_from_c(rows[i].column), &text);
		if (safe != (rows[i].expected != NULL))
			fail_msg("%s %s against %s", rows[i].type, rows[i].text, rows[i].column);
		if (safe)
			assert_true(slice_equal(
				text, arena_printf(arena, "(\"a\"\"b\" = %s)", rows[i].expected)));
	}
	arena_free(&arena);
}

static void prints_operators(void **state)
{
	static const struct sql_literal two[] = {
		{SLICE("INTEGER"), SLICE("1")}, {SLICE("INTEGER"), SLICE("2")}};
	static const struct {
		struct sql_conjunct conjunct;
		const char *expected;
	} rows[] = {
		{{SLICE("a"), SQL_BETWEEN, two, 2},
			"(\"a\" BETWEEN CAST('1' AS BIGINT) AND CAST('2' AS BIGINT))"},
		{{SLICE("a"), SQL_IN, two, 2},
			"(\"a\" IN (CAST('1' AS BIGINT), CAST('2' AS BIGINT)))"},
		{{SLICE("a"), SQL_IS_NULL, NULL, 0}, "(\"a\" IS NULL)"},
		{{SLICE("a"), SQL_IS_NOT_NULL, NULL, 0}, "(\"a\" IS NOT NULL)"},
		{{SLICE("a"), SQL_LESS_EQUAL, two, 1}, "(\"a\" <= CAST('1' AS BIGINT))"},
	};
	struct arena *arena = arena_new();

	(void)state;
	for (size_t i = 0; i < array_len(rows); i++) {
		struct slice text = SLICE_NONE;
		assert_true(sql_conjunct_text(arena, &rows[i].conjunct, SLICE("BIGINT"), &text));
		assert_true(slice_equal_c(text, rows[i].expected));
	}
	arena_free(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_types),
		cmocka_unit_test(reads_dates),
		cmocka_unit_test(reads_timestamps),
		cmocka_unit_test(reads_decimals),
		cmocka_unit_test(reads_others),
		cmocka_unit_test(prints_conjuncts),
		cmocka_unit_test(prints_operators),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
