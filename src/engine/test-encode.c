/* Values of every type through the engine into each form; expected texts are PostgreSQL 15's. */
#include "base/testing.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/str.h"
#include "engine/encode.h"
#include "engine/engine-private.h"

static struct engine *engine;

struct value_row {
	const char *sql;
	uint32_t oid;
	const char *text;
	const char *json;
	const char *binary; /* hex; NULL = not checked */
};

static const struct value_row value_rows[] = {
	{"true", 16, "t", "true", "01"},
	{"CAST(-7 AS TINYINT)", 21, "-7", "-7", "fff9"},
	{"CAST(200 AS UTINYINT)", 21, "200", "200", "00c8"},
	{"42", 23, "42", "42", "0000002a"},
	{"CAST(4294967295 AS UINTEGER)", 20, "4294967295", "4294967295", "00000000ffffffff"},
	{"CAST(-9223372036854775808 AS BIGINT)", 20, "-9223372036854775808", "-9223372036854775808",
		"8000000000000000"},
	{"CAST(18446744073709551615 AS UBIGINT)", 1700, "18446744073709551615",
		"18446744073709551615",
		"00050004000000000734"
		"1a5802e103bb064f"},
	{"CAST('-170141183460469231731687303715884105728' AS HUGEINT)", 1700,
		"-170141183460469231731687303715884105728",
		"-170141183460469231731687303715884105728", NULL},
	{"CAST(12345.678 AS DECIMAL(12,3))", 1700, "12345.678", "12345.678",
		"00030001000000030001"
		"0929"
		"1a7c"},
	{"CAST(-0.05 AS DECIMAL(4,2))", 1700, "-0.05", "-0.05", "0001ffff4000000201f4"},
	{"CAST(0 AS DECIMAL(4,2))", 1700, "0.00", "0.00", "0000000000000002"},
	{"CAST(100000000 AS DECIMAL(12,0))", 1700, "100000000", "100000000",
		"00010002000000000001"},
	{"CAST(0.1 AS DOUBLE)", 701, "0.1", "0.1", "3fb999999999999a"},
	{"CAST(1e15 AS DOUBLE)", 701, "1e+15", "1e+15", NULL},
	{"CAST(123456789012345.6 AS DOUBLE)", 701, "123456789012345.6", "123456789012345.6", NULL},
	{"CAST(1e-5 AS DOUBLE)", 701, "1e-05", "1e-05", NULL},
	{"CAST(5e-324 AS DOUBLE)", 701, "5e-324", "5e-324", NULL},
	{"CAST('nan' AS DOUBLE)", 701, "NaN", "\"NaN\"", NULL},
	{"CAST('-inf' AS FLOAT)", 700, "-Infinity", "\"-Infinity\"", "ff800000"},
	{"CAST(1.1 AS FLOAT)", 700, "1.1", "1.1", "3f8ccccd"},
	{"DATE '2000-01-02'", 1082, "2000-01-02", "\"2000-01-02\"", "00000001"},
	{"DATE '0044-03-15 (BC)'", 1082, "0044-03-15 BC", "\"0044-03-15 BC\"", NULL},
	{"CAST('infinity' AS DATE)", 1082, "infinity", "\"infinity\"", "7fffffff"},
	{"TIME '12:34:56.789'", 1083, "12:34:56.789", "\"12:34:56.789\"", "0000000a8be62608"},
	{"TIMETZ '12:34:56+02'", 1266, "12:34:56+02", "\"12:34:56+02\"", NULL},
	{"TIMESTAMP '2000-01-01 00:00:00.12'", 1114, "2000-01-01 00:00:00.12",
		"\"2000-01-01T00:00:00.12\"", "000000000001d4c0"},
	{"TIMESTAMP '1999-12-31 23:59:59.999999'", 1114, "1999-12-31 23:59:59.999999",
		"\"1999-12-31T23:59:59.999999\"", "ffffffffffffffff"},
	{"CAST('1969-12-31 23:59:59.9999999' AS TIMESTAMP_NS)", 1114, "1969-12-31 23:59:59.999999",
		"\"1969-12-31T23:59:59.999999\"", NULL},
	{"TIMESTAMPTZ '2026-07-01 12:00:00+02'", 1184, "2026-07-01 10:00:00+00",
		"\"2026-07-01T10:00:00Z\"", NULL},
	{"CAST('-infinity' AS TIMESTAMP)", 1114, "-infinity", "\"-infinity\"", "8000000000000000"},
	{"INTERVAL '1 year 2 months -3 days 04:05:06.5'", 1186, "1 year 2 mons -3 days +04:05:06.5",
		"\"1 year 2 mons -3 days +04:05:06.5\"", "000000036c9361a0fffffffd0000000e"},
	{"INTERVAL '0 days'", 1186, "00:00:00", "\"00:00:00\"", NULL},
	{"INTERVAL '1234 hours'", 1186, "1234:00:00", "\"1234:00:00\"", NULL},
	{"'a\"b\\\n'", 25, "a\"b\\\n", "\"a\\\"b\\\\\\n\"", "6122625c0a"},
	{"''", 25, "", "\"\"", ""},
	{"CAST('a' AS ENUM('b', 'a'))", 25, "a", "\"a\"", "61"},
	{"CAST('\\x00\\xFF' AS BLOB)", 17, "\\x00ff", "\"AP8=\"", "00ff"},
	{"UUID '6f4bba4e-2d62-4b6e-8d0b-7f0a3b0f9f10'", 2950,
		"6f4bba4e-2d62-4b6e-8d0b-7f0a3b0f9f10", "\"6f4bba4e-2d62-4b6e-8d0b-7f0a3b0f9f10\"",
		"6f4bba4e2d624b6e8d0b7f0a3b0f9f10"},
	{"CAST('{\"a\": 1}' AS JSON)", 114, "{\"a\": 1}", "{\"a\": 1}", NULL},
	{"CAST('101' AS BIT)", 1562, "101", "\"101\"", "00000003a0"},
	{"[1, NULL, 3]", 1007, "{1,NULL,3}", "[1,null,3]",
		"0000000100000001000000170000000300000001000000040000000"
		"1ffffffff0000000400000003"},
	{"['a', 'b c', '', 'null', 'x\"y', NULL]", 1009,
		"{a,\"b c\",\"\",\"null\",\"x\\\"y\",NULL}",
		"[\"a\",\"b c\",\"\",\"null\",\"x\\\"y\",null]", NULL},
	{"CAST([1.5, 2] AS FLOAT[2])", 1021, "{1.5,2}", "[1.5,2]", NULL},
	{"[[1], [2, NULL]]", 114, "[[1],[2,null]]", "[[1],[2,null]]", NULL},
	{"{'a': 1, 'b': [true]}", 114, "{\"a\":1,\"b\":[true]}", "{\"a\":1,\"b\":[true]}", NULL},
	{"MAP {'k': 2}", 114, "{\"k\":2}", "{\"k\":2}", NULL},
	{"CAST(union_value(n := 5) AS UNION(n INTEGER, s VARCHAR))", 114, "5", "5", NULL},
};

