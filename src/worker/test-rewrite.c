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

static const struct at_row database_rows[] = {
	{"select * from shop.s.o where a", 14, NULL, NULL, "select * from      s.o where a"},
	{"select * from \"the shop\" . s.\"o\"", 14, NULL, NULL,
		"select * from              s.\"o\""},
	{"select * from shop.s.o", 14, "o@3", "o", "select * from      s.\"o@3\" AS \"o\""},
	{"select * from s", 14, NULL, NULL, "select * from s"},
	{"select * from (select 1)", 14, NULL, NULL, NULL},
};

/* row: where, and what instead; what: which of the two is blanked out. */
static void check_rows(const struct at_row *rows, size_t count, struct rewrite_at what)
{
	scoped(arena_free) struct arena *arena = arena_new();
	for (size_t i = 0; i < count; i++) {
		const struct at_row *row = &rows[i];
		struct rewrite_at at = what;
		struct slice out;
		struct error err;
		at.location = row->location;
		at.name = slice_from_c(row->name);
		at.alias = slice_from_c(row->alias);
		bool ok = rewrite_at(arena, slice_from_c(row->text), &at, 1, &out, &err);
		assert_int_equal(ok, row->expected != NULL);
		if (ok)
			assert_string_equal(arena_cstr(arena, out), row->expected);
	}
}

static void test_at(void **state)
{
	(void)state;
	check_rows(at_rows, array_len(at_rows), (struct rewrite_at){.clause = true});
}

static void test_database(void **state)
{
	(void)state;
	check_rows(database_rows, array_len(database_rows), (struct rewrite_at){.database = true});
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
	{"from (pg_class join pg_type on true)",
		"from (__pg_catalog.pg_class join __pg_catalog.pg_type on true)"},
	{"select * from shop.information_schema.tables",
		"select * from __information_schema.tables"},
	{"select * from system.information_schema.tables",
		"select * from system.__information_schema.tables"},
	{"a OPERATOR(pg_catalog.~) '^(x)$' COLLATE pg_catalog.default", "a ~ '^(x)$' "},
	{"select x::pg_catalog.text, y::pg_catalog.\"char\"", "select x::text, y::VARCHAR"},
	{"select x::char(3)", "select x::char(3)"},
	{"select pg_catalog.lower(x)", "select lower(x)"},
	{"select pg_catalog.pg_table_is_visible(c.oid)", "select (true)"},
	{"select pg_catalog.pg_table_is_visible($1)",
		"select (CASE WHEN CAST($1 AS VARCHAR) IS NULL THEN (true) ELSE (true) END)"},
	{"select pg_catalog.pg_get_expr(pg_catalog.lower(a), b)", "select ((lower(a)))"},
	{"select f(a, b)::oid", "select f(a, b)::UINTEGER"},
	{"select $1::oid[]", "select $1::UINTEGER[]"},
	{"from generate_series(1, 2) s where s > 1", "from generate_series(1, 2) s(s) where s > 1"},
	{"from t, pg_catalog.unnest(a) as s", "from t, unnest(a) as s(s)"},
	{"select unnest(a) as s, generate_subscripts(a, 1) as b from t",
		"select unnest(a) as s, generate_subscripts(a, 1) as b from t"},
	{"select cast(x as pg_catalog.oid)", "select CAST(x AS UINTEGER)"},
	{"select * from information_schema.tables", "select * from __information_schema.tables"},
	{"where d = 'pg_class'::regclass", "where d = CAST(1259 AS UINTEGER)"},
	{"where d = 'pg_catalog.pg_type'::pg_catalog.regclass", "where d = CAST(1247 AS UINTEGER)"},
	{"select xmin, t.xmin, t.tableoid = 1 from t",
		"select CAST(1 AS UINTEGER) AS xmin, CAST(1 AS UINTEGER) AS xmin, "
		"CAST(0 AS UINTEGER) = 1 from t"},
	{"select i.indkey[0], i.indkey[k - 1]", "select i.indkey[1 + (0)], i.indkey[1 + (k - 1)]"},
	{"select indkey::varchar", "select array_to_string(indkey, ' ')"},
	{"left join t on a.b = any(c.d) where x", "left join t on list_contains(c.d, a.b) where x"},
	{"select 1 where a = any(c.d)", "select 1 where a = any(c.d)"},
	{"left join t on x where a = any(c.d)", "left join t on x where a = any(c.d)"},
	{"select at.x from t at", "select \"at\".x from t \"at\""},
	{"select x at time zone 'UTC'", "select x at time zone 'UTC'"},
	{"select format('%I.%s%%', a, b)",
		"select ('' || quote_ident(coalesce(CAST(a AS VARCHAR), '')) || '.' || "
		"(coalesce(CAST(b AS VARCHAR), '')) || '%')"},
	{"select substring(a from 'x=([0-9]*)')",
		"select nullif(regexp_extract(a, 'x=([0-9]*)', 1), '')"},
	{"select substring(a from 2)", "select substring(a from 2)"},
	{"select word from pg_get_keywords()", "select word from __pg_catalog.pg_get_keywords"},
	{"from a cross join pg_indexam_has_property(b, 'x') p",
		"from a cross join (SELECT (CASE WHEN true THEN ('x') IN ('can_order', "
		"'can_unique', 'can_multi_col', 'can_include') END) AS pg_indexam_has_property) p"},
	{"select json_build_object('a', 1)", "select json_object('a', 1)"},
	{"select a.", "select a."},
	{"select cast(", "select cast("},
	{"select generate_series(1, n) as i from t",
		"select unnest(generate_series(1, n)) as i from t"},
	{"from string_to_array(a, ',') s where s[1] = 'x'",
		"from (SELECT string_to_array(a, ',')) s(s) where s[1] = 'x'"},
	{"x::", "x::"},
};

