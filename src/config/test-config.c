#include <stdlib.h>
#include <unistd.h>

#include "base/testing.h"
#include "config/config.h"

static void test_defaults(void **state)
{
	struct config *config = config_defaults();

	(void)state;
	assert_int_equal(config->pg_port, 6432);
	assert_int_equal(config->query_memory_bytes, (int64_t)1536 << 20);
	assert_int_equal(config->retention_ms, (int64_t)30 * 86400000);
	assert_string_equal(config->log_level, "info");
	assert_int_equal(config->source_dirs.count, 1);
	assert_true(config->pg_tls_required);
	config_free(&config);
}

static void test_layers(void **state)
{
	static const char *const ENV[] = {"WEFT_PG_PORT=2", "WEFT_HTTP_PORT=3", "PATH=x", NULL};
	static const struct config_flag FLAGS[] = {{"http_port", "4"}};
	struct config_input input = {
		.file_text = SLICE("# a comment\r\n[pg]\nport = 1 # why\naddress = \"*\"\n"
				   "[sources]\ndirs = [ \"a, b\",\n  'c\\d', ]\n"
				   "[query]\ntimeout = \"2min\"\nmemory=\"1GiB\"\n"),
		.envp = ENV,
		.flags = FLAGS,
		.flag_count = 1,
	};
	struct config *config = NULL;
	struct error err;
	scoped(arena_free) struct arena *arena = arena_new();

	(void)state;
	assert_true(config_load(&input, &config, &err));
	assert_int_equal(config->pg_port, 2);
	assert_int_equal(config->origin[PARAM_pg_port], CONFIG_FROM_ENV);
	assert_int_equal(config->http_port, 4);
	assert_int_equal(config->origin[PARAM_http_port], CONFIG_FROM_FLAG);
	assert_string_equal(config->pg_address, "*");
	assert_int_equal(config->file_line[PARAM_pg_address], 4);
	assert_int_equal(config->source_dirs.count, 2);
	assert_string_equal(config->source_dirs.items[0], "a, b");
	assert_string_equal(config->source_dirs.items[1], "c\\d");
	assert_int_equal(config->query_timeout_ms, 120000);
	assert_true(slice_equal_c(config_text(config, PARAM_query_timeout_ms, arena), "\"2min\""));
	assert_true(slice_equal_c(
		config_text(config, PARAM_source_dirs, arena), "[\"a, b\", \"c\\\\d\"]"));

	struct config *defaults = config_defaults();
	const char **names;

	assert_int_equal(config_differences(defaults, config, CONFIG_RESTART, arena, &names), 3);
	assert_string_equal(names[0], "pg.address");
	config_free(&defaults);
	config_free(&config);
}

static void test_bad_files(void **state)
{
	static const struct {
		const char *text;
		const char *message;
		const char *hint;
	} ROWS[] = {
		{"[pg]\nprot = 1\n", "f:2:1: there is no setting \"pg.prot\"",
			"did you mean \"pg.port\"?"},
		{"[pg]\nport = \"1\"\n", "f:2:8: pg.port is written without quotes", ""},
		{"[pg]\nport = 70000\n", "f:2:8: pg.port = 70000 is out of range",
			"allowed is 0..65535"},
		{"[pg]\nport = 1\nport = 2\n",
			"f:3:1: \"pg.port\" stands here twice; first in line 2", ""},
		{"[pg]\nport 1\n", "f:2:6: expected \"=\" after \"port\"", ""},
		{"[pg]\nport =\n", "f:2:7: a value is missing; texts need quotes", ""},
		{"[pg]\nport = 1 2\n", "f:2:10: expected the end of the line", ""},
		{"[pg\n", "f:1:4: expected a section such as [pg]", ""},
		{"[pg]\naddress = \"x\n", "f:2:11: this string has no end", ""},
		{"[pg]\naddress = \"\\q\"\n",
			"f:2:13: unknown escape in a string; write \\\\ for a backslash", ""},
		{"[pg]\naddress = \"\\ud800\"\n", "f:2:18: not a Unicode character", ""},
		{"[pg]\naddress = x\n", "f:2:11: pg.address needs quotes", ""},
		{"[log]\nlevel = \"loud\"\n", "f:2:9: log.level = \"loud\" is not one of its words",
			"allowed is debug|info|warn|error|off"},
		{"[sources]\ndirs = \"x\"\n",
			"f:2:8: sources.dirs takes a list: [\"one\", \"two\"]", ""},
		{"[query]\ntimeout = \"5 parsecs\"\n",
			"f:2:11: query.timeout = \"5 parsecs\" is not a time such as \"500ms\", "
			"\"30s\", \"5min\", \"2h\", \"7d\"",
			"allowed is 0..7d"},
		{"\xff", "f: not UTF-8 text", ""},
		{"=\n", "f:1:1: expected a setting, such as port = 6432", ""},
		{"[query]\nmemory = \"99999999999TiB\"\n",
			"f:2:10: query.memory = \"99999999999TiB\" is not a size such as \"512MB\" "
			"or \"2GiB\"",
			"allowed is 256MiB..1TB"},
	};

	(void)state;
	for (size_t i = 0; i < array_len(ROWS); i++) {
		struct config_input input = {
			.file_name = "f", .file_text = slice_from_c(ROWS[i].text)};
		struct config *config = NULL;
		struct error err;

		assert_false(config_load(&input, &config, &err));
		assert_int_equal(err.state, SQLSTATE_CONFIG_FILE_ERROR);
		assert_string_equal(err.msg, ROWS[i].message);
		assert_string_equal(err.hint, ROWS[i].hint);
	}
}

