/* Long statements get the crew's help, short ones do without, and no end of a statement loses it.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/testing.h"
#include "engine/crew.h"
#include "engine/engine.h"

enum { THREADS = 5 };

static struct engine *open_engine(void)
{
	struct engine *engine = NULL;
	struct engine_options options = {.threads = THREADS};
	struct error err;
	assert_true(engine_open(&options, &engine, &err));
	return engine;
}

static int64_t nanoseconds(clockid_t clock)
{
	struct timespec t;
	assert_int_equal(clock_gettime(clock, &t), 0);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* Time on the processor of all threads but this one. */
static int64_t others_ran(void)
{
	return nanoseconds(CLOCK_PROCESS_CPUTIME_ID) - nanoseconds(CLOCK_THREAD_CPUTIME_ID);
}

static int threads(void)
{
	char line[128];
	FILE *status = fopen("/proc/self/status", "re");
	assert_non_null(status);
	int count = 0;
	while (count == 0 && fgets(line, sizeof line, status))
		if (strncmp(line, "Threads:", 8) == 0)
			count = (int)strtol(line + 8, NULL, 10);
	assert_int_equal(fclose(status), 0);
	return count;
}

static void run(struct engine *engine, const char *sql)
{
	struct error err;
	assert_true(engine_run(engine, slice_from_c(sql), &err));
}

static void long_statements_are_helped(void **state)
{
	(void)state;
	const int64_t ms = 1000000;
	struct engine *engine = open_engine();
	run(engine, "CREATE TABLE numbers AS SELECT range AS i FROM range(1000000)");
	int64_t before = others_ran();
	run(engine, "SELECT sum(hash(i + j)) FROM numbers, range(40) t(j)");
	assert_true(others_ran() - before > 5 * ms);
	engine_close(&engine);
}

static void one_thread_needs_no_crew(void **state)
{
	(void)state;
	struct engine *engine = NULL;
	struct engine_options options = {.threads = 1};
	struct error err;
	int before = threads();
	assert_true(engine_open(&options, &engine, &err));
	assert_int_equal(threads(), before);
	options.threads = THREADS;
	assert_true(engine_set_options(engine, &options, &err));
	assert_int_equal(threads(), before + THREADS - 1);
	engine_close(&engine);
	assert_int_equal(threads(), before);
}

/* Statements of about CREW_AFTER_MS end while threads join. */
static void ends_at_any_moment(void **state)
{
	(void)state;
	struct engine *engine = open_engine();
	run(engine, "CREATE TABLE numbers AS SELECT range AS i FROM range(400000)");
	for (int i = 0; i < 400; i++) {
		char sql[100];
		snprintf(
			sql, sizeof sql, "SELECT sum(hash(i)) FROM numbers WHERE i < %d", i * 1000);
		run(engine, sql);
	}
	engine_close(&engine);
}

/* A client that leaves in the middle of an answer, and an engine that ends with it. */
static void results_are_left(void **state)
{
	(void)state;
	for (int i = 0; i < 20; i++) {
		struct engine *engine = open_engine();
		struct engine_result *result = NULL;
		struct error err;
		size_t rows = 0;
		assert_true(engine_query(
			engine, SLICE("SELECT hash(i) FROM range(3000000) t(i)"), &result, &err));
		for (int k = 0; k < i; k++)
			assert_true(engine_result_next(result, &rows, &err));
		usleep(i % 3 * 1000);
		engine_result_free(&result);
		engine_close(&engine);
	}
}

static void *interrupt_soon(void *arg)
{
	usleep(20000);
	engine_interrupt(arg);
	return NULL;
}

static void interrupts_reach_helped_statements(void **state)
{
	(void)state;
	struct engine *engine = open_engine();
	struct error err;
	pthread_t thread;
	run(engine, "CREATE TABLE numbers AS SELECT range AS i FROM range(1000000)");
	assert_int_equal(pthread_create(&thread, NULL, interrupt_soon, engine), 0);
	assert_false(engine_run(
		engine, SLICE("SELECT sum(hash(i + j)) FROM numbers, range(1000000) t(j)"), &err));
	assert_int_equal(err.state, SQLSTATE_QUERY_CANCELED);
	pthread_join(thread, NULL);
	run(engine, "SELECT sum(hash(i)) FROM numbers");
	engine_close(&engine);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(long_statements_are_helped),
		cmocka_unit_test(one_thread_needs_no_crew),
		cmocka_unit_test(ends_at_any_moment),
		cmocka_unit_test(results_are_left),
		cmocka_unit_test(interrupts_reach_helped_statements),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