static void test_catalog(void **state)
{
	(void)state;
	scoped(arena_free) struct arena *arena = arena_new();
	for (size_t i = 0; i < array_len(catalog_rows); i++) {
		struct slice out;
		struct error err;
		assert_true(rewrite_catalog(
			arena, slice_from_c(catalog_rows[i].text), SLICE("shop"), &out, &err));
		assert_string_equal(arena_cstr(arena, out), catalog_rows[i].expected);
	}
}

static const struct text_row dialect_rows[] = {
	{"select lab.people.*, p.* from lab.people p",
		"select     people.*, p.* from lab.people p"},
	{"select shop.lab.people.id, shop.lab.people",
		"select      lab.people.id, shop.lab.people"},
	{"select \"Shop\".lab.t.*, a.b.c * 2", "select            t.*, a.b.c * 2"},
	{"select date '0044-03-15 BC', '0044-03-15 BC'",
		"select date '0044-03-15 (BC)', '0044-03-15 BC'"},
	{"select '0001-01-01 10:00 bc'::timestamp", "select '0001-01-01 (BC) 10:00'::timestamp"},
	{"select a ~ b, a !~ b, ~a, -a", "select a @~ b, a !@~ b, ~a, -a"},
	{"where ~a = 1 and a = ~ b", "where ~a = 1 and a = ~ b"},
	{"select (a) ~ 'x', a[1] ~ 'x'", "select (a) @~ 'x', a[1] @~ 'x'"},
	{"a like 'x\\%' or a like 'x\\%' escape '!'",
		"a like 'x\\%' ESCAPE '\\' or a like 'x\\%' escape '!'"},
	{"a like 'x%'", "a like 'x%'"},
	{"select a::jsonb, cast(a as jsonb), jsonb '1', jsonb from t",
		"select a::json, cast(a as json), json '1', jsonb from t"},
	{"select a as name, b::name", "select a as name, b::text"},
	{"select '{1,{2}}'::int[], cast('{a}' as text[]), '{1}'::text, '{}'::int[]",
		"select '[1,[2]]'::int[], cast('[a]' as text[]), '{1}'::text, '[]'::int[]"},
	{"select a = any('{1, 2,NULL}'), a <> all ('{\"b c\",d''e}')",
		"select a IN ('1', '2', NULL), a NOT IN ('b c', 'd''e')"},
	{"select a = any('{ x , \"y\" }'), a = any('{1,}') from b",
		"select a IN ('x', 'y'), a IN (SELECT NULL WHERE CAST('not an array of one "
		"dimension: \"{1,}\"' AS INTEGER) IS NULL) from b"},
	{"select a = any('{}'), a <> all('it''s') from b",
		"select a IN (SELECT NULL WHERE false), a NOT IN (SELECT NULL WHERE CAST('not an "
		"array of one dimension: \"it''s\"' AS INTEGER) IS NULL) from b"},
	{"select '{1.5}'::double precision[]", "select '[1.5]'::double precision[]"},
	{"select '\\x01ff'::bytea, '\\x01ff'", "select unhex('01ff')::bytea, '\\x01ff'"},
	{"select a #>> '{b,0}', a #> '{c}', a #> b",
		"select a ->> '$.\"b\"[0]', a -> '$.\"c\"', a #> b"},
	{"select a #>> '{b''}'", "select a #>> '{b''}'"},
	{"select jsonb_build_object('a', json_build_array(1))",
		"select json_object('a', json_array(1))"},
	{"select generate_series(1, f(a ~ b)) from generate_series(1, 2) g",
		"select unnest(generate_series(1, f(a @~ b))) from generate_series(1, 2) g(g)"},
	{"from generate_series(1, 2) as g(x)", "from generate_series(1, 2) as g(x)"},
	{"from generate_series(1, 2) where true", "from generate_series(1, 2) where true"},
	{"select format('%s-%I', a ~ b, c), format('{}', a)",
		"select ('' || (coalesce(CAST(a @~ b AS VARCHAR), '')) || '-' || "
		"quote_ident(coalesce(CAST(c AS VARCHAR), ''))), format('{}', a)"},
	{"select 'a ~ b'", "select 'a ~ b'"},
	{"select pg_catalog.format('%s', a)", "select pg_catalog.format('%s', a)"},
	{"select format('%s'", "select format('%s'"},
	{"~", "~"},
	{"like", "like"},
	{"", ""},
};

