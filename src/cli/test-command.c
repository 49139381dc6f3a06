#include "base/testing.h"

#include <locale.h>
#include <stdio.h>
#include <stdlib.h>

#include "cli/command.h"
#include "cli/csv.h"
#include "cli/docs.h"
#include "cli/output.h"
#include "cli/sql-text.h"

static void test_lines(void **state)
{
	static const struct {
		const char *argv[8];
		const char *command; /* NULL = refused */
		const char *says;    /* part of the message or the hint */
	} rows[] = {
		{{"get", "products", NULL}, "get", NULL},
		{{"-o", "json", "get", "products", "a", "b", NULL}, "get", NULL},
		{{"get", "products", "-ojson", NULL}, "get", NULL},
		{{"get", "products", "--output=json", NULL}, "get", NULL},
		{{"-qv", "token", "list", NULL}, "token list", NULL},
		{{"token", "revoke", "--", "-x", NULL}, "token revoke", NULL},
		{{"sql", NULL}, "sql", NULL},
		{{"sql", "-", NULL}, "sql", NULL},
		{{"get", NULL}, NULL, "missing argument"},
		{{"explain", "a", "b", NULL}, NULL, "too many arguments: b"},
		{{"get", "products", "-o", "jsno", NULL}, NULL, "cannot be \"jsno\""},
		{{"get", "products", "-o", NULL}, NULL, "needs a value"},
		{{"get", "products", "--quiet=1", NULL}, NULL, "takes no value"},
		{{"get", "products", "--feilds", "x", NULL}, NULL, "did you mean --fields"},
		{{"aply", NULL}, NULL, "did you mean weft apply"},
		{{"ge", "products", NULL}, NULL, "no command \"ge\""},
		{{"token", NULL}, NULL, "no command \"token\""},
		{{"token", "mint", NULL}, NULL, "no command \"token mint\""},
		{{"plan", "-z", NULL}, NULL, "no option"},
	};

	(void)state;
	for (size_t i = 0; i < array_len(rows); i++) {
		scoped(arena_free) struct arena *arena = arena_new();
		struct parsed parsed = {0};
		struct error err = {0};
		bool ok = command_parse_line(arena, rows[i].argv, &parsed, &err);

		assert_int_equal(ok, rows[i].command != NULL);
		if (ok)
			assert_string_equal(parsed.command->name, rows[i].command);
		else
			assert_true(
				strstr(err.msg, rows[i].says) || strstr(err.hint, rows[i].says));
	}
}

static void test_values(void **state)
{
	static const char *const argv[] = {
		"sql", "-c", "select 1", "--param", "a=1", "-pb=2", "-vv", "--no-header", NULL};
	scoped(arena_free) struct arena *arena = arena_new();
	struct parsed parsed = {0};
	struct error err = {0};

	(void)state;
	assert_true(command_parse_line(arena, argv, &parsed, &err));
	assert_string_equal(parsed_value(&parsed, "command"), "select 1");
	assert_int_equal(parsed_count(&parsed, "param"), 2);
	assert_string_equal(parsed_nth(&parsed, "param", 1), "b=2");
	assert_null(parsed_nth(&parsed, "param", 2));
	assert_int_equal(parsed_count(&parsed, "verbose"), 2);
	assert_true(parsed_is_set(&parsed, "no-header"));
	assert_null(parsed_value(&parsed, "purpose"));
}

/* No letter twice within what a command knows, and each option says something. */
static void test_table_is_sound(void **state)
{
	(void)state;
	for (size_t i = 0; i < command_row_count; i++) {
		const struct command_row *row = &command_rows[i];
		bool used[128] = {false};

		assert_true(row->name[0] && row->text);
		for (int own = 0; row->kind == ROW_COMMAND && own < 2; own++) {
			size_t count = 0;
			const struct command_row *options =
				command_options(own ? row : NULL, &count);

			for (size_t o = 0; o < count; o++) {
				assert_true(options[o].text[0]);
				if (!options[o].letter)
					continue;
				assert_false(used[(int)options[o].letter]);
				used[(int)options[o].letter] = true;
			}
		}
	}
}

