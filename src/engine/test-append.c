/* Batches of any length go into a table whose types are not theirs: DuckDB casts at most a vector's
 * worth of rows at once, and writes beyond it otherwise. */
#include "base/testing.h"

#include <unistd.h>

#include "arrow/abi.h"
#include "arrow/ipc.h"
#include "engine/append.h"
#include "engine/engine-private.h"
#include "engine/engine.h"

enum { ROWS = 28001 };

static int numbers(void)
{
	static const struct arrow_field fields[] = {{"id", ARROW_KIND_INT64},
		{"name", ARROW_KIND_TEXT}, {"list", ARROW_KIND_INT32_LIST}};
	scoped(arrow_table_free) struct arrow_table *table = NULL;
	struct error err;
	int fd;

	assert_true(arrow_table_new(fields, array_len(fields), &table, &err));
	for (int64_t i = 0; i < ROWS; i++) {
		struct arrow_cell item = {.integer = i};
		struct arrow_cell cells[] = {{.integer = i},
			{.text = SLICE("12"), .is_null = i % 7 == 0},
			{.items = &item, .item_count = (size_t)(i % 2)}};

		assert_true(arrow_table_add(table, cells, &err));
	}
	assert_true(arrow_table_to_fd(table, &fd, &err));
	return fd;
}

static int64_t one_number(struct engine *engine, const char *sql)
{
	duckdb_result result;

	assert_int_equal(duckdb_query(engine->conn, sql, &result), DuckDBSuccess);
	int64_t value = duckdb_value_int64(&result, 0, 0);

	duckdb_destroy_result(&result);
	return value;
}

static void test_long_batch(void **state)
{
	scoped(engine_close) struct engine *engine = NULL;
	scoped(engine_append_free) struct engine_appender *appender = NULL;
	scoped(arrow_reader_free) struct arrow_reader *reader = NULL;
	struct error err;
	int fd = numbers();

	(void)state;
	assert_true(engine_open(
		&(struct engine_options){.memory_bytes = 1 << 30, .threads = 1}, &engine, &err));
	assert_true(engine_run(
		engine, SLICE("CREATE TABLE t (id VARCHAR, name INTEGER, list BIGINT[])"), &err));
	assert_true(arrow_reader_open(fd, &reader, &err));
	assert_true(
		engine_append_open(engine, SLICE_NONE, SLICE_NONE, SLICE("t"), &appender, &err));
	for (bool more = true; more;) {
		struct ArrowArray batch = {0};

		assert_true(arrow_reader_next(reader, &batch, &more, &err));
		assert_true(!more || engine_append_arrow(
					     appender, arrow_reader_schema(reader), &batch, &err));
	}
	assert_true(engine_append_close(appender, &err));
	close(fd);
	assert_int_equal(one_number(engine, "SELECT count(DISTINCT id) FROM t"), ROWS);
	assert_int_equal(one_number(engine, "SELECT count(*) FROM t WHERE name = 12"),
		ROWS - (ROWS + 6) / 7);
	assert_int_equal(one_number(engine,
				 "SELECT count(*) FROM t WHERE (name IS NULL) = (id::int % 7 = 0)"),
		ROWS);
	assert_int_equal(one_number(engine, "SELECT count(*) FROM t WHERE list = CASE WHEN id::int "
					    "% 2 = 1 THEN [id::bigint] ELSE [] END"),
		ROWS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_long_batch)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
