#include "base/testing.h"

#include "worker/rewrite.h"

struct at_row {
	const char *text;
	int64_t location;
	const char *name;
	const char *alias;
	const char *expected; /* NULL = refused */
};

static const struct at_row at_rows[] = {
	{"select * from s.o at (version => 3) where a", 14, NULL, NULL,
		"select * from s.o                   where a"},
	{"select * from s.o x AT (TIMESTAMP => now(')')) t", 14, NULL, NULL,
		"select * from s.o x                            t"},
	{"select * from \"s\".\"o at\" as x at(version=>3)", 14, "o@3", NULL,
		"select * from \"s\".\"o@3\" as x               "},
	{"select * from o at (version => 3)", 14, "o@3", "o",
		"select * from \"o@3\" AS \"o\"                  "},
	{"select * from o /* at ( */ at (version => 3)", 14, NULL, NULL,
		"select * from o /* at ( */                  "},
	{"select * from o where a", 14, NULL, NULL, NULL},
	{"select * from o at (version => 3", 14, NULL, NULL, NULL},
	{"select * from o", 99, NULL, NULL, NULL},
};

static void test_at(void **state)
{
	(void)state;
	scoped(arena_free) struct arena *arena = arena_new();
	for (size_t i = 0; i < array_len(at_rows); i++) {
		const struct at_row *row = &at_rows[i];
		struct rewrite_at at = {
			row->location, slice_from_c(row->name), slice_from_c(row->alias)};
		struct slice out;
		struct error err;
		bool ok = rewrite_at(arena, slice_from_c(row->text), &at, 1, &out, &err);
		assert_int_equal(ok, row->expected != NULL);
		if (ok)
			assert_string_equal(arena_cstr(arena, out), row->expected);
	}
}

struct text_row {
	const char *text;
	const char *expected;
};

static const struct text_row catalog_rows[] = {
	{"select 1", "select 1"},
	{"select * from pg_catalog.pg_class c", "select * from __pg_catalog.pg_class c"},
	{"select * from pg_class, pg_type",
		"select * from __pg_catalog.pg_class, __pg_catalog.pg_type"},
	{"select pg_class.oid from pg_class", "select pg_class.oid from __pg_catalog.pg_class"},
	{"select 'pg_class', \"pg_class\"", "select 'pg_class', \"pg_class\""},
	{"a OPERATOR(pg_catalog.~) '^(x)$' COLLATE pg_catalog.default", "a ~ '^(x)$' "},
	{"select x::pg_catalog.text, y::pg_catalog.\"char\"", "select x::text, y::VARCHAR"},
	{"select pg_catalog.lower(x)", "select lower(x)"},
	{"select pg_catalog.pg_table_is_visible(c.oid)", "select true"},
	{"select pg_catalog.pg_get_expr(pg_catalog.lower(a), b)", "select (lower(a))"},
	{"select x::regproc::text", "select x::VARCHAR::text"},
	{"select f(a, b)::oid", "select f(a, b)::BIGINT"},
	{"from generate_series(1, 2) s where s > 1", "from generate_series(1, 2) s(s) where s > 1"},
	{"select cast(x as pg_catalog.oid)", "select CAST(x  AS BIGINT)"},
	{"select * from information_schema.tables", "select * from __information_schema.tables"},
};

static void test_catalog(void **state)
{
	(void)state;
	scoped(arena_free) struct arena *arena = arena_new();
	for (size_t i = 0; i < array_len(catalog_rows); i++) {
		struct slice out;
		struct error err;
		assert_true(rewrite_catalog(arena, slice_from_c(catalog_rows[i].text), &out, &err));
		assert_string_equal(arena_cstr(arena, out), catalog_rows[i].expected);
	}
}

static void test_catalog_unterminated(void **state)
{
	(void)state;
	scoped(arena_free) struct arena *arena = arena_new();
	struct slice out;
	struct error err;
	assert_false(rewrite_catalog(arena, SLICE("select 'x"), &out, &err));
	assert_int_equal(err.state, SQLSTATE_SYNTAX_ERROR);
}

static void test_params(void **state)
{
	(void)state;
	scoped(arena_free) struct arena *arena = arena_new();
	struct slice types[] = {SLICE("INTEGER"), SLICE("VARCHAR")};
	struct slice out = rewrite_params(
		arena, SLICE("select $1, '$2', $2 -- $1\n, $3"), types, array_len(types));
	assert_string_equal(arena_cstr(arena, out),
		"select CAST($1 AS INTEGER), '$2', CAST($2 AS VARCHAR) -- $1\n, $3");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_at),
		cmocka_unit_test(test_catalog),
		cmocka_unit_test(test_catalog_unterminated),
		cmocka_unit_test(test_params),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
