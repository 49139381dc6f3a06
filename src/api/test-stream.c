#include "base/testing.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "api/query-params.h"
#include "api/stream.h"

/* What a producer of the tests does. */
struct script {
	size_t blocks; /* of BLOCK bytes */
	bool fail;
	atomic_size_t written;
	atomic_bool cancelled;
	atomic_bool freed;
	struct error seen;
};

enum { BLOCK = 10000 };

static bool produce(void *ctx, struct stream *stream, struct error *err)
{
	struct script *script = ctx;
	static const char block[BLOCK] = "x";

	for (size_t i = 0; i < script->blocks; i++) {
		if (!stream_write(stream, slice_of(block, BLOCK), err)) {
			script->seen = *err;
			return false;
		}
		atomic_fetch_add(&script->written, BLOCK);
	}
	return script->fail ? error_set(err, DIVISION_BY_ZERO, "late") : true;
}

static void cancel(void *ctx)
{
	atomic_store(&((struct script *)ctx)->cancelled, true);
}

static void freed(void *ctx)
{
	atomic_store(&((struct script *)ctx)->freed, true);
}

static struct stream *open_stream(struct script *script, int fd, int stall_ms)
{
	const struct stream_options options = {fd, stall_ms, produce, cancel, freed, script};
	struct stream *stream = NULL;
	struct error err;

	assert_true(stream_new(&options, &stream, &err));
	return stream;
}

static size_t drain(struct stream *stream, ssize_t *end)
{
	char buffer[4096];
	size_t total = 0;

	while ((*end = stream_read(stream, buffer, sizeof buffer)) > 0)
		total += (size_t)*end;
	return total;
}

static void test_flows_in_order(void **state)
{
	struct script script = {.blocks = 100};
	struct stream *stream = open_stream(&script, -1, 5000);
	struct error err;
	ssize_t end = 0;

	(void)state;
	assert_true(stream_wait(stream, &err));
	assert_int_equal(drain(stream, &end), 100 * BLOCK);
	assert_int_equal(end, STREAM_END);
	assert_null(stream_error(stream));
	stream_free(&stream);
	assert_true(script.freed);
	assert_false(script.cancelled);
}

static void test_early_failure_is_told(void **state)
{
	struct script script = {.fail = true};
	struct stream *stream = open_stream(&script, -1, 5000);
	struct error err;

	(void)state;
	assert_false(stream_wait(stream, &err));
	assert_int_equal(err.state, SQLSTATE_DIVISION_BY_ZERO);
	stream_free(&stream);
}

static void test_late_failure_breaks_off(void **state)
{
	struct script script = {.blocks = 3, .fail = true};
	struct stream *stream = open_stream(&script, -1, 5000);
	ssize_t end = 0;

	(void)state;
	assert_int_equal(drain(stream, &end), 3 * BLOCK);
	assert_int_equal(end, STREAM_BROKEN);
	assert_int_equal(stream_error(stream)->state, SQLSTATE_DIVISION_BY_ZERO);
	stream_free(&stream);
}

static void test_slow_reader_holds_producer(void **state)
{
	struct script script = {.blocks = 1000};
	struct stream *stream = open_stream(&script, -1, 5000);

	(void)state;
	usleep(100000);
	assert_true(atomic_load(&script.written) < (size_t)300 * 1024);
	stream_free(&stream);
	assert_true(script.cancelled);
	assert_int_equal(script.seen.state, SQLSTATE_QUERY_CANCELED);
}

static void test_gone_client_cancels(void **state)
{
	struct script script = {.blocks = 1000000};
	int pair[2];
	struct error err;
	char buffer[1024];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	struct stream *stream = open_stream(&script, pair[0], 60000);

	assert_true(stream_wait(stream, &err));
	close(pair[1]);
	while (stream_read(stream, buffer, sizeof buffer) > 0 &&
		script.written < (size_t)BLOCK * 1000)
		;
	stream_free(&stream);
	assert_true(script.cancelled);
	close(pair[0]);
}

