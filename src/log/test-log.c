#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/json.h"
#include "base/testing.h"
#include "log/log.h"
#include "log/metrics.h"

static int64_t fixed_time(const struct clock *clock)
{
	(void)clock;
	return 1769903999123456;
}

static const struct clock FIXED = {fixed_time, fixed_time};

static void test_redact(void **state)
{
	static const struct {
		const char *in;
		const char *out;
	} ROWS[] = {
		{"postgres://bob:hunter2@db/x", "postgres://bob:*******@db/x"},
		{"postgres://bob:p@ss/w@db/x", "postgres://bob:******@db/x"},
		{"host=db password=hunter2 user=bob", "host=db password=******* user=bob"},
		{"password = 'two words' x", "password = '*********' x"},
		{"{\"token\": \"abc\", \"a\": 1}", "{\"token\": \"***\", \"a\": 1}"},
		{"Authorization: Bearer abcdefgh.i", "Authorization: Bearer **********"},
		{"weft_ABCDEFGHIJKLMNOPQRSTUV", "weft_**********************"},
		{"weft_queries_total is 3", "weft_queries_total is 3"},
		{"the password was wrong", "the password was wrong"},
		{"-----BEGIN PRIVATE KEY-----\nMII", "-----BEGIN PRIVATE KEY-----****"},
		{"nothing here", "nothing here"},
		{"", ""},
	};

	(void)state;
	for (size_t i = 0; i < array_len(ROWS); i++) {
		char text[128];

		snprintf(text, sizeof text, "%s", ROWS[i].in);
		bool found = log_redact(text, strlen(text));

		assert_string_equal(text, ROWS[i].out);
		assert_int_equal(found, strcmp(ROWS[i].in, ROWS[i].out) != 0);
	}
}

static struct slice read_all(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY);
	ssize_t len = read(fd, text, size);

	close(fd);
	return slice_of(text, len > 0 ? (size_t)len : 0);
}

static struct log *open_at(const char *path, enum log_format format)
{
	struct error err;
	struct log *log = NULL;
	struct log_config config = {
		.path = path, .format = format, .level = LOG_INFO, .clock = &FIXED};

	assert_true(log_open(&config, &log, &err));
	return log;
}

static void test_lines(void **state)
{
	char path[] = "/tmp/weft-test-log-XXXXXX";
	char text[4096];
	struct log_context context = {.session = SLICE("s1"), .run = 7};

	(void)state;
	close(mkstemp(path));
	struct log *log = open_at(path, LOG_TEXT);

	log_say(log, SERVER_READY, &context, log_int("ms", 12), log_cstr("door", "a \"b\"\n"),
		log_cstr("password", "x"));
	log_say(log, SESSION_START, NULL, log_int("n", 1));
	assert_true(slice_equal_c(read_all(path, text, sizeof text),
		"2026-01-31T23:59:59.123456Z info  server.ready session=s1 run=7 ms=12 "
		"door=\"a \\\"b\\\"\\n\" password=\"***\"\n"));
	log_close(&log);
	unlink(path);
}

static void test_json_lines(void **state)
{
	char path[] = "/tmp/weft-test-log-XXXXXX";
	char text[40000];
	static char big[30000];
	struct error err;

	(void)state;
	close(mkstemp(path));
	struct log *log = open_at(path, LOG_JSON);

	memset(big, 1, sizeof big);
	log_say(log, NOTE, NULL, log_cstr("url", "http://a:b@c"), log_real("r", 0.5),
		log_str("bad", slice_of("\xff", 1)));
	log_say(log, NOTE, NULL, log_str("big", slice_of(big, sizeof big)));
	struct slice rest = read_all(path, text, sizeof text);

	for (int line = 0; line < 2; line++) {
		scoped(json_drop) json_t *value = json_parse(slice_split(&rest, '\n'), &err);

		assert_non_null(value);
		if (line == 0)
			assert_true(slice_equal_c(json_get_slice(value, "url"), "http://a:*@c"));
		else
			assert_true(json_get_bool(value, "cut", false));
	}
	assert_true(rest.len == 0);
	unlink(path);
	assert_true(log_reopen(log, &err));
	log_say(log, NOTE, NULL, log_int("n", 1));
	assert_true(read_all(path, text, sizeof text).len > 10);
	log_close(&log);
	unlink(path);
}

