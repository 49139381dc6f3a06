/* The log as we write it, read it, and refuse it. */
#include "base/testing.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "delta/delta.h"

static const struct delta_column COLUMNS[] = {
	{SLICE("id"), SLICE("BIGINT"), SLICE("key")},
	{SLICE("amount"), SLICE("DECIMAL(12,2)"), SLICE_NONE},
	{SLICE("uid"), SLICE("UUID"), SLICE_NONE},
};

static struct delta_commit commit_of(const struct delta_file *adds, size_t add_count,
	const struct delta_file *removes, size_t remove_count)
{
	return (struct delta_commit){
		.timestamp_ms = 1,
		.operation = SLICE("WRITE"),
		.txn_app = SLICE("weft:sales.orders"),
		.txn_version = 7,
		.with_metadata = remove_count == 0,
		.table_id = SLICE("6f1c0000-0000-4000-8000-000000000000"),
		.name = SLICE("orders"),
		.columns = COLUMNS,
		.column_count = array_len(COLUMNS),
		.adds = adds,
		.add_count = add_count,
		.removes = removes,
		.remove_count = remove_count,
	};
}

static void test_schema(void **state)
{
	static const struct {
		const char *duckdb;
		const char *delta;
		const char *stored;
	} rows[] = {
		{"BIGINT", "\"long\"", "BIGINT"},
		{"DECIMAL(38,10)", "\"decimal(38,10)\"", "DECIMAL(38,10)"},
		{"UUID", "\"string\"", "VARCHAR"},
		{"TIMESTAMP WITH TIME ZONE", "\"timestamp\"", "TIMESTAMP WITH TIME ZONE"},
		{"TIMESTAMP", "\"timestamp_ntz\"", "TIMESTAMP"},
		{"UINTEGER[]",
			"{\"type\":\"array\",\"elementType\":\"long\",\"containsNull\":true}",
			"BIGINT[]"},
		{"MAP(VARCHAR, INTEGER[])",
			"{\"type\":\"map\",\"keyType\":\"string\",\"valueType\":{\"type\":"
			"\"array\","
			"\"elementType\":\"integer\",\"containsNull\":true},\"valueContainsNull\":"
			"true}",
			"MAP(VARCHAR, INTEGER[])"},
		{"STRUCT(\"a, \"\"b\" INTEGER, c DECIMAL(4,1))",
			"{\"type\":\"struct\",\"fields\":[{\"name\":\"a, "
			"\\\"b\",\"type\":\"integer\","
			"\"nullable\":true,\"metadata\":{}},{\"name\":\"c\",\"type\":\"decimal(4,1)"
			"\","
			"\"nullable\":true,\"metadata\":{}}]}",
			"STRUCT(\"a, \"\"b\" INTEGER, \"c\" DECIMAL(4,1))"},
		{"ENUM('a', 'b)')", "\"string\"", "VARCHAR"},
	};
	struct arena *arena = arena_new();
	struct error err;

	(void)state;
	for (size_t i = 0; i < array_len(rows); i++) {
		struct delta_column column = {SLICE("c"), slice_from_c(rows[i].duckdb), SLICE_NONE};
		struct slice text;

		assert_true(delta_schema_string(arena, &column, 1, &text, &err));
		assert_true(slice_find(text, slice_from_c(rows[i].delta), 0) != SIZE_MAX);
		assert_true(slice_equal_c(delta_storage_type(arena, column.type), rows[i].stored));
	}
	struct delta_column odd = {SLICE("c"), SLICE("GEOMETRY"), SLICE_NONE};
	struct slice none;

	assert_false(delta_schema_string(arena, &odd, 1, &none, &err));
	assert_int_equal(err.state, SQLSTATE_INVALID_PARAMETER_VALUE);
	arena_free(&arena);
}

