#include "base/testing.h"
#include "cli/config-edit.h"

static void test_edit(void **state)
{
	static const struct {
		const char *text;
		const char *name;
		int line;
		const char *value;
		const char *wanted;
	} rows[] = {
		{"", "pg.port", 0, "1", "[pg]\nport = 1\n"},
		{"[http]\nport = 2\n", "pg.port", 0, "1", "[http]\nport = 2\n\n[pg]\nport = 1\n"},
		{"[http]\nport = 2", "pg.port", 0, "1", "[http]\nport = 2\n\n[pg]\nport = 1\n"},
		{"[pg]\n# here\n", "pg.port", 0, "1", "[pg]\nport = 1\n# here\n"},
		{"  [ pg ] # door\nx = 1\n", "pg.port", 0, "1",
			"  [ pg ] # door\nport = 1\nx = 1\n"},
		{"[pg]", "pg.port", 0, "1", "[pg]\nport = 1\n"},
		{"# a\n[pg]\nport = 7 # old\nx = 1\n", "pg.port", 3, "1",
			"# a\n[pg]\nport = 1\nx = 1\n"},
		{"[pg]\nport = 7", "pg.port", 2, "1", "[pg]\nport = 1\n"},
	};
	scoped(arena_free) struct arena *arena = arena_new();

	(void)state;
	for (size_t i = 0; i < array_len(rows); i++) {
		const struct config_change change = {.text = slice_from_c(rows[i].text),
			.name = rows[i].name,
			.line = rows[i].line,
			.value = slice_from_c(rows[i].value)};

		assert_string_equal(arena_cstr(arena, config_edit(arena, &change)), rows[i].wanted);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_edit)};

	return cmocka_run_group_tests_name("config-edit", tests, NULL, NULL);
}