static void test_dialect(void **state)
{
	(void)state;
	for (size_t i = 0; i < array_len(dialect_rows); i++) {
		scoped(arena_free) struct arena *arena = arena_new();
		struct slice out =
			rewrite_dialect(arena, slice_from_c(dialect_rows[i].text), SLICE("shop"));
		assert_string_equal(arena_cstr(arena, out), dialect_rows[i].expected);
	}
}

static void test_catalog_unterminated(void **state)
{
	(void)state;
	scoped(arena_free) struct arena *arena = arena_new();
	struct slice out;
	struct error err;
	assert_false(rewrite_catalog(arena, SLICE("select 'x"), SLICE_NONE, &out, &err));
	assert_int_equal(err.state, SQLSTATE_SYNTAX_ERROR);
}

static void test_params(void **state)
{
	(void)state;
	scoped(arena_free) struct arena *arena = arena_new();
	struct slice types[] = {SLICE("INTEGER"), SLICE("DATE")};
	struct rewrite_types how = {.names = types, .count = array_len(types)};
	struct slice out = rewrite_params(arena, SLICE("select $1, '$2', $2 -- $1\n, $3"), &how);
	assert_string_equal(arena_cstr(arena, out),
		"select CAST($1 AS INTEGER), '$2', CAST($2 AS DATE) -- "
		"$1\n, CAST($3 AS VARCHAR)");
	how.as_columns = true;
	out = rewrite_params(arena, SLICE("$2"), &how);
	assert_string_equal(arena_cstr(arena, out), "(SELECT CAST($2 AS DATE))");
}

static const struct {
	const char *text;
	enum rewrite_use use;
	const char *written; /* of the highest parameter */
	const char *beside;
} use_rows[] = {
	{"select $1::int + 1", REWRITE_PLAIN, "int", NULL},
	{"select f($1::double precision, 2)", REWRITE_PLAIN, "double precision", NULL},
	{"select cast($1 as numeric(10, 2)) as x", REWRITE_PLAIN, "numeric(10, 2)", NULL},
	{"select $1 :: timestamp with time zone at time zone 'x'", REWRITE_PLAIN,
		"timestamp with time zone", NULL},
	{"select ($1::int[])[1]", REWRITE_PLAIN, "int[]", NULL},
	{"select $1::", REWRITE_PLAIN, NULL, NULL},
	{"select $1::numeric(", REWRITE_PLAIN, NULL, NULL},
	{"where a = ANY ( $2 )", REWRITE_LIST, NULL, NULL},
	{"where a = any ($1 || $2)", REWRITE_PLAIN, NULL, NULL},
	{"select 1 + $1", REWRITE_INTEGER, NULL, NULL},
	{"select $1 * 1.5", REWRITE_FRACTION, NULL, NULL},
	{"select t.a - $1", REWRITE_PLAIN, NULL, "a"},
	{"select $1 % s.t.\"B c\"", REWRITE_PLAIN, NULL, "\"B c\""},
	{"select $1 || a", REWRITE_PLAIN, NULL, NULL},
};

static void test_param_uses(void **state)
{
	(void)state;
	scoped(arena_free) struct arena *arena = arena_new();
	size_t count;
	for (size_t i = 0; i < array_len(use_rows); i++) {
		struct rewrite_param *uses =
			rewrite_param_uses(arena, slice_from_c(use_rows[i].text), &count);
		const struct rewrite_param *last = &uses[count - 1];
		if (last->use != use_rows[i].use ||
			!slice_equal(last->written, slice_from_c(use_rows[i].written)) ||
			!slice_equal(last->beside, slice_from_c(use_rows[i].beside)))
			fail_msg("%s: %d, %.*s, %.*s", use_rows[i].text, (int)last->use,
				SLICE_FMT(last->written), SLICE_FMT(last->beside));
	}
	rewrite_param_uses(arena, SLICE("select $0, $70000, '$1'"), &count);
	assert_int_equal(0, count);
	assert_string_equal("a =     ($1) or b = any (c)",
		arena_cstr(arena,
			rewrite_lists_as_elements(arena, SLICE("a = any ($1) or b = any (c)"))));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_at),
		cmocka_unit_test(test_database),
		cmocka_unit_test(test_catalog),
		cmocka_unit_test(test_dialect),
		cmocka_unit_test(test_catalog_unterminated),
		cmocka_unit_test(test_params),
		cmocka_unit_test(test_param_uses),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