static void test_round_trip(void **state)
{
	struct delta_partition part = {SLICE("country"), SLICE("C\xc3\xb4te d'Ivoire")};
	struct delta_file files[] = {
		{.path = SLICE("part 1%.parquet"),
			.bytes = 10,
			.stats = SLICE("{\"numRecords\":1}"),
			.hash = SLICE("blake2b:00"),
			.partitions = &part,
			.partition_count = 1},
		{.path = SLICE("b.parquet"), .bytes = 20},
	};
	struct arena *arena = arena_new();
	struct delta_commit first = commit_of(files, 2, NULL, 0);
	struct delta_commit second = commit_of(NULL, 0, files, 1);
	struct delta_state replay;
	struct slice text;
	struct error err;

	(void)state;
	delta_state_init(&replay, arena);
	assert_true(delta_commit_text(arena, &first, &text, &err));
	assert_true(delta_state_apply(&replay, 0, text, &err));
	assert_int_equal(replay.file_count, 2);
	const struct delta_file *read = delta_state_files(&replay, arena);

	assert_true(slice_equal(read[0].path, files[0].path));
	assert_true(slice_equal(read[0].partitions[0].value, part.value));
	assert_true(slice_equal(read[0].stats, files[0].stats));
	assert_true(slice_equal(read[0].hash, files[0].hash));
	assert_true(delta_commit_text(arena, &second, &text, &err));
	assert_true(delta_state_apply(&replay, 1, text, &err));
	assert_int_equal(replay.file_count, 1);
	assert_true(slice_equal_c(delta_state_files(&replay, arena)[0].path, "b.parquet"));
	assert_int_equal(replay.txn_version, 7);
	assert_true(delta_checkpoint_rows(arena, &replay, 0, &text, &err));
	assert_true(slice_find(text, SLICE("{\"add\":{\"path\":\"b.parquet\""), 0) != SIZE_MAX);
	assert_true(slice_find(text, SLICE("{\"remove\":{\"path\":\"part%201%25"), 0) != SIZE_MAX);
	assert_true(slice_find(text, SLICE("\"dataChange\":true"), 0) == SIZE_MAX);
	assert_true(delta_checkpoint_rows(arena, &replay, second.timestamp_ms + 1, &text, &err));
	assert_true(slice_find(text, SLICE("{\"remove\""), 0) == SIZE_MAX);
	/* A file that comes back is no longer dead. */
	assert_true(delta_commit_text(arena, &first, &text, &err));
	assert_true(delta_state_apply(&replay, 2, text, &err));
	assert_int_equal(replay.file_count, 2);
	assert_true(delta_checkpoint_rows(arena, &replay, 0, &text, &err));
	assert_true(slice_find(text, SLICE("{\"remove\""), 0) == SIZE_MAX);
	arena_free(&arena);
}

/* Ten commits, a checkpoint at 4 and 8: what is left is enough from the version kept on. */
static void test_clean(void **state)
{
	char dir[] = "/tmp/test-delta-XXXXXX";
	struct arena *arena = arena_new();
	struct slice text;
	struct error err;

	(void)state;
	assert_non_null(mkdtemp(dir));
	for (int64_t version = 0; version < 10; version++) {
		struct delta_file file = {
			.path = arena_printf(arena, "%lld.parquet", (long long)version),
			.bytes = 1};
		struct delta_commit commit = commit_of(&file, 1, NULL, 0);
		struct delta_state replay;

		commit.with_metadata = version == 0;
		assert_true(delta_commit_text(arena, &commit, &text, &err));
		assert_int_equal(delta_put(dir, version, text, &err), DELTA_PUT_DONE);
		if (version != 4 && version != 8)
			continue;
		delta_state_init(&replay, arena);
		assert_true(delta_state_load(&replay, dir, version, &err));
		assert_true(delta_checkpoint_rows(arena, &replay, 0, &text, &err));
		assert_true(delta_keep_checkpoint_rows(dir, version, text, &err));
	}
	static const struct {
		int64_t keep;
		int64_t oldest; /* that can still be read */
	} steps[] = {{3, 0}, {7, 4}, {7, 4}, {9, 8}};

	for (size_t i = 0; i < array_len(steps); i++) {
		assert_true(delta_clean_log(dir, steps[i].keep, &err));
		for (int64_t version = 0; version < 10; version++) {
			struct delta_state replay;

			delta_state_init(&replay, arena);
			assert_int_equal(delta_state_load(&replay, dir, version, &err),
				version >= steps[i].oldest);
			if (version >= steps[i].oldest)
				assert_int_equal(replay.file_count, version + 1);
		}
	}
	assert_true(delta_clean_log("/nowhere", 9, &err));
	for (int64_t version = 8; version < 10; version++)
		assert_int_equal(remove(arena_printf(arena, "%s/_delta_log/%020lld.json", dir,
					 (long long)version)
						 .ptr),
			0);
	static const char *const left[] = {
		"_delta_log/.00000000000000000008.checkpoint.ndjson", "_delta_log", ""};

	for (size_t i = 0; i < array_len(left); i++)
		assert_int_equal(remove(arena_printf(arena, "%s/%s", dir, left[i]).ptr), 0);
	arena_free(&arena);
}

/* Commits of many files that all go with the next one: n times as many cost about n times as much.
 */
