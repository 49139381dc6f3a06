/*
 * The probes of docs/security.md on Parquet with dictionary-encoded hidden values and hidden
 * extremes: two files that differ in rows which the filter hides must answer alike, error texts
 * included. The same probes over a plain WHERE, and over OFFSET 0 alone, must differ somewhere:
 * otherwise they would prove nothing.
 */
#include "base/testing.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/str.h"
#include "engine/engine.h"
#include "engine/relation.h"

static struct engine *engine;
static char dir[] = "/tmp/weft-barrier-XXXXXX";
static char files[2][64];

static const char *const probes[] = {
	/* A long statement spans two lines. NOLINTBEGIN(bugprone-suspicious-missing-comma) */
	"SELECT count(*) FROM t WHERE CAST(note AS INTEGER) >= 0",
	"SELECT count(list_transform([note], lambda x: CAST(x AS INTEGER))) FROM t",
	("SELECT count(*) FROM t WHERE list_transform([note], lambda x: CAST(x AS INTEGER)) IS NOT "
	 "NULL"),
	"SELECT count(*) FROM t WHERE CAST([note] AS INTEGER[]) IS NOT NULL",
	"SELECT count(*) FROM t WHERE CAST({'a': note} AS STRUCT(a INTEGER)) IS NOT NULL",
	"SELECT count(*) FROM t WHERE CAST(MAP([note], [1]) AS MAP(INTEGER, INTEGER)) IS NOT NULL",
	"SELECT count(*) FROM t WHERE delta >= 300 AND CAST(note || '0' AS SMALLINT) IS NOT NULL",
	"SELECT count(*) FROM t WHERE delta >= 300",
	"SELECT count(*) FROM t WHERE note LIKE 'S3%'",
	"SELECT max(delta), min(delta), max(note), min(note) FROM t",
	"SELECT count(*) FROM t JOIN range(1000) r(i) ON CAST(t.note AS INTEGER) = r.i",
	"SELECT count(*) FROM t WHERE EXISTS (SELECT 1 FROM t u WHERE u.id = t.id AND "
	"CAST(u.note AS INTEGER) = 4)",
	"SELECT id FROM t QUALIFY row_number() OVER (ORDER BY CAST(note AS INTEGER), id) < 4",
	"SELECT count(*) FROM t WHERE error(note) IS NULL AND delta > 1000",
	"SELECT sum(CASE WHEN delta > 400 THEN CAST(note AS INTEGER) END) FROM t",
};
/* NOLINTEND(bugprone-suspicious-missing-comma) */

static void make_file(const char *path, const char *secret, int hidden_delta)
{
	struct error err;
	char sql[512];
	snprintf(sql, sizeof sql,
		"COPY (SELECT i AS id, CASE WHEN i %% 3 THEN 'EU' ELSE 'US' END AS region, "
		"CASE WHEN i %% 3 THEN i %% 250 ELSE %d END AS delta, CASE WHEN i %% 3 THEN "
		"CAST(i %% 50 AS VARCHAR) ELSE '%s' || CAST(i %% 5 AS VARCHAR) END AS note "
		"FROM range(12000) r(i)) TO '%s' (FORMAT parquet, ROW_GROUP_SIZE 2048)",
		hidden_delta, secret, path);
	assert_true(engine_run(engine, slice_from_c(sql), &err));
}

static struct slice governed(struct arena *arena, const char *file, bool barrier)
{
	static const struct relation_column columns[] = {
		{.name = {"id", 2}, .type = {"BIGINT", 6}},
		{.name = {"delta", 5}, .type = {"BIGINT", 6}},
		{.name = {"note", 4}, .type = {"VARCHAR", 7}},
	};
	struct slice path = slice_from_c(file);
	struct relation relation = {.files = &path,
		.file_count = 1,
		.fd = -1,
		.columns = columns,
		.column_count = array_len(columns),
		.filter = SLICE("region = 'EU'"),
		.barrier = barrier};
	struct slice sql;
	struct error err;
	assert_true(relation_select(arena, engine, &relation, &sql, &err));
	return sql;
}

/* What OFFSET 0 alone is, for the comparison. */
static struct slice offset_only(struct arena *arena, const char *file)
{
	return arena_printf(arena,
		"SELECT id, delta, note FROM (SELECT * FROM read_parquet('%s') WHERE region = 'EU' "
		"OFFSET 0)",
		file);
}

static struct slice answer(struct arena *arena, struct slice view, const char *probe)
{
	struct error err;
	struct engine_result *result = NULL;
	struct str out = str_in(arena);
	size_t rows = 0;
	size_t columns;
	struct slice make =
		arena_printf(arena, "CREATE OR REPLACE VIEW t AS %.*s", SLICE_FMT(view));
	assert_true(engine_run(engine, make, &err));
	bool ok = engine_query(engine, slice_from_c(probe), &result, &err);
	while (ok && (ok = engine_result_next(result, &rows, &err)) && rows > 0) {
		engine_result_columns(result, &columns);
		for (size_t row = 0; row < rows; row++)
			for (size_t i = 0; i < columns; i++)
				str_printf(&out, "%.*s|",
					SLICE_FMT(engine_value_text(result, arena, i, row)));
	}
	if (!ok)
		str_add_c(&out, err.msg);
	engine_result_free(&result);
	return str_slice(&out);
}

enum form {
	FORM_PLAIN,
	FORM_OFFSET,
	FORM_BARRIER,
};

static size_t count_leaks(enum form form)
{
	scoped(arena_free) struct arena *arena = arena_new();
	size_t leaks = 0;
	for (size_t i = 0; i < array_len(probes); i++) {
		struct slice answers[2];
		for (size_t j = 0; j < 2; j++)
			answers[j] = answer(arena,
				form == FORM_OFFSET
					? offset_only(arena, files[j])
					: governed(arena, files[j], form == FORM_BARRIER),
				probes[i]);
		bool leak = !slice_equal(answers[0], answers[1]) ||
			    slice_find(answers[0], SLICE("S3CRET"), 0) != SIZE_MAX;
		leaks += leak;
		if (leak && form == FORM_BARRIER)
			print_error("%s: %.*s / %.*s\n", probes[i], SLICE_FMT(answers[0]),
				SLICE_FMT(answers[1]));
	}
	return leaks;
}

static void test_barrier_holds(void **state)
{
	(void)state;
	assert_int_equal(count_leaks(FORM_BARRIER), 0);
}

static void test_plain_leaks(void **state)
{
	(void)state;
	assert_true(count_leaks(FORM_PLAIN) > 0);
}

static void test_offset_leaks(void **state)
{
	(void)state;
	assert_true(count_leaks(FORM_OFFSET) > 0);
}

static int set_up(void **state)
{
	(void)state;
	struct engine_options options = {.threads = 1};
	struct error err;
	assert_non_null(mkdtemp(dir));
	assert_true(engine_open(&options, &engine, &err));
	for (size_t i = 0; i < 2; i++)
		snprintf(files[i], sizeof files[i], "%s/%zu.parquet", dir, i);
	make_file(files[0], "S3CRET-", 900);
	make_file(files[1], "77", 100);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	engine_close(&engine);
	for (size_t i = 0; i < 2; i++)
		unlink(files[i]);
	return rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_barrier_holds),
		cmocka_unit_test(test_plain_leaks),
		cmocka_unit_test(test_offset_leaks),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
