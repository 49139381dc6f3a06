/* Verdicts over filters that the pinned DuckDB parsed (tests/corpus/ast/prune.txt). */
#include "base/testing.h"

#include <stdio.h>

#include "base/str.h"
#include "policy/attribute-test.h"
#include "policy/prune.h"
#include "sql/tree.h"

static const char *folder; /* tests/corpus */

/* SLICE wants literals. NOLINTBEGIN(bugprone-macro-parentheses) */
#define COLUMN(n, t, low, high, nulls)                                                             \
	{                                                                                          \
		.name = SLICE(n), .type = SLICE(t), .min = low, .max = high, .null_count = nulls   \
	}

/* NOLINTEND(bugprone-macro-parentheses) */

static const struct file_column columns[] = {
	COLUMN("id", "INTEGER", SLICE("10"), SLICE("20"), 0),
	COLUMN("country", "VARCHAR", SLICE("DE"), SLICE("DE"), 0),
	COLUMN("note", "VARCHAR", SLICE("a"), SLICE("m"), 3),
	COLUMN("amount", "DECIMAL(12,2)", SLICE("1.50"), SLICE("9.75"), 0),
	COLUMN("day", "DATE", SLICE("2026-01-01"), SLICE("2026-01-31"), 0),
	COLUMN("at", "TIMESTAMP", SLICE("2026-01-01 00:00:00"), SLICE("2026-01-31 23:59:59.5"), 0),
	COLUMN("zone", "TIMESTAMP WITH TIME ZONE", SLICE("2026-01-01 02:00:00+02"),
		SLICE("2026-01-31T00:00:00Z"), 0),
	COLUMN("flag", "BOOLEAN", SLICE("true"), SLICE("true"), 0),
	COLUMN("empty", "INTEGER", SLICE_NONE, SLICE_NONE, 100),
	{.name = SLICE("cut"),
		.type = SLICE("VARCHAR"),
		.min = SLICE("aaa"),
		.max = SLICE("bbb"),
		.min_is_cut = true},
	{.name = SLICE("open"),
		.type = SLICE("VARCHAR"),
		.min = SLICE("aaa"),
		.max = SLICE("bbb"),
		.max_is_cut = true},
	COLUMN("unknown", "INTEGER", SLICE_NONE, SLICE_NONE, -1),
	COLUMN("x", "DOUBLE", SLICE("1"), SLICE("2"), 0),
};

static struct slice groups[] = {SLICE("analysts")};
static struct slice countries[] = {SLICE("DE"), SLICE("FR")};
static struct attribute attributes[] = {
	{SLICE("country"), SLICE("string"), countries, 2},
	{SLICE("none"), SLICE("string"), NULL, 0},
};
static const struct principal alice = {.name = SLICE("alice"),
	.groups = groups,
	.group_count = 1,
	.attributes = attributes,
	.attribute_count = array_len(attributes)};

static const char *const verdicts[] = {"none", "all", "mixed"};

static struct slice read_corpus(struct arena *arena)
{
	struct str path = str_in(arena);
	struct str out = str_in(arena);
	char buffer[65536];
	size_t len = 0;

	str_printf(&path, "%s/ast/prune.tsv", folder);
	FILE *file = fopen(path.ptr, "rb");
	assert_non_null(file);
	while ((len = fread(buffer, 1, sizeof buffer, file)) > 0)
		str_add(&out, slice_of(buffer, len));
	fclose(file);
	return str_slice(&out);
}

static struct slice filter_of(struct arena *arena, struct slice ast)
{
	const struct tree *tree = NULL;
	struct error err;

	assert_true(tree_parse(arena, ast, &tree, &err));
	return tree_get(tree_get(tree_get(tree, "statements")->first, "node"), "where_clause")->raw;
}

