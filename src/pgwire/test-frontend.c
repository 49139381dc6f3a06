#include "base/testing.h"

#include "pgwire/frontend.h"

static struct arena *arena;

static int set_up(void **state)
{
	(void)state;
	arena = arena_new();
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	arena_free(&arena);
	return 0;
}

static void test_startup(void **state)
{
	struct pg_startup startup;
	struct error err;

	(void)state;
	assert_true(pg_read_startup(arena,
		SLICE("\0\3\0\2user\0alice\0database\0shop\0_pq_.new\0x\0user\0bob\0\0"), &startup,
		&err));
	assert_int_equal(PG_STARTUP_SESSION, startup.kind);
	assert_int_equal(2, startup.minor);
	assert_true(slice_equal_c(pg_startup_param(&startup, "user"), "bob"));
	assert_true(slice_equal_c(pg_startup_param(&startup, "database"), "shop"));
	assert_true(slice_is_none(pg_startup_param(&startup, "options")));
	assert_int_equal(1, startup.unknown_option_count);
	assert_true(pg_read_startup(arena, SLICE("\x04\xd2\x16\x2f"), &startup, &err));
	assert_int_equal(PG_STARTUP_SSL, startup.kind);
	assert_true(pg_read_startup(arena, SLICE("\x04\xd2\x16\x30"), &startup, &err));
	assert_int_equal(PG_STARTUP_GSS, startup.kind);
	assert_true(
		pg_read_startup(arena, SLICE("\x04\xd2\x16\x2e\0\0\1\1\1\2\3\4"), &startup, &err));
	assert_int_equal(PG_STARTUP_CANCEL, startup.kind);
	assert_int_equal(257, startup.cancel_pid);
	assert_int_equal(4, startup.cancel_key.len);
}

struct bad_row {
	struct slice bytes;
	enum sqlstate state;
};

static const struct bad_row bad_startups[] = {
	{{"", 0}, SQLSTATE_FEATURE_NOT_SUPPORTED},
	{{"\0\2\0\0", 4}, SQLSTATE_FEATURE_NOT_SUPPORTED},
	{{"\0\3\0\0", 4}, SQLSTATE_PROTOCOL_VIOLATION},
	{{"\0\3\0\0user", 8}, SQLSTATE_PROTOCOL_VIOLATION},
	{{"\0\3\0\0user\0alice\0", 15}, SQLSTATE_PROTOCOL_VIOLATION},
	{{"\0\3\0\0user\0\xff\0\0", 12}, SQLSTATE_INVALID_ENCODING},
	{{"\0\3\0\0\0\0", 6}, SQLSTATE_PROTOCOL_VIOLATION},
	{{"\x04\xd2\x16\x2f!", 5}, SQLSTATE_PROTOCOL_VIOLATION},
	{{"\x04\xd2\x16\x2e\0\0\0\1", 8}, SQLSTATE_PROTOCOL_VIOLATION},
};

static void test_bad_startups(void **state)
{
	(void)state;
	for (size_t i = 0; i < array_len(bad_startups); i++) {
		struct pg_startup startup;
		struct error err = {0};

		assert_false(pg_read_startup(arena, bad_startups[i].bytes, &startup, &err));
		assert_int_equal(bad_startups[i].state, err.state);
	}
}

static void test_options(void **state)
{
	struct pg_pair *pairs;
	size_t count;
	struct error err;

	(void)state;
	assert_true(pg_read_options(arena,
		SLICE("  -c weft.purpose=fraud\\ check --client-min-messages=warning -cgeqo=off "),
		&pairs, &count, &err));
	assert_int_equal(3, count);
	assert_true(slice_equal_c(pairs[0].name, "weft.purpose"));
	assert_true(slice_equal_c(pairs[0].value, "fraud check"));
	assert_true(slice_equal_c(pairs[1].name, "client_min_messages"));
	assert_true(slice_equal_c(pairs[2].name, "geqo"));
	const char *bad[] = {"-c", "-c x", "x=1", "--=1", "-d 3", "--"};

	for (size_t i = 0; i < array_len(bad); i++) {
		assert_false(pg_read_options(arena, slice_from_c(bad[i]), &pairs, &count, &err));
		assert_int_equal(SQLSTATE_INVALID_PARAMETER_VALUE, err.state);
	}
	assert_true(pg_read_options(arena, SLICE_NONE, &pairs, &count, &err));
	assert_int_equal(0, count);
}