static void test_stalled_client_is_cut(void **state)
{
	struct script script = {.blocks = 1000};
	int pair[2];
	char byte = 0;

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	struct stream *stream = open_stream(&script, pair[0], 50);

	assert_int_equal(read(pair[1], &byte, 1), 0); /* shut down after 50 ms */
	stream_free(&stream);
	assert_int_equal(script.seen.state, SQLSTATE_QUERY_CANCELED);
	close(pair[0]);
	close(pair[1]);
}

static void test_format_by_accept(void **state)
{
	static const struct {
		const char *accept;
		bool ok;
		enum query_format format;
	} rows[] = {
		{NULL, true, QUERY_JSON},
		{"*/*", true, QUERY_JSON},
		{"text/csv", true, QUERY_CSV},
		{"text/html, application/x-ndjson;q=0.9, */*;q=0.1", true, QUERY_NDJSON},
		{"application/json;q=0.2, text/csv;q=0.8", true, QUERY_CSV},
		{"application/vnd.apache.parquet", true, QUERY_PARQUET},
		{"Application/VND.apache.arrow.stream", true, QUERY_ARROW},
		{"image/png", false, QUERY_JSON},
		{"text/csv;q=0", false, QUERY_JSON},
	};

	(void)state;
	for (size_t i = 0; i < array_len(rows); i++) {
		enum query_format format = QUERY_JSON;
		const char *type = NULL;

		assert_int_equal(query_format_choose(slice_from_c(rows[i].accept), &format, &type),
			rows[i].ok);
		if (rows[i].ok)
			assert_int_equal(format, rows[i].format);
	}
}

static void test_params(void **state)
{
	static const struct {
		const char *json;
		const char *state; /* NULL = good */
		uint32_t oid;
		const char *value;
	} rows[] = {
		{"[null]", NULL, 0, NULL},
		{"[true]", NULL, 16, "true"},
		{"[42]", NULL, 20, "42"},
		{"[1.5]", NULL, 701, "1.5"},
		{"[\"x\"]", NULL, 0, "x"},
		{"[{\"type\":\"date\",\"value\":\"2026-01-31\"}]", NULL, 1082, "2026-01-31"},
		{"[{\"type\":\"integer\",\"value\":7}]", NULL, 23, "7"},
		{"[{\"type\":\"nosuch\",\"value\":7}]", "42704", 0, NULL},
		{"[[1]]", "22023", 0, NULL},
		{"[{\"type\":\"date\"}]", "22023", 0, NULL},
		{"[{\"type\":\"date\",\"value\":[]}]", "22023", 0, NULL},
	};

	(void)state;
	for (size_t i = 0; i < array_len(rows); i++) {
		scoped(arena_free) struct arena *arena = arena_new();
		struct query_param *params = NULL;
		uint32_t *oids = NULL;
		size_t count = 0;
		struct error err;
		scoped(json_drop) json_t *json = json_parse(slice_from_c(rows[i].json), &err);
		bool ok = query_params_read(arena, json, &params, &oids, &count, &err);

		assert_int_equal(ok, rows[i].state == NULL);
		if (!ok) {
			assert_string_equal(sqlstate_table[err.state].code, rows[i].state);
			continue;
		}
		assert_int_equal(count, 1);
		assert_int_equal(oids[0], rows[i].oid);
		assert_int_equal(slice_is_none(params[0].value), rows[i].value == NULL);
		if (rows[i].value)
			assert_true(slice_equal_c(params[0].value, rows[i].value));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_flows_in_order),
		cmocka_unit_test(test_early_failure_is_told),
		cmocka_unit_test(test_late_failure_breaks_off),
		cmocka_unit_test(test_slow_reader_holds_producer),
		cmocka_unit_test(test_gone_client_cancels),
		cmocka_unit_test(test_stalled_client_is_cut),
		cmocka_unit_test(test_format_by_accept),
		cmocka_unit_test(test_params),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
