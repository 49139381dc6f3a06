#include "base/testing.h"

#include "base/str.h"
#include "sql/lexer.h"

struct row {
	const char *text;
	const char *tokens; /* kind letter and text, "|" between */
};

static const struct row rows[] = {
	{"", ""},
	{"  -- only\n /* a /* b */ c */ ", ""},
	{"select 1", "w:select|n:1"},
	{"\"a\"\"b\".c", "i:\"a\"\"b\"|p:.|w:c"},
	{"'it''s' E'a\\'b' U&'x' N'n' x'ff'", "s:'it''s'|s:E'a\\'b'|s:U&'x'|s:N'n'|s:x'ff'"},
	{"$$a'b$$ $t$ $$ $t$ $1 $name ?", "s:$$a'b$$|s:$t$ $$ $t$|$:$1|$:$name|$:?"},
	{"1.5e-3 .5 1_000 0xFf 1..2", "n:1.5e-3|n:.5|n:1_000|n:0xFf|n:1|p:.|n:.2"},
	{"a::int b:=1", "w:a|p:::|w:int|w:b|p::=|n:1"},
	{"x=-1", "w:x|o:=|o:-|n:1"},
	{"a<=b--c", "w:a|o:<=|w:b"},
	{"a||b", "w:a|o:|||w:b"},
	{"f(*)", "w:f|p:(|o:*|p:)"},
	{"'open", "e:'open"},
	{"\"open", "e:\"open"},
	{"/* open", "e:/* open"},
	{"$a$ open", "e:$a$ open"},
	{"gr\xc3\xb6\xc3\x9f"
	 "e",
		"w:gr\xc3\xb6\xc3\x9f"
		"e"},
};

static void test_tokens(void **state)
{
	static const char letters[] = "-wisn$ope";

	(void)state;
	for (size_t i = 0; i < array_len(rows); i++) {
		struct arena *arena = arena_new();
		struct str got = str_in(arena);
		struct lexer lexer = lexer_of(slice_from_c(rows[i].text));
		struct token token;

		while ((token = lexer_next(&lexer)).kind != TOKEN_END) {
			str_printf(&got, "%s%c:%.*s", got.len ? "|" : "", letters[token.kind],
				SLICE_FMT(token.text));
			assert_int_equal(token.text.ptr - rows[i].text, token.at);
		}
		assert_string_equal(rows[i].tokens, got.len ? got.ptr : "");
		arena_free(&arena);
	}
}

static const struct {
	const char *text;
	const char *value; /* NULL: none */
} values[] = {
	{"Word", "Word"},
	{"\"a\"\"b\"", "a\"b"},
	{"'it''s'", "it's"},
	{"''", ""},
	{"E'a\\n\\x41\\101\\'b'", "a\nAA'b"},
	{"E'\\u00e4'", "\xc3\xa4"},
	{"E'\\u12'", NULL},
	{"E'\\000'", NULL},
	{"E'\\xff'", NULL},
	{"U&'\\00e4\\+01F600\\\\'", "\xc3\xa4\xf0\x9f\x98\x80\\"},
	{"U&'\\d800'", NULL},
	{"$q$it's$q$", "it's"},
	{"12", NULL},
};

static void test_values(void **state)
{
	struct arena *arena = arena_new();

	(void)state;
	for (size_t i = 0; i < array_len(values); i++) {
		struct lexer lexer = lexer_of(slice_from_c(values[i].text));
		struct slice value = token_value(arena, lexer_next(&lexer));

		if (!values[i].value)
			assert_true(slice_is_none(value));
		else
			assert_true(slice_equal_c(value, values[i].value));
	}
	struct lexer lexer = lexer_of(SLICE("Orders \"Orders\""));

	assert_true(slice_equal_c(token_name(arena, lexer_next(&lexer)), "orders"));
	assert_true(slice_equal_c(token_name(arena, lexer_next(&lexer)), "Orders"));
	arena_free(&arena);
}

static void test_catalogue(void **state)
{
	(void)state;
	assert_true(lexer_mentions_catalogue(SLICE("select * from PG_catalog.pg_class")));
	assert_true(lexer_mentions_catalogue(SLICE("from \"information_schema\".tables")));
	assert_false(lexer_mentions_catalogue(SLICE("select * from sales.orders")));
	assert_false(lexer_mentions_catalogue(SLICE("select my_pg_x")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tokens),
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_catalogue),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