static void test_parse_and_bind(void **state)
{
	struct pg_parse parse;
	struct pg_bind bind;
	struct error err;

	(void)state;
	assert_true(
		pg_read_parse(arena, SLICE("s1\0select $1\0\0\2\0\0\0\x17\0\0\0\0"), &parse, &err));
	assert_true(slice_equal_c(parse.name, "s1"));
	assert_true(slice_equal_c(parse.text, "select $1"));
	assert_int_equal(2, parse.oid_count);
	assert_int_equal(23, parse.oids[0]);
	assert_true(pg_read_bind(arena,
		SLICE("p\0s1\0\0\1\0\1\0\2\0\0\0\2hi\xff\xff\xff\xff\0\1\0\1"), &bind, &err));
	assert_int_equal(1, bind.param_formats[0]);
	assert_true(slice_equal_c(bind.values[0], "hi"));
	assert_true(slice_is_none(bind.values[1]));
	assert_int_equal(1, bind.result_formats[0]);
}

static void test_bad_messages(void **state)
{
	struct pg_parse parse;
	struct pg_bind bind;
	struct pg_target target;
	struct pg_execute execute;
	struct slice text;
	struct error err = {0};
	static const struct slice bad_binds[] = {
		{"", 0},
		{"p\0s1\0\0\1", 7},
		{"p\0s1\0\xff\xff\0\0\0\0", 10},
		{"p\0s1\0\0\0\0\1\0\0\0\x09hi\0\0", 17}, /* a value longer than the message */
		{"p\0s1\0\0\0\0\1\xff\xff\xff\xfe\0\0",
			15},			     /* a negative length that is not NULL */
		{"p\0s1\0\0\2\0\0\0\0\0\0\0\0", 15}, /* two formats, no values */
		{"p\0s1\0\0\0\0\0\0\0!", 12},
	};

	(void)state;
	for (size_t i = 0; i < array_len(bad_binds); i++) {
		assert_false(pg_read_bind(arena, bad_binds[i], &bind, &err));
		assert_int_equal(SQLSTATE_PROTOCOL_VIOLATION, err.state);
	}
	assert_false(
		pg_read_bind(arena, SLICE("p\0s1\0\0\1\0\7\0\0\0\0"), &bind, &err)); /* format 7 */
	assert_int_equal(SQLSTATE_INVALID_PARAMETER_VALUE, err.state);
	assert_false(pg_read_parse(arena, SLICE("s\0select 1\0\xff\xff"), &parse, &err));
	assert_false(pg_read_parse(arena, SLICE("no end"), &parse, &err));
	assert_false(pg_read_target(SLICE("Xname\0"), &target, &err));
	assert_false(pg_read_target(SLICE("S"), &target, &err));
	assert_false(pg_read_execute(SLICE("p\0\0\0"), &execute, &err));
	assert_false(pg_read_query(SLICE("select 1"), &text, &err));
	assert_false(pg_read_query(SLICE("select 1\0x\0"), &text, &err));
	assert_true(pg_read_execute(SLICE("\0\xff\xff\xff\xff"), &execute, &err));
	assert_int_equal(0, execute.max_rows);
}

static void test_sasl(void **state)
{
	struct slice mechanism;
	struct slice response;
	struct error err;

	(void)state;
	assert_true(pg_read_sasl_initial(
		SLICE("SCRAM-SHA-256\0\0\0\0\3n,,"), &mechanism, &response, &err));
	assert_true(slice_equal_c(mechanism, "SCRAM-SHA-256"));
	assert_true(slice_equal_c(response, "n,,"));
	assert_true(
		pg_read_sasl_initial(SLICE("X\0\xff\xff\xff\xff"), &mechanism, &response, &err));
	assert_true(slice_is_none(response));
	assert_false(pg_read_sasl_initial(SLICE("X\0\0\0\0\5ab"), &mechanism, &response, &err));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_startup, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_bad_startups, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_options, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_parse_and_bind, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_bad_messages, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_sasl, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