static bool collect_row(void *ctx, const struct slice *cells, size_t count, struct error *err)
{
	struct str *out = ctx;

	(void)err;
	for (size_t i = 0; i < count; i++) {
		str_add(out, slice_is_none(cells[i]) ? SLICE("~") : cells[i]);
		str_add_char(out, i + 1 < count ? '|' : ';');
	}
	return true;
}

static void test_csv(void **state)
{
	static const char *const rows[][2] = {
		{"a,b\n1,2\n", "a|b;1|2;"},
		{"a\r\n\"x\"\"y\"\r\n", "a;x\"y;"},
		{"\"\",,z\n", "|~|z;"},
		{"\"line\nbreak\",\",\"\n", "line\nbreak|,;"},
		{"last", "last;"},
		{"", ""},
		{"\n", "~;"},
	};

	(void)state;
	for (size_t i = 0; i < array_len(rows); i++)
		for (size_t piece = 1; piece < 8; piece++) {
			scoped(arena_free) struct arena *arena = arena_new();
			struct str out = str_in(arena);
			struct slice rest = slice_from_c(rows[i][0]);
			struct csv_reader reader;
			struct error err;

			csv_init(&reader);
			while (rest.len) {
				assert_true(csv_feed(&reader, slice_sub(rest, 0, piece),
					collect_row, &out, &err));
				rest = slice_sub(rest, piece, rest.len);
			}
			assert_true(csv_end(&reader, collect_row, &out, &err));
			assert_true(slice_equal_c(str_slice(&out), rows[i][1]));
			csv_fini(&reader);
		}
}

static void test_sql_is_complete(void **state)
{
	static const struct {
		const char *text;
		bool complete;
	} rows[] = {
		{"select 1;", true},
		{"select 1", false},
		{"select ';", false},
		{"select ';';", true},
		{"select 1; -- done\n", true},
		{"select 1 -- not ;\n", false},
		{"select /* ; ", false},
		{"select /* /* ; */ */ 1;", true},
		{"select $$ ; $$;", true},
		{"select $$ ; ", false},
		{"select \"a;", false},
		{"select 1; select 'x'", false},
		{"select 'it''s';", true},
		{"", false},
	};

	(void)state;
	for (size_t i = 0; i < array_len(rows); i++)
		assert_int_equal(sql_is_complete(slice_from_c(rows[i].text)), rows[i].complete);
}

static void test_sql_bind(void **state)
{
	static const struct {
		const char *text;
		const char *bound; /* NULL = refused */
		const char *values;
	} rows[] = {
		{"select :r", "select $1", "[\"EU\"]"},
		{"select :r, :n, :r", "select $1, $2, $1",
			"[\"EU\",{\"type\":\"int4\",\"value\":\"5\"}]"},
		{"select $1", "select $1", "[\"one\"]"},
		{"select 'a :r', \":r\" -- :r", "select 'a :r', \":r\" -- :r", "[]"},
		{"select a::r, x[1:n]", "select a::r, x[1:n]", "[]"},
		{"select x[:n]", "select x[$1]", "[{\"type\":\"int4\",\"value\":\"5\"}]"},
		{"select :other", "select :other", "[]"},
		{"select $q$ :r $q$", "select $q$ :r $q$", "[]"},
		{"select '$1'", "select '$1'", "[]"},
		{"select $2", NULL, NULL},
	};
	static struct sql_param items[] = {
		{SLICE("r"), {NULL, 0}, SLICE("EU")},
		{SLICE("n"), SLICE("int4"), SLICE("5")},
		{SLICE("1"), {NULL, 0}, SLICE("one")},
	};
	const struct sql_params params = {items, array_len(items)};

	(void)state;
	for (size_t i = 0; i < array_len(rows); i++) {
		scoped(arena_free) struct arena *arena = arena_new();
		scoped(json_drop) json_t *values = NULL;
		struct slice bound;
		struct error err;
		bool ok =
			sql_bind(arena, slice_from_c(rows[i].text), &params, &bound, &values, &err);

		assert_int_equal(ok, rows[i].bound != NULL);
		if (!ok)
			continue;
		assert_true(slice_equal_c(bound, rows[i].bound));
		assert_true(slice_equal_c(json_print(arena, values), rows[i].values));
	}
}

