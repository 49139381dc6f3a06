#include "base/str.h"
#include "base/testing.h"
#include "sql/column-name.h"

/* statement, the engine's names, PostgreSQL's; joined by '|' */
struct row {
	const char *statement;
	const char *engine;
	const char *expected;
};

static const struct row rows[] = {
	{"select count(*), sum(a) from t", "count_star()|sum(a)", "count|sum"},
	{"select 1, 'x', null, $1", "1|'x'|NULL|$1", "?column?|?column?|?column?|?column?"},
	{"select a + 1, -a, not b, a is null", "(a + 1)|-(a)|(NOT b)|(a IS NULL)",
		"?column?|?column?|?column?|?column?"},
	{"select a, t.b, \"C\", s.t.d", "a|b|C|d", "a|b|C|d"},
	{"select Id, Id as Total, id \"Total\", id AS x", "Id|Total|Total|x", "Id|total|Total|x"},
	{"select a::int, 1::int, cast(1 as bigint), cast(a as text)",
		"CAST(a AS INTEGER)|CAST(1 AS INTEGER)|x|y", "a|int4|int8|a"},
	{"select '1'::double precision, now()::timestamp with time zone, x::varchar(10)[]", "1|2|3",
		"float8|now|x"},
	{"select coalesce(a, b), nullif(a, 1), greatest(1, 2), lower(a)", "1|2|3|4",
		"coalesce|nullif|greatest|lower"},
	{"select case when a then 1 end, case a when 1 then 2 else b end", "1|2", "case|b"},
	{"select case when a then case when b then 1 else 2 end else 3 end", "1", "case"},
	{"select exists(select 1), (select max(a) from t), (select 1), array(select 1)", "1|2|3|4",
		"exists|max|?column?|array"},
	{"select (select a as z from t), (a), ((a + 1))", "1|a|3", "z|a|?column?"},
	{"select array[1, 2], a[1], row(1, 2), [1]", "1|2|3|4", "array|a|row|?column?"},
	{"select extract(year from d), trim(a), trim(leading 'x' from a), position('a' in b)",
		"date_part('year', d)|2|3|4", "extract|btrim|ltrim|position"},
	{"select count(*) filter (where a), rank() over (order by a), sum(a) over w", "1|2|3",
		"count|rank|sum"},
	{"select percentile_cont(0.5) within group (order by a)", "1", "percentile_cont"},
	{"select date '2026-01-01', interval '1 day', interval '1' day, true", "1|2|3|4",
		"date|interval|interval|?column?"},
	{"select a at time zone 'UTC', true::int, (a at time zone 'UTC')::date", "1|2|3",
		"timezone|int4|timezone"},
	{"select current_date, current_user", "current_date|\"current_user\"()",
		"current_date|current_user"},
	{"select *, count(*) over (), 1 from t", "a|b|c|count_star()|1", "a|b|c|count|?column?"},
	{"select t.*, u.* from t, u", "a|b", "a|b"},
	{"select a is distinct from b, 2 from t", "1|2", "?column?|?column?"},
	{"with x as (select 1) select sum(a) from x", "sum(a)", "sum"},
	{"(select max(a) from t) union all select 2", "max(a)", "max"},
	{"values (1, 2)", "col0|col1", "column1|column2"},
	{"select distinct on (a) upper(b) from t", "upper(b)", "upper"},
	{"select pg_catalog.lower(a), x.y::text from t", "1|2", "lower|y"},
	{"select (t).a, (f(x)).n", "a|2", "a|n"},
	{"select a b, f(a) c, a + 1 d", "b|c|d", "b|c|d"},
	{"select a -> 'b', a ->> 'c'", "1|2", "?column?|?column?"},
	{"select a from t where x = (select count(*) from u)", "a", "a"},
	{"from t", "a", "a"},
	{"select", "", ""},
	{"select (", "x", "?column?"},
	{"select a,", "a", "a"},
};

static size_t split(struct slice text, struct slice *out)
{
	size_t count = 0;

	while (text.len > 0)
		out[count++] = slice_split(&text, '|');
	return count;
}

static void test_names(void **state)
{
	(void)state;
	for (size_t i = 0; i < array_len(rows); i++) {
		scoped(arena_free) struct arena *arena = arena_new();
		struct slice names[16];
		struct str got = str_in(arena);
		size_t count = split(slice_from_c(rows[i].engine), names);

		sql_name_columns(arena, slice_from_c(rows[i].statement), names, count);
		for (size_t k = 0; k < count; k++) {
			str_add_c(&got, k ? "|" : "");
			str_add(&got, names[k]);
		}
		assert_string_equal(arena_cstr(arena, str_slice(&got)), rows[i].expected);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_names)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
