/* The JSON reader of the gate: RFC 8259 and nothing else, within limits. */
#include "base/testing.h"

#include "base/str.h"
#include "sql/tree.h"

static void reads(void **state)
{
	struct arena *arena = arena_new();
	const struct tree *tree = NULL;
	struct error err;

	(void)state;
	assert_true(tree_parse(arena,
		SLICE(" {\"a\" : [1, -2.5e+3, 18446744073709551615], \"b\":{\"c\":null}, "
		      "\"d\":true} \n"),
		&tree, &err));
	assert_int_equal(tree->count, 3);
	assert_true(slice_equal_c(tree_get(tree, "a")->first->next->text, "-2.5e+3"));
	assert_true(slice_equal_c(tree_get(tree, "a")->raw, "[1, -2.5e+3, 18446744073709551615]"));
	assert_int_equal(tree_get(tree_get(tree, "b"), "c")->kind, TREE_NULL);
	assert_true(tree_is_true(tree_get(tree, "d")));
	assert_false(tree_is_true(NULL));
	assert_null(tree_get(tree, "e"));
	assert_null(tree_get(NULL, "e"));
	assert_null(tree_get(tree_get(tree, "a"), "e"));
	assert_true(slice_is_none(tree_text(tree, "a")));
	assert_true(tree_parse(arena,
		SLICE("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e4\\u20AC\\ud83d\\ude00x\""), &tree, &err));
	assert_true(
		slice_equal_c(tree->text, "\"\\/\b\f\n\r\t\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80x"));
	assert_true(tree_parse(arena, SLICE("[]"), &tree, &err));
	assert_true(tree_parse(arena, SLICE("{ }"), &tree, &err));
	assert_true(tree_is_empty_text(tree, "x"));
	arena_free(&arena);
}

static void refuses(void **state)
{
	static const struct slice texts[] = {SLICE(""), SLICE(" "), SLICE("nul"), SLICE("nulll"),
		SLICE("tru"), SLICE("fals"), SLICE("01x"), SLICE("-"), SLICE("1."), SLICE("1e"),
		SLICE("1e+"), SLICE("+1"), SLICE(".5"), SLICE("Infinity"), SLICE("-Infinity"),
		SLICE("NaN"), SLICE("\""), SLICE("\"\\"), SLICE("\"\\x\""), SLICE("\"\\u12\""),
		SLICE("\"\\u12g4\""), SLICE("\"\\ud800\""), SLICE("\"\\ud800x\""),
		SLICE("\"\\ud800\\n\""), SLICE("\"\\ud800\\u0041\""), SLICE("\"\\udc00\""),
		SLICE("\"\\u0000\""), SLICE("\"\n\""), SLICE("\"\0\""), SLICE("\"\xff\""),
		SLICE("[1"), SLICE("[1,"), SLICE("[1,]"), SLICE("[1 2]"), SLICE("[,]"),
		SLICE("{\"a\"}"), SLICE("{\"a\":}"), SLICE("{a:1}"), SLICE("{\"a\":1,}"),
		SLICE("{\"a\":1 \"b\":2}"), SLICE("{\"a\":1,\"a\":2}"),
		SLICE("{\"a\":1,\"\\u0061\":2}"), SLICE("1 2"), SLICE("{} x"),
		SLICE("{\"a\\u0000\":1}")};
	struct arena *arena = arena_new();

	(void)state;
	for (size_t i = 0; i < array_len(texts); i++) {
		const struct tree *tree = NULL;
		struct error err;
		if (tree_parse(arena, texts[i], &tree, &err))
			fail_msg("%.*s", SLICE_FMT(texts[i]));
		assert_int_equal(err.state, SQLSTATE_INTERNAL_ERROR);
	}
	arena_free(&arena);
}

static void repeated(struct arena *arena, const char *text, size_t times, bool ok)
{
	struct str out = str_in(arena);
	const struct tree *tree = NULL;
	struct error err;

	str_add_char(&out, '[');
	for (size_t i = 0; i < times; i++)
		str_add_c(&out, text);
	str_add_c(&out, "1]");
	assert_int_equal(tree_parse(arena, str_slice(&out), &tree, &err), ok);
	if (!ok)
		assert_int_equal(err.state, SQLSTATE_STATEMENT_TOO_COMPLEX);
}

static void keeps_limits(void **state)
{
	struct arena *arena = arena_new();
	struct str keys = str_in(arena);
	const struct tree *tree = NULL;
	struct error err;

	(void)state;
	repeated(arena, "[", 5000, false);
	repeated(arena, "1,", 1400000, true);
	repeated(arena, "1,", 1600000, false);
	repeated(arena, "\"1234567890123456789012345678901234567890\",", 800000, false);
	for (int i = 0; i < 65; i++)
		str_printf(&keys, "%s\"k%d\":1", i ? "," : "{", i);
	str_add_char(&keys, '}');
	assert_false(tree_parse(arena, str_slice(&keys), &tree, &err));
	arena_free(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads),
		cmocka_unit_test(refuses),
		cmocka_unit_test(keeps_limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