static void judges_files(void **state)
{
	struct arena *arena = arena_new();
	const struct file_facts file = {columns, array_len(columns), 100};
	const struct file_facts blank = {NULL, 0, -1};
	struct slice rest = read_corpus(arena);
	bool failed = false;

	(void)state;
	while (rest.len > 0) {
		struct slice line = slice_split(&rest, '\n');
		struct slice name = slice_split(&line, '\t');
		struct slice expected = slice_split(&line, '\t');
		slice_split(&line, '\t');
		struct slice filter = filter_of(arena, line);
		enum file_verdict found = policy_file_verdict(arena, filter, &file, &alice);
		if (!slice_equal_c(expected, verdicts[found])) {
			print_error("%.*s: %s\n", SLICE_FMT(name), verdicts[found]);
			failed = true;
		}
		/* Without statistics only what does not look at columns can be known. */
		enum file_verdict unknown = policy_file_verdict(arena, filter, &blank, &alice);
		if (unknown != FILE_MIXED && unknown != found)
			fail_msg("%.*s: another verdict without statistics", SLICE_FMT(name));
	}
	assert_false(failed);
	arena_free(&arena);
}

static bool is_text_column(const void *ctx, struct slice name)
{
	(void)ctx;
	return slice_equal_c(name, "country") || slice_equal_c(name, "note");
}

/* Only a filter that is nothing but = ANY over a text column is written anew. */
static void writes_attribute_filters(void **state)
{
	static const struct {
		const char *name;
		const char *text; /* NULL = as it was */
	} rows[] = {
		{"attribute any", "\"country\" IN ('DE', 'FR')"},
		{"attribute unknown", "false"},
		{"attribute any greater", NULL},
		{"attribute all", NULL},
	};
	struct arena *arena = arena_new();
	struct slice rest = read_corpus(arena);
	size_t seen = 0;

	(void)state;
	while (rest.len > 0) {
		struct slice line = slice_split(&rest, '\n');
		struct slice name = slice_split(&line, '\t');
		for (int i = 0; i < 2; i++)
			slice_split(&line, '\t');
		struct slice text = attribute_filter_text(arena, SLICE("as it was"),
			filter_of(arena, line), &alice, is_text_column, NULL);
		for (size_t i = 0; i < array_len(rows); i++) {
			if (!slice_equal_c(name, rows[i].name))
				continue;
			seen++;
			if (!slice_equal_c(text, rows[i].text ? rows[i].text : "as it was"))
				fail_msg("%.*s: %.*s", SLICE_FMT(name), SLICE_FMT(text));
		}
	}
	assert_int_equal(seen, array_len(rows));
	assert_true(slice_equal_c(
		attribute_filter_text(arena, SLICE("x"), SLICE_NONE, &alice, is_text_column, NULL),
		"x"));
	arena_free(&arena);
}

static void refuses_nonsense(void **state)
{
	/* NOLINTBEGIN(bugprone-suspicious-missing-comma) */
	static const char *const texts[] = {"", "null", "[]", "{}", "{\"class\":\"COMPARISON\"}",
		"{\"class\":\"CONJUNCTION\"}",
		"{\"class\":\"OPERATOR\",\"type\":\"COMPARE_IN\",\"children\":[]}",
		"{\"class\":\"OPERATOR\",\"type\":\"OPERATOR_NOT\"}", "{\"class\":\"BETWEEN\"}",
		"{\"class\":\"FUNCTION\"}", "{\"class\":\"SUBQUERY\"}", "{\"class\":\"CONSTANT\"}",
		"{\"class\":\"CAST\"}",
		"{\"class\":\"COMPARISON\",\"type\":\"COMPARE_EQUAL\",\"left\":{\"class\":\"COLUMN_"
		"REF\",\"column_names\":[]},\"right\":null}"};
	/* NOLINTEND(bugprone-suspicious-missing-comma) */
	struct arena *arena = arena_new();
	const struct file_facts file = {columns, array_len(columns), 100};

	(void)state;
	for (size_t i = 0; i < array_len(texts); i++)
		assert_int_equal(policy_file_verdict(arena, slice_from_c(texts[i]), &file, &alice),
			FILE_MIXED);
	assert_int_equal(policy_file_verdict(arena, SLICE_NONE, &file, &alice), FILE_MIXED);
	arena_free(&arena);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(judges_files),
		cmocka_unit_test(writes_attribute_filters),
		cmocka_unit_test(refuses_nonsense),
	};

	folder = argc > 1 ? argv[1] : "tests/corpus";
	return cmocka_run_group_tests(tests, NULL, NULL);
}