/* What every format makes of the same two items. */
static void test_formats(void **state)
{
	static const struct output_field fields[] = {{"name", "NAME", FIELD_NAME},
		{"n", "N", FIELD_RIGHT}, {"note", "NOTE", FIELD_WIDE},
		{"error.message", "ERROR", 0}};
	static const struct {
		enum output_format format;
		const char *text;
	} rows[] = {
		{OUTPUT_TABLE, "NAME   N  ERROR\na      1  \nb\u00e4|c  22  bad\n"},
		{OUTPUT_WIDE, "NAME   N  NOTE   ERROR\na      1  x\u00b7y,z  \nb\u00e4|c  22       "
			      "  bad\n"},
		{OUTPUT_CSV, "NAME,N,NOTE,ERROR\na,1,\"x\ty,z\",\nb\u00e4|c,22,,bad\n"},
		{OUTPUT_TSV, "NAME\tN\tNOTE\tERROR\na\t1\tx\\ty,z\t\nb\u00e4|c\t22\t\tbad\n"},
		{OUTPUT_MARKDOWN, "| NAME | N | ERROR |\n|---|---:|---|\n| a | 1 |  |\n| "
				  "b\u00e4\\|c | 22 | bad |\n"},
		{OUTPUT_NAME, "a\nb\u00e4|c\n"},
		{OUTPUT_NDJSON,
			"{\"name\":\"a\",\"n\":1,\"note\":\"x\\ty,z\"}\n"
			"{\"name\":\"b\u00e4|c\",\"n\":22,\"error\":{\"message\":\"bad\"}}\n"},
		{OUTPUT_YAML, "- name: a\n  n: 1\n  note: \"x\\ty,z\"\n"
			      "- name: b\u00e4|c\n  n: 22\n  error:\n    message: bad\n"},
	};

	(void)state;
	for (size_t i = 0; i < array_len(rows); i++) {
		scoped(arena_free) struct arena *arena = arena_new();
		struct error err;
		scoped(json_drop) json_t *items = json_parse(
			SLICE("[{\"name\":\"a\",\"n\":1,\"note\":\"x\\ty,z\"},"
			      "{\"name\":\"b\u00e4|c\",\"n\":22,\"error\":{\"message\":\"bad\"}}]"),
			&err);
		char *text = NULL;
		size_t len = 0;
		struct cli cli = {.arena = arena, .format = rows[i].format, .width = 80};

		cli.out = open_memstream(&text, &len);
		assert_true(output_items(&cli, fields, array_len(fields), items, &err));
		fclose(cli.out);
		assert_string_equal(text, rows[i].text);
		free(text);
	}
}

static void test_help_fits_a_terminal(void **state)
{
	(void)state;
	for (size_t i = 0; i < command_row_count; i++) {
		char *text = NULL;
		size_t len = 0;
		FILE *out = open_memstream(&text, &len);

		if (command_rows[i].kind == ROW_COMMAND)
			docs_help(out, &command_rows[i], SLICE_NONE);
		fclose(out);
		struct slice rest = slice_of(text, len);

		while (rest.len) {
			struct slice line = slice_split(&rest, '\n');

			/* An example stands as it is. */
			if (!slice_starts_with(line, SLICE("  $ ")))
				assert_true(output_width(line) <= 80);
		}
		free(text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_table_is_sound),
		cmocka_unit_test(test_csv),
		cmocka_unit_test(test_sql_is_complete),
		cmocka_unit_test(test_sql_bind),
		cmocka_unit_test(test_formats),
		cmocka_unit_test(test_help_fits_a_terminal),
	};

	/* One thread. NOLINTNEXTLINE(concurrency-mt-unsafe) */
	setlocale(LC_CTYPE, "C.UTF-8");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