static char *hex_of(struct arena *arena, const struct buffer *bytes)
{
	struct str out = str_in(arena);
	str_add_c(&out, "");
	for (size_t i = 0; i < bytes->len; i++)
		str_printf(&out, "%02x", (unsigned char)bytes->ptr[i]);
	return arena_cstr(arena, str_slice(&out));
}

static void check_row(struct arena *arena, const struct value_row *row)
{
	struct engine_result *result = NULL;
	struct error err;
	size_t rows;
	size_t columns;
	struct slice sql = arena_printf(arena, "SELECT %s", row->sql);
	if (!engine_query(engine, sql, &result, &err) || !engine_result_next(result, &rows, &err))
		fail_msg("%s: %s", row->sql, err.msg);
	struct buffer text = {0};
	struct buffer json = {0};
	struct buffer binary = {0};
	encode_text(&text, &result->views[0], 0);
	encode_json(&json, &result->views[0], 0);
	encode_binary(&binary, &result->views[0], 0);
	assert_int_equal(engine_result_columns(result, &columns)[0].oid, row->oid);
	assert_string_equal(arena_cstr(arena, slice_of(text.ptr, text.len)), row->text);
	assert_string_equal(arena_cstr(arena, slice_of(json.ptr, json.len)), row->json);
	if (row->binary)
		assert_string_equal(hex_of(arena, &binary), row->binary);
	buffer_fini(&text);
	buffer_fini(&json);
	buffer_fini(&binary);
	engine_result_free(&result);
}

static void test_values(void **state)
{
	(void)state;
	scoped(arena_free) struct arena *arena = arena_new();
	for (size_t i = 0; i < array_len(value_rows); i++)
		check_row(arena, &value_rows[i]);
}

struct form_row {
	struct encode_options options;
	const char *sql;
	const char *expected;
};

static const struct form_row form_rows[] = {
	{{.format = ENCODE_CSV}, "SELECT 1 AS a, 'x,\"y\"' AS \"b,c\", NULL AS d",
		"a,\"b,c\",d\r\n1,\"x,\"\"y\"\"\",\r\n"},
	{{.format = ENCODE_JSON}, "SELECT 1 AS a, NULL AS b", "[\n{\"a\":1,\"b\":null}\n]\n"},
	{{.format = ENCODE_JSON}, "SELECT 1 AS a WHERE false", "[]\n"},
	{{.format = ENCODE_NDJSON}, "SELECT unnest([1, 2]) AS a", "{\"a\":1}\n{\"a\":2}\n"},
	{{.format = ENCODE_CSV}, "SELECT '' AS a", "a\r\n\"\"\r\n"},
};