static void test_bad_file(void **state)
{
	struct error err;
	struct log *log = NULL;
	struct log_config config = {.path = "/no/such/folder/x.log"};

	(void)state;
	assert_false(log_open(&config, &log, &err));
	assert_int_equal(err.state, SQLSTATE_IO_ERROR);
	log_say(log, NOTE, NULL, log_int("n", 1)); /* NULL is silent */
}

static void *count_many(void *metrics)
{
	for (int i = 0; i < 10000; i++) {
		metrics_add(metrics, METRIC_QUERIES_TOTAL, "pg", i % 2 ? "ok" : "error", 1);
		metrics_observe(metrics, METRIC_QUERY_SECONDS, "pg", NULL, 0.002);
	}
	return NULL;
}

static void test_metrics(void **state)
{
	scoped(arena_free) struct arena *arena = arena_new();
	struct metrics *metrics = metrics_new();
	struct str out = str_in(arena);
	pthread_t threads[4];

	(void)state;
	for (size_t i = 0; i < array_len(threads); i++)
		pthread_create(&threads[i], NULL, count_many, metrics);
	for (size_t i = 0; i < array_len(threads); i++)
		pthread_join(threads[i], NULL);
	assert_true(metrics_get(metrics, METRIC_QUERIES_TOTAL, "pg", "ok") == 20000);
	metrics_set(metrics, METRIC_MODEL_EPOCH, NULL, NULL, 7);
	metrics_print(metrics, METRICS_PROMETHEUS, &out);
	static const char *const LINES[] = {
		"weft_queries_total{door=\"pg\",outcome=\"ok\"} 20000\n",
		"weft_query_seconds_bucket{door=\"pg\",le=\"0.001\"} 0\n",
		"weft_query_seconds_bucket{door=\"pg\",le=\"0.0025\"} 40000\n",
		"weft_query_seconds_count{door=\"pg\"} 40000\n", "weft_model_epoch 7\n",
		"# TYPE weft_sessions_open gauge\n"};

	for (size_t i = 0; i < array_len(LINES); i++)
		assert_true(slice_find(str_slice(&out), slice_from_c(LINES[i]), 0) != SIZE_MAX);
	metrics_forget(metrics, METRIC_MODEL_EPOCH);
	out = str_in(arena);
	metrics_print(metrics, METRICS_OPENMETRICS, &out);
	assert_true(slice_find(str_slice(&out), SLICE("weft_model_epoch 7"), 0) == SIZE_MAX);
	assert_true(
		slice_find(str_slice(&out), SLICE("# TYPE weft_queries counter\n"), 0) != SIZE_MAX);
	assert_true(slice_ends_with(str_slice(&out), SLICE("# EOF\n")));
	metrics_free(&metrics);
}

static void test_metrics_overflow(void **state)
{
	struct metrics *metrics = metrics_new();

	(void)state;
	for (int i = 0; i < 2000; i++) {
		char name[80];

		snprintf(name, sizeof name, "door-%d", i);
		metrics_add(metrics, METRIC_SESSIONS_TOTAL, name, NULL, 1);
	}
	assert_true(metrics_get(metrics, METRIC_SESSIONS_TOTAL, "other", NULL) ==
		    2000 - METRICS_MAX_SERIES);
	metrics_add(NULL, METRIC_SESSIONS_TOTAL, "x", NULL, 1);
	metrics_free(&metrics);
}

static void test_quota(void **state)
{
	struct log_quota quota = {0};
	int64_t left_out = -1;

	(void)state;
	for (int i = 0; i < LOG_QUOTA_LINES; i++)
		assert_true(log_quota_take(&quota, LOG_QUOTA_US + i, &left_out));
	assert_int_equal(left_out, 0);
	for (int i = 0; i < 7; i++)
		assert_false(log_quota_take(&quota, 2LL * LOG_QUOTA_US - 1, &left_out));
	assert_true(log_quota_take(&quota, 2LL * LOG_QUOTA_US, &left_out));
	assert_int_equal(left_out, 7);
	assert_true(log_quota_take(&quota, 2LL * LOG_QUOTA_US, &left_out));
	assert_int_equal(left_out, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_redact),
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_json_lines),
		cmocka_unit_test(test_bad_file),
		cmocka_unit_test(test_quota),
		cmocka_unit_test(test_metrics),
		cmocka_unit_test(test_metrics_overflow),
	};

	return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
