/*
 * What the text says about the types of its parameters, for where the engine cannot tell: it knows
 * no "unknown" that takes the other operand's type, and forgets the type of a parameter that is
 * cast twice.
 */
#include "base/num.h"
#include "base/str.h"
#include "sql/lexer.h"
#include "worker/rewrite.h"

enum { PARAMS_MAX = 65535 };

static size_t end_of(struct token token)
{
	return token.at + token.text.len;
}

static bool number_of(struct token token, uint64_t *out)
{
	return token.kind == TOKEN_PARAM &&
	       slice_to_u64(slice_sub(token.text, 1, token.text.len), out) && *out > 0 &&
	       *out <= PARAMS_MAX;
}

struct slice rewrite_params(
	struct arena *arena, struct slice text, const struct rewrite_types *types)
{
	struct str made = str_in(arena);
	struct lexer lexer = lexer_of(text);
	size_t done = 0;

	for (struct token t = lexer_next(&lexer); t.kind != TOKEN_END && t.kind != TOKEN_ERROR;
		t = lexer_next(&lexer)) {
		uint64_t number = 0;

		if (!number_of(t, &number))
			continue;
		struct slice type =
			number <= types->count ? types->names[number - 1] : SLICE("VARCHAR");

		if (slice_is_none(type))
			continue;
		str_add(&made, slice_sub(text, done, t.at));
		str_printf(&made,
			types->as_columns ? "(SELECT CAST(%.*s AS %.*s))" : "CAST(%.*s AS %.*s)",
			SLICE_FMT(t.text), SLICE_FMT(type));
		done = end_of(t);
	}
	str_add(&made, slice_sub(text, done, text.len));
	return str_slice(&made);
}

/* A type's words, its (length) and [] behind them; the lexer stands before the first word. */
static struct slice read_type(struct lexer lexer)
{
	static const char *const second[] = {
		"precision", "varying", "with", "without", "time", "zone"};
	struct token token = lexer_next(&lexer);
	size_t from = token.at;
	size_t to = end_of(token);
	bool goes_on = token.kind == TOKEN_WORD;

	if (!goes_on)
		return SLICE_NONE;
	while (goes_on) {
		struct token next = lexer_peek(&lexer);

		goes_on = next.kind == TOKEN_NUMBER || token_is_punct(next, '(') ||
			  token_is_punct(next, '[') || token_is_punct(next, ']') ||
			  token_is_punct(next, ',');
		for (size_t i = 0; i < array_len(second); i++)
			goes_on |= token_is_word(next, second[i]);
		/* a comma or bracket may belong to what is around the cast */
		if (token_is_punct(next, ',') || token_is_punct(next, ')'))
			goes_on = false;
		if (token_is_punct(next, '(')) {
			size_t close = slice_find(lexer.text, SLICE(")"), next.at);

			if (close == SIZE_MAX)
				return SLICE_NONE;
			lexer.at = to = close + 1;
		} else if (goes_on) {
			to = end_of(lexer_next(&lexer));
		}
	}
	return slice_sub(lexer.text, from, to);
}

static bool is_name(struct token token)
{
	return token.kind == TOKEN_WORD || token.kind == TOKEN_IDENT;
}

static bool is_arithmetic(struct token token)
{
	return token.kind == TOKEN_OPERATOR && token.text.len == 1 &&
	       slice_find(SLICE("+-*/%"), token.text, 0) != SIZE_MAX;
}

static enum rewrite_use use_of_number(struct token number)
{
	static const char *const marks[] = {".", "e", "E"};

	for (size_t i = 0; i < array_len(marks); i++)
		if (slice_find(number.text, slice_from_c(marks[i]), 0) != SIZE_MAX)
			return REWRITE_FRACTION;
	return REWRITE_INTEGER;
}

static bool is_quantifier(struct token token)
{
	return token_is_word(token, "any") || token_is_word(token, "some") ||
	       token_is_word(token, "all");
}

/* before: the two tokens in front of the parameter, the nearer one first. */
static void judge(struct lexer after, const struct token *before, struct rewrite_param *out)
{
	struct token next = lexer_next(&after);

	bool in_cast = token_is_word(next, "as") && token_is_punct(before[0], '(') &&
		       token_is_word(before[1], "cast");

	if (in_cast || slice_equal_c(next.text, "::")) {
		out->written = read_type(after);
	} else if (token_is_punct(next, ')') && token_is_punct(before[0], '(') &&
		   is_quantifier(before[1])) {
		out->use = REWRITE_LIST;
	} else if (is_arithmetic(before[0]) && before[1].kind == TOKEN_NUMBER) {
		out->use = use_of_number(before[1]);
	} else if (is_arithmetic(before[0]) && is_name(before[1])) {
		out->beside = before[1].text;
	} else if (is_arithmetic(next)) {
		struct token operand = lexer_next(&after);

		if (operand.kind == TOKEN_NUMBER)
			out->use = use_of_number(operand);
		while (token_is_punct(lexer_peek(&after), '.')) {
			lexer_next(&after);
			operand = lexer_next(&after);
		}
		if (is_name(operand))
			out->beside = operand.text;
	}
}

struct rewrite_param *rewrite_param_uses(struct arena *arena, struct slice text, size_t *count_out)
{
	struct rewrite_param *uses = NULL;
	struct lexer lexer = lexer_of(text);
	struct token before[2] = {0};
	size_t room = 0;
	size_t count = 0;

	for (struct token t = lexer_next(&lexer); t.kind != TOKEN_END && t.kind != TOKEN_ERROR;
		t = lexer_next(&lexer)) {
		uint64_t number;

		if (number_of(t, &number)) {
			if (number > room) {
				size_t more = max_of((size_t)number, room * 2);
				uses = arena_grow(
					arena, uses, room * sizeof *uses, more * sizeof *uses);
				room = more;
			}
			count = max_of(count, (size_t)number);
			if (slice_is_none(uses[number - 1].written))
				judge(lexer, before, &uses[number - 1]);
		}
		before[1] = before[0];
		before[0] = t;
	}
	*count_out = count;
	return uses;
}

struct slice rewrite_lists_as_elements(struct arena *arena, struct slice text)
{
	char *made = arena_cstr(arena, text);
	struct lexer lexer = lexer_of(text);

	for (struct token t = lexer_next(&lexer); t.kind != TOKEN_END && t.kind != TOKEN_ERROR;
		t = lexer_next(&lexer)) {
		struct lexer ahead = lexer;

		if (is_quantifier(t) && token_is_punct(lexer_next(&ahead), '(') &&
			lexer_next(&ahead).kind == TOKEN_PARAM)
			memset(made + t.at, ' ', t.text.len);
	}
	return slice_of(made, text.len);
}
