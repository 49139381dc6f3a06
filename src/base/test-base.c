/* Table-driven checks of base: what other layers lean on without looking. */
#include "base/testing.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/json.h"
#include "base/map.h"
#include "base/pgproc.h"
#include "base/str.h"
#include "base/vec.h"

static void test_numbers(void **state)
{
	static const struct {
		const char *text;
		bool ok;
		int64_t value;
	} rows[] = {
		{"0", true, 0},
		{"-1", true, -1},
		{"9223372036854775807", true, INT64_MAX},
		{"-9223372036854775808", true, INT64_MIN},
		{"9223372036854775808", false, 0},
		{"", false, 0},
		{"-", false, 0},
		{"1 ", false, 0},
		{"0x1", false, 0},
	};

	(void)state;
	for (size_t i = 0; i < array_len(rows); i++) {
		int64_t value = 0;

		assert_int_equal(slice_to_i64(slice_from_c(rows[i].text), &value), rows[i].ok);
		assert_int_equal(value, rows[i].value);
	}
}

static void test_utf8(void **state)
{
	(void)state;
	assert_true(slice_is_utf8(SLICE("h\xc3\xa9llo \xf0\x9f\x98\x80")));
	assert_false(slice_is_utf8(SLICE("\xc0\x80")));		/* overlong */
	assert_false(slice_is_utf8(SLICE("\xed\xa0\x80")));	/* surrogate */
	assert_false(slice_is_utf8(SLICE("\xf4\x90\x80\x80"))); /* above U+10FFFF */
	assert_false(slice_is_utf8(SLICE("abc\xe2\x82")));	/* cut */
}

static void test_slices(void **state)
{
	struct slice rest = SLICE("a,b,,c");

	(void)state;
	assert_true(slice_equal_c(slice_folder(SLICE("a/b/c.yaml")), "a/b"));
	assert_int_equal(slice_folder(SLICE("c.yaml")).len, 0);
	assert_true(slice_equal_c(slice_split(&rest, ','), "a"));
	assert_true(slice_equal_c(slice_split(&rest, ','), "b"));
	assert_true(slice_equal_c(slice_split(&rest, ','), ""));
	assert_true(slice_equal_c(slice_split(&rest, ','), "c"));
	assert_true(slice_is_none(rest));
	assert_int_equal(slice_distance(SLICE("custmer"), SLICE("customer"), 3), 1);
	assert_int_equal(slice_distance(SLICE("abc"), SLICE("xyz"), 2), 3);
	assert_int_equal(slice_find(SLICE("abcabc"), SLICE("bc"), 2), 4);
}

static void test_quoting(void **state)
{
	struct arena *arena = arena_new();
	struct str s = str_in(arena);

	(void)state;
	str_add_sql_ident(&s, SLICE("a\"b"));
	str_add_sql_literal(&s, SLICE("it's"));
	str_add_json(&s, SLICE("\"\n\x01\xc3\xa9"));
	assert_string_equal(s.ptr, "\"a\"\"b\"'it''s'\"\\\"\\n\\u0001\xc3\xa9\"");
	arena_free(&arena);
}

static void test_arena_mark(void **state)
{
	struct arena *arena = arena_new();
	char *kept = arena_cstr(arena, SLICE("kept"));
	struct arena_mark mark = arena_mark(arena);

	(void)state;
	for (int i = 0; i < 100; i++)
		memset(arena_alloc(arena, 5000), 1, 5000);
	arena_rewind(arena, mark);
	assert_string_equal(kept, "kept");
	assert_true(arena_bytes(arena) <= 4096 + 16);
	arena_free(&arena);
}

static void test_map(void **state)
{
	static int numbers[1001];
	struct arena *arena = arena_new();
	struct map map = map_in(arena);

	(void)state;
	for (int i = 1; i <= 1000; i++)
		assert_null(map_put(&map, arena_printf(arena, "key-%d", i), &numbers[i]));
	assert_ptr_equal(map_get(&map, SLICE("key-777")), &numbers[777]);
	assert_null(map_get(&map, SLICE("key-0")));
	assert_ptr_equal(map_put(&map, SLICE("key-1"), &numbers[5]), &numbers[1]);
	assert_ptr_equal(map_get(&map, SLICE("key-1")), &numbers[5]);
	assert_int_equal(map.len, 1000);
	arena_free(&arena);
}

static void test_errors(void **state)
{
	struct error err;

	(void)state;
	assert_false(error_set(&err, UNDEFINED_TABLE, "no table %s", "x"));
	error_wrap(&err, "plan");
	assert_string_equal(err.msg, "plan: no table x");
	assert_string_equal(sqlstate_table[err.state].code, "42P01");
	assert_int_equal(sqlstate_from_code("42P01"), SQLSTATE_UNDEFINED_TABLE);
	error_set_errno(&err, 28, "write file");
	assert_int_equal(err.state, SQLSTATE_DISK_FULL);
}

static void test_json(void **state)
{
	struct error err;
	struct arena *arena = arena_new();
	json_t *value = json_parse(SLICE("{\"b\":[1,2],\"a\":\"x\"}"), &err);

	(void)state;
	assert_non_null(value);
	assert_true(slice_equal_c(json_get_slice(value, "a"), "x"));
	assert_true(slice_is_none(json_get_slice(value, "b")));
	assert_true(slice_equal_c(json_print(arena, value), "{\"b\":[1,2],\"a\":\"x\"}"));
	json_drop(&value);
	assert_null(json_parse(SLICE("{\"a\":1,\"a\":2}"), &err));
	assert_null(json_parse(SLICE("1 2"), &err));
	arena_free(&arena);
}

static void test_clock(void **state)
{
	char text[CLOCK_TEXT_BYTES];

	(void)state;
	clock_format(1769903999123456, text);
	assert_string_equal(text, "2026-01-31T23:59:59.123456Z");
	clock_format(-1, text);
	assert_string_equal(text, "1969-12-31T23:59:59.999999Z");
}

static void test_vec(void **state)
{
	struct arena *arena = arena_new();
	VEC(int) numbers = {0};
	int sum = 0;

	(void)state;
	for (int i = 0; i < 100; i++)
		vec_push(arena, &numbers, i);
	vec_each (int, n, &numbers)
		sum += *n;
	assert_int_equal(sum, 4950);
	arena_free(&arena);
}

static void test_functions_of_types(void **state)
{
	static const struct {
		uint32_t type;
		enum pgproc_role role;
		const char *name;
	} CASES[] = {{23, PGPROC_RECV, "int4recv"}, {1184, PGPROC_SEND, "timestamptz_send"},
		{1007, PGPROC_IN, "array_in"}, {790, PGPROC_OUT, "cash_out"},
		{3904, PGPROC_RECV, "range_recv"}};
	char name[PGPROC_NAME_MAX];

	(void)state;
	for (size_t i = 0; i < array_len(CASES); i++) {
		assert_true(pgproc_name(pgproc_of_type(CASES[i].type, CASES[i].role), name));
		assert_string_equal(name, CASES[i].name);
	}
	assert_false(pgproc_name(0, name));
	assert_false(pgproc_name(UINT32_MAX, name));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_utf8),
		cmocka_unit_test(test_slices),
		cmocka_unit_test(test_quoting),
		cmocka_unit_test(test_arena_mark),
		cmocka_unit_test(test_map),
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_json),
		cmocka_unit_test(test_clock),
		cmocka_unit_test(test_vec),
		cmocka_unit_test(test_functions_of_types),
	};

	return cmocka_run_group_tests_name("base", tests, NULL, NULL);
}