static void test_forms(void **state)
{
	(void)state;
	scoped(arena_free) struct arena *arena = arena_new();
	for (size_t i = 0; i < array_len(form_rows); i++) {
		struct engine_result *result = NULL;
		struct encoder *encoder = NULL;
		struct buffer out = {0};
		struct error err;
		size_t rows;
		assert_true(engine_query(engine, slice_from_c(form_rows[i].sql), &result, &err));
		assert_true(encoder_new(result, &form_rows[i].options, &encoder, &err));
		assert_true(encoder_begin(encoder, &out, &err));
		while (engine_result_next(result, &rows, &err) && rows > 0)
			assert_true(encoder_rows(encoder, &out, 0, rows, &err));
		assert_true(encoder_end(encoder, &out, &err));
		assert_string_equal(
			arena_cstr(arena, slice_of(out.ptr, out.len)), form_rows[i].expected);
		buffer_fini(&out);
		encoder_free(&encoder);
		engine_result_free(&result);
	}
}

struct error_row {
	const char *sql;
	enum sqlstate state;
	int position;
};

static const struct error_row error_rows[] = {
	{"selec 1", SQLSTATE_SYNTAX_ERROR, 1},
	{"SELECT nope FROM range(1) t(i)", SQLSTATE_UNDEFINED_COLUMN, 8},
	{"SELECT 'ä', nope FROM range(1) t(i)", SQLSTATE_UNDEFINED_COLUMN, 13},
	{"SELECT 1,\n  nope FROM range(1) t(i)", SQLSTATE_UNDEFINED_COLUMN, 13},
	{"SELECT * FROM nope", SQLSTATE_UNDEFINED_TABLE, 15},
	{"SELECT nope(1)", SQLSTATE_UNDEFINED_FUNCTION, 8},
	{"SELECT CAST('x' AS INTEGER)", SQLSTATE_INVALID_TEXT_REPRESENTATION, 8},
	{"SELECT 1; SELECT 2", SQLSTATE_SYNTAX_ERROR, 0},
	{"SELECT * FROM read_parquet('/nonexistent/s3cret.parquet')", SQLSTATE_IO_ERROR, -1},
	{"SELECT (SELECT * FROM range(3))", SQLSTATE_CARDINALITY_VIOLATION, -1},
};

static void test_errors(void **state)
{
	(void)state;
	for (size_t i = 0; i < array_len(error_rows); i++) {
		struct engine_result *result = NULL;
		struct error err;
		size_t rows;
		bool ok = engine_query(engine, slice_from_c(error_rows[i].sql), &result, &err) &&
			  engine_result_next(result, &rows, &err);
		engine_result_free(&result);
		assert_false(ok);
		if (err.state != error_rows[i].state)
			fail_msg("%s: %s %s", error_rows[i].sql, sqlstate_table[err.state].code,
				err.msg);
		if (error_rows[i].position >= 0)
			assert_int_equal(err.position, error_rows[i].position);
		assert_null(strchr(err.msg, '\n'));
		assert_null(strstr(err.msg, "Did you mean"));
		assert_null(strstr(err.msg, "s3cret"));
	}
}

static void test_params(void **state)
{
	(void)state;
	struct engine_statement *s = NULL;
	struct error err;
	assert_true(engine_prepare(engine,
		SLICE("SELECT CAST($1 AS DATE), CAST($2 AS DECIMAL(10,2)), $3 = ANY([1, 2])"), &s,
		&err));
	assert_int_equal(engine_statement_param_count(s), 3);
	assert_true(engine_bind(s, 0, 1082, 1, slice_of("\0\0\0\1", 4), &err));
	assert_true(engine_bind(s, 1, 1700, 0, SLICE("12.345"), &err));
	assert_true(engine_bind(s, 2, 23, 1, slice_of("\0\0\0\2", 4), &err));
	assert_false(engine_bind(s, 3, 23, 0, SLICE("1"), &err));
	assert_false(engine_bind(s, 0, 1082, 1, SLICE("abc"), &err));
	assert_int_equal(err.state, SQLSTATE_INVALID_BINARY_REPRESENTATION);
	assert_false(engine_bind(s, 0, 1082, 0, SLICE("abc"), &err));
	assert_true(engine_bind(s, 0, 1082, 1, slice_of("\0\0\0\1", 4), &err));
	struct engine_result *result = NULL;
	size_t rows;
	scoped(arena_free) struct arena *arena = arena_new();
	assert_true(engine_execute(s, &result, &err));
	assert_true(engine_result_next(result, &rows, &err));
	assert_string_equal(
		arena_cstr(arena, engine_value_text(result, arena, 0, 0)), "2000-01-02");
	assert_string_equal(arena_cstr(arena, engine_value_text(result, arena, 1, 0)), "12.35");
	assert_int_equal(engine_value_i64(result, 2, 0, 0), 1);
	engine_result_free(&result);
	engine_statement_free(&s);
}

static int set_up(void **state)
{
	(void)state;
	struct engine_options options = {.threads = 1};
	struct error err;
	return engine_open(&options, &engine, &err) && encode_set_time_zone("UTC", &err) ? 0 : 1;
}

static int tear_down(void **state)
{
	(void)state;
	engine_close(&engine);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_forms),
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_params),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