static int64_t replay_us(size_t files, size_t *bytes_out)
{
	enum { COMMITS = 4 };
	struct arena *arena = arena_new();
	struct arena *scratch = arena_new();
	struct delta_file *now = arena_array_of(scratch, struct delta_file, files);
	struct delta_file *before = arena_array_of(scratch, struct delta_file, files);
	int64_t spent_us = 0;
	struct delta_state replay;
	struct slice text;
	struct error err;

	delta_state_init(&replay, arena);
	for (int version = 0; version < COMMITS; version++) {
		for (size_t i = 0; i < files; i++)
			now[i] = (struct delta_file){
				.path = arena_printf(scratch, "day=%zu/v%d.parquet", i, version),
				.bytes = 1,
				.stats = SLICE("{\"numRecords\":1}")};
		struct delta_commit commit = commit_of(now, files, before, version ? files : 0);

		assert_true(delta_commit_text(scratch, &commit, &text, &err));
		int64_t begin_us = clock_mono_us(&clock_system);

		assert_true(delta_state_apply(&replay, version, text, &err));
		spent_us += clock_mono_us(&clock_system) - begin_us;
		memcpy(before, now, files * sizeof *now);
	}
	int64_t begin_us = clock_mono_us(&clock_system);

	assert_true(delta_checkpoint_rows(scratch, &replay, 0, &text, &err));
	spent_us += clock_mono_us(&clock_system) - begin_us;
	assert_int_equal(replay.file_count, files);
	*bytes_out = arena_bytes(arena);
	arena_free(&arena);
	arena_free(&scratch);
	return spent_us;
}

static void test_many_files(void **state)
{
	size_t few_bytes;
	size_t many_bytes;
	int64_t few_us = replay_us(1000, &few_bytes);
	int64_t many_us = replay_us(20000, &many_bytes);

	(void)state;
	assert_in_range(many_us, 0, few_us * 20 * 3 + 100000);
	assert_in_range(many_bytes, 0, few_bytes * 20 * 2);
}

static void test_refused(void **state)
{
	static const char *const texts[] = {
		"{\"add\":{\"path\":\"../x\",\"size\":1}}",
		"{\"add\":{\"path\":\"/etc/passwd\",\"size\":1}}",
		"{\"add\":{\"path\":\"s3://b/x\",\"size\":1}}",
		"{\"add\":{\"path\":\"a%00b\",\"size\":1}}",
		"{\"add\":{\"path\":\"a/%2e%2e/b\",\"size\":1}}",
		"{\"add\":{\"path\":\"a\"}}",
		"{\"add\":{\"path\":\"a\",\"size\":1,\"deletionVector\":{}}}",
		"{\"protocol\":{\"minReaderVersion\":2,\"minWriterVersion\":5}}",
		"{\"protocol\":{\"minReaderVersion\":3,\"readerFeatures\":[\"deletionVectors\"]}}",
		"[]",
		"{\"add\":",
		"",
	};
	struct error err;

	(void)state;
	for (size_t i = 0; i < array_len(texts); i++) {
		struct arena *arena = arena_new();
		struct delta_state replay;

		delta_state_init(&replay, arena);
		assert_false(delta_state_apply(&replay, 0, slice_from_c(texts[i]), &err));
		arena_free(&arena);
	}
}

static void test_put(void **state)
{
	char dir[] = "/tmp/test-delta-XXXXXX";
	struct arena *arena = arena_new();
	struct delta_commit first = commit_of(NULL, 0, NULL, 0);
	struct delta_state replay;
	struct slice text;
	struct error err;

	(void)state;
	assert_non_null(mkdtemp(dir));
	assert_true(delta_commit_text(arena, &first, &text, &err));
	assert_int_equal(delta_put(dir, 0, text, &err), DELTA_PUT_DONE);
	assert_int_equal(delta_put(dir, 0, SLICE("{}\n"), &err), DELTA_PUT_EXISTS);
	assert_true(delta_put_last_checkpoint(dir, 0, 2, 1, &err));
	delta_state_init(&replay, arena);
	assert_true(delta_state_load(&replay, dir, -1, &err));
	assert_int_equal(replay.version, 0);
	delta_state_init(&replay, arena);
	assert_false(delta_state_load(&replay, dir, 1, &err));
	assert_int_equal(err.state, SQLSTATE_DATA_CORRUPTED);
	assert_int_equal(delta_put("/proc/self", 0, text, &err), DELTA_PUT_FAILED);

	const char *paths[] = {"_delta_log/00000000000000000000.json",
		"_delta_log/_last_checkpoint", "_delta_log", ""};

	for (size_t i = 0; i < array_len(paths); i++)
		assert_int_equal(remove(arena_printf(arena, "%s/%s", dir, paths[i]).ptr), 0);
	arena_free(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_schema),
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_put),
		cmocka_unit_test(test_clean),
		cmocka_unit_test(test_many_files),
	};

	return cmocka_run_group_tests_name("delta", tests, NULL, NULL);
}