static void test_bad_flags(void **state)
{
	static const struct config_flag FLAGS[] = {{"pg.ports", "1"}, {"pg.port", "x"}};
	static const char *const ENV[] = {"WEFT_PG_TLS_REQUIRED=maybe", NULL};
	struct config *config = NULL;
	struct error err;

	(void)state;
	for (size_t i = 0; i < array_len(FLAGS); i++) {
		struct config_input input = {.flags = &FLAGS[i], .flag_count = 1};

		assert_false(config_load(&input, &config, &err));
		assert_int_equal(err.state, SQLSTATE_INVALID_PARAMETER_VALUE);
	}
	assert_string_equal(err.msg, "--pg.port: pg.port = \"x\" is not a whole number");
	assert_false(config_load(&(struct config_input){.envp = ENV}, &config, &err));
	assert_string_equal(
		err.msg, "WEFT_PG_TLS_REQUIRED: pg.tls_required = \"maybe\" is not true or false");
}

/* What we print as the commented file must be a file we read, with every line taken in. */
static void test_print(void **state)
{
	scoped(arena_free) struct arena *arena = arena_new();
	struct str file = str_in(arena);
	struct str active = str_in(arena);
	struct str page = str_in(arena);
	struct config *config = NULL;
	struct error err;

	(void)state;
	config_print_file(&file);
	struct slice rest = str_slice(&file);

	while (!slice_is_none(rest)) {
		struct slice line = slice_split(&rest, '\n');
		bool setting = slice_starts_with(line, SLICE("# ")) &&
			       slice_find(line, SLICE(" = "), 0) != SIZE_MAX;

		str_add(&active, setting ? slice_sub(line, 2, line.len) : line);
		str_add_char(&active, '\n');
	}
	assert_true(config_load(
		&(struct config_input){.file_text = str_slice(&active)}, &config, &err));
	for (int i = 0; i < CONFIG_PARAM_COUNT; i++)
		assert_int_equal(config->origin[i], CONFIG_FROM_FILE);
	config_free(&config);
	config_print_reference(&page);
	assert_true(slice_find(str_slice(&page), SLICE("| `pg.port` | number | 0..65535"), 0) !=
		    SIZE_MAX);
}

static void test_file(void **state)
{
	char path[] = "/tmp/weft-test-config-XXXXXX";
	int fd = mkstemp(path);
	struct config *config = NULL;
	struct error err;

	(void)state;
	assert_int_equal(write(fd, "[pg]\nport = 5\n", 14), 14);
	close(fd);
	assert_true(config_load_file(path, &(struct config_input){0}, &config, &err));
	assert_int_equal(config->pg_port, 5);
	config_free(&config);
	unlink(path);
	assert_true(config_load_file(path, &(struct config_input){0}, &config, &err));
	config_free(&config);
	assert_false(config_load_file("/tmp", &(struct config_input){0}, &config, &err));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_layers),
		cmocka_unit_test(test_bad_files),
		cmocka_unit_test(test_bad_flags),
		cmocka_unit_test(test_print),
		cmocka_unit_test(test_file),
	};

	return cmocka_run_group_tests_name("config", tests, NULL, NULL);
}
